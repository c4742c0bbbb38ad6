package crdt

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

// Classes of bugs that other projects had. Those that a story tells are in testdata/scripts.

// table replaces the container table of an update, which has the root only.
func (r *raw) table(rows ...[]byte) *raw {
	r.out = append(r.out[:len(r.out)-2], byte(1+len(rows)), containerRoot)
	r.out = append(r.out, bytes.Join(rows, nil)...)
	return r
}

func (r *raw) bytes(b ...byte) *raw {
	r.out = append(r.out, b...)
	return r
}

// childRow is a child of the root.
func childRow(kind Kind) []byte { return []byte{byte(kind), 0, 1, 'c'} }

// A run has one operation at least, and an update one run: what is empty is refused, not taken for nothing.
func TestEmptyRunsAreRefused(t *testing.T) {
	text, list := childRow(KindText), childRow(KindList)
	for name, u := range map[string]*raw{
		"no operation":       update(0),
		"insert of nothing":  update(0).table(text).bytes(byte(opTextInsert)|1<<5, 0, 0),
		"delete of nothing":  update(0).table(text).bytes(byte(opTextDelete)|1<<5, 0, 0),
		"erase of nothing":   update(0).table(text).bytes(byte(opTextErase)|1<<5, 0, 0),
		"nothing of nothing": update(0).table(text).bytes(byte(opTextNothing)|1<<5, 0),
		"no items":           update(0).table(list).bytes(byte(opListInsert)|1<<5, 0, byte(KindValue), 0),
		"nothing after one":  update(0).table(text).bytes(byte(opTextInsert)|1<<5, 0, 1, 'a', byte(opTextDelete)|1<<5, 0, 0),
	} {
		d := New()
		before := d.Dump()
		if _, _, err := d.Apply(sessionOf(1), u.out); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if d.held = (held{}); !bytes.Equal(before, d.Dump()) {
			t.Errorf("%s left a trace", name)
		}
	}
	if _, _, err := New().Apply(sessionOf(1), nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("no bytes: %v", err)
	}
}

// What names an item, slot, node or parent that nobody made is refused without a trace (loro#120, FluidFramework#10936).
func TestOrphansAreRefused(t *testing.T) {
	list, tree := childRow(KindList), childRow(KindTree)
	inside := func(kind Kind) []byte { return []byte{containerItem | byte(kind), 1, 0, 9} }
	for name, u := range map[string]*raw{
		"item behind nothing":        update(0).table(list).bytes(byte(opListInsert)|1<<5, 1, 9, byte(KindValue), 1, 7),
		"deletion of no item":        update(0).table(list).bytes(byte(opItemDelete)|1<<5, 0, 9),
		"move of no item":            update(0).table(list).bytes(byte(opListMove)|1<<5, 0, 9, 0),
		"edit in no item":            update(0).table(list, inside(KindText)).bytes(byte(opTextInsert)|2<<5, 0, 1, 'a'),
		"node under no node":         update(0).table(tree).bytes(byte(opNodeInsert)|1<<5, 2, 9, byte(KindValue), 7),
		"node behind no node":        update(0).table(tree).bytes(byte(opNodeInsert)|1<<5, 1, 9, byte(KindValue), 7),
		"move of no node":            update(0).table(tree).bytes(byte(opNodeMove)|1<<5, 0, 9, 0),
		"edit in no node":            update(0).table(tree, inside(KindMap)).bytes(byte(opMapDelete)|2<<5, 1, 'k'),
		"deletion of no node":        update(0).table(tree).bytes(byte(opItemDelete)|1<<5, 0, 9),
		"item behind a later one":    update(0).table(list).bytes(byte(opListInsert)|1<<5, 1, 1, byte(KindValue), 1, 7, byte(opListInsert)|1<<5, 0, byte(KindValue), 1, 7),
		"node under itself":          update(0).table(tree).bytes(byte(opNodeInsert)|1<<5, 2, 0, byte(KindValue), 7),
		"container of an early none": update(0).table([]byte{containerEarly, 0}).bytes(byte(opTextInsert)|1<<5, 0, 1, 'a'),
	} {
		d := New()
		before := d.Dump()
		if _, _, err := d.Apply(sessionOf(1), u.out); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if d.held = (held{}); !bytes.Equal(before, d.Dump()) {
			t.Errorf("%s left a trace", name)
		}
	}
}

