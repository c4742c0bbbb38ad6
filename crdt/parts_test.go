package crdt

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
)

// writerOf is a document that session n writes.
func writerOf(t *testing.T, n int) *Doc {
	t.Helper()
	d := New()
	if err := d.Begin(sessionOf(n)); err != nil {
		t.Fatal(err)
	}
	return d
}

// drained gives all updates of a document.
func drained(d *Doc) (updates [][]byte) {
	for u, n := d.Update(); n > 0; u, n = d.Update() {
		updates = append(updates, u)
	}
	return updates
}

// largeChange is one change of a few updates: much text, some of it deleted, and a key that says that it is whole.
func largeChange(t *testing.T, d *Doc) [][]byte {
	t.Helper()
	s := (&script{}).set(0, "begun", packInt(1)).child(0, KindText, "t", 1).insert(1, 0, strings.Repeat("🐴→", 100_000)).remove(1, 3, 150_000)
	must[[]byte](t)(d.Change(s.set(0, "done", packInt(1)).out))
	updates := drained(d)
	if len(updates) < 5 {
		t.Fatalf("%d parts", len(updates))
	}
	for i, u := range updates {
		if more := u[0]&updateMore != 0; more != (i < len(updates)-1) {
			t.Fatalf("part %d of %d: more %v", i, len(updates), more)
		}
	}
	return updates
}

