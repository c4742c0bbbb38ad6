package crdt

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// twoPeers share a first transaction and then go apart.
type twoPeers struct {
	t    *testing.T
	docs [2]*Doc
}

func newTwoPeers(t *testing.T, first *script) *twoPeers {
	p := &twoPeers{t: t}
	for i := range p.docs {
		p.docs[i] = New()
		if err := p.docs[i].Begin(sessionOf(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	p.change(0, first)
	p.meet()
	return p
}

func (p *twoPeers) change(i int, s *script) {
	p.t.Helper()
	must[[]byte](p.t)(p.docs[i].Change(s.out))
}

// meet gives each what the other has and compares.
func (p *twoPeers) meet() {
	p.t.Helper()
	var net []message
	for _, d := range p.docs {
		for {
			update, n := d.Update()
			if n == 0 {
				break
			}
			net = append(net, message{d.writer.id, append([]byte(nil), update...)})
		}
	}
	for _, d := range p.docs {
		for _, m := range net {
			if _, _, err := d.Apply(m.session, m.bytes); err != nil {
				p.t.Fatal(err)
			}
		}
		if err := d.Check(); err != nil {
			p.t.Fatal(err)
		}
	}
	if p.docs[0].Digest() != p.docs[1].Digest() {
		p.t.Fatalf("the two differ:\n%s\n%s", viewOf(p.docs[0]), viewOf(p.docs[1]))
	}
}

func viewOf(d *Doc) string {
	m := newMirror(d)
	if err := m.apply(d.View()); err != nil {
		panic(err)
	}
	return m.String()
}

func (p *twoPeers) want(view string) {
	p.t.Helper()
	if got := viewOf(p.docs[1]); got != view {
		p.t.Fatalf("view is %s, want %s", got, view)
	}
}

// note is a list "l" with one text item that says "hi": containers 1 and 2, item 0.
func note() *script {
	return (&script{}).child(0, KindList, "l", 1).addObject(1, at(0), KindText, 2).insert(2, 0, "hi")
}

const itemZero = "0001000000000000000000000000005e:0"

func withItem(text string) string { return `{l/3:[` + itemZero + `="` + text + `",],}` }

func TestDeletionHidesWhatItSaw(t *testing.T) {
	p := newTwoPeers(t, note())
	p.want(withItem("hi"))
	p.change(0, (&script{}).drop(1, 0))
	p.meet()
	p.want("{}")
}

func TestConcurrentEditRevives(t *testing.T) {
	p := newTwoPeers(t, note())
	p.change(0, (&script{}).drop(1, 0))
	p.change(1, (&script{}).insert(2, 2, "!"))
	p.meet()
	p.want(withItem("hi!"))
}

func TestConcurrentMoveRevives(t *testing.T) {
	p := newTwoPeers(t, note())
	p.change(0, (&script{}).drop(1, 0))
	p.change(1, (&script{}).move(1, 0, at(0)))
	p.meet()
	p.want(withItem("hi"))
}

func TestLaterEditShowsAgain(t *testing.T) {
	p := newTwoPeers(t, note())
	p.change(0, (&script{}).drop(1, 0))
	p.meet()
	p.change(1, (&script{}).insert(2, 0, "o"))
	p.meet()
	p.want(withItem("ohi"))
}

// Each edit has been seen by the deletion of whoever made it, so nothing is left that no deletion has seen.
func TestTwoEditsTwoDeletions(t *testing.T) {
	p := newTwoPeers(t, note())
	for i := range p.docs {
		p.change(i, (&script{}).insert(2, 0, "x").drop(1, 0))
	}
	p.meet()
	p.want("{}")
}

func TestRecordChildComesBackWhole(t *testing.T) {
	p := newTwoPeers(t, (&script{}).child(0, KindRecord, "r", 1).child(1, KindMap, "k", 2).put(1, "k", KindMap).
		set(2, "a", []byte{1}).set(2, "b", []byte{2}))
	p.change(0, (&script{}).unset(1, "k"))
	p.meet()
	p.want("{}")
	p.change(0, (&script{}).put(1, "k", KindMap))
	p.meet()
	p.want(`{r/2:{k/1:{"a":01,"b":02,},},}`)
}

func TestTwoCreationsAreOneChild(t *testing.T) {
	p := newTwoPeers(t, (&script{}).set(0, "x", []byte{1}))
	p.change(0, (&script{}).child(0, KindText, "t", 1).insert(1, 0, "ab"))
	p.change(1, (&script{}).child(0, KindText, "t", 1).insert(1, 0, "cd"))
	p.meet()
	p.want(`{"x":01,t/4:"abcd",}`)
}

func TestRunsDoNotInterleave(t *testing.T) {
	p := newTwoPeers(t, (&script{}).child(0, KindText, "t", 1).insert(1, 0, "()"))
	for i, word := range []string{"hello", "world"} {
		for k := range word {
			p.change(i, (&script{}).insert(1, uint32(1+k), word[k:k+1]))
		}
	}
	p.meet()
	p.want(`{t/4:"(helloworld)",}`)
}

func TestRefusedCommands(t *testing.T) {
	d := New()
	var s script
	if _, err := d.Change(s.set(0, "a", []byte{1}).out); !errors.Is(err, ErrNoSession) {
		t.Fatalf("change before a session: %v", err)
	}
	if err := d.Begin(sessionOf(1)); err != nil {
		t.Fatal(err)
	}
	s = script{}
	s.child(0, KindText, "t", 1).child(0, KindList, "l", 2).child(0, KindCounter, "c", 3).child(0, KindRecord, "r", 4)
	s.insert(1, 0, "a😀b").add(2, at(0), packInt(1)).count(3, maxCounter)
	must[[]byte](t)(d.Change(s.out))
	listItem := uint32(d.lists.items[0].lv)
	deep := append([]byte(strings.Repeat("\x91", MaxDepth+1)), 1)
	for name, c := range map[string]struct {
		s    *script
		want *Error
	}{
		"inside a pair":          {(&script{}).insert(1, 2, "x"), ErrInvalid},
		"delete half a pair":     {(&script{}).remove(1, 1, 1), ErrInvalid},
		"delete from half":       {(&script{}).remove(1, 2, 1), ErrInvalid},
		"insert beyond":          {(&script{}).insert(1, 5, "x"), ErrInvalid},
		"delete beyond":          {(&script{}).remove(1, 3, 2), ErrInvalid},
		"lone surrogate":         {&script{[]byte{cmdTextInsert, 1, 0, 1, 0x00, 0xd8}}, ErrInvalid},
		"text command on a list": {(&script{}).insert(2, 0, "x"), ErrInvalid},
		"unknown container":      {(&script{}).insert(9, 0, "x"), ErrInvalid},
		"wrong index":            {(&script{}).child(0, KindText, "u", 7), ErrDesync},
		"no kind":                {(&script{}).child(0, kindEnd, "u", 5), ErrInvalid},
		"put in a map":           {(&script{}).put(0, "u", KindMap), ErrInvalid},
		"list index":             {(&script{}).add(2, at(2), packInt(1)), ErrInvalid},
		"unknown item":           {(&script{}).drop(2, listItem+1), ErrInvalid},
		"move behind unknown":    {(&script{}).move(2, listItem, after(listItem+1)), ErrInvalid},
		"torn value":             {(&script{}).set(0, "v", []byte{0x92, 1}), ErrInvalid},
		"two values":             {(&script{}).set(0, "v", []byte{1, 1}), ErrInvalid},
		"value too deep":         {(&script{}).set(0, "v", deep), ErrInvalid},
		"value too large":        {(&script{}).set(0, "v", make([]byte, MaxValueBytes+1)), ErrTooLarge},
		"key too long":           {(&script{}).set(0, strings.Repeat("k", MaxKeyBytes+1), []byte{1}), ErrInvalid},
		"counter overflow":       {(&script{}).count(3, 1), ErrInvalid},
		"counter step":           {(&script{}).count(3, -2*maxCounter-1), ErrInvalid},
	} {
		before := string(d.Dump())
		if _, err := d.Change(c.s.out); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want code %d", name, err, c.want.Code)
		}
		if string(d.Dump()) != before {
			t.Errorf("%s left a trace", name)
		}
	}
	if err := d.Begin(sessionOf(1)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a session that has operations began again: %v", err)
	}
}

// An update may only name what its author has seen; another replica may not have it at all.
func TestUpdatesNameOnlyWhatTheySaw(t *testing.T) {
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change((&script{}).child(0, KindList, "l", 1).add(1, at(0), packInt(1)).addObject(1, at(1), KindText, 2).insert(2, 0, "x").out))
	file := d.Save()
	other := sessionOf(1)
	head := append([]byte{updateVersion | updateContainers | updateSessions, 0, 1}, other[:]...)
	list := []byte{1 + 1, containerRoot, byte(KindList), 0, 1, 'l'}
	text := append([]byte{1 + 2, containerRoot, byte(KindList), 0, 1, 'l'}, containerItem|byte(KindText), 1, 1, 1)
	for name, rest := range map[string][]byte{
		"insert behind": append(list, byte(opListInsert)|1<<5, 2, 0, byte(KindValue), 1, 7),
		"delete":        append(list, byte(opItemDelete)|1<<5, 1, 0),
		"move":          append(list, byte(opListMove)|1<<5, 1, 0, 0),
		"edit inside":   append(text, byte(opTextInsert)|2<<5, 0, 1, 'z'),
	} {
		update := append(append([]byte{}, head...), rest...)
		d = must[*Doc](t)(Load(file))
		if _, _, err := d.Apply(sessionOf(2), update); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s of something not seen: %v", name, err)
		}
		// The same with the parents named is fine.
		seen := append(append([]byte{update[0] | updateParents}, update[1:len(head)]...), 1, 1, 2)
		seen = append(seen, rest...)
		fresh := must[*Doc](t)(Load(file))
		if _, _, err := fresh.Apply(sessionOf(2), seen); err != nil {
			t.Errorf("%s of something seen: %v", name, err)
		}
	}
}

