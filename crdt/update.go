package crdt

// An update is a run of operations of one session, without the session's name: whoever carries it says that. Its
// bytes are described in docs/FORMAT.md.
//
// Only its first operation follows operations of others: a merge begins a new update. Otherwise two updates could
// each wait for the first half of the other.

const (
	updateVersion    = 1
	updateSessions   = 1 << 4 // a session table follows
	updateParents    = 1 << 5 // the parents of the first operation follow
	updateContainers = 1 << 6 // a container table follows; without one it is the container of the operation before
	updateMore       = 1 << 7 // the next update of the session continues the change (parts.go)

	// Where an encoder stops, so that whatever the last run adds the update stays below MaxUpdateBytes.
	updateRoom = MaxUpdateBytes - MaxUpdateBytes/4 - MaxValueBytes - MaxKeyBytes

	containerItem  = 0x10 // the object of a list item or tree node
	containerEarly = 0x20 // the container of an earlier operation of the session
	containerRoot  = 0x30
)

// encoder writes updates. Tables grow while the operations are written and are put in front at the end. A document has
// one, which is used again: most updates are a single key press.
type encoder struct {
	d          *Doc
	session    uint32 // whose operations these are
	first      Seq
	brief      bool // the reader has every earlier operation, so containers may be named by them
	more       bool // the change goes on in the next update
	most       Seq  // operations,
	room       int  // and bytes, that it stops at
	sessions   []uint32
	nparents   int
	parents    []byte
	containers []encoderRow
	table      []byte
	ops        []byte
	text       []byte // scratch
}

// encoderRow is a row of the container table: which container, and the number behind the last operation on it that was
// written, 0 for none.
type encoderRow struct {
	c   uint32
	end Seq
}

// keptScratch is how much room, in bytes, is kept from one update to the next.
const keptScratch = 4096

// encode makes the document's encoder ready for a session's operations from first on.
func (d *Doc) encode(session uint32, first Seq) *encoder {
	e := &d.encoder
	if cap(e.ops)+cap(e.table)+cap(e.text) > keptScratch {
		*e = encoder{}
	}
	*e = encoder{
		d: d, session: session, first: first, most: MaxUpdateOps, room: updateRoom,
		sessions: e.sessions[:0], parents: e.parents[:0], containers: e.containers[:0],
		table: e.table[:0], ops: e.ops[:0], text: e.text[:0],
	}
	return e
}

// Update gives the writing session's operations since the last call, at most MaxUpdateOps of them and MaxUpdateBytes;
// call again until n is 0. A change larger than that leaves in parts, each an update, that a reader applies together.
// It costs with the operations that it gives. Whoever carries it says whose it is: Session.
//
// Nothing is given twice; keep an update until it is where it has to go. (Save has everything, drained or not.)
func (d *Doc) Update() (update []byte, n int) {
	return d.drain(MaxUpdateOps, updateRoom)
}

// drain is Update with limits: most operations, and room for so many bytes.
func (d *Doc) drain(most Seq, room int) (update []byte, n int) {
	d.idle()
	w := &d.writer
	if w.session == none || w.drained == d.graph.sessions[w.session].next {
		return nil, 0
	}
	to := d.graph.sessions[w.session].next
	if c, ok := w.inside(w.drained); ok {
		to = c.to // the last part of a change takes nothing else along
	}
	var e *encoder
	for {
		e = d.encode(w.session, w.drained)
		// A shallow file knows the session's last operation on a container, but may lack the last one that has left.
		e.brief, e.most, e.room = w.drained >= w.saved, most, room
		to = e.run(to)
		c, cut := w.inside(to)
		if !cut || c.from <= w.drained {
			e.more = cut
			break
		}
		to = c.from // only a change that is too much for an update by itself is cut
	}
	update = e.finish()
	for i := range e.containers {
		if row := &e.containers[i]; row.end > 0 {
			d.containers[row.c].sent = row.end
		}
	}
	n = int(to - w.drained)
	w.left(to)
	return update, n
}

