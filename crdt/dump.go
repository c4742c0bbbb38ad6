package crdt

// Dump prints every structure, for people and for tests that compare documents. Equal dumps mean equal documents.
func (d *Doc) Dump() []byte {
	_ = d.recall()
	w := dumper{}
	g := &d.graph
	for i := range g.sessions {
		w.line("session ", uint64(i), " next ", uint64(g.sessions[i].next)).hex(g.sessions[i].id[:])
	}
	for i := range g.entries {
		e := &g.entries[i]
		w.line("entry lv ", uint64(e.lv), " n ", uint64(e.n), " session ", uint64(e.session), " seq ", uint64(e.seq),
			" lamport ", uint64(e.lamport), " parents")
		w.lvs(g.parentsOf(e))
	}
	w.line("frontier")
	w.lvs(g.frontier)
	for i := range d.log.runs {
		r := &d.log.runs[i]
		w.line("run lv ", uint64(r.lv), " n ", uint64(r.n), " ", opNames[r.kind], " in ", uint64(r.c), " pos ", int32(r.pos),
			" ref ", uint64(r.ref), " sub ", uint64(r.sub))
		switch r.kind {
		case opTextInsert:
			w.text(" ", string(putUnits(nil, d.log.units(r.ref, r.n))))
		case opMapSet, opListInsert, opNodeInsert, opMarkBegin, opEmbed:
			w.hex(d.log.values[r.at : r.at+r.size])
		case opCounterAdd:
			w.text(" ", decimal(r.amount()))
		}
	}
	for i := range d.keys.names {
		w.line("key ", uint64(i), " ").text(d.keys.names[i])
	}
	d.dumpState(&w)
	w.line("writer session ", int32(d.writer.session), " drained ", uint64(d.writer.drained))
	for _, s := range d.held.sessions {
		for _, u := range s.parts.updates {
			w.line("part").hex(s.id[:]).hex(u)
		}
		for _, u := range s.updates {
			w.line("held").hex(s.id[:]).hex(u.bytes)
		}
	}
	return append(w.out, '\n')
}

var opNames = [opKindEnd]string{
	"text insert", "text delete", "text erase", "text nothing",
	"mark begin", "mark end", "embed", "map set", "map delete", "record put", "counter add",
	"list insert", "item delete", "list move", "node insert", "node move",
}

func (d *Doc) dumpState(w *dumper) {
	for i := range d.containers {
		c := &d.containers[i]
		w.line("container ", uint64(i), " in ", int32(c.parent), " name ", int32(c.name), " kind ", uint64(c.kind),
			" depth ", uint64(c.depth), " sent ", uint64(c.sent))
		if c.shown {
			w.text(" shown")
		}
		switch c.kind {
		case KindText, KindRichText:
			d.units = d.texts.read(c.state, 0, d.texts.texts[c.state].length, d.units[:0])
			w.text(" ", string(putUnits(nil, d.units)))
			d.dumpPoints(w, c.state)
		case KindCounter:
			w.text(" ", decimal(d.counters[c.state]))
		case KindList, KindTree:
			w.text(" row ", decimal(int64(c.state)))
		default:
			for at := c.state; at != none; at = d.registers[at].next {
				r := &d.registers[at]
				w.line("  register ", uint64(r.key), " lv ", uint64(r.lv), " lamport ", uint64(r.lamport), " session ", uint64(r.session))
				if r.present {
					w.hex(d.log.values[r.at : r.at+r.size])
				}
			}
		}
	}
	l := &d.lists
	for i := range l.rows {
		w.line("row ", uint64(i), " of ", int32(l.rows[i].node), " kids ", uint64(l.rows[i].kids))
		for el := l.seq.first(l.rows[i].root); el != none; el = l.seq.next(el) {
			s := &l.slots[el]
			w.line("  slot ", uint64(el), " lv ", uint64(s.lv), " item ", uint64(s.item), " left ", int32(s.left), " right ", int32(s.right))
		}
	}
	for i := range l.moves {
		w.line("move ", uint64(l.moves[i].slot), " was ", uint64(l.moves[i].was))
	}
	for i := range l.items {
		it := &l.items[i]
		w.line("item ", uint64(i), " lv ", uint64(it.lv), " list ", uint64(it.list), " kind ", uint64(it.kind),
			" slot ", uint64(it.slot), " child ", int32(it.child), " row ", int32(it.row))
		if it.alive {
			w.text(" alive")
		}
		if it.kind == KindValue {
			w.hex(d.log.values[it.at : it.at+it.size])
		}
	}
}

func (d *Doc) dumpPoints(w *dumper, t uint32) {
	p := &d.points
	for el := p.after(none, d.texts.texts[t].points); el != none; el = p.seq.next(el) {
		row := &p.rows[el]
		w.line("  point ", uint64(el), " lv ", uint64(row.lv), " ", opNames[row.kind], " at ", uint64(d.viewOf(t, el)),
			" inner ", uint64(d.innerOf(t, el)), " other ", int32(row.other), " flags ", uint64(row.flags))
		if row.kind == opMarkBegin {
			w.text(" ", d.keys.names[row.key])
		}
		w.hex(d.log.values[row.at : row.at+row.size])
	}
}

// dumper writes lines without package fmt.
type dumper struct{ out []byte }

// line starts a line of strings and numbers.
func (w *dumper) line(parts ...any) *dumper {
	if len(w.out) > 0 {
		w.out = append(w.out, '\n')
	}
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			w.out = append(w.out, v...)
		case uint64:
			w.out = append(w.out, decimal(int64(v))...)
		case int32: // an index, where -1 is none
			w.out = append(w.out, decimal(int64(v))...)
		}
	}
	return w
}

func (w *dumper) text(parts ...string) *dumper {
	for _, p := range parts {
		w.out = append(w.out, p...)
	}
	return w
}

func (w *dumper) hex(b []byte) *dumper {
	const digits = "0123456789abcdef"
	w.out = append(w.out, ' ')
	for _, x := range b {
		w.out = append(w.out, digits[x>>4], digits[x&15])
	}
	return w
}

func (w *dumper) lvs(set []LV) {
	for _, lv := range set {
		w.text(" ", decimal(int64(lv)))
	}
}

func decimal(v int64) string {
	var buf [20]byte
	at := len(buf)
	negative := v < 0
	for u := uint64(max(v, -v)); ; u /= 10 {
		at--
		buf[at] = '0' + byte(u%10)
		if u < 10 {
			break
		}
	}
	if negative {
		at--
		buf[at] = '-'
	}
	return string(buf[at:])
}
