package crdt

import (
	"errors"
	"fmt"
	"testing"
)

// crowd is some authors of one text who seldom hear of each other.
type crowd struct {
	t    *testing.T
	next func(int) int
	docs []*Doc
	net  []message
	read [][]int // per author and author, how many of net it has been given
	made [][]int // per author, which of net are its own
}

func newCrowd(t *testing.T, seed int64, n int) *crowd {
	r := newRand(seed)
	w := &crowd{t: t, next: r.Intn, made: make([][]int, n)}
	names := r.Perm(n) // earlier authors shall not always win
	_, first := typed.start()
	for i := range n {
		d := New()
		must2(t)(d.Apply(first.session, first.bytes))
		_ = d.Begin(sessionOf(2 + names[i]))
		must[[]byte](t)(d.Change((&script{}).child(0, KindText, "c", 1).out))
		w.docs, w.read = append(w.docs, d), append(w.read, make([]int, n))
	}
	return w
}

// edit lets author a do some edits, near the front so that they meet, and sends each.
func (w *crowd) edit(a int) {
	d := w.docs[a]
	for range 1 + w.next(4) {
		length := int(d.texts.texts[0].length)
		pos, room := w.next(min(length, 30)+1), 6
		if w.next(2) == 0 {
			pos = min(length, 2) // meet at one place often
		}
		s := &script{}
		switch n := min(w.next(room)+1, length-pos); {
		case w.next(3) == 0 && n > 0:
			s.remove(1, uint32(pos), uint32(n))
		default:
			s.insert(1, uint32(pos), fmt.Sprintf("%0*d", w.next(room)+1, len(w.net)%100))
		}
		must[[]byte](w.t)(d.Change(s.out))
		if w.next(3) == 0 && pos > 0 && length > 5 { // go on where it was: typing, or the backspace key
			must[[]byte](w.t)(d.Change((&script{}).remove(1, uint32(pos)-1, 1).out))
		}
		for {
			u, n := d.Update()
			if n == 0 {
				break
			}
			w.made[a] = append(w.made[a], len(w.net))
			w.net = append(w.net, message{d.writer.id, u})
		}
	}
}

// hear gives author a the next n messages of author b, waiting ones with them.
func (w *crowd) hear(a, b, n int) {
	for ; n > 0 && w.read[a][b] < len(w.made[b]); n-- {
		m := w.net[w.made[b][w.read[a][b]]]
		w.read[a][b]++
		if _, _, err := w.docs[a].Apply(m.session, m.bytes); err != nil && !isCode(err, CodeMissing) {
			w.t.Fatal(err)
		}
	}
}

// A text merged in whatever order is one text, and the tracker knows at each step what its versions are.
func TestTrackerOfACrowd(t *testing.T) {
	for _, seed := range seeds(t, 40) {
		n := 2 + int(seed%6)
		w := newCrowd(t, seed, n)
		for range 120 {
			a, b := w.next(n), w.next(n)
			if w.next(2) == 0 {
				w.edit(a)
			} else if a != b {
				w.hear(a, b, 1+w.next(8))
			}
			if err := w.docs[a].Check(); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, w.docs[a].Dump())
			}
		}
		want := ""
		for a, d := range w.docs {
			for round := 0; round < 2; round++ {
				for _, b := range newRand(seed + int64(a)).Perm(n) {
					if a != b {
						w.hear(a, b, len(w.net))
					}
				}
			}
			if err := d.Check(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if got := textOf(d, 1); a == 0 {
				want = got
			} else if got != want {
				t.Fatalf("seed %d: authors 0 and %d differ:\n%s\n%s", seed, a, want, got)
			}
		}
		// One who was not there and gets them in the order of their making.
		_, first := typed.start()
		late := New()
		must2(t)(late.Apply(first.session, first.bytes))
		for _, m := range w.net {
			must2(t)(late.Apply(m.session, m.bytes))
		}
		if err := late.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if textOf(late, 1) != want {
			t.Fatalf("seed %d: who comes late sees something else", seed)
		}
	}
}

// What is known of versions goes with a change that is taken back.
func TestRefusedChangeTeachesNothing(t *testing.T) {
	d, first := listed.start()
	other := listed.branch(3, 2, first)
	must2(t)(d.Apply(other.session, other.updates[0]))
	stem := ID{sessionOf(1), d.graph.sessions[0].next - 1}
	// listing lets an update name the list, push puts an item to the front of it.
	listing := func(r *raw) *raw {
		r.out = append(r.out[:len(r.out)-2], 2, containerRoot, byte(KindList), 0, 1, 'c')
		return r
	}
	push := func(r *raw) *raw {
		r.out = append(r.out, byte(opListInsert)|1<<5, 0, byte(KindValue), 1, 0xc0)
		return r
	}
	part := push(listing(update(0, stem))).out
	part[0] |= updateMore
	if _, _, err := d.Apply(sessionOf(2), part); !errors.Is(err, ErrMissing) {
		t.Fatal(err)
	}
	if _, _, err := d.Apply(sessionOf(2), push(listing(update(1)).set("k", 1)).broken().out); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	t.Log(d.Dump())
	must2(t)(d.Apply(other.session, other.updates[1]))
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
}
