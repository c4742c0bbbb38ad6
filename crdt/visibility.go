package crdt

// What is shown. An entry (an item of a list, a node of a tree, a child of a record) is alive when some operation on it or anywhere
// inside it is not in the history of any deletion of it. So a deletion hides what its author had seen, and whatever
// somebody else did to the entry meanwhile, or anybody does later, shows it again with everything in it.

// entryRef names an entry: an item of a list or tree, or the child container of a record.
type entryRef struct {
	item  bool
	index uint32 // item or container
}

// revive shows every entry around container c: a new operation in c is in no deletion's history yet.
func (d *Doc) revive(c uint32) {
	for c != 0 {
		row := &d.containers[c]
		switch d.containers[row.parent].kind {
		case KindList, KindTree:
			d.touchItem(row.name)
		case KindRecord:
			d.showChild(c)
		}
		c = row.parent
	}
}

func (d *Doc) showChild(c uint32) {
	row := &d.containers[c]
	row.touched = d.graph.next()
	if !row.shown {
		d.undo.add(undoRecord{kind: undoShown, a: c, b: 0})
		row.shown = true
		d.patch.recordChild(d, c)
	}
}

func (d *Doc) hideChild(c uint32) {
	if row := &d.containers[c]; row.shown {
		d.undo.add(undoRecord{kind: undoShown, a: c, b: 1})
		row.shown = false
		d.patch.recordChild(d, c)
	}
}

// deleteItem applies a deletion of a list's item or a tree's node.
func (d *Doc) deleteItem(ctx *context, r *opRun) error {
	i, ok := d.knownItem(ctx, r.c, r.ref)
	if !ok {
		return corrupt("deletion of an unknown item")
	}
	if d.lists.items[i].alive && !d.survives(ctx, entryRef{true, i}) {
		d.hideItem(i)
	}
	return nil
}

// deleteKey applies a deletion of a key: its register, and a record's children of every kind.
func (d *Doc) deleteKey(ctx *context, r *opRun) {
	d.writeRegister(r, false)
	if d.containers[r.c].kind != KindRecord {
		return
	}
	for kind := KindValue + 1; kind < kindEnd; kind++ {
		c, ok := d.children[childKey{r.c, r.ref, kind}]
		if ok && d.containers[c].shown && !d.survives(ctx, entryRef{false, c}) {
			d.hideChild(c)
		}
	}
}

// survives reports whether an entry stays visible although ctx's operation deletes it: whether something was done to
// it that neither this deletion nor any other one has seen. Only what is concurrent with the deletion is looked at.
func (d *Doc) survives(ctx *context, e entryRef) bool {
	if ctx.linear || d.lastTouch(e) <= ctx.complete {
		return false
	}
	unseen := d.unseen(ctx)
	if _, touched := d.touchedBy(ctx)[e]; !touched {
		return false
	}
	heads := append([]LV(nil), ctx.parents...)
	d.eachRun(unseen, func(r *opRun) bool {
		if d.deletes(r, e) {
			heads = append(heads, r.lv)
		}
		return true
	})
	if len(heads) > len(ctx.parents) {
		unseen, _ = d.graph.diff(d.graph.frontier, heads, nil, nil)
	}
	return !d.eachRun(unseen, func(r *opRun) bool { return !d.touches(r, e) })
}

// lastTouch says below which version everything is that was done to an entry or inside it.
func (d *Doc) lastTouch(e entryRef) LV {
	if e.item {
		return d.lists.items[e.index].touched
	}
	return d.containers[e.index].touched
}

// touchAll notes that something may have been done to any entry until now; a file does not say.
func (d *Doc) touchAll() {
	for i := range d.lists.items {
		d.lists.items[i].touched = d.graph.next()
	}
	for i := range d.containers {
		d.containers[i].touched = d.graph.next()
	}
}

// touchedBy gives the entries that something unseen by ctx's stretch was done to. It is looked up once for the stretch:
// clearing a list asks for every item.
func (d *Doc) touchedBy(ctx *context) map[entryRef]struct{} {
	if ctx.touched != nil {
		return ctx.touched
	}
	ctx.touched = make(map[entryRef]struct{})
	last := none // container of the run before: runs on one come together
	d.eachRun(d.unseen(ctx), func(r *opRun) bool {
		switch r.kind {
		case opListMove, opNodeMove:
			if i, ok := d.lists.findItem(LV(r.ref)); ok {
				ctx.touched[entryRef{true, i}] = struct{}{}
			}
		case opRecordPut:
			if c, ok := d.children[childKey{r.c, r.ref, r.sub}]; ok {
				ctx.touched[entryRef{false, c}] = struct{}{}
			}
		}
		if r.c == last {
			return true
		}
		last = r.c
		for c := r.c; c != 0; c = d.containers[c].parent {
			row := &d.containers[c]
			switch d.containers[row.parent].kind {
			case KindList, KindTree:
				ctx.touched[entryRef{true, row.name}] = struct{}{}
			case KindRecord:
				ctx.touched[entryRef{false, c}] = struct{}{}
			}
		}
		return true
	})
	return ctx.touched
}

// eachRun visits the runs of the ranges until visit says stop; false when it did.
func (d *Doc) eachRun(ranges []lvRange, visit func(*opRun) bool) bool {
	for _, span := range ranges {
		for i := d.log.at(span.from); i < len(d.log.runs) && d.log.runs[i].lv < span.to; i++ {
			d.walked++
			if !visit(&d.log.runs[i]) {
				return false
			}
		}
	}
	return true
}

// deletes reports whether r is a deletion of the entry.
func (d *Doc) deletes(r *opRun, e entryRef) bool {
	if e.item {
		return r.kind == opItemDelete && LV(r.ref) == d.lists.items[e.index].lv
	}
	c := &d.containers[e.index]
	return r.kind == opMapDelete && r.c == c.parent && r.ref == c.name
}

// touches reports whether r does something to the entry, or inside it, other than deleting it.
func (d *Doc) touches(r *opRun, e entryRef) bool {
	if e.item {
		it := &d.lists.items[e.index]
		if (r.kind == opListMove || r.kind == opNodeMove) && LV(r.ref) == it.lv {
			return true // the insertion itself is in the history of every deletion
		}
		return it.child != none && d.inside(r.c, it.child)
	}
	c := &d.containers[e.index]
	if r.kind == opRecordPut && r.c == c.parent && r.ref == c.name && r.sub == c.kind {
		return true
	}
	return d.inside(r.c, e.index)
}

// inside reports whether container c is root or below it.
func (d *Doc) inside(c, root uint32) bool {
	for c > root { // a parent has the smaller index
		c = d.containers[c].parent
	}
	return c == root
}
