package seal

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// A session that says everything a session can: kindVector in kinds.json is its record.
type kindVectors struct {
	documentVector
	// In the chain: session info, two updates, an attest.
	Ephemeral envelopeVector    `json:"ephemeral"`
	Pack      envelopeVector    `json:"pack"` // of the two updates
	Contents  contentVectors    `json:"contents"`
	Refuse    []refusedKind     `json:"refuse"`
	Statement []statementVector `json:"statements"`
}

type contentVectors struct {
	Note     noteVector     `json:"note"`
	Presence updateVector   `json:"presence"` // of a writer that says {"name": "Ann", "caret": 7}
	Left     updateVector   `json:"left"`     // of one that leaves
	Pack     packVector     `json:"pack"`
	Refuse   []refusedBytes `json:"refuse"`
}

type noteVector struct {
	Text  string `json:"text"`
	Bytes hexed  `json:"bytes"`
}

type packVector struct {
	Contents []hexed `json:"contents"`
	Bytes    hexed   `json:"bytes"`
}

type refusedBytes struct {
	Why   string `json:"why"`
	Kind  Kind   `json:"kind"`
	Bytes hexed  `json:"bytes"`
	Newer bool   `json:"newer"`
}

type refusedKind struct {
	Why   string `json:"why"`
	Bytes hexed  `json:"bytes"`
	Newer bool   `json:"newer"`
}

type statementVector struct {
	Says   string `json:"says"` // fetch, token, delete, successor
	Relay  string `json:"relay,omitempty"`
	Nonce  hexed  `json:"nonce,omitempty"`
	Expiry uint64 `json:"expiry,omitempty"`
	Doc    string `json:"doc,omitempty"`
	Token  string `json:"token,omitempty"`
	Bytes  hexed  `json:"bytes,omitempty"`
}

// talk is what d's session says in kinds.json.
type talk struct {
	chain           [][]byte // info, update, update, attest
	ephemeral, pack []byte
	snapshot        Hash
}

func newTalk(t testing.TB, d *document) talk {
	t.Helper()
	s := d.session
	var k talk
	add := func(b []byte, err error) {
		must(t, err)
		k.chain = append(k.chain, b)
	}
	k.snapshot = Hash{1, 2, 3}
	add(s.Seal(SessionInfo, NotePayload{"Zoë’s phone"}.Encode()))
	before := s.prev
	one, two := UpdatePayload{Update: []byte("one")}.Encode(), UpdatePayload{Update: []byte("two")}.Encode()
	add(s.Seal(Update, one))
	add(s.Seal(Update, two))
	end := s.prev
	add(s.SealAttest(k.snapshot, Objection, "lacks the second paragraph"))
	var err error
	k.ephemeral, err = s.SealEphemeral(PresencePayload{State: []byte("here")}.Encode())
	must(t, err)
	k.pack, err = s.SealPack(1, 2, before, end, PackPayload{[][]byte{one, two}}.Encode())
	must(t, err)
	return k
}

