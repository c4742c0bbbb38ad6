package crdt

// points are what a rich text holds besides characters: the anchors of marks and the embeds. Each is one unit of the
// text's insertion order, so the tracker orders it as it orders characters. An embed is shown as one unit, objectUnit;
// an anchor has no width.
//
// So a rich text has two kinds of positions. Inner ones count everything and stand in operations; those of the view
// count what is shown and stand in commands and patches. The tree of a text's points turns one into the other: a point
// weighs the units shown from it up to the next point, and the inner ones. What stands in front of the first point
// is in no tree, so a text without points, as every plain one is, costs nothing.
type points struct {
	seq  sequence
	rows []point // in order of local version
}

// point is an anchor or an embed.
type point struct {
	lv   LV
	kind opKind // opMarkBegin, opMarkEnd or opEmbed
	// placed: it stands in its text. A deleted one does not.
	placed bool
	flags  byte   // of the mark
	other  uint32 // the mark's other anchor, none while it is not here
	// The rest is for a begin, which stands for its mark, and, at and size alone, for an embed.
	key              uint32
	lamport, session uint32
	at, size         uint32 // value
}

// Measures of the sequence.
const (
	inView  = 0 // units shown: the embed itself and what stands behind the point
	inInner = 1 // the point itself and what stands behind it
	inFront = 2 // 1 for an anchor that leans to the front
)

// objectUnit stands for an embed in the text, and for every point in the log's content.
const objectUnit = 0xfffc

// Flags of a mark.
const (
	growsAtStart = 1
	growsAtEnd   = 2
	ofBlock      = 4
	flagsEnd     = 5 // a block attribute does not grow
)

// width is how many units of the view the point is.
func (p *point) width() uint32 {
	if p.kind == opEmbed {
		return 1
	}
	return 0
}

// An anchor leans to the side on which the character stands that it is said of: to the front, so that what is typed
// beside it comes behind it, or to the back.
const (
	leansFront = -1
	leansBack  = 1
)

// leans tells where what an operation inserts leans; flags are those of its mark. Characters and embeds do not lean.
func (k opKind) leans(flags byte) int8 {
	if k == opMarkBegin && flags&growsAtStart != 0 || k == opMarkEnd && flags&growsAtEnd == 0 {
		return leansFront
	}
	if k == opMarkBegin || k == opMarkEnd {
		return leansBack
	}
	return 0
}

// weight is that of a point with so many characters behind it.
func (p *point) weight(run uint32) weight {
	w := weight{run + p.width(), run + 1}
	if p.kind.leans(p.flags) == leansFront {
		w[inFront] = 1
	}
	return w
}

