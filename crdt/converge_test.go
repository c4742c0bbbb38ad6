package crdt

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/freehold-dev/freehold/internal/model"
)

// peer is one replica of the random tests, with the view a page would have.
type peer struct {
	doc    *Doc
	view   *mirror
	inbox  []int // messages on their way to it
	number int
}

// swarm is some peers that edit at random, a net between them that loses, doubles and reorders, and the model that
// knows what each must see.
type swarm struct {
	t        testing.TB
	seed     int64
	r        *rand.Rand
	peers    []*peer
	model    *model.Model
	net      []message
	sessions int
	meeting  Kind                // of the root's child "a" that everybody edits most
	digests  map[string][16]byte // by version and by view
	views    map[[16]byte]string // by digest
	settling bool
	seldom   int         // check after one step of so many; 0 for all
	whole    map[ID]bool // the operations that begin a change, or would
	tally    *tally
}

func newSwarm(t testing.TB, seed int64, n int) *swarm {
	s := &swarm{t: t, seed: seed, r: newRand(seed), model: model.New(), whole: map[ID]bool{}, tally: &tally{}, digests: map[string][16]byte{}, views: map[[16]byte]string{}}
	s.meeting = nested[s.r.Intn(len(nested))]
	for range n {
		p := &peer{doc: New(), number: len(s.peers)}
		p.view = newMirror(p.doc)
		s.peers = append(s.peers, p)
		s.begin(p)
		patch := must[[]byte](t)(p.doc.Change((&script{}).child(0, s.meeting, "a", 1).out))
		if err := p.view.apply(patch); err != nil {
			s.fatalf("%v", err)
		}
	}
	return s
}

func (s *swarm) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("-seed=%d: "+format, append([]any{s.seed}, args...)...)
}

func (s *swarm) begin(p *peer) {
	// Ids in no particular order, so that later sessions do not always win.
	s.sessions++
	id := sessionOf(s.r.Intn(1 << 15))
	id[2] = byte(s.sessions)
	if err := p.doc.Begin(id); err != nil {
		s.fatalf("%v", err)
	}
}

// seen is the version a peer has.
func (s *swarm) seen(p *peer) model.Version {
	v := model.Version{}
	all := s.model.Everything()
	for _, h := range p.doc.Heads() {
		id := model.Session(h.Session)
		if v[id] = int(h.Next); v[id] > all[id] {
			s.fatalf("peer %d has an operation nobody made", p.number)
		}
		if h.Session != p.doc.writer.id && !s.whole[ID{h.Session, h.Next}] {
			s.fatalf("peer %d has half a change", p.number)
		}
	}
	return v
}

// check compares a peer with the model.
func (s *swarm) check(p *peer) {
	s.t.Helper()
	if s.seldom > 0 && s.r.Intn(s.seldom) > 0 {
		return
	}
	if err := p.doc.Check(); err != nil {
		s.fatalf("peer %d: %v\n%s", p.number, err, p.doc.Dump())
	}
	if got, want := p.view.String(), s.model.String(s.seen(p)); got != want {
		s.fatalf("peer %d shows\n%s\nmodel says\n%s\n%s", p.number, got, want, p.doc.Dump())
	}
	// One version, one digest; and what shows the same has the same.
	for _, name := range []string{string(p.doc.HeadsBytes()), p.view.String()} {
		sum := p.doc.Digest()
		if was, ok := s.digests[name]; ok && was != sum {
			s.fatalf("peer %d has another digest than one with the same operations or view had", p.number)
		}
		s.digests[name] = sum
	}
	if was, ok := s.views[p.doc.Digest()]; ok && was != p.view.String() {
		s.fatalf("peer %d shows\n%s\nwith the digest of\n%s", p.number, p.view, was)
	}
	s.views[p.doc.Digest()] = p.view.String()
	fresh := newMirror(p.doc)
	if err := fresh.apply(p.doc.View()); err != nil {
		s.fatalf("peer %d: view: %v", p.number, err)
	}
	if got, want := fresh.String(), p.view.String(); got != want {
		s.fatalf("peer %d: view shows\n%s\npatches make\n%s", p.number, got, want)
	}
}

// reload closes a peer and opens it from its file. What it holds is lost; somebody will send it again.
func (s *swarm) reload(p *peer) {
	s.drain(p)
	if p.doc.held.updates > 0 {
		s.tally.forgot++
	}
	s.tally.restarts++
	file := p.doc.Save()
	loaded, err := Load(file)
	if err != nil {
		s.fatalf("peer %d: load: %v", p.number, err)
	}
	if string(loaded.Save()) != string(file) {
		s.fatalf("peer %d: a loaded file saves differently", p.number)
	}
	if loaded.Digest() != p.doc.Digest() {
		s.fatalf("peer %d: digest differs after load", p.number)
	}
	p.doc, p.view = loaded, newMirror(loaded)
	if err := p.view.apply(loaded.View()); err != nil {
		s.fatalf("%v", err)
	}
	s.begin(p)
	s.check(p)
}

