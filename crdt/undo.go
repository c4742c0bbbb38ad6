package crdt

// A transaction that fails half way must leave no trace. Every change of state below is therefore recorded, and
// rollback takes the records back from the newest to the oldest. What only grows (log, graph, sessions, keys) is cut
// to where it was.

type undoKind uint8

const (
	undoText        undoKind = iota // text a had b units removed and c inserted at d
	undoRegister                    // register a was regs[b]
	undoNewRegister                 // a register was added
	undoNewItem                     // an item was added
	undoItem                        // item a was items[b]
	undoSlot                        // a slot was added
	undoWeight                      // slot a weighs b more
	undoShown                       // child a was shown (b = 1) or not
	undoCounter                     // counter a had (b, c) added
	undoContainer                   // a container was added
	undoNewPoint                    // a point was added
	undoPlaced                      // point b was placed in text a behind point c, d characters behind it
	undoRemoved                     // it was taken out from there
	undoWidth                       // b more characters stand behind point a
	undoStand                       // item a stood at slot b
	undoKids                        // row a had b more shown
	undoMove                        // a move was added to those to be done
	undoRedo                        // a move was done
	undoRevert                      // a move was taken back that had moved from slot a
)

type undoRecord struct {
	kind       undoKind
	a, b, c, d uint32
}

// undoLog is what it takes to go back to the mark.
type undoLog struct {
	records []undoRecord
	units   []uint16 // removed from texts
	regs    []register
	items   []item

	entries, parents, sessions int
	lastEntry                  entry
	frontier                   []LV
	runs, content, values      int
	lastRun                    opRun
	keys                       int
	writer                     writer
	patch                      int

	// off: nothing will be taken back, as while a file is loaded.
	off bool
}

func (u *undoLog) add(r undoRecord) {
	if !u.off {
		u.records = append(u.records, r)
	}
}

func (u *undoLog) register(i uint32, old *register) {
	if u.off {
		return
	}
	u.add(undoRecord{kind: undoRegister, a: i, b: uint32(len(u.regs))})
	u.regs = append(u.regs, *old)
}

func (u *undoLog) item(i uint32, old *item) {
	if u.off {
		return
	}
	u.add(undoRecord{kind: undoItem, a: i, b: uint32(len(u.items))})
	u.items = append(u.items, *old)
}

// mark forgets the records: from here on rollback leads back to now.
func (d *Doc) mark() {
	d.idle()
	u, g, l := &d.undo, &d.graph, &d.log
	u.records, u.units, u.regs, u.items = u.records[:0], u.units[:0], u.regs[:0], u.items[:0]
	u.entries, u.parents, u.sessions = len(g.entries), len(g.parents), len(g.sessions)
	if u.entries > 0 {
		u.lastEntry = g.entries[u.entries-1]
	}
	u.frontier = append(u.frontier[:0], g.frontier...)
	u.runs, u.content, u.values = len(l.runs), len(l.content), len(l.values)
	if u.runs > 0 {
		u.lastRun = l.runs[u.runs-1]
	}
	u.keys = len(d.keys.names)
	u.writer = d.writer
	d.patch.flush()
	u.patch = len(d.patch.out)
}

// rollback makes the document what it was at the mark.
func (d *Doc) rollback() {
	u, g, l := &d.undo, &d.graph, &d.log
	d.lists.untouch()
	for i := len(u.records) - 1; i >= 0; i-- {
		d.takeBack(&u.records[i])
	}
	for i := u.entries; i < len(g.entries); i++ {
		row := &g.sessions[g.entries[i].session]
		row.entries = row.entries[:len(row.entries)-1]
		row.next -= Seq(g.entries[i].n)
	}
	g.entries, g.parents = g.entries[:u.entries], g.parents[:u.parents]
	if u.entries > 0 {
		last := &g.entries[u.entries-1]
		g.sessions[last.session].next -= Seq(last.n - u.lastEntry.n)
		*last = u.lastEntry
	}
	for _, s := range g.sessions[u.sessions:] {
		delete(g.index, s.id)
	}
	g.sessions = g.sessions[:u.sessions]
	g.frontier = append(g.frontier[:0], u.frontier...)
	l.runs, l.content, l.values = l.runs[:u.runs], l.content[:u.content], l.values[:u.values]
	if u.runs > 0 {
		l.runs[u.runs-1] = u.lastRun
	}
	d.keys.truncate(u.keys)
	d.writer = u.writer
	d.tracker.drop()
	d.knowledge.drop()
	d.patch.text = 0
	d.patch.out = d.patch.out[:u.patch]
	d.mark()
}

func (d *Doc) takeBack(r *undoRecord) {
	u := &d.undo
	switch r.kind {
	case undoText:
		d.units = d.texts.remove(r.a, r.d, r.c, d.units[:0])
		from := len(u.units) - int(r.b)
		d.texts.insert(r.a, r.d, u.units[from:])
		u.units = u.units[:from]
	case undoRegister:
		d.registers[r.a] = u.regs[r.b]
	case undoNewRegister:
		d.dropRegister()
	case undoNewItem:
		d.lists.dropItem()
	case undoItem:
		d.lists.items[r.a] = u.items[r.b]
	case undoSlot:
		d.lists.dropSlot()
	case undoWeight:
		d.lists.seq.add(r.a, weight{-r.b})
	case undoShown:
		d.containers[r.a].shown = r.b == 1
	case undoCounter:
		d.counters[r.a] -= int64(uint64(r.c)<<32 | uint64(r.b))
	case undoNewPoint:
		d.dropPoint()
	case undoPlaced:
		d.unplace(r.a, r.b, r.c, r.d)
	case undoRemoved:
		d.place(r.a, r.b, r.c, r.d)
	case undoWidth:
		d.widen(r.a, -r.b)
	case undoContainer:
		d.dropContainer()
	case undoStand:
		d.lists.items[r.a].slot = r.b
	case undoKids:
		d.lists.rows[r.a].kids -= r.b
	case undoMove, undoRedo, undoRevert:
		d.lists.takeBackMove(r)
	}
}
