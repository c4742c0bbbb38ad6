package crdt

import "cmp"

// Digest is a name for the state: replicas with the same operations have the same digest, and different states have
// different ones but for accidents. It is no protection against somebody who wants two states with one digest.
//
// It covers what a reader could see, in an order every replica agrees on: keys by their bytes, list items and tree
// nodes in order with their names, hidden entries not at all. It costs with the size of the state.
func (d *Doc) Digest() [16]byte {
	h := hash{a: 0x9e3779b97f4a7c15, b: 0xc2b2ae3d27d4eb4f}
	kids := d.shownKids()
	// A stack of containers still to go into, the next one last. An entry's mark comes before its contents.
	stack := []uint32{0}
	for len(stack) > 0 {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		row := &d.containers[c]
		h.number(uint64(row.kind)<<8 | uint64(row.depth))
		if c > 0 && !d.containers[row.parent].holdsItems() {
			h.bytes([]byte(d.keys.names[row.name]))
		}
		switch row.kind {
		case KindMap, KindRecord:
			d.hashRegisters(&h, row)
			h.number(uint64(len(kids[c])))
			stack = append(stack, kids[c]...)
		case KindText:
			d.units = d.texts.read(row.state, 0, d.texts.texts[row.state].length, d.units[:0])
			h.number(uint64(len(d.units)))
			for _, u := range d.units {
				h.number(uint64(u))
			}
		case KindRichText:
			d.eachStretch(row.state, 0, d.texts.texts[row.state].length, func(s *stretch) bool {
				h.bytes(d.putStretch(nil, row.state, s))
				return true
			})
			h.number(none64)
		case KindCounter:
			h.number(uint64(d.counters[row.state]))
		case KindList, KindTree:
			from := len(stack)
			d.lists.eachShown(row.state, func(i, _ uint32, level int) {
				it := &d.lists.items[i]
				if row.kind == KindTree {
					h.number(uint64(level))
				}
				session, seq := d.graph.id(it.lv)
				h.bytes(d.graph.sessions[session].id[:])
				h.number(uint64(seq)<<8 | uint64(it.kind))
				if it.kind == KindValue {
					h.bytes(d.log.values[it.at : it.at+it.size])
				} else {
					stack = append(stack, it.child)
				}
			})
			for i, j := from, len(stack)-1; i < j; i, j = i+1, j-1 {
				stack[i], stack[j] = stack[j], stack[i]
			}
			h.number(none64)
		}
	}
	return h.sum()
}

const none64 = ^uint64(0)

// shownKids lists, per map or record, its children to hash, last first: by key and kind, without those a record hides
// and without those that hold nothing, which some replicas have not made.
func (d *Doc) shownKids() [][]uint32 {
	kids := make([][]uint32, len(d.containers))
	full := make([]bool, len(d.containers))
	for i := len(d.containers) - 1; i > 0; i-- { // children before parents
		c := &d.containers[i]
		parent := d.containers[c.parent].kind
		if d.containers[c.parent].holdsItems() || !full[i] && !d.holds(c) && parent != KindRecord || parent == KindRecord && !c.shown {
			continue
		}
		full[c.parent] = true
		kids[c.parent] = append(kids[c.parent], uint32(i))
	}
	for i := range kids {
		sortFunc(kids[i], func(a, b uint32) int {
			x, y := &d.containers[a], &d.containers[b]
			if x.name != y.name {
				return cmp.Compare(d.keys.names[y.name], d.keys.names[x.name])
			}
			return cmp.Compare(y.kind, x.kind)
		})
	}
	return kids
}

// holds reports whether c itself, its children aside, differs from one just made.
func (d *Doc) holds(c *container) bool {
	switch c.kind {
	case KindText, KindRichText:
		return d.texts.texts[c.state].length > 0
	case KindCounter:
		return d.counters[c.state] != 0
	case KindList, KindTree:
		return d.lists.width(c.state) > 0
	}
	for at := c.state; at != none; at = d.registers[at].next {
		if d.registers[at].present {
			return true
		}
	}
	return false
}

func (d *Doc) hashRegisters(h *hash, c *container) {
	var present []uint32
	for at := c.state; at != none; at = d.registers[at].next {
		if d.registers[at].present {
			present = append(present, at)
		}
	}
	sortFunc(present, func(a, b uint32) int {
		return cmp.Compare(d.keys.names[d.registers[a].key], d.keys.names[d.registers[b].key])
	})
	h.number(uint64(len(present)))
	for _, at := range present {
		r := &d.registers[at]
		h.bytes([]byte(d.keys.names[r.key]))
		h.bytes(d.log.values[r.at : r.at+r.size])
	}
}

// hash mixes words into two lanes of 64 bits; the constants are large odd numbers without structure.
type hash struct{ a, b uint64 }

func (h *hash) number(v uint64) {
	h.a = (h.a ^ v) * 0xff51afd7ed558ccd
	h.a ^= h.a >> 32
	h.b = (h.b+v)*0xc4ceb9fe1a85ec53 ^ h.a
	h.b = h.b<<23 | h.b>>41
}

func (h *hash) bytes(b []byte) {
	h.number(uint64(len(b)))
	for len(b) > 0 {
		var v uint64
		n := min(8, len(b))
		for i := n - 1; i >= 0; i-- {
			v = v<<8 | uint64(b[i])
		}
		h.number(v)
		b = b[n:]
	}
}

func (h *hash) sum() (out [16]byte) {
	h.number(0)
	h.number(1)
	for i := range 8 {
		out[i] = byte(h.a >> (8 * i))
		out[8+i] = byte(h.b >> (8 * i))
	}
	return out
}