// find gives the index of the point that lv made.
func (p *points) find(lv LV) (uint32, bool) {
	lo, hi := 0, len(p.rows)
	if hi > 0 && p.rows[hi-1].lv < lv {
		return 0, false
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if p.rows[mid].lv < lv {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return uint32(lo), lo < len(p.rows) && p.rows[lo].lv == lv
}

// after gives the point behind el in the tree root, the first one behind none.
func (p *points) after(el, root uint32) uint32 {
	if el == none {
		return p.seq.first(root)
	}
	return p.seq.next(el)
}

// covers reports whether el is the begin of a mark that may cover something.
func (p *points) covers(el uint32) bool {
	b := &p.rows[el]
	return b.kind == opMarkBegin && b.placed && b.other != none && p.rows[b.other].placed && p.seq.less(el, b.other)
}

// ahead counts the characters in front of a text's first point.
func (d *Doc) ahead(t uint32) uint32 {
	row := &d.texts.texts[t]
	if row.points == none {
		return row.length
	}
	return row.length - d.points.seq.total(row.points, inView)
}

// innerLength is the length of a text with its anchors.
func (d *Doc) innerLength(t uint32) uint32 {
	row := &d.texts.texts[t]
	if row.points == none {
		return row.length
	}
	seq := &d.points.seq
	return row.length - seq.total(row.points, inView) + seq.total(row.points, inInner)
}

// viewOf gives the position in the view of point el of text t: how many units are shown in front of it.
func (d *Doc) viewOf(t, el uint32) uint32 { return d.ahead(t) + d.points.seq.before(el, inView) }

// innerOf gives the inner position of point el of text t.
func (d *Doc) innerOf(t, el uint32) uint32 { return d.ahead(t) + d.points.seq.before(el, inInner) }

// innerUnit gives the inner position of the unit that is shown at pos; at the end of the text that of what would follow.
func (d *Doc) innerUnit(t, pos uint32) uint32 {
	ahead := d.ahead(t)
	if pos < ahead {
		return pos
	}
	p := &d.points
	el, off := p.seq.find(d.texts.texts[t].points, inView, pos-ahead)
	if el == none {
		return d.innerLength(t)
	}
	return ahead + p.seq.before(el, inInner) + 1 - p.rows[el].width() + off
}

// gap finds the place in front of inner unit pos: the point it stands behind (none: in front of all), the position in the
// view, and how many characters follow up to the next point.
func (d *Doc) gap(t, pos uint32) (el, view, rest uint32) {
	ahead := d.ahead(t)
	if pos <= ahead {
		return none, pos, ahead - pos
	}
	p := &d.points
	el, off := p.seq.find(d.texts.texts[t].points, inInner, pos-1-ahead)
	before := ahead + p.seq.before(el, inView)
	return el, before + p.rows[el].width() + off, p.seq.weightOf(el)[inInner] - 1 - off
}

// widen makes n more characters stand behind point el, if there is one; n may be negative in two's complement.
func (d *Doc) widen(el, n uint32) {
	if el != none && n != 0 {
		d.points.seq.add(el, weight{n, n})
	}
}

// widenBy is widen that can be taken back.
func (d *Doc) widenBy(el, n uint32) {
	if el != none {
		d.widen(el, n)
		d.undo.add(undoRecord{kind: undoWidth, a: el, b: n})
	}
}

// addPoint makes the row of a point, which nobody has placed yet, and gives the run of an end the flags of its mark.
func (d *Doc) addPoint(r *opRun) error {
	p := &d.points
	row := point{lv: r.lv, kind: r.kind, other: none, at: r.at, size: r.size}
	el := uint32(len(p.rows))
	session, seq := d.graph.id(r.lv)
	switch r.kind {
	case opMarkBegin:
		row.flags, row.session, row.lamport = byte(r.sub), session, d.graph.lamport(r.lv)
		in := reader{in: d.log.values[r.at : r.at+r.size]}
		row.key = d.keys.intern(in.str())
		row.at, row.size = r.at+uint32(in.at), r.size-uint32(in.at)
	case opMarkEnd:
		row.other = none
		if seq > 0 {
			lv, _ := d.graph.find(session, seq-1)
			if i, ok := p.find(lv); ok && p.rows[i].kind == opMarkBegin && d.log.runs[d.log.at(lv)].c == r.c {
				row.other, row.flags = i, p.rows[i].flags
				r.sub = Kind(row.flags)
			}
		}
		if row.other == none {
			return corrupt("mark ends that does not begin in the operation before")
		}
		p.rows[row.other].other = el
	}
	p.rows = append(p.rows, row)
	d.undo.add(undoRecord{kind: undoNewPoint})
	return nil
}

// dropPoint takes back the newest row.
func (d *Doc) dropPoint() {
	p := &d.points
	el := len(p.rows) - 1
	if row := &p.rows[el]; row.kind == opMarkEnd {
		p.rows[row.other].other = none
	}
	p.rows = p.rows[:el]
}

// place makes el stand behind prev so that the last rest characters there are behind el.
func (d *Doc) place(t, el, prev, rest uint32) {
	p := &d.points
	d.widen(prev, -rest)
	text := &d.texts.texts[t]
	text.points = p.seq.insertAfter(text.points, prev, el, p.rows[el].weight(rest))
	p.rows[el].placed = true
}

// unplace takes el out; the characters behind it then stand behind prev.
func (d *Doc) unplace(t, el, prev, rest uint32) {
	p := &d.points
	text := &d.texts.texts[t]
	text.points = p.seq.remove(text.points, el)
	p.rows[el].placed = false
	d.widen(prev, rest)
}

// splicePoint puts the newest point into text container c in front of inner unit pos.
func (d *Doc) splicePoint(c, pos uint32) {
	p := &d.points
	t := d.containers[c].state
	el := uint32(len(p.rows) - 1)
	prev, view, rest := d.gap(t, pos)
	d.place(t, el, prev, rest)
	d.undo.add(undoRecord{kind: undoPlaced, a: t, b: el, c: prev, d: rest})
	switch row := &p.rows[el]; row.kind {
	case opEmbed:
		d.units = append(d.units[:0], objectUnit)
		d.texts.insert(t, view, d.units)
		d.undo.add(undoRecord{kind: undoText, a: t, c: 1, d: view})
		d.patch.splice(c, view, 1, nil)
	case opMarkEnd:
		d.remarked(c, row.other)
	}
}

// removePoint takes point el out of text container c.
func (d *Doc) removePoint(c, el uint32) {
	p := &d.points
	t := d.containers[c].state
	prev, rest := p.seq.prev(el), p.seq.weightOf(el)[inInner]-1
	switch row := &p.rows[el]; {
	case row.kind == opEmbed:
		d.cutUnits(c, d.viewOf(t, el), 1)
	case row.kind == opMarkBegin:
		d.remarked(c, el)
	default:
		d.remarked(c, row.other)
	}
	d.unplace(t, el, prev, rest)
	d.undo.add(undoRecord{kind: undoRemoved, a: t, b: el, c: prev, d: rest})
}

// remarked reports that the mark that begins with el covers other units than before, or is about to.
func (d *Doc) remarked(c, el uint32) {
	if p := &d.points; p.covers(el) && !d.patch.off {
		t := d.containers[c].state
		if from, to := d.viewOf(t, el), d.viewOf(t, p.rows[el].other); from < to {
			d.patch.marks(c, from, to)
		}
	}
}
