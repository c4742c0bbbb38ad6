package model

import "slices"

// Where says a place among shown siblings.
type Where struct {
	Mode  int // At, Before, After
	Index int
	Item  ID
}

// The modes of Where.
const (
	At = iota
	Before
	After
)

// slotOp gives the operation whose slot a list item is at: the latest that inserted or moved it.
func (m *Model) slotOp(item *op, v Version) *op {
	best := item
	for _, o := range m.ops {
		if o.action == moveItem && o.target == item && v.Has(o.id) && o.later(best) {
			best = o
		}
	}
	return best
}

// itemOf gives the item that a slot is of.
func (s *spot) itemOf() *op {
	if s.op.action == moveItem {
		return s.op.target
	}
	return s.op
}

// items lists the items that a list shows.
func (m *Model) items(o *Object, v Version) []*op {
	var out []*op
	for _, s := range m.row(o, nil).known(v) {
		if item := s.itemOf(); m.slotOp(item, v) == s.op && m.itemAlive(v, item) {
			out = append(out, item)
		}
	}
	return out
}

// Items names what a list shows.
func (m *Model) Items(o *Object, v Version) []ID { return ids(m.items(o, v)) }

func ids(ops []*op) []ID {
	var out []ID
	for _, o := range ops {
		out = append(out, o.id)
	}
	return out
}

// leftSlot gives the slot to stand behind, where siblings are the shown ones of a row and slot says where one stands.
func (e *Edit) leftSlot(r *row, siblings []*op, w Where, slot func(*op) *op) *spot {
	switch w.Mode {
	case After:
		return slot(e.m.byID[w.Item]).spot
	case Before: // behind whatever slot stands there, shown or not
		known := r.known(e.seen)
		if i := slices.Index(known, slot(e.m.byID[w.Item]).spot); i > 0 {
			return known[i-1]
		}
		return nil
	}
	if w.Index == 0 {
		return nil
	}
	return slot(siblings[w.Index-1]).spot
}

func (e *Edit) listSlot(o *Object, w Where) *spot {
	return e.leftSlot(e.m.row(o, nil), e.m.items(o, e.seen), w, func(i *op) *op { return e.m.slotOp(i, e.seen) })
}

// InsertItem inserts a list item, of a value or of a kind.
func (e *Edit) InsertItem(o *Object, w Where, kind Kind, value []byte) ID {
	left := e.listSlot(o, w)
	return e.place(&op{object: o, action: insertItem, kind: kind, value: string(value)}, o, nil, left).op.id
}

// MoveItem moves a list item.
func (e *Edit) MoveItem(o *Object, item ID, w Where) {
	left := e.listSlot(o, w)
	e.place(&op{object: o, action: moveItem, target: e.m.byID[item]}, o, nil, left)
}

// DeleteItem deletes a list item.
func (e *Edit) DeleteItem(o *Object, item ID) {
	e.do(&op{object: o, action: deleteItem, target: e.m.byID[item]})
}
