package crdt

// context is what is known about the operations being integrated: a stretch of one session whose first operation has
// these parents and each further one follows the one before.
type context struct {
	first   LV
	entry   LV   // where the graph's entry begins that holds the stretch
	parents []LV // sorted, minimal
	// linear: the stretch follows everything that was here before it.
	linear bool
	// complete: all operations below it are in the stretch's history.
	complete LV
	// known is how much of each session is in that history, nil until somebody asks. Ask Doc.sees.
	known []Seq
	// unseen are the operations that were here but are not in the stretch's history, descending. Ask Doc.unseen.
	ranges []lvRange
	asked  bool
	// touched are the entries that something unseen was done to, nil until somebody asks. Ask Doc.touchedBy.
	touched map[entryRef]struct{}
}

// begin makes ctx that of the stretch from first on that has just been pushed behind ctx.parents.
func (ctx *context) begin(g *graph, first LV) {
	e := &g.entries[len(g.entries)-1]
	ctx.first, ctx.entry, ctx.linear, ctx.complete = first, e.lv, e.linear(), e.complete
	ctx.known, ctx.ranges, ctx.asked, ctx.touched = nil, ctx.ranges[:0], false, nil
}

// unseen lists the operations that are here and not in ctx's history.
func (d *Doc) unseen(ctx *context) []lvRange {
	if !ctx.asked && !ctx.linear {
		ctx.ranges, _ = d.graph.diff(d.graph.frontier, ctx.parents, nil, nil)
	}
	ctx.asked = true
	return ctx.ranges
}

// sees reports whether lv is in ctx's history or earlier in the same stretch.
func (d *Doc) sees(ctx *context, lv LV) bool {
	return ctx.certain(lv) || d.seesIn(ctx, lv, uint32(d.graph.at(lv)))
}

// seesIn is sees for who knows which entry of the graph holds lv.
func (d *Doc) seesIn(ctx *context, lv LV, entry uint32) bool {
	if ctx.certain(lv) {
		return true
	}
	if ctx.known == nil {
		ctx.known = d.knowledge.of(&d.graph, ctx)
	}
	e := &d.graph.entries[entry]
	return e.seq+Seq(lv-e.lv) < ctx.known[e.session]
}

// certain reports whether lv is in ctx's history without a look at who made it.
func (ctx *context) certain(lv LV) bool { return ctx.linear || lv >= ctx.first || lv < ctx.complete }

// integrate applies one run, whose place in the graph is made and whose content is in the log's buffers, and logs it.
// An error means that the run refers to what its author cannot have seen; the caller rolls back.
func (d *Doc) integrate(ctx *context, r opRun) error {
	if r.kind.inText() {
		return d.integrateText(ctx, r)
	}
	d.log.add(r, ctx.entry)
	switch r.kind {
	case opMapSet:
		d.writeRegister(&r, true)
	case opMapDelete:
		d.deleteKey(ctx, &r)
	case opRecordPut:
		c, fresh, err := d.putChild(r.c, r.ref, r.sub)
		if err != nil {
			return err
		}
		if fresh {
			d.undo.add(undoRecord{kind: undoContainer})
		}
		d.showChild(c)
	case opCounterAdd:
		i := d.containers[r.c].state
		d.counters[i] += r.amount()
		d.undo.add(undoRecord{kind: undoCounter, a: i, b: r.at, c: r.size})
		d.patch.counter(r.c, exactCount(d.counters[i]))
	case opListInsert:
		if err := d.insertItems(ctx, &r); err != nil {
			return err
		}
	case opItemDelete:
		if err := d.deleteItem(ctx, &r); err != nil {
			return err
		}
	case opListMove:
		if err := d.moveItem(ctx, &r); err != nil {
			return err
		}
	case opNodeInsert:
		if err := d.insertNode(ctx, &r); err != nil {
			return err
		}
	case opNodeMove:
		if err := d.moveNode(ctx, &r); err != nil {
			return err
		}
	}
	d.revive(r.c)
	return nil
}

