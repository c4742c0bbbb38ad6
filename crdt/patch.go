package crdt

// patch collects what changed in the view, in the records of docs/BOUNDARY.md.
type patch struct {
	out []byte
	// off: nobody wants the patch, as while a file is loaded.
	off bool

	// Splices of one text in a row become one record, whose head says how many there are.
	text    uint32 // container + 1, 0 for none
	count   uint64
	splices []byte
}

const (
	patchSession     = 0x01
	patchContainer   = 0x02
	patchText        = 0x10
	patchTextLength  = 0x11
	patchMarks       = 0x12
	patchMapSet      = 0x20
	patchMapDelete   = 0x21
	patchRecordChild = 0x22
	patchListInsert  = 0x30
	patchListDelete  = 0x31
	patchListMove    = 0x32
	patchNodeInsert  = 0x33
	patchNodeDelete  = 0x34
	patchNodeMove    = 0x35
	patchCounter     = 0x40
)

func (p *patch) reset() {
	p.out = p.out[:0]
	p.text = 0
}

// finish gives the bytes, valid until the next call on the document.
func (p *patch) finish() []byte {
	p.flush()
	return p.out
}

func (p *patch) flush() {
	if p.text == 0 {
		return
	}
	p.out = append(p.out, patchText)
	p.out = putU32(p.out, p.text-1)
	p.out = putVarint(p.out, p.count)
	p.out = append(p.out, p.splices...)
	p.text = 0
}

// begin starts a record; false when nobody wants it.
func (p *patch) begin(kind byte) bool {
	if p.off {
		return false
	}
	p.flush()
	p.out = append(p.out, kind)
	return true
}

func (p *patch) splice(c, pos, inserted uint32, deleted []uint16) {
	if p.off {
		return
	}
	if p.text != c+1 {
		p.flush()
		p.text, p.count, p.splices = c+1, 0, p.splices[:0]
	}
	p.count++
	out := putU32(p.splices, pos)
	out = putU32(out, inserted)
	out = putVarint(out, uint64(len(deleted)))
	for _, u := range deleted {
		out = append(out, byte(u), byte(u>>8))
	}
	p.splices = out
}

func (p *patch) textLength(c, length uint32) {
	if p.begin(patchTextLength) {
		p.out = putU32(putU32(p.out, c), length)
	}
}

func (p *patch) marks(c, from, to uint32) {
	if p.begin(patchMarks) {
		p.out = putU32(putU32(putU32(p.out, c), from), to)
	}
}

func (p *patch) session(index uint32, id *SessionID) {
	if p.begin(patchSession) {
		p.out = append(putU32(p.out, index), id[:]...)
	}
}

func (p *patch) container(d *Doc, i uint32) {
	if !p.begin(patchContainer) {
		return
	}
	c := &d.containers[i]
	p.out = append(putU32(putU32(p.out, i), c.parent), byte(c.kind))
	if d.containers[c.parent].holdsItems() {
		p.out = putU32(append(p.out, 1), uint32(d.lists.items[c.name].lv))
	} else {
		p.out = putString(append(p.out, 0), d.keys.names[c.name])
	}
}

func (p *patch) mapSet(c uint32, key string, value []byte) {
	if p.begin(patchMapSet) {
		p.out = putBytes(putString(putU32(p.out, c), key), value)
	}
}

func (p *patch) mapDelete(c uint32, key string) {
	if p.begin(patchMapDelete) {
		p.out = putString(putU32(p.out, c), key)
	}
}

func (p *patch) recordChild(d *Doc, i uint32) {
	if !p.begin(patchRecordChild) {
		return
	}
	c := &d.containers[i]
	p.out = append(putString(putU32(p.out, c.parent), d.keys.names[c.name]), byte(c.kind))
	p.out = putU32(p.out, i)
	shown := byte(0)
	if c.shown {
		shown = 1
	}
	p.out = append(p.out, shown)
}

func (p *patch) listInsert(d *Doc, i, at uint32) {
	if !p.begin(patchListInsert) {
		return
	}
	p.out = putU32(putU32(p.out, d.lists.items[i].list), at)
	p.item(d, i)
}

// item writes what an item is: its name and its value or container.
func (p *patch) item(d *Doc, i uint32) {
	it := &d.lists.items[i]
	session, seq := d.graph.id(it.lv)
	p.out = putU32(p.out, uint32(it.lv))
	p.out = append(putU32(putU32(p.out, session), uint32(seq)), byte(it.kind))
	if it.kind == KindValue {
		p.out = putBytes(p.out, d.log.values[it.at:it.at+it.size])
	} else {
		p.out = putU32(p.out, it.child)
	}
}

func (p *patch) listDelete(c, at uint32, lv LV) {
	if p.begin(patchListDelete) {
		p.out = putU32(putU32(putU32(p.out, c), at), uint32(lv))
	}
}

func (p *patch) listMove(c, from, to uint32, lv LV) {
	if p.begin(patchListMove) {
		p.out = putU32(putU32(putU32(putU32(p.out, c), from), to), uint32(lv))
	}
}

func (p *patch) nodeInsert(d *Doc, i, at uint32) {
	if p.begin(patchNodeInsert) {
		p.out = putU32(putU32(putU32(p.out, d.lists.items[i].list), d.lists.parentName(i)), at)
		p.item(d, i)
	}
}

func (p *patch) nodeDelete(c uint32, lv LV) {
	if p.begin(patchNodeDelete) {
		p.out = putU32(putU32(p.out, c), uint32(lv))
	}
}

func (p *patch) nodeMove(d *Doc, i, at uint32) {
	if p.begin(patchNodeMove) {
		it := &d.lists.items[i]
		p.out = putU32(putU32(p.out, it.list), uint32(it.lv))
		p.out = putU32(putU32(p.out, d.lists.parentName(i)), at)
	}
}

func (p *patch) counter(c uint32, value int64) {
	if p.begin(patchCounter) {
		p.out = putZigzag(putU32(p.out, c), value)
	}
}
