package reader

import (
	"maps"
	"reflect"
	"unicode/utf16"
)

// show gives what container c holds.
func (f *document) show(c int) any {
	switch f.containers[c].kind {
	case 3, 7:
		return f.items(c, 0)
	case 4:
		return f.texts[c]
	case 5:
		return f.counters[c]
	case 6:
		return f.spans(c)
	}
	o := Object{}
	for _, op := range f.operations {
		if op.container == c && op.kind == 7 {
			o[op.key] = op.value
		}
	}
	for i, child := range f.containers {
		if i > 0 && child.parent == c && (f.containers[c].kind == 1 || child.shown) {
			o[f.keys[child.name]+":"+kinds[child.kind]] = f.show(i)
		}
	}
	return o
}

// items gives what stands in a row of a list or tree.
func (f *document) items(c, node int) []any {
	out := []any{}
	for _, lv := range f.order[[2]int{c, node}] {
		it := f.slots[lv]
		is := it.value
		for i, child := range f.containers {
			if i > 0 && it.sub != 0 && child.parent == c && child.name == it.lv {
				is = f.show(i)
			}
		}
		if f.containers[c].kind == 7 {
			is = Object{"is": is, "below": f.items(c, it.lv+1)}
		}
		out = append(out, is)
	}
	return out
}

// spans gives a rich text as stretches of text and embeds with their marks.
func (f *document) spans(c int) []any {
	text := utf16.Encode([]rune(f.texts[c]))
	byLV := map[int]*operation{}
	for _, op := range f.operations {
		byLV[op.lv] = op
	}
	stands := map[int]bool{} // from here on
	for _, p := range f.points[c] {
		stands[p[1]] = true
	}
	out := []any{}
	open := map[int]*operation{} // marks, by their begin
	at := 0
	add := func(span Object) {
		marks, latest := Object{}, map[string]*operation{}
		for _, mark := range open {
			if was := latest[mark.key]; was == nil || f.later(mark.lv, was.lv) {
				latest[mark.key] = mark
			}
		}
		for key, mark := range latest {
			if mark.value != nil {
				marks[key] = mark.value
			}
		}
		span["marks"] = marks
		out = append(out, span)
	}
	stretch := func(n int) {
		if n > 0 {
			add(Object{"text": string(utf16.Decode(text[at : at+n]))})
			at += n
		}
	}
	for _, p := range f.points[c] {
		stretch(p[0])
		delete(stands, p[1])
		switch op := byLV[p[1]]; op.kind {
		case 4:
			if end, ok := f.next[op.lv]; ok && stands[end] && byLV[end] != nil && byLV[end].kind == 5 {
				open[op.lv] = op
			}
		case 5:
			maps.DeleteFunc(open, func(begin int, _ *operation) bool { return f.next[begin] == op.lv })
		case 6:
			add(Object{"embed": op.value})
			at++
		}
	}
	stretch(len(text) - at)
	return join(out)
}

// join makes one of neighbours with the same marks.
func join(spans []any) []any {
	out := []any{}
	for _, s := range spans {
		span := s.(Object)
		if n := len(out); n > 0 {
			last := out[n-1].(Object)
			if last["text"] != nil && span["text"] != nil && reflect.DeepEqual(last["marks"], span["marks"]) {
				last["text"] = last["text"].(string) + span["text"].(string)
				continue
			}
		}
		out = append(out, span)
	}
	return out
}

// later reports whether operation a is the later one: greater Lamport time, then greater session.
func (f *document) later(a, b int) bool {
	if f.lamport[a] != f.lamport[b] {
		return f.lamport[a] > f.lamport[b]
	}
	return f.sessions[f.session[a]] > f.sessions[f.session[b]]
}