// A key press in a document that is open for a while.
func TestKeyPressIsSmall(t *testing.T) {
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change((&script{}).child(0, KindList, "notes", 1).addObject(1, at(0), KindMap, 2).
		child(2, KindText, "body", 3).insert(3, 0, strings.Repeat("lorem ipsum ", 20_000)).out))
	for {
		if _, n := d.Update(); n == 0 {
			break
		}
	}
	must[[]byte](t)(d.Change((&script{}).insert(3, 100_000, "x").out))
	update, n := d.Update()
	if n != 1 || len(update) > 15 {
		t.Fatalf("%d operations in %d bytes: %x", n, len(update), update)
	}
}

// The bytes of an update, as docs/FORMAT.md tells them.
func TestUpdateBytes(t *testing.T) {
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change((&script{}).child(0, KindText, "t", 1).insert(1, 0, "héy").remove(1, 2, 1).remove(1, 1, 1).set(0, "k", []byte{0x2a}).out))
	update, _ := d.Update()
	got := hex.EncodeToString(update)
	const want = "4100" + // head: version 1, a container table; first operation 0
		"0230" + "04000174" + // two rows: the root; in row 0 the text "t"
		"20000468c3a979" + // row 1, insert at 0: "héy"
		"220202" + // row 1, erase from 2: two units
		"07016b2a" // row 0, set "k": 42
	if got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// The operation columns of a file, as docs/FORMAT.md tells them.
