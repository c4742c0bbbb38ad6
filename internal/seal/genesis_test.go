package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
)

// genesisVectors are documents whose creator lied in the genesis. The id and the commitment fit all the same: the
// creator knows the secrets.
func genesisVectors(d *document) []genesisVector {
	other := hexed(publicKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, ed25519.SeedSize))))
	one := hexed(smallOrder[0][:])
	var out []genesisVector
	for _, c := range []struct {
		why    string
		rights Rights
		at     int
		key    []byte
		refuse string
	}{
		{"honest", Owner, 1, d.genesis.rootKey(), ""},
		{"another write key", Write, 33, other, "wrong key"},
		{"another write key, which a reader cannot know", Read, 33, other, ""},
		{"another root key", Owner, 1, other, "wrong key"},
		{"another root key, which a writer cannot know", Write, 1, other, ""},
		{"weak root key", Read, 1, one, "corrupt"},
		{"weak write key", Read, 33, one, "corrupt"},
		{"weak fetch key", Read, 65, one, "corrupt"},
	} {
		b := d.genesis.Bytes()
		copy(b[c.at:], c.key)
		copy(b[committed:], commitment(d.secrets[Read], b))
		sum := sha256.Sum256(b)
		doc := DocID(sum[:len(DocID{})])
		out = append(out, genesisVector{c.why, c.rights.String(), slices.Clone(d.secrets[c.rights][:]), b, doc.String(), c.refuse})
	}
	return out
}

func TestLyingGenesis(t *testing.T) {
	rights := map[string]Rights{"read": Read, "write": Write, "owner": Owner}
	want := map[string]error{"": nil, "wrong key": ErrWrongKey, "corrupt": ErrCorrupt}
	for _, v := range genesisVectors(newDocument(t, 7)) {
		doc, err := ParseDocID(v.Doc)
		must(t, err)
		genesis, err := ParseGenesisOf(doc, v.Genesis)
		if err == nil {
			_, err = Unlock(genesis, rights[v.Rights], Secret(v.Secret))
		}
		if !errors.Is(err, want[v.Refuse]) {
			t.Errorf("%s: %v", v.Why, err)
		}
	}
}

func TestCertificateOfAWeakKeyIsRefused(t *testing.T) {
	d := newDocument(t, 7)
	weak := smallOrder[0][:]
	signed := ed25519.Sign(d.keys[Write].write, certificateMessage(d.genesis.hash, weak))
	if _, err := d.genesis.VerifyCertificate(slices.Concat(weak, signed)); !errors.Is(err, ErrSignature) {
		t.Errorf("%v", err)
	}
}

func TestDocIDText(t *testing.T) {
	doc := newDocument(t, 7).genesis.Doc()
	text := doc.String()
	if got, err := ParseDocID(text); err != nil || got != doc || len(text) != 32 {
		t.Errorf("%s comes back as %s, %v", text, got, err)
	}
	for _, bad := range []string{"", text[1:], text + "a", text[:31] + "=", text[:31] + "1", strings.ToUpper(text), text[:16] + "\n" + text[16:], text[:31] + "\n"} {
		if _, err := ParseDocID(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
