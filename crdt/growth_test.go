package crdt

import (
	"fmt"
	"testing"
)

// branch is what one session does to a text without seeing others: mostly typing, now and then elsewhere, some of it
// deleted again.
type branch struct {
	session SessionID
	updates [][]byte
}

// text behind which all branches begin.
const stem = 1000

func newStem() (d *Doc, first message) {
	d = New()
	_ = d.Begin(sessionOf(1))
	if _, err := d.Change((&script{}).child(0, KindText, "t", 1).insert(1, 0, fmt.Sprintf("%*s", stem, "")).out); err != nil {
		panic(err)
	}
	update, _ := d.Update()
	return d, message{sessionOf(1), update}
}

// typist does one edit after the other.
type typist struct {
	next   func(int) int // random number below
	length int
	cursor int
}

func newTypist(seed int) *typist {
	return &typist{next: newRand(int64(seed)).Intn, length: stem}
}

func (w *typist) edit(s *script) {
	if w.next(20) == 0 {
		w.cursor = w.next(w.length + 1)
	}
	if w.next(6) == 0 && w.cursor > 0 {
		w.cursor--
		w.length--
		s.remove(1, uint32(w.cursor), 1)
		return
	}
	s.insert(1, uint32(w.cursor), "x")
	w.cursor++
	w.length++
}

func newBranch(number, edits int, first message) branch {
	b := branch{session: sessionOf(number)}
	d := New()
	_, _, _ = d.Apply(first.session, first.bytes)
	_ = d.Begin(b.session)
	_, _ = d.Change((&script{}).child(0, KindText, "t", 1).out)
	w := newTypist(number)
	for range edits {
		var s script
		w.edit(&s)
		if _, err := d.Change(s.out); err != nil {
			panic(err)
		}
		update, _ := d.Update()
		b.updates = append(b.updates, update)
	}
	return b
}

// arrivals are the orders in which concurrent branches reach a replica that a merge must not mind.
var arrivals = []struct {
	name     string
	branches int
	arrive   func(tb testing.TB, d *Doc, branches []branch)
}{
	{"OneAfterTheOther", 2, func(tb testing.TB, d *Doc, branches []branch) {
		for _, b := range branches {
			for _, u := range b.updates {
				must2(tb)(d.Apply(b.session, u))
			}
		}
	}},
	{"InTurns", 2, inTurns},
	{"WhileTyping", 1, func(tb testing.TB, d *Doc, branches []branch) {
		w := newTypist(9)
		_ = d.Begin(sessionOf(9))
		for _, u := range branches[0].updates {
			var s script
			// What arrives moves the cursor now and then; this one does not mind where it types.
			w.length = int(d.texts.texts[0].length)
			w.cursor = min(w.cursor, w.length)
			w.edit(&s)
			must[[]byte](tb)(d.Change(s.out))
			must2(tb)(d.Apply(branches[0].session, u))
		}
	}},
}

func inTurns(tb testing.TB, d *Doc, branches []branch) {
	for i := range branches[0].updates {
		for _, b := range branches {
			must2(tb)(d.Apply(b.session, b.updates[i]))
		}
	}
}

// Whatever the order of arrival, merging twice as much takes little more than twice the steps.
func TestMergeCostGrowsWithWhatIsMerged(t *testing.T) {
	for _, c := range arrivals {
		t.Run(c.name, func(t *testing.T) {
			steps := func(n int) int {
				d, first := newStem()
				var branches []branch
				for k := range c.branches {
					branches = append(branches, newBranch(k+2, n/c.branches, first))
				}
				c.arrive(t, d, branches)
				if err := d.Check(); err != nil {
					t.Fatal(err)
				}
				return d.tracker.steps + d.graph.walk.steps
			}
			for n, before := 1000, steps(500); n <= 4000; n *= 2 {
				now := steps(n)
				t.Logf("%d operations: %d steps", n, now)
				if now > before*5/2 {
					t.Errorf("%d operations take %d steps, half of them %d", n, now, before)
				}
				before = now
			}
		})
	}
}

func BenchmarkArrival(b *testing.B) {
	for _, c := range arrivals {
		for _, n := range []int{2_000, 8_000} {
			_, first := newStem()
			var branches []branch
			for k := range c.branches {
				branches = append(branches, newBranch(k+2, n/c.branches, first))
			}
			b.Run(fmt.Sprint(c.name, "/", n), func(b *testing.B) {
				for b.Loop() {
					d, _ := newStem()
					c.arrive(b, d, branches)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/op")
			})
		}
	}
}
