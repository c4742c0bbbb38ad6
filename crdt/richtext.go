package crdt

// Editing a rich text: where the operations of a command go, by the rules of docs/TYPES.md. All of it is a matter of
// whoever edits; other replicas only see the inner positions that come out.

// commandRich does the commands of rich texts: mark and embed.
func (d *Doc) commandRich(r *reader, c uint32, kind byte) error {
	pos := r.u32(maxTextPosition)
	if r.bad || d.containers[c].kind != KindRichText {
		return invalid("not a rich text, or a torn command")
	}
	t := d.containers[c].state
	length := d.texts.texts[t].length
	if pos > length || d.texts.splits(t, pos) {
		return invalid("text position outside the text or inside a character")
	}
	if kind == cmdMark {
		return d.commandMark(r, c, pos)
	}
	value, err := d.commandValue(r)
	if err != nil {
		return err
	}
	if length+1 > maxTextPosition/2 {
		return tooLarge("text too long")
	}
	return d.writePoint(opRun{c: c, kind: opEmbed, pos: d.innerGap(t, pos)}, nil, value)
}

func (d *Doc) commandMark(r *reader, c, from uint32) error {
	t := d.containers[c].state
	n, flags := r.u32(maxTextPosition), r.byte()
	key := r.bytes(MaxKeyBytes)
	to := from + n
	if r.bad || flags >= flagsEnd || !validKey(key) {
		return invalid("mark with unknown flags, or with a key that is not UTF-8, is too long or torn")
	}
	if n == 0 || to > d.texts.texts[t].length || d.texts.splits(t, to) {
		return invalid("mark over nothing, beyond the text or through a character")
	}
	if flags&ofBlock != 0 && (n > 1 || d.texts.unit(t, from) != '\n') {
		return invalid("block attribute on something else than one newline")
	}
	value, err := d.commandValue(r)
	if err != nil {
		return err
	}
	begin, end := d.innerUnit(t, from), d.innerUnit(t, to)
	if flags&growsAtStart != 0 {
		begin = d.innerBehind(t, from)
	}
	if flags&growsAtEnd == 0 {
		end = d.innerBehind(t, to)
	}
	if err := d.writePoint(opRun{c: c, kind: opMarkBegin, sub: Kind(flags), pos: begin}, key, value); err != nil {
		return err
	}
	return d.writePoint(opRun{c: c, kind: opMarkEnd, pos: end + 1}, nil, nil)
}

// writePoint writes an operation that inserts a point.
func (d *Doc) writePoint(r opRun, key, value []byte) error {
	l := &d.log
	r.n, r.ref, r.at = 1, l.nextUnit(), uint32(len(l.values))
	l.content = append(l.content, objectUnit)
	if r.kind == opMarkBegin {
		l.values = putStr(l.values, key)
	}
	l.values = append(l.values, value...)
	r.size = uint32(len(l.values)) - r.at
	return d.write(r)
}

// innerBehind gives the inner position directly behind the unit that is shown in front of pos.
func (d *Doc) innerBehind(t, pos uint32) uint32 {
	if pos == 0 {
		return 0
	}
	return d.innerUnit(t, pos-1) + 1
}

// innerGap gives the inner position at which what is typed at pos goes: directly behind the last anchor there that
// leans to the front, else in front of all.
func (d *Doc) innerGap(t, pos uint32) uint32 {
	start := d.innerBehind(t, pos)
	end := d.innerUnit(t, pos)
	if start == end {
		return start
	}
	p := &d.points
	root := d.texts.texts[t].points
	first, _, _ := d.gap(t, start)
	last, _, _ := d.gap(t, end)
	from := uint32(0)
	if first != none {
		from = p.seq.before(first, inFront) + p.seq.weightOf(first)[inFront]
	}
	to := p.seq.before(last, inFront) + p.seq.weightOf(last)[inFront]
	for ; to > from; to-- {
		el, _ := p.seq.find(root, inFront, to-1)
		// Marks with both anchors here are empty; what is typed is not to fill them.
		if other := p.rows[el].other; other == none || !p.rows[other].placed ||
			p.seq.before(el, inView) != p.seq.before(other, inView) {
			return d.innerOf(t, el) + 1
		}
	}
	return start
}

// writeDeletion writes the deletion of n units of the view: one run for what no anchor interrupts.
func (d *Doc) writeDeletion(c, pos, n uint32) error {
	t := d.containers[c].state
	for n > 0 {
		inner := d.innerUnit(t, pos)
		el, _, rest := d.gap(t, inner)
		k := rest
		for k < n { // on through the embeds behind
			el = d.points.after(el, d.texts.texts[t].points)
			if el == none || d.points.rows[el].kind != opEmbed {
				break
			}
			k += d.points.seq.weightOf(el)[inView]
		}
		k = min(k, n)
		if err := d.write(opRun{n: k, c: c, kind: opTextDelete, pos: inner}); err != nil {
			return err
		}
		n -= k
	}
	return nil
}
