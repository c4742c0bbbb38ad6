package crdt

// A list has one row. An item is at the slot of its last mover: the greatest Lamport time, then session.

// insertItems applies a list insertion. r.size covers the values of all its items.
func (d *Doc) insertItems(ctx *context, r *opRun) error {
	left, ok := d.leftSlot(ctx, r.c, r.pos)
	if !ok {
		return corrupt("list insertion behind an unknown slot")
	}
	l := &d.lists
	row := d.containers[r.c].state
	at := r.at
	for k := uint32(0); k < r.n; k++ {
		fresh := item{lv: r.lv + LV(k), kind: r.sub}
		if r.sub == KindValue {
			size, _ := skipValue(d.log.values[at:])
			fresh.at, fresh.size = at, uint32(size)
			at += uint32(size)
		}
		i, err := d.addItem(r.c, fresh)
		if err != nil {
			return err
		}
		left = d.addSlot(ctx, row, fresh.lv, i, left)
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
	el := d.addSlot(ctx, d.containers[r.c].state, r.lv, i, left)
	if old := l.items[i].slot; d.later(r.lv, l.slots[old].lv) {
		d.undo.item(i, &l.items[i])
		if l.items[i].alive {
			from := l.index(old)
			d.weighSlot(old, ^uint32(0))
			d.weighSlot(el, 1)
			if to := l.index(el); to != from {
				d.patch.listMove(r.c, from, to, l.items[i].lv)
			}
		}
		l.items[i].slot = el
	}
	d.touchItem(i)
	return nil
}

// touchItem notes that something was done to an item, or inside it, that not every deletion of it has seen.
func (d *Doc) touchItem(i uint32) {
	d.lists.items[i].touched = d.graph.next()
	d.showItem(i)
}

// showItem brings an item to life, if it is not alive.
func (d *Doc) showItem(i uint32) {
	it := &d.lists.items[i]
	switch {
	case it.alive:
	case it.row != none:
		d.setAlive(i, true)
	default:
		d.undo.item(i, it)
		it.alive = true
		d.weighSlot(it.slot, 1)
		d.patch.listInsert(d, i, d.lists.index(it.slot))
	}
}

// hideItem is what a deletion that leaves nothing of an item does to it.
func (d *Doc) hideItem(i uint32) {
	it := &d.lists.items[i]
	switch {
	case !it.alive:
	case it.row != none:
		d.setAlive(i, false)
	default:
		d.undo.item(i, it)
		d.patch.listDelete(it.list, d.lists.index(it.slot), it.lv)
		it.alive = false
		d.weighSlot(it.slot, ^uint32(0))
	}
}
