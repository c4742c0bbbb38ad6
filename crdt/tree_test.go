package crdt

import (
	"errors"
	"strings"
	"testing"
)

// grove is some replicas of a document whose tree is container 1, each with the view its patches make. A node is known
// by its letter: a value of one byte, or the key "n" of the map it is.
type grove struct {
	t     *testing.T
	docs  []*Doc
	views []*mirror
	// how the replicas meet: by updates, by files, or by updates with a restart before.
	how string
	net []message
	got []int // how much of net each has
}

// inGroves runs a test once for every way to meet.
func inGroves(t *testing.T, n int, shape string, do func(g *grove)) {
	for _, how := range []string{"updates", "files", "restarts"} {
		t.Run(how, func(t *testing.T) {
			g := &grove{t: t, how: how, got: make([]int, n)}
			for i := range n {
				d := New()
				if err := d.Begin(sessionOf(i + 1)); err != nil {
					t.Fatal(err)
				}
				g.docs, g.views = append(g.docs, d), append(g.views, newMirror(d))
			}
			g.change(0, (&script{}).child(0, KindTree, "t", 1))
			g.plant(shape)
			g.meet()
			do(g)
		})
	}
}

// plant makes nodes as a shape like "a(b c(d)) e" says.
func (g *grove) plant(shape string) {
	var path []string
	counts, last := []int{0}, ""
	for _, r := range shape {
		switch r {
		case '(':
			path, counts = append(path, last), append(counts, 0)
		case ')':
			path, counts = path[:len(path)-1], counts[:len(counts)-1]
		case ' ':
		default:
			parent := ""
			if len(path) > 0 {
				parent = path[len(path)-1]
			}
			last = string(r)
			g.insert(0, last, parent, at(counts[len(counts)-1]))
			counts[len(counts)-1]++
		}
	}
}

// change does commands at replica i. The patch must make of the view what the document says, here and below.
func (g *grove) change(i int, s *script) {
	g.t.Helper()
	g.show(i, must[[]byte](g.t)(g.docs[i].Change(s.out)))
	for {
		update, n := g.docs[i].Update()
		if n == 0 {
			break
		}
		g.net = append(g.net, message{g.docs[i].writer.id, append([]byte(nil), update...)})
	}
}

func (g *grove) show(i int, patch []byte) {
	g.t.Helper()
	if err := g.views[i].apply(patch); err != nil {
		g.t.Fatalf("replica %d: %v\n%s", i, err, g.docs[i].Dump())
	}
	if err := g.docs[i].Check(); err != nil {
		g.t.Fatalf("replica %d: %v\n%s", i, err, g.docs[i].Dump())
	}
	if got, want := g.views[i].String(), viewOf(g.docs[i]); got != want {
		g.t.Fatalf("replica %d: patches make\n%s\nthe view is\n%s", i, got, want)
	}
}

// restart opens a replica from its file.
func (g *grove) restart(i int) {
	g.t.Helper()
	was := g.docs[i]
	g.docs[i] = must[*Doc](g.t)(Load(was.Save()))
	if g.docs[i].Digest() != was.Digest() {
		g.t.Fatalf("replica %d is another after a restart", i)
	}
	id := was.writer.id
	id[3]++
	if err := g.docs[i].Begin(id); err != nil {
		g.t.Fatal(err)
	}
	g.views[i] = newMirror(g.docs[i])
	g.show(i, g.docs[i].View())
}

// pull gives replica i all that was done anywhere.
func (g *grove) pull(i int) {
	g.t.Helper()
	switch g.how {
	case "files":
		for j, d := range g.docs {
			if j != i {
				g.show(i, must[[]byte](g.t)(g.docs[i].Merge(d.Save())))
			}
		}
		return
	case "restarts":
		g.restart(i)
	}
	for ; g.got[i] < len(g.net); g.got[i]++ {
		m := g.net[g.got[i]]
		patch, _, err := g.docs[i].Apply(m.session, m.bytes)
		if err != nil {
			g.t.Fatal(err)
		}
		g.show(i, patch)
	}
}

// meet gives everything to all and compares.
func (g *grove) meet() {
	g.t.Helper()
	for i := range g.docs {
		g.pull(i)
	}
	for i := range g.docs {
		if g.docs[i].Digest() != g.docs[0].Digest() {
			g.t.Fatalf("0 shows %s, %d shows %s", g.shape(0), i, g.shape(i))
		}
	}
}

