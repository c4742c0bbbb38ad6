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
		case KindText, KindRichText:
			if n := d.texts.texts[c.state].length; n > 0 {
				p.textLength(uint32(i), n)
			}
		case KindCounter:
			if n := d.counters[c.state]; n != 0 {
				p.counter(uint32(i), exactCount(n))
			}
		case KindList:
			d.lists.eachShown(c.state, func(item, at uint32, _ int) { p.listInsert(d, item, at) })
		case KindTree:
			d.lists.eachShown(c.state, func(item, at uint32, _ int) { p.nodeInsert(d, item, at) })
		}
		if i > 0 && d.containers[c.parent].kind == KindRecord && c.shown {
			p.recordChild(d, uint32(i))
		}
	}
	return p.finish()
}
