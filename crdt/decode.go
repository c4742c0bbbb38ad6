package crdt

// decoder takes an update apart. Nothing is allocated per operation: open checks the whole syntax and counts, then
// the operations are read a second time, one by one, while they are applied.
type decoder struct {
	r          reader
	first      Seq
	ops        uint32
	more       bool // the next update of the session continues the change
	sessions   []SessionID
	parents    []wireID // of the first operation
	containers []wireContainer
	body       int // where the operations begin
}

// wireID names an operation: session 0 is the update's own, others are one more than their place in the table.
type wireID struct{ session, seq uint32 }

// wireContainer is a row of the container table. The rest of it is read again when it is resolved: a row may have two
// bytes in the update, so it must not be large here.
type wireContainer struct {
	at    uint32 // where it is in the update
	index uint32 // in the document, once resolved
	depth uint8  // rows above it in the table
}

// wireRow is what a row of the container table says.
type wireRow struct {
	form   byte // containerItem, containerEarly, containerRoot, or 0 for a key
	kind   Kind
	parent uint32
	key    []byte
	item   wireID
	early  uint32
}

// wireOp is one run of operations.
type wireOp struct {
	kind   opKind
	sub    Kind
	form   placeForm
	c      uint32
	n      uint32
	pos    uint32
	key    []byte
	data   []byte // text as UTF-8, or values
	amount int64
	item   wireID
	left   wireID
}

// placeForm says what left names.
type placeForm uint8

const (
	placeFront  placeForm = iota // nothing: the front of the list, or of the tree's root
	placeBehind                  // the slot to stand behind
	placeUnder                   // the node to whose children's front
)

// end is the number behind its last operation.
func (w *decoder) end() Seq { return w.first + Seq(w.ops) }

// open reads the head and the tables and checks the operations.
func (w *decoder) open(update []byte) error {
	if len(update) > MaxUpdateBytes {
		return corrupt("update larger than one may be")
	}
	w.r = reader{in: update}
	r := &w.r
	head := r.byte()
	if r.bad {
		return corrupt("empty update")
	}
	if head&15 > updateVersion {
		return ErrNewerFormat
	}
	if head&15 < updateVersion {
		return corrupt("update of a trial version")
	}
	w.more = head&updateMore != 0
	w.first = Seq(r.u32(maxLV))
	if head&updateSessions != 0 {
		n := r.count(len(SessionID{}))
		w.sessions = make([]SessionID, 0, n)
		for i := 0; i < n; i++ {
			w.sessions = append(w.sessions, r.session())
		}
	}
	if head&updateParents != 0 {
		w.openParents()
	}
	if head&updateContainers != 0 {
		w.openContainers()
	} else {
		w.containers = append(w.containers, wireContainer{index: none}) // see applier.container
	}
	w.body = r.at
	var op wireOp
	for !r.done() {
		if !w.next(&op) {
			return corrupt("operation of an update does not decode")
		}
		if w.ops += op.n; w.ops > MaxUpdateOps {
			return corrupt("update with more operations than one may have")
		}
	}
	if r.bad || w.ops == 0 || uint64(w.first)+uint64(w.ops) > maxLV {
		return corrupt("update is torn or empty")
	}
	return nil
}

