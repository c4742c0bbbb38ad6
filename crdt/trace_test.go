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

// replayConcurrent replays a trace of several authors: one document per agent, which is given what each transaction
// follows before it does it. It returns the agents' documents and all updates in the order of the trace.
func replayConcurrent(t testing.TB, tr trace) ([]*Doc, []message) {
	docs := make([]*Doc, tr.NumAgents)
	for i := range docs {
		docs[i] = New()
		if err := docs[i].Begin(sessionOf(i + 1)); err != nil {
			t.Fatal(err)
		}
		var s script
		must[[]byte](t)(docs[i].Change(s.child(0, KindText, "text", 1).out))
	}
	var updates []message
	made := make([][]int, len(tr.Txns)) // updates of each transaction
	// given[a] is how many updates of every other agent a has; agents only ever learn prefixes.
	given := make([][]int, tr.NumAgents)
	byAgent := make([][]int, tr.NumAgents) // updates of each agent
	reach := make([][]int, len(tr.Txns))   // per transaction, how many updates of each agent are in its history
	for i := range given {
		given[i] = make([]int, tr.NumAgents)
	}
	for i, txn := range tr.Txns {
		reach[i] = make([]int, tr.NumAgents)
		for _, p := range txn.Parents {
			for a, n := range reach[p] {
				reach[i][a] = max(reach[i][a], n)
			}
		}
		d := docs[txn.Agent]
		for a := range docs {
			for a != txn.Agent && given[txn.Agent][a] < reach[i][a] {
				m := updates[byAgent[a][given[txn.Agent][a]]]
				given[txn.Agent][a]++
				if _, fresh, err := d.Apply(m.session, m.bytes); err != nil || !fresh {
					t.Fatalf("transaction %d: %v", i, err)
				}
			}
		}
		var s script
		for _, p := range txn.Patches {
			if p.del > 0 {
				s.remove(1, uint32(p.pos), uint32(p.del))
			}
			if p.ins != "" {
				s.insert(1, uint32(p.pos), p.ins)
			}
		}
		if _, err := d.Change(s.out); err != nil {
			t.Fatalf("transaction %d: %v", i, err)
		}
		for {
			update, n := d.Update()
			if n == 0 {
				break
			}
			made[i] = append(made[i], len(updates))
			byAgent[txn.Agent] = append(byAgent[txn.Agent], len(updates))
			updates = append(updates, message{sessionOf(txn.Agent + 1), update})
		}
		reach[i][txn.Agent] = len(byAgent[txn.Agent])
	}
	return docs, updates
}

func TestTraceFriendsForever(t *testing.T) {
	tr := readTrace(t, "friendsforever")
	docs, updates := replayConcurrent(t, tr)
	all := New()
	for _, m := range updates {
		if _, _, err := all.Apply(m.session, m.bytes); err != nil {
			t.Fatal(err)
		}
	}
	if got := textOf(all, 1); got != tr.EndContent {
		t.Fatalf("text differs: %d characters, want %d", len(got), len(tr.EndContent))
	}
	for _, m := range updates {
		for _, d := range docs {
			if _, _, err := d.Apply(m.session, m.bytes); err != nil {
				t.Fatal(err)
			}
		}
	}
	merged := New()
	must[[]byte](t)(merged.Merge(all.Save()))
	for _, d := range append(docs, merged) {
		if d.Digest() != all.Digest() {
			t.Fatal("documents differ")
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
	}
	bytes := 0
	for _, m := range updates {
		bytes += len(m.bytes)
	}
	t.Logf("%d updates, %d bytes; %d entries, %d runs, file %d bytes", len(updates), bytes, len(all.graph.entries), len(all.log.runs), len(all.Save()))
}

func BenchmarkFriendsForever(b *testing.B) {
	_, updates := replayConcurrent(b, readTrace(b, "friendsforever"))
	for b.Loop() {
		d := New()
		for _, m := range updates {
			if _, _, err := d.Apply(m.session, m.bytes); err != nil {
				b.Fatal(err)
			}
		}
	}
}
