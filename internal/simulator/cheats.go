package simulator

import (
	"math/rand/v2"
	"slices"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

// Cheat is what somebody with a write link and no good intentions does, or with a newer version of everything.
type Cheat int

const (
	NoCheat Cheat = iota
	Mutation
	Newer
	BadCompactor
	Equivocation
	Unreadable
	cheatCount
)

var cheatNames = [cheatCount]string{
	Unreadable: "updates and packs, well signed, that do not decrypt or decode",

	Mutation: "updates that are none, sealed with real keys", Newer: "updates, snapshots and contents of a newer format",
	BadCompactor: "a snapshot that leaves out, makes up, claims too much, does not open or is an older state", Equivocation: "one session writes two histories",
}

// excludes reports whether a fault cannot be in a story with this. A bad snapshot that a relay loses before anybody else saw it
// cannot be found out (docs/THREATS.md).
func (c Cheat) excludes(f Fault) bool {
	return c == BadCompactor && (f == RelayEmptied || f == RelaySwapped)
}

// cheater is a writer with real keys. What it does goes straight to a relay; it has no disk and no machine.
type cheater struct {
	world *World
	keys  *seal.Keys
	spoiler
	session    *seal.Session
	twin       *seal.Session // the same one, once it has another history
	doc, other *crdt.Doc
	id         sync.SessionID
	histories  map[[16]byte]history
	shown      map[*Device]history // what is in their documents when the story is over
	compactor
}

func newCheater(w *World) *cheater {
	c := &cheater{world: w, keys: w.cast.keys[seal.Write], doc: crdt.New(), other: crdt.New(), histories: map[[16]byte]history{}, compactor: compactor{victims: map[sync.SessionID]bool{}}}
	seed := [32]byte{}
	_, _ = w.source.Read(seed[:])
	c.signer = signer(seed)
	var err error
	c.session, err = c.keys.NewSession(rand.NewChaCha8(seed))
	must(err)
	c.id = sync.SessionID(c.session.Certificate().Session())
	return c
}

// log is what a relay has of the document, opened by who has a link.
func (c *cheater) log(r *Relay) (all []content, heads []sync.Head) {
	entries, _, err := r.log.Read(c.world.cast.doc, 0, 1<<30)
	must(err)
	reader := &Device{world: c.world, name: "somebody", keys: c.keys}
	for _, e := range entries {
		p, err := seal.ParseEnvelope(e.Envelope)
		must(err)
		if p.Kind == seal.Snapshot {
			continue
		}
		contents := reader.opened(e.Envelope)
		all = append(all, contents...)
		heads = furthest(heads, []sync.Head{contents[len(contents)-1].Head})
	}
	return all, heads
}

// put gives a relay an envelope.
func (c *cheater) put(r *Relay, cert []byte, envelope []byte, covers *wire.Covers) bool {
	return c.putAll(r, &wire.Append{Doc: c.world.cast.doc, Cert: cert, Envelopes: [][]byte{envelope}, Covers: covers})
}

func (c *cheater) putAll(r *Relay, f *wire.Append) bool {
	taken, refusal := r.enter().Append(r, r.now(), f)
	if refusal != nil {
		return false
	}
	r.decide(decision{write: taken.Write})
	r.commit(false)
	return true
}

// act does it once.
func (c *cheater) act() {
	w, r := c.world, c.world.liar
	if others := c.world.alive(); w.cheat != Equivocation {
		r = others[w.rand.IntN(len(others))]
	}
	if len(r.written) < 2 {
		return
	}
	switch w.cheat {
	case Mutation:
		c.write(r, c.session, c.doc, c.mutate)
	case Newer:
		if w.rand.IntN(3) == 0 {
			c.compact(r)
			return
		}
		c.write(r, c.session, c.doc, func(u []byte) []byte {
			u[0] = u[0]&0xf0 | 2 // the version of the update
			return u
		})
	case BadCompactor:
		if w.rand.IntN(4) == 0 {
			c.object(r)
			return
		}
		c.compact(r)
	case Equivocation:
		if w.rand.IntN(8) == 0 {
			c.object(r)
			return
		}
		c.equivocate(r)
	case Unreadable:
		c.unreadable(r)
	}
}

// equivocate writes a history to a relay and, from some time on, another one to what the other group is shown of it, or to the other relay.
func (c *cheater) equivocate(r *Relay) {
	w, other := c.world, r.lie.twin
	for _, x := range w.alive() {
		if w.lie == NoLie && x != r {
			other = x
		}
	}
	if c.twin == nil && w.rand.IntN(2) == 0 {
		twin := *c.session
		c.twin = &twin
	}
	envelope := c.write(r, c.session, c.doc, nil)
	if c.twin != nil {
		c.note(envelope, 1)
	}
	switch {
	case other == nil || envelope == nil:
	case c.twin == nil:
		c.put(other, c.session.Certificate().Bytes(), envelope, nil)
	default:
		c.note(c.write(other, c.twin, c.other, nil), 2)
	}
}

// write seals the next edit of a session, changed, and gives a relay the envelope.
func (c *cheater) write(r *Relay, session *seal.Session, doc *crdt.Doc, change func([]byte) []byte) []byte {
	p := c.next(r, doc)
	if p == nil {
		return nil
	}
	if change != nil {
		p.Update = change(p.Update)
	}
	plain := p.Encode()
	if c.world.cheat == Newer && c.world.rand.IntN(2) == 0 {
		plain[0] = 1 // the version of the content
	}
	envelope, err := session.Seal(seal.Update, plain)
	must(err)
	if c.put(r, session.Certificate().Bytes(), envelope, nil) {
		c.world.tally.Cheats[c.world.cheat]++
	}
	return envelope
}

// next is an edit on top of what a relay has, nil where it came to nothing.
func (c *cheater) next(r *Relay, doc *crdt.Doc) *seal.UpdatePayload {
	all, heads := c.log(r)
	for _, x := range all {
		if x.Session != c.id {
			try(doc, x)
		}
	}
	if doc.Session() == (crdt.SessionID{}) {
		must(doc.Begin(crdt.SessionID(c.id)))
	}
	must(doc.Edit(c.world.someEdit))
	update, n := doc.Update()
	if n == 0 {
		return nil
	}
	heads = slices.DeleteFunc(heads, func(h sync.Head) bool { return h.Session == c.id })
	return &seal.UpdatePayload{Deps: depsOf(heads), Update: update}
}

// mutate does to an update what a fuzzer would.
func (c *cheater) mutate(u []byte) []byte {
	r := c.world.rand
	for range 1 + r.IntN(3) {
		switch i := r.IntN(len(u)); r.IntN(5) {
		case 0:
			u[i] ^= 1 << r.IntN(8)
		case 1:
			u[i] = byte(r.Uint32())
		case 2:
			u = slices.Insert(u, i, byte(r.Uint32()))
		case 3:
			if len(u) > 1 {
				u = slices.Delete(u, i, i+1)
			}
		case 4:
			u = append(u, u[i:]...)
		}
	}
	u[0] &^= 0x80 // a change without an end is no matter of how an update looks
	return u
}
