package crdt

import "slices"

// Apply applies an update of a session and gives the patch; fresh is false when everything in it was here already.
// Updates that were held and are ready now are applied too. A session's updates are to be given in its order; one that
// leaves a gap waits for what belongs in between.
//
// ErrMissing: operations it depends on, or updates of its session before it, are not here, or it is a part of a change
// the rest of which is not; it is held until they are.
// ErrTooLarge: there is no room for it, neither in the document nor among what is held. Nothing was said about it, so
// it may come again. ErrTrimmed: nor was it judged when it is concurrent with what a shallow file left out, or with what
// a file has damaged. ErrNewerFormat: this version cannot read it, nor what its session wrote after it.
// ErrInvalid: it is of the session that writes here, with operations that were not written here.
//
// ErrCorrupt refuses the update as a whole, here and on every other replica, and ends its session: whatever else it
// writes is refused as well. Otherwise what follows would wait for ever for operations that nobody takes.
func (d *Doc) Apply(session SessionID, update []byte) (patch []byte, fresh bool, err error) {
	d.idle()
	if d.typedElsewhere(&session, update) {
		return d.patch.out, true, nil
	}
	d.patch.reset()
	fresh, err = d.receive(session, update)
	if err == errPart { // what follows it may be here already
		if d.release() {
			fresh, err = true, nil
		} else if end := d.held.ended[session]; end != nil {
			err = end
		}
	} else if fresh {
		d.release()
	}
	if err != nil {
		return nil, false, err
	}
	return d.patch.finish(), fresh, nil
}

// receive judges an update that arrives.
func (d *Doc) receive(id SessionID, update []byte) (fresh bool, err error) {
	var w decoder
	bad := w.open(update)
	next := d.graph.nextOf(&id)
	if bad == nil && w.end() <= next {
		return false, nil
	}
	if d.writer.open && id == d.writer.id {
		return false, invalid("update of the session that writes here, with operations it did not write")
	}
	h := &d.held
	if end := h.ended[id]; end != nil {
		return false, end
	}
	s := h.of(id)
	reach := d.reach(s, next)
	if bad == nil && w.end() <= reach {
		return false, errPart
	}
	u := heldUpdate{bytes: update, first: w.first, more: w.more}
	if s.stuck() {
		return false, h.hold(id, u, nil, reach)
	}
	var first *decoder
	if bad == nil {
		fresh, first, bad = d.judge(id, s, &w)
	}
	switch {
	case bad == errGap:
		u.gap = true
		return false, h.hold(id, u, nil, reach)
	case bad == ErrMissing:
		return false, h.hold(id, u, first, reach)
	case bad != nil && !isCode(bad, CodeTooLarge) && !isCode(bad, CodeTrimmed) && bad != errPart:
		h.end(id, bad)
	}
	return fresh, bad
}

// errGap says that operations between what is here of a session and its update are missing.
var errGap = &Error{CodeMissing, "operations of the session before it are missing"}

// judge applies an opened update, with the parts of its change before it, or keeps it as one of them. errGap, ErrMissing, errPart
// and ErrTooLarge come before anything has changed; ErrCorrupt refuses the whole change, and then everything is as it
// was. first is where the change begins, whose parents it is that are missing.
func (d *Doc) judge(id SessionID, s *waiting, w *decoder) (fresh bool, first *decoder, err error) {
	next := d.graph.nextOf(&id)
	reach := d.reach(s, next)
	first = w
	switch {
	case w.end() <= reach:
		return false, w, nil
	case w.first > reach:
		return false, w, errGap
	case reach > next || w.more:
		if s != nil && s.parts.bytes+len(w.r.in)+partCost > MaxChangeBytes {
			return false, w, corrupt("change larger than one may be")
		}
		if reach > next && len(w.parents) > 0 {
			return false, w, corrupt("part of a change follows something that the part before it does not")
		}
		if w.more {
			return false, w, d.held.keep(id, w)
		}
		first = &decoder{}
		_ = first.open(s.parts.updates[0])
	}
	fresh, err = d.take(id, s, first, w)
	return fresh, first, err
}

// take applies the change that first begins and last ends, which may be one and the same.
func (d *Doc) take(id SessionID, s *waiting, first, last *decoder) (fresh bool, err error) {
	g := &d.graph
	if len(g.lacking(first.sessions, first.parents)) > 0 {
		return false, ErrMissing
	}
	parents := g.resolve(first)
	if !d.hasRoom(&id, uint64(last.end()-g.nextOf(&id)), parents) {
		return false, tooLarge("document has too many operations or branches")
	}
	d.mark()
	if first != last {
		for _, update := range s.parts.updates {
			var w decoder
			if _ = w.open(update); w.end() > g.nextOf(&id) {
				if err = d.follow(id, &w, parents); err != nil {
					break
				}
			}
			parents = nil
		}
	}
	if err == nil {
		err = d.follow(id, last, parents)
	}
	if err != nil {
		d.rollback()
		if isCode(err, CodeTrimmed) {
			return false, err
		}
		return false, corrupt(err.(*Error).Reason) // also what is over a limit: limits are part of the format
	}
	d.settle()
	return true, nil
}