// Numbers at the edge of what fits wrap nothing, allocate nothing and wait for nothing that cannot come.
func TestLargestNumbers(t *testing.T) {
	max := func(n uint64) []byte { return putVarint(nil, n) }
	text := childRow(KindText)
	head := func(first uint64) *raw {
		return &raw{append(append([]byte{update(0).out[0]}, max(first)...), 1, containerRoot)}
	}
	for name, c := range map[string]struct {
		u    *raw
		want error // nil: taken
	}{
		"number 2³² − 1":            {head(1<<32-1).set("k", 1), ErrCorrupt},
		"number 2³²":                {head(1<<32).set("k", 1), ErrCorrupt},
		"number 2⁶⁴ − 1":            {head(1<<64-1).set("k", 1), ErrCorrupt},
		"last number, two of them":  {head(maxLV-1).set("k", 1).set("k", 2), ErrCorrupt},
		"last number":               {head(maxLV-1).set("k", 1), ErrMissing},
		"position 2³² − 1":          {update(0).table(text).bytes(byte(opTextInsert)|1<<5).bytes(max(1<<32-1)...).bytes(1, 'a'), ErrCorrupt},
		"greatest position":         {update(0).table(text).bytes(byte(opTextInsert)|1<<5).bytes(max(maxTextPosition)...).bytes(1, 'a'), nil},
		"deletes 2³² − 1":           {update(0).table(text).bytes(byte(opTextDelete)|1<<5, 0).bytes(max(1<<32 - 1)...), ErrCorrupt},
		"deletes 65,537":            {update(0).table(text).bytes(byte(opTextDelete)|1<<5, 0).bytes(max(MaxUpdateOps + 1)...), ErrCorrupt},
		"deletes 65,536 of nothing": {update(0).table(text).bytes(byte(opTextDelete)|1<<5, 0).bytes(max(MaxUpdateOps)...), nil},
		"text of 2⁶³ bytes":         {update(0).table(text).bytes(byte(opTextInsert)|1<<5, 0).bytes(max(1 << 63)...).bytes('a'), ErrCorrupt},
		"counter step 2⁵³ − 1":      {update(0).table(childRow(KindCounter)).bytes(byte(opCounterAdd) | 1<<5).bytes(putZigzag(nil, maxCounter)...), nil},
		"counter step 2⁵³":          {update(0).table(childRow(KindCounter)).bytes(byte(opCounterAdd) | 1<<5).bytes(putZigzag(nil, maxCounter+1)...), ErrCorrupt},
		"counter step −2⁶³":         {update(0).table(childRow(KindCounter)).bytes(byte(opCounterAdd) | 1<<5).bytes(putZigzag(nil, math.MinInt64)...), ErrCorrupt},
		"container row 2³² − 1":     {update(0).table(text).bytes(byte(opTextInsert)|farRow<<5).bytes(max(1<<32-1)...).bytes(0, 1, 'a'), ErrCorrupt},
	} {
		d := New()
		_, _, err := d.Apply(sessionOf(1), c.u.out)
		if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err := d.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Counters at both ends, many times over: sums wrap alike on every replica.
	a, b := New(), New()
	for i := range 3000 {
		u := update(0).table(childRow(KindCounter)).bytes(byte(opCounterAdd) | 1<<5).bytes(putZigzag(nil, maxCounter)...)
		must2(t)(a.Apply(sessionOf(i+1), u.out))
	}
	for i := range 3000 {
		u := update(0).table(childRow(KindCounter)).bytes(byte(opCounterAdd) | 1<<5).bytes(putZigzag(nil, maxCounter)...)
		must2(t)(b.Apply(sessionOf(3000-i), u.out))
	}
	loaded := must[*Doc](t)(Load(a.Save()))
	if a.Digest() != b.Digest() || loaded.Digest() != a.Digest() || viewOf(a) != viewOf(b) {
		t.Fatalf("%s and %s", viewOf(a), viewOf(b))
	}
}

// NaN, with any payload, and −0 are values as any other: they come back bit by bit, and are told apart.
func TestNaNAndNegativeZero(t *testing.T) {
	float := func(bits uint64) []byte {
		out := []byte{0xcb}
		for i := 56; i >= 0; i -= 8 {
			out = append(out, byte(bits>>i))
		}
		return out
	}
	values := [][]byte{float(0x7ff8000000000001), float(0xfff8dead0000beef), float(1 << 63), float(0), {0x00}, {0xca, 0x80, 0, 0, 0}, float(math.Float64bits(math.Inf(-1)))}
	digests := map[[16]byte]bool{}
	for _, v := range values {
		d := New()
		_ = d.Begin(sessionOf(1))
		must[[]byte](t)(d.Change((&script{}).set(0, "k", v).child(0, KindList, "l", 1).add(1, at(0), v).out))
		u, _ := d.Update()
		peer := New()
		must2(t)(peer.Apply(sessionOf(1), u))
		loaded := must[*Doc](t)(Load(peer.Save()))
		m := newMirror(loaded)
		if err := m.apply(loaded.View()); err != nil {
			t.Fatal(err)
		}
		if m.nodes[0].registry["k"] != string(v) || m.nodes[1].items[0].value != string(v) {
			t.Fatalf("%x came back as %x and %x", v, m.nodes[0].registry["k"], m.nodes[1].items[0].value)
		}
		if loaded.Digest() != d.Digest() {
			t.Fatalf("%x: digests differ", v)
		}
		digests[d.Digest()] = true
	}
	if len(digests) != len(values) {
		t.Fatalf("%d digests for %d values", len(digests), len(values))
	}
}

// What is nested 100,000 deep is refused without a call frame per level, in values, updates and files.
func TestDeepNesting(t *testing.T) {
	const deep = 100_000
	for name, opener := range map[string]string{"arrays": "\x91", "maps": "\x81\xa1k"} {
		value := []byte(strings.Repeat(opener, deep) + "\xc0")
		if _, ok := skipValue(value); ok {
			t.Errorf("%s nested %d deep are a value", name, deep)
		}
		u := &raw{append(append(update(0).out, byte(opMapSet), 1, 'k'), value...)}
		if _, _, err := New().Apply(sessionOf(1), u.out); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s nested %d deep in an update: %v", name, deep, err)
		}
		edge := append(bytes.Repeat([]byte(opener), MaxDepth), 0xc0)
		if _, ok := skipValue(edge); !ok {
			t.Errorf("%s nested %d deep are no value", name, MaxDepth)
		}
	}
	out := []byte{updateContainers, 0}
	out = append(putVarint(out, deep), containerRoot)
	for i := range deep - 1 {
		out = putString(putU32(append(out, byte(KindMap)), uint32(i)), "k")
	}
	if _, _, err := New().Apply(sessionOf(1), append(out, byte(opMapDelete), 1, 'k')); !errors.Is(err, ErrCorrupt) {
		t.Errorf("containers nested %d deep: %v", deep, err)
	}
	// The deepest that is legal can be made, sent, saved and opened.
	d := New()
	_ = d.Begin(sessionOf(1))
	var s script
	for i := range uint32(MaxDepth - 1) {
		s.child(i, KindMap, "k", i+1)
	}
	must[[]byte](t)(d.Change(s.set(MaxDepth-1, "k", packInt(1)).out))
	if _, err := d.Change((&script{}).child(MaxDepth-1, KindMap, "k", MaxDepth).out); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one deeper: %v", err)
	}
	u, _ := d.Update()
	peer := New()
	must2(t)(peer.Apply(sessionOf(1), u))
	if loaded := must[*Doc](t)(Load(peer.Save())); loaded.Digest() != d.Digest() {
		t.Error("the deepest legal document comes back differently")
	}
}

