package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
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
	}
	envelopeVector struct {
		Kind  Kind   `json:"kind"`
		Seq   uint32 `json:"seq"`
		Prev  hexed  `json:"prev"`
		Salt  hexed  `json:"salt"`
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
func (d *document) sealVector(t *testing.T, kind Kind, salt [4]byte, plain []byte) envelopeVector {
	t.Helper()
	s := d.session
	prev, seq := s.prev, uint32(s.next)
	b, err := s.seal(kind, seq, prev, salt, plain)
	must(t, err)
	s.next, s.prev = s.next+1, Envelope{raw: b}.Hash()
	return envelopeVector{kind, seq, prev[:], salt[:], plain, b, bytes.Clone(s.prev[:])}
}

func linkVectors(d *document) []linkVector {
	var out []linkVector
	add := func(l Link, text string) {
		out = append(out, linkVector{text, l.Doc.String(), l.Rights.String(), bytes.Clone(l.Secret[:]), l.Relay, ""})
	}
	var write string
	for rights := Read; rights <= Owner; rights++ {
		l := Link{d.genesis.Doc(), rights, d.secrets[rights], ""}
		add(l, l.Text())
		l.Relay = []string{"relay.example", "localhost:8787", "[::1]:80"}[rights]
		add(l, "https://app.example/notes/#"+l.Text())
		if rights == Write {
			l.Relay = ""
			write = l.Text()
			add(l, " \n"+write+"\t")
		}
	}
	refuse := func(why string, texts ...string) {
		for _, text := range texts {
			out = append(out, linkVector{Text: text, Refuse: why})
		}
	}
	refuse("no key", "", "#", "https://app.example/", "https://app.example/#d/"+d.genesis.Doc().String(), "hello")
	refuse("newer", "2"+write[1:], "https://app.example/#9z.whatever")
	refuse("cut short", write[:2], write[:3], write[:20], write[:36], write[:60], write[:79], write[:80], write[:81], write+".", "1w"+write[3:])
	swapped := []byte(write)
	swapped[40], swapped[41] = swapped[41], swapped[40]
	refuse("mistyped", string(swapped), "1x"+write[2:], "1r"+write[2:], strings.ToUpper(write), strings.Replace(write, ".", ". ", 1), write+"x")
	refuse("mistyped", sealedText("1ww."+d.genesis.Doc().String()+"."+write[36:79]), sealedText("1w."+d.genesis.Doc().String()[1:]+"."+write[36:79]), sealedText(write[:78]), sealedText(write[:79]+"A"), sealedText(write[:50]+"\n"+write[50:79]), sealedText(write[:20]+"\n"+write[20:79]))
	refuse("mistyped", write+".https://relay.example", write+".relay.example/path", write+"."+strings.Repeat("a", maxRelay+1))
	return out
}

// sealedText gives text its right check: what is wrong with it must be found by looking.
func sealedText(text string) string { return text + "." + linkCheck(text) }

func allPayloadVectors() payloadVectors {
	dep := func(session byte, seq uint32) Dep {
		d := Dep{Seq: seq}
		for i := range d.Session {
			d.Session[i] = session
			d.Hash[i] = ^session
		}
		return d
	}
	var v payloadVectors
	for _, p := range []UpdatePayload{
		{},
		{nil, []byte("operations")},
		{[]Dep{dep(1, 0), dep(2, 127), dep(3, 128), dep(0xfe, 1<<32-1)}, []byte("operations")},
	} {
		v.Updates = append(v.Updates, updateVector{depVectors(p.Deps), p.Update, p.Encode()})
	}
	for _, p := range []SnapshotPayload{
		{},
		{Hash{1, 2, 3}, []Dep{dep(7, 300)}, [16]byte{9: 9}, []byte("file")},
	} {
		v.Snapshots = append(v.Snapshots, snapshotVector{p.Parent[:], depVectors(p.Covers), p.Digest[:], p.File, p.Encode()})
	}
	one := UpdatePayload{Deps: []Dep{dep(5, 5)}}.Encode()
	two := UpdatePayload{Deps: []Dep{dep(5, 5), dep(6, 6)}}.Encode()
	backwards := bytes.Join([][]byte{two[:2], two[2+33:], two[2 : 2+33]}, nil)
	twice := bytes.Join([][]byte{{0, 2}, one[2:], one[2:]}, nil)
	v.Refuse = []refusedPayload{
		{"nothing", Update, []byte{}, false},
		{"version 1", Update, []byte{1, 0}, true},
		{"version in a longer form than needed", Update, []byte{0x80, 0, 0}, false},
		{"no count", Update, []byte{0}, false},
		{"count that never ends", Update, []byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, false},
		{"count over 32 bits", Update, []byte{0, 0x80, 0x80, 0x80, 0x80, 0x10}, false},
		{"more heads than bytes", Update, []byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f}, false},
		{"seq over 32 bits", Update, slices.Concat([]byte{0, 1}, make([]byte, 16), []byte{0x80, 0x80, 0x80, 0x80, 0x10}, make([]byte, 16)), false},
		{"seq over 35 bits", Update, slices.Concat([]byte{0, 1}, make([]byte, 16), []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, make([]byte, 16)), false},
		{"head cut short", Update, one[:len(one)-1], false},
		{"heads out of order", Update, backwards, false},
		{"a session twice", Update, twice, false},
		{"snapshot without a parent", Snapshot, make([]byte, 32), false},
		{"snapshot without a digest", Snapshot, make([]byte, 1+32+1+15), false},
		{"version 3", Snapshot, append([]byte{3}, make([]byte, 64)...), true},
	}
	return v
}

func depVectors(deps []Dep) []depVector {
	out := []depVector{}
	for _, d := range deps {
		out = append(out, depVector{d.Session.String(), d.Seq, bytes.Clone(d.Hash[:])})
	}
	return out
}

func paddingVectors() []paddingVector {
	var out []paddingVector
	for _, n := range []int{0, 1, 30, 31, 32, 33, 63, 64, 100, 127, 128, 1000, 4095, 4096, 5000, 65535, 65536, 1 << 20, 16<<20 - 1, 16 << 20} {
		out = append(out, paddingVector{n, padded(n)})
	}
	return out
}
