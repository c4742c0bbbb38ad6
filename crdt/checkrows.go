package crdt

// checkRows verifies rows, their slots and what the slots weigh.
func (d *Doc) checkRows() string {
	l := &d.lists
	slots := 0
	for i := range l.rows {
		r := &l.rows[i]
		if broken := l.seq.check(r.root); broken != "" {
			return broken
		}
		if r.node != none && l.items[r.node].row != uint32(i) || r.touch != 0 {
			return "row and node do not agree, or the view was not told of something"
		}
		kids := uint32(0)
		for el := l.seq.first(r.root); el != none; el = l.seq.next(el) {
			s := &l.slots[el]
			it := &l.items[s.item]
			want := uint32(0)
			if l.shown(s.item) && it.slot == el {
				want = 1
			}
			kids += want
			switch {
			case s.row != uint32(i):
				return "slot in a strange row"
			case l.seq.weightOf(el) != weight{want}:
				return "slot does not weigh what it shows"
			case s.left != none && !l.seq.less(s.left, el) || s.right != none && !l.seq.less(el, s.right):
				return "slot is not between its neighbours"
			case el > 0 && l.slots[el-1].lv >= s.lv || s.item > 0 && l.items[s.item-1].lv >= it.lv:
				return "slots or items out of order"
			case s.entry != uint32(d.graph.at(s.lv)):
				return "slot names another entry of the graph"
			}
			slots++
		}
		if r.node != none && r.kids != kids {
			return "row does not count what it shows"
		}
	}
	if slots != len(l.slots) {
		return "slots are lost"
	}
	return ""
}

// checkItems verifies that every row has one owner, every slot an item of that owner, and that list items are where
// their last mover put them.
func (d *Doc) checkItems() string {
	l := &d.lists
	owner := make([]uint32, len(l.rows)) // container
	owned := 0
	for i := range d.containers {
		if c := &d.containers[i]; c.holdsItems() {
			owner[c.state] = uint32(i)
			owned++
		}
	}
	for i := range l.items {
		it := &l.items[i]
		if (it.row != none) != (d.containers[it.list].kind == KindTree) {
			return "node without a row, or list item with one"
		}
		if it.row != none {
			if l.rows[it.row].node != uint32(i) {
				return "row of another node"
			}
			owner[it.row] = it.list
			owned++
		}
		if l.slots[it.slot].item != uint32(i) {
			return "item at the slot of another"
		}
	}
	if owned != len(l.rows) {
		return "row without an owner, or with two"
	}
	for el := range l.slots {
		s := &l.slots[el]
		it := &l.items[s.item]
		if owner[s.row] != it.list {
			return "slot in a strange list or tree"
		}
		if it.row == none && d.later(s.lv, l.slots[it.slot].lv) {
			return "item is not where its last mover put it"
		}
	}
	return ""
}

// checkMoves does all moves of trees again from the beginning.
func (d *Doc) checkMoves() string {
	l := &d.lists
	if len(l.undone) > 0 || len(l.view.touched) > 0 {
		return "moves or nodes are not settled"
	}
	at := make([]uint32, len(l.items)) // where each node stands
	moves := 0
	for el := range l.slots {
		s := &l.slots[el]
		if it := &l.items[s.item]; it.row != none && it.lv == s.lv {
			at[s.item] = uint32(el)
		} else if it.row != none {
			moves++
		}
	}
	if moves != len(l.moves) {
		return "moves are lost"
	}
	above := func(i uint32) uint32 { return l.rows[l.slots[at[i]].row].node }
	for k, m := range l.moves {
		if k > 0 && !d.later(l.slots[m.slot].lv, l.slots[l.moves[k-1].slot].lv) {
			return "moves out of order"
		}
		i := l.slots[m.slot].item
		was := at[i]
		for p := l.rows[l.slots[m.slot].row].node; p != none; p = above(p) {
			if p == i {
				was = m.slot
				break
			}
		}
		if m.was != was {
			return "move does what it should not, or nothing"
		}
		if was != m.slot {
			at[i] = m.slot
		}
	}
	sound := make([]bool, len(l.items)) // no cycle from here up
	for i := range l.items {
		if l.items[i].row == none {
			continue
		}
		if at[i] != l.items[i].slot {
			return "node is not where its moves put it"
		}
		steps := 0
		for p := uint32(i); p != none && !sound[p]; p = above(p) {
			if steps++; steps > len(l.items) {
				return "cycle"
			}
		}
		for p := uint32(i); p != none && !sound[p]; p = above(p) {
			sound[p] = true
		}
	}
	return ""
}