// A hundred thousand writers, each with one operation: opening, merging and naming them costs with their number.
func TestManyActors(t *testing.T) {
	const actors = 100_000
	id := func(n int) (s SessionID) {
		s[0], s[1], s[2], s[3] = byte(n), byte(n>>8), byte(n>>16), 0xac
		return s
	}
	d := New()
	for n := range actors {
		u := update(0)
		if n > 0 {
			u = update(0, ID{id(n - 1), 0})
		}
		if _, _, err := d.Apply(id(n), u.set("k", n&0xffff).out); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.Heads()); n != actors {
		t.Fatalf("%d heads", n)
	}
	file := d.Save()
	loaded := must[*Doc](t)(Load(file))
	merged := New()
	must[[]byte](t)(merged.Merge(file))
	if loaded.Digest() != d.Digest() || merged.Digest() != d.Digest() {
		t.Fatal("digests differ")
	}
	if err := loaded.Begin(sessionOf(1)); err != nil {
		t.Fatal(err)
	}
	must[[]byte](t)(loaded.Change((&script{}).set(0, "k", packInt(1)).out))
	if u, _ := loaded.Update(); len(u) > 64 {
		t.Fatalf("an update in a document of many writers has %d bytes", len(u))
	}
	t.Logf("%d writers in a file of %d bytes", actors, len(file))
}

