package model

import (
	"maps"
	"slices"
)

// Flags of marks.
const (
	GrowStart = 1
	GrowEnd   = 2
	Block     = 4
)

// leans tells to which side an anchor leans: -1 to the front, 1 to the back. Nothing else leans.
func (o *op) leans() int {
	switch {
	case o.action == markBegin && o.flags&GrowStart != 0, o.action == markEnd && o.target.flags&GrowEnd == 0:
		return -1
	case o.action == markBegin, o.action == markEnd:
		return 1
	}
	return 0
}

// inner lists what a text consists of: units, embeds and anchors that are not deleted.
func (m *Model) inner(o *Object, v Version) []*spot {
	deleted := map[*op]bool{}
	for _, d := range m.ops {
		if d.action == deleteUnit && v.Has(d.id) {
			deleted[d.target] = true
		}
	}
	return slices.DeleteFunc(m.row(o, nil).known(v), func(s *spot) bool { return deleted[s.op] })
}

// wide reports whether a spot of a text is one unit wide: a character or an embed, no anchor.
func (s *spot) wide() bool { return s.op.action == insertUnit || s.op.action == insertEmbed }

// shown lists the units and embeds of a text.
func (m *Model) shown(o *Object, v Version) []*spot {
	return slices.DeleteFunc(m.inner(o, v), func(s *spot) bool { return !s.wide() })
}

// Units gives what a text shows as UTF-16; an embed is U+FFFC.
func (m *Model) Units(o *Object, v Version) []uint16 {
	var out []uint16
	for _, s := range m.shown(o, v) {
		if s.op.action == insertEmbed {
			out = append(out, 0xfffc)
		} else {
			out = append(out, s.op.unit)
		}
	}
	return out
}

// Span is part of a rich text: units, or one embed.
type Span struct {
	Units []uint16
	Embed []byte // a value, for an embed
	Marks map[string]string
}

// Spans gives what a rich text shows.
func (m *Model) Spans(o *Object, v Version) []Span {
	var out []Span
	inner := m.inner(o, v)
	all := marks(inner)
	for i, s := range inner {
		if !s.wide() {
			continue
		}
		marks := all.at(i)
		if s.op.action == insertEmbed {
			out = append(out, Span{Embed: []byte(s.op.value), Marks: marks})
			continue
		}
		if n := len(out); n > 0 && out[n-1].Embed == nil && maps.Equal(out[n-1].Marks, marks) {
			out[n-1].Units = append(out[n-1].Units, s.op.unit)
		} else {
			out = append(out, Span{Units: []uint16{s.op.unit}, Marks: marks})
		}
	}
	return out
}

// cover is a mark, and where its anchors stand among what a text consists of.
type cover struct {
	begin    *op
	from, to int
}

type covers []cover

// marks lists the marks both of whose anchors are there.
func marks(inner []*spot) (out covers) {
	at := map[*op]int{}
	for i, s := range inner {
		at[s.op] = i
	}
	for i, s := range inner {
		if from, ok := at[s.op.target]; ok && s.op.action == markEnd {
			out = append(out, cover{s.op.target, from, i})
		}
	}
	return out
}

// at gives the marks of what stands at i: per key the value of the latest mark around it, unless that is nil.
func (all covers) at(i int) map[string]string {
	latest := map[string]*op{}
	for _, c := range all {
		if was := latest[c.begin.key]; c.from < i && i < c.to && (was == nil || c.begin.later(was)) {
			latest[c.begin.key] = c.begin
		}
	}
	out := map[string]string{}
	for key, b := range latest {
		if b.value != "\xc0" {
			out[key] = b.value
		}
	}
	return out
}

// leftOf gives the spot directly behind which an insertion at view position p goes.
func (e *Edit) leftOf(o *Object, p int) *spot {
	gap := []*spot{} // the anchors between the characters p-1 and p
	var left *spot
	count := 0
	for _, s := range e.m.inner(o, e.seen) {
		if s.wide() {
			if count == p {
				break
			}
			count++
			left, gap = s, gap[:0]
		} else if count == p {
			gap = append(gap, s)
		}
	}
	has := func(find func(*op) bool) bool {
		return slices.ContainsFunc(gap, func(s *spot) bool { return find(s.op) })
	}
	for _, s := range gap {
		empty := has(func(x *op) bool { return x.target == s.op || s.op.target == x })
		if !empty && s.op.leans() < 0 {
			left = s
		}
	}
	return left
}

// Insert puts units into a text.
func (e *Edit) Insert(o *Object, p int, units []uint16) {
	left := e.leftOf(o, p)
	for _, u := range units {
		left = e.place(&op{object: o, action: insertUnit, unit: u}, o, nil, left)
	}
}

// Embed puts a value into a rich text.
func (e *Edit) Embed(o *Object, p int, value []byte) {
	e.place(&op{object: o, action: insertEmbed, value: string(value)}, o, nil, e.leftOf(o, p))
}

// Remove deletes n units from p on.
func (e *Edit) Remove(o *Object, p, n int) {
	for _, s := range e.m.shown(o, e.seen)[p : p+n] {
		e.do(&op{object: o, action: deleteUnit, target: s.op})
	}
}

// Mark marks the n units from p on.
func (e *Edit) Mark(o *Object, p, n, flags int, key string, value []byte) {
	behind := func(p int) *spot { // directly behind the character before p
		if p == 0 {
			return nil
		}
		return e.m.shown(o, e.seen)[p-1]
	}
	before := func(p int) *spot { // directly in front of the character at p
		var left *spot
		count := 0
		for _, s := range e.m.inner(o, e.seen) {
			if s.wide() {
				if count == p {
					break
				}
				count++
			}
			left = s
		}
		return left
	}
	left := before(p)
	if flags&GrowStart != 0 {
		left = behind(p)
	}
	begin := &op{object: o, action: markBegin, flags: flags, key: key, value: string(value)}
	e.place(begin, o, nil, left)
	left = behind(p + n)
	if flags&GrowEnd != 0 {
		left = before(p + n)
	}
	e.place(&op{object: o, action: markEnd, target: begin}, o, nil, left)
}

// place adds an operation with a spot in a row, directly behind left.
func (e *Edit) place(o *op, object *Object, parent *op, left *spot) *spot {
	seen := Version{}
	for s, n := range e.seen {
		seen[s] = n
	}
	e.do(o)
	e.m.row(object, parent).insert(o, seen, left)
	return o.spot
}
