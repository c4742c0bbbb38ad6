package crdt

// A tree has a row of slots for the children of its root and one for those of each node. Where a node stands follows
// from all moves in the order of their Lamport times, then sessions: one that would bring a node below itself does
// nothing (Kleppmann, Mulligan, Gomes and Beresford, "A highly-available move operation for replicated trees", 2021).
// An insertion always takes effect and comes before every move that knows its node, so only moves are kept here.
//
// A move that arrives late takes back those that come after it; they wait until somebody wants to see where all nodes
// are. Until then another late one moves on from there, so that a long run of late moves goes through the others once.

// arrangement is the history of moves of all trees.
type arrangement struct {
	moves  []move // done, in order
	undone []move // to be done again, the next one last
	steps  int    // how many were done, again or not; tests look at it
	view   touchList
}

// move is one move of the node that slot belongs to. It stood at slot was before; was is slot when the move does
// nothing.
type move struct{ slot, was uint32 }

// insertNode applies an insertion.
func (d *Doc) insertNode(ctx *context, r *opRun) error {
	row, left, ok := d.nodePlace(ctx, r)
	if !ok {
		return corrupt("node insertion at an unknown place")
	}
	i, err := d.addItem(r.c, item{lv: r.lv, kind: r.sub, at: r.at, size: r.size})
	if err != nil {
		return err
	}
	d.lists.items[i].slot = d.addSlot(ctx, row, r.lv, i, left)
	d.showItem(i)
	return nil
}

// moveNode applies a move. Whether it takes effect or not, it is something that was done to the node.
func (d *Doc) moveNode(ctx *context, r *opRun) error {
	i, ok := d.knownItem(ctx, r.c, r.ref)
	row, left, ok2 := d.nodePlace(ctx, r)
	if !ok || !ok2 {
		return corrupt("move of an unknown node or to an unknown place")
	}
	d.arrange(d.addSlot(ctx, row, r.lv, i, left))
	d.touchItem(i)
	return nil
}

// nodePlace resolves the place that an operation names: a row, and the slot in it to stand behind.
func (d *Doc) nodePlace(ctx *context, r *opRun) (row, left uint32, ok bool) {
	if r.pos != none {
		if left, ok = d.leftSlot(ctx, r.c, r.pos); ok {
			row = d.lists.slots[left].row
		}
		return row, left, ok
	}
	under := *r.under()
	if under == none {
		return d.containers[r.c].state, none, true
	}
	i, ok := d.knownItem(ctx, r.c, under)
	if ok {
		row = d.lists.items[i].row
	}
	return row, none, ok
}

// parent gives the node that a node stands under, none for the root.
func (l *lists) parent(i uint32) uint32 { return l.rows[l.slots[l.items[i].slot].row].node }

// parentName is the parent as patches say it: 0 for the root, else one more than the local version of its insertion.
func (l *lists) parentName(i uint32) uint32 {
	if p := l.parent(i); p != none {
		return uint32(l.items[p].lv) + 1
	}
	return 0
}

// below reports whether row r is that of node i or of one below it.
func (l *lists) below(r, i uint32) bool {
	own := l.items[i].row
	if r == own {
		return true
	}
	// What has never had a child, and what stays among its siblings, needs no walk.
	if l.rows[own].root == none || r == l.slots[l.items[i].slot].row {
		return false
	}
	for r != own {
		n := l.rows[r].node
		if n == none {
			return false
		}
		r = l.slots[l.items[n].slot].row
	}
	return true
}

// arrange puts the move to slot s into the history.
func (d *Doc) arrange(s uint32) {
	l := &d.lists
	lv := l.slots[s].lv
	for n := len(l.moves); n > 0 && d.later(l.slots[l.moves[n-1].slot].lv, lv); n-- {
		d.revertMove()
	}
	for n := len(l.undone); n > 0 && d.later(lv, l.slots[l.undone[n-1].slot].lv); n-- {
		d.redoMove()
	}
	l.undone = append(l.undone, move{slot: s})
	d.undo.add(undoRecord{kind: undoMove})
	d.redoMove()
}

// redoMove does the next of the undone moves.
func (d *Doc) redoMove() {
	l := &d.lists
	n := len(l.undone) - 1
	m := l.undone[n]
	i := l.slots[m.slot].item
	if m.was = l.items[i].slot; l.below(l.slots[m.slot].row, i) {
		m.was = m.slot
	}
	l.undone, l.moves = l.undone[:n], append(l.moves, m)
	l.steps++
	d.undo.add(undoRecord{kind: undoRedo})
	if m.was != m.slot {
		d.stand(i, m.slot)
	}
}

// revertMove takes back the last of the moves.
func (d *Doc) revertMove() {
	l := &d.lists
	n := len(l.moves) - 1
	m := l.moves[n]
	l.moves, l.undone = l.moves[:n], append(l.undone, m)
	d.undo.add(undoRecord{kind: undoRevert, a: m.was})
	if m.was != m.slot {
		d.stand(l.slots[m.slot].item, m.was)
	}
}

// takeBackMove is for rollback. Where the node stood has a record of its own.
func (l *lists) takeBackMove(r *undoRecord) {
	switch r.kind {
	case undoMove:
		l.undone = l.undone[:len(l.undone)-1]
	case undoRedo:
		n := len(l.moves) - 1
		l.moves, l.undone = l.moves[:n], append(l.undone, l.moves[n])
	case undoRevert:
		n := len(l.undone) - 1
		l.undone, l.moves = l.undone[:n], append(l.moves, move{l.undone[n].slot, r.a})
	}
}

// stand puts a node at slot s.
func (d *Doc) stand(i, s uint32) {
	l := &d.lists
	it := &l.items[i]
	from, to := l.slots[it.slot].row, l.slots[s].row
	shown := l.shown(i)
	if shown {
		d.touch(i)
		if from != to {
			d.countKid(from, ^uint32(0))
		}
	}
	d.undo.add(undoRecord{kind: undoStand, a: i, b: it.slot})
	it.slot = s
	if shown && from != to {
		d.countKid(to, 1)
	}
}

// setAlive says whether anything of a node is left by deletions.
func (d *Doc) setAlive(i uint32, alive bool) {
	l := &d.lists
	it := &l.items[i]
	d.undo.item(i, it)
	if l.rows[it.row].kids > 0 {
		it.alive = alive // it is shown in either case
		return
	}
	d.touch(i)
	it.alive = alive
	by := ^uint32(0)
	if alive {
		by = 1
	}
	d.countKid(l.slots[it.slot].row, by)
}

// countKid counts one more child shown in a row, or one less, and goes on upwards as long as that shows or hides the
// node the children are of.
func (d *Doc) countKid(r, by uint32) {
	l := &d.lists
	for {
		row := &l.rows[r]
		i := row.node
		if i == none {
			return
		}
		turns := !l.items[i].alive && (row.kids == 0 || row.kids+by == 0)
		if turns {
			d.touch(i)
		}
		row.kids += by
		d.undo.add(undoRecord{kind: undoKids, a: r, b: by})
		if !turns {
			return
		}
		r = l.slots[l.items[i].slot].row
	}
}