// lv gives a node's name at replica i; none for the root, "".
func (g *grove) lv(i int, letter string) uint32 {
	g.t.Helper()
	if letter == "" {
		return none
	}
	for _, kids := range g.views[i].nodes[1].nodes {
		for _, it := range kids {
			if g.letter(i, it) == letter {
				return it.lv
			}
		}
	}
	g.t.Fatalf("replica %d shows no %s", i, letter)
	return 0
}

func (g *grove) letter(i int, it mirrorItem) string {
	if it.kind == KindValue {
		return it.value
	}
	return g.views[i].nodes[it.c].registry["n"]
}

func (g *grove) insert(i int, letter, parent string, w where) {
	g.t.Helper()
	g.change(i, (&script{}).node(1, g.lv(i, parent), w, []byte(letter)))
}

// insertMap inserts a node that is a map and gives its container.
func (g *grove) insertMap(i int, letter, parent string, w where) {
	g.t.Helper()
	c := g.docs[i].Size().Containers
	g.change(i, (&script{}).nodeObject(1, g.lv(i, parent), w, KindMap, c).set(c, "n", []byte(letter)))
}

func (g *grove) move(i int, letter, parent string, w where) {
	g.t.Helper()
	g.change(i, (&script{}).nodeMove(1, g.lv(i, letter), g.lv(i, parent), w))
}

func (g *grove) drop(i int, letter string) {
	g.t.Helper()
	g.change(i, (&script{}).drop(1, g.lv(i, letter)))
}

// shape is what replica i shows, as plant takes it.
func (g *grove) shape(i int) string {
	n := g.views[i].nodes[1]
	var show func(parent uint32) string
	show = func(parent uint32) string {
		var out []string
		for _, it := range n.nodes[parent] {
			s := g.letter(i, it)
			if len(n.nodes[it.lv+1]) > 0 {
				s += "(" + show(it.lv+1) + ")"
			}
			out = append(out, s)
		}
		return strings.Join(out, " ")
	}
	return show(0)
}

// want is what all replicas must show when they have met.
func (g *grove) want(shape string) {
	g.t.Helper()
	g.meet()
	if got := g.shape(0); got != shape {
		g.t.Fatalf("shows %q, want %q", got, shape)
	}
}

func TestTreeIsEdited(t *testing.T) {
	inGroves(t, 2, "a(b c(d)) e", func(g *grove) {
		g.want("a(b c(d)) e")
		g.move(0, "e", "c", at(0))
		g.want("a(b c(e d))")
		g.move(1, "b", "a", after(g.lv(1, "c")))
		g.want("a(c(e d) b)")
		g.move(1, "d", "", before(g.lv(1, "a")))
		g.want("d a(c(e) b)")
		g.insert(0, "f", "d", at(0))
		g.drop(0, "c")
		g.want("d(f) a(b)")
		g.move(1, "a", "f", at(0))
		g.want("d(f(a(b)))")
		g.drop(0, "d")
		g.want("")
	})
}

// Deleting a node is one operation for each node shown: siblings in order, each after those below it.
func TestTreeDeletionGoesFromBelow(t *testing.T) {
	inGroves(t, 1, "a(b(c x) d) e", func(g *grove) {
		g.drop(0, "x")
		want := []uint32{g.lv(0, "c"), g.lv(0, "b"), g.lv(0, "d"), g.lv(0, "a")}
		g.drop(0, "a")
		d := g.docs[0]
		runs := d.log.runs[len(d.log.runs)-4:]
		for i, lv := range want {
			if runs[i].kind != opItemDelete || runs[i].ref != lv {
				t.Errorf("operation %d deletes %d, want %d", i, runs[i].ref, lv)
			}
		}
		g.want("e")
	})
}

