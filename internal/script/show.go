package script

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// show writes down what a peer sees: a line per entry of the root.
func (w *world) show(p *peer) (string, error) {
	_, patch, _ := w.call("doc_view", nil, p.handle)
	v := &view{}
	if err := v.learn(patch); err != nil {
		return "", err
	}
	for lv, name := range v.names {
		p.view.names[lv] = name
	}
	s := &shower{w: w, p: p, v: v}
	entries := s.entries(0)
	if len(entries) == 0 {
		return "  nothing\n", nil
	}
	return "  " + strings.Join(entries, "\n  ") + "\n", nil
}

type shower struct {
	w *world
	p *peer
	v *view
}

// entries lists the registers and children of a map or record, each as "key: what". A child of a map that holds
// nothing is left out: the schema says that it is there.
func (s *shower) entries(c uint32) []string {
	var out []string
	row := &s.v.containers[c]
	for _, key := range sorted(row.registers) {
		shown := key
		if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' }) || key == "" {
			shown = strconv.Quote(key)
		}
		out = append(out, shown+": "+unpack(row.registers[key]))
	}
	kids := map[string]uint32{}
	for i := 1; i < len(s.v.containers); i++ {
		if k := &s.v.containers[i]; !k.inItem && k.parent == c && row.kind == kindMap {
			kids[k.key+"."+kindNames[k.kind]] = uint32(i)
		}
	}
	if row.kind == kindRecord {
		kids = row.kids
	}
	for _, name := range sorted(kids) {
		if text := s.container(kids[name]); row.kind == kindRecord || !slices.Contains([]string{`""`, "{}", "[]", "0", "<>", "()"}, text) {
			out = append(out, name+": "+text)
		}
	}
	return out
}

func (s *shower) container(c uint32) string {
	row := &s.v.containers[c]
	switch row.kind {
	case kindText:
		_, raw, _ := s.w.call("doc_text", nil, s.p.handle, int32(c), 0, -1)
		return quote(raw)
	case kindRich:
		_, raw, _ := s.w.call("doc_spans", nil, s.p.handle, int32(c), 0, -1)
		return spans(raw)
	case kindCounter:
		return fmt.Sprint(row.count)
	case kindList:
		var items []string
		for _, it := range row.items {
			items = append(items, s.item(it))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case kindTree:
		return s.nodes(row.items, 0)
	}
	return "{" + strings.Join(s.entries(c), ", ") + "}"
}

// item writes an item with the name the script gave it.
func (s *shower) item(it item) string {
	what := unpack(it.value)
	if it.kind != kindValue {
		what = s.container(it.c)
	}
	if label := s.w.labels[s.v.names[it.lv]]; label != "" {
		return label + " " + what
	}
	return what
}

func (s *shower) nodes(all []item, parent uint32) string {
	var out []string
	for _, it := range all {
		if it.parent == parent {
			text := s.item(it)
			if below := s.nodes(all, it.lv+1); below != "()" {
				text += " " + below
			}
			out = append(out, text)
		}
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// quote writes UTF-16 down; half a surrogate pair as what it is.
func quote(raw []byte) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i+1 < len(raw); i += 2 {
		u := rune(raw[i]) | rune(raw[i+1])<<8
		if i+3 < len(raw) {
			if r := utf16.DecodeRune(u, rune(raw[i+2])|rune(raw[i+3])<<8); r != 0xfffd {
				b.WriteRune(r)
				i += 2
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

// spans writes the answer of doc_spans down.
func spans(raw []byte) string {
	f := &fields{in: raw}
	var out []string
	for n := f.num(); n > 0 && !f.bad; n-- {
		text := ""
		if f.byte() == 1 {
			text = quote(f.take(2 * f.num()))
		} else {
			text = "embed " + unpack(f.bytes())
		}
		var marks []string
		for k := f.num(); k > 0 && !f.bad; k-- {
			key := string(f.bytes())
			marks = append(marks, key+": "+unpack(f.bytes()))
		}
		if len(marks) > 0 {
			text += "{" + strings.Join(marks, ", ") + "}"
		}
		out = append(out, text)
	}
	return "<" + strings.Join(out, " ") + ">"
}
