package seal

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// forkVectors are proofs that a session signed two histories, and bytes that are none.
type forkVectors struct {
	Read    hexed      `json:"read"`
	Genesis hexed      `json:"genesis"`
	Doc     string     `json:"doc"`
	Cases   []forkCase `json:"cases"`
}

type forkCase struct {
	Name  string `json:"name"`
	Proof hexed  `json:"proof"`
	Keys  bool   `json:"keys"` // it takes the right to read
	// Seq is the first place of which the runs disagree; Refuse why it is no proof: "one history", "signature", "corrupt", "document", "newer".
	Seq    uint32 `json:"seq"`
	Refuse string `json:"refuse,omitempty"`
}

func allForkVectors(t *testing.T) forkVectors {
	t.Helper()
	d := newDocument(t, 7)
	s := d.session
	v := forkVectors{Read: d.secrets[Read][:], Genesis: d.genesis.Bytes(), Doc: d.genesis.Doc().String()}
	content := func(text string) []byte { return UpdatePayload{Update: []byte(text)}.Encode() }
	seal := func(kind Kind, seq uint32, prev Hash, clear, plain []byte) ([]byte, Hash) {
		b, err := s.seal(kind, seq, prev, [4]byte{}, clear, plain)
		must(t, err)
		e, err := ParseEnvelope(b)
		must(t, err)
		return b, e.Hash()
	}
	update := func(seq uint32, prev Hash, text string) ([]byte, Hash) {
		return seal(Update, seq, prev, nil, content(text))
	}
	pack := func(first, last uint32, prev, end Hash, texts ...string) []byte {
		var p PackPayload
		for _, text := range texts {
			p.Contents = append(p.Contents, content(text))
		}
		clear := append([]byte{0, 0, 0, byte(first)}, end[:]...)
		b, _ := seal(Pack, last, prev, clear, p.Encode())
		return b
	}
	e0, h0 := update(0, s.cert.Hash(), "zero")
	e1, h1 := update(1, h0, "one")
	e2, h2 := update(2, h1, "two")
	o1, oh1 := update(1, h0, "another one")
	o2, _ := update(2, oh1, "two on the fork")
	unsigned := bytes.Clone(o1)
	unsigned[len(unsigned)-1] ^= 1
	vouching, _ := update(2, Envelope{Header: Header{Kind: Update}, raw: unsigned}.Hash(), "two behind a bad signature")
	stranger, err := d.keys[Write].NewSession(source(9))
	must(t, err)
	strange, err := stranger.Seal(Update, content("zero"))
	must(t, err)

	add := func(name string, seq uint32, refuse string, keys bool, a, b [][]byte) {
		v.Cases = append(v.Cases, forkCase{name, EncodeFork(d.genesis, s.cert, [2][][]byte{a, b}), keys, seq, refuse})
	}
	run := func(all ...[]byte) [][]byte { return all }
	add("two of one seq", 1, "", false, run(e1), run(o1))
	add("the next one follows another", 1, "", false, run(e1), run(o2))
	add("the same, the other way round", 1, "", false, run(o2), run(e1))
	add("a bad signature that the next one vouches for", 1, "", false, run(e1), run(unsigned, vouching))
	add("runs that begin together", 1, "", false, run(e0, e1, e2), run(e0, o1, o2))
	add("a pack with another end", 2, "", false, run(e2), run(pack(1, 2, h0, Hash{9}, "one", "two")))
	add("two packs with one end", 2, "", false, run(pack(0, 2, s.cert.Hash(), h2, "zero", "one", "two")), run(pack(1, 2, h0, h2, "one", "two")))
	add("a pack with another content", 1, "", true, run(e1), run(pack(1, 2, h0, h2, "another one", "two")))

	none, _ := seal(Pack, 2, h0, append([]byte{0, 0, 0, 1}, h2[:]...), []byte{0, 5, 5})
	add("a pack that nobody can read", 1, "", true, run(e1), run(none))
	add("a pack that says the same", 0, "one history", true, run(e1, e2), run(pack(1, 2, h0, h2, "one", "two")))
	add("one envelope twice", 0, "one history", false, run(e1), run(e1))
	add("a run and its next", 0, "one history", false, run(e0, e1), run(e2))
	add("far apart", 0, "one history", false, run(e0), run(o2))
	add("nothing signed", 0, "signature", false, run(e1), run(unsigned))
	add("another session's", 0, "one history", false, run(e0), run(strange))
	add("an empty run", 0, "one history", false, run(e1), run())
	whole := v.Cases[0].Proof
	for _, c := range []forkCase{
		{Name: "cut short", Proof: whole[:len(whole)-1], Refuse: "corrupt"},
		{Name: "bytes behind it", Proof: append(bytes.Clone(whole), 0), Refuse: "corrupt"},
		{Name: "of another document", Proof: slices.Concat(whole[:40], []byte{whole[40] ^ 1}, whole[41:]), Refuse: "document"},
		{Name: "of a later version", Proof: slices.Concat([]byte{1}, whole[1:]), Refuse: "newer"},
		{Name: "a run without an end", Proof: append(bytes.Clone(whole[:1+GenesisSize+CertificateSize]), 0xff, 0xff, 0x03), Refuse: "corrupt"},
	} {
		v.Cases = append(v.Cases, c)
	}
	return v
}

