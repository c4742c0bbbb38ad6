package crdt

import (
	"math"
	"strconv"
)

// Value gives the whole document as plain values: maps and records are map[string]any, lists []any, texts string,
// counters int64. A rich text is a row of spans, {"text": …, "marks": {…}} or {"embed": …, "marks": {…}}; a tree one of
// nodes, {"content": …, "nodes": […]}. Of several things under one key, which only different schemas make, the container of the
// smallest kind is given, or else the value. A container of a map in which nothing is, is left out.
//
// The same operations give equal values, whoever has them.
func (d *Doc) Value() map[string]any { return d.valueOf(0).(map[string]any) }

// JSON gives Value as JSON, always the same bytes for the same state: keys sorted by their bytes, no white space.
// Bytes are base64; NaN and infinities, which only other writers make, are null.
func (d *Doc) JSON() []byte { return appendJSON(nil, d.Value()) }

// valueOf gives what is in a container, which is at most MaxDepth deep.
func (d *Doc) valueOf(c uint32) any { return d.valueWith(c, d.shownKids()) }

func (d *Doc) valueWith(c uint32, kids [][]uint32) any {
	row := &d.containers[c]
	switch row.kind {
	case KindMap, KindRecord:
		m := make(map[string]any)
		for at := row.state; at != none; at = d.registers[at].next {
			if r := &d.registers[at]; r.present {
				m[d.keys.names[r.key]] = unpackValue(d.log.values[r.at : r.at+r.size])
			}
		}
		for _, kid := range kids[c] { // the smallest kind comes last
			m[d.keys.names[d.containers[kid].name]] = d.valueWith(kid, kids)
		}
		return m
	case KindText:
		return d.textOf(c)
	case KindRichText:
		spans := make([]any, 0)
		for _, s := range d.spansOf(c) {
			span := make(map[string]any, 2)
			if s.IsEmbed {
				span["embed"] = s.Embed
			} else {
				span["text"] = s.Text
			}
			if s.Marks != nil {
				span["marks"] = s.Marks
			}
			spans = append(spans, span)
		}
		return spans
	case KindCounter:
		return exactCount(d.counters[row.state])
	case KindList:
		items := make([]any, 0)
		d.lists.eachShown(row.state, func(i, _ uint32, _ int) { items = append(items, d.entryValue(i, kids)) })
		return items
	case KindTree:
		// above are the nodes on the way down to the one met last, whose children are still being collected.
		type open struct {
			node map[string]any
			kids []any
		}
		above := []open{{kids: make([]any, 0)}}
		closeTo := func(level int) {
			for len(above) > level {
				last := above[len(above)-1]
				above = above[:len(above)-1]
				last.node["nodes"] = last.kids
				up := &above[len(above)-1]
				up.kids = append(up.kids, last.node)
			}
		}
		d.lists.eachShown(row.state, func(i, _ uint32, level int) {
			closeTo(level)
			above = append(above, open{map[string]any{"content": d.entryValue(i, kids)}, make([]any, 0)})
		})
		closeTo(1)
		return above[0].kids
	}
	return nil
}

func (d *Doc) entryValue(i uint32, kids [][]uint32) any {
	it := &d.lists.items[i]
	if it.kind == KindValue {
		return unpackValue(d.log.values[it.at : it.at+it.size])
	}
	return d.valueWith(it.child, kids)
}

func (d *Doc) itemValue(i uint32) any {
	if d.lists.items[i].kind == KindValue {
		return d.entryValue(i, nil)
	}
	return d.entryValue(i, d.shownKids())
}

// appendJSON writes a value. It keeps its own stack: a tree may be deeper than any call stack.
func appendJSON(out []byte, v any) []byte {
	type open struct {
		row  []any
		keys []string
		m    map[string]any
		at   int
	}
	var stack []open
	for {
		switch v := v.(type) {
		case []any:
			out = append(out, '[')
			stack = append(stack, open{row: v})
		case map[string]any:
			out = append(out, '{')
			stack = append(stack, open{keys: keysOf(v), m: v})
		default:
			out = appendScalar(out, v)
		}
		for {
			if len(stack) == 0 {
				return out
			}
			top := &stack[len(stack)-1]
			i := top.at
			top.at++
			if i < len(top.row)+len(top.keys) {
				if i > 0 {
					out = append(out, ',')
				}
				if top.m == nil {
					v = top.row[i]
				} else {
					out = append(appendQuoted(out, top.keys[i]), ':')
					v = top.m[top.keys[i]]
				}
				break
			}
			if top.m == nil {
				out = append(out, ']')
			} else {
				out = append(out, '}')
			}
			stack = stack[:len(stack)-1]
		}
	}
}

func appendScalar(out []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(out, v)
	case int64:
		return strconv.AppendInt(out, v, 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			break
		}
		if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) { // as JavaScript does
			return strconv.AppendFloat(out, v, 'e', -1, 64)
		}
		return strconv.AppendFloat(out, v, 'f', -1, 64)
	case string:
		return appendQuoted(out, v)
	case []byte:
		return append(appendBase64(append(out, '"'), v), '"')
	}
	return append(out, "null"...)
}

func appendQuoted(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for i := range len(s) {
		switch b := s[i]; {
		case b == '"' || b == '\\':
			out = append(out, '\\', b)
		case b == '\n':
			out = append(out, '\\', 'n')
		case b == '\t':
			out = append(out, '\\', 't')
		case b == '\r':
			out = append(out, '\\', 'r')
		case b < 0x20:
			out = append(out, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			out = append(out, b)
		}
	}
	return append(out, '"')
}

func appendBase64(out, b []byte) []byte {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for len(b) > 0 {
		var group [3]byte
		n := copy(group[:], b)
		b = b[n:]
		v := uint(group[0])<<16 | uint(group[1])<<8 | uint(group[2])
		for i := range 4 {
			if i > n {
				out = append(out, '=')
			} else {
				out = append(out, digits[v>>(18-6*i)&63])
			}
		}
	}
	return out
}
