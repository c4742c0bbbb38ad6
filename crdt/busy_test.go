package crdt

import (
	"errors"
	"testing"
)

// branches gives the updates of two sessions that each do the same n edits without seeing the other, behind a first
// update that both have.
func branches(t *testing.T, setup *script, n int, each func(s *script, i int)) (first []byte, net [2][]message) {
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change(setup.out))
	first, _ = d.Update()
	for k := range net {
		d := New()
		must2(t)(d.Apply(sessionOf(1), first))
		_ = d.Begin(sessionOf(k + 2))
		for i := range n {
			var s script
			each(&s, i)
			must[[]byte](t)(d.Change(s.out))
			u, _ := d.Update()
			net[k] = append(net[k], message{sessionOf(k + 2), u})
		}
	}
	return first, net
}

// Two long branches of edits at one place give one document in either order. (Quadratic work would be felt here.)
func TestConcurrentEditsAtOnePlace(t *testing.T) {
	list := (&script{}).child(0, KindList, "l", 1).add(1, at(0), packInt(0))
	text := (&script{}).child(0, KindText, "t", 1).insert(1, 0, "x")
	for name, c := range map[string]struct {
		setup *script
		each  func(s *script, i int)
	}{
		"push":    {list, func(s *script, i int) { s.child(0, KindList, "l", 1).add(1, at(i+1), packInt(i)) }},
		"unshift": {list, func(s *script, i int) { s.child(0, KindList, "l", 1).add(1, at(0), packInt(i)) }},
		"type":    {text, func(s *script, i int) { s.child(0, KindText, "t", 1).insert(1, uint32(i+1), "a") }},
	} {
		const n = 6_000
		first, net := branches(t, c.setup, n, c.each)
		var digests [2][16]byte
		for k := range net {
			d := New()
			must2(t)(d.Apply(sessionOf(1), first))
			for _, m := range net[k] {
				must2(t)(d.Apply(m.session, m.bytes))
			}
			for _, m := range net[1-k] {
				must2(t)(d.Apply(m.session, m.bytes))
			}
			digests[k] = d.Digest()
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if digests[0] != digests[1] {
			t.Fatalf("%s: the two orders differ", name)
		}
	}
}

// A list is cleared beside a lot of work elsewhere. (Looking all of it over for each item would be felt here.)
func TestClearingAListBesideOtherWork(t *testing.T) {
	const n = 6_000
	s := (&script{}).child(0, KindList, "l", 1)
	for i := range n {
		s.add(1, at(i), packInt(i))
	}
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change(s.out))
	first, _ := d.Update()
	peer := New()
	must2(t)(peer.Apply(sessionOf(1), first))
	_ = peer.Begin(sessionOf(2))
	for i := range n {
		must[[]byte](t)(peer.Change((&script{}).set(0, "k", packInt(i)).out))
	}
	other, _ := peer.Update()
	s = &script{}
	for i := range uint32(n) {
		s.drop(1, i)
	}
	must[[]byte](t)(d.Change(s.out))
	clearing, _ := d.Update()
	must2(t)(peer.Apply(sessionOf(1), clearing))
	must2(t)(d.Apply(sessionOf(2), other))
	if d.Digest() != peer.Digest() || d.Check() != nil {
		t.Fatal("the two differ")
	}
}

// An update finds its containers without searching.
func TestUpdateOfManyContainers(t *testing.T) {
	const n = 30_000
	d := New()
	_ = d.Begin(sessionOf(1))
	s := (&script{}).child(0, KindList, "l", 1)
	for i := range n {
		s.addObject(1, at(i), KindMap, uint32(i+2))
	}
	must[[]byte](t)(d.Change(s.out))
	for {
		if _, n := d.Update(); n == 0 {
			break
		}
	}
	s = &script{}
	for i := range n {
		s.set(uint32(i+2), "k", packInt(i))
	}
	must[[]byte](t)(d.Change(s.out))
	if _, got := d.Update(); got != n {
		t.Fatalf("%d operations", got)
	}
}

