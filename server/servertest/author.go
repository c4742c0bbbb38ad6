// Package servertest is a device for the relay's tests: documents with real keys, chains and signatures, and a client that
// speaks the protocol over a real socket.
package servertest

import (
	"io"
	"math/rand/v2"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
)

// Doc is a document with its keys.
type Doc struct {
	t       testing.TB
	random  io.Reader
	secret  seal.Secret
	fetcher *seal.Fetcher
	Keys    *seal.Keys
}

// NewDoc makes a document; the same seed makes the same one.
func NewDoc(t testing.TB, seed uint64) *Doc {
	t.Helper()
	random := source(seed)
	secret, genesis, err := seal.Create(random)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Unlock(genesis, seal.Owner, secret)
	if err != nil {
		t.Fatal(err)
	}
	fetcher, err := seal.NewFetcher(genesis.Doc(), seal.Owner, secret)
	if err != nil {
		t.Fatal(err)
	}
	return &Doc{t, random, secret, fetcher, keys}
}

// ID names the document.
func (d *Doc) ID() seal.DocID { return d.Keys.Genesis().Doc() }

// Genesis is its public beginning.
func (d *Doc) Genesis() []byte { return d.Keys.Genesis().Bytes() }

// Session is one writer of the document.
type Session struct {
	t testing.TB
	s *seal.Session
	// sealed is how many chained envelopes there are.
	sealed uint32
	// ID and Cert are what a relay sees of it.
	ID   seal.SessionID
	Cert []byte
}

// Prove answers a connection's challenge.
func (d *Doc) Prove(relay string, nonce seal.Nonce) []byte { return d.fetcher.Prove(relay, nonce) }

// Delete is the owner's statement to a relay.
func (d *Doc) Delete(relay string) []byte {
	d.t.Helper()
	statement, err := d.Keys.Delete(relay)
	if err != nil {
		d.t.Fatal(err)
	}
	return statement
}

// NameSuccessor is the owner's statement where the document goes on.
func (d *Doc) NameSuccessor(successor seal.DocID) []byte {
	d.t.Helper()
	statement, err := d.Keys.NameSuccessor(successor)
	if err != nil {
		d.t.Fatal(err)
	}
	return statement
}

// Token is the right to read over plain HTTP until a time (Unix seconds).
func (d *Doc) Token(relay string, expiry uint64) string { return d.fetcher.Token(relay, expiry) }

// Link is a link to the document.
func (d *Doc) Link(rights seal.Rights) string {
	d.t.Helper()
	secret, err := seal.Attenuate(d.secret, seal.Owner, rights)
	if err != nil {
		d.t.Fatal(err)
	}
	return seal.Link{Doc: d.ID(), Rights: rights, Secret: secret}.Text()
}

// NewSession begins a session with keys of its own.
func (d *Doc) NewSession() *Session { return d.session(d.random) }

// SessionOf begins a session whose keys follow from a seed: twice the same seed is one writer in two places, which
// is what a fork is made of.
func (d *Doc) SessionOf(seed uint64) *Session { return d.session(source(seed)) }

func (d *Doc) session(random io.Reader) *Session {
	d.t.Helper()
	s, err := d.Keys.NewSession(random)
	if err != nil {
		d.t.Fatal(err)
	}
	cert := s.Certificate()
	return &Session{t: d.t, s: s, ID: cert.Session(), Cert: cert.Bytes()}
}

// Write seals one update.
func (s *Session) Write(plain string) []byte { return s.seal(seal.Update, []byte(plain)) }

// Snapshot seals one snapshot.
func (s *Session) Snapshot(plain []byte) []byte { return s.seal(seal.Snapshot, plain) }

// Update seals one update of any bytes.
func (s *Session) Update(plain []byte) []byte { return s.seal(seal.Update, plain) }

// Presence seals one ephemeral envelope.
func (s *Session) Presence(plain string) []byte {
	s.t.Helper()
	b, err := s.s.SealEphemeral([]byte(plain))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// Attest seals what the session found who checked a snapshot.
func (s *Session) Attest(snapshot []byte, verdict seal.Verdict) []byte {
	s.t.Helper()
	e, err := seal.ParseEnvelope(snapshot)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := s.s.SealAttest(e.Hash(), verdict, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// Pack seals a run of the session's own envelopes into one that takes their place.
func (s *Session) Pack(run [][]byte) []byte {
	s.t.Helper()
	first, err := seal.ParseEnvelope(run[0])
	if err != nil {
		s.t.Fatal(err)
	}
	last, err := seal.ParseEnvelope(run[len(run)-1])
	if err != nil {
		s.t.Fatal(err)
	}
	return s.PackWith(first.First(), last.Seq, first.Prev, last.Hash(), []byte("all of a run"))
}

// PackOf seals a pack with everything given, whatever the session said. Use a session of its own for it, of the same seed.
func (s *Session) PackOf(first, last uint32, before, end seal.Hash) []byte {
	s.t.Helper()
	for s.sealed <= last {
		s.Write("to come that far")
	}
	return s.PackWith(first, last, before, end, []byte("all of a run"))
}

// PackWith seals a pack of any content.
func (s *Session) PackWith(first, last uint32, before, end seal.Hash, plain []byte) []byte {
	s.t.Helper()
	b, err := s.s.SealPack(first, last, before, end, plain)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// Run seals n updates.
func (s *Session) Run(n int) [][]byte {
	s.t.Helper()
	run := make([][]byte, n)
	for i := range run {
		run[i] = s.Write("one of a run")
	}
	return run
}

func (s *Session) seal(kind seal.Kind, plain []byte) []byte {
	s.t.Helper()
	s.sealed++
	b, err := s.s.Seal(kind, plain)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// source is a reader of bytes that follow from a seed.
func source(seed uint64) io.Reader {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return rand.NewChaCha8(key)
}
