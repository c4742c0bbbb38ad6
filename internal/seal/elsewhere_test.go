package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"
)

// A stand-in is judged as the envelope whose place it takes; without a program that knows it, it is none.
func TestStandIns(t *testing.T) {
	d := newDocument(t, 7)
	run := d.seal(t, "one", string(make([]byte, 5000)), "three")
	large := run[1]
	end := len(large) - ed25519.SignatureSize
	digest := Digest{Ciphertext: sha256.Sum256(large[HeaderSize:end]), Signature: [ed25519.SignatureSize]byte(large[end:]), Envelope: sha256.Sum256(large)}
	standIn := append(bytes.Clone(large[:HeaderSize]), make([]byte, 112)...)

	if _, err := ParseEnvelope(standIn); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("a stand-in where nobody makes any: %v", err)
	}
	known := &digest
	Elsewhere = func(b []byte) *Digest {
		if bytes.Equal(b, standIn) {
			return known
		}
		return nil
	}
	defer func() { Elsewhere = nil }()
	e, err := ParseEnvelope(standIn)
	must(t, err)
	whole, err := ParseEnvelope(large)
	must(t, err)
	if e.Hash() != whole.Hash() || e.Length() != uint64(len(large)) || e.Header != whole.Header || !bytes.Equal(e.Bytes(), standIn) {
		t.Fatalf("%+v", e)
	}
	must(t, d.verify(nil, run[0], standIn, run[2]))
	must(t, d.verify(nil, run[0], standIn))
	for name, wrong := range map[string]Digest{
		"another ciphertext": {Ciphertext: Hash{1}, Signature: digest.Signature, Envelope: digest.Envelope},
		"another signature":  {Ciphertext: digest.Ciphertext, Envelope: digest.Envelope},
	} {
		known = &wrong
		if err := d.verify(nil, run[0], standIn); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := digest
	wrong.Envelope[0] ^= 1
	known = &wrong
	if err := d.verify(nil, run[0], standIn, run[2]); !errors.Is(err, ErrChain) {
		t.Errorf("another envelope: %v", err)
	}
	other := bytes.Clone(standIn)
	other[HeaderSize]++
	if _, err := ParseEnvelope(other); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a stand-in that nobody made: %v", err)
	}
}
