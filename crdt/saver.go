package crdt

import "slices"

// containerShown marks in the container table a record's child that is shown.
const containerShown = 0x80

// saver numbers containers and keys for the file: first those of the file that the document was opened from, as they
// were, then in the order in which the operations need them. What no operation needs is left out; it holds nothing.
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
	for k := range d.past.keys {
		s.key(uint32(k))
	}
	s.container(0)
	for c := 1; c < d.past.containers; c++ {
		s.container(uint32(c))
	}
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
	if len(s.d.graph.sessions) == 0 {
		return nil
	}
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
	sortFunc(ids, func(a, b SessionID) int { return a.compare(&b) })
	out := putVarint(nil, uint64(len(ids)))
	for i := range ids {
		out = append(out, ids[i][:]...)
	}
	return out
}

func (s *saver) keyTable() []byte {
	if len(s.keys) == 0 {
		return nil
	}
	out := putVarint(nil, uint64(len(s.keys)))
	for _, k := range s.keys {
		out = putString(out, s.d.keys.names[k])
	}
	return out
}

func (s *saver) containerTable() []byte {
	d := s.d
	if len(s.containers) == 1 {
		return nil
	}
	out := putVarint(nil, uint64(len(s.containers)-1))
	for _, i := range s.containers[1:] {
		c := &d.containers[i]
		name := c.name
		if d.containers[c.parent].holdsItems() {
			name = uint32(d.lists.items[name].lv)
		} else {
			name = s.keyIndex[name]
		}
		kind := byte(c.kind)
		if c.shown {
			kind |= containerShown
		}
		out = putU32(putU32(append(out, kind), s.index[c.parent]), name)
	}
	return out
}

func (s *saver) graph() []byte {
	g := &s.d.graph
	if len(g.entries) == 0 {
		return nil
	}
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

// past writes where the history begins and the segments: those that were not taken apart, and what came since.
func (s *saver) past(old *columns) []byte {
	d, p := s.d, &s.d.past
	if d.graph.next() == 0 {
		return nil
	}
	count, segments := p.count, p.segments
	if len(old.tags) > 0 {
		segments = append(slices.Clip(segments), old.put()...)
		count++
	}
	out := putU32(putU32(nil, uint32(p.cut)), d.log.nextUnit())
	return append(putVarint(out, uint64(count)), segments...)
}