// Superfluous parents are refused at once: looking for them again and again would make opening a file quadratic.
func TestSuperfluousParentsAreRefused(t *testing.T) {
	d := New()
	must2(t)(d.Apply(sessionOf(1), update(0).set("k", 1).out))
	must2(t)(d.Apply(sessionOf(2), update(0, ID{sessionOf(1), 0}).set("k", 2).out))
	for _, u := range [][]byte{
		update(1, ID{sessionOf(1), 0}).set("k", 3).out, // follows it anyway
		update(1, ID{sessionOf(2), 0}).set("k", 3).out, // itself
	} {
		e := must[*Doc](t)(Load(d.Save()))
		if _, _, err := e.Apply(sessionOf(2), u); !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
	}
	e := must[*Doc](t)(Load(d.Save()))
	if _, _, err := e.Apply(sessionOf(3), update(0, ID{sessionOf(1), 0}, ID{sessionOf(2), 0}).set("k", 3).out); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	must2(t)(d.Apply(sessionOf(1), update(1, ID{sessionOf(2), 0}).set("k", 3).out)) // its own before is in that one's history

	// The same in a file, where each entry names the one before it and the first.
	const n = 20_000
	a, b := sessionOf(1), sessionOf(2)
	var parts [sectionKnown][]byte
	parts[sectionSessions] = append(append([]byte{2}, a[:]...), b[:]...)
	parts[sectionKeys] = []byte{1, 1, 'k'}
	graph := append(putVarint(nil, n), 1, 1, 0)
	for i := 1; i < n; i++ {
		graph = append(graph, byte(i%2*2|1), 1, 2, 1)
		graph = putU32(graph, uint32(i))
	}
	parts[sectionGraph] = graph
	kinds, rest := make([]byte, n), make([]byte, n)
	for i := range kinds {
		kinds[i] = byte(opMapDelete)
	}
	parts[sectionPast] = putBytes(append(putBytes([]byte{0, 0, 1}, kinds), 0, 0, 0, 0), rest)
	if _, err := Load(file(parts)); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
}

// However many branches there are, an update can follow them all; more than that are not taken.
func TestUpdateFollowsManyBranches(t *testing.T) {
	d := New()
	refused := 0
	for i := range maxHeads + 20 {
		var id SessionID
		id[0], id[1], id[2] = byte(i>>16), byte(i>>8), byte(i)
		if _, _, err := d.Apply(id, update(0).set("k", 1).out); errors.Is(err, ErrTooLarge) {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused != 20 {
		t.Fatalf("%d refused", refused)
	}
	peer := must[*Doc](t)(Load(d.Save()))
	last := SessionID{15: 1}
	_ = d.Begin(last)
	must[[]byte](t)(d.Change((&script{}).set(0, "k", packInt(2)).out))
	u, n := d.Update()
	if n != 1 {
		t.Fatalf("%d operations in an update of %d bytes", n, len(u))
	}
	must2(t)(peer.Apply(last, u))
	if peer.Digest() != d.Digest() || len(peer.graph.frontier) != 1 {
		t.Fatal("the two differ")
	}
}

// Concurrent steps may lead a counter out of its range; one towards the range is always taken.
func TestCounterFindsBack(t *testing.T) {
	p := newTwoPeers(t, (&script{}).child(0, KindCounter, "c", 1))
	for i := range 2 {
		p.change(i, (&script{}).child(0, KindCounter, "c", 1).count(1, maxCounter))
	}
	p.meet()
	if _, err := p.docs[0].Change((&script{}).count(1, 1).out); !errors.Is(err, ErrInvalid) {
		t.Fatalf("a step further out: %v", err)
	}
	p.change(0, (&script{}).count(1, -5))
	p.change(0, (&script{}).count(1, -maxCounter))
	p.meet()
	p.want("{c/5:" + "9007199254740986,}")
}