// eachPiece visits the operations [from, to) of a session as runs until visit says stop.
func (d *Doc) eachPiece(s uint32, from, to Seq, visit func(r opRun, seq Seq) bool) {
	g := &d.graph
	for seq := from; seq < to; {
		lv, _ := g.find(s, seq)
		e := &g.entries[g.at(lv)]
		end := min(e.end(), lv+LV(to-seq))
		for i := d.log.at(lv); i < len(d.log.runs) && d.log.runs[i].lv < end; i++ {
			r := d.log.clip(i, lv, end)
			if !visit(r, seq) {
				return
			}
			seq += Seq(r.n)
			lv = r.end()
		}
	}
}

// run encodes from e.first on, up to to at most, and gives where it stopped.
func (e *encoder) run(to Seq) Seq {
	d, g := e.d, &e.d.graph
	stop := e.first
	to = min(to, e.first+e.most)
	d.eachPiece(e.session, e.first, to, func(r opRun, seq Seq) bool {
		entry := &g.entries[g.at(r.lv)]
		if r.lv == entry.lv && !e.parentsOf(entry, seq) {
			return false
		}
		for r.n > 0 {
			if stop > e.first && e.size() > e.room {
				return false
			}
			part := e.fitting(r)
			row := e.op(&part)
			stop += Seq(part.n)
			e.containers[row].end = stop
			if part.n == r.n {
				break
			}
			r = d.log.clip(d.log.at(r.lv), part.end(), r.end())
		}
		return true
	})
	return stop
}

func (e *encoder) size() int {
	return len(e.ops) + len(e.table) + len(e.parents) + len(e.sessions)*len(SessionID{})
}

// fitting cuts a run that would be too much for the room that is left.
func (e *encoder) fitting(r opRun) opRun {
	if r.kind == opListInsert && r.n > 1 && r.size > MaxValueBytes {
		n, at := uint32(0), r.at
		for n < r.n && at-r.at < MaxValueBytes/2 {
			size, _ := skipValue(e.d.log.values[at:])
			at += uint32(size)
			n++
		}
		r.n, r.size = n, at-r.at
	}
	return r
}

// parentsOf writes the parents of an entry other than the session's own operation before. False when there are some
// and the entry is not the first.
func (e *encoder) parentsOf(entry *entry, seq Seq) bool {
	g := &e.d.graph
	own, hasOwn := LV(0), seq > 0
	if hasOwn {
		own, _ = g.find(e.session, seq-1)
	}
	for _, p := range g.parentsOf(entry) {
		if hasOwn && p == own {
			continue
		}
		if seq != e.first {
			return false
		}
		e.nparents++
		e.parents = e.id(e.parents, p)
	}
	return true
}

// id writes the name of an operation: 0 and up its session in the table (0 the update's own), then its number.
func (e *encoder) id(out []byte, lv LV) []byte {
	session, seq := e.d.graph.id(lv)
	return putU32(putU32(out, e.sessionIndex(session)), uint32(seq))
}

func (e *encoder) sessionIndex(s uint32) uint32 {
	if s == e.session {
		return 0
	}
	row := &e.d.graph.sessions[s].row
	if int(*row) < len(e.sessions) && e.sessions[*row] == s {
		return *row + 1
	}
	*row = uint32(len(e.sessions))
	e.sessions = append(e.sessions, s)
	return uint32(len(e.sessions))
}

// container gives the index of container c in the table, writing its row when it is new.
func (e *encoder) container(c uint32) uint32 {
	d := e.d
	row := &d.containers[c]
	if int(row.row) < len(e.containers) && e.containers[row.row].c == c {
		return row.row
	}
	switch {
	case e.brief && row.sent > 0:
		e.table = putU32(append(e.table, containerEarly), uint32(e.first-row.sent))
	case c == 0:
		e.table = append(e.table, containerRoot)
	default:
		parent := e.container(row.parent)
		if d.containers[row.parent].holdsItems() {
			e.table = e.id(putU32(append(e.table, containerItem|byte(row.kind)), parent), d.lists.items[row.name].lv)
		} else {
			e.table = putString(putU32(append(e.table, byte(row.kind)), parent), d.keys.names[row.name])
		}
	}
	row.row = uint32(len(e.containers))
	e.containers = append(e.containers, encoderRow{c: c})
	return row.row
}

// farRow says that the row of a run's container follows as a varint; smaller ones stand with the operation's number.
const farRow = 7

