package crdt

// lists holds the items of all lists and the nodes of all trees, which are items too. They stand in rows: a list has
// one, a tree one for its root and one for each node. A row is a sequence of slots, ordered for ever by Fugue. An
// insertion makes an item and its first slot, a move makes another slot for it, which in a tree may be in another row.
// An item is at one of its slots; all others, and the slots of what is deleted, are there but not shown.
type lists struct {
	seq   sequence // elements are slots; weight 1 for the slot at which an item is shown
	rows  []row
	items []item // in order of local version
	slots []slot // in order of local version
	arrangement
	scan slotRow // scratch
}

// row is where the items of a list, or the children of one parent in a tree, have their slots.
type row struct {
	root uint32 // in the sequence, none while there are no slots
	node uint32 // item whose children they are; none in a list and for the root of a tree
	kids uint32 // how many of node's children are shown
	// touch is one more than the place of node in the list of what has to be settled.
	touch uint32
}

type item struct {
	lv       LV
	list     uint32 // container
	kind     Kind
	alive    bool   // not hidden by a deletion
	slot     uint32 // where it is
	row      uint32 // tree: that of its children; none in a list
	child    uint32 // container, when kind is one
	at, size uint32 // value, when kind is KindValue
	// touched: all operations on it and in it, but the insertion, are below. Some may have been taken back.
	touched LV
}

type slot struct {
	lv          LV
	entry       uint32 // of the graph that holds lv: who made it is asked often
	item        uint32
	row         uint32
	left, right uint32 // the neighbours between which it was inserted: slots, or none
}

func (l *lists) addRow(node uint32) uint32 {
	l.rows = append(l.rows, row{root: none, node: node})
	return uint32(len(l.rows) - 1)
}

// dropRow takes back the newest row, which is empty again.
func (l *lists) dropRow() { l.rows = l.rows[:len(l.rows)-1] }

// addItem makes an item of list or tree c, which stands nowhere yet, and its container.
func (d *Doc) addItem(c uint32, fresh item) (uint32, error) {
	i := d.newItem(c, fresh)
	d.undo.add(undoRecord{kind: undoNewItem})
	if fresh.kind != KindValue {
		if d.containers[c].depth+1 >= MaxDepth {
			return 0, tooLarge("containers nested too deep")
		}
		d.addContainer(c, i, fresh.kind)
		d.undo.add(undoRecord{kind: undoContainer})
	}
	return i, nil
}

// newItem makes an item without its container.
func (d *Doc) newItem(c uint32, fresh item) uint32 {
	l := &d.lists
	i := uint32(len(l.items))
	fresh.list, fresh.slot, fresh.row, fresh.child = c, none, none, none
	if d.containers[c].kind == KindTree {
		fresh.row = l.addRow(i)
	}
	l.items = append(l.items, fresh)
	return i
}

// dropItem takes back the newest item.
func (l *lists) dropItem() {
	last := len(l.items) - 1
	if l.items[last].row != none {
		l.dropRow()
	}
	l.items = l.items[:last]
}

// shown reports whether an item is in the view: it is alive, or it is a node with a child that is shown.
func (l *lists) shown(i uint32) bool {
	it := &l.items[i]
	return it.alive || it.row != none && l.rows[it.row].kids > 0
}

// width counts what is shown in a row.
func (l *lists) width(r uint32) uint32 { return l.seq.total(l.rows[r].root, 0) }

// index gives the view index of what stands, or would stand, at a slot.
func (l *lists) index(el uint32) uint32 { return l.seq.before(el, 0) }

func (d *Doc) weighSlot(el, by uint32) {
	d.lists.seq.add(el, weight{by})
	d.undo.add(undoRecord{kind: undoWeight, a: el, b: by})
}

// eachShown visits what is shown in a row and, in a tree, below it: parents before children and siblings in order, each
// with its index and how deep it stands, from 1 on.
func (l *lists) eachShown(r uint32, visit func(item, at uint32, level int)) {
	type place struct{ el, at uint32 }
	stack := []place{{el: l.seq.first(l.rows[r].root)}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		el := top.el
		if el == none {
			stack = stack[:len(stack)-1]
			continue
		}
		top.el = l.seq.next(el)
		i := l.slots[el].item
		if l.items[i].slot != el || !l.shown(i) {
			continue
		}
		visit(i, top.at, len(stack))
		top.at++
		if below := l.items[i].row; below != none && l.rows[below].kids > 0 {
			stack = append(stack, place{el: l.seq.first(l.rows[below].root)})
		}
	}
}

