package crdt

// The short way for what people do most: one small insertion or deletion in a text, by the session that also made the
// operation before, which follows everything that is here. It checks everything before it changes anything, so it needs
// no way back. It gives false, having changed nothing, when something is out of the ordinary; the long way then does the
// change or says what is wrong with it.

// longestTyping is the most units and bytes that go the short way.
const longestTyping = 64

// typing is the short way through Change.
func (d *Doc) typing(in []byte) bool {
	if len(in) < 4 || len(in) > longestTyping {
		return false
	}
	c, at := shortVarint(in, 1)
	pos, at := shortVarint(in, at)
	n, at := shortVarint(in, at)
	if at == 0 || n == 0 || c >= uint32(len(d.containers)) || !d.goesOn(d.writer.session, maxLV) {
		return false
	}
	l := &d.log
	run := opRun{n: n, c: c, pos: pos}
	from := len(l.content)
	if d.weight() > maxWrittenBytes {
		return false
	}
	switch in[0] {
	case cmdTextInsert:
		if len(in)-at != 2*int(n) {
			return false
		}
		for i := at + 1; i < len(in); i += 2 {
			if in[i]&0xf8 == 0xd8 {
				return false // surrogates are for the long way
			}
		}
		run.kind, run.ref = opTextInsert, l.nextUnit()
		for ; at < len(in); at += 2 {
			l.content = append(l.content, uint16(in[at])|uint16(in[at+1])<<8)
		}
	case cmdTextDelete:
		if at != len(in) {
			return false
		}
		run.kind = opTextDelete
	default:
		return false
	}
	seq := d.graph.sessions[d.writer.session].next
	if !d.typed(&run, from) {
		return false
	}
	d.writer.note(seq, seq+Seq(n))
	return true
}

// typedElsewhere is the short way through Apply: a key press of whoever made the operation before, in the same text.
func (d *Doc) typedElsewhere(id *SessionID, in []byte) bool {
	if len(in) < 4 || len(in) > longestTyping || in[0] != updateVersion || len(d.held.sessions) > 0 || len(d.graph.entries) == 0 {
		return false
	}
	g, l := &d.graph, &d.log
	s, last := g.entries[len(g.entries)-1].session, len(l.runs)-1
	first, at := shortVarint(in, 1)
	if at == 0 || at == len(in) || g.sessions[s].id != *id || Seq(first) != g.sessions[s].next || !d.goesOn(s, maxAppliedLV) {
		return false
	}
	if d.writer.open && *id == d.writer.id || d.held.ended[*id] != nil || last < 0 || l.runs[last].end() != g.next() {
		return false
	}
	kind := opKind(in[at]) // in a container further down the table, which there is none, it would be none of these
	pos, at := shortVarint(in, at+1)
	n, at := shortVarint(in, at)
	if at == 0 || n == 0 || n > longestTyping {
		return false
	}
	run := opRun{kind: kind, n: n, c: l.runs[last].c, pos: pos}
	from := len(l.content)
	switch kind {
	case opTextInsert:
		if len(in)-at != int(n) {
			return false
		}
		for _, b := range in[at:] {
			if b >= 0x80 {
				return false // so bytes are units
			}
		}
		run.ref = l.nextUnit()
		for _, b := range in[at:] {
			l.content = append(l.content, uint16(b))
		}
	case opTextDelete, opTextErase:
		if at != len(in) || kind == opTextErase && n > 1 {
			return false
		}
		run.kind = opTextDelete // of one unit they are the same
	default:
		return false
	}
	return d.typed(&run, from)
}

// goesOn reports whether the newest operation is one of session s and follows everything that is here, and there is room
// for more below limit.
func (d *Doc) goesOn(s uint32, limit LV) bool {
	g := &d.graph
	if len(g.frontier) != 1 || len(g.entries) == 0 {
		return false
	}
	e := &g.entries[len(g.entries)-1]
	return e.session == s && g.frontier[0] == e.end()-1 && e.end() <= limit-longestTyping
}

// typed does a run of the session that goes on. What it inserts stands in the content from there on.
func (d *Doc) typed(run *opRun, from int) bool {
	if !d.typeIn(run, from) {
		d.log.content = d.log.content[:from]
		return false
	}
	g, l := &d.graph, &d.log
	e := &g.entries[len(g.entries)-1]
	run.lv = e.end()
	if last := len(l.runs) - 1; last < 0 || l.runs[last].c != run.c || !l.runs[last].join(run) {
		l.runs = append(l.runs, *run)
	}
	e.n += run.n
	g.sessions[e.session].next += Seq(run.n)
	g.frontier[0] = e.end() - 1
	if d.containers[run.c].parent != 0 {
		d.revive(run.c)
		d.settle()
	}
	return true
}

// typeIn changes the text and makes the patch.
func (d *Doc) typeIn(run *opRun, from int) bool {
	row := &d.containers[run.c]
	if !row.isText() {
		return false
	}
	t, pos, n := row.state, run.pos, run.n
	length := d.texts.texts[t].length
	if d.texts.texts[t].points != none || pos > length {
		return false // where anchors stand matters
	}
	if run.kind == opTextInsert {
		if length > maxTextPosition/4 {
			return false
		}
		units := d.log.content[from:]
		if !d.texts.insertNear(t, pos, units) {
			if d.texts.splits(t, pos) {
				return false
			}
			d.texts.insert(t, pos, units)
		}
		d.patch.one(run.c, pos, n, nil)
		return true
	}
	if n > longestTyping || n > length-pos {
		return false
	}
	var done bool
	if d.units, done = d.texts.removeNear(t, pos, n, d.units[:0]); !done {
		if d.texts.splits(t, pos) || d.texts.splits(t, pos+n) {
			return false
		}
		d.units = d.texts.remove(t, pos, n, d.units[:0])
	}
	d.patch.one(run.c, pos, 0, d.units)
	return true
}

// one makes the patch a single splice of a few units.
func (p *patch) one(c, pos, inserted uint32, deleted []uint16) {
	need := 24 + 2*len(deleted)
	if cap(p.out) < need {
		p.out = make([]byte, 0, 4*need)
	}
	out := p.out[:need]
	out[0] = patchText
	i := setVarint(out, 1, c)
	out[i] = 1
	i = setVarint(out, i+1, pos)
	i = setVarint(out, i, inserted)
	i = setVarint(out, i, uint32(len(deleted)))
	for _, u := range deleted {
		out[i], out[i+1] = byte(u), byte(u>>8)
		i += 2
	}
	p.out = out[:i]
	p.text = 0
}

// setVarint is putVarint into a slice that has room, and gives where it ends.
func setVarint(out []byte, at int, v uint32) int {
	for v >= 0x80 {
		out[at] = byte(v) | 0x80
		v >>= 7
		at++
	}
	out[at] = byte(v)
	return at + 1
}

// shortVarint reads a varint of at most four bytes; next is 0 when there is none.
func shortVarint(in []byte, at int) (v uint32, next int) {
	if at == 0 || at >= len(in) {
		return 0, 0
	}
	if b := in[at]; b < 0x80 {
		return uint32(b), at + 1
	}
	for shift := 0; shift < 28 && at < len(in); shift += 7 {
		b := in[at]
		at++
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return v, at
		}
	}
	return 0, 0
}