func TestFileBytes(t *testing.T) {
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change((&script{}).child(0, KindText, "t", 1).insert(1, 0, "héy").remove(1, 2, 1).remove(1, 1, 1).insert(1, 0, "x").set(0, "k", []byte{0x2a}).out))
	want := map[uint64]string{
		sectionState: "0147" + // one run: set, behind a gap
			"0106" + // of six operations
			"00" + "00" + "00" + // in the container before, which is the root; no length, no position
			"0101", // rest: key 1
		sectionPast: "00" + "04" + "01" + // from the beginning, four units, one segment
			"03800200" + // three runs: insert in another container, erase, insert
			"00" + // no gaps
			"0102" + // containers: one up
			"03030201" + // lengths: 3, 2, 1
			"03000100" + // positions: at the cursor, one before it (2 for 3), at the cursor (0)
			"00", // no rest
		sectionLast: "010502", // one: behind a gap of five, one container up
	}
	found := 0
	for _, s := range must[[]section](t)(takeSections(d.Save())) {
		if w, ok := want[s.id]; ok {
			if found++; hex.EncodeToString(s.payload) != w {
				t.Fatalf("section %d: got %x, want %s", s.id, s.payload, w)
			}
		}
	}
	if found != len(want) {
		t.Fatalf("%d sections", found)
	}
}

