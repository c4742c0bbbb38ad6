package wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

var update = flag.Bool("update", false, "rewrite testdata/wire")

const vectorFile = "../../testdata/wire/frames.json"

// vectors is the file that Go and TypeScript both read.
type vectors struct {
	// Frames decode to JSON and encode back to the same bytes.
	Frames []vector `json:"frames"`
	// Refused must not decode.
	Refused []vector `json:"refused"`
	// Sums are of sets of documents, in any order.
	Sums []sums `json:"sums"`
}

type vector struct {
	Name  string         `json:"name"`
	Hex   string         `json:"hex"`
	Frame map[string]any `json:"frame,omitempty"`
}

// fill gives n bytes that differ from their neighbours.
func fill(n int, first byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i*7)
	}
	return b
}

func pointer[T any](v T) *T { return &v }

type sums struct {
	Name  string `json:"name"`
	Heads []any  `json:"heads"`
	Hex   string `json:"hex"`
}

// sumSamples are nothing, one document, and several parts with several each.
func sumSamples() (out []sums) {
	add := func(name string, heads ...wire.Head) {
		s := sums{Name: name, Heads: []any{}, Hex: hex.EncodeToString(wire.SumsOf(heads))}
		for _, h := range heads {
			s.Heads = append(s.Heads, []any{h.Doc.String(), h.Cursor})
		}
		out = append(out, s)
	}
	add("no document")
	add("one", wire.Head{Doc: seal.DocID(fill(20, 0x7f)), Cursor: 1})
	add("one that is gone", wire.Head{Doc: seal.DocID(fill(20, 0x7f))})
	var many []wire.Head
	for i := range 40 {
		// Backwards, and with ids whose text has another order than their bytes.
		many = append(many, wire.Head{Doc: seal.DocID(fill(20, byte(250-6*i))), Cursor: wire.Cursor(1) << i})
	}
	add("forty, in no order", many...)
	return out
}

// One sum is written down here, so that the vectors are not only what the code says of itself.
func TestSums(t *testing.T) {
	got := wire.SumsOf([]wire.Head{{Doc: seal.DocID(fill(20, 0x7f)), Cursor: 258}})
	part := sha256.Sum256(append(fill(20, 0x7f), 0, 0, 0, 0, 0, 0, 1, 2))
	empty := sha256.Sum256(nil)
	for i := range wire.SetParts {
		want := empty[:8]
		if i == 7 {
			want = part[:8]
		}
		if !bytes.Equal(wire.Sum(got, i), want) {
			t.Errorf("part %d: %x, want %x", i, wire.Sum(got, i), want)
		}
	}
}

type named struct {
	name  string
	frame wire.Frame
}

