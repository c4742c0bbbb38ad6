package crdt

import (
	"bytes"
	"errors"
	"testing"
)

// essay is a document with a history: a text that was edited, a key that was set again, a list.
func essay(t testing.TB) *Doc {
	d := New()
	_ = d.Begin(sessionOf(1))
	s := (&script{}).child(0, KindText, "t", 1).insert(1, 0, "The beginning of a long story.").remove(1, 4, 9).insert(1, 4, "end")
	s.child(0, KindList, "l", 2).add(2, at(0), packInt(1)).add(2, at(1), packInt(2)).set(0, "k", packInt(1)).set(0, "k", packInt(2))
	must[[]byte](t)(d.Change(s.out))
	for _, n := d.Update(); n > 0; {
		_, n = d.Update()
	}
	return d
}

func reload(t testing.TB, d *Doc) *Doc { return must[*Doc](t)(Load(d.Save())) }

// encoded reports whether d's past has not been taken apart.
func encoded(d *Doc) bool { return d.past.from > d.past.cut }

// Opening, editing, sending and following leave the past as it is; only what is concurrent with it needs it.
func TestPastStaysEncoded(t *testing.T) {
	base := essay(t)
	d, peer := reload(t, base), reload(t, base)
	_ = d.Begin(sessionOf(2))
	_ = peer.Begin(sessionOf(3))
	late := essay(t)
	_ = late.Begin(sessionOf(4))
	must[[]byte](t)(late.Change((&script{}).insert(1, 0, "Late. ").drop(2, uint32(late.lists.items[0].lv)).out))
	for i := range 3 { // to and fro, each following the other
		for _, from := range []*Doc{d, peer} {
			to := d
			if from == d {
				to = peer
			}
			must[[]byte](t)(from.Change((&script{}).insert(1, 3, "xy").remove(1, 2, 2).set(0, "k", packInt(i)).add(2, at(0), packInt(i)).move(2, uint32(from.lists.items[0].lv), at(1)).out))
			u, _ := from.Update()
			must2(t)(to.Apply(from.writer.id, u))
		}
	}
	// Concurrent with each other, but not with the past.
	must[[]byte](t)(d.Change((&script{}).insert(1, 1, "d").unset(0, "k").out))
	must[[]byte](t)(peer.Change((&script{}).insert(1, 1, "p").drop(2, uint32(peer.lists.items[0].lv)).out))
	u, _ := d.Update()
	v, _ := peer.Update()
	must2(t)(peer.Apply(sessionOf(2), u))
	must2(t)(d.Apply(sessionOf(3), v))
	for _, d := range []*Doc{d, peer} {
		if !encoded(d) {
			t.Fatal("the past was taken apart")
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
	}
	if !encoded(reload(t, d)) || reload(t, d).Digest() != peer.Digest() {
		t.Fatal("the two differ")
	}
	// Concurrent with the last thing that was done before the file: the history is needed from there on.
	w, _ := late.Update()
	for _, d := range []*Doc{d, peer} {
		must2(t)(d.Apply(sessionOf(4), w))
		must[[]byte](t)(d.Change((&script{}).out))
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
	}
	whole := New()
	must[[]byte](t)(whole.Merge(peer.Save()))
	if d.Digest() != peer.Digest() || whole.Digest() != d.Digest() {
		t.Fatalf("the two differ:\n%s\n%s", d.Dump(), peer.Dump())
	}
}

// What is concurrent with the past is merged the same, whether the past was encoded or not.
func TestConcurrentWithThePast(t *testing.T) {
	base := New()
	must[[]byte](t)(base.Merge(essay(t).Save()))
	early := essay(t)
	for i, edit := range []func(s *script){
		func(s *script) { s.insert(1, 5, "z") },
		func(s *script) { s.remove(1, 0, 4) },
		func(s *script) { s.drop(2, uint32(base.lists.items[0].lv)) },
		func(s *script) { s.set(0, "k", packInt(9)) },
	} {
		far := reload(t, early)
		_ = far.Begin(sessionOf(9))
		var s script
		edit(&s)
		must[[]byte](t)(far.Change(s.out))
		u, _ := far.Update()
		// Meanwhile the base went on.
		went := reload(t, base)
		_ = went.Begin(sessionOf(5))
		must[[]byte](t)(went.Change((&script{}).insert(1, 0, "Meanwhile. ").move(2, uint32(went.lists.items[0].lv), at(2)).out))
		for _, n := went.Update(); n > 0; {
			_, n = went.Update()
		}
		cold, warm := reload(t, went), reload(t, went)
		if err := warm.recall(); err != nil {
			t.Fatal(err)
		}
		must2(t)(cold.Apply(sessionOf(9), u))
		must2(t)(warm.Apply(sessionOf(9), u))
		if encoded(cold) {
			t.Fatalf("edit %d: merged without its history", i)
		}
		if !bytes.Equal(cold.Dump(), warm.Dump()) || cold.Check() != nil {
			t.Fatalf("edit %d: cold\n%s\nwarm\n%s", i, cold.Dump(), warm.Dump())
		}
	}
}

// A refused change that needed the past leaves no trace but that it is taken apart.
func TestRefusedChangeThatNeededThePast(t *testing.T) {
	d := reload(t, essay(t))
	before := reload(t, essay(t)).Dump()
	u := update(0, ID{sessionOf(1), 5})
	if _, _, err := d.Apply(sessionOf(9), u.set("x", 1).broken().out); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	d.held = held{}
	if encoded(d) || !bytes.Equal(d.Dump(), before) || d.Check() != nil {
		t.Fatalf("it left\n%s\nof\n%s", d.Dump(), before)
	}
}

// What the state says follows from the operations: a document made from them alone saves the same state.
func TestStateFollowsFromHistory(t *testing.T) {
	for _, seed := range seeds(t, 40) {
		s := busySwarm(t, seed, 80)
		for _, p := range s.peers {
			d := reload(t, p.doc)
			for d.past.count > 0 && encoded(d) {
				if err := d.recall(); err != nil {
					t.Fatal(err)
				}
			}
			again := New()
			must[[]byte](t)(again.Merge(p.doc.Save()))
			a, b := must[[]section](t)(takeSections(d.Save())), must[[]section](t)(takeSections(again.Save()))
			for i := range a {
				// The containers may be numbered otherwise when an update of the tree of them was of no use.
				if i >= len(b) || a[i].id != b[i].id || !bytes.Equal(a[i].payload, b[i].payload) {
					t.Fatalf("seed %d: section %d: %x, made anew %x", seed, a[i].id, a[i].payload, b[i].payload)
				}
			}
		}
	}
}

// Each time a document is opened, edited and saved without a look at its past the file gets a segment; they do not
// get too many, and say the same as one.
func TestSegments(t *testing.T) {
	d := essay(t)
	most := 0
	for i := range 3 * maxSegments {
		d = reload(t, d)
		most = max(most, d.past.count)
		if !encoded(d) {
			t.Fatal("nothing is encoded")
		}
		_ = d.Begin(sessionOf(10 + i))
		must[[]byte](t)(d.Change((&script{}).insert(1, uint32(i%20), "é").remove(1, uint32(i%20)/2, 1).set(0, "k", packInt(i)).set(0, "l", packInt(i)).out))
		for _, n := d.Update(); n > 0; {
			_, n = d.Update()
		}
	}
	if most != maxSegments {
		t.Fatalf("at most %d segments", most)
	}
	cold, one := reload(t, d), New()
	must[[]byte](t)(one.Merge(d.Save()))
	if err := cold.recall(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(cold.Save(), one.Save()) || cold.Check() != nil {
		t.Fatal("many segments are not the same as one")
	}
}

// A shallow file opens as the same document, takes part, and refuses what is concurrent with what it left out.
func TestShallow(t *testing.T) {
	d := essay(t)
	late := reload(t, d)
	must[[]byte](t)(d.Change((&script{}).insert(1, 0, "More. ").set(0, "k", packInt(3)).out))
	for _, n := d.Update(); n > 0; {
		_, n = d.Update()
	}
	s := must[*Doc](t)(Load(d.SaveShallow()))
	if s.Digest() != d.Digest() || s.Check() != nil || len(d.SaveShallow()) >= len(d.Save()) {
		t.Fatal("it opens as something else, or is no smaller")
	}
	// The session of before goes on: its update names the text by an operation that was left out.
	must[[]byte](t)(d.Change((&script{}).insert(1, 2, "!").out))
	u, _ := d.Update()
	must2(t)(s.Apply(sessionOf(1), u))
	_ = s.Begin(sessionOf(2))
	must[[]byte](t)(s.Change((&script{}).insert(1, 0, "Ours. ").remove(1, 8, 2).add(2, at(1), packInt(7)).out))
	must[[]byte](t)(d.Change((&script{}).remove(1, 3, 4).drop(2, uint32(d.lists.items[0].lv)).out))
	u, _ = s.Update()
	v, _ := d.Update()
	must2(t)(d.Apply(sessionOf(2), u))
	must2(t)(s.Apply(sessionOf(1), v))
	if s.Digest() != d.Digest() || s.Check() != nil {
		t.Fatal("the two differ")
	}
	again := reload(t, s)
	if again.past.cut != s.past.cut || again.Digest() != s.Digest() || again.Check() != nil {
		t.Fatal("saved again it is something else")
	}
	// What does not follow all that was left out.
	_ = late.Begin(sessionOf(3))
	must[[]byte](t)(late.Change((&script{}).insert(1, 0, "Late. ").out))
	u, _ = late.Update()
	for _, s := range []*Doc{s, again} {
		before := s.Dump()
		if _, _, err := s.Apply(sessionOf(3), u); !errors.Is(err, ErrTrimmed) {
			t.Fatal(err)
		}
		if _, err := s.Merge(late.Save()); !errors.Is(err, ErrTrimmed) {
			t.Fatal(err)
		}
		if !bytes.Equal(before, s.Dump()) || s.held.ended[sessionOf(3)] != nil {
			t.Fatal("refused, but changed")
		}
		must[[]byte](t)(s.Merge(d.Save()))
	}
	// A file that left out what the reader lacks.
	if _, err := late.Merge(again.Save()); !errors.Is(err, ErrTrimmed) {
		t.Fatal(err)
	}
	if _, err := New().Merge(s.SaveShallow()); !errors.Is(err, ErrTrimmed) {
		t.Fatal(err)
	}
	must2(t)(d.Apply(sessionOf(3), u))
	must[[]byte](t)(d.Merge(again.Save())) // nothing is lacking
	if _, err := again.Merge(d.Save()); !errors.Is(err, ErrTrimmed) {
		t.Fatal(err)
	}
}

// A past that is not what it should be behind its checksum is found when it is needed. Nothing is lost then: the
// document goes on, and saves the past as it is.
func TestDamagedPast(t *testing.T) {
	file := essay(t).Save()
	far := essay(t)
	_ = far.Begin(sessionOf(9))
	must[[]byte](t)(far.Change((&script{}).insert(1, 0, "far ").out))
	u, _ := far.Update()
	found := 0
	for _, hit := range must[[]section](t)(takeSections(file)) {
		if hit.id < sectionPast {
			continue
		}
		for at := range hit.payload {
			damaged := append([]byte(fileMagic), fileMajor, fileMinor)
			for _, s := range must[[]section](t)(takeSections(file)) {
				payload := bytes.Clone(s.payload)
				if s.id == hit.id {
					payload[at] ^= 0x11
				}
				damaged = putSection(damaged, s.id, payload)
			}
			damaged = putSection(damaged, sectionEnd, nil)
			d, err := Load(damaged)
			if err != nil {
				if !errors.Is(err, ErrCorrupt) {
					t.Fatal(err)
				}
				continue
			}
			_ = d.Begin(sessionOf(2))
			must[[]byte](t)(d.Change((&script{}).set(0, "alive", packInt(1)).out))
			if d.recall() == nil {
				continue // other words of the same length, say
			}
			found++
			// Concurrent with what d did, so not with the past; and then with the past.
			must2(t)(must[*Doc](t)(Load(damaged)).Apply(sessionOf(9), u))
			w := update(0, ID{sessionOf(1), 5}).set("x", 1).out
			if _, _, err := d.Apply(sessionOf(8), w); !errors.Is(err, ErrTrimmed) || d.held.ended[sessionOf(8)] != nil {
				t.Fatalf("section %d at %d: %v", hit.id, at, err)
			}
			again := reload(t, d)
			if again.Digest() != d.Digest() || again.Check() != nil || !bytes.Equal(again.past.segments[:len(d.past.segments)], d.past.segments) {
				t.Fatalf("section %d at %d: something was lost", hit.id, at)
			}
		}
	}
	if found < 10 {
		t.Fatalf("%d damages found late", found)
	}
}

// What a later minor version puts behind the fields of a section stays there, through opening, editing and saving,
// also where this version has nothing to say.
func TestUnknownFieldsSurvive(t *testing.T) {
	for name, d := range map[string]*Doc{"essay": essay(t), "empty": New()} {
		var parts [sectionKnown][]byte
		for _, s := range must[[]section](t)(takeSections(d.Save())) {
			parts[s.id] = s.payload
		}
		for id := range parts[1:] {
			id++
			if parts[id] == nil {
				parts[id] = make([]byte, emptyBytes[id])
			}
			parts[id] = append(parts[id], 0xfe, byte(id), 0)
		}
		loaded := must[*Doc](t)(Load(file(parts)))
		if loaded.Digest() != d.Digest() {
			t.Fatalf("%s: it opens as something else", name)
		}
		_ = loaded.Begin(sessionOf(5))
		must[[]byte](t)(loaded.Change((&script{}).set(0, "new", packInt(1)).out))
		for _, d := range []*Doc{loaded, reload(t, loaded)} {
			found := 0
			for _, s := range must[[]section](t)(takeSections(d.Save())) {
				if bytes.HasSuffix(s.payload, []byte{0xfe, byte(s.id), 0}) {
					found++
				}
			}
			if found != sectionKnown-1 {
				t.Fatalf("%s: %d of %d survived", name, found, sectionKnown-1)
			}
		}
	}
}

// Files of other major versions are refused: newer ones as such.
func TestOtherVersions(t *testing.T) {
	f := essay(t).Save()
	for major, want := range map[byte]error{0: ErrCorrupt, 2: ErrNewerFormat, 255: ErrNewerFormat} {
		f[len(fileMagic)] = major
		if _, err := Load(f); !errors.Is(err, want) {
			t.Errorf("file of version %d: %v", major, err)
		}
	}
	u := update(0).set("k", 1).out
	for version, want := range map[byte]error{0: ErrCorrupt, 2: ErrNewerFormat, 15: ErrNewerFormat} {
		u[0] = u[0]&0xf0 | version
		if _, _, err := New().Apply(sessionOf(1), u); !errors.Is(err, want) {
			t.Errorf("update of version %d: %v", version, err)
		}
	}
}
