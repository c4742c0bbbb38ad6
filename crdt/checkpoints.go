package crdt

// checkPoints verifies the anchors and embeds of rich texts.
func (d *Doc) checkPoints() string {
	p := &d.points
	next := 0
	for i := range d.log.runs {
		if r := &d.log.runs[i]; r.kind.isPoint() {
			if next == len(p.rows) || p.rows[next].lv != r.lv || p.rows[next].kind != r.kind ||
				r.lv >= d.past.from && d.log.units(r.ref, 1)[0] != objectUnit {
				return "points are not those of the operations"
			}
			next++
		}
	}
	placed := 0
	for i := range p.rows {
		row := &p.rows[i]
		if row.placed {
			placed++
		}
		switch session, seq := d.graph.id(row.lv); row.kind {
		case opMarkBegin:
			if row.other != none && p.rows[row.other].other != uint32(i) || row.session != session || row.lamport != d.graph.lamport(row.lv) {
				return "mark does not know its end or its time"
			}
		case opMarkEnd:
			begin := &p.rows[row.other]
			if s, q := d.graph.id(begin.lv); begin.other != uint32(i) || begin.flags != row.flags || s != session || q+1 != seq {
				return "end of a mark that is not its own"
			}
		}
	}
	if next != len(p.rows) {
		return "points that no operation made"
	}
	for i := range d.containers {
		if c := &d.containers[i]; c.isText() {
			n, broken := d.checkPointsOf(uint32(i), c.state)
			if broken != "" {
				return broken
			}
			placed -= n
		}
	}
	if placed != 0 {
		return "points are lost"
	}
	return ""
}

// checkPointsOf verifies the points of text container c and counts them.
func (d *Doc) checkPointsOf(c, t uint32) (n int, broken string) {
	p := &d.points
	text := &d.texts.texts[t]
	if text.points == none {
		return 0, ""
	}
	if d.containers[c].kind != KindRichText {
		return 0, "points in a plain text"
	}
	if broken := p.seq.check(text.points); broken != "" {
		return 0, broken
	}
	pos := d.ahead(t)
	if pos > text.length {
		return 0, "points show more than the text has"
	}
	for el := p.seq.first(text.points); el != none; el = p.seq.next(el) {
		row, w := &p.rows[el], p.seq.weightOf(el)
		switch {
		case !row.placed || d.log.runs[d.log.at(row.lv)].c != c:
			return 0, "point in a strange text"
		case w != row.weight(w[inInner]-1):
			return 0, "point does not weigh what it is"
		case row.kind == opEmbed && d.texts.unit(t, pos) != objectUnit:
			return 0, "embed is not in its text"
		}
		pos += w[inView]
		n++
	}
	return n, ""
}