// A change larger than an update leaves in parts that a peer takes together.
func TestLargeChangesLeaveInParts(t *testing.T) {
	d, peer := New(), New()
	_ = d.Begin(sessionOf(1))
	s := (&script{}).child(0, KindText, "t", 1).child(0, KindList, "l", 2).insert(1, 0, strings.Repeat("→", 150_000)).remove(1, 10, 140_000)
	big := append([]byte{0xc5, 0xff, 0x00}, make([]byte, 0xff00)...)
	for i := range 40 {
		s.add(2, at(i), big)
	}
	must[[]byte](t)(d.Change(s.out))
	parts := 0
	for {
		update, n := d.Update()
		if n == 0 {
			break
		}
		if n > MaxUpdateOps || len(update) > MaxUpdateBytes {
			t.Fatalf("part of %d operations and %d bytes", n, len(update))
		}
		_, fresh, err := peer.Apply(sessionOf(1), update)
		if last := d.Size().Undrained == 0; fresh != last || last != (err == nil) || !last && !errors.Is(err, ErrMissing) {
			t.Fatalf("part %d: %v, %v", parts, fresh, err)
		}
		parts++
	}
	if parts < 5 || peer.Digest() != d.Digest() {
		t.Fatalf("%d parts, digests %x and %x", parts, peer.Digest(), d.Digest())
	}
	if got := d.Size().Undrained; got != 0 {
		t.Fatalf("%d operations left", got)
	}
}

// What waits for its dependencies is bounded, and waits no longer than it has to.
func TestHeldUpdates(t *testing.T) {
	d := New()
	_ = d.Begin(sessionOf(1))
	var updates [][]byte
	for i := range MaxHeldUpdates + 50 {
		must[[]byte](t)(d.Change((&script{}).set(0, "k", packInt(i)).out))
		update, _ := d.Update()
		updates = append(updates, update)
	}
	peer := New()
	for i := len(updates) - 1; i > 0; i-- {
		for range 2 { // a duplicate takes no room
			want := ErrMissing
			if i < 50 {
				want = ErrTooLarge
			}
			if _, _, err := peer.Apply(sessionOf(1), updates[i]); !errors.Is(err, want) {
				t.Fatalf("update %d: %v", i, err)
			}
		}
	}
	if n := peer.held.updates; n != MaxHeldUpdates {
		t.Fatalf("%d updates held", n)
	}
	// Another session's update does not suffer from that, and what was not held is told apart from what was.
	other := []byte{updateVersion | updateContainers, 1, 1, containerRoot, byte(opMapDelete), 1, 'o'}
	if _, _, err := peer.Apply(sessionOf(2), other); !errors.Is(err, ErrMissing) {
		t.Fatalf("update of another session: %v", err)
	}
	if _, _, err := peer.Apply(sessionOf(2), []byte{updateVersion | updateContainers, 0, 1, containerRoot, byte(opMapDelete), 1, 'o'}); err != nil || peer.held.updates != MaxHeldUpdates {
		t.Fatalf("%v, %d updates held", err, peer.held.updates)
	}
	must[[]byte](t)(d.Merge(peer.Save()))
	for _, u := range updates[:50] {
		if _, _, err := peer.Apply(sessionOf(1), u); err != nil {
			t.Fatal(err)
		}
	}
	if peer.Digest() != d.Digest() || peer.held.updates != 0 || peer.held.bytes != 0 {
		t.Fatalf("%d updates still held", peer.held.updates)
	}
}
