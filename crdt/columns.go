package crdt

// Operations stand in files in columns, so that like stands beside like. The same columns hold those that still count,
// which are the larger part of the state, and those that no longer do, which are the past.

// The tag of a run is its operation and these.
const (
	tagContainer = 0x80 // another container than that of the run before
	tagGap       = 0x40 // local versions are left out in front
)

// columns writes runs.
type columns struct {
	s *saver

	tags, gaps, containers, lengths, positions, rest []byte

	values []byte
	next   LV     // behind the run before
	last   uint32 // container of the run before
	cursor int64  // where the edit of a text before left it
}

// add appends a run. Runs come in rising order.
func (o *columns) add(r *opRun) {
	tag := byte(r.kind)
	if r.lv != o.next {
		tag |= tagGap
		o.gaps = putU32(o.gaps, uint32(r.lv-o.next))
	}
	o.next = r.end()
	if c := o.s.index[r.c]; c != o.last {
		tag |= tagContainer
		o.containers = putZigzag(o.containers, int64(c)-int64(o.last))
		o.last = c
	}
	o.tags = append(o.tags, tag)
	if r.kind == opTextNothing { // it has no content that bounds it
		n := r.n
		for ; n > MaxUpdateOps; n -= MaxUpdateOps {
			o.tags = append(o.tags, byte(opTextNothing))
			o.lengths = putU32(o.lengths, MaxUpdateOps)
		}
		o.lengths = putU32(o.lengths, n)
		return
	}
	if r.kind.isLong(r.sub) {
		o.lengths = putU32(o.lengths, r.n)
	}
	switch r.kind {
	case opTextInsert, opTextDelete, opTextErase, opMarkBegin, opMarkEnd, opEmbed:
		o.positions = putZigzag(o.positions, int64(r.pos)-o.cursor)
		o.cursor = r.cursor()
		if r.kind == opMarkBegin {
			o.rest = append(o.rest, byte(r.sub))
		}
	case opMapSet, opMapDelete:
		o.rest = putU32(o.rest, o.s.keyIndex[r.ref])
	case opRecordPut:
		o.rest = append(putU32(o.rest, o.s.keyIndex[r.ref]), byte(r.sub))
	case opCounterAdd:
		o.rest = putZigzag(o.rest, r.amount())
	case opListInsert:
		o.rest = append(putSlot(o.rest, r), byte(r.sub))
	case opItemDelete:
		o.rest = putU32(o.rest, uint32(r.lv)-r.ref)
	case opListMove:
		o.rest = putSlot(putU32(o.rest, uint32(r.lv)-r.ref), r)
	case opNodeInsert:
		o.rest = append(putNodePlace(o.rest, r), byte(r.sub))
	case opNodeMove:
		o.rest = putNodePlace(putU32(o.rest, uint32(r.lv)-r.ref), r)
	}
	if r.holdsValues() {
		o.values = append(o.values, o.s.d.log.values[r.at:r.at+r.size]...)
	}
}

func putSlot(out []byte, r *opRun) []byte {
	if r.pos == none {
		return append(out, 0)
	}
	return putU32(out, uint32(r.lv)-r.pos)
}

// putNodePlace writes 0 for the front of the root, or twice the distance back to the slot to stand behind; one more, and
// it is that to the node whose children to go to the front of.
func putNodePlace(out []byte, r *opRun) []byte {
	lv, under := r.pos, uint64(0)
	if lv == none {
		lv, under = *r.under(), 1
	}
	if lv == none {
		return append(out, 0)
	}
	return putVarint(out, uint64(uint32(r.lv)-lv)<<1|under)
}

// put gives the columns, their values aside; nothing when there are no runs.
func (o *columns) put() (out []byte) {
	if len(o.tags) == 0 {
		return nil
	}
	for _, column := range [][]byte{o.tags, o.gaps, o.containers, o.lengths, o.positions, o.rest} {
		out = putBytes(out, column)
	}
	return out
}

// cursor is where the next edit of a text is likely to be.
func (r *opRun) cursor() int64 {
	switch r.kind {
	case opTextInsert, opMarkBegin, opMarkEnd, opEmbed:
		return int64(r.pos) + int64(r.n)
	case opTextErase:
		return int64(r.pos) - int64(r.n)
	}
	return int64(r.pos)
}

// isLong reports whether runs of the operation have a length; others have one operation.
func (k opKind) isLong(sub Kind) bool {
	return k <= opTextNothing || k == opListInsert && sub == KindValue
}

// columnReader reads what columns wrote.
type columnReader struct {
	d *Doc

	tags, gaps, containers, lengths, positions, rest reader

	values reader // over those of the log
	next   LV
	last   int64
	cursor int64
}

// open takes the columns from r.
func (o *columnReader) open(r *reader) {
	for _, column := range []*reader{&o.tags, &o.gaps, &o.containers, &o.lengths, &o.positions, &o.rest} {
		column.in = r.bytes(MaxFileBytes)
	}
}

