package crdt

import "cmp"

// The state in a file: the operations that still count, in the columns of all operations, and what does not follow from
// them alone: the texts, the sums of counters, and in which order things stand. So whatever is needed to show and edit
// a document is read without its past.

// counts reports whether an operation still counts.
func (d *Doc) counts(r *opRun) bool {
	if r.kind == opMapSet || r.kind == opMapDelete {
		i, ok := d.registerAt[registerKey(r.c, r.ref)]
		return ok && d.registers[i].lv == r.lv
	}
	return r.kind.lasts()
}

// restore makes what an operation that counts has left. Items stand nowhere yet.
func (d *Doc) restore(r *opRun) error {
	ctx := &context{linear: true} // its author had seen whatever it names, which is older
	l := &d.lists
	switch r.kind {
	case opMapSet, opMapDelete:
		if _, ok := d.registerAt[registerKey(r.c, r.ref)]; ok {
			return corrupt("two operations count for one key")
		}
		d.writeRegister(r, r.kind == opMapSet)
	case opListInsert:
		left, ok := d.leftSlot(ctx, r.c, r.pos)
		if !ok {
			return corrupt("list insertion behind an unknown slot")
		}
		at := r.at
		for k := uint32(0); k < r.n; k++ {
			fresh := item{lv: r.lv + LV(k), kind: r.sub}
			if r.sub == KindValue {
				size, _ := skipValue(d.log.values[at:])
				fresh.at, fresh.size = at, uint32(size)
				at += uint32(size)
			}
			i := d.newItem(r.c, fresh)
			left = d.newSlot(fresh.lv, i, d.containers[r.c].state, left)
			l.items[i].slot = left
		}
	case opListMove:
		i, ok := d.knownItem(ctx, r.c, r.ref)
		left, ok2 := d.leftSlot(ctx, r.c, r.pos)
		if !ok || !ok2 {
			return corrupt("move of or behind an unknown item")
		}
		el := d.newSlot(r.lv, i, d.containers[r.c].state, left)
		if d.later(r.lv, l.slots[l.items[i].slot].lv) {
			l.items[i].slot = el
		}
	case opMarkBegin, opMarkEnd, opEmbed:
		return d.addPoint(r)
	case opNodeInsert:
		row, left, ok := d.nodePlace(ctx, r)
		if !ok {
			return corrupt("node insertion at an unknown place")
		}
		i := d.newItem(r.c, item{lv: r.lv, kind: r.sub, at: r.at, size: r.size})
		l.items[i].slot = d.newSlot(r.lv, i, row, left)
	case opNodeMove:
		i, ok := d.knownItem(ctx, r.c, r.ref)
		row, left, ok2 := d.nodePlace(ctx, r)
		if !ok || !ok2 {
			return corrupt("move of an unknown node or to an unknown place")
		}
		d.newSlot(r.lv, i, row, left) // it is arranged when all slots stand
	default:
		return corrupt("operation that does not count")
	}
	return nil
}

// newSlot makes a slot that is in no sequence yet.
func (d *Doc) newSlot(lv LV, item, row, left uint32) uint32 {
	l := &d.lists
	l.slots = append(l.slots, slot{lv: lv, entry: uint32(d.graph.at(lv)), item: item, row: row, left: left, right: none})
	return uint32(len(l.slots) - 1)
}

// texts writes the texts that are not empty: how long each is, and all of them one behind the other.
func (s *saver) texts() (rows, text []byte) {
	d := s.d
	n, last := 0, uint32(0)
	for i, at := range s.containers {
		c := &d.containers[at]
		if c.isText() && d.texts.texts[c.state].length > 0 {
			d.units = d.texts.read(c.state, 0, d.texts.texts[c.state].length, d.units[:0])
			from := len(text)
			text = putUnits(text, d.units)
			rows = putVarint(putU32(rows, uint32(i)-last), uint64(len(text)-from))
			n, last = n+1, uint32(i)
		}
	}
	if n == 0 {
		return nil, nil
	}
	return append(putVarint(nil, uint64(n)), rows...), text
}

// points writes where the anchors and embeds of rich texts stand.
func (s *saver) points() []byte {
	d, p := s.d, &s.d.points
	var rows, runs, lvs []byte
	n, last, next := 0, uint32(0), LV(0)
	for i, at := range s.containers {
		c := &d.containers[at]
		if !c.isText() || d.texts.texts[c.state].points == none {
			continue
		}
		count := uint64(0)
		run := d.ahead(c.state)
		for el := p.seq.first(d.texts.texts[c.state].points); el != none; el = p.seq.next(el) {
			row := &p.rows[el]
			runs = putU32(runs, run)
			lvs = putZigzag(lvs, int64(row.lv)-int64(next))
			run, next = p.seq.weightOf(el)[inInner]-1, row.lv+1
			count++
		}
		rows = putVarint(putU32(rows, uint32(i)-last), count)
		n, last = n+1, uint32(i)
	}
	if n == 0 {
		return nil
	}
	return putBytes(putBytes(append(putVarint(nil, uint64(n)), rows...), runs), lvs)
}

// counters writes the sums that are not 0.
func (s *saver) counters() []byte {
	d := s.d
	n, last := 0, uint32(0)
	var rows []byte
	for i, at := range s.containers {
		if c := &d.containers[at]; c.kind == KindCounter && d.counters[c.state] != 0 {
			rows = putZigzag(putU32(rows, uint32(i)-last), d.counters[c.state])
			n, last = n+1, uint32(i)
		}
	}
	if n == 0 {
		return nil
	}
	return append(putVarint(nil, uint64(n)), rows...)
}

// lasts writes each session's last operation on each container, but for those that count.
func (s *saver) lasts() []byte {
	d, g := s.d, &s.d.graph
	type key struct{ session, c uint32 }
	newest := make(map[key]LV)
	for _, o := range d.past.last {
		session, _ := g.id(o.lv)
		newest[key{session, o.c}] = o.lv
	}
	var at key
	e, lv := 0, LV(none)
	for i := range d.log.runs {
		r := &d.log.runs[i]
		for g.entries[e].end() <= r.lv {
			e++
		}
		if k := (key{g.entries[e].session, r.c}); k != at && lv != LV(none) {
			newest[at] = max(newest[at], lv)
		}
		at, lv = key{g.entries[e].session, r.c}, r.end()-1
	}
	if lv != LV(none) {
		newest[at] = max(newest[at], lv)
	}
	rows := make([]lastOperation, 0, len(newest))
	for k, lv := range newest {
		if i := d.log.at(lv); i < len(d.log.runs) && d.log.runs[i].lv <= lv && lv < d.log.runs[i].end() && d.counts(&d.log.runs[i]) {
			continue
		}
		rows = append(rows, lastOperation{lv, s.index[k.c]})
	}
	if len(rows) == 0 {
		return nil
	}
	sortFunc(rows, func(a, b lastOperation) int { return cmp.Compare(a.lv, b.lv) })
	out := putVarint(nil, uint64(len(rows)))
	next, c := LV(0), uint32(0)
	for _, o := range rows {
		out = putZigzag(putU32(out, uint32(o.lv-next)), int64(o.c)-int64(c))
		next, c = o.lv+1, o.c
	}
	return out
}
