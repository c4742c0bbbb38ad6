package crdt

import (
	"bytes"
	"testing"
)

// fuzzDoc is a document with every type in it, some of it concurrent.
func fuzzDoc(t testing.TB) (*Doc, []message) {
	var net []message
	docs := []*Doc{New(), New()}
	for i, d := range docs {
		if err := d.Begin(sessionOf(i + 1)); err != nil {
			t.Fatal(err)
		}
		var s script
		s.child(0, KindText, "t", 1).child(0, KindList, "l", 2).child(0, KindRecord, "r", 3).child(0, KindCounter, "c", 4)
		s.child(3, KindMap, "k", 5)
		s.insert(1, 0, "hello 😀").remove(1, 1, 2).count(4, int64(i)+5).set(0, "m", packInt(i))
		s.put(3, "k", KindMap).set(5, "x", []byte{0x93, 1, 0xa1, 'q', 0xc0}).add(2, at(0), packInt(7)).add(2, at(1), packInt(8))
		s.addObject(2, at(0), KindText, 6).insert(6, 0, "item")
		if i == 1 {
			s.unset(3, "k")
		}
		must[[]byte](t)(d.Change(s.out))
		update, _ := d.Update()
		net = append(net, message{sessionOf(i + 1), update})
	}
	for i, d := range docs {
		m := net[1-i]
		if _, _, err := d.Apply(m.session, m.bytes); err != nil {
			t.Fatal(err)
		}
		s := (&script{}).insert(1, 0, "again")
		must[[]byte](t)(d.Change(s.out))
		update, _ := d.Update()
		net = append(net, message{sessionOf(i + 1), update})
	}
	return docs[0], net
}

// sound fails when a document has broken invariants or cannot go on: be edited, saved and opened.
func sound(t *testing.T, d *Doc) {
	t.Helper()
	if err := d.Check(); err != nil {
		t.Fatalf("%v\n%s", err, d.Dump())
	}
	if err := newMirror(d).apply(d.View()); err != nil {
		t.Fatal(err)
	}
	if err := d.Begin(sessionOf(999)); err != nil {
		return // the input has operations of that session
	}
	must[[]byte](t)(d.Change((&script{}).set(0, "alive", packInt(1)).out))
	loaded := must[*Doc](t)(Load(d.Save()))
	if loaded.Digest() != d.Digest() {
		t.Fatalf("opened again it differs\n%s\n%s", d.Dump(), loaded.Dump())
	}
}

// FuzzUpdate gives a document an update: refused without a trace, held, or taken; never a broken document.
func FuzzUpdate(f *testing.F) {
	_, net := fuzzDoc(f)
	for _, m := range net {
		f.Add(m.bytes)
	}
	f.Fuzz(func(t *testing.T, update []byte) {
		d, _ := fuzzDoc(t)
		before := d.Dump()
		_, fresh, err := d.Apply(sessionOf(2), update)
		d.held = held{}
		if (err != nil || !fresh) && !bytes.Equal(before, d.Dump()) {
			t.Fatalf("refused (%v), but changed", err)
		}
		if len(update) > 0 {
			_, _, _ = d.Apply(sessionOf(3), update)
			_, _, _ = d.Apply(sessionOf(2), update)
		}
		d.held = held{}
		sound(t, d)
	})
}

// FuzzCommands gives a document a transaction.
func FuzzCommands(f *testing.F) {
	f.Add((&script{}).insert(1, 0, "x").remove(1, 0, 1).count(4, 3).add(2, at(0), packInt(1)).out)
	f.Add((&script{}).child(0, KindText, "n", 8).unset(3, "k").put(3, "k", KindMap).out)
	f.Fuzz(func(t *testing.T, commands []byte) {
		d, _ := fuzzDoc(t)
		before := d.Dump()
		if _, err := d.Change(commands); err != nil && !bytes.Equal(before, d.Dump()) {
			t.Fatalf("refused (%v), but changed", err)
		}
		// What was taken, a peer takes too.
		peer, net := fuzzDoc(t)
		for _, m := range net {
			_, _, _ = peer.Apply(m.session, m.bytes)
		}
		for _, m := range net {
			_, _, _ = d.Apply(m.session, m.bytes)
		}
		for {
			update, n := d.Update()
			if n == 0 {
				break
			}
			fresh := New()
			must[[]byte](t)(fresh.Merge(d.Save()))
			if fresh.Digest() != d.Digest() {
				t.Fatal("a peer sees something else")
			}
			_ = update
		}
		sound(t, d)
	})
}

// reseal puts right the checksums of a damaged file, so that what is behind them is tested.
func reseal(file []byte) []byte {
	r := reader{in: file}
	out := append([]byte(nil), r.take(len(fileMagic)+2)...)
	for r.left() > 0 {
		id := r.varint()
		payload := r.bytes(MaxFileBytes)
		r.take(4)
		if r.bad {
			break
		}
		out = putSection(out, id, payload)
	}
	return out
}

// FuzzFile opens a file and merges it.
func FuzzFile(f *testing.F) {
	d, _ := fuzzDoc(f)
	f.Add(d.Save())
	f.Add(New().Save())
	f.Fuzz(func(t *testing.T, file []byte) {
		file = reseal(file)
		d, err := Load(file)
		if err != nil {
			return
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		other, _ := fuzzDoc(t)
		before := other.Dump()
		if _, err := other.Merge(file); err != nil && !bytes.Equal(before, other.Dump()) {
			t.Fatalf("refused (%v), but changed", err)
		}
		sound(t, other)
		// Its texts may not be what its operations make, so concurrent edits meet nonsense; they must survive it.
		id := sessionOf(77)
		if _, known := d.graph.index[id]; !known {
			_, _, _ = d.Apply(id, []byte{updateContainers, 0, 2, containerRoot, byte(KindText), 0, 1, 't', byte(opTextInsert) | 1<<4, 3, 1, 'z', byte(opTextDelete) | 1<<4, 1, 9})
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
