package seal

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"
)

var seedFlag = flag.Uint64("seed", 1, "seed of the tests that draw random input")

// source is seeded randomness: the same seed gives the same keys, salts and content.
func source(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// seeded is source with the -seed flag, printed so that a failure can be repeated.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	t.Logf("repeat with -seed=%d", *seedFlag)
	return rand.New(source(*seedFlag))
}

// document is a document with keys of every right and one session.
type document struct {
	genesis *Genesis
	secrets [Owner + 1]Secret
	keys    [Owner + 1]*Keys
	session *Session
}

func newDocument(t testing.TB, seed uint64) *document {
	t.Helper()
	random := source(seed)
	owner, genesis, err := Create(random)
	must(t, err)
	d := &document{genesis: genesis}
	for rights := Read; rights <= Owner; rights++ {
		d.secrets[rights], err = Attenuate(owner, Owner, rights)
		must(t, err)
		d.keys[rights], err = Unlock(genesis, rights, d.secrets[rights])
		must(t, err)
	}
	d.session, err = d.keys[Write].NewSession(random)
	must(t, err)
	return d
}

// seal continues the document's session with one update per text.
func (d *document) seal(t testing.TB, texts ...string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, text := range texts {
		b, err := d.session.Seal(Update, []byte(text))
		must(t, err)
		out = append(out, b)
	}
	return out
}

// verify is what a relay does with received bytes.
func (d *document) verify(head *Head, raw ...[]byte) error {
	return verifyRaw(d.session.cert, head, raw...)
}

func verifyRaw(cert *Certificate, head *Head, raw ...[]byte) error {
	var run []Envelope
	for _, b := range raw {
		e, err := ParseEnvelope(b)
		if err != nil {
			return err
		}
		run = append(run, e)
	}
	_, err := cert.VerifyRun(head, run)
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