// hasRoom reports whether the document can take n operations of a session behind parents. It depends on what else is
// here, so it is no reason to refuse an update for good.
func (d *Doc) hasRoom(id *SessionID, n uint64, parents []LV) bool {
	g := &d.graph
	if uint64(g.next())+n > maxAppliedLV || d.weight() > maxTakenBytes {
		return false
	}
	if len(g.frontier) < maxHeads {
		return true
	}
	if s, ok := g.index[*id]; ok {
		if own, _ := g.find(s, g.sessions[s].next-1); hasLV(g.frontier, own) {
			return true
		}
	}
	for _, p := range parents {
		if _, ok := slices.BinarySearch(g.frontier, p); ok {
			return true
		}
	}
	return false
}

// follow integrates an update that leaves no gap behind what is here. After an error the caller rolls back.
func (d *Doc) follow(id SessionID, w *decoder, parents []LV) error {
	g := &d.graph
	s, isNew := g.addSession(id)
	if isNew {
		d.patch.session(s, &g.sessions[s].id)
	}
	a := applier{d: d, w: w, session: s}
	return a.run(parents, uint32(g.sessions[s].next-w.first))
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
	from := w.first + Seq(known)
	follows := from > 0
	if follows {
		own, _ := g.find(a.session, from-1)
		also = append(also, own)
	}
	ctx := &d.ctx
	ctx.parents = g.reduce(also)
	// The session's own operation before may be in the history of a listed parent, and is the last of also. A listed
	// one that is superfluous would make every reader walk back to it.
	if n := len(also); n > len(ctx.parents) && (n > len(ctx.parents)+1 || !follows || hasLV(ctx.parents, also[n-1])) {
		return corrupt("parent that another one follows")
	}
	if !sameLVs(ctx.parents, g.frontier) {
		if err := d.needConcurrent(ctx.parents); err != nil {
			return err
		}
	}
	ctx.begin(g, g.push(a.session, w.ops-known, ctx.parents))
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
		r.ref = d.log.nextUnit()
		d.log.content, _ = takeUnits(d.log.content, op.data)
	case opMarkBegin, opMarkEnd, opEmbed:
		r.ref = d.log.nextUnit()
		d.log.content = append(d.log.content, objectUnit)
		fallthrough
	case opMapSet, opListInsert, opNodeInsert:
		r.at, r.size = uint32(len(d.log.values)), uint32(len(op.data))
		d.log.values = append(d.log.values, op.data...)
	case opCounterAdd:
		r.at, r.size = uint32(op.amount), uint32(uint64(op.amount)>>32)
	}
	switch op.kind {
	case opMapSet, opMapDelete, opRecordPut:
		r.ref = d.keys.intern(op.key)
	case opListInsert, opItemDelete, opListMove, opNodeInsert, opNodeMove:
		if err := a.place(op, &r); err != nil {
			return err
		}
	}
	return d.integrate(ctx, r)
}

// place resolves the item that an operation of a list or tree is about and where that goes.
func (a *applier) place(op *wireOp, r *opRun) error {
	r.pos = none
	if op.kind == opNodeInsert || op.kind == opNodeMove {
		*r.under() = none
	}
	if op.form != placeFront {
		lv, ok := a.find(op.left)
		if !ok {
			return corrupt("place at an unknown slot or node")
		}
		if op.form == placeUnder {
			*r.under() = uint32(lv)
		} else {
			r.pos = uint32(lv)
		}
	}
	if op.kind == opListInsert || op.kind == opNodeInsert {
		return nil
	}
	item, ok := a.find(op.item)
	if !ok {
		return corrupt("operation on an unknown item")
	}
	r.ref = uint32(item)
	return nil
}

// reachable reports whether the author of ctx had seen the item or node that c is in, if it is in one.
func (d *Doc) reachable(ctx *context, c uint32) bool {
	if ctx.linear {
		return true
	}
	for c != 0 {
		row := &d.containers[c]
		if d.containers[row.parent].holdsItems() {
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
	known := &a.w.containers[i]
	if known.index != none {
		return known.index, nil
	}
	row := wireRow{form: containerEarly} // an update without a table works where the operation before it did
	if known.at > 0 {
		r := reader{in: a.w.r.in, at: int(known.at)}
		row = a.w.row(&r, int(i))
	}
	switch row.form {
	case containerRoot:
		known.index = 0
	case containerEarly:
		if Seq(row.early) >= a.w.first {
			return 0, corrupt("container of an operation before the first")
		}
		lv, _ := d.graph.find(a.session, a.w.first-1-Seq(row.early))
		var err error
		if known.index, err = d.containerOf(lv); err != nil {
			return 0, err
		}
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
		known.index = d.lists.items[item].child
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
		known.index = c
	}
	return known.index, nil
}
