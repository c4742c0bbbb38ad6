package crdt

import (
	"fmt"
	"testing"
)

// benchmarkChanges does n single-command transactions in a new document.
func benchmarkChanges(b *testing.B, setup, each func(s *script, i int), n int) {
	commands := make([][]byte, n)
	for i := range commands {
		var s script
		each(&s, i)
		commands[i] = s.out
	}
	b.ReportAllocs()
	for b.Loop() {
		d := New()
		_ = d.Begin(sessionOf(1))
		var s script
		setup(&s, 0)
		if _, err := d.Change(s.out); err != nil {
			b.Fatal(err)
		}
		for _, c := range commands {
			if _, err := d.Change(c); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/edit")
}

func BenchmarkMapSet100k(b *testing.B) {
	benchmarkChanges(b, func(s *script, _ int) { s.set(0, "first", packInt(1)) },
		func(s *script, i int) { s.set(0, fmt.Sprint("key", i), packInt(i)) }, 100_000)
}

func BenchmarkListPush100k(b *testing.B) {
	benchmarkChanges(b, func(s *script, _ int) { s.child(0, KindList, "l", 1) },
		func(s *script, i int) { s.add(1, at(i), packInt(i)) }, 100_000)
}

func BenchmarkListInsertRandom20k(b *testing.B) {
	r := newRand(1)
	benchmarkChanges(b, func(s *script, _ int) { s.child(0, KindList, "l", 1) },
		func(s *script, i int) { s.add(1, at(r.Intn(i+1)), packInt(i)) }, 20_000)
}

func BenchmarkCounterAdd100k(b *testing.B) {
	benchmarkChanges(b, func(s *script, _ int) { s.child(0, KindCounter, "c", 1) },
		func(s *script, i int) { s.count(1, 1) }, 100_000)
}

// BenchmarkEmitReceive is 50,000 key presses, each drained as an update and applied by a peer.
func BenchmarkEmitReceive50k(b *testing.B) {
	tr := readTrace(b, "automerge-paper")
	var bytes int
	for b.Loop() {
		d, peer := New(), New()
		_ = d.Begin(sessionOf(1))
		var s script
		_, _ = d.Change(s.child(0, KindText, "text", 1).out)
		bytes = 0
		for _, txn := range tr.Txns[:50_000] {
			s.out = s.out[:0]
			for _, p := range txn.Patches {
				if p.del > 0 {
					s.remove(1, uint32(p.pos), uint32(p.del))
				}
				if p.ins != "" {
					s.insert(1, uint32(p.pos), p.ins)
				}
			}
			if _, err := d.Change(s.out); err != nil {
				b.Fatal(err)
			}
			update, _ := d.Update()
			bytes += len(update)
			if _, _, err := peer.Apply(sessionOf(1), update); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(bytes)/50_000, "B/update")
}

// BenchmarkOfflineBranches merges two sessions that typed 10,000 characters each without seeing the other.
func BenchmarkOfflineBranches(b *testing.B) {
	var net []message
	for n := range 2 {
		d := New()
		_ = d.Begin(sessionOf(n + 1))
		_, _ = d.Change((&script{}).child(0, KindText, "text", 1).out)
		r, length := newRand(int64(n)), 0
		for range 10_000 {
			pos := length
			if r.Intn(20) == 0 {
				pos = r.Intn(length + 1)
			}
			_, _ = d.Change((&script{}).insert(1, uint32(pos), "x").out)
			length++
			update, _ := d.Update()
			net = append(net, message{sessionOf(n + 1), update})
		}
	}
	b.Run("OneAfterTheOther", func(b *testing.B) {
		for b.Loop() {
			d := New()
			for _, m := range net {
				_, _, _ = d.Apply(m.session, m.bytes)
			}
		}
	})
	b.Run("InTurns", func(b *testing.B) {
		for b.Loop() {
			d := New()
			for i := range 2_000 {
				_, _, _ = d.Apply(net[i].session, net[i].bytes)
				_, _, _ = d.Apply(net[10_000+i].session, net[10_000+i].bytes)
			}
		}
	})
}

// BenchmarkTree edits a tree of so many nodes at random places.
func BenchmarkTree(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		file := grow(b, 1, 1, n).Save()
		open := func(session int) *Doc {
			d := must[*Doc](b)(Load(file))
			_ = d.Begin(sessionOf(session))
			return d
		}
		b.Run(fmt.Sprint("Insert", n), func(b *testing.B) {
			d, r := open(2), newRand(2)
			for b.Loop() {
				must[[]byte](b)(d.Change((&script{}).node(1, uint32(r.Intn(n)), at(0), []byte{1}).out))
			}
		})
		b.Run(fmt.Sprint("Move", n), func(b *testing.B) {
			d, r := open(2), newRand(2)
			for b.Loop() {
				_, _ = d.Change((&script{}).nodeMove(1, uint32(r.Intn(n)), uint32(r.Intn(n)), at(0)).out)
			}
		})
		b.Run(fmt.Sprint("Load", n), func(b *testing.B) {
			for b.Loop() {
				must[*Doc](b)(Load(file))
			}
		})
	}
}

// BenchmarkTreeMerge merges 1,000 moves with so many concurrent ones in a tree of 10,000 nodes: all in one update, and
// the last one alone.
func BenchmarkTreeMerge(b *testing.B) {
	const n = 10_000
	file := grow(b, 1, 1, n).Save()
	for _, later := range []int{100, 1_000, 10_000} {
		open := func(session, moves int) (*Doc, []message) {
			d := must[*Doc](b)(Load(file))
			_ = d.Begin(sessionOf(session))
			shuffle(b, d, int64(session), n, moves)
			return d, sentBy(d)
		}
		d, _ := open(3, later)
		mine := d.Save()
		_, all := open(2, 1_000)
		_, one := open(2, 1)
		for name, net := range map[string][]message{"All": all, "One": one} {
			b.Run(fmt.Sprint(name, "Behind", later), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					d := must[*Doc](b)(Load(mine))
					b.StartTimer()
					must2(b)(d.Apply(net[0].session, net[0].bytes))
				}
			})
		}
	}
}
