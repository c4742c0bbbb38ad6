package crdt

import (
	"fmt"
	"testing"
)

// branch is what one session does without seeing others.
type branch struct {
	session SessionID
	updates [][]byte
}

// editor does one edit after the other on container 1 of a document, each a transaction.
type editor struct {
	kind Kind
	stem func() *script // what all branches begin behind
	edit func(e *editing, s *script)
}

// editing is an editor at work.
type editing struct {
	d      *Doc
	next   func(int) int // random number below
	cursor int
}

const stemLength = 1000

var typed = editor{
	kind: KindText,
	stem: func() *script { return (&script{}).insert(1, 0, fmt.Sprintf("%*s", stemLength, "")) },
	// Mostly typing, now and then elsewhere, some of it deleted again.
	edit: func(e *editing, s *script) {
		length := int(e.d.texts.texts[0].length)
		if e.next(20) == 0 {
			e.cursor = e.next(length + 1)
		}
		e.cursor = min(e.cursor, length)
		if e.next(6) == 0 && e.cursor > 0 {
			e.cursor--
			s.remove(1, uint32(e.cursor), 1)
			return
		}
		s.insert(1, uint32(e.cursor), "x")
		e.cursor++
	},
}

// Always in front of what was there, all at one place.
var backwards = editor{
	kind: KindText,
	stem: func() *script { return (&script{}).insert(1, 0, "x") },
	edit: func(e *editing, s *script) { s.insert(1, 0, "y") },
}

func listStem() *script {
	s := &script{}
	for i := range stemLength {
		s.add(1, at(i), packInt(i))
	}
	return s
}

var listed = editor{
	kind: KindList,
	stem: listStem,
	// Items one behind the other, now and then elsewhere, some deleted again.
	edit: func(e *editing, s *script) {
		l := &e.d.lists
		root := l.rows[e.d.containers[1].state].root
		length := int(l.seq.total(root, 0))
		if e.next(20) == 0 {
			e.cursor = e.next(length + 1)
		}
		e.cursor = min(e.cursor, length)
		if e.next(6) > 0 || e.cursor == 0 {
			s.add(1, at(e.cursor), packInt(e.cursor))
			e.cursor++
			return
		}
		e.cursor--
		el, _ := l.seq.find(root, 0, uint32(e.cursor))
		s.drop(1, uint32(l.items[l.slots[el].item].lv))
	},
}

// The front item is deleted, again and again.
var clearing = editor{
	kind: KindList,
	stem: func() *script {
		s := &script{}
		for i := range 4 * stemLength {
			s.add(1, at(i), packInt(i))
		}
		return s
	},
	edit: func(e *editing, s *script) {
		l := &e.d.lists
		el, _ := l.seq.find(l.rows[e.d.containers[1].state].root, 0, 0)
		s.drop(1, uint32(l.items[l.slots[el].item].lv))
	},
}

// start gives a document with the stem and the update that it came by.
func (e *editor) start() (*Doc, message) {
	d := New()
	_ = d.Begin(sessionOf(1))
	s := (&script{}).child(0, e.kind, "c", 1)
	if _, err := d.Change(append(s.out, e.stem().out...)); err != nil {
		panic(err)
	}
	u, _ := d.Update()
	return d, message{sessionOf(1), u}
}

func (e *editor) on(d *Doc, seed int) *editing {
	return &editing{d: d, next: newRand(int64(seed)).Intn}
}

func (e *editor) branch(number, edits int, first message) branch {
	b := branch{session: sessionOf(number)}
	d := New()
	_, _, _ = d.Apply(first.session, first.bytes)
	_ = d.Begin(b.session)
	at := e.on(d, number)
	for range edits {
		s := (&script{}).child(0, e.kind, "c", 1)
		e.edit(at, s)
		if _, err := d.Change(s.out); err != nil {
			panic(err)
		}
		u, _ := d.Update()
		b.updates = append(b.updates, u)
	}
	return b
}

// arrivals are the orders in which concurrent branches reach a replica that a merge must not mind.
var arrivals = []struct {
	name     string
	branches int
	arrive   func(tb testing.TB, e *editor, d *Doc, branches []branch)
}{
	{"OneAfterTheOther", 2, func(tb testing.TB, _ *editor, d *Doc, branches []branch) {
		for _, b := range branches {
			for _, u := range b.updates {
				must2(tb)(d.Apply(b.session, u))
			}
		}
	}},
	{"InTurns", 2, inTurns},
	{"InTurnsOfFour", 4, inTurns},
	{"WhileEditing", 1, func(tb testing.TB, e *editor, d *Doc, branches []branch) {
		_ = d.Begin(sessionOf(9))
		at := e.on(d, 9)
		for _, u := range branches[0].updates {
			var s script
			e.edit(at, &s)
			must[[]byte](tb)(d.Change(s.out))
			must2(tb)(d.Apply(branches[0].session, u))
		}
	}},
}

func inTurns(tb testing.TB, _ *editor, d *Doc, branches []branch) {
	for i := range branches[0].updates {
		for _, b := range branches {
			must2(tb)(d.Apply(b.session, b.updates[i]))
		}
	}
}

var editors = []struct {
	name string
	editor
}{{"Text", typed}, {"Backwards", backwards}, {"List", listed}, {"Clearing", clearing}}

// Whatever the order of arrival, merging twice as much takes little more than twice the steps.
func TestMergeCostGrowsWithWhatIsMerged(t *testing.T) {
	for _, e := range editors {
		for _, c := range arrivals {
			t.Run(e.name+c.name, func(t *testing.T) {
				steps := func(n int) int {
					d, first := e.start()
					var branches []branch
					for k := range c.branches {
						branches = append(branches, e.branch(k+2, n/c.branches, first))
					}
					c.arrive(t, &e.editor, d, branches)
					if err := d.Check(); err != nil {
						t.Fatal(err)
					}
					return d.steps()
				}
				for n, before := 1000, steps(500); n <= 4000; n *= 2 {
					now := steps(n)
					t.Logf("%d operations: %d steps", n, now)
					if now > before*5/2+1000 {
						t.Errorf("%d operations take %d steps, half of them %d", n, now, before)
					}
					before = now
				}
			})
		}
	}
}

// steps is how much merging has done so far.
func (d *Doc) steps() int { return d.tracker.steps + d.graph.walk.steps + d.walked }

func BenchmarkArrival(b *testing.B) {
	for _, e := range editors {
		for _, c := range arrivals {
			for _, n := range []int{1_000, 4_000} {
				_, first := e.start()
				var branches []branch
				for k := range c.branches {
					branches = append(branches, e.branch(k+2, n/c.branches, first))
				}
				b.Run(fmt.Sprint(e.name, c.name, "/", n), func(b *testing.B) {
					for b.Loop() {
						b.StopTimer()
						d, _ := e.start()
						b.StartTimer()
						c.arrive(b, &e.editor, d, branches)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/op")
				})
			}
		}
	}
}
