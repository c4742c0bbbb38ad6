package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/seal from this implementation")

const vectorsDir = "../../testdata/seal"

// hexed is bytes that read well in JSON.
type hexed []byte

func (h hexed) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }
func (h *hexed) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// The vectors. js/test/unit/seal-vectors.test.ts reads the same files and must make the same bytes.
type (
	// documentVector is a document with one session. WebCrypto writes it without the session's seed, which it never
	// gives away, and without the derived keys.
	documentVector struct {
		Owner       hexed            `json:"owner"`
		Write       hexed            `json:"write"`
		Read        hexed            `json:"read"`
		Genesis     hexed            `json:"genesis"`
		Doc         string           `json:"doc"`
		Content     hexed            `json:"content,omitempty"` // K_doc
		SessionSeed hexed            `json:"sessionSeed,omitempty"`
		Session     string           `json:"session"`
		Certificate hexed            `json:"certificate"`
		UpdateKey   hexed            `json:"updateKey,omitempty"` // of that session
		SnapshotKey hexed            `json:"snapshotKey,omitempty"`
		Envelopes   []envelopeVector `json:"envelopes"`
		// Loose are a pack of some of them and presence: signed one by one.
		Loose []envelopeVector `json:"loose,omitempty"`
	}
	envelopeVector struct {
		Kind  Kind   `json:"kind"`
		Seq   uint32 `json:"seq"`
		Prev  hexed  `json:"prev"`
		Salt  hexed  `json:"salt"`
		Clear hexed  `json:"clear,omitempty"`
		Plain hexed  `json:"plain"`
		Bytes hexed  `json:"bytes"`
		Hash  hexed  `json:"hash"`
	}
	linkVector struct {
		Text   string `json:"text"`
		Doc    string `json:"doc,omitempty"`
		Rights string `json:"rights,omitempty"`
		Secret hexed  `json:"secret,omitempty"`
		Relay  string `json:"relay,omitempty"`
		Refuse string `json:"refuse,omitempty"` // why, for text that is no link
	}
	depVector struct {
		Session string `json:"session"`
		Seq     uint32 `json:"seq"`
		Hash    hexed  `json:"hash"`
	}
	payloadVectors struct {
		Updates   []updateVector   `json:"updates"`
		Snapshots []snapshotVector `json:"snapshots"`
		Refuse    []refusedPayload `json:"refuse"`
	}
	updateVector struct {
		Deps   []depVector `json:"deps"`
		Update hexed       `json:"update"`
		Bytes  hexed       `json:"bytes"`
	}
	snapshotVector struct {
		Parent hexed       `json:"parent"`
		Covers []depVector `json:"covers"`
		Digest hexed       `json:"digest"`
		File   hexed       `json:"file"`
		Bytes  hexed       `json:"bytes"`
	}
	refusedPayload struct {
		Why   string `json:"why"`
		Kind  Kind   `json:"kind"`
		Bytes hexed  `json:"bytes"`
		Newer bool   `json:"newer"` // ErrUnsupported instead of ErrCorrupt
	}
	chainVector struct {
		Read        hexed       `json:"read"`
		Genesis     hexed       `json:"genesis"`
		Doc         string      `json:"doc"`
		Certificate hexed       `json:"certificate"`
		Cases       []chainCase `json:"cases"`
		// Envelopes that decrypt, whatever they are padded with.
		Contents []contentCase `json:"contents"`
	}
	contentCase struct {
		Name   string `json:"name"`
		Bytes  hexed  `json:"bytes"`
		Accept bool   `json:"accept"`
	}
	genesisVector struct {
		Why     string `json:"why"`
		Rights  string `json:"rights"`
		Secret  hexed  `json:"secret"`
		Genesis hexed  `json:"genesis"`
		Doc     string `json:"doc"`
		Refuse  string `json:"refuse"` // "wrong key", "corrupt" or nothing
	}
	chainCase struct {
		Name     string  `json:"name"`
		AfterSeq uint32  `json:"afterSeq"`
		After    hexed   `json:"after,omitempty"` // hash of the head; none: nothing is known
		Run      []hexed `json:"run"`
		Accept   bool    `json:"accept"`
	}
	paddingVector struct {
		Content int `json:"content"`
		Padded  int `json:"padded"`
	}
	weakVector struct {
		Why       string `json:"why"`
		Key       hexed  `json:"key"`
		Message   hexed  `json:"message"`
		Signature hexed  `json:"signature"`
	}
)

