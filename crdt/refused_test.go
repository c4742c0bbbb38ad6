package crdt

import "testing"

// edited does one transaction and gives the updates it leaves in.
func edited(t *testing.T, d *Doc, edit func(tx *Tx)) (updates [][]byte) {
	t.Helper()
	if err := d.Edit(func(tx *Tx) error { edit(tx); return nil }); err != nil {
		t.Fatal(err)
	}
	for {
		update, n := d.Update()
		if n == 0 {
			return updates
		}
		updates = append(updates, update)
	}
}

// begun gives an empty document in which session n writes.
func begun(t *testing.T, n int) *Doc {
	t.Helper()
	d := New()
	if err := d.Begin(sessionOf(n)); err != nil {
		t.Fatal(err)
	}
	return d
}

// A refused update may need the past of a file before it is refused. What is then taken back is the update, not where
// the units of the last operation are among those that the past brought.
func TestRefusalKeepsThePastInPlace(t *testing.T) {
	a := begun(t, 1)
	edited(t, a, func(tx *Tx) { tx.Root().RichText("r").Insert(0, "abc") })
	edited(t, a, func(tx *Tx) { tx.Root().RichText("r").Embed(1, 7) })
	d := must[*Doc](t)(Load(a.Save()))

	x := begun(t, 2)
	update := edited(t, x, func(tx *Tx) { tx.Root().RichText("r").Insert(0, "x") })[0]
	update = append(update, byte(opMarkEnd)|1<<5, 0) // of a mark that nothing began
	if _, _, err := d.Apply(sessionOf(2), update); !isCode(err, CodeCorrupt) {
		t.Fatalf("took a mark end without its begin: %v", err)
	}
	if d.past.from != d.past.cut {
		t.Fatal("the past was not needed")
	}
	if err := d.Check(); err != nil {
		t.Fatalf("%v\n%s", err, d.Dump())
	}
}

// An update that begins in front of the file's end names no container by an operation that a shallow file leaves out.
func TestUpdateThatBeginsInAShallowFile(t *testing.T) {
	a := begun(t, 1)
	edited(t, a, func(tx *Tx) { tx.Root().Text("t").Insert(0, "a") })
	insert := func(at int, s string) func(*Tx) error {
		return func(tx *Tx) error { tx.Root().Text("t").Insert(at, s); return nil }
	}
	for i, s := range []string{"b", "c"} {
		if err := a.Edit(insert(1+i, s)); err != nil {
			t.Fatal(err)
		}
	}
	file := a.SaveShallow()
	if err := a.Edit(insert(3, "d")); err != nil {
		t.Fatal(err)
	}
	b := must[*Doc](t)(Load(file))
	for most := Seq(1); a.Size().Undrained > 0; most++ {
		update, _ := a.drain(most, updateRoom) // the second begins in the file as well, and ends behind it
		if _, _, err := b.Apply(sessionOf(1), update); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Root().Text("t").String(); got != "abcd" {
		t.Fatalf("shows %q", got)
	}
	if update := edited(t, a, func(tx *Tx) { tx.Root().Text("t").Insert(4, "e") })[0]; len(update) > 15 {
		t.Fatalf("a key press takes %d bytes", len(update))
	}
}

// A file whose history begins behind everything has none: it would be written again without what it counts.
func TestHistoryBehindEverythingIsRefused(t *testing.T) {
	a := begun(t, 1)
	edited(t, a, func(tx *Tx) { tx.Root().Text("t").Insert(0, "a") })
	shallow := must[*Doc](t)(Load(a.SaveShallow()))
	sections := must[[]section](t)(takeSections(shallow.Save()))
	out := append([]byte(fileMagic), fileMajor, fileMinor)
	for _, s := range sections {
		if s.id == sectionPast { // cut 1, no units, no segments
			s.payload = []byte{s.payload[0], 0, 1, 0, 0, 0, 0, 0, 0}
		}
		out = putSection(out, s.id, s.payload)
	}
	if _, err := Load(putSection(out, sectionEnd, nil)); !isCode(err, CodeCorrupt) {
		t.Fatalf("opened: %v", err)
	}
}

// What waits is somebody's writing, so nobody else may begin under its name.
func TestBeginOfASessionThatWaits(t *testing.T) {
	x, a, d := begun(t, 9), begun(t, 1), New()
	first := edited(t, x, func(tx *Tx) { tx.Root().Set("x", 1) })[0]
	must[[]byte](t)(a.Merge(x.Save()))
	second := edited(t, a, func(tx *Tx) { tx.Root().Set("a", 1) })[0]
	if _, _, err := d.Apply(sessionOf(1), second); !isCode(err, CodeMissing) {
		t.Fatalf("not held: %v", err)
	}
	if err := d.Begin(sessionOf(1)); !isCode(err, CodeInvalid) {
		t.Fatalf("began as a session that others know: %v", err)
	}
	if _, _, err := d.Apply(sessionOf(9), first); err != nil || d.Size().Operations != 2 {
		t.Fatalf("%v, %d operations", err, d.Size().Operations)
	}
}

// The zero session is a session like others: its first item is not the one that is nowhere.
func TestItemThatIsNowhere(t *testing.T) {
	d := New()
	if err := d.Begin(SessionID{}); err != nil {
		t.Fatal(err)
	}
	edited(t, d, func(tx *Tx) { tx.Root().List("l").Append("x") })
	if it := d.Root().List("l").At(1); it.Shows() || it.Value() != nil {
		t.Fatalf("shows %v behind the end", it.Value())
	}
}