// samples has each type, each optional element both ways, and each width of integer.
func samples() []named {
	doc := seal.DocID(fill(20, 1))
	store := wire.StoreID(fill(16, 40))
	genesis, cert := fill(113, 3), fill(96, 5)
	return []named{
		{"hello of a stranger", &wire.Hello{Doc: doc}},
		{"hello with genesis", &wire.Hello{Doc: doc, Genesis: genesis, Since: 127, Store: &store}},
		{"hello with proof", &wire.Hello{Doc: doc, Proof: fill(64, 90)}},
		{"challenge", &wire.Challenge{Nonce: seal.Nonce(fill(32, 60)), Store: store}},
		{"hello far on", &wire.Hello{Doc: doc, Since: wire.MaxInteger, Store: &store}},
		{"append with certificate", &wire.Append{Doc: doc, Req: 128, Cert: cert, Envelopes: [][]byte{fill(176, 9)}}},
		{"append a run", &wire.Append{Doc: doc, Req: 65536, Envelopes: [][]byte{fill(176, 9), fill(300, 10), fill(1000, 11)}}},
		{"append a snapshot that covers", &wire.Append{Doc: doc, Req: 9, Envelopes: [][]byte{fill(500, 14)}, Covers: &wire.Covers{Store: store, UpTo: 70000}}},
		{"append nothing", &wire.Append{Doc: doc, Req: 0, Envelopes: [][]byte{}}},
		{"unsubscribe", &wire.Unsubscribe{Doc: doc}},
		{"ping", &wire.Ping{}},
		{"delete", &wire.Delete{Doc: doc, Req: 11, Signature: fill(64, 21)}},
		{"successor", &wire.Successor{Doc: doc, Req: 12, Statement: fill(84, 22)}},
		{"done", &wire.Done{Doc: doc, Req: 12}},
		{"credit", &wire.Credit{Taken: 1 << 20}},
		{"check", &wire.Check{Doc: doc, Req: 1, Add: []wire.Addition{}, Sums: fill(128, 26)}},
		{"check of one more", &wire.Check{Doc: doc, Req: 300, Add: []wire.Addition{{Doc: seal.DocID(fill(20, 2)), Proof: fill(64, 91)}}, Sums: fill(128, 27)}},
		{"nothing changed", &wire.Changed{Doc: doc, Req: 1, Heads: []wire.Head{}}},
		{"changed", &wire.Changed{Doc: doc, Req: 300, Parts: 0x8001, Heads: []wire.Head{{Doc: seal.DocID(fill(20, 2)), Cursor: 70000}, {Doc: seal.DocID(fill(20, 240))}}}},
		{"presence passed on", &wire.Presence{Doc: doc, Cert: cert, Envelope: fill(176, 23)}},
		{"presence of a known session", &wire.Presence{Doc: doc, Req: pointer(uint64(0)), Envelope: fill(240, 24)}},
		{"welcome to a waiting room", &wire.Welcome{Doc: doc, Store: store}},
		{"welcome", &wire.Welcome{Doc: doc, Store: store, Head: 4294967296, Genesis: genesis}},
		{"welcome to what goes on elsewhere", &wire.Welcome{Doc: doc, Store: store, Head: 5, Genesis: genesis, Successor: fill(84, 25)}},
		{"batch of nothing", &wire.Batch{Doc: doc, Entries: []wire.Entry{}, UpTo: 255}},
		{"batch", &wire.Batch{Doc: doc, UpTo: 65535, More: true, Entries: []wire.Entry{
			{Cursor: 256, Envelope: fill(176, 12), Cert: cert},
			{Cursor: 65535, Envelope: fill(256, 13), Covers: 300},
		}}},
		{"ack", &wire.Ack{Doc: doc, Req: 7, Session: seal.SessionID(fill(16, 80)), Seq: 4294967295, Cursor: 4294967295}},
		{"error about nothing readable", &wire.Error{Code: wire.CodeBadFrame, Message: "m", Hint: "h"}},
		{"error naming a gap", &wire.Error{Doc: &doc, Req: pointer(uint64(3)), Code: wire.CodeGap,
			Message: "Envelopes are missing before these – five of them.", Hint: "", RetryAfter: 1500, Seq: pointer(uint64(4294967295))}},
		{"pong", &wire.Pong{}},
	}
}

func TestVectors(t *testing.T) {
	want := vectors{Refused: refused(t), Sums: sumSamples()}
	for _, s := range samples() {
		b, err := wire.Encode(s.frame)
		if err != nil {
			t.Fatal(err)
		}
		want.Frames = append(want.Frames, vector{s.name, hex.EncodeToString(b), toJSON(t, s.frame)})
	}
	text, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.MkdirAll(filepath.Dir(vectorFile), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, text) {
		t.Fatalf("%s differs from what this code writes: a frame changed its bytes. If that is meant, the subprotocol needs another name; rewrite with -update", vectorFile)
	}
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	for _, s := range samples() {
		b, err := wire.Encode(s.frame)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.Decode(b)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		if !reflect.DeepEqual(got, s.frame) {
			t.Errorf("%s:\n got %+v\nwant %+v", s.name, got, s.frame)
		}
	}
}

// The vectors stay readable; the widest length form is tried here.
func TestLargestEnvelope(t *testing.T) {
	f := &wire.Append{Req: 1, Envelopes: [][]byte{make([]byte, wire.MaxSnapshot)}}
	b, err := wire.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := wire.Decode(b); err != nil || !reflect.DeepEqual(got, f) {
		t.Fatalf("the largest envelope does not fit a frame: %v", err)
	}
	f.Envelopes[0] = make([]byte, wire.MaxSnapshot+1)
	if b, err = wire.Encode(f); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Decode(b); !errors.Is(err, wire.ErrFrame) {
		t.Fatalf("a byte above the limit: %v", err)
	}
}

