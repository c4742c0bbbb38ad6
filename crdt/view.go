package crdt

// View gives the whole state as a patch from the empty document. Texts come by their length only. Entries of a map or
// record come in no particular order; whoever writes them down sorts them by key.
func (d *Doc) View() []byte {
	p := &d.patch
	p.reset()
	for i := range d.graph.sessions {
		p.session(uint32(i), &d.graph.sessions[i].id)
	}
	for i := 1; i < len(d.containers); i++ {
		p.container(d, uint32(i))
	}
	for i := range d.containers {
		c := &d.containers[i]
		switch c.kind {
		case KindMap, KindRecord:
			for at := c.state; at != none; at = d.registers[at].next {
				if r := &d.registers[at]; r.present {
					p.mapSet(r.c, d.keys.names[r.key], d.log.values[r.at:r.at+r.size])
				}
			}
		case KindText:
			if n := d.texts.texts[c.state].length; n > 0 {
				p.textLength(uint32(i), n)
			}
		case KindCounter:
			if n := d.counters[c.state]; n != 0 {
				p.counter(uint32(i), exactCount(n))
			}
		case KindList:
			at := uint32(0)
			d.eachShown(uint32(i), func(item uint32) {
				p.listInsert(d, item, at)
				at++
			})
		}
		if i > 0 && d.containers[c.parent].kind == KindRecord && c.shown {
			p.recordChild(d, uint32(i))
		}
	}
	return p.finish()
}

// eachShown visits the shown items of list c in order.
func (d *Doc) eachShown(c uint32, visit func(item uint32)) {
	l := &d.lists
	for el := l.seq.first(l.roots[d.containers[c].state]); el != none; el = l.seq.next(el) {
		if i := l.slots[el].item; l.items[i].shown && l.items[i].slot == el {
			visit(i)
		}
	}
}
