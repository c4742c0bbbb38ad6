package crdt

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"unicode/utf16"
)

// peer is one replica of the random tests, with the view a page would have.
type peer struct {
	doc    *Doc
	view   *mirror
	sent   int // messages of the net that it has been offered
	number int
}

type message struct {
	session SessionID
	bytes   []byte
}

// swarm is some peers that edit at random, a net between them, and the model that knows what each must see.
type swarm struct {
	t        *testing.T
	r        *rand.Rand
	peers    []*peer
	model    *model
	net      []message
	sessions int
}

func newSwarm(t *testing.T, seed int64, n int) *swarm {
	s := &swarm{t: t, r: newRand(seed), model: newModel()}
	for range n {
		p := &peer{doc: New(), number: len(s.peers)}
		p.view = newMirror(p.doc)
		s.peers = append(s.peers, p)
		s.begin(p)
	}
	return s
}

func (s *swarm) begin(p *peer) {
	// Ids in no particular order, so that later sessions do not always win.
	s.sessions++
	id := sessionOf(s.r.Intn(1 << 15))
	id[2] = byte(s.sessions)
	if err := p.doc.Begin(id); err != nil {
		s.t.Fatal(err)
	}
}

// seen is the set of events a peer has.
func (s *swarm) seen(p *peer) []bool {
	set := make([]bool, len(s.model.events))
	for _, h := range p.doc.Heads() {
		for q := range h.Next {
			i, ok := s.model.byName[fmt.Sprintf("%x:%d", h.Session, q)]
			if !ok {
				s.t.Fatalf("peer %d has an operation nobody made", p.number)
			}
			set[i] = true
		}
	}
	return set
}

// check compares a peer with the model.
func (s *swarm) check(p *peer) {
	s.t.Helper()
	if err := p.doc.Check(); err != nil {
		s.t.Fatalf("peer %d: %v\n%s", p.number, err, p.doc.Dump())
	}
	if got, want := p.view.String(), s.model.String(s.seen(p)); got != want {
		s.t.Fatalf("peer %d shows\n%s\nmodel says\n%s\n%s", p.number, got, want, p.doc.Dump())
	}
	fresh := newMirror(p.doc)
	if err := fresh.apply(p.doc.View()); err != nil {
		s.t.Fatalf("peer %d: view: %v", p.number, err)
	}
	if got, want := fresh.String(), p.view.String(); got != want {
		s.t.Fatalf("peer %d: view shows\n%s\npatches make\n%s", p.number, got, want)
	}
}

// edit does a random transaction at p and tells the model.
func (s *swarm) edit(p *peer) {
	b := &batch{swarm: s, p: p, seen: s.seen(p), next: p.doc.Size().Next}
	b.containers = uint32(len(p.view.nodes))
	for range 1 + s.r.Intn(2) {
		b.step()
		// A second command would have to know the view after the first; one change per call is enough for that.
		patch, err := p.doc.Change(b.out)
		if err != nil {
			s.t.Fatalf("peer %d: %v", p.number, err)
		}
		if err := p.view.apply(patch); err != nil {
			s.t.Fatalf("peer %d: %v", p.number, err)
		}
		b.out = b.out[:0]
	}
	s.check(p)
}

// batch is an edit in the making.
type batch struct {
	script
	*swarm
	p          *peer
	seen       []bool
	next       Seq
	containers uint32
}

// event tells the model of one operation.
func (b *batch) event(e *event) int {
	e.session = b.p.doc.writer.id
	e.name = fmt.Sprintf("%x:%d", e.session, b.next)
	b.next++
	i := b.model.add(e, b.seen)
	b.seen = append(b.seen, make([]bool, i+1-len(b.seen))...)
	b.seen[i] = true
	return i
}

// path names container c for the model.
func (b *batch) path(c uint32) string {
	if c == 0 {
		return ""
	}
	n := b.p.view.nodes[c]
	parent := b.path(n.parent)
	if !n.inList {
		return keyPath(parent, n.key, n.kind)
	}
	it := b.p.doc.containers[c].name
	session, seq := b.p.doc.graph.id(b.p.doc.lists.items[it].lv)
	return fmt.Sprintf("%s/%x:%d:%d", parent, b.p.doc.graph.sessions[session].id, seq, n.kind)
}

// step adds one random command on a random container. Hidden containers are edited as well.
func (b *batch) step() {
	view := b.p.view
	c := uint32(b.r.Intn(len(view.nodes)))
	switch n := view.nodes[c]; n.kind {
	case KindText:
		b.text(c, n)
	case KindCounter:
		amount := int64(b.r.Intn(21) - 10)
		b.count(c, amount)
		b.event(&event{kind: opCounterAdd, path: b.path(c), amount: amount})
	case KindList:
		b.list(c, n)
	default:
		b.keys(c, n)
	}
}