// Every byte missing at the end and any byte more is noticed, and no single changed byte panics.
func TestDecodeRefusesCutAndLongerFrames(t *testing.T) {
	for _, s := range samples() {
		whole, err := wire.Encode(s.frame)
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(whole)/400)
		for n := 0; n < len(whole); n += step {
			if _, err := wire.Decode(whole[:n]); !errors.Is(err, wire.ErrFrame) {
				t.Fatalf("%s cut to %d of %d bytes: %v", s.name, n, len(whole), err)
			}
		}
		if _, err := wire.Decode(append(whole, 0)); !errors.Is(err, wire.ErrFrame) {
			t.Fatalf("%s with a byte more: %v", s.name, err)
		}
	}
}

func TestDecodeRefusesBeforeItAllocates(t *testing.T) {
	doc := append([]byte{0xc4, 20}, fill(20, 1)...)
	bombs := map[string][]byte{
		"nested arrays":              bytes.Repeat([]byte{0x91}, wire.MaxFrame),
		"nested arrays in a frame":   append([]byte{0x96, 2}, bytes.Repeat([]byte{0x91}, 8<<20)...),
		"nested maps":                bytes.Repeat([]byte{0x81}, 8<<20),
		"nested arrays for a list":   append(append([]byte{0x96, 2}, append(doc, 1, 0xc0)...), bytes.Repeat([]byte{0x91}, 8<<20)...),
		"four billion envelopes":     append(append([]byte{0x96, 2}, append(doc, 1, 0xc0)...), 0xdd, 255, 255, 255, 255),
		"an envelope of four GiB":    append(append([]byte{0x96, 2}, append(doc, 1, 0xc0)...), 0x91, 0xc6, 255, 255, 255, 255),
		"a frame above the limit":    append(append([]byte{0x96, 2}, append(doc, 1, 0xc0)...), make([]byte, wire.MaxFrame)...),
		"more envelopes than a run":  append(append([]byte{0x96, 2}, append(doc, 1, 0xc0)...), append([]byte{0xdc, 0x04, 0x01}, make([]byte, 2000)...)...),
		"an unknown extension value": {0x92, 3, 0xd4, 1, 1},
	}
	for name, bomb := range bombs {
		allocated := testing.AllocsPerRun(1, func() {
			if _, err := wire.Decode(bomb); !errors.Is(err, wire.ErrFrame) {
				t.Errorf("%s: %v", name, err)
			}
		})
		// The error itself is a few.
		if allocated > 16 {
			t.Errorf("%s: %v allocations", name, allocated)
		}
	}
}

