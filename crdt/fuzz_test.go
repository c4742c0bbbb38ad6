package crdt

import (
	"bytes"
	"slices"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
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
		s.child(0, KindRichText, "w", 7).insert(7, 0, "bold link\n").mark(7, 0, 4, 2, "b", packTrue).mark(7, 5, 4, 0, "l", packInt(1))
		s.embed(7, 4, packInt(3)).mark(7, 10, 1, 4, "h", packInt(2)).child(0, KindTree, "n", 8)
		must[[]byte](t)(d.Change(s.out))
		s = script{}
		first := uint32(d.Size().Operations)
		s.node(8, none, at(0), packInt(1)).node(8, first, at(0), packInt(2)).nodeObject(8, first, at(1), KindMap, 9).set(9, "y", packInt(i))
		s.nodeMove(8, first+1, none, at(1)).drop(8, first+2)
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
		s := (&script{}).insert(1, 0, "again").insert(7, 2, "er").mark(7, 1, 3, 3, "b", []byte{packedNil}).remove(7, 6, 2)
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

// refused fails when refusing input took more memory than taking input apart may, or changed anything.
func refused(t *testing.T, d *Doc, input []byte, try func() error) {
	t.Helper()
	before := d.Dump()
	var err error
	if took := allocated(func() { err = try() }); err != nil && took > 8*uint64(len(input))+1<<20 {
		t.Fatalf("refusing %d bytes (%v) took %d", len(input), err, took)
	}
	d.held = held{}
	if err != nil && !bytes.Equal(before, d.Dump()) {
		t.Fatalf("refused (%v), but changed", err)
	}
}

var errNothingNew = &Error{Reason: "nothing new"}

// FuzzUpdate gives a document an update: refused without a trace, held, or taken; never a broken document.
func FuzzUpdate(f *testing.F) {
	_, net := fuzzDoc(f)
	for _, m := range net {
		f.Add(m.bytes)
	}
	f.Fuzz(func(t *testing.T, update []byte) {
		d, _ := fuzzDoc(t)
		refused(t, d, update, func() error {
			_, fresh, err := d.Apply(sessionOf(2), update)
			if err == nil && !fresh {
				err = errNothingNew
			}
			return err
		})
		if len(update) > 0 {
			_, _, _ = d.Apply(sessionOf(3), update)
			_, _, _ = d.Apply(sessionOf(2), update)
		}
		d.held = held{}
		sound(t, d)
	})
}

// envelop puts a head and tables in front of the operations of an update by somebody who has seen all of d: row i of the
// table is container i, session i + 1 the document's session i.
func envelop(d *Doc, operations []byte) []byte {
	e := encoder{d: d, session: none, containers: []encoderRow{{c: 0}}}
	out := putVarint([]byte{updateVersion | updateSessions | updateParents | updateContainers, 0}, uint64(len(d.graph.sessions)))
	for i := range d.graph.sessions {
		out = append(out, d.graph.sessions[i].id[:]...)
		e.sessionIndex(uint32(i))
	}
	out = putVarint(out, uint64(len(d.graph.frontier)))
	for _, lv := range d.graph.frontier {
		out = e.id(out, lv)
	}
	for c := range d.containers[1:] {
		e.container(uint32(c + 1))
	}
	out = append(putVarint(out, uint64(len(d.containers))), containerRoot)
	return append(append(out, e.table...), operations...)
}

// FuzzOperations gives a document the operations of an update behind a head and tables that are right: mutations of
// whole updates seldom get that far.
func FuzzOperations(f *testing.F) {
	d, _ := fuzzDoc(f)
	tag := func(kind opKind, c int) byte { return byte(kind) | byte(min(c, farRow))<<5 }
	for _, operation := range [][]byte{
		{tag(opTextInsert, 1), 3, 1, 'z', tag(opTextDelete, 1), 0, 2, tag(opTextErase, 1), 4, 3},
		{tag(opMapSet, 0), 1, 'k', 7, tag(opMapDelete, 3), 1, 'k', tag(opRecordPut, 3), 1, 'k', byte(KindMap), tag(opCounterAdd, 4), 5},
		{tag(opListInsert, 2), 0, byte(KindValue), 2, 7, 8, tag(opListInsert, 2), 0, byte(KindText)},
		{tag(opMarkBegin, 7), 0, 2, 3, 0xa1, 'b', 0xc3, tag(opMarkEnd, 7), 0, 4, tag(opEmbed, 7), 0, 3, 9},
		{tag(opNodeInsert, 8), 1, 0, byte(KindValue), 7},
	} {
		update := envelop(d, operation)
		if _, _, err := must[*Doc](f)(Load(d.Save())).Apply(sessionOf(50), update); err != nil {
			f.Fatalf("%x: %v", operation, err)
		}
		f.Add(operation)
	}
	f.Fuzz(func(t *testing.T, operations []byte) {
		d, _ := fuzzDoc(t)
		update := envelop(d, operations)
		refused(t, d, update, func() error {
			_, _, err := d.Apply(sessionOf(50), update)
			return err
		})
		sound(t, d)
	})
}

// FuzzCommands gives a document a transaction.
func FuzzCommands(f *testing.F) {
	f.Add((&script{}).insert(1, 0, "x").remove(1, 0, 1).count(4, 3).add(2, at(0), packInt(1)).out)
	f.Add((&script{}).child(0, KindText, "n", 8).unset(3, "k").put(3, "k", KindMap).out)
	f.Fuzz(func(t *testing.T, commands []byte) {
		d, _ := fuzzDoc(t)
		refused(t, d, commands, func() error {
			_, err := d.Change(commands)
			return err
		})
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
	f.Add(d.SaveShallow())
	f.Add(New().Save())
	f.Fuzz(func(t *testing.T, file []byte) { openAndMerge(t, reseal(file)) })
}

// FuzzSection changes one section of a good file: mutations of whole files hardly ever keep the others whole.
func FuzzSection(f *testing.F) {
	d, _ := fuzzDoc(f)
	good := d.Save()
	sections := must[[]section](f)(takeSections(good))
	for _, s := range sections {
		f.Add(s.id, s.payload)
	}
	f.Fuzz(func(t *testing.T, id uint64, payload []byte) {
		out := append([]byte(nil), good[:len(fileMagic)+2]...)
		put := false
		for _, s := range sections {
			if !put && s.id >= id {
				out = putSection(out, id, payload)
				put = true
				if s.id == id {
					continue
				}
			}
			out = putSection(out, s.id, s.payload)
		}
		if !put {
			out = putSection(out, id, payload)
		}
		openAndMerge(t, putSection(out, sectionEnd, nil))
	})
}

// openAndMerge does with a hostile file whatever one does with files.
func openAndMerge(t *testing.T, file []byte) {
	var d *Doc
	var err error
	if took := allocated(func() { d, err = Load(file) }); err != nil {
		if took > 8*uint64(len(file))+1<<20 {
			t.Fatalf("refusing a file of %d bytes (%v) took %d", len(file), err, took)
		}
		return
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	other, _ := fuzzDoc(t)
	refused(t, other, file, func() error {
		_, err := other.Merge(file)
		return err
	})
	sound(t, other)
	// Its texts may not be what its operations make, so concurrent edits meet nonsense; they must survive it.
	id := sessionOf(77)
	if _, known := d.graph.index[id]; !known {
		_, _, _ = d.Apply(id, []byte{updateVersion | updateContainers, 0, 2, containerRoot, byte(KindText), 0, 1, 't', byte(opTextInsert) | 1<<5, 3, 1, 'z', byte(opTextDelete) | 1<<5, 1, 9})
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
}

// FuzzValue walks over a value as a stranger's library does.
func FuzzValue(f *testing.F) {
	for _, v := range []any{nil, true, -1, 1 << 40, 1.5, "é😀", []byte{1}, []any{1, []any{}}, map[string]any{"k": nil}} {
		f.Add(must[[]byte](f)(msgpack.Marshal(v)))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		n, ok := skipValue(in)
		if !ok {
			return
		}
		if again, ok := skipValue(in[:n]); !ok || again != n {
			t.Fatalf("%x: %d bytes, cut there %d", in, n, again)
		}
		if _, ok := skipValue(in[:n-1]); ok {
			t.Fatalf("%x: whole without its last byte", in[:n])
		}
		rest := bytes.NewReader(in)
		if err := msgpack.NewDecoder(rest).Skip(); err != nil || len(in)-rest.Len() != n {
			t.Fatalf("%x: %d bytes, msgpack skips %d: %v", in, n, len(in)-rest.Len(), err)
		}
	})
}

// FuzzText reads text and writes it again.
func FuzzText(f *testing.F) {
	for _, s := range []string{"a", "é→😀", "\xed\xa0\xbd", "\xf4\x90\x80\x80", "\xc0\x80"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		units, ok := takeUnits(nil, in)
		if n, counted := countUnits(in); counted != ok || ok && int(n) != len(units) {
			t.Fatalf("%x: %d units counted (%v), %d read (%v)", in, n, counted, len(units), ok)
		}
		if ok != utf8.Valid(in) && wellFormed(units) && bytes.Equal(putUnits(nil, units), in) {
			t.Fatalf("%x: read %v", in, ok)
		}
		if !ok {
			return
		}
		again, ok := takeUnits(nil, putUnits(nil, units))
		if !ok || !slices.Equal(again, units) {
			t.Fatalf("%x: read as %x, written and read as %x", in, units, again)
		}
		if utf8.Valid(in) && !slices.Equal(units, utf16.Encode([]rune(string(in)))) {
			t.Fatalf("%x: read as %x", in, units)
		}
	})
}