func TestVectors(t *testing.T) {
	d := newDocument(t, 7)
	chains := chainVectors(t, d) // before the session moves on
	for name, made := range map[string]any{
		"document.json": documentVectors(t, d),
		"links.json":    linkVectors(d),
		"payloads.json": allPayloadVectors(),
		"padding.json":  paddingVectors(),
		"weakkeys.json": weakVectors(),
		"chains.json":   chains,
		"genesis.json":  genesisVectors(d),
		"kinds.json":    allKindVectors(t),
		"forks.json":    allForkVectors(t),
		"updates.json":  allUpdateVectors(t),
	} {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetIndent("", "  ")
		must(t, encoder.Encode(made))
		path := filepath.Join(vectorsDir, name)
		if *update {
			must(t, os.MkdirAll(vectorsDir, 0o755))
			must(t, os.WriteFile(path, out.Bytes(), 0o644))
		}
		want, err := os.ReadFile(path)
		must(t, err)
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s differs: sealing changed for documents that exist. If that is meant, go test -run TestVectors -update", name)
		}
	}
}

func documentVectors(t *testing.T, d *document) documentVector {
	v := d.vector()
	v.Content = d.keys[Read].content
	v.UpdateKey = derive(v.Content, d.session.cert.session[:], "freehold/1 update", keySize)
	v.SnapshotKey = derive(v.Content, d.session.cert.session[:], "freehold/1 snapshot", keySize)
	for i, content := range []struct {
		kind  Kind
		plain string
	}{
		{Update, ""},
		{Update, "five!"},
		{Update, "\x80\x00\x00"},          // looks like padding
		{Update, strings.Repeat("a", 31)}, // fills the floor with its marker
		{Update, strings.Repeat("b", 32)}, // one more
		{Snapshot, strings.Repeat("page ", 1000)},
		{Update, "after the snapshot"},
	} {
		salt := [4]byte{0xf0, byte(i), 0x0f, byte(i)}
		v.Envelopes = append(v.Envelopes, d.sealVector(t, content.kind, salt, []byte(content.plain)))
	}
	return v
}

// vector describes the document, without envelopes yet.
func (d *document) vector() documentVector {
	return documentVector{
		Owner:       d.secrets[Owner][:],
		Write:       d.secrets[Write][:],
		Read:        d.secrets[Read][:],
		Genesis:     d.genesis.Bytes(),
		Doc:         d.genesis.Doc().String(),
		SessionSeed: d.session.key.Seed(),
		Session:     d.session.cert.Session().String(),
		Certificate: d.session.cert.Bytes(),
	}
}

// sealVector seals the session's next envelope with a given salt.
func (d *document) sealVector(t *testing.T, kind Kind, salt [4]byte, plain []byte, clear ...byte) envelopeVector {
	t.Helper()
	s := d.session
	v := d.looseVector(t, kind, uint32(s.next), s.prev, salt, plain, clear)
	s.next, s.prev = s.next+1, Hash(v.Hash)
	return v
}

// looseVector seals an envelope outside the session's chain.
func (d *document) looseVector(t *testing.T, kind Kind, seq uint32, prev Hash, salt [4]byte, plain, clear []byte) envelopeVector {
	t.Helper()
	b, err := d.session.seal(kind, seq, prev, salt, clear, plain)
	must(t, err)
	hash := Envelope{Header: Header{Kind: kind}, raw: b}.Hash()
	return envelopeVector{kind, seq, prev[:], salt[:], clear, plain, b, hash[:]}
}