// The same nodes in another shape are another state.
func TestTreeDigestTellsShapesApart(t *testing.T) {
	inGroves(t, 1, "a b c", func(g *grove) {
		seen := map[[16]byte]string{g.docs[0].Digest(): "a b c"}
		for _, move := range [][2]string{{"c", "b"}, {"b", "a"}, {"c", "a"}, {"c", ""}} {
			parent := g.lv(0, move[1])
			g.move(0, move[0], move[1], at(len(g.views[0].nodes[1].nodes[parent+1])))
			if was, ok := seen[g.docs[0].Digest()]; ok && was != g.shape(0) {
				t.Errorf("%s has the digest of %s", g.shape(0), was)
			}
			seen[g.docs[0].Digest()] = g.shape(0)
		}
		if len(seen) != 5 {
			t.Errorf("%d digests of 5 shapes: %v", len(seen), seen)
		}
	})
}

// Each is moved under the other. The later move, which of equal Lamport times is that of the greater session, loses.
func TestTreeCycleOfTwo(t *testing.T) {
	inGroves(t, 2, "a b", func(g *grove) {
		g.move(0, "a", "b", at(0))
		g.move(1, "b", "a", at(0))
		g.want("b(a)")
	})
}

func TestTreeCycleOfThree(t *testing.T) {
	inGroves(t, 3, "a b c", func(g *grove) {
		g.move(0, "a", "b", at(0))
		g.move(1, "b", "c", at(0))
		g.move(2, "c", "a", at(0))
		g.want("c(b(a))")
	})
}

// A move that arrives late and is early makes a later one lose, and one after that win which had lost against it.
func TestTreeLateArrivalOfAnEarlyMove(t *testing.T) {
	inGroves(t, 3, "a b c d", func(g *grove) {
		g.move(0, "a", "b", at(0)) // early, seen by nobody for now
		g.insert(1, "x", "", at(4))
		g.move(1, "b", "a", at(0)) // loses only against that one
		g.move(1, "c", "b", at(0))
		g.insert(2, "y", "", at(4))
		g.insert(2, "z", "", at(5))
		g.move(2, "a", "c", at(0)) // after b moved below a: a cycle; if it did not, none
		if got := g.shape(1); got != "a(b(c)) d x" {
			t.Fatalf("replica 1 shows %s", got)
		}
		g.want("b(c(a)) d x y z")
	})
}

// The move that lost is in the history: what comes later is judged by what happened, not by what was wanted.
func TestTreeLostMoveStaysLost(t *testing.T) {
	inGroves(t, 2, "a b", func(g *grove) {
		g.move(0, "a", "b", at(0))
		g.move(1, "b", "a", at(0))
		g.want("b(a)")
		g.move(0, "a", "", at(0))
		g.want("a b")
		moves := g.docs[0].lists.moves
		if len(moves) != 3 || moves[1].was != moves[1].slot {
			t.Fatalf("the move that lost is not in the history: %v", moves)
		}
		g.move(1, "b", "a", at(0))
		g.want("a(b)")
	})
}

func TestTreeMoveBeatsDeletion(t *testing.T) {
	inGroves(t, 2, "a(b) c", func(g *grove) {
		g.drop(0, "b")
		g.move(1, "b", "c", at(0))
		g.want("a c(b)")
	})
}

// A move that does not take effect has been done to the node all the same.
func TestTreeLostMoveRevives(t *testing.T) {
	inGroves(t, 3, "a b", func(g *grove) {
		g.drop(0, "b")
		g.move(1, "a", "b", at(0))
		g.move(2, "b", "a", at(0))
		g.want("b(a)")
		g.drop(0, "a")
		g.want("b")
	})
}

// Who deletes a branch hides what he saw. The path to what somebody did there meanwhile stays.
func TestTreeEditInDeletedBranch(t *testing.T) {
	inGroves(t, 2, "a(b(d) e)", func(g *grove) {
		g.insertMap(0, "c", "b", at(1))
		g.want("a(b(d c) e)")
		g.drop(0, "a")
		c, _ := g.docs[1].lists.findItem(LV(g.lv(1, "c")))
		g.change(1, (&script{}).set(g.docs[1].lists.items[c].child, "x", []byte{1}))
		g.want("a(b(c))")
		g.drop(1, "c") // with it goes the path that was there for it alone
		g.want("")
	})
}

func TestTreeInsertIntoDeletedBranch(t *testing.T) {
	inGroves(t, 2, "a(b c)", func(g *grove) {
		g.drop(0, "a")
		g.insert(1, "x", "b", at(0))
		g.want("a(b(x))")
	})
}

