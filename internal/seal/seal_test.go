package seal

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestSealVerifyOpen(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	owner, genesis, err := Create(random)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := Unlock(genesis, Owner, owner)
	if err != nil {
		t.Fatal(err)
	}
	session, err := keys.NewSession(random)
	if err != nil {
		t.Fatal(err)
	}
	var run []Envelope
	for _, text := range []string{"", "hello", "a longer line that needs more than the floor of thirty-two bytes"} {
		b, err := session.Seal(Update, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := keys.Open(b)
		if err != nil || !bytes.Equal(plain, []byte(text)) {
			t.Fatalf("opened %q, %v; sealed %q", plain, err, text)
		}
		e, err := ParseEnvelope(b)
		if err != nil {
			t.Fatal(err)
		}
		run = append(run, e)
	}
	if _, err := session.Certificate().VerifyRun(nil, run); err != nil {
		t.Fatal(err)
	}
	link := Link{genesis.Doc(), Owner, owner, "relay.example:8443"}
	if got, err := ParseLink("https://app.example/#" + link.String()); err != nil || got != link {
		t.Fatalf("parsed %+v, %v", got, err)
	}
}