// finish reports whether all columns have come to their end; values are the caller's business.
func (o *columnReader) finish() bool {
	for _, column := range []*reader{&o.tags, &o.gaps, &o.containers, &o.lengths, &o.positions, &o.rest} {
		if column.bad || column.left() > 0 {
			return false
		}
	}
	return true
}

// read gives the next run. Its ref into content is the caller's business. Everything it names is in the document or, an
// item or a slot, older than itself.
func (o *columnReader) read() (r opRun, err error) {
	d := o.d
	tag := o.tags.byte()
	r = opRun{n: 1, kind: opKind(tag &^ (tagContainer | tagGap)), pos: none}
	lv, flags := uint64(o.next), byte(0)
	if tag&tagGap != 0 {
		lv += uint64(o.gaps.u32(maxLV))
	}
	if tag&tagContainer != 0 {
		o.last += o.containers.zigzag()
	}
	end := uint64(d.graph.next())
	if o.tags.bad || o.gaps.bad || o.containers.bad || lv >= end || o.last < 0 || o.last >= int64(len(d.containers)) {
		return r, corrupt("operation is torn")
	}
	r.lv, r.c = LV(lv), uint32(o.last)
	if r.kind >= opKindEnd || !r.kind.fits(d.containers[r.c].kind) {
		return r, corrupt("unknown operation, or one on a container of another kind")
	}
	back := func() uint32 {
		n := o.rest.u32(uint32(lv))
		if n == 0 {
			return none
		}
		return uint32(lv) - n
	}
	switch r.kind {
	case opTextNothing:
	case opTextInsert, opTextDelete, opTextErase, opMarkBegin, opMarkEnd, opEmbed:
		if !r.kind.isPoint() {
			r.n = o.lengths.u32(maxTextPosition)
		}
		pos := o.cursor + o.positions.zigzag()
		if pos < 0 || pos > maxTextPosition || r.kind == opTextErase && pos+1 < int64(r.n) {
			return r, corrupt("text position out of range")
		}
		r.pos = uint32(pos)
		o.cursor = r.cursor()
		if r.kind == opMarkBegin {
			flags = o.rest.byte()
		}
	case opMapSet, opMapDelete, opRecordPut:
		r.ref = o.rest.u32(maxLV)
		if int(r.ref) >= d.past.keys {
			return r, corrupt("unknown key")
		}
		if r.kind == opRecordPut {
			r.sub = Kind(o.rest.byte())
			if _, ok := d.children[childKey{r.c, r.ref, r.sub}]; !ok {
				return r, corrupt("put of an unknown container")
			}
		}
	case opCounterAdd:
		n := o.rest.zigzag()
		if n < -maxCounter || n > maxCounter {
			return r, corrupt("counter step too large")
		}
		r.at, r.size = uint32(n), uint32(uint64(n)>>32)
	case opListInsert:
		r.pos = back()
		r.sub = Kind(o.rest.byte())
	case opItemDelete:
		r.ref = back()
	case opListMove:
		r.ref = back()
		r.pos = back()
	case opNodeInsert, opNodeMove:
		if r.kind == opNodeMove {
			r.ref = back()
		}
		*r.under() = none
		if place := o.rest.varint(); place > 0 {
			n := place >> 1
			if n == 0 || n > lv {
				return r, corrupt("node at an unknown place")
			}
			if place&1 == 0 {
				r.pos = uint32(lv - n)
			} else {
				*r.under() = uint32(lv - n)
			}
		}
		if r.kind == opNodeInsert {
			r.sub = Kind(o.rest.byte())
		}
	default:
		return r, corrupt("unknown operation")
	}
	switch {
	case r.kind == opTextNothing:
		r.n = o.lengths.u32(MaxUpdateOps) // it has no content that bounds it
	case r.kind == opListInsert && r.sub == KindValue:
		r.n = o.lengths.u32(maxLV)
	}
	named := r.ref != none || r.kind == opListInsert || r.kind == opNodeInsert
	if flags >= flagsEnd {
		return r, corrupt("mark with unknown flags")
	}
	if o.lengths.bad || o.positions.bad || o.rest.bad || !named || !r.sub.known() || r.n == 0 || lv+uint64(r.n) > end {
		return r, corrupt("operation is torn")
	}
	if e := &d.graph.entries[d.graph.at(r.lv)]; r.end() > e.end() {
		return r, corrupt("run longer than its entry")
	}
	if r.holdsValues() {
		v := &o.values
		r.at = uint32(v.at)
		if r.kind == opMarkBegin && !validKey(v.str()) {
			v.bad = true
		}
		for i := uint32(0); i < r.n && !v.bad && r.kind != opMarkEnd; i++ {
			v.value()
		}
		if v.bad {
			return r, corrupt("value is missing or malformed")
		}
		r.size = uint32(v.at) - r.at
		if r.kind == opMarkBegin {
			r.sub = Kind(flags)
		}
	}
	o.next = r.end()
	return r, nil
}