// op writes one run and gives the row of its container.
func (e *encoder) op(r *opRun) uint32 {
	d := e.d
	c := e.container(r.c)
	out := e.ops
	if c < farRow {
		out = append(out, byte(r.kind)|byte(c)<<5)
	} else {
		out = putU32(append(out, byte(r.kind)|farRow<<5), c-farRow)
	}
	switch r.kind {
	case opTextInsert:
		e.text = putUnits(e.text[:0], d.log.units(r.ref, r.n))
		out = putBytes(putU32(out, r.pos), e.text)
	case opTextDelete, opTextErase:
		out = putU32(putU32(out, r.pos), r.n)
	case opTextNothing:
		out = putU32(out, r.n)
	case opMarkBegin:
		out = append(putU32(out, r.pos), byte(r.sub))
		out = append(out, d.log.values[r.at:r.at+r.size]...)
	case opMarkEnd, opEmbed:
		out = append(putU32(out, r.pos), d.log.values[r.at:r.at+r.size]...)
	case opMapSet:
		out = putString(out, d.keys.names[r.ref])
		out = append(out, d.log.values[r.at:r.at+r.size]...)
	case opMapDelete:
		out = putString(out, d.keys.names[r.ref])
	case opRecordPut:
		out = append(putString(out, d.keys.names[r.ref]), byte(r.sub))
	case opCounterAdd:
		out = putZigzag(out, r.amount())
	case opListInsert:
		out = e.place(out, r.pos)
		out = append(out, byte(r.sub))
		if r.sub == KindValue {
			out = append(putU32(out, r.n), d.log.values[r.at:r.at+r.size]...)
		}
	case opItemDelete:
		out = e.id(out, LV(r.ref))
	case opListMove:
		out = e.place(e.id(out, LV(r.ref)), r.pos)
	case opNodeInsert:
		out = append(e.nodePlace(out, r), byte(r.sub))
		if r.sub == KindValue {
			out = append(out, d.log.values[r.at:r.at+r.size]...)
		}
	case opNodeMove:
		out = e.nodePlace(e.id(out, LV(r.ref)), r)
	}
	e.ops = out
	return c
}

// place writes the slot to stand behind: 0 for the front, or one more than the session's index and the number.
func (e *encoder) place(out []byte, lv uint32) []byte {
	if lv == none {
		return append(out, 0)
	}
	session, seq := e.d.graph.id(LV(lv))
	return putU32(putU32(out, e.sessionIndex(session)+1), uint32(seq))
}

// nodePlace writes where a node goes: 0 for the front of the root, or one more than twice the session's index and the
// number of the slot to stand behind; one more again, and the node whose children to go to the front of.
func (e *encoder) nodePlace(out []byte, r *opRun) []byte {
	lv, under := r.pos, uint32(0)
	if lv == none {
		lv, under = *r.under(), 1
	}
	if lv == none {
		return append(out, 0)
	}
	session, seq := e.d.graph.id(LV(lv))
	return putU32(putU32(out, 2*e.sessionIndex(session)+under+1), uint32(seq))
}

// finish puts the parts together.
func (e *encoder) finish() []byte {
	head := byte(updateVersion)
	if e.more {
		head |= updateMore
	}
	table := e.table
	// One container, that of the operation before: nothing needs to be said.
	if len(e.containers) == 1 && len(table) == 2 && table[0] == containerEarly && table[1] == 0 {
		table = nil
	} else {
		head |= updateContainers
	}
	if len(e.sessions) > 0 {
		head |= updateSessions
	}
	if e.nparents > 0 {
		head |= updateParents
	}
	out := make([]byte, 0, e.size()+16)
	out = putU32(append(out, head), uint32(e.first))
	if len(e.sessions) > 0 {
		out = putVarint(out, uint64(len(e.sessions)))
		for _, s := range e.sessions {
			out = append(out, e.d.graph.sessions[s].id[:]...)
		}
	}
	if e.nparents > 0 {
		out = append(putVarint(out, uint64(e.nparents)), e.parents...)
	}
	if head&updateContainers != 0 {
		out = append(putVarint(out, uint64(len(e.containers))), table...)
	}
	return append(out, e.ops...)
}
