package crdt

// lists holds the items of all lists. A list is a row of slots, ordered for ever by Fugue; an insertion makes an item
// and its first slot, a move makes another slot for it. The slot of the last mover (Lamport time, then session) is
// where the item is; all others, and the slots of deleted items, are there but not shown.
type lists struct {
	seq   sequence // elements are slots; weight 1 for the slot at which an item is shown
	roots []uint32 // per list
	items []item   // in order of local version
	slots []slot   // in order of local version
	row   slotRow  // scratch
}

type item struct {
	lv       LV
	list     uint32 // container
	kind     Kind
	shown    bool
	slot     uint32 // where it is
	child    uint32 // container, when kind is one
	at, size uint32 // value, when kind is KindValue
}

type slot struct {
	lv          LV
	item        uint32
	left, right uint32 // the neighbours between which it was inserted: slots, or none
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

// slotRow is the fugueRow of a list.
type slotRow struct {
	d           *Doc
	list        uint32
	ctx         *context
	lv          LV
	left, right uint32
}

func (r *slotRow) after(el uint32) uint32 {
	if el == none {
		return r.d.lists.seq.first(r.d.lists.roots[r.list])
	}
	return r.d.lists.seq.next(el)
}

func (r *slotRow) known(el uint32) bool { return r.d.sees(r.ctx, r.d.lists.slots[el].lv) }

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
	return r.d.namedBefore(r.lv, r.d.lists.slots[el].lv)
}

// addSlot makes the slot of operation lv for item, behind the slot left (none: in front).
func (d *Doc) addSlot(ctx *context, list uint32, lv LV, item, left uint32) uint32 {
	l := &d.lists
	l.row = slotRow{d: d, list: list, ctx: ctx, lv: lv, left: left}
	row := &l.row
	after := left
	if prev := d.slotBefore(ctx, list, lv); prev != none && left == prev {
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
	l.slots = append(l.slots, slot{lv: lv, item: item, left: left, right: row.right})
	l.roots[list] = l.seq.insertAfter(l.roots[list], after, el, weight{})
	d.undo.add(undoRecord{kind: undoSlot, a: list})
	return el
}

// slotBefore gives the slot that the operation right before lv made in the same list, when that operation is all that
// lv's author had seen since; none otherwise. Without it, runs of insertions at one place by several people would each
// walk over all the others' slots.
func (d *Doc) slotBefore(ctx *context, list uint32, lv LV) uint32 {
	before := lv - 1
	if lv == ctx.first {
		if ctx.linear || len(ctx.parents) != 1 {
			return none
		}
		before = ctx.parents[0]
	}
	l := &d.lists
	s, ok := l.findSlot(before)
	if !ok || d.containers[l.items[l.slots[s].item].list].state != list {
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
func (d *Doc) dropSlot(list uint32) {
	l := &d.lists
	el := uint32(len(l.slots) - 1)
	l.roots[list] = l.seq.remove(l.roots[list], el)
	l.slots = l.slots[:el]
}

// leftSlot resolves the slot an operation names; false when it is not one of this list that the operation has seen.
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

// insertItems applies a list insertion. r.size covers the values of all its items.
func (d *Doc) insertItems(ctx *context, r *opRun) error {
	l := &d.lists
	left, ok := d.leftSlot(ctx, r.c, r.pos)
	if !ok {
		return corrupt("list insertion behind an unknown slot")
	}
	list := d.containers[r.c].state
	at := r.at
	for k := uint32(0); k < r.n; k++ {
		lv := r.lv + LV(k)
		i := uint32(len(l.items))
		fresh := item{lv: lv, list: r.c, kind: r.sub, slot: none, child: none}
		if r.sub == KindValue {
			size, _ := skipValue(d.log.values[at:])
			fresh.at, fresh.size = at, uint32(size)
			at += uint32(size)
		}
		l.items = append(l.items, fresh)
		d.undo.add(undoRecord{kind: undoNewItem})
		if r.sub != KindValue {
			if d.containers[r.c].depth+1 >= MaxDepth {
				return tooLarge("containers nested too deep")
			}
			d.addContainer(r.c, i, r.sub)
			d.undo.add(undoRecord{kind: undoContainer})
		}
		left = d.addSlot(ctx, list, lv, i, left)
		l.items[i].slot = left
		d.showItem(i)
	}
	return nil
}

// moveItem applies a list move.
func (d *Doc) moveItem(ctx *context, r *opRun) error {
	l := &d.lists
	i, ok := d.knownItem(ctx, r.c, r.ref)
	left, ok2 := d.leftSlot(ctx, r.c, r.pos)
	if !ok || !ok2 {
		return corrupt("move of or behind an unknown item")
	}
	list := d.containers[r.c].state
	el := d.addSlot(ctx, list, r.lv, i, left)
	if old := l.items[i].slot; d.later(r.lv, l.slots[old].lv) {
		d.undo.item(i, &l.items[i])
		if l.items[i].shown {
			from := l.seq.before(old)[0]
			d.weighSlot(old, ^uint32(0))
			d.weighSlot(el, 1)
			if to := l.seq.before(el)[0]; to != from {
				d.patch.listMove(r.c, from, to, l.items[i].lv)
			}
		}
		l.items[i].slot = el
	}
	d.showItem(i)
	return nil
}

func (d *Doc) weighSlot(el, by uint32) {
	d.lists.seq.add(el, weight{by})
	d.undo.add(undoRecord{kind: undoWeight, a: el, b: by})
}

// showItem makes an item visible where it is, if it is not.
func (d *Doc) showItem(i uint32) {
	it := &d.lists.items[i]
	if it.shown {
		return
	}
	d.undo.item(i, it)
	it.shown = true
	d.weighSlot(it.slot, 1)
	d.patch.listInsert(d, i, d.lists.seq.before(it.slot)[0])
}

// hideItem takes an item out of the view.
func (d *Doc) hideItem(i uint32) {
	it := &d.lists.items[i]
	if !it.shown {
		return
	}
	d.undo.item(i, it)
	d.patch.listDelete(it.list, d.lists.seq.before(it.slot)[0], it.lv)
	it.shown = false
	d.weighSlot(it.slot, ^uint32(0))
}
