package crdt

import (
	"bytes"
	"errors"
	"testing"
)

// raw writes updates as a session with ideas of its own would.
type raw struct{ out []byte }

// update begins one; parents are last operations of other sessions.
func update(first Seq, parents ...ID) *raw {
	head := byte(updateVersion)
	var sessions, ids []byte
	for i, p := range parents {
		head |= updateSessions | updateParents
		sessions = append(sessions, p.Session[:]...)
		ids = putU32(putU32(ids, uint32(i+1)), uint32(p.Seq))
	}
	out := putU32([]byte{head | updateContainers}, uint32(first))
	if len(parents) > 0 {
		out = append(putVarint(out, uint64(len(parents))), sessions...)
		out = append(putVarint(out, uint64(len(parents))), ids...)
	}
	return &raw{append(out, 1, containerRoot)}
}

// set sets key k of the root to a small number.
func (r *raw) set(k string, n int) *raw {
	r.out = append(putString(append(r.out, byte(opMapSet)), k), packInt(n)...)
	return r
}

// broken is an operation on a container of another kind.
func (r *raw) broken() *raw {
	r.out = putZigzag(append(r.out, byte(opCounterAdd)), 1)
	return r
}

// An update that waits costs those that come meanwhile nothing: what the tracker knows stays.
func TestHeldUpdateDoesNotSlowOthers(t *testing.T) {
	texts := New()
	_ = texts.Begin(sessionOf(1))
	must[[]byte](t)(texts.Change((&script{}).child(0, KindText, "t", 1).insert(1, 0, "x").out))
	base, _ := texts.Update()
	var net []message
	for n := range 2 {
		d := New()
		must2(t)(d.Apply(sessionOf(1), base))
		_ = d.Begin(sessionOf(n + 2))
		for i := range 2_000 {
			must[[]byte](t)(d.Change((&script{}).child(0, KindText, "t", 1).insert(1, uint32(i%7%(i+1)), "ab").out))
			u, _ := d.Update()
			net = append(net, message{sessionOf(n + 2), u})
		}
	}
	run := func(hold bool) (steps int) {
		d := New()
		must2(t)(d.Apply(sessionOf(1), base))
		if hold {
			if _, _, err := d.Apply(sessionOf(8), update(0, ID{sessionOf(9), 0}).set("k", 1).out); !errors.Is(err, ErrMissing) {
				t.Fatal(err)
			}
		}
		for _, m := range net {
			must2(t)(d.Apply(m.session, m.bytes))
		}
		return d.tracker.steps + d.graph.walk.steps
	}
	free, held := run(false), run(true)
	if held > 2*free {
		t.Fatalf("%d steps with nothing held, %d with one update held", free, held)
	}
}

func must2(t testing.TB) func(patch []byte, fresh bool, err error) {
	return func(_ []byte, _ bool, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A refused update ends its session, on every replica and for those that get to know of it through a file.
func TestRefusalEndsTheSession(t *testing.T) {
	good, bad, next, later := update(0).set("k", 1).out, update(1).broken().out, update(1).set("k", 2).out, update(5).set("k", 3).out
	a := New()
	must2(t)(a.Apply(sessionOf(1), good))
	if _, _, err := a.Apply(sessionOf(1), later); !errors.Is(err, ErrMissing) {
		t.Fatal(err)
	}
	if _, _, err := a.Apply(sessionOf(1), bad); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	if a.held.updates != 0 || a.held.bytes != 0 {
		t.Fatal("what came after the refused update still waits")
	}
	want := a.Digest()
	loaded := must[*Doc](t)(Load(a.Save()))
	merged := New()
	must[[]byte](t)(merged.Merge(a.Save()))
	for name, d := range map[string]*Doc{"first": a, "loaded": loaded, "merged": merged} {
		for _, u := range [][]byte{next, later, bad} {
			if _, _, err := d.Apply(sessionOf(1), u); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s: after the end of the session: %v", name, err)
			}
		}
		if _, fresh, err := d.Apply(sessionOf(1), good); err != nil || fresh {
			t.Fatalf("%s: what was here before: %v", name, err)
		}
		if err := d.Begin(sessionOf(1)); !errors.Is(err, ErrInvalid) {
			t.Fatalf("%s: an ended session began: %v", name, err)
		}
		if d.Digest() != want || !bytes.Equal(d.Save(), a.Save()) {
			t.Fatalf("%s differs", name)
		}
	}
	// The refused update waited for another session: the end comes when its turn does.
	b, x := New(), ID{sessionOf(2), 0}
	for _, u := range [][]byte{update(0, x).broken().out, update(0).set("k", 2).out} {
		if _, _, err := b.Apply(sessionOf(1), u); !errors.Is(err, ErrMissing) {
			t.Fatal(err)
		}
	}
	must2(t)(b.Apply(x.Session, update(0).set("x", 1).out))
	if _, _, err := b.Apply(sessionOf(1), next); !errors.Is(err, ErrCorrupt) || b.held.updates != 0 {
		t.Fatal(err)
	}
}

// What a version cannot read stops its session here, but it is no verdict: files do not speak of it.
func TestNewerUpdateStopsItsSession(t *testing.T) {
	d := New()
	for _, u := range [][]byte{{updateVersion + 1}, update(0).set("k", 1).out} {
		if _, _, err := d.Apply(sessionOf(1), u); !errors.Is(err, ErrNewerFormat) {
			t.Fatal(err)
		}
	}
	loaded := must[*Doc](t)(Load(d.Save()))
	must2(t)(loaded.Apply(sessionOf(1), update(0).set("k", 1).out))
}

// Updates of one session that contradict each other are judged alike, whenever what they follow arrives.
func TestOverlapIsJudgedAlike(t *testing.T) {
	for _, seed := range seeds(t, 400) {
		r := newRand(seed)
		x := ID{sessionOf(2), 0}
		other := update(0).set("x", 1).out
		var net [][]byte
		for i := range 2 + r.Intn(5) {
			first := Seq(r.Intn(3))
			u := update(first)
			if r.Intn(2) == 0 {
				u = update(first, x)
			}
			for k := range 1 + r.Intn(3) {
				u.set("k", 10*i+k)
			}
			if r.Intn(12) == 0 {
				u.broken()
			}
			net = append(net, u.out)
		}
		var want [16]byte
		for when := range len(net) + 1 {
			d := New()
			for i := range len(net) + 1 {
				if i == when {
					must2(t)(d.Apply(x.Session, other))
				}
				if i < len(net) {
					_, _, _ = d.Apply(sessionOf(1), net[i])
				}
			}
			if err := d.Check(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if when == 0 {
				want = d.Digest()
			} else if d.Digest() != want {
				t.Fatalf("seed %d: another state when the other session arrives after %d updates:\n%s", seed, when, d.Dump())
			}
		}
	}
}

// Begin must not lose what nobody has got yet.
func TestBeginKeepsWhatIsUndrained(t *testing.T) {
	d := New()
	_ = d.Begin(sessionOf(1))
	must[[]byte](t)(d.Change((&script{}).set(0, "k", packInt(1)).out))
	if err := d.Begin(sessionOf(2)); !errors.Is(err, ErrInvalid) {
		t.Fatalf("begin with undrained operations: %v", err)
	}
	if _, n := d.Update(); n != 1 {
		t.Fatalf("%d operations left", n)
	}
	if err := d.Begin(sessionOf(2)); err != nil {
		t.Fatal(err)
	}
}
