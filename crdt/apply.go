package crdt

// held are updates that came before what they depend on.
type held struct {
	updates []heldUpdate
	bytes   int
}

type heldUpdate struct {
	session SessionID
	bytes   []byte
}

// Apply applies an update of a session and gives the patch; fresh is false when everything in it was here already.
// Updates that were held and are ready now are applied too.
//
// ErrMissing: operations it depends on are not here; it is held, within limits, until they are. Any other error
// refuses the update as a whole, here and on every other replica.
func (d *Doc) Apply(session SessionID, update []byte) (patch []byte, fresh bool, err error) {
	d.patch.reset()
	d.mark()
	fresh, err = d.apply(session, update)
	if err != nil {
		d.rollback()
		if e, ok := err.(*Error); ok && e.Code == CodeMissing {
			d.hold(session, update)
		}
		return nil, false, err
	}
	if fresh {
		d.applyHeld()
	}
	return d.patch.finish(), fresh, nil
}

// hold keeps an update for later. When there is no room it is dropped; whoever sent it will be asked again.
func (d *Doc) hold(session SessionID, update []byte) {
	h := &d.held
	if len(h.updates) >= MaxHeldUpdates || h.bytes+len(update) > MaxHeldBytes {
		return
	}
	for i := range h.updates {
		if u := &h.updates[i]; u.session == session && string(u.bytes) == string(update) {
			return
		}
	}
	h.updates = append(h.updates, heldUpdate{session, append([]byte(nil), update...)})
	h.bytes += len(update)
}

// applyHeld applies what has become ready, until nothing has. A held update that turns out to be bad is dropped.
func (d *Doc) applyHeld() {
	for progress := true; progress; {
		progress = false
		waiting := d.held.updates[:0]
		for _, u := range d.held.updates {
			d.mark()
			fresh, err := d.apply(u.session, u.bytes)
			if err == nil {
				progress = progress || fresh
				d.held.bytes -= len(u.bytes)
				continue
			}
			d.rollback()
			if e, ok := err.(*Error); ok && e.Code == CodeMissing {
				waiting = append(waiting, u)
			} else {
				d.held.bytes -= len(u.bytes)
			}
		}
		clear(d.held.updates[len(waiting):])
		d.held.updates = waiting
	}
}

// apply integrates an update. After an error the caller rolls back.
func (d *Doc) apply(id SessionID, update []byte) (fresh bool, err error) {
	var w decoder
	if err := w.open(update); err != nil {
		return false, err
	}
	g := &d.graph
	next := Seq(0)
	if s, ok := g.index[id]; ok {
		next = g.sessions[s].next
	}
	if w.first+Seq(w.ops) <= next {
		return false, nil
	}
	if d.writer.open && id == d.writer.id {
		return false, invalid("update of the session that writes here, with operations it did not write")
	}
	if w.first > next {
		return false, ErrMissing
	}
	parents := make([]LV, 0, len(w.parents)+1)
	for _, name := range w.parents {
		s, ok := g.index[w.sessions[name.session-1]]
		if !ok {
			return false, ErrMissing
		}
		lv, ok := g.find(s, Seq(name.seq))
		if !ok {
			return false, ErrMissing
		}
		parents = append(parents, lv)
	}
	if uint64(g.next())+uint64(w.ops) > maxLV {
		return false, tooLarge("document has too many operations")
	}
	s, isNew := g.addSession(id)
	if isNew {
		d.patch.session(s, &g.sessions[s].id)
	}
	a := applier{d: d, w: &w, session: s}
	return true, a.run(parents, uint32(next-w.first))
}

// applier integrates the operations of an opened update.
type applier struct {
	d       *Doc
	w       *decoder
	session uint32
}

// run integrates all but the first known operations, which are here already. The very first of all also follows also.
func (a *applier) run(also []LV, known uint32) error {
	d, w := a.d, a.w
	g := &d.graph
	if known > 0 {
		also = also[:0]
	}
	if from := w.first + Seq(known); from > 0 {
		own, _ := g.find(a.session, from-1)
		also = append(also, own)
	}
	ctx := &d.ctx
	ctx.parents = g.reduce(also)
	ctx.linear = sameLVs(ctx.parents, g.frontier)
	ctx.ranges, ctx.asked = ctx.ranges[:0], false
	ctx.first = g.push(a.session, w.ops-known, ctx.parents)
	ctx.entry = g.entries[len(g.entries)-1].lv
	lv := ctx.first
	w.r.at = w.body
	var op wireOp
	for at := uint32(0); at < w.ops; {
		w.next(&op)
		n := op.n
		if at+n > known {
			if at < known {
				op.skip(known-at, uint32(w.first)+known)
			}
			if err := a.op(ctx, &op, lv); err != nil {
				return err
			}
			lv += LV(op.n)
		}
		at += n
	}
	g.frontier = advance(g.frontier, ctx.parents, lv-1)
	return nil
}

