package crdt

// A document file is a magic, a version and checksummed sections; docs/FORMAT.md describes every byte.

const (
	fileMagic = "freehold"
	fileMajor = 1
	fileMinor = 0

	sectionEnd        = 0
	sectionSessions   = 1
	sectionKeys       = 2
	sectionContainers = 3
	sectionGraph      = 4
	sectionState      = 5
	sectionValues     = 6
	sectionTexts      = 7
	sectionPoints     = 8
	sectionCounters   = 9
	sectionOrder      = 10
	sectionLast       = 11
	sectionEnded      = 12
	sectionPast       = 13
	sectionContent    = 14
	sectionPastValues = 15
	sectionKnown      = 16 // the first id this version does not know
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
	if major > fileMajor {
		return nil, ErrNewerFormat
	}
	if major < fileMajor {
		return nil, corrupt("file is torn, or of a trial version")
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

// Save gives the document as a file: its state and all its history. It costs with the size of the document; what is held
// and not applied is not in it.
func (d *Doc) Save() []byte { return d.save(false) }

// SaveShallow gives the document as a file without the operations that no longer count: its history begins here. What
// is concurrent with them cannot be merged into it; see ErrTrimmed.
func (d *Doc) SaveShallow() []byte { return d.save(true) }

func (d *Doc) save(shallow bool) []byte {
	d.idle()
	d.writer.saved = d.Size().Next
	p := &d.past
	if p.count >= maxSegments && !shallow {
		_ = d.recall() // if it cannot be taken apart it stays as it is
	}
	s := newSaver(d)
	state, old := columns{s: s}, columns{s: s}
	for i := range d.log.runs {
		r := &d.log.runs[i]
		if d.counts(r) {
			state.add(r)
		} else if !shallow {
			old.add(r)
		}
	}
	rows, text := s.texts()
	out := append([]byte(fileMagic), fileMajor, fileMinor)
	put := func(id uint64, parts ...[]byte) {
		var payload []byte
		for _, part := range parts {
			payload = append(payload, part...)
		}
		tail := d.tail(id)
		if len(payload) == 0 && len(tail) > 0 && id < sectionKnown {
			payload = make([]byte, emptyBytes[id])
		}
		if payload = append(payload, tail...); len(payload) > 0 {
			out = putSection(out, id, payload)
		}
	}
	put(sectionSessions, s.sessions())
	put(sectionKeys, s.keyTable())
	put(sectionContainers, s.containerTable())
	put(sectionGraph, s.graph())
	put(sectionState, state.put())
	put(sectionValues, putFull(state.values))
	put(sectionTexts, rows, putFull(text))
	put(sectionPoints, s.points())
	put(sectionCounters, s.counters())
	put(sectionOrder, s.order())
	put(sectionLast, s.lasts())
	put(sectionEnded, s.ended())
	if !shallow {
		put(sectionPast, s.past(&old))
		put(sectionContent, putContent(putUnits(takeContent(p.content, p.texts), d.log.content), text))
		values := d.log.values[p.values.at:][:p.values.size:p.values.size]
		put(sectionPastValues, putFull(append(values, old.values...)))
	}
	for _, k := range d.kept {
		if k.id >= sectionKnown {
			put(k.id)
		}
	}
	return putSection(out, sectionEnd, nil)
}

// emptyBytes is how many zero bytes each section is when it is empty and may not be left out.
var emptyBytes = [sectionKnown]uint8{
	sectionSessions: 1, sectionKeys: 1, sectionContainers: 1, sectionGraph: 1, sectionState: 6, sectionValues: 1, sectionTexts: 2,
	sectionPoints: 3, sectionCounters: 1, sectionOrder: 5, sectionLast: 1, sectionEnded: 1, sectionPast: 3, sectionContent: 3,
	sectionPastValues: 1,
}

// putFull writes bytes, and nothing for none: a section that would be empty is left out.
func putFull(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return putBytes(nil, b)
}

// tail gives what a file had in a section that this version does not know.
func (d *Doc) tail(id uint64) []byte {
	for _, k := range d.kept {
		if k.id == id {
			return k.payload
		}
	}
	return nil
}
