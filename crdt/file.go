package crdt

import "slices"

// A document file is a magic, a version and checksummed sections; docs/FORMAT.md describes every byte.

const (
	fileMagic = "freehold"
	fileMajor = 0
	fileMinor = 0

	sectionEnd        = 0
	sectionSessions   = 1
	sectionKeys       = 2
	sectionContainers = 3
	sectionGraph      = 4
	sectionOps        = 5
	sectionContent    = 6
	sectionValues     = 7
	sectionState      = 8
	sectionEnded      = 9
	sectionKnown      = 10 // the first id this version does not know
)

// section is one section of a file as it was read.
type section struct {
	id      uint64
	payload []byte
}

// putSection appends a section: id, length, payload, checksum of all three.
func putSection(out []byte, id uint64, payload []byte) []byte {
	from := len(out)
	out = putBytes(putVarint(out, id), payload)
	sum := checksum(out[from:])
	return append(out, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
}

// takeSections splits a file. The payloads are parts of it.
func takeSections(file []byte) ([]section, error) {
	r := reader{in: file}
	if string(r.take(len(fileMagic))) != fileMagic {
		return nil, corrupt("not a document file")
	}
	major, _ := r.byte(), r.byte()
	if r.bad {
		return nil, corrupt("file is torn")
	}
	if major > fileMajor {
		return nil, ErrNewerFormat
	}
	if len(file) > MaxFileBytes {
		return nil, tooLarge("file larger than one may be")
	}
	var sections []section
	for {
		from := r.at
		s := section{id: r.varint()}
		s.payload = r.bytes(MaxFileBytes)
		sum := checksum(file[from:r.at])
		b := r.take(4)
		if r.bad || sum != uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24 {
			return nil, corrupt("section is torn or its checksum is wrong")
		}
		if s.id == sectionEnd {
			if r.left() > 0 || len(s.payload) > 0 {
				return nil, corrupt("bytes behind the end of the file")
			}
			return sections, nil
		}
		if n := len(sections); n > 0 && sections[n-1].id >= s.id {
			return nil, corrupt("sections out of order")
		}
		sections = append(sections, s)
	}
}

// Save gives the document as a file: all history, and the texts as they are.
func (d *Doc) Save() []byte {
	s := newSaver(d)
	out := append([]byte(fileMagic), fileMajor, fileMinor)
	out = putSection(out, sectionSessions, s.sessions())
	out = putSection(out, sectionKeys, s.keyTable())
	out = putSection(out, sectionContainers, s.containerTable())
	out = putSection(out, sectionGraph, s.graph())
	out = putSection(out, sectionOps, s.ops())
	out = putSection(out, sectionContent, putUnits(nil, d.log.content))
	out = putSection(out, sectionValues, d.log.values)
	out = putSection(out, sectionState, s.state())
	if ended := s.ended(); ended != nil {
		out = putSection(out, sectionEnded, ended)
	}
	for _, k := range d.kept {
		out = putSection(out, k.id, k.payload)
	}
	return putSection(out, sectionEnd, nil)
}

// saver numbers containers and keys for the file: in the order in which the operations need them, which is the order
// in which a loader meets them. What no operation needs is left out; it holds nothing.
type saver struct {
	d          *Doc
	index      []uint32 // per container of the document, none when it is left out
	containers []uint32
	keyIndex   []uint32
	keys       []uint32
}

func newSaver(d *Doc) *saver {
	s := &saver{d: d, index: make([]uint32, len(d.containers)), keyIndex: make([]uint32, len(d.keys.names))}
	for i := range s.index {
		s.index[i] = none
	}
	for i := range s.keyIndex {
		s.keyIndex[i] = none
	}
	s.container(0)
	items := 0
	for i := range d.log.runs {
		r := &d.log.runs[i]
		s.container(r.c)
		switch r.kind {
		case opMapSet, opMapDelete:
			s.key(r.ref)
		case opRecordPut:
			s.container(d.children[childKey{r.c, r.ref, r.sub}])
		case opListInsert, opNodeInsert:
			if r.sub != KindValue {
				s.container(d.lists.items[items].child)
			}
			items += int(r.n)
		}
	}
	return s
}

// container numbers c and all around it.
func (s *saver) container(c uint32) {
	if s.index[c] != none {
		return
	}
	var up []uint32
	for ; c != none && s.index[c] == none; c = s.d.containers[c].parent {
		up = append(up, c)
	}
	for i := len(up) - 1; i >= 0; i-- {
		row := &s.d.containers[up[i]]
		if row.parent != none && !s.d.containers[row.parent].holdsItems() {
			s.key(row.name)
		}
		s.index[up[i]] = uint32(len(s.containers))
		s.containers = append(s.containers, up[i])
	}
}

func (s *saver) key(k uint32) {
	if s.keyIndex[k] == none {
		s.keyIndex[k] = uint32(len(s.keys))
		s.keys = append(s.keys, k)
	}
}

func (s *saver) sessions() []byte {
	out := putVarint(nil, uint64(len(s.d.graph.sessions)))
	for i := range s.d.graph.sessions {
		out = append(out, s.d.graph.sessions[i].id[:]...)
	}
	return out
}

// ended lists the sessions that ended with a refused update, nil when there are none. One that this version only
// cannot read has not ended.
func (s *saver) ended() []byte {
	var ids []SessionID
	for id, why := range s.d.held.ended {
		if isCode(why, CodeCorrupt) {
			ids = append(ids, id)
		}
	}
	if ids == nil {
		return nil
	}
	slices.SortFunc(ids, func(a, b SessionID) int { return a.compare(&b) })
	out := putVarint(nil, uint64(len(ids)))
	for i := range ids {
		out = append(out, ids[i][:]...)
	}
	return out
}

func (s *saver) keyTable() []byte {
	out := putVarint(nil, uint64(len(s.keys)))
	for _, k := range s.keys {
		out = putString(out, s.d.keys.names[k])
	}
	return out
}

func (s *saver) containerTable() []byte {
	d := s.d
	out := putVarint(nil, uint64(len(s.containers)-1))
	for _, i := range s.containers[1:] {
		c := &d.containers[i]
		name := c.name
		if d.containers[c.parent].holdsItems() {
			name = uint32(d.lists.items[name].lv)
		} else {
			name = s.keyIndex[name]
		}
		out = putU32(putU32(append(out, byte(c.kind)), s.index[c.parent]), name)
	}
	return out
}

func (s *saver) graph() []byte {
	g := &s.d.graph
	out := putVarint(nil, uint64(len(g.entries)))
	for i := range g.entries {
		e := &g.entries[i]
		parents := g.parentsOf(e)
		if len(parents) == 1 && parents[0] == e.lv-1 {
			out = putU32(putVarint(out, uint64(e.session)<<1), e.n)
			continue
		}
		out = putU32(putVarint(out, uint64(e.session)<<1|1), e.n)
		out = putVarint(out, uint64(len(parents)))
		for _, p := range parents {
			out = putU32(out, uint32(e.lv-p))
		}
	}
	return out
}

// ops writes the runs in columns, so that like stands beside like: kinds, containers, lengths, positions, the rest.
func (s *saver) ops() []byte {
	var kinds, containers, lengths, positions, rest []byte
	last, cursor := uint32(0), int64(0)
	for i := range s.d.log.runs {
		r := &s.d.log.runs[i]
		c := s.index[r.c]
		tag := byte(r.kind)
		if c != last {
			tag |= 0x80
			containers = putZigzag(containers, int64(c)-int64(last))
			last = c
		}
		kinds = append(kinds, tag)
		if r.kind == opTextNothing {
			n := r.n
			for ; n > MaxUpdateOps; n -= MaxUpdateOps {
				kinds = append(kinds, byte(opTextNothing))
				lengths = putU32(lengths, MaxUpdateOps)
			}
			lengths = putU32(lengths, n)
			continue
		}
		if r.kind < opTextNothing || r.kind == opListInsert && r.sub == KindValue {
			lengths = putU32(lengths, r.n)
		}
		switch r.kind {
		case opTextInsert, opTextDelete, opTextErase, opMarkBegin, opMarkEnd, opEmbed:
			positions = putZigzag(positions, int64(r.pos)-cursor)
			cursor = r.cursor()
			if r.kind == opMarkBegin {
				rest = append(rest, byte(r.sub))
			}
		case opMapSet, opMapDelete:
			rest = putU32(rest, s.keyIndex[r.ref])
		case opRecordPut:
			rest = append(putU32(rest, s.keyIndex[r.ref]), byte(r.sub))
		case opCounterAdd:
			rest = putZigzag(rest, r.amount())
		case opListInsert:
			rest = append(putSlot(rest, r), byte(r.sub))
		case opItemDelete:
			rest = putU32(rest, uint32(r.lv)-r.ref)
		case opListMove:
			rest = putSlot(putU32(rest, uint32(r.lv)-r.ref), r)
		case opNodeInsert:
			rest = append(putNodePlace(rest, r), byte(r.sub))
		case opNodeMove:
			rest = putNodePlace(putU32(rest, uint32(r.lv)-r.ref), r)
		}
	}
	out := putVarint(nil, uint64(len(kinds)))
	out = append(out, kinds...)
	out = putBytes(out, containers)
	out = putBytes(out, lengths)
	out = putBytes(out, positions)
	return putBytes(out, rest)
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

func (s *saver) state() []byte {
	d := s.d
	n := 0
	var out []byte
	for i, at := range s.containers {
		c := &d.containers[at]
		if c.isText() && d.innerLength(c.state) > 0 {
			d.units = d.texts.read(c.state, 0, d.texts.texts[c.state].length, d.units[:0])
			out = putBytes(putU32(out, uint32(i)), putUnits(nil, d.units))
			if c.kind == KindRichText {
				out = s.points(out, c.state)
			}
			n++
		}
	}
	return append(putVarint(nil, uint64(n)), out...)
}

// points writes where the points of a rich text stand: how many, and for each the characters since the one before and
// the operation that made it.
func (s *saver) points(out []byte, t uint32) []byte {
	p := &s.d.points
	root := s.d.texts.texts[t].points
	n := uint64(0)
	var rows []byte
	run := s.d.ahead(t)
	for el := p.after(none, root); el != none; el = p.seq.next(el) {
		rows = putU32(putU32(rows, run), uint32(p.rows[el].lv))
		run = p.seq.weightOf(el)[inInner] - 1
		n++
	}
	return append(putVarint(out, n), rows...)
}