func TestPackTakesThePlaceOfItsRun(t *testing.T) {
	d := newDocument(t, 3)
	k := newTalk(t, d)
	must(t, d.verify(nil, k.chain...))
	must(t, d.verify(nil, k.chain[0], k.pack, k.chain[3]))
	for name, run := range map[string][][]byte{
		"behind its own last one":  {k.chain[0], k.chain[1], k.chain[2], k.pack},
		"behind its own first one": {k.chain[0], k.chain[1], k.pack},
		"twice":                    {k.chain[0], k.pack, k.pack},
	} {
		if err := d.verify(nil, run...); !errors.Is(err, ErrChain) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain, err := d.keys[Read].Open(k.pack)
	must(t, err)
	p, err := DecodePack(plain)
	must(t, err)
	for i, content := range p.Contents {
		want, err := d.keys[Read].Open(k.chain[1+i])
		must(t, err)
		if !bytes.Equal(content, want) {
			t.Errorf("content %d: %q, want %q", i, content, want)
		}
	}
}

// What follows a pack does not contain its hash, so nothing but its own signature vouches for it.
func TestPackNeedsItsOwnSignature(t *testing.T) {
	d := newDocument(t, 3)
	k := newTalk(t, d)
	forged := bytes.Clone(k.pack)
	forged[len(forged)-1] ^= 1
	if err := d.verify(nil, k.chain[0], forged, k.chain[3]); !errors.Is(err, ErrSignature) {
		t.Fatal(err)
	}
}

func TestPackBounds(t *testing.T) {
	d := newDocument(t, 3)
	newTalk(t, d)
	for _, c := range [][2]uint32{{2, 2}, {3, 2}, {0, 4}, {1, 2}, {0, 2}} {
		if _, err := d.session.SealPack(c[0], c[1], Hash{}, Hash{}, nil); err == nil {
			t.Errorf("pack of %d to %d", c[0], c[1])
		}
	}
	// A second pack that ends further on has another nonce.
	if _, err := d.session.SealPack(1, 3, Hash{}, Hash{}, nil); err != nil {
		t.Error(err)
	}
}

func TestAttestSpeaksInClear(t *testing.T) {
	d := newDocument(t, 3)
	k := newTalk(t, d)
	e, err := ParseEnvelope(k.chain[3])
	must(t, err)
	if snapshot, verdict := e.Attested(); snapshot != k.snapshot || verdict != Objection {
		t.Fatalf("%x %d", snapshot, verdict)
	}
	plain, err := d.keys[Read].Open(k.chain[3])
	must(t, err)
	if note, err := DecodeNote(plain); err != nil || note.Text != "lacks the second paragraph" {
		t.Fatal(note, err)
	}
}

func TestEphemeralIsOutsideTheChain(t *testing.T) {
	d := newDocument(t, 3)
	k := newTalk(t, d)
	if err := d.verify(nil, append(bytes.Clone(k.chain[0]), nil...), k.ephemeral); !errors.Is(err, ErrUnsupported) {
		t.Errorf("in a chain: %v", err)
	}
	if _, err := ParseEphemeral(k.chain[1]); !errors.Is(err, ErrCorrupt) {
		t.Errorf("an update as presence: %v", err)
	}
	e, err := ParseEphemeral(k.ephemeral)
	must(t, err)
	must(t, d.session.cert.VerifyEphemeral(e))
	if last, _ := ParseEnvelope(k.chain[3]); e.Prev != last.Hash() {
		t.Error("it does not name the session's head")
	}
	other, err := d.keys[Write].NewSession(source(9))
	must(t, err)
	if err := other.cert.VerifyEphemeral(e); !errors.Is(err, ErrChain) {
		t.Errorf("of another session: %v", err)
	}
	// Its lane counts by itself and the chain goes on.
	b, err := d.session.SealEphemeral(nil)
	must(t, err)
	if h, _ := ParseHeader(b); h.Seq != 1 {
		t.Errorf("seq %d", h.Seq)
	}
	if _, err := d.session.Seal(Ephemeral, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("sealed into the chain: %v", err)
	}
}

func TestFlippedKindsAreRefused(t *testing.T) {
	d := newDocument(t, 3)
	k := newTalk(t, d)
	for name, b := range map[string][]byte{"attest": k.chain[3], "pack": k.pack, "ephemeral": k.ephemeral, "info": k.chain[0]} {
		for at := range b {
			damaged := bytes.Clone(b)
			damaged[at] ^= 0x10
			accepted := d.verify(nil, damaged) == nil
			if e, err := ParseEphemeral(damaged); err == nil {
				accepted = accepted || d.session.cert.VerifyEphemeral(e) == nil
			}
			if accepted {
				t.Errorf("%s byte %d: verifies", name, at)
			}
			_, err := d.keys[Read].Open(damaged)
			_, err2 := d.keys[Read].OpenEphemeral(damaged)
			if at < len(b)-64 && (err == nil || err2 == nil) {
				t.Errorf("%s byte %d: opens", name, at)
			}
		}
	}
}

func TestStatements(t *testing.T) {
	d, other := newDocument(t, 3), newDocument(t, 4)
	g := d.genesis
	nonce := Nonce{1, 2, 3}
	const relay, now = "relay.example:8443", 1_800_000_000
	fetcher, stranger := d.fetcher(t, Read), other.fetcher(t, Owner)
	proof := fetcher.Prove(relay, nonce)
	must(t, g.VerifyFetch("Relay.Example:8443", nonce, proof))
	deletion, err := d.keys[Owner].Delete(relay)
	must(t, err)
	must(t, g.VerifyDelete(relay, deletion))
	successor, err := d.keys[Owner].NameSuccessor(other.genesis.Doc())
	must(t, err)
	if id, err := g.VerifySuccessor(successor); err != nil || id != other.genesis.Doc() {
		t.Fatal(id, err)
	}
	token := d.fetcher(t, Write).Token(relay, now+60)
	must(t, g.VerifyToken(relay, token, now))

	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"another relay":       {g.VerifyFetch("relay.example", nonce, proof), ErrSignature},
		"another nonce":       {g.VerifyFetch(relay, Nonce{9}, proof), ErrSignature},
		"another document":    {other.genesis.VerifyFetch(relay, nonce, proof), ErrSignature},
		"cut short":           {g.VerifyFetch(relay, nonce, proof[:63]), ErrSignature},
		"deletes elsewhere":   {g.VerifyDelete("other.example", deletion), ErrSignature},
		"a proof deletes":     {g.VerifyDelete(relay, proof), ErrSignature},
		"expired":             {g.VerifyToken(relay, token, now+60), ErrRights},
		"lives too long":      {g.VerifyToken(relay, fetcher.Token(relay, now+MaxTokenLife+1), now), ErrRights},
		"token elsewhere":     {g.VerifyToken("other.example", token, now), ErrSignature},
		"token cut":           {g.VerifyToken(relay, token[:len(token)-1], now), ErrCorrupt},
		"token of a stranger": {g.VerifyToken(relay, stranger.Token(relay, now+60), now), ErrSignature},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
	for _, rights := range []Rights{Read, Write} {
		if _, err := d.keys[rights].Delete(relay); !errors.Is(err, ErrRights) {
			t.Errorf("%s deletes: %v", rights, err)
		}
		if _, err := d.keys[rights].NameSuccessor(other.genesis.Doc()); !errors.Is(err, ErrRights) {
			t.Errorf("%s names a successor: %v", rights, err)
		}
	}
	for at := range successor {
		damaged := bytes.Clone(successor)
		damaged[at] ^= 1
		if _, err := g.VerifySuccessor(damaged); !errors.Is(err, ErrSignature) {
			t.Errorf("successor byte %d: %v", at, err)
		}
	}
	if _, err := g.VerifySuccessor(successor[:83]); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

func (d *document) fetcher(t *testing.T, rights Rights) *Fetcher {
	t.Helper()
	f, err := NewFetcher(d.genesis.Doc(), rights, d.secrets[rights])
	must(t, err)
	return f
}

func allKindVectors(t *testing.T) kindVectors {
	d := newDocument(t, 11)
	v := kindVectors{documentVector: d.vector()}
	prev := d.session.prev
	k := newTalk(t, d)
	record := func(b []byte, plain []byte) envelopeVector {
		h, err := ParseHeader(b)
		must(t, err)
		e, err := parse(h, b)
		must(t, err)
		hash := e.Hash()
		return envelopeVector{h.Kind, h.Seq, bytes.Clone(h.Prev[:]), bytes.Clone(h.Salt[:]), nil, plain, b, bytes.Clone(hash[:])}
	}
	_ = prev
	for _, b := range k.chain {
		plain, err := d.keys[Read].Open(b)
		must(t, err)
		v.Envelopes = append(v.Envelopes, record(b, plain))
	}
	plain, err := d.keys[Read].OpenEphemeral(k.ephemeral)
	must(t, err)
	v.Ephemeral = record(k.ephemeral, plain)
	plain, err = d.keys[Read].Open(k.pack)
	must(t, err)
	v.Pack = record(k.pack, plain)

	head := Dep{d.session.cert.session, 3, [depHashSize]byte{7}}
	presence := PresencePayload{[]Dep{head}, []byte("\x82\xa4name\xa3Ann\xa5caret\x07")}
	one, two := []byte("a content"), []byte{}
	v.Contents = contentVectors{
		Note:     noteVector{"Zoë’s phone", NotePayload{"Zoë’s phone"}.Encode()},
		Presence: updateVector{[]depVector{{head.Session.String(), head.Seq, head.Hash[:]}}, presence.State, presence.Encode()},
		Left:     updateVector{[]depVector{}, []byte{}, PresencePayload{}.Encode()},
		Pack:     packVector{[]hexed{one, two}, PackPayload{[][]byte{one, two}}.Encode()},
		Refuse: []refusedBytes{
			{"note of a newer version", SessionInfo, []byte{1}, true},
			{"note that is not UTF-8", SessionInfo, []byte{0, 0xff}, false},
			{"note that is too long", Attest, append([]byte{0}, bytes.Repeat([]byte("x"), MaxNote+1)...), false},
			{"more contents than bytes", Pack, []byte{0, 200, 1, 0}, false},
			{"content that ends early", Pack, []byte{0, 1, 5, 1}, false},
			{"bytes behind a pack", Pack, []byte{0, 1, 1, 7, 7}, false},
			{"heads out of order", Ephemeral, append([]byte{0, 2}, make([]byte, 66)...), false},
		},
	}
	backwards, unknown := bytes.Clone(k.pack), bytes.Clone(k.chain[3])
	backwards[HeaderSize+3] = 2
	unknown[HeaderSize+attestClear-1] = 2
	v.Refuse = []refusedKind{
		{"pack of one", backwards, false},
		{"unknown verdict", unknown, true},
		{"presence in a chain", k.ephemeral, true},
		{"attest without its clear part", append(bytes.Clone(k.chain[3][:HeaderSize]), k.chain[3][HeaderSize+attestClear:]...), false},
	}

	const relay, expiry = "relay.example:8443", 1_800_000_060
	nonce := Nonce(bytes.Repeat([]byte{0xc5}, 32))
	deletion, err := d.keys[Owner].Delete(relay)
	must(t, err)
	next := newDocument(t, 12).genesis.Doc()
	successor, err := d.keys[Owner].NameSuccessor(next)
	must(t, err)
	v.Statement = []statementVector{
		{Says: "fetch", Relay: relay, Nonce: nonce[:], Bytes: d.fetcher(t, Read).Prove(relay, nonce)},
		{Says: "token", Relay: relay, Expiry: expiry, Token: d.fetcher(t, Read).Token(relay, expiry)},
		{Says: "delete", Relay: relay, Bytes: deletion},
		{Says: "successor", Doc: next.String(), Bytes: successor},
	}
	return v
}

func TestRefusedKinds(t *testing.T) {
	v := allKindVectors(t)
	want := func(newer bool) error {
		if newer {
			return ErrUnsupported
		}
		return ErrCorrupt
	}
	for _, r := range v.Refuse {
		if _, err := ParseEnvelope(r.Bytes); !errors.Is(err, want(r.Newer)) {
			t.Errorf("%s: %v", r.Why, err)
		}
	}
	for _, r := range v.Contents.Refuse {
		var err error
		switch r.Kind {
		case Pack:
			_, err = DecodePack(r.Bytes)
		case Ephemeral:
			_, err = DecodePresence(r.Bytes)
		default:
			_, err = DecodeNote(r.Bytes)
		}
		if !errors.Is(err, want(r.Newer)) {
			t.Errorf("%s: %v", r.Why, err)
		}
	}
}

func Example_pack() {
	random := source(5)
	secret, genesis, _ := Create(random)
	keys, _ := Unlock(genesis, Owner, secret)
	session, _ := keys.NewSession(random)
	before := session.Certificate().Hash()
	a, _ := session.Seal(Update, UpdatePayload{Update: []byte("h")}.Encode())
	b, _ := session.Seal(Update, UpdatePayload{Update: []byte("i")}.Encode())
	first, _ := keys.Open(a)
	last, _ := keys.Open(b)
	end, _ := ParseEnvelope(b)
	pack, _ := session.SealPack(0, 1, before, end.Hash(), PackPayload{[][]byte{first, last}}.Encode())
	e, _ := ParseEnvelope(pack)
	fmt.Println(e.First(), e.Seq, e.Hash() == end.Hash(), len(pack) < len(a)+len(b))
	// Output: 0 1 true true
}
