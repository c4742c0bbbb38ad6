package crdt

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
	sectionKnown      = 9 // the first id this version does not know
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
	used := d.usedContainers()
	s := saver{d: d, index: make([]uint32, len(d.containers))}
	out := append([]byte(fileMagic), fileMajor, fileMinor)
	out = putSection(out, sectionSessions, s.sessions())
	containers := s.containers(used)
	out = putSection(out, sectionKeys, s.keys())
	out = putSection(out, sectionContainers, containers)
	out = putSection(out, sectionGraph, s.graph())
	out = putSection(out, sectionOps, s.ops())
	out = putSection(out, sectionContent, putUnits(nil, d.log.content))
	out = putSection(out, sectionValues, d.log.values)
	out = putSection(out, sectionState, s.state(used))
	for _, k := range d.kept {
		out = putSection(out, k.id, k.payload)
	}
	return putSection(out, sectionEnd, nil)
}

// usedContainers marks the containers that an operation names, with all around them. The others hold nothing, and
// come back by themselves when somebody needs them.
func (d *Doc) usedContainers() []bool {
	used := make([]bool, len(d.containers))
	used[0] = true
	for i := range d.log.runs {
		r := &d.log.runs[i]
		used[r.c] = true
		if r.kind == opRecordPut {
			used[d.children[childKey{r.c, r.ref, r.sub}]] = true
		}
	}
	for i := len(used) - 1; i > 0; i-- {
		if used[i] {
			used[d.containers[i].parent] = true
		}
	}
	return used
}

// saver numbers containers for the file.
type saver struct {
	d     *Doc
	index []uint32
}

func (s *saver) sessions() []byte {
	out := putVarint(nil, uint64(len(s.d.graph.sessions)))
	for i := range s.d.graph.sessions {
		out = append(out, s.d.graph.sessions[i].id[:]...)
	}
	return out
}

func (s *saver) keys() []byte {
	out := putVarint(nil, uint64(len(s.d.keys.names)))
	for _, name := range s.d.keys.names {
		out = putString(out, name)
	}
	return out
}

func (s *saver) containers(used []bool) []byte {
	d := s.d
	n := uint32(1)
	var rows []byte
	for i := 1; i < len(used); i++ {
		if !used[i] {
			continue
		}
		c := &d.containers[i]
		name := c.name
		if d.containers[c.parent].kind == KindList {
			name = uint32(d.lists.items[name].lv)
		}
		rows = putU32(putU32(append(rows, byte(c.kind)), s.index[c.parent]), name)
		s.index[i] = n
		n++
	}
	return append(putU32(nil, n-1), rows...)
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
	last, cursor := uint32(0), uint32(0)
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
		if r.kind <= opTextNothing || r.kind == opListInsert && r.sub == KindValue {
			lengths = putU32(lengths, r.n)
		}
		switch r.kind {
		case opTextInsert, opTextDelete, opTextErase:
			positions = putZigzag(positions, int64(r.pos)-int64(cursor))
			cursor = r.cursor()
		case opMapSet, opMapDelete:
			rest = putU32(rest, r.ref)
		case opRecordPut:
			rest = append(putU32(rest, r.ref), byte(r.sub))
		case opCounterAdd:
			rest = putZigzag(rest, r.amount())
		case opListInsert:
			rest = append(putSlot(rest, r), byte(r.sub))
		case opListDelete:
			rest = putU32(rest, uint32(r.lv)-r.ref)
		case opListMove:
			rest = putSlot(putU32(rest, uint32(r.lv)-r.ref), r)
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
func (r *opRun) cursor() uint32 {
	switch r.kind {
	case opTextInsert:
		return r.pos + r.n
	case opTextErase:
		return r.pos - r.n
	}
	return r.pos
}

func putSlot(out []byte, r *opRun) []byte {
	if r.pos == none {
		return append(out, 0)
	}
	return putU32(out, uint32(r.lv)-r.pos)
}

func (s *saver) state(used []bool) []byte {
	d := s.d
	n := 0
	var out []byte
	for i := range d.containers {
		if c := &d.containers[i]; used[i] && c.kind == KindText {
			d.units = d.texts.read(c.state, 0, d.texts.texts[c.state].length, d.units[:0])
			out = putBytes(putU32(out, s.index[i]), putUnits(nil, d.units))
			n++
		}
	}
	return append(putVarint(nil, uint64(n)), out...)
}

// crcTable is the table of CRC-32C (Castagnoli, polynomial 0x1edc6f41, reflected), eight bytes at a time.
var crcTable = makeCRC()

func makeCRC() (t [8][256]uint32) {
	for i := range t[0] {
		c := uint32(i)
		for k := 0; k < 8; k++ {
			c = c>>1 ^ 0x82f63b78&-(c&1)
		}
		t[0][i] = c
	}
	for i := range t[0] {
		for k := 1; k < 8; k++ {
			t[k][i] = t[k-1][i]>>8 ^ t[0][byte(t[k-1][i])]
		}
	}
	return t
}

// checksum is CRC-32C.
func checksum(b []byte) uint32 {
	t := &crcTable
	c := ^uint32(0)
	for len(b) >= 8 {
		c ^= uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		c = t[7][byte(c)] ^ t[6][byte(c>>8)] ^ t[5][byte(c>>16)] ^ t[4][c>>24] ^
			t[3][b[4]] ^ t[2][b[5]] ^ t[1][b[6]] ^ t[0][b[7]]
		b = b[8:]
	}
	for _, x := range b {
		c = c>>8 ^ t[0][byte(c)^x]
	}
	return ^c
}
