package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
)

// admissionText is the admission below under the key of 32 bytes of 7: who writes the format anew must get the same.
const admissionText = "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAcT-zAALak3qlhoEUbTJsaN6NfDBB23A88hk787z0X5BxrjRWzCnBLGIA0A0-0tRi3wywWpYjHt68x3DL_FFBm6YB9bsF"

func TestAdmission(t *testing.T) {
	operator := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public, ok := operator.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("no key")
	}
	want := seal.Admission{Doc: seal.DocID{1, 2, 3}, Expiry: 1_900_000_000, Class: 2}
	text := want.Text(operator)
	if text != admissionText {
		t.Fatalf("%s", text)
	}
	if got, err := seal.ParseAdmission(text, public); err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] ^= 1
		if _, err := seal.ParseAdmission(base64.RawURLEncoding.EncodeToString(b), public); !errors.Is(err, seal.ErrSignature) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		b[i] ^= 1
	}
	other, ok := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)).Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("no key")
	}
	if _, err := seal.ParseAdmission(text, other); !errors.Is(err, seal.ErrSignature) {
		t.Fatalf("another operator: %v", err)
	}
	for _, wrong := range []string{"", text[1:], text + "AA", "!" + text[1:]} {
		if _, err := seal.ParseAdmission(wrong, public); !errors.Is(err, seal.ErrCorrupt) {
			t.Fatalf("%q: %v", wrong, err)
		}
	}
	if key, err := seal.ParseKey(seal.KeyText(public)); err != nil || !key.Equal(public) {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "AA", seal.KeyText(make([]byte, 32))} {
		if _, err := seal.ParseKey(wrong); !errors.Is(err, seal.ErrCorrupt) {
			t.Fatalf("%q: %v", wrong, err)
		}
	}
}

func TestRootOfALink(t *testing.T) {
	secret, genesis, err := seal.Create(bytes.NewReader(bytes.Repeat([]byte{5}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	link := seal.Link{Doc: genesis.Doc(), Rights: seal.Owner, Secret: secret}
	if root, err := seal.RootOf(link); err != nil || !root.Equal(genesis.Root()) {
		t.Fatal(err)
	}
	link.Rights = seal.Write
	if _, err := seal.RootOf(link); !errors.Is(err, seal.ErrRights) {
		t.Fatal(err)
	}
}