func (b *batch) text(c uint32, n *mirrorNode) {
	path := b.path(c)
	length := len(n.text)
	if length > 0 && b.r.Intn(3) == 0 {
		pos := b.r.Intn(length)
		count := 1 + b.r.Intn(min(4, length-pos))
		inPair := func(i int) bool { return i > 0 && i < length && isHigh(n.text[i-1]) && isLow(n.text[i]) }
		if inPair(pos) {
			pos--
			count++
		}
		if inPair(pos + count) {
			count++
		}
		back := count == 1 && b.r.Intn(2) == 0 && pos > 0 && !inPair(pos-1)
		b.remove(c, uint32(pos), uint32(count))
		for range count {
			b.event(&event{kind: opTextDelete, path: path, target: b.model.units(path, b.seen)[pos]})
		}
		if back && !isLow(n.text[pos]) && !isLow(n.text[pos-1]) && !isHigh(n.text[pos]) {
			b.remove(c, uint32(pos-1), 1)
			b.event(&event{kind: opTextDelete, path: path, target: b.model.units(path, b.seen)[pos-1]})
		}
		return
	}
	pos := b.r.Intn(length + 1)
	if b.r.Intn(2) == 0 {
		pos = min(length, 2) // meet at one place often
	}
	if pos > 0 && pos < length && isHigh(n.text[pos-1]) && isLow(n.text[pos]) {
		pos++
	}
	words := []string{"a", "xyz", "é", "ab", "😀", "→q"}
	word := words[b.r.Intn(len(words))]
	if b.r.Intn(40) == 0 {
		word = strings.Repeat("long ", 14) // more than a word of the tracker's bit map
	}
	b.insert(c, uint32(pos), word)
	for k, u := range utf16.Encode([]rune(word)) {
		left := -1
		if at := pos + k; at > 0 {
			left = b.model.units(path, b.seen)[at-1]
		}
		b.event(&event{kind: opTextInsert, path: path, amount: int64(u), node: b.model.hang(path, b.seen, left)})
	}
}

func (b *batch) list(c uint32, n *mirrorNode) {
	path := b.path(c)
	place := func() (where, int) { // where, and the event of the slot to stand behind
		items := b.model.items(path, b.seen)
		row := b.model.row(path, b.seen)
		i := b.r.Intn(len(n.items) + 1)
		switch b.r.Intn(3) {
		case 0:
			if i < len(n.items) {
				slot := b.model.winner(items[i], b.seen)
				for k, s := range row {
					if s == slot && k > 0 {
						return before(n.items[i].lv), row[k-1]
					}
				}
				return before(n.items[i].lv), -1
			}
		case 1:
			if i < len(n.items) {
				return after(n.items[i].lv), b.model.winner(items[i], b.seen)
			}
		}
		if i == 0 {
			return at(0), -1
		}
		return at(i), b.model.winner(items[i-1], b.seen)
	}
	if len(n.items) > 0 && b.r.Intn(2) == 0 {
		it := n.items[b.r.Intn(len(n.items))]
		target := b.model.byName[it.name]
		if b.r.Intn(2) == 0 {
			b.drop(c, it.lv)
			b.event(&event{kind: opListDelete, path: path, target: target})
			return
		}
		w, left := place()
		b.move(c, it.lv, w)
		b.event(&event{kind: opListMove, path: path, target: target, node: b.model.hang(path, b.seen, left)})
		return
	}
	w, left := place()
	e := &event{kind: opListInsert, path: path, target: -1, node: b.model.hang(path, b.seen, left)}
	kinds := []Kind{KindValue, KindValue, KindMap, KindText, KindCounter, KindList, KindRecord}
	if b.p.doc.containers[c].depth > 3 {
		kinds = kinds[:2]
	}
	if e.sub = kinds[b.r.Intn(len(kinds))]; e.sub == KindValue {
		value := packInt(b.r.Intn(1 << 16))
		e.value = string(value)
		b.add(c, w, value)
	} else {
		b.addObject(c, w, e.sub, b.containers)
		b.containers++
	}
	b.event(e)
}

