package model

import (
	"bytes"
	"slices"
)

// row is a sequence: the units of a text, the slots of a list or of one tree node's children. It is a tree as FugueMax
// has it (Weidner and Kleppmann, "The Art of the Fugue", 2023): the order is that of walking it. Only anchors lean.
type row struct {
	top   []*spot // children of the root, all to its right
	order []*spot
}

// rowKey names a row. A tree has one per node and one, with nil, for its root.
type rowKey struct {
	object *Object
	parent *op
}

// spot is one place in a row, for ever.
type spot struct {
	op     *op
	parent *spot // nil for the root
	left   bool  // a left child
	behind *spot // what it was put behind, nil for the front
	right  *spot // what stood behind it when it was made, nil for the end
	kids   []*spot
}

func (m *Model) row(o *Object, parent *op) *row {
	k := rowKey{o, parent}
	if m.rows[k] == nil {
		m.rows[k] = &row{}
	}
	return m.rows[k]
}

// known lists the spots of the row that are in a version, whatever has become of them.
func (r *row) known(v Version) []*spot {
	var out []*spot
	for _, s := range r.order {
		if v.Has(s.op.id) {
			out = append(out, s)
		}
	}
	return out
}

// insert makes a spot for o directly behind left (nil: in front of everything), as an author who has seen v does.
func (r *row) insert(o *op, v Version, left *spot) {
	known := r.known(v)
	s := &spot{op: o, behind: left}
	if at := slices.Index(known, left) + 1; at < len(known) && o.leans() >= 0 {
		s.right = known[at] // what leans to the front has none, as if it stood at the end
	}
	kids := r.top
	if left != nil {
		kids = left.kids
	}
	taken := s.right != nil && slices.ContainsFunc(kids, func(k *spot) bool { return !k.left && v.Has(k.op.id) })
	if taken { // then what stands behind left is below it
		s.parent, s.left = s.right, true
	} else {
		s.parent = left
	}
	if s.parent == nil {
		r.top = append(r.top, s)
	} else {
		s.parent.kids = append(s.parent.kids, s)
	}
	o.spot = s
	r.walk()
}

// walk puts everything in order anew.
func (r *row) walk() {
	place := map[*spot]int{}
	for i, s := range r.order {
		place[s] = i
	}
	place[nil] = len(r.order) + 1
	// Right children: the one whose right neighbour is further to the right comes first. Then, and of left ones: what
	// leans to the front before what does not lean before what leans to the back; and by name, but of those that lean
	// to the front the later one first.
	byName := func(a, b *spot) int {
		if c := a.op.leans() - b.op.leans(); c != 0 {
			return c
		}
		if a.op.leans() < 0 {
			if a.op.later(b.op) {
				return -1
			}
			return 1
		}
		if c := bytes.Compare(a.op.id.Session[:], b.op.id.Session[:]); c != 0 {
			return c
		}
		return a.op.id.Seq - b.op.id.Seq
	}
	byRight := func(a, b *spot) int {
		if c := place[b.right] - place[a.right]; c != 0 {
			return c
		}
		return byName(a, b)
	}
	order := make([]*spot, 0, len(r.order)+1)
	var visit func(s *spot, kids []*spot)
	visit = func(s *spot, kids []*spot) {
		var left, right []*spot
		for _, k := range kids {
			if k.left {
				left = append(left, k)
			} else {
				right = append(right, k)
			}
		}
		slices.SortFunc(left, byName)
		slices.SortFunc(right, byRight)
		for _, k := range left {
			visit(k, k.kids)
		}
		if s != nil {
			order = append(order, s)
		}
		for _, k := range right {
			visit(k, k.kids)
		}
	}
	visit(nil, r.top)
	r.order = order
}