// Whatever the order in which the parts come, and how often each, nothing shows before all are here.
func TestPartsAreAppliedTogether(t *testing.T) {
	d := writerOf(t, 1)
	updates := largeChange(t, d)
	for _, seed := range seeds(t, 12) {
		r := newRand(seed)
		peer := New()
		empty := peer.Digest()
		missing := map[int]bool{}
		for i := range updates {
			missing[i] = true
		}
		order := append(r.Perm(len(updates)), r.Perm(len(updates))...)
		for _, i := range order {
			if len(missing) == 0 {
				break
			}
			delete(missing, i)
			patch, fresh, err := peer.Apply(sessionOf(1), updates[i])
			if len(missing) > 0 && (fresh || !errors.Is(err, ErrMissing) || peer.Digest() != empty || len(peer.Heads()) > 0) {
				t.Fatalf("seed %d: before the last part: %v, %v", seed, fresh, err)
			}
			if len(missing) == 0 && (!fresh || err != nil || len(patch) == 0) {
				t.Fatalf("seed %d: last part: %v, %v", seed, fresh, err)
			}
			if err := peer.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if peer.Digest() != d.Digest() || peer.held.parts != 0 {
			t.Fatalf("seed %d: %d bytes of parts kept, or another state", seed, peer.held.parts)
		}
		if _, fresh, err := peer.Apply(sessionOf(1), updates[0]); fresh || err != nil {
			t.Fatalf("a part of what is here: %v, %v", fresh, err)
		}
	}
}

// Parts do not use up what may wait, and what they follow may come last.
func TestPartsWaitForTheirParents(t *testing.T) {
	first := writerOf(t, 9)
	must[[]byte](t)(first.Change((&script{}).set(0, "x", packInt(1)).out))
	parent, _ := first.Update()
	d := writerOf(t, 1)
	must2(t)(d.Apply(sessionOf(9), parent))
	updates := largeChange(t, d)
	must[[]byte](t)(d.Change((&script{}).set(0, "after", packInt(1)).out))
	updates = append(updates, drained(d)...)
	peer := New()
	for i, u := range updates {
		if _, _, err := peer.Apply(sessionOf(1), u); !errors.Is(err, ErrMissing) {
			t.Fatalf("update %d: %v", i, err)
		}
	}
	if peer.held.updates != 2 || peer.Check() != nil { // the last part and what follows it
		t.Fatalf("%d updates held, %v", peer.held.updates, peer.Check())
	}
	must2(t)(peer.Apply(sessionOf(9), parent))
	if peer.Digest() != d.Digest() || peer.held.parts != 0 {
		t.Fatal("a change whose parents came last is not here")
	}
}

// Changes that fit an update are never cut, and nothing leaves in the same update as a part.
func TestOnlyLargeChangesAreCut(t *testing.T) {
	for _, seed := range seeds(t, 60) {
		r := newRand(seed)
		d := writerOf(t, 1)
		most := Seq(2 + r.Intn(20))
		ends := map[Seq]Seq{} // where a change ends: where it begins
		for range 30 {
			from, n := d.Size().Next, 1+r.Intn(int(most)*3/2)
			if r.Intn(3) == 0 {
				n = 1
			}
			s := &script{}
			if from == 0 {
				s.child(0, KindText, "t", 1)
			}
			must[[]byte](t)(d.Change(s.insert(1, 0, strings.Repeat("x", n)).out))
			ends[d.Size().Next] = from
			for r.Intn(3) == 0 {
				d.drain(most, updateRoom)
			}
		}
		at := d.writer.drained
		for {
			u, n := d.drain(most, updateRoom)
			if n == 0 {
				break
			}
			end := at + Seq(n)
			_, whole := ends[end]
			if more := u[0]&updateMore != 0; more == whole {
				t.Fatalf("seed %d: update [%d, %d) says %v", seed, at, end, more)
			}
			for e, b := range ends {
				if b < at && at < e && end > e {
					t.Fatalf("seed %d: last part [%d, %d) goes beyond its change [%d, %d)", seed, at, end, b, e)
				}
				if b < end && end < e && (b != at && b > at || e-b <= most) {
					t.Fatalf("seed %d: update [%d, %d) cuts the change [%d, %d), which needs no more than one", seed, at, end, b, e)
				}
			}
			at = end
		}
		if len(d.writer.changes) != 0 {
			t.Fatalf("seed %d: changes that have left are remembered", seed)
		}
	}
}

// pending changes lost on save (automerge-classic#258): what waits is not in a file, and coming again it is taken.
func TestPendingSurvivesSaveByComingAgain(t *testing.T) {
	d := writerOf(t, 1)
	must[[]byte](t)(d.Change((&script{}).set(0, "first", packInt(1)).out))
	updates := append(drained(d), largeChange(t, d)...)
	must[[]byte](t)(d.Change((&script{}).set(0, "last", packInt(1)).out))
	updates = append(updates, drained(d)...)
	for lost := range updates {
		a := New()
		for i, u := range updates {
			if i != lost {
				_, _, _ = a.Apply(sessionOf(1), u)
			}
		}
		loaded := must[*Doc](t)(Load(a.Save()))
		if loaded.Digest() != a.Digest() || loaded.held.updates+loaded.held.parts != 0 {
			t.Fatalf("without update %d: the file has what only waited", lost)
		}
		// Its heads say where to go on: nothing that follows them was taken for here.
		for _, u := range updates {
			if _, _, err := loaded.Apply(sessionOf(1), u); err != nil && !errors.Is(err, ErrMissing) {
				t.Fatal(err)
			}
		}
		if loaded.Digest() != d.Digest() || loaded.Check() != nil {
			t.Fatalf("without update %d: what waited before the save is not here after it came again", lost)
		}
		// A file that has it whole is as good.
		must[[]byte](t)(a.Merge(d.Save()))
		if a.Digest() != d.Digest() || a.held.updates+a.held.parts != 0 || a.Check() != nil {
			t.Fatalf("without update %d: %d updates and %d bytes of parts are kept of what a file brought", lost, a.held.updates, a.held.parts)
		}
	}
}

// One bad part and nothing of the change is taken, here and everywhere.
func TestRefusedPartRefusesTheChange(t *testing.T) {
	more := func(r *raw) []byte { r.out[0] |= updateMore; return r.out }
	x := ID{sessionOf(2), 0}
	for name, last := range map[string][]byte{
		"a broken last part":       update(3).set("c", 1).broken().out,
		"a broken part in between": more(update(3).broken()),
		"a part with parents":      update(3, x).set("c", 1).out,
		"bytes":                    {updateMore},
	} {
		d := New()
		must2(t)(d.Apply(x.Session, update(0).set("x", 1).out))
		must2(t)(d.Apply(sessionOf(1), update(0).set("a", 1).out))
		want := d.Save()
		for _, u := range [][]byte{more(update(1).set("b", 1)), more(update(2).set("b", 2))} {
			if _, _, err := d.Apply(sessionOf(1), u); !errors.Is(err, ErrMissing) {
				t.Fatal(err)
			}
		}
		end := []byte(nil)
		if name == "a broken part in between" { // all are judged when the last is here
			if _, _, err := d.Apply(sessionOf(1), last); !errors.Is(err, ErrMissing) {
				t.Fatal(err)
			}
			last, end = update(4).set("c", 1).out, last
		}
		if _, _, err := d.Apply(sessionOf(1), last); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%s: %v", name, err)
		}
		if d.held.parts != 0 || d.Check() != nil {
			t.Fatalf("%s: %d bytes kept, %v", name, d.held.parts, d.Check())
		}
		for _, u := range [][]byte{update(1).set("z", 1).out, last, end} {
			if _, _, err := d.Apply(sessionOf(1), u); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s: after the end: %v", name, err)
			}
		}
		fresh := New()
		must[[]byte](t)(fresh.Merge(want))
		fresh.held.end(sessionOf(1), errEnded)
		if !bytes.Equal(fresh.Save(), d.Save()) {
			t.Fatalf("%s: the change left a trace", name)
		}
	}
	// The bad one came early and was held: the part that leads up to it says so.
	d := New()
	if _, _, err := d.Apply(sessionOf(1), update(1).broken().out); !errors.Is(err, ErrMissing) {
		t.Fatal(err)
	}
	if _, _, err := d.Apply(sessionOf(1), more(update(0).set("a", 1))); !errors.Is(err, ErrCorrupt) || len(d.Heads()) != 0 || d.Check() != nil {
		t.Fatalf("a change whose last part was held and is bad: %v", err)
	}
}