// count reads a number of rows that take at least size bytes each.
func (r *reader) count(size int) int {
	n := r.varint()
	if n > uint64(r.left()/size) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (w *decoder) openParents() {
	n := w.r.count(2)
	w.parents = make([]wireID, 0, n)
	for i := 0; i < n; i++ {
		id := w.id()
		if id.session == 0 {
			w.r.bad = true // the session's own operation before goes without saying
		}
		w.parents = append(w.parents, id)
	}
}

func (w *decoder) id() wireID { return w.r.id(len(w.sessions)) }

// id reads the name of an operation in an update with so many sessions in its table.
func (r *reader) id(sessions int) wireID {
	return wireID{r.u32(uint32(sessions)), r.u32(maxLV)}
}

func (w *decoder) openContainers() {
	r := &w.r
	n := r.count(1)
	if n > r.left()/2+1 { // only the root's row has one byte, and there is one root
		r.bad = true
		return
	}
	w.containers = make([]wireContainer, 0, n)
	root := false
	for i := 0; i < n && !r.bad; i++ {
		c := wireContainer{at: uint32(r.at), index: none}
		row := w.row(r, i)
		switch row.form {
		case 0, containerItem:
			if r.bad {
				return
			}
			if c.depth = w.containers[row.parent].depth + 1; c.depth > MaxDepth || !validKey(row.key) {
				r.bad = true
			}
		case containerRoot:
			if root {
				r.bad = true
			}
			root = true
		}
		w.containers = append(w.containers, c)
	}
}

// row reads row i of the container table.
func (w *decoder) row(r *reader, i int) (row wireRow) {
	form := r.byte()
	row.form, row.kind = form&^15, Kind(form&15)
	switch row.form {
	case 0, containerItem:
		row.parent = r.u32(uint32(max(i, 1)) - 1)
		if i == 0 || row.kind == KindValue || !row.kind.known() {
			r.bad = true
			return row
		}
		if row.form == containerItem {
			row.item = r.id(len(w.sessions))
		} else {
			row.key = r.bytes(MaxKeyBytes)
		}
	case containerEarly, containerRoot:
		if row.kind != 0 {
			r.bad = true
		}
		if row.form == containerEarly {
			row.early = r.u32(maxLV)
		}
	default:
		r.bad = true
	}
	return row
}

// next reads one run; false when it does not decode.
func (w *decoder) next(op *wireOp) bool {
	r := &w.r
	tag := r.byte()
	*op = wireOp{kind: opKind(tag & 31), c: uint32(tag >> 5), n: 1}
	if op.c == farRow {
		op.c += r.u32(MaxUpdateBytes)
	}
	if op.kind >= opKindEnd || op.c >= uint32(len(w.containers)) {
		return false
	}
	switch op.kind {
	case opTextInsert:
		op.pos = r.u32(maxTextPosition)
		op.data = r.bytes(MaxUpdateBytes)
		n, ok := countUnits(op.data)
		if !ok || n == 0 {
			return false
		}
		op.n = n
	case opTextDelete, opTextErase:
		op.pos, op.n = r.u32(maxTextPosition), r.u32(MaxUpdateOps)
		if op.kind == opTextErase && op.pos+1 < op.n {
			return false
		}
	case opTextNothing:
		op.n = r.u32(MaxUpdateOps)
	case opMarkBegin:
		op.pos, op.sub = r.u32(maxTextPosition), Kind(r.byte())
		from := r.at
		op.key = r.str()
		r.value()
		op.data = r.in[from:r.at]
		if op.sub >= flagsEnd {
			return false
		}
	case opMarkEnd:
		op.pos = r.u32(maxTextPosition)
	case opEmbed:
		op.pos = r.u32(maxTextPosition)
		op.data = r.value()
	case opMapSet:
		op.key = r.bytes(MaxKeyBytes)
		op.data = r.value()
	case opMapDelete:
		op.key = r.bytes(MaxKeyBytes)
	case opRecordPut:
		op.key = r.bytes(MaxKeyBytes)
		op.sub = Kind(r.byte())
		if op.sub == KindValue || !op.sub.known() {
			return false
		}
	case opCounterAdd:
		op.amount = r.zigzag()
		if op.amount < -maxCounter || op.amount > maxCounter {
			return false
		}
	case opListInsert:
		w.place(op)
		op.sub = Kind(r.byte())
		if !op.sub.known() {
			return false
		}
		if op.sub == KindValue {
			op.n = r.u32(MaxUpdateOps)
			from := r.at
			for i := uint32(0); i < op.n && !r.bad; i++ {
				r.value()
			}
			op.data = r.in[from:r.at]
		}
	case opItemDelete:
		op.item = w.id()
	case opListMove:
		op.item = w.id()
		w.place(op)
	case opNodeInsert:
		w.nodePlace(op)
		op.sub = Kind(r.byte())
		if !op.sub.known() {
			return false
		}
		if op.sub == KindValue {
			op.data = r.value()
		}
	case opNodeMove:
		op.item = w.id()
		w.nodePlace(op)
	default:
		return false
	}
	return !r.bad && op.n > 0 && validKey(op.key)
}

func (w *decoder) place(op *wireOp) {
	s := w.r.u32(uint32(len(w.sessions)) + 1)
	if s == 0 {
		return
	}
	op.form = placeBehind
	op.left = wireID{s - 1, w.r.u32(maxLV)}
}

func (w *decoder) nodePlace(op *wireOp) {
	s := w.r.u32(2*uint32(len(w.sessions)) + 2)
	if s == 0 {
		return
	}
	op.form = placeBehind + placeForm((s-1)&1)
	op.left = wireID{(s - 1) >> 1, w.r.u32(maxLV)}
}

// value reads one MessagePack value of legal size.
func (r *reader) value() []byte {
	n, ok := skipValue(r.in[r.at:])
	if !ok || n > MaxValueBytes {
		r.bad = true
		return nil
	}
	return r.take(n)
}

// countUnits counts the UTF-16 units that takeUnits would make; false when it would fail.
func countUnits(in []byte) (uint32, bool) {
	n := uint32(0)
	ascii := true
	for _, b := range in {
		if b < 0x80 || b >= 0xc0 {
			n++
		}
		if b >= 0xf0 {
			n++
		}
		if b >= 0x80 {
			ascii = false
		}
	}
	if ascii {
		return n, true
	}
	units, ok := takeUnits(nil, in)
	return uint32(len(units)), ok
}

// skip drops the first k operations of the run.
func (op *wireOp) skip(k, seq uint32) {
	op.n -= k
	switch op.kind {
	case opTextInsert:
		units, _ := takeUnits(nil, op.data)
		op.data = putUnits(nil, units[k:])
		op.pos += k
	case opTextErase:
		op.pos -= k
	case opListInsert:
		for i := uint32(0); i < k; i++ {
			n, _ := skipValue(op.data)
			op.data = op.data[n:]
		}
		op.form, op.left = placeBehind, wireID{0, seq - 1}
	}
}
