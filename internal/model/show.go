package model

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// String writes down what a reader of v sees, in an order that does not depend on the replica:
//
//	{"register":a1,key/4:"text",list/3:[id=a1,id="text",],rich/6:<"text"{bold=c3},embed(a1)>,tree/7:(id=a1(id=a2(),),),}
//
// Values are hexadecimal. An empty child of a map is as good as none.
func (m *Model) String(v Version) string {
	var b strings.Builder
	m.show(&b, m.root, v)
	return b.String()
}

// show writes a container and reports whether there is anything in it.
func (m *Model) show(b *strings.Builder, o *Object, v Version) bool {
	switch o.kind {
	case Text:
		units := m.Units(o, v)
		b.WriteString(Quote(units))
		return len(units) > 0
	case RichText:
		spans := m.Spans(o, v)
		b.WriteString(QuoteSpans(spans))
		return len(spans) > 0
	case Counter:
		sum := m.Count(o, v)
		fmt.Fprint(b, min(max(sum, -(1<<53-1)), 1<<53-1))
		return sum != 0
	case List:
		b.WriteByte('[')
		items := m.items(o, v)
		for _, item := range items {
			fmt.Fprintf(b, "%v=", item.id)
			m.showItem(b, item, v)
			b.WriteByte(',')
		}
		b.WriteByte(']')
		return len(items) > 0
	case Tree:
		f := m.forest(o, v)
		return m.showNodes(b, &f, o, v, nil)
	}
	return m.showKeys(b, o, v)
}

func (m *Model) showNodes(b *strings.Builder, f *forest, o *Object, v Version, parent *op) bool {
	b.WriteByte('(')
	nodes := m.children(f, o, v, parent)
	for _, n := range nodes {
		fmt.Fprintf(b, "%v=", n.id)
		m.showItem(b, n, v)
		m.showNodes(b, f, o, v, n)
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return len(nodes) > 0
}

func (m *Model) showItem(b *strings.Builder, item *op, v Version) {
	if item.kind == Value {
		fmt.Fprintf(b, "%x", item.value)
		return
	}
	m.show(b, m.object(Object{in: item.object, item: item, kind: item.kind}), v)
}

// Count is the sum of a counter's steps; it wraps.
func (m *Model) Count(o *Object, v Version) (sum int64) {
	for _, x := range m.ops {
		if x.object == o && v.Has(x.id) {
			sum += x.amount
		}
	}
	return sum
}

func (m *Model) showKeys(b *strings.Builder, o *Object, v Version) bool {
	b.WriteByte('{')
	full := false
	last := map[string]*op{}
	for _, x := range m.ops {
		if x.object == o && v.Has(x.id) && (x.action == setKey || x.action == deleteKey) {
			if was := last[x.key]; was == nil || x.later(was) {
				last[x.key] = x
			}
		}
		if x.object == o && x.action == putChild && v.Has(x.id) {
			m.Child(o, x.key, x.kind) // there, even if nobody has looked into it
		}
	}
	for _, key := range sortedKeys(last) {
		if x := last[key]; x.action == setKey {
			fmt.Fprintf(b, "%q:%x,", key, x.value)
			full = true
		}
	}
	var kids []*Object
	for _, c := range m.order {
		if c.in == o {
			kids = append(kids, c)
		}
	}
	slices.SortFunc(kids, func(a, b *Object) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		return int(a.kind) - int(b.kind)
	})
	for _, c := range kids {
		if o.kind == Record && !m.childAlive(v, c) {
			continue
		}
		var inner strings.Builder
		if m.show(&inner, c, v) || o.kind == Record {
			fmt.Fprintf(b, "%s/%d:%s,", c.key, c.kind, inner.String())
			full = true
		}
	}
	b.WriteByte('}')
	return full
}

// Quote writes units down; half a surrogate pair as what it is.
func Quote(units []uint16) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(units); i++ {
		u := rune(units[i])
		if i+1 < len(units) {
			if pair := utf16.DecodeRune(u, rune(units[i+1])); pair != 0xfffd {
				b.WriteRune(pair)
				i++
				continue
			}
		}
		if utf16.IsSurrogate(u) || u < 0x20 || u == '"' || u == '\\' {
			fmt.Fprintf(&b, `\u%04x`, u)
		} else {
			b.WriteRune(u)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// QuoteSpans writes the spans of a rich text down.
func QuoteSpans(spans []Span) string {
	var b strings.Builder
	b.WriteByte('<')
	for i, s := range spans {
		if i > 0 {
			b.WriteByte(',')
		}
		if s.Embed != nil {
			fmt.Fprintf(&b, "embed(%x)", s.Embed)
		} else {
			b.WriteString(Quote(s.Units))
		}
		if len(s.Marks) > 0 {
			b.WriteByte('{')
			for i, key := range sortedKeys(s.Marks) {
				if i > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(&b, "%s=%x", key, s.Marks[key])
			}
			b.WriteByte('}')
		}
	}
	b.WriteByte('>')
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