func TestTreeMoveIntoDeletedBranch(t *testing.T) {
	inGroves(t, 2, "a(b c) d(e)", func(g *grove) {
		g.drop(0, "a")
		g.move(1, "d", "b", at(0))
		g.want("a(b(d(e)))")
		g.move(0, "d", "", at(0)) // the path is there for d alone
		g.want("d(e)")
	})
}

func TestTreeMoveOutOfDeletedBranch(t *testing.T) {
	inGroves(t, 2, "a(b(c(d)))", func(g *grove) {
		g.drop(0, "a")
		g.move(1, "c", "", at(0))
		g.want("c") // d has been deleted where it stood, and goes along hidden
		g.insert(0, "e", "c", at(0))
		g.want("c(e)")
	})
}

// Both deletions saw all there was, so nothing is left that no deletion has seen.
func TestTreeDeletedTwice(t *testing.T) {
	inGroves(t, 2, "a(b(c))", func(g *grove) {
		g.drop(0, "a")
		g.drop(1, "b")
		g.want("")
	})
}

// An orphan: its parent is deleted by one who has not seen it, its grandparent by another.
func TestTreeOrphanKeepsItsPath(t *testing.T) {
	inGroves(t, 3, "a(b)", func(g *grove) {
		g.drop(0, "a")
		g.drop(1, "b")
		g.insert(2, "x", "b", at(0))
		g.want("a(b(x))")
	})
}

// What is later shows a hidden node again, where its last move put it.
func TestTreeDeletedAndRevived(t *testing.T) {
	inGroves(t, 2, "a b", func(g *grove) {
		g.insertMap(0, "c", "a", at(0))
		g.want("a(c) b")
		c, _ := g.docs[1].lists.findItem(LV(g.lv(1, "c")))
		inside := g.docs[1].lists.items[c].child
		g.move(0, "c", "b", at(0))
		g.meet()
		g.drop(0, "c")
		g.want("a b")
		g.change(1, (&script{}).set(inside, "x", []byte{1}))
		g.want("a b(c)")
		g.move(0, "c", "", at(0))
		g.drop(1, "c")
		g.want("c a b")
	})
}

func TestTreeSameNodeMovedByTwo(t *testing.T) {
	inGroves(t, 2, "a b c", func(g *grove) {
		g.move(0, "c", "a", at(0))
		g.move(1, "c", "b", at(0))
		g.want("a b(c)")
	})
}

// Two put something at the same place: in the order of their sessions, runs unmixed.
func TestTreeSamePlace(t *testing.T) {
	inGroves(t, 2, "a(b c)", func(g *grove) {
		for k, letter := range []string{"p", "q", "r"} {
			g.insert(0, letter, "a", at(1+k))
		}
		for k, letter := range []string{"x", "y", "z"} {
			g.insert(1, letter, "a", at(1+k))
		}
		g.want("a(b p q r x y z c)")
	})
}

// Both reorder the same siblings: each node is there once.
func TestTreeReorder(t *testing.T) {
	inGroves(t, 2, "a b c d", func(g *grove) {
		g.move(0, "d", "", at(0))
		g.move(1, "d", "", after(g.lv(1, "a")))
		g.move(0, "a", "", at(3))
		g.want("d b a c")
	})
}

// Swapping parent and child: at no point of the patch is the view anything but a tree, which the mirror checks.
func TestTreeSwap(t *testing.T) {
	inGroves(t, 2, "a(b(c(d)))", func(g *grove) {
		g.change(0, (&script{}).nodeMove(1, g.lv(0, "c"), none, at(0)).nodeMove(1, g.lv(0, "b"), g.lv(0, "d"), at(0)).
			nodeMove(1, g.lv(0, "a"), g.lv(0, "b"), at(0)))
		g.insert(1, "x", "b", at(0))
		g.want("c(d(b(a x)))")
	})
}

// A branch that is moved and deleted in one change goes from below, although its top was touched first.
func TestTreeMovedAndDeletedAtOnce(t *testing.T) {
	inGroves(t, 2, "a(b(c)) d", func(g *grove) {
		g.change(0, (&script{}).nodeMove(1, g.lv(0, "a"), none, at(2)).drop(1, g.lv(0, "a")))
		g.want("d")
	})
}

