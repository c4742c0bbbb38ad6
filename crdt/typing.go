package crdt

// typing is the short way through Change for what people do most: one small insertion or deletion in a text, by the
// session that also made the operation before. It checks everything before it changes anything, so it needs no way
// back. It gives false, having changed nothing, when something is out of the ordinary; the long way then does the
// transaction or says what is wrong with it.
func (d *Doc) typing(in []byte) bool {
	const longest = 64
	if len(in) < 4 || len(in) > longest {
		return false
	}
	kind := in[0]
	c, at := shortVarint(in, 1)
	pos, at := shortVarint(in, at)
	n, at := shortVarint(in, at)
	if at == 0 || n == 0 || c >= uint32(len(d.containers)) {
		return false
	}
	row := &d.containers[c]
	g := &d.graph
	if !row.isText() || len(g.frontier) != 1 || len(g.entries) == 0 {
		return false
	}
	e := &g.entries[len(g.entries)-1]
	lv := e.end()
	t := row.state
	length := d.texts.texts[t].length
	if d.texts.texts[t].points != none {
		return false // where anchors stand matters
	}
	if e.session != d.writer.session || g.frontier[0] != lv-1 || lv > maxLV-longest || pos > length {
		return false
	}
	l := &d.log
	p := &d.patch
	run := opRun{lv: lv, n: n, c: c, pos: pos}
	switch kind {
	case cmdTextInsert:
		if len(in)-at != 2*int(n) || length > maxTextPosition/4 {
			return false
		}
		for i := at + 1; i < len(in); i += 2 {
			if in[i]&0xf8 == 0xd8 {
				return false // surrogates are for the long way
			}
		}
		from := len(l.content)
		for ; at < len(in); at += 2 {
			l.content = append(l.content, uint16(in[at])|uint16(in[at+1])<<8)
		}
		run.kind, run.ref = opTextInsert, l.base+uint32(from)
		if !d.texts.insertNear(t, pos, l.content[from:]) {
			if d.texts.splits(t, pos) {
				l.content = l.content[:from]
				return false
			}
			d.texts.insert(t, pos, l.content[from:])
		}
		p.one(c, pos, n, nil)
	case cmdTextDelete:
		if at != len(in) || n > longest || n > length-pos {
			return false
		}
		run.kind = opTextDelete
		var done bool
		if d.units, done = d.texts.removeNear(t, pos, n, d.units[:0]); !done {
			if d.texts.splits(t, pos) || d.texts.splits(t, pos+n) {
				return false
			}
			d.units = d.texts.remove(t, pos, n, d.units[:0])
		}
		p.one(c, pos, 0, d.units)
	default:
		return false
	}
	if len(l.runs) == 0 || l.runs[len(l.runs)-1].c != c || !l.runs[len(l.runs)-1].join(&run) {
		l.runs = append(l.runs, run)
	}
	d.writer.note(e.seq+Seq(e.n), e.seq+Seq(e.n+n))
	e.n += n
	g.sessions[e.session].next += Seq(n)
	g.frontier[0] = lv + LV(n) - 1
	if row.parent != 0 {
		d.revive(c)
		d.settle()
	}
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