// putChild gives the container (parent, key, kind) and whether it had to be made.
func (d *Doc) putChild(parent, key uint32, kind Kind) (c uint32, fresh bool, err error) {
	n := len(d.containers)
	c, err = d.child(parent, key, kind)
	return c, len(d.containers) > n, err
}

// exactCount keeps the sum of a counter within what JavaScript counts exactly. Sums wrap, so every replica wraps alike.
func exactCount(sum int64) int64 { return max(-maxCounter, min(maxCounter, sum)) }

// integrateText applies a run of a text.
func (d *Doc) integrateText(ctx *context, r opRun) error {
	if r.kind.isPoint() {
		if err := d.addPoint(&r); err != nil {
			return err
		}
	}
	if !ctx.linear {
		d.tracker.merge(d, ctx, r)
		d.revive(r.c)
		return nil
	}
	t := d.containers[r.c].state
	d.eachClamped(r, d.innerLength(t), func(r opRun) {
		d.log.add(r, ctx.entry)
		switch r.kind {
		case opTextDelete:
			d.spliceOut(r.c, r.pos, r.n)
		case opTextErase:
			d.spliceOut(r.c, r.pos-r.n+1, r.n)
		default:
			d.spliceIn(&r, r.pos)
		}
	})
	d.revive(r.c)
	return nil
}

// eachClamped makes a run fit a text of the given length and hands on the pieces. Only a faulty or hostile writer
// names positions that are not there; an insertion goes to the end instead, a deletion does nothing. It depends on
// nothing but the operation and the version it was made in, so all replicas do the same.
func (d *Doc) eachClamped(r opRun, length uint32, do func(opRun)) {
	piece := func(kind opKind, pos, skip, n uint32) {
		if n > 0 {
			p := r
			p.kind, p.pos, p.n = kind, pos, n
			p.lv += LV(skip)
			do(p)
		}
	}
	switch r.kind {
	case opTextInsert, opMarkBegin, opMarkEnd, opEmbed:
		r.pos = min(r.pos, length)
		do(r)
	case opTextDelete:
		found := uint32(0)
		if r.pos < length {
			found = min(r.n, length-r.pos)
		}
		piece(opTextDelete, r.pos, 0, found)
		piece(opTextNothing, 0, found, r.n-found)
	case opTextErase:
		missed := uint32(0)
		if r.pos >= length {
			missed = min(r.n, r.pos-length+1)
		}
		piece(opTextNothing, 0, 0, missed)
		piece(opTextErase, r.pos-missed, missed, r.n-missed)
	case opTextNothing:
		do(r)
	}
}

// spliceIn puts what r inserts into its text, in front of inner unit pos, and reports it.
func (d *Doc) spliceIn(r *opRun, pos uint32) {
	switch {
	case r.kind.isPoint():
		d.splicePoint(r.c, pos)
	case r.kind == opTextInsert:
		t := d.containers[r.c].state
		el, view, _ := d.gap(t, pos)
		d.texts.insert(t, view, d.log.units(r.ref, r.n))
		d.undo.add(undoRecord{kind: undoText, a: t, c: r.n, d: view})
		d.widenBy(el, r.n)
		d.patch.splice(r.c, view, r.n, nil)
	}
}

// spliceOut takes n inner units out of the text c and reports it.
func (d *Doc) spliceOut(c, pos, n uint32) {
	t := d.containers[c].state
	for n > 0 {
		// A gap's view position is that of the unit behind it; with no character behind it that unit is a point.
		el, view, rest := d.gap(t, pos)
		if rest == 0 {
			d.removePoint(c, d.points.after(el, d.texts.texts[t].points))
			n--
			continue
		}
		k := min(n, rest)
		d.cutUnits(c, view, k)
		d.widenBy(el, -k)
		n -= k
	}
}

// cutUnits takes n units that are shown out of the text c and reports it.
func (d *Doc) cutUnits(c, view, n uint32) {
	t := d.containers[c].state
	from := len(d.undo.units)
	d.undo.units = d.texts.remove(t, view, n, d.undo.units)
	d.undo.add(undoRecord{kind: undoText, a: t, b: n, d: view})
	d.patch.splice(c, view, 0, d.undo.units[from:])
}