// findItem gives the index of the item that lv inserted.
func (l *lists) findItem(lv LV) (uint32, bool) {
	lo, hi := 0, len(l.items)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.items[mid].lv < lv {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return uint32(lo), lo < len(l.items) && l.items[lo].lv == lv
}

// findSlot gives the index of the slot that lv made.
func (l *lists) findSlot(lv LV) (uint32, bool) {
	lo, hi := 0, len(l.slots)
	if hi > 0 && l.slots[hi-1].lv == lv {
		return uint32(hi - 1), true
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.slots[mid].lv < lv {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return uint32(lo), lo < len(l.slots) && l.slots[lo].lv == lv
}

// slotRow is the fugueRow of a row of slots.
type slotRow struct {
	d           *Doc
	row         uint32
	ctx         *context
	lv          LV
	left, right uint32
}

func (r *slotRow) after(el uint32) uint32 {
	r.d.walked++
	if el == none {
		return r.d.lists.seq.first(r.d.lists.rows[r.row].root)
	}
	return r.d.lists.seq.next(el)
}

func (r *slotRow) known(el uint32) bool {
	s := &r.d.lists.slots[el]
	return r.d.seesIn(r.ctx, s.lv, s.entry)
}

func (r *slotRow) compareLeft(el uint32) int {
	a, b := r.d.lists.slots[el].left, r.left
	switch {
	case a == b:
		return 0
	case a == none:
		return -1
	case b == none || !r.d.lists.seq.less(a, b):
		return 1
	}
	return -1
}

func (r *slotRow) compareRight(el uint32) int {
	a, b := r.d.lists.slots[el].right, r.right
	switch {
	case a == b:
		return 0
	case a == none:
		return 1
	case b == none || r.d.lists.seq.less(a, b):
		return -1
	}
	return 1
}

func (r *slotRow) first(el uint32) bool {
	s := &r.d.lists.slots[el]
	return r.d.namedBefore(r.lv, s.lv, s.entry)
}

// addSlot makes the slot of operation lv for item in row r, behind the slot left (none: in front).
func (d *Doc) addSlot(ctx *context, r uint32, lv LV, item, left uint32) uint32 {
	l := &d.lists
	l.scan = slotRow{d: d, row: r, ctx: ctx, lv: lv, left: left}
	row := &l.scan
	after := left
	if prev := d.slotBefore(ctx, r, lv); prev != none && left == prev {
		// Behind the slot made just before: it stands in front of what that one did, with nothing known in between.
		row.right = l.slots[prev].right
		after = place(row, left)
	} else if prev != none && left == l.slots[prev].left && l.lastBefore(prev, left) {
		// In front of the slot made just before, and nobody else has put anything between the two.
		row.right, after = prev, l.seq.prev(prev)
	} else {
		row.right = row.after(left)
		if row.right != none && !row.known(row.right) {
			for row.right != none && !row.known(row.right) {
				row.right = row.after(row.right)
			}
			after = place(row, left)
		}
	}
	el := uint32(len(l.slots))
	l.slots = append(l.slots, slot{lv: lv, entry: uint32(d.graph.at(lv)), item: item, row: r, left: left, right: row.right})
	l.rows[r].root = l.seq.insertAfter(l.rows[r].root, after, el, weight{})
	d.undo.add(undoRecord{kind: undoSlot})
	return el
}

// slotBefore gives the slot that the operation right before lv made in the same row, when that operation is all that
// lv's author had seen since; none otherwise. Without it, runs of insertions at one place by several people would each
// walk over all the others' slots.
func (d *Doc) slotBefore(ctx *context, r uint32, lv LV) uint32 {
	before := lv - 1
	if lv == ctx.first {
		if ctx.linear || len(ctx.parents) != 1 {
			return none
		}
		before = ctx.parents[0]
	}
	s, ok := d.lists.findSlot(before)
	if !ok || d.lists.slots[s].row != r {
		return none
	}
	return s
}

// lastBefore reports whether what stands right before slot el was not put there by somebody who had seen el. Such a
// slot would have el as its right neighbour.
func (l *lists) lastBefore(el, left uint32) bool {
	x := l.seq.prev(el)
	return x == left || x != none && l.slots[x].right != el
}

// dropSlot takes back the newest slot.
func (l *lists) dropSlot() {
	el := uint32(len(l.slots) - 1)
	r := &l.rows[l.slots[el].row]
	r.root = l.seq.remove(r.root, el)
	l.slots = l.slots[:el]
}

// leftSlot resolves the slot an operation names; false when it is not one of list or tree c that the operation
// has seen.
func (d *Doc) leftSlot(ctx *context, c, lv uint32) (uint32, bool) {
	if lv == none {
		return none, true
	}
	s, ok := d.lists.findSlot(LV(lv))
	if !ok || d.lists.items[d.lists.slots[s].item].list != c || !d.sees(ctx, LV(lv)) {
		return 0, false
	}
	return s, true
}

// knownItem resolves the item an operation names.
func (d *Doc) knownItem(ctx *context, c, lv uint32) (uint32, bool) {
	i, ok := d.lists.findItem(LV(lv))
	if !ok || d.lists.items[i].list != c || !d.sees(ctx, LV(lv)) {
		return 0, false
	}
	return i, true
}