func TestAForkIsProven(t *testing.T) {
	v := allForkVectors(t)
	d := newDocument(t, 7)
	doc := d.genesis.Doc()
	want := map[string]error{"one history": ErrChain, "signature": ErrSignature, "corrupt": ErrCorrupt, "document": ErrWrongDocument, "newer": ErrUnsupported}
	for _, c := range v.Cases {
		keys := d.keys[Read]
		if !c.Keys {
			keys = nil
		}
		f, err := VerifyFork(doc, c.Proof, keys)
		switch {
		case c.Refuse != "":
			if !errors.Is(err, want[c.Refuse]) {
				t.Errorf("%s: %v", c.Name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.Name, err)
		case !bytes.Equal(ProveFork(d.genesis, d.session.cert, f.Runs[0], f.Runs[1], keys), c.Proof) && c.Name != "runs that begin together":
			t.Errorf("%s: it would be proven otherwise", c.Name)
		case f.Seq != c.Seq || f.Session != d.session.cert.Session():
			t.Errorf("%s: session %s disagrees at %d, not %d", c.Name, f.Session, f.Seq, c.Seq)
		}
		if c.Keys && c.Refuse == "" {
			if _, err := VerifyFork(doc, c.Proof, nil); !errors.Is(err, ErrChain) {
				t.Errorf("%s: who may not read cannot tell, not %v", c.Name, err)
			}
		}
	}
	proof := v.Cases[0].Proof
	for i := range proof { // nobody without the session's key makes one
		flipped := bytes.Clone(proof)
		flipped[i] ^= 1
		if f, err := VerifyFork(doc, flipped, nil); err == nil {
			t.Fatalf("byte %d flipped: still a proof against %d", i, f.Seq)
		}
	}
}

// What a device has of two histories can be a mixture: two hubs stored pieces of both. Nothing that is no run may stand in a proof for one.
func TestNoProofIsCutOutOfWhatIsNoRun(t *testing.T) {
	d := newDocument(t, 7)
	doc, s := d.genesis.Doc(), d.session
	update := func(seq uint32, prev Hash, text string) Envelope {
		b, err := s.seal(Update, seq, prev, [4]byte{}, nil, UpdatePayload{Update: []byte(text)}.Encode())
		must(t, err)
		e, err := ParseEnvelope(b)
		must(t, err)
		return e
	}
	a0 := update(0, s.cert.Hash(), "zero")
	a1 := update(1, a0.Hash(), "one")
	a2 := update(2, a1.Hash(), "two")
	b1 := update(1, a0.Hash(), "another one")
	b2 := update(2, b1.Hash(), "another two")
	b3 := update(3, b2.Hash(), "another three")
	for name, c := range map[string]struct {
		here, came []Envelope
		seq        uint32 // 0: no proof
	}{
		"a mixture, and the other one":             {[]Envelope{a0, a1, b2}, []Envelope{b1}, 1},
		"a mixture of which the other is not here": {[]Envelope{a0, a1, b3}, []Envelope{b2}, 1},
		"a mixture that came":                      {[]Envelope{a0, a1, a2}, []Envelope{a1, b2}, 1},
		"in another order":                         {[]Envelope{a2, a0, a1}, []Envelope{b2, b1}, 1},
		"with a gap":                               {[]Envelope{a0, a2}, []Envelope{b2}, 1},
		"a gap, and nothing else":                  {[]Envelope{a0, a2}, []Envelope{a1}, 0},
		"the same in pieces":                       {[]Envelope{b3, b1}, []Envelope{b2, b1}, 0},
		"far apart":                                {[]Envelope{a0}, []Envelope{b3}, 0},
		"nothing here":                             {nil, []Envelope{b1}, 0},
		"nothing came":                             {[]Envelope{a0}, nil, 0},
	} {
		proof := ProveFork(d.genesis, s.cert, c.here, c.came, nil)
		if (proof == nil) != (c.seq == 0) {
			t.Errorf("%s: proof %v", name, proof != nil)
		}
		if proof == nil {
			continue
		}
		if f, err := VerifyFork(doc, proof, nil); err != nil || f.Seq != c.seq {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}