// Hundreds of moves are taken back and done again because of an early one; the view is told of that one only.
func TestTreePatchIsTheDifference(t *testing.T) {
	inGroves(t, 2, "a(b c d) e(f)", func(g *grove) {
		if g.how != "updates" {
			return
		}
		g.move(0, "e", "d", at(0))
		for k := range 300 {
			g.move(1, []string{"b", "c", "d"}[k%3], []string{"", "a"}[k%2], at(0))
		}
		m := g.net[len(g.net)-301]
		patch, fresh, err := g.docs[1].Apply(m.session, m.bytes)
		if err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		if patch[0] != patchNodeMove || len(patch) > 8 {
			t.Fatalf("one move makes a patch of %d bytes: %x", len(patch), patch)
		}
		g.show(1, patch)
		// To where it stands already: an operation, and nothing to tell.
		patch = must[[]byte](t)(g.docs[1].Change((&script{}).nodeMove(1, g.lv(1, "f"), g.lv(1, "e"), at(0)).out))
		if len(patch) > 0 {
			t.Fatalf("a move to the same place makes a patch: %x", patch)
		}
	})
}

func TestTreeRefusedCommands(t *testing.T) {
	inGroves(t, 1, "a(b(c)) d", func(g *grove) {
		g.change(0, (&script{}).child(0, KindList, "l", 2).add(2, at(0), packInt(1)).child(0, KindTree, "u", 3).node(3, none, at(0), []byte{'u'}))
		a, b, c, d := g.lv(0, "a"), g.lv(0, "b"), g.lv(0, "c"), g.lv(0, "d")
		last := uint32(g.docs[0].Size().Operations) - 1 // the node of the other tree
		g.insert(0, "x", "d", at(0))
		x := g.lv(0, "x")
		g.drop(0, "x")
		for name, s := range map[string]struct {
			s    *script
			want *Error
		}{
			"below itself":              {(&script{}).nodeMove(1, a, a, at(0)), ErrInvalid},
			"below a child":             {(&script{}).nodeMove(1, a, b, at(0)), ErrInvalid},
			"below a grandchild":        {(&script{}).nodeMove(1, a, c, at(0)), ErrInvalid},
			"below a child, in a row":   {(&script{}).nodeMove(1, d, c, at(0)).nodeMove(1, a, d, at(0)), ErrInvalid},
			"beyond the siblings":       {(&script{}).nodeMove(1, d, a, at(2)), ErrInvalid},
			"beside one elsewhere":      {(&script{}).nodeMove(1, d, a, after(c)), ErrInvalid},
			"unknown node":              {(&script{}).nodeMove(1, last+9, none, at(0)), ErrInvalid},
			"node of another tree":      {(&script{}).nodeMove(1, last, none, at(0)), ErrInvalid},
			"parent of another tree":    {(&script{}).node(1, last, at(0), []byte{1}), ErrInvalid},
			"beside one of another":     {(&script{}).node(1, none, before(last), []byte{1}), ErrInvalid},
			"hidden node":               {(&script{}).nodeMove(1, x, none, at(0)), ErrInvalid},
			"hidden parent":             {(&script{}).node(1, x, at(0), []byte{1}), ErrInvalid},
			"delete a hidden node":      {(&script{}).drop(1, x), ErrInvalid},
			"list command on a tree":    {(&script{}).add(1, at(0), []byte{1}), ErrInvalid},
			"list move on a tree":       {(&script{}).move(1, a, at(0)), ErrInvalid},
			"node command on a list":    {(&script{}).node(2, none, at(0), []byte{1}), ErrInvalid},
			"node move on a map":        {(&script{}).nodeMove(0, a, none, at(0)), ErrInvalid},
			"wrong index":               {(&script{}).nodeObject(1, a, at(0), KindText, 9), ErrDesync},
			"no kind":                   {(&script{}).nodeObject(1, a, at(0), kindEnd, 4), ErrInvalid},
			"after a branch is deleted": {(&script{}).drop(1, a).nodeMove(1, c, none, at(0)), ErrInvalid},
		} {
			was := string(g.docs[0].Dump())
			if _, err := g.docs[0].Change(s.s.out); !errors.Is(err, s.want) {
				t.Errorf("%s: %v, want %v", name, err, s.want)
			}
			if string(g.docs[0].Dump()) != was {
				t.Fatalf("%s: left a trace", name)
			}
		}
	})
}