// shallow opens p's shallow file as one more replica, which edits, hears of some of what is on the net, and leaves. What
// needs more of the history than it has it refuses, and is what it was.
func (s *swarm) shallow(p *peer) {
	loaded, err := Load(p.doc.SaveShallow())
	if err != nil {
		s.fatalf("peer %d: shallow: %v", p.number, err)
	}
	if loaded.Digest() != p.doc.Digest() {
		s.fatalf("peer %d: digest differs in a shallow file", p.number)
	}
	q := &peer{doc: loaded, view: newMirror(loaded), number: 100 + p.number}
	if err := q.view.apply(loaded.View()); err != nil {
		s.fatalf("%v", err)
	}
	s.begin(q)
	s.check(q)
	for range 6 {
		switch s.r.Intn(4) {
		case 0:
			s.edit(q)
			s.drain(q)
		case 1: // what follows all that q has
			s.edit(p)
			s.drain(p)
		}
		if len(s.net) == 0 {
			continue
		}
		m := s.net[len(s.net)-1-s.r.Intn(min(len(s.net), 8))]
		before := q.doc.Dump()
		patch, fresh, err := q.doc.Apply(m.session, m.bytes)
		if isCode(err, CodeTrimmed) {
			s.tally.trimmed++
			if after := q.doc.Dump(); string(after) != string(before) {
				s.fatalf("trimmed, but changed from\n%s\nto\n%s", before, after)
			}
		} else if fresh {
			s.tally.joined++
		}
		if err == nil {
			err = q.view.apply(patch)
		} else if isCode(err, CodeTrimmed) || isCode(err, CodeMissing) || m.session == q.doc.writer.id {
			err = nil
		}
		if err != nil {
			s.fatalf("shallow replica: %v", err)
		}
		s.check(q)
	}
}

// merge gives p everything that q has, by q's file.
func (s *swarm) merge(p, q *peer) {
	s.tally.merges++
	file := q.doc.Save()
	before := ""
	if s.r.Intn(3) == 0 {
		file, before = q.doc.SaveShallow(), string(p.doc.Dump())
	}
	patch, err := p.doc.Merge(file)
	if before != "" && isCode(err, CodeTrimmed) {
		if s.tally.trimmed++; before != string(p.doc.Dump()) {
			s.fatalf("peer %d: shallow file refused, but changed", p.number)
		}
		return
	}
	if err != nil {
		s.fatalf("merge: %v", err)
	}
	if err := p.view.apply(patch); err != nil {
		s.fatalf("peer %d: merge: %v", p.number, err)
	}
	s.check(p)
}

// settle gives everything to everybody, in a different order each, and compares.
func (s *swarm) settle() {
	s.settling, s.seldom = true, s.seldom/4
	for _, p := range s.peers {
		s.drain(p)
	}
	for _, p := range s.peers {
		for range 2 { // what was held and dropped comes again
			for _, i := range s.r.Perm(len(s.net)) {
				s.deliver(p, i)
			}
		}
	}
	first := s.peers[0]
	all := s.model.Everything()
	for _, p := range s.peers {
		s.check(p)
		if n := p.doc.held.updates; n > 0 || p.doc.held.bytes != 0 || p.doc.held.parts != 0 {
			s.fatalf("peer %d still holds %d updates", p.number, n)
		}
		if v := s.seen(p); fmt.Sprint(v) != fmt.Sprint(all) {
			s.fatalf("peer %d lacks operations", p.number)
		}
		if p.view.String() != first.view.String() || p.doc.Digest() != first.doc.Digest() {
			s.fatalf("peers 0 and %d differ:\n%s\n%s", p.number, first.view, p.view)
		}
	}
}

// runSwarm lets two to seven peers live for a while and agree.
func runSwarm(t testing.TB, seed int64, sum *tally) {
	s := newSwarm(t, seed, 2+int(uint64(seed)%6))
	s.live(60+10*len(s.peers), sum)
}

// live lets the peers do so many things and settle.
func (s *swarm) live(steps int, sum *tally) {
	s.tally = sum
	for range steps {
		p := s.peers[s.r.Intn(len(s.peers))]
		switch k := s.r.Intn(20); {
		case k < 10:
			s.edit(p)
		case k < 13:
			s.drain(p)
		case k < 18:
			s.receive(p)
		case k < 19:
			if s.reload(p); s.r.Intn(2) == 0 {
				s.shallow(p)
			}
		default:
			s.merge(p, s.peers[s.r.Intn(len(s.peers))])
		}
	}
	s.settle()
	sum.seeds++
	sum.operations += s.model.Size()
	sum.peers += len(s.peers)
	s.model.Meetings(&sum.met)
}

// Replicas that have the same operations show the same, which is what the model says, whatever the net did.
func TestConvergence(t *testing.T) {
	var sum tally
	for _, seed := range seeds(t, 400) {
		runSwarm(t, seed, &sum)
	}
	t.Log("\n" + sum.String())
	if sum.seeds >= 400 {
		sum.enough(t)
	}
}

// The same in longer lives: texts of several chunks, tables that grow, histories that are walked from far back.
func TestLongConvergence(t *testing.T) {
	var sum tally
	for _, seed := range seeds(t, 8) {
		s := newSwarm(t, seed, 3)
		s.seldom = 20
		s.live(800, &sum)
	}
	t.Log("\n" + sum.String())
}
