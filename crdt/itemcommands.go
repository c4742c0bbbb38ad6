package crdt

// commandItems does a command on the items of a list or the nodes of a tree.
func (d *Doc) commandItems(r *reader, c uint32, kind byte) error {
	row := &d.containers[c]
	tree := kind == cmdNodeInsert || kind == cmdNodeMove
	if !row.holdsItems() || kind != cmdItemDelete && tree != (row.kind == KindTree) {
		return invalid("neither list nor tree, or a command of the other")
	}
	switch kind {
	case cmdListInsert:
		left, err := d.commandWhere(r, c, row.state)
		if err != nil {
			return err
		}
		return d.commandInsert(r, opRun{n: 1, c: c, kind: opListInsert, pos: left})
	case cmdNodeInsert:
		op := opRun{n: 1, c: c, kind: opNodeInsert}
		if _, err := d.commandNodePlace(r, &op); err != nil {
			return err
		}
		return d.commandInsert(r, op)
	}
	i, err := d.commandItem(r, c)
	if err != nil {
		return err
	}
	op := opRun{n: 1, c: c, pos: none, ref: uint32(d.lists.items[i].lv)}
	switch kind {
	case cmdItemDelete:
		if row.kind == KindTree {
			return d.deleteBranch(c, i)
		}
		op.kind = opItemDelete
	case cmdListMove:
		op.kind = opListMove
		op.pos, err = d.commandWhere(r, c, row.state)
	case cmdNodeMove:
		op.kind = opNodeMove
		var to uint32
		if to, err = d.commandNodePlace(r, &op); err == nil && d.lists.below(to, i) {
			err = invalid("node moved below itself")
		}
	}
	if err != nil {
		return err
	}
	return d.write(op)
}

// commandInsert reads what is inserted and does op.
func (d *Doc) commandInsert(r *reader, op opRun) error {
	op.sub = Kind(r.byte())
	if r.bad || !op.sub.known() {
		return invalid("no such kind")
	}
	if op.sub != KindValue {
		if want := r.u32(none - 1); r.bad || want != uint32(len(d.containers)) {
			return ErrDesync
		}
		return d.write(op)
	}
	value, err := d.commandValue(r)
	if err != nil {
		return err
	}
	op.at, op.size = uint32(len(d.log.values)), uint32(len(value))
	d.log.values = append(d.log.values, value...)
	return d.write(op)
}

// deleteBranch deletes a node and everything shown below it, one operation each: siblings in order, each after what is
// below it.
func (d *Doc) deleteBranch(c, i uint32) error {
	l := &d.lists
	var order []uint32
	path := []uint32{i} // the node last met and those above it
	l.eachShown(l.items[i].row, func(i, _ uint32, level int) {
		for len(path) > level {
			order, path = append(order, path[len(path)-1]), path[:len(path)-1]
		}
		path = append(path, i)
	})
	for ; len(path) > 0; path = path[:len(path)-1] {
		order = append(order, path[len(path)-1])
	}
	for _, i := range order {
		if err := d.write(opRun{n: 1, c: c, kind: opItemDelete, pos: none, ref: uint32(l.items[i].lv)}); err != nil {
			return err
		}
	}
	return nil
}

// commandItem reads an item of list or tree c that is shown.
func (d *Doc) commandItem(r *reader, c uint32) (uint32, error) {
	lv := r.u32(none - 1)
	i, ok := d.lists.findItem(LV(lv))
	if r.bad || !ok || d.lists.items[i].list != c || !d.lists.shown(i) {
		return 0, invalid("no such item here")
	}
	return i, nil
}

// commandNodePlace reads a parent and a place among its children into op and gives the row.
func (d *Doc) commandNodePlace(r *reader, op *opRun) (row uint32, err error) {
	row = d.containers[op.c].state
	parent, under := r.u32(none-1), none
	if parent > 0 {
		i, ok := d.lists.findItem(LV(parent - 1))
		if !ok || d.lists.items[i].list != op.c || !d.lists.shown(i) {
			return 0, invalid("no such parent in this tree")
		}
		row, under = d.lists.items[i].row, parent-1
	}
	if op.pos, err = d.commandWhere(r, op.c, row); err != nil {
		return 0, err
	}
	if op.pos != none {
		under = none
	}
	*op.under() = under
	return row, nil
}

// commandWhere reads a place in a row of c and gives the slot (as LV, or none) to stand behind.
func (d *Doc) commandWhere(r *reader, c, row uint32) (uint32, error) {
	l := &d.lists
	left := none
	switch mode := r.byte(); mode {
	case 0:
		at := r.u32(none - 1)
		if r.bad || at > l.width(row) {
			return 0, invalid("index outside the row")
		}
		if at > 0 {
			left, _ = l.seq.find(l.rows[row].root, 0, at-1)
		}
	case 1, 2:
		i, err := d.commandItem(r, c)
		if err != nil {
			return 0, err
		}
		left = l.items[i].slot
		if l.slots[left].row != row {
			return 0, invalid("place beside an item that is elsewhere")
		}
		if mode == 1 {
			left = l.seq.prev(left)
		}
	default:
		return 0, invalid("unknown way to say where")
	}
	if left == none {
		return none, nil
	}
	return uint32(l.slots[left].lv), nil
}