// An update may name only what is of its tree and what its author has seen.
func TestTreeHostileUpdates(t *testing.T) {
	d := New()
	if err := d.Begin(sessionOf(1)); err != nil {
		t.Fatal(err)
	}
	// 0: node of t, 1: node under it, 2: node of u, 3: item of l, 4: move of 1.
	must[[]byte](t)(d.Change((&script{}).child(0, KindTree, "t", 1).node(1, none, at(0), []byte{'a'}).node(1, 0, at(0), []byte{'b'}).
		child(0, KindTree, "u", 2).node(2, none, at(0), []byte{'c'}).child(0, KindList, "l", 3).add(3, at(0), []byte{1}).nodeMove(1, 1, none, at(0)).out))
	one := sessionOf(1)
	// An update of another session that has seen operations 0 … seen of the first.
	update := func(seen byte, ops ...byte) []byte {
		head := append([]byte{updateVersion | updateSessions | updateParents | updateContainers, 0, 1}, one[:]...)
		head = append(head, 1, 1, seen)
		head = append(head, 3, containerRoot, byte(KindTree), 0, 1, 't', byte(KindList), 0, 1, 'l')
		return append(head, ops...)
	}
	const tree, list = 1 << 5, 2 << 5
	behind, under := byte(2*1+1), byte(2*1+2) // of session 1 of the table
	for name, c := range map[string]struct {
		update []byte
		ok     bool
	}{
		"insert behind":             {update(4, byte(opNodeInsert)|tree, behind, 0, 0, 7), true},
		"insert under":              {update(4, byte(opNodeInsert)|tree, under, 1, 0, 7), true},
		"insert at the front":       {update(4, byte(opNodeInsert)|tree, 0, 0, 7), true},
		"move":                      {update(4, byte(opNodeMove)|tree, 1, 0, behind, 4), true},
		"move below itself":         {update(4, byte(opNodeMove)|tree, 1, 0, under, 0), true}, // does nothing
		"move behind itself":        {update(4, byte(opNodeMove)|tree, 1, 0, behind, 0), true},
		"delete":                    {update(4, byte(opItemDelete)|tree, 1, 0), true},
		"under a node of another":   {update(4, byte(opNodeInsert)|tree, under, 2, 0, 7), false},
		"behind a slot of another":  {update(4, byte(opNodeInsert)|tree, behind, 2, 0, 7), false},
		"under a list item":         {update(4, byte(opNodeInsert)|tree, under, 3, 0, 7), false},
		"under a move":              {update(4, byte(opNodeInsert)|tree, under, 4, 0, 7), false},
		"under one not seen":        {update(0, byte(opNodeInsert)|tree, under, 1, 0, 7), false},
		"behind a move not seen":    {update(3, byte(opNodeMove)|tree, 1, 0, behind, 4), false},
		"move of one not seen":      {update(0, byte(opNodeMove)|tree, 1, 1, 0), false},
		"move of a node of another": {update(4, byte(opNodeMove)|tree, 1, 2, 0), false},
		"delete one not seen":       {update(0, byte(opItemDelete)|tree, 1, 1), false},
		"unknown number":            {update(4, byte(opNodeInsert)|tree, under, 9, 0, 7), false},
		"session not in the table":  {update(4, byte(opNodeInsert)|tree, 5, 0, 0, 7), false},
		"node operation on a list":  {update(4, byte(opNodeInsert)|list, 0, 0, 7), false},
		"list operation on a tree":  {update(4, byte(opListMove)|tree, 1, 0, 0), false},
		"no kind":                   {update(4, byte(opNodeInsert)|tree, 0, byte(kindEnd)), false},
		"good moves and a bad one": {update(0, byte(opNodeMove)|tree, 1, 0, 0, byte(opNodeInsert)|tree, 0, 0, 7,
			byte(opNodeMove)|tree, 0, 1, under, 0, byte(opNodeMove)|tree, 1, 9, 0), false},
	} {
		r := must[*Doc](t)(Load(d.Save()))
		was := string(r.Dump())
		_, _, err := r.Apply(sessionOf(2), c.update)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if broken := r.Check(); broken != nil {
			t.Fatalf("%s: %v", name, broken)
		}
		r.held = held{}
		if !c.ok && string(r.Dump()) != was {
			t.Errorf("%s: left a trace", name)
		}
	}
}

