package crdt

// checkTracker verifies what the tracker knows against the graph and the log.
func (d *Doc) checkTracker() string {
	t := &d.tracker
	if !t.live {
		return ""
	}
	spans := 0
	for _, root := range t.roots {
		if broken := t.seq.check(root); broken != "" {
			return broken
		}
		for i := t.seq.first(root); i != none; i = t.seq.next(i) {
			s := &t.spans[i]
			if s.n == 0 || t.seq.weightOf(i) != s.weight() {
				return "span does not weigh what it shows"
			}
			if s.unit < baseUnit && (t.at[s.unit-t.low] != i || t.begins[(s.unit-t.low)>>6]>>((s.unit-t.low)&63)&1 == 0) {
				return "span is not found by its unit"
			}
			if s.unit < baseUnit && (s.entry != uint32(d.graph.at(s.lv)) || s.entry != uint32(d.graph.at(s.lv+LV(s.n)-1))) {
				return "span names another entry of the graph"
			}
			spans++
		}
	}
	if spans != len(t.spans) {
		return "spans are lost"
	}
	for v := range t.ready {
		if broken := d.checkPrepared(v); broken != "" {
			return broken
		}
	}
	return ""
}

// checkPrepared verifies the states of spans in prepared version v: what its history inserted and deleted.
func (d *Doc) checkPrepared(v int) string {
	t := &d.tracker
	history, _ := d.graph.diff(t.ready[v].heads, nil, nil, nil)
	type place struct{ c, unit uint32 }
	times := make(map[place]uint32) // how often the history deleted what anybody deleted
	for i := range t.deleted {
		del := &t.deleted[i]
		c := d.log.runs[d.log.at(del.lv)].c
		for k := range del.n {
			unit := place{c, del.unit + k}
			if del.down {
				unit.unit = del.unit + del.n - 1 - k
			}
			n := times[unit]
			if inRanges(history, del.lv+LV(k)) {
				n++
			}
			times[unit] = n
		}
	}
	inserted := func(s *span, k uint32) uint32 {
		if s.unit >= baseUnit || inRanges(history, s.lv+LV(k)) {
			return 1
		}
		return 0
	}
	gone := 0
	for i := range t.spans {
		s := &t.spans[i]
		if s.gone {
			gone += int(s.n)
		} else if s.state[v] != inserted(s, 0) {
			return "span is in another state than its history says"
		}
		if inserted(s, 0) != inserted(s, s.n-1) {
			return "span is half inserted"
		}
	}
	for unit, n := range times {
		i, off := t.spanOf(unit.c, unit.unit)
		if s := &t.spans[i]; !s.gone || s.state[v] != inserted(s, off)+n {
			return "deleted unit is in another state than its history says"
		}
	}
	if gone != len(times) {
		return "more is gone than was deleted"
	}
	return ""
}

// checkKnowledge verifies what is kept about versions.
func (d *Doc) checkKnowledge() string {
	k, g := &d.knowledge, &d.graph
	for v := range k.ready {
		until := make([]Seq, len(g.sessions))
		history, _ := g.diff(k.ready[v].heads, nil, nil, nil)
		for _, r := range history {
			g.eachEntry(r, func(e *entry, _, to Seq) { until[e.session] = max(until[e.session], to) })
		}
		for s, n := range until {
			if s < len(k.until[v]) && k.until[v][s] != n || s >= len(k.until[v]) && n > 0 {
				return "version does not know what its history is"
			}
		}
	}
	return ""
}

// checkTouched verifies that entries know until when something was done to them.
func (d *Doc) checkTouched() string {
	for k := range d.log.runs {
		r := &d.log.runs[k]
		entry, ok := uint32(0), false
		switch r.kind {
		case opListMove, opNodeMove:
			if entry, ok = d.lists.findItem(LV(r.ref)); ok && d.lists.items[entry].touched < r.end() {
				return "item was moved later than it knows"
			}
		case opRecordPut:
			if entry, ok = d.children[childKey{r.c, r.ref, r.sub}]; ok && d.containers[entry].touched < r.end() {
				return "child was put later than it knows"
			}
		}
		for c := r.c; c != 0; c = d.containers[c].parent {
			row := &d.containers[c]
			switch d.containers[row.parent].kind {
			case KindList, KindTree:
				if d.lists.items[row.name].touched < r.end() {
					return "something was done in an item later than it knows"
				}
			case KindRecord:
				if row.touched < r.end() {
					return "something was done in a child later than it knows"
				}
			}
		}
	}
	return ""
}