// A change that never ends costs no more than one may have, and others nothing.
func TestEndlessParts(t *testing.T) {
	// The longest updates there are, and the shortest.
	long := func(i int) []byte {
		u := update(Seq(15 * i))
		for range 15 {
			u.out = append(putString(append(u.out, byte(opMapSet)), "k"), 0xc5, 0xff, 0x00)
			u.out = append(u.out, make([]byte, 0xff00)...)
		}
		return u.out
	}
	short := func(i int) []byte { return update(Seq(i)).set("k", i&1).out }
	for name, part := range map[string]func(i int) []byte{"long": long, "short": short} {
		d := New()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		n, size := 0, 0
		for ; ; n++ {
			u := part(n)
			u[0] |= updateMore
			_, _, err := d.Apply(sessionOf(1), u)
			if errors.Is(err, ErrCorrupt) {
				break
			}
			if size += len(u) + partCost; !errors.Is(err, ErrMissing) || size > MaxChangeBytes {
				t.Fatalf("%s: part %d after %d bytes: %v", name, n, size, err)
			}
		}
		if size < MaxChangeBytes-MaxUpdateBytes {
			t.Fatalf("%s: refused after %d bytes", name, size)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if d.held.parts != 0 || after.HeapAlloc > before.HeapAlloc+1<<20 {
			t.Fatalf("%s: %d bytes are kept of a change that was refused", name, after.HeapAlloc-before.HeapAlloc)
		}
		must2(t)(d.Apply(sessionOf(2), update(0).set("other", 1).out))
	}
	// All sessions together may take four times as much, in order and out of order.
	for gap := range 2 {
		d := New()
		taken := 0
		for i := range 66 {
			u := long(i + gap)
			u[0] |= updateMore
			for s := range 6 {
				_, _, err := d.Apply(sessionOf(s+1), u)
				if errors.Is(err, ErrMissing) {
					taken += len(u)
				} else if !errors.Is(err, ErrTooLarge) {
					t.Fatal(err)
				}
			}
		}
		if taken > heldSessions*MaxChangeBytes || taken < (heldSessions-1)*MaxChangeBytes || d.Check() != nil {
			t.Fatalf("%d bytes of parts are kept, %v", taken, d.Check())
		}
		must2(t)(d.Apply(sessionOf(9), update(0).set("k", 1).out))
	}
}

// What could not leave is not done.
func TestChangeTooLargeToLeave(t *testing.T) {
	d := writerOf(t, 1)
	must[[]byte](t)(d.Change((&script{}).child(0, KindText, "t", 1).child(0, KindCounter, "n", 2).insert(1, 0, "text").count(2, 1).out))
	before, file := d.Dump(), d.Save()
	text := strings.Repeat("→", MaxChangeBytes/3+1)
	value := append([]byte{0xc5, 0xff, 0x00}, make([]byte, 0xff00)...)
	values, keys := &script{}, &script{}
	for range MaxChangeBytes/len(value) + 1 {
		values.set(0, "k", value)
	}
	key := strings.Repeat("k", MaxKeyBytes)
	for range MaxChangeBytes/MaxKeyBytes + 1 {
		keys.unset(0, key)
	}
	for name, s := range map[string]*script{"text": (&script{}).count(2, 5).insert(1, 0, text), "values": values, "keys": keys} {
		if _, err := d.Change(s.out); !errors.Is(err, ErrTooLarge) {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(d.Dump(), before) || !bytes.Equal(d.Save(), file) {
			t.Fatalf("%s: a change that is too large left a trace", name)
		}
	}
	// One that just fits arrives. The text that is deleted again leaves all the same.
	peer := New()
	must[[]byte](t)(d.Change((&script{}).insert(1, 0, text[:3*(MaxChangeBytes/3-50_000)]).out))
	size := 0
	for _, u := range drained(d) {
		size += len(u) + partCost
		if _, _, err := peer.Apply(sessionOf(1), u); err != nil && !errors.Is(err, ErrMissing) {
			t.Fatal(err)
		}
	}
	if size > MaxChangeBytes || size < MaxChangeBytes-1<<20 || peer.Digest() != d.Digest() {
		t.Fatalf("a change of %d bytes did not arrive", size)
	}
}

// FuzzParts gives a document updates of one session, each behind its length: whole or in parts, and damaged. None leaves half
// of a change.
func FuzzParts(f *testing.F) {
	split := func(d *Doc) (out []byte) {
		for u, n := d.drain(3, 40); n > 0; u, n = d.drain(3, 40) {
			out = putBytes(out, u)
		}
		return out
	}
	d := New()
	_ = d.Begin(sessionOf(1))
	for _, s := range []*script{
		(&script{}).child(0, KindText, "t", 1).insert(1, 0, "some text").set(0, "k", packInt(1)).remove(1, 2, 4),
		(&script{}).insert(1, 0, "again").set(0, "l", packInt(3)),
	} {
		if _, err := d.Change(s.out); err != nil {
			f.Fatal(err)
		}
		f.Add(split(d))
	}
	part := update(0).set("k", 1).out
	part[0] |= updateMore
	f.Add(putBytes(putBytes(nil, update(1).set("k", 1).out), part))
	f.Fuzz(func(t *testing.T, in []byte) {
		d := New()
		r := reader{in: in}
		for range 64 {
			u := r.bytes(MaxUpdateBytes)
			if r.bad {
				break
			}
			before, heads := d.Digest(), d.HeadsBytes()
			_, fresh, err := d.Apply(sessionOf(1), u)
			if broken := d.Check(); broken != nil {
				t.Fatal(broken)
			}
			if (err != nil || !fresh) && (d.Digest() != before || !bytes.Equal(d.HeadsBytes(), heads)) {
				t.Fatalf("%v, and yet something was applied", err)
			}
		}
		d.held = held{}
		sound(t, d)
	})
}

// Parts of very many sessions cost no more than those of some: each that waits is looked at whenever something comes.
func TestPartsOfManySessionsAreNotAllKept(t *testing.T) {
	x := New()
	if err := x.Begin(sessionOf(1)); err != nil {
		t.Fatal(err)
	}
	must[[]byte](t)(x.Change((&script{}).set(0, "k", packInt(1)).out))
	part, _ := x.Update()
	part[0] |= updateMore
	d := New()
	for i := range maxWaiting + 1 {
		_, _, err := d.Apply(sessionOf(2+i), part)
		if want := i < maxWaiting; isCode(err, CodeMissing) != want || isCode(err, CodeTooLarge) == want {
			t.Fatalf("part of session %d: %v", i, err)
		}
	}
	if len(d.held.sessions) != maxWaiting || d.held.parts != maxWaiting*(len(part)+partCost) {
		t.Fatalf("%d sessions, %d bytes wait", len(d.held.sessions), d.held.parts)
	}
}