// refused lists what neither side may accept, written by hand so that no encoder has a say.
func refused(t *testing.T) []vector {
	t.Helper()
	b32 := hex.EncodeToString(fill(20, 1))
	return []vector{
		{Name: "nothing", Hex: ""},
		{Name: "a number", Hex: "01"},
		{Name: "an empty array", Hex: "90"},
		{Name: "a map", Hex: "8101c0"},
		{Name: "type as text", Hex: "91a131"},
		{Name: "unknown type", Hex: "9109"},
		{Name: "an element more", Hex: "920400"},
		{Name: "an element less", Hex: "9103"},
		{Name: "document id as text", Hex: "9203b4" + b32},
		{Name: "document id one byte short", Hex: "9203c413" + b32[2:]},
		{Name: "document id nil", Hex: "9203c0"},
		{Name: "since below zero", Hex: "9601c414" + b32 + "c0ffc0c0"},
		{Name: "since above 2^53-1", Hex: "9601c414" + b32 + "c0cf0020000000000000c0c0"},
		{Name: "since half", Hex: "9601c414" + b32 + "c0cb3fe0000000000000c0c0"},
		{Name: "genesis empty", Hex: "9601c414" + b32 + "c40000c0c0"},
		{Name: "proof too short", Hex: "9601c414" + b32 + "c000c0c401ff"},
		{Name: "challenge without a store", Hex: "9315c420" + hex.EncodeToString(fill(32, 3)) + "c0"},
		{Name: "envelope too small", Hex: "9602c414" + b32 + "01c091c40101c0"},
		{Name: "envelopes in a map", Hex: "9602c414" + b32 + "01c080c0"},
		{Name: "more as a number", Hex: "9511c414" + b32 + "900001"},
		{Name: "entry not an array", Hex: "9511c414" + b32 + "910100c2"},
		{Name: "seq above 32 bits", Hex: "9612c414" + b32 + "01c410" + hex.EncodeToString(fill(16, 2)) + "cf000000010000000001"},
		{Name: "error with a wait above 32 bits", Hex: "9813c0c0a462757379a0a0cf0000000100000000c0"},
		{Name: "error with a seq above 32 bits", Hex: "9813c0c0a3676170a0a000cf0000000100000000"},
		{Name: "cut in the middle", Hex: "9203c414" + b32[:20]},
		{Name: "bytes after the end", Hex: "910400"},
		{Name: "signed form of a positive integer", Hex: "9601c414" + b32 + "c0d001c0c0"},
		{Name: "whole number as a float", Hex: "9601c414" + b32 + "c0cb3ff0000000000000c0c0"},
		{Name: "a list in a list", Hex: "9602c414" + b32 + "01c0919190c0"},
		{Name: "covers without a store", Hex: "9602c414" + b32 + "01c09092c001"},
		{Name: "covers of three", Hex: "9602c414" + b32 + "01c09093c410" + hex.EncodeToString(fill(16, 2)) + "0101"},
		{Name: "covers a bare cursor", Hex: "9602c414" + b32 + "01c09001"},
		{Name: "welcome to a successor too short", Hex: "9610c414" + b32 + "c410" + hex.EncodeToString(fill(16, 2)) + "01c0c40101"},
		{Name: "entry without covers", Hex: "9511c414" + b32 + "919301c4b0" + hex.EncodeToString(fill(176, 3)) + "c001c2"},
		{Name: "entry at cursor 0", Hex: "9511c414" + b32 + "919400c4b0" + hex.EncodeToString(fill(176, 3)) + "c00001c2"},
		{Name: "delete without a signature", Hex: "9405c414" + b32 + "01c0"},
		{Name: "successor one byte short", Hex: "9406c414" + b32 + "01c453" + hex.EncodeToString(fill(83, 4))},
		{Name: "done without req", Hex: "9316c414" + b32 + "c0"},
		{Name: "presence above its limit", Hex: "9520c414" + b32 + "c0c0c51001" + hex.EncodeToString(fill(4097, 5))},
		{Name: "presence of nothing", Hex: "9520c414" + b32 + "c0c0c0"},
		{Name: "check without sums", Hex: "9508c414" + b32 + "0190c0"},
		{Name: "check with a sum too few", Hex: "9508c414" + b32 + "0190c478" + hex.EncodeToString(fill(120, 6))},
		{Name: "check that adds without a proof", Hex: "9508c414" + b32 + "019192c414" + b32 + "c0c480" + hex.EncodeToString(fill(128, 6))},
		{Name: "changed in a seventeenth part", Hex: "9517c414" + b32 + "01ce0001000090"},
		{Name: "changed without cursors", Hex: "9517c414" + b32 + "010191c414" + b32},
		{Name: "timestamp for a type", Hex: "91d6ff00000000"},
	}
}

