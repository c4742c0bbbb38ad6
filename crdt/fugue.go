package crdt

// fugueRow is a row of siblings in which something new wants its place: the spans of the tracker or the slots of a
// list. Both are ordered by FugueMax (Weidner and Kleppmann, "The Art of the Fugue", 2023), in the form that needs
// only the two neighbours each element was inserted between: runs typed at one place by several people at once end up
// one behind the other, never mixed.
type fugueRow interface {
	// after gives the element behind el, the first one for none, and none at the end.
	after(el uint32) uint32
	// known reports whether the new element's author had seen el. The first known element behind left is the new
	// element's right neighbour.
	known(el uint32) bool
	// compareLeft and compareRight tell whether el's left (right) neighbour stands before (-1), at (0) or behind (1)
	// that of the new element.
	compareLeft(el uint32) int
	compareRight(el uint32) int
	// first reports whether the new element sorts before el by name.
	first(el uint32) bool
}

// place gives the element behind which the new one belongs. Between its neighbours stands only what its author had
// not seen. Of that
//   - an element with a left neighbour further to the left ends the search: it and all behind it belong to someone
//     who stands further left;
//   - one with the same left neighbour stands behind us when its right neighbour is ours too and our name sorts first;
//     when its right neighbour is nearer than ours, we go behind it only together with something behind it that has
//     at least our right neighbour, so dest waits;
//   - one with a left neighbour between ours and here was inserted behind an element that we have already passed.
func place(row fugueRow, left uint32) uint32 {
	dest, waiting := left, false
	for el := row.after(left); el != none && !row.known(el); el = row.after(el) {
		switch c := row.compareLeft(el); {
		case c < 0:
			return dest
		case c == 0:
			right := row.compareRight(el)
			if right == 0 && row.first(el) {
				return dest
			}
			waiting = right < 0
		}
		if !waiting {
			dest = el
		}
	}
	return dest
}
