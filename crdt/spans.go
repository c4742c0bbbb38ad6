package crdt

import "cmp"

// maxSpansBytes is how much Spans gives at once: with many keys the marks may be much more than the text.
const maxSpansBytes = 64 << 20

// Spans gives the units [from, to) of a rich text with their marks, as docs/BOUNDARY.md says; to = -1 means its end.
// ErrTooLarge: it would be more than 64 MiB; ask for less of the text.
func (d *Doc) Spans(c uint32, from, to int) ([]byte, error) {
	if c >= uint32(len(d.containers)) || d.containers[c].kind != KindRichText {
		return nil, invalid("no such rich text")
	}
	t := d.containers[c].state
	length := int(d.texts.texts[t].length)
	if to < 0 {
		to = length
	}
	if from < 0 || from > to || to > length {
		return nil, invalid("text range out of bounds")
	}
	n := 0
	var out []byte
	d.eachStretch(t, uint32(from), uint32(to), func(s *stretch) bool {
		n++
		out = d.putStretch(out, t, s)
		return len(out) <= maxSpansBytes
	})
	if len(out) > maxSpansBytes {
		return nil, tooLarge("spans of so much text at once")
	}
	return append(putVarint(nil, uint64(n)), out...), nil
}

const (
	spanText  = 1
	spanEmbed = 2
)

func (d *Doc) putStretch(out []byte, t uint32, s *stretch) []byte {
	p := &d.points
	if s.embed != none {
		row := &p.rows[s.embed]
		out = putBytes(append(out, spanEmbed), d.log.values[row.at:row.at+row.size])
	} else {
		out = putU32(append(out, spanText), s.to-s.from)
		d.units = d.texts.read(t, s.from, s.to, d.units[:0])
		for _, u := range d.units {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	out = putVarint(out, uint64(len(s.marks)))
	for _, el := range s.marks {
		row := &p.rows[el]
		out = putString(out, d.keys.names[row.key])
		out = putBytes(out, d.log.values[row.at:row.at+row.size])
	}
	return out
}

// stretch is a part of a rich text with one set of marks: text, or one embed.
type stretch struct {
	from, to uint32
	embed    uint32   // point, or none
	marks    []uint32 // begins, sorted by their keys
}

// eachStretch visits the stretches of [from, to) until visit says stop. Equal neighbours are joined, but for embeds.
func (d *Doc) eachStretch(t, from, to uint32, visit func(s *stretch) bool) {
	p := &d.points
	s := sweep{d: d, at: make(map[uint32]uint32)}
	last := stretch{from: from, to: from, embed: none}
	// add hands on what is shown up to pos.
	add := func(pos, embed uint32) bool {
		if pos = min(pos, to); pos <= last.to {
			return true
		}
		same := embed == none && last.embed == none && !s.changed
		if !same {
			marks := s.marks()
			same = embed == none && last.embed == none && d.sameMarks(last.marks, marks)
			if !same {
				if last.from < last.to && !visit(&last) {
					return false
				}
				last.from, last.embed, last.marks = last.to, embed, append(last.marks[:0], marks...)
			}
		}
		last.to = pos
		return true
	}
	pos := d.ahead(t)
	ok := add(pos, none)
	for el := p.after(none, d.texts.texts[t].points); el != none && ok && pos < to; el = p.seq.next(el) {
		end := pos + p.seq.weightOf(el)[inView]
		if p.rows[el].kind == opEmbed {
			ok = add(pos+1, el)
		} else {
			s.pass(el)
		}
		ok = ok && add(end, none)
		pos = end
	}
	if ok && last.from < last.to {
		visit(&last)
	}
}

// sameMarks reports whether two sets of marks say the same.
func (d *Doc) sameMarks(a, b []uint32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := &d.points.rows[a[i]], &d.points.rows[b[i]]
		if x.key != y.key || string(d.log.values[x.at:x.at+x.size]) != string(d.log.values[y.at:y.at+y.size]) {
			return false
		}
	}
	return true
}

// sweep walks over the anchors of a text from its beginning and knows which marks cover what stands behind.
type sweep struct {
	d       *Doc
	keys    []sweepKey
	at      map[uint32]uint32 // key → index in keys
	shown   []uint32          // the keys that have a value: indices
	changed bool              // since marks was asked
	list    []uint32          // scratch of marks
}

// sweepKey is what is known about one key.
type sweepKey struct {
	open []uint32 // a heap of the marks that have begun, latest first; those on top have not ended
	in   uint32   // where it is in shown, or none
}

// pass takes notice of anchor el.
func (s *sweep) pass(el uint32) {
	p := &s.d.points
	begin := el
	if p.rows[el].kind == opMarkEnd {
		begin = p.rows[el].other
	}
	if !p.covers(begin) {
		return
	}
	i, ok := s.at[p.rows[begin].key]
	if !ok {
		i = uint32(len(s.keys))
		s.at[p.rows[begin].key] = i
		s.keys = append(s.keys, sweepKey{in: none})
	}
	k := &s.keys[i]
	was := k.top()
	if begin == el {
		s.open(k, begin)
	} else {
		for len(k.open) > 0 && !p.seq.less(el, p.rows[k.open[0]].other) {
			s.close(k)
		}
	}
	if k.top() == was {
		return
	}
	s.changed = true
	valued := len(k.open) > 0 && s.d.log.values[p.rows[k.open[0]].at] != packedNil
	switch {
	case valued && k.in == none:
		k.in = uint32(len(s.shown))
		s.shown = append(s.shown, i)
	case !valued && k.in != none:
		last := s.shown[len(s.shown)-1]
		s.shown[k.in] = last
		s.keys[last].in = k.in
		s.shown = s.shown[:len(s.shown)-1]
		k.in = none
	}
}

func (k *sweepKey) top() uint32 {
	if len(k.open) == 0 {
		return none
	}
	return k.open[0]
}

// later reports whether mark a beats mark b.
func (s *sweep) later(a, b uint32) bool {
	x, y := &s.d.points.rows[a], &s.d.points.rows[b]
	return s.d.graph.wins(x.lamport, x.session, y.lamport, y.session)
}

func (s *sweep) open(k *sweepKey, el uint32) {
	h := append(k.open, el)
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.later(h[i], h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	k.open = h
}

func (s *sweep) close(k *sweepKey) {
	n := len(k.open) - 1
	h := k.open[:n]
	if n > 0 {
		h[0] = k.open[n]
	}
	for i := 0; ; {
		kid := 2*i + 1
		if kid >= n {
			break
		}
		if kid+1 < n && s.later(h[kid+1], h[kid]) {
			kid++
		}
		if !s.later(h[kid], h[i]) {
			break
		}
		h[i], h[kid] = h[kid], h[i]
		i = kid
	}
	k.open = h
}

// marks gives the marks that cover what stands here, sorted by their keys.
func (s *sweep) marks() []uint32 {
	if !s.changed {
		return s.list
	}
	s.changed = false
	s.list = s.list[:0]
	for _, i := range s.shown {
		s.list = append(s.list, s.keys[i].open[0])
	}
	sortFunc(s.list, func(a, b uint32) int {
		rows, names := s.d.points.rows, s.d.keys.names
		return cmp.Compare(names[rows[a].key], names[rows[b].key])
	})
	return s.list
}