func TestRefusedVectors(t *testing.T) {
	for _, v := range refused(t) {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := wire.Decode(b); !errors.Is(err, wire.ErrFrame) {
			t.Errorf("%s: decoded to %+v, %v", v.Name, f, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range samples() {
		b, err := wire.Encode(s.frame)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 1000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := wire.Decode(b)
		if err != nil {
			if !errors.Is(err, wire.ErrFrame) {
				t.Fatalf("untyped error: %v", err)
			}
			return
		}
		again, err := wire.Encode(frame)
		if err != nil {
			t.Fatal(err)
		}
		// Shortest forms are never longer than what was received.
		if len(again) > len(b) {
			t.Fatalf("%x became %x", b, again)
		}
		twice, err := wire.Decode(again)
		if err != nil || !reflect.DeepEqual(frame, twice) {
			t.Fatalf("%+v became %+v, %v", frame, twice, err)
		}
	})
}

// toJSON gives the frame as the TypeScript twin shows it.
func toJSON(t *testing.T, f wire.Frame) map[string]any {
	t.Helper()
	orNull := func(b []byte) any {
		if b == nil {
			return nil
		}
		return hex.EncodeToString(b)
	}
	id := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	switch f := f.(type) {
	case *wire.Hello:
		var store any
		if f.Store != nil {
			store = id(f.Store[:])
		}
		return map[string]any{"type": "hello", "doc": f.Doc.String(), "genesis": orNull(f.Genesis), "since": f.Since, "store": store, "proof": orNull(f.Proof)}
	case *wire.Append:
		envelopes := []any{}
		var covers any
		if f.Covers != nil {
			covers = map[string]any{"store": id(f.Covers.Store[:]), "upTo": f.Covers.UpTo}
		}
		for _, e := range f.Envelopes {
			envelopes = append(envelopes, orNull(e))
		}
		return map[string]any{"type": "append", "doc": f.Doc.String(), "req": f.Req, "cert": orNull(f.Cert), "envelopes": envelopes, "covers": covers}
	case *wire.Unsubscribe:
		return map[string]any{"type": "unsubscribe", "doc": f.Doc.String()}
	case *wire.Ping:
		return map[string]any{"type": "ping"}
	case *wire.Welcome:
		return map[string]any{"type": "welcome", "doc": f.Doc.String(), "store": id(f.Store[:]), "head": f.Head, "genesis": orNull(f.Genesis), "successor": orNull(f.Successor)}
	case *wire.Batch:
		entries := []any{}
		for _, e := range f.Entries {
			entries = append(entries, map[string]any{"cursor": e.Cursor, "envelope": orNull(e.Envelope), "cert": orNull(e.Cert), "covers": e.Covers})
		}
		return map[string]any{"type": "batch", "doc": f.Doc.String(), "entries": entries, "upTo": f.UpTo, "more": f.More}
	case *wire.Ack:
		return map[string]any{"type": "ack", "doc": f.Doc.String(), "req": f.Req, "session": f.Session.String(), "seq": f.Seq, "cursor": f.Cursor}
	case *wire.Error:
		var doc any
		if f.Doc != nil {
			doc = f.Doc.String()
		}
		return map[string]any{"type": "error", "doc": doc, "req": f.Req, "code": f.Code, "message": f.Message,
			"hint": f.Hint, "retryAfter": f.RetryAfter, "seq": f.Seq}
	case *wire.Pong:
		return map[string]any{"type": "pong"}
	case *wire.Challenge:
		return map[string]any{"type": "challenge", "nonce": hex.EncodeToString(f.Nonce[:]), "store": id(f.Store[:])}
	case *wire.Delete:
		return map[string]any{"type": "delete", "doc": f.Doc.String(), "req": f.Req, "signature": orNull(f.Signature)}
	case *wire.Successor:
		return map[string]any{"type": "successor", "doc": f.Doc.String(), "req": f.Req, "statement": orNull(f.Statement)}
	case *wire.Check:
		add := []any{}
		for _, a := range f.Add {
			add = append(add, map[string]any{"doc": a.Doc.String(), "proof": orNull(a.Proof)})
		}
		return map[string]any{"type": "check", "doc": f.Doc.String(), "req": f.Req, "add": add, "sums": orNull(f.Sums)}
	case *wire.Changed:
		heads := []any{}
		for _, h := range f.Heads {
			heads = append(heads, map[string]any{"doc": h.Doc.String(), "cursor": h.Cursor})
		}
		return map[string]any{"type": "changed", "doc": f.Doc.String(), "req": f.Req, "parts": f.Parts, "heads": heads}
	case *wire.Credit:
		return map[string]any{"type": "credit", "taken": f.Taken}
	case *wire.Done:
		return map[string]any{"type": "done", "doc": f.Doc.String(), "req": f.Req}
	case *wire.Presence:
		return map[string]any{"type": "presence", "doc": f.Doc.String(), "req": f.Req, "cert": orNull(f.Cert), "envelope": orNull(f.Envelope)}
	}
	t.Fatalf("no JSON form for %T", f)
	return nil
}

// A Batch that nobody takes is in memory for as long as that lasts: without much that is empty.
func TestABatchIsEncodedAsLongAsItIs(t *testing.T) {
	b := &wire.Batch{UpTo: wire.MaxInteger}
	for range 40 {
		for range 25 {
			b.Entries = append(b.Entries, wire.Entry{Cursor: wire.MaxInteger, Envelope: fill(250, 1), Cert: fill(96, 2), Covers: wire.MaxInteger})
		}
		encoded, err := wire.Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		if empty := cap(encoded) - len(encoded); empty > len(encoded)/4 {
			t.Fatalf("%d bytes in a buffer of %d", len(encoded), cap(encoded))
		}
	}
}
