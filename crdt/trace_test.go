package crdt

import (
	"testing"
)

// replayLinear types a sequential trace into the text "text" of a new document, one transaction per edit.
func replayLinear(t testing.TB, tr trace) *Doc {
	d := New()
	if err := d.Begin(sessionOf(1)); err != nil {
		t.Fatal(err)
	}
	var s script
	must[[]byte](t)(d.Change(s.child(0, KindText, "text", 1).out))
	for _, txn := range tr.Txns {
		s.out = s.out[:0]
		for _, p := range txn.Patches {
			if p.del > 0 {
				s.remove(1, uint32(p.pos), uint32(p.del))
			}
			if p.ins != "" {
				s.insert(1, uint32(p.pos), p.ins)
			}
		}
		must[[]byte](t)(d.Change(s.out))
	}
	return d
}

func TestTraceAutomergePaper(t *testing.T) {
	tr := readTrace(t, "automerge-paper")
	d := replayLinear(t, tr)
	if got := textOf(d, 1); got != tr.EndContent {
		t.Fatalf("text differs: %d characters, want %d", len(got), len(tr.EndContent))
	}
	file := d.Save()
	t.Logf("%d operations, %d runs, %d entries, file %d bytes", d.Size().Operations, len(d.log.runs), len(d.graph.entries), len(file))
	back := must[*Doc](t)(Load(file))
	if textOf(back, 1) != tr.EndContent || back.Digest() != d.Digest() {
		t.Fatal("loaded document differs")
	}
	other := New()
	for {
		update, n := d.Update()
		if n == 0 {
			break
		}
		if _, fresh, err := other.Apply(sessionOf(1), update); err != nil || !fresh {
			t.Fatalf("apply: %v", err)
		}
	}
	if other.Digest() != d.Digest() {
		t.Fatal("updates make another document")
	}
}

func BenchmarkAutomergePaper(b *testing.B) {
	tr := readTrace(b, "automerge-paper")
	var s script
	var at []int
	for _, txn := range tr.Txns {
		for _, p := range txn.Patches {
			if p.del > 0 {
				s.remove(1, uint32(p.pos), uint32(p.del))
				at = append(at, len(s.out))
			}
			if p.ins != "" {
				s.insert(1, uint32(p.pos), p.ins)
				at = append(at, len(s.out))
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		d := New()
		_ = d.Begin(sessionOf(1))
		var first script
		_, _ = d.Change(first.child(0, KindText, "text", 1).out)
		from := 0
		for _, to := range at {
			if _, err := d.Change(s.out[from:to]); err != nil {
				b.Fatal(err)
			}
			from = to
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	file := replayLinear(b, readTrace(b, "automerge-paper")).Save()
	for b.Loop() {
		if _, err := Load(file); err != nil {
			b.Fatal(err)
		}
	}
}