func TestTreeContainersNestAtMostSoDeep(t *testing.T) {
	d := New()
	if err := d.Begin(sessionOf(1)); err != nil {
		t.Fatal(err)
	}
	s := (&script{}).child(0, KindTree, "t", 1)
	for c := uint32(1); c < MaxDepth-1; c++ {
		s.nodeObject(c, none, at(0), KindTree, c+1)
	}
	must[[]byte](t)(d.Change(s.out))
	was := string(d.Dump())
	if _, err := d.Change((&script{}).nodeObject(MaxDepth-1, none, at(0), KindTree, MaxDepth).out); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("a container too deep: %v", err)
	}
	if string(d.Dump()) != was {
		t.Fatal("a refused node left a trace")
	}
	if must[*Doc](t)(Load(d.Save())).Digest() != d.Digest() {
		t.Fatal("another after load")
	}
}

// Typing into the text of a hidden node shows it again, also on the short way.
func TestTreeTypingRevives(t *testing.T) {
	inGroves(t, 2, "a", func(g *grove) {
		c := g.docs[0].Size().Containers
		g.change(0, (&script{}).nodeObject(1, g.lv(0, "a"), at(0), KindText, c).insert(c, 0, "hi").drop(1, g.lv(0, "a")))
		if got := g.shape(0); got != "" {
			t.Fatal(got)
		}
		g.change(0, (&script{}).insert(c, 2, "!"))
		g.want("a()") // the text has no letter
	})
}

// grow makes a tree of n nodes at random places, all by one session.
func grow(t testing.TB, seed int64, session, n int) *Doc {
	d := New()
	if err := d.Begin(sessionOf(session)); err != nil {
		t.Fatal(err)
	}
	r := newRand(seed)
	s := (&script{}).child(0, KindTree, "t", 1)
	for lv := range n {
		parent := none
		if lv > 0 && r.Intn(8) > 0 {
			parent = uint32(r.Intn(lv))
		}
		s.node(1, parent, at(0), []byte{byte(lv & 127)})
	}
	must[[]byte](t)(d.Change(s.out))
	return d
}

// sentBy gives all updates of a document's session.
func sentBy(d *Doc) (net []message) {
	for {
		update, n := d.Update()
		if n == 0 {
			return net
		}
		net = append(net, message{d.writer.id, append([]byte(nil), update...)})
	}
}

// shuffle moves nodes of a tree of n at random, skipping what would be a cycle, and gives how many it moved.
func shuffle(t testing.TB, d *Doc, seed int64, n, moves int) int {
	r := newRand(seed)
	done := 0
	for range moves {
		_, err := d.Change((&script{}).nodeMove(1, uint32(r.Intn(n)), uint32(r.Intn(n)), at(0)).out)
		if err == nil {
			done++
		} else if !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
	}
	return done
}