func (b *batch) keys(c uint32, n *mirrorNode) {
	path, key := b.path(c), string(rune('a'+b.r.Intn(3)))
	switch b.r.Intn(4) {
	case 0:
		value := packInt(b.r.Intn(1 << 16))
		b.set(c, key, value)
		b.event(&event{kind: opMapSet, path: path, key: key, value: string(value)})
	case 1:
		b.unset(c, key)
		b.event(&event{kind: opMapDelete, path: path, key: key})
	default:
		if b.p.doc.containers[c].depth > 3 {
			b.set(c, key, packInt(1))
			b.event(&event{kind: opMapSet, path: path, key: key, value: string(packInt(1))})
			return
		}
		kind := KindMap + Kind(b.r.Intn(int(kindEnd-KindMap)))
		if c == 0 && b.r.Intn(2) == 0 {
			kind = KindText
		}
		i, known := b.p.doc.children[childKey{c, b.keyNumber(key), kind}]
		if !known {
			i = b.containers
			b.containers++
		}
		b.child(c, kind, key, i)
		if n.kind == KindRecord {
			b.put(c, key, kind)
			b.event(&event{kind: opRecordPut, path: path, key: key, sub: kind})
		}
	}
}

func (b *batch) keyNumber(key string) uint32 {
	if i, ok := b.p.doc.keys.index[key]; ok {
		return i
	}
	return none
}

// drain puts a peer's new operations on the net.
func (s *swarm) drain(p *peer) {
	for {
		update, n := p.doc.Update()
		if n == 0 {
			return
		}
		s.net = append(s.net, message{p.doc.writer.id, append([]byte(nil), update...)})
	}
}

// deliver hands message i to p.
func (s *swarm) deliver(p *peer, i int) {
	patch, _, err := p.doc.Apply(s.net[i].session, s.net[i].bytes)
	if err != nil {
		if e, ok := err.(*Error); ok && e.Code == CodeMissing {
			return
		}
		if s.net[i].session == p.doc.writer.id {
			return
		}
		s.t.Fatalf("peer %d refuses a message: %v", p.number, err)
	}
	if err := p.view.apply(patch); err != nil {
		s.t.Fatalf("peer %d: %v", p.number, err)
	}
	s.check(p)
}

// reload closes a peer and opens it from its file.
func (s *swarm) reload(p *peer) {
	s.drain(p)
	file := p.doc.Save()
	loaded, err := Load(file)
	if err != nil {
		s.t.Fatalf("peer %d: load: %v", p.number, err)
	}
	if string(loaded.Save()) != string(file) {
		s.t.Fatalf("peer %d: a loaded file saves differently", p.number)
	}
	if loaded.Digest() != p.doc.Digest() {
		s.t.Fatalf("peer %d: digest differs after load", p.number)
	}
	p.doc, p.view = loaded, newMirror(loaded)
	if err := p.view.apply(loaded.View()); err != nil {
		s.t.Fatal(err)
	}
	s.begin(p)
	s.check(p)
}

// merge gives p everything that q has, by q's file.
func (s *swarm) merge(p, q *peer) {
	patch, err := p.doc.Merge(q.doc.Save())
	if err != nil {
		s.t.Fatalf("merge: %v", err)
	}
	if err := p.view.apply(patch); err != nil {
		s.t.Fatalf("peer %d: merge: %v", p.number, err)
	}
	s.check(p)
}

// settle gives everything to everybody, in a different order each, and compares.
func (s *swarm) settle() {
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
	for _, p := range s.peers {
		if n := p.doc.held.updates; n > 0 || p.doc.held.bytes != 0 {
			s.t.Fatalf("peer %d still holds %d updates", p.number, n)
		}
		for _, have := range s.seen(p) {
			if !have {
				s.t.Fatalf("peer %d lacks operations", p.number)
			}
		}
		if p.view.String() != first.view.String() || p.doc.Digest() != first.doc.Digest() {
			s.t.Fatalf("peers 0 and %d differ:\n%s\n%s", p.number, first.view, p.view)
		}
	}
}

func runSwarm(t *testing.T, seed int64) {
	s := newSwarm(t, seed, 2+int(seed%4))
	for range 40 {
		p := s.peers[s.r.Intn(len(s.peers))]
		switch k := s.r.Intn(20); {
		case k < 11:
			s.edit(p)
		case k < 14:
			s.drain(p)
		case k < 18:
			if len(s.net) > 0 {
				s.deliver(p, s.r.Intn(len(s.net)))
			}
		case k < 19:
			s.reload(p)
		default:
			s.merge(p, s.peers[s.r.Intn(len(s.peers))])
		}
	}
	s.settle()
}

func TestConvergence(t *testing.T) {
	for _, seed := range seeds(t, 150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runSwarm(t, seed) })
	}
}