// A text of pairs that leaves in parts, whose border is inside a pair, arrives whole; chunks of the rope and of the file
// cut none either.
func TestPairsAcrossPartsAndChunks(t *testing.T) {
	const text = "😀"
	d, peer := New(), New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change((&script{}).child(0, KindText, "t", 1).insert(1, 0, "x"+strings.Repeat(text, MaxUpdateOps)).out))
	parts := 0
	for {
		u, n := d.Update()
		if n == 0 {
			break
		}
		if parts++; n == MaxUpdateOps && parts == 1 {
			if _, _, err := peer.Apply(sessionOf(1), u); err != nil && !errors.Is(err, ErrMissing) {
				t.Fatal(err)
			}
			// Half of a pair is here, and nobody sees it.
			if err := peer.Begin(sessionOf(2)); err != nil {
				t.Fatal(err)
			}
			if m := newMirror(peer); len(peer.containers) > 1 && !wellFormed(m.units(1)) {
				t.Fatal("shows half a pair")
			}
			continue
		}
		if _, _, err := peer.Apply(sessionOf(1), u); err != nil && !errors.Is(err, ErrMissing) {
			t.Fatal(err)
		}
	}
	if parts < 2 || peer.Digest() != d.Digest() {
		t.Fatalf("%d parts, digests %x and %x", parts, peer.Digest(), d.Digest())
	}
	r := newRand(1)
	for range 2000 { // the rope's chunks come and go
		pos := uint32(1 + 2*r.Intn(1000))
		must[[]byte](t)(peer.Change((&script{}).insert(1, pos, text).remove(1, uint32(1+2*r.Intn(1000)), 2).out))
	}
	loaded := must[*Doc](t)(Load(peer.Save()))
	if units := newMirror(loaded).units(1); !wellFormed(units) || loaded.Digest() != peer.Digest() {
		t.Fatal("opened differently")
	}
}

// An insertion of which a part is asked for is read from its beginning, so pushing must not make ever longer ones.
func TestPushedItemsStayShortRuns(t *testing.T) {
	const n = 1000
	d, peer := New(), New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change((&script{}).child(0, KindList, "l", 1).out))
	for i := range n {
		must[[]byte](t)(d.Change((&script{}).add(1, at(i), packInt(i)).out))
		update, _ := d.Update()
		must2(t)(peer.Apply(sessionOf(1), update))
	}
	for _, d := range []*Doc{d, peer} {
		if d.Check() != nil || len(d.log.runs) > n/joinedItems+2 {
			t.Errorf("%d runs of %d items: %v", len(d.log.runs), n, d.Check())
		}
		for _, r := range d.log.runs {
			if r.n > joinedItems {
				t.Errorf("run of %d items", r.n)
			}
		}
	}
	if d.Digest() != peer.Digest() {
		t.Error("replicas differ")
	}
}