// Ten thousand nodes, thousands of concurrent moves, in updates and in a file.
func TestTreeOfTenThousand(t *testing.T) {
	const n = 10_000
	for _, seed := range seeds(t, 1) {
		a := grow(t, seed, 1, n)
		sentBy(a)
		b, c := must[*Doc](t)(Load(a.Save())), must[*Doc](t)(Load(a.Save()))
		for i, d := range []*Doc{b, c} {
			if err := d.Begin(sessionOf(i + 2)); err != nil {
				t.Fatal(err)
			}
		}
		var net []message
		for i, d := range []*Doc{a, b, c} {
			if moved := shuffle(t, d, seed+int64(i), n, 3000); moved < 1000 {
				t.Fatalf("only %d moves", moved)
			}
			net = append(net, sentBy(d)...)
		}
		files := [][]byte{a.Save(), b.Save()}
		views := []*mirror{newMirror(a), newMirror(b)}
		for i, d := range []*Doc{a, b} {
			if err := views[i].apply(d.View()); err != nil {
				t.Fatal(err)
			}
			for _, m := range net {
				patch, _, err := d.Apply(m.session, m.bytes)
				if err != nil {
					t.Fatal(err)
				}
				if err := views[i].apply(patch); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, file := range files {
			must[[]byte](t)(c.Merge(file))
		}
		lost := 0
		for _, d := range []*Doc{a, b, c} {
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
			if d.Digest() != a.Digest() {
				t.Fatalf("-seed=%d: the three differ", seed)
			}
			lost = 0
			for _, m := range d.lists.moves {
				if m.was == m.slot {
					lost++
				}
			}
			if lost == 0 {
				t.Fatal("no cycle has met")
			}
		}
		if views[0].String() != views[1].String() || views[0].String() != viewOf(c) {
			t.Fatalf("-seed=%d: the views differ", seed)
		}
		t.Logf("%d moves, %d would have made a cycle", len(a.lists.moves), lost)
	}
}

// A run of late moves goes through those after it once, be it one update or a file; so does opening a file.
func TestTreeLateMovesGoThroughOthersOnce(t *testing.T) {
	const n, moves = 2_000, 1_000
	file := grow(t, 1, 1, n).Save()
	var docs [2]*Doc
	for i := range docs {
		docs[i] = must[*Doc](t)(Load(file))
		if err := docs[i].Begin(sessionOf(i + 2)); err != nil {
			t.Fatal(err)
		}
		shuffle(t, docs[i], int64(i), n, moves)
	}
	mine, theirs := docs[0].Save(), sentBy(docs[1])
	all := len(docs[0].lists.moves) + len(docs[1].lists.moves)
	for name, do := range map[string]func(d *Doc){
		"update": func(d *Doc) { must2(t)(d.Apply(theirs[0].session, theirs[0].bytes)) },
		"file":   func(d *Doc) { must[[]byte](t)(d.Merge(docs[1].Save())) },
		"load": func(d *Doc) {
			must2(t)(d.Apply(theirs[0].session, theirs[0].bytes))
			*d = *must[*Doc](t)(Load(d.Save()))
		},
	} {
		d := must[*Doc](t)(Load(mine))
		d.lists.steps = 0
		do(d)
		if len(d.lists.moves) != all || d.lists.steps > 2*all {
			t.Errorf("%s: %d of %d moves, %d steps", name, len(d.lists.moves), all, d.lists.steps)
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
	}
}

// A chain is as deep as it has nodes: whatever walks it must not fall down.
func TestTreeChain(t *testing.T) {
	const n = 100_000
	d := New()
	if err := d.Begin(sessionOf(1)); err != nil {
		t.Fatal(err)
	}
	s := (&script{}).child(0, KindTree, "t", 1).node(1, none, at(0), []byte{1})
	for lv := uint32(1); lv < n; lv++ {
		s.node(1, lv-1, at(0), []byte{1})
	}
	must[[]byte](t)(d.Change(s.out))
	net := sentBy(d)
	d.Digest()
	d.View()
	other := New()
	if err := other.Begin(sessionOf(2)); err != nil {
		t.Fatal(err)
	}
	for _, m := range net {
		if _, _, err := other.Apply(m.session, m.bytes); err != nil && !errors.Is(err, ErrMissing) {
			t.Fatal(err) // all but the last part of a change wait for that
		}
	}
	loaded := must[*Doc](t)(Load(d.Save()))
	for _, x := range []*Doc{other, loaded} {
		if x.Digest() != d.Digest() {
			t.Fatal("another after a journey")
		}
	}
	// One takes the whole chain away, the other meanwhile adds something at its end.
	must[[]byte](t)(d.Change((&script{}).drop(1, 0).out))
	must[[]byte](t)(other.Change((&script{}).node(1, n-1, at(0), []byte{2}).nodeMove(1, n-2, n-4, at(0)).out))
	for _, m := range sentBy(d) {
		if _, _, err := other.Apply(m.session, m.bytes); err != nil && !errors.Is(err, ErrMissing) {
			t.Fatal(err)
		}
	}
	for _, m := range sentBy(other) {
		if _, _, err := d.Apply(m.session, m.bytes); err != nil {
			t.Fatal(err)
		}
	}
	if d.Digest() != other.Digest() {
		t.Fatal("the two differ")
	}
	shown := 0
	d.lists.eachShown(d.containers[1].state, func(_, _ uint32, _ int) { shown++ })
	if shown != n {
		t.Fatalf("%d nodes are shown, want %d: all but the one passed over and the new one", shown, n)
	}
}