// op integrates one run.
func (a *applier) op(ctx *context, op *wireOp, lv LV) error {
	d := a.d
	c, err := a.container(ctx, op.c)
	if err != nil {
		return err
	}
	row := &d.containers[c]
	if !op.kind.fits(row.kind) {
		return corrupt("operation on a container of another kind")
	}
	if !d.reachable(ctx, c) {
		return corrupt("operation inside an item its author cannot have seen")
	}
	r := opRun{lv: lv, n: op.n, c: c, kind: op.kind, sub: op.sub, pos: op.pos}
	switch op.kind {
	case opTextInsert:
		r.ref = uint32(len(d.log.content))
		d.log.content, _ = takeUnits(d.log.content, op.data)
	case opMapSet, opListInsert:
		r.at, r.size = uint32(len(d.log.values)), uint32(len(op.data))
		d.log.values = append(d.log.values, op.data...)
	case opCounterAdd:
		r.at, r.size = uint32(op.amount), uint32(uint64(op.amount)>>32)
	}
	switch op.kind {
	case opMapSet, opMapDelete, opRecordPut:
		r.ref = d.keys.intern(op.key)
	case opListInsert, opListDelete, opListMove:
		r.pos = none
		if op.behind {
			left, ok := a.find(op.left)
			if !ok {
				return corrupt("place behind an unknown slot")
			}
			r.pos = uint32(left)
		}
		if op.kind != opListInsert {
			item, ok := a.find(op.item)
			if !ok {
				return corrupt("operation on an unknown item")
			}
			r.ref = uint32(item)
		}
	}
	return d.integrate(ctx, r)
}

// reachable reports whether the author of ctx had seen the item that c is in, if it is in one.
func (d *Doc) reachable(ctx *context, c uint32) bool {
	if ctx.linear {
		return true
	}
	for c != 0 {
		row := &d.containers[c]
		if d.containers[row.parent].kind == KindList {
			return d.sees(ctx, d.lists.items[row.name].lv)
		}
		c = row.parent
	}
	return true
}

// find gives the operation that the update names.
func (a *applier) find(name wireID) (LV, bool) {
	g := &a.d.graph
	s := a.session
	if name.session > 0 {
		var ok bool
		if s, ok = g.index[a.w.sessions[name.session-1]]; !ok {
			return 0, false
		}
	}
	return g.find(s, Seq(name.seq))
}

// container resolves a row of the container table, making the container when it is new here.
func (a *applier) container(ctx *context, i uint32) (uint32, error) {
	d := a.d
	row := &a.w.containers[i]
	if row.index != none {
		return row.index, nil
	}
	switch row.form {
	case containerRoot:
		row.index = 0
	case containerEarly:
		if Seq(row.early) >= a.w.first {
			return 0, corrupt("container of an operation before the first")
		}
		lv, _ := d.graph.find(a.session, a.w.first-1-Seq(row.early))
		row.index = d.log.runs[d.log.at(lv)].c
	case containerItem:
		parent, err := a.container(ctx, row.parent)
		if err != nil {
			return 0, err
		}
		lv, ok := a.find(row.item)
		if !ok {
			return 0, corrupt("container of an unknown item")
		}
		item, ok := d.lists.findItem(lv)
		if !ok || d.lists.items[item].list != parent || d.lists.items[item].kind != row.kind {
			return 0, corrupt("container of an item of another kind or list")
		}
		row.index = d.lists.items[item].child
	default:
		parent, err := a.container(ctx, row.parent)
		if err != nil {
			return 0, err
		}
		if !d.containers[parent].holdsKeys() {
			return 0, corrupt("key in a container that has none")
		}
		c, fresh, err := d.putChild(parent, d.keys.intern(row.key), row.kind)
		if err != nil {
			return 0, err
		}
		if fresh {
			d.undo.add(undoRecord{kind: undoContainer})
		}
		row.index = c
	}
	return row.index, nil
}
