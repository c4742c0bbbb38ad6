package model

import (
	"fmt"
	"slices"
)

// Met counts, per kind of container, how often an edit of one sort was concurrent with one of another (or the same) on
// one object, and the meetings that are hard to arrange. A run of operations by one author is one edit.
type Met map[Meeting]int

// Meeting is two sorts of edits, the smaller first, on a kind of container.
type Meeting struct {
	Kind Kind
	A, B string
}

func (t Meeting) String() string { return fmt.Sprintf("%-9s %-8s × %s", kindNames[t.Kind], t.A, t.B) }

var kindNames = []string{"value", "map", "record", "list", "text", "counter", "rich text", "tree"}

// sort names what an operation does in the words of Met.
func (o *op) sort() string {
	switch o.action {
	case insertUnit, insertItem:
		return "insert"
	case insertEmbed:
		return "embed"
	case markBegin, markEnd:
		if o.value == "\xc0" || o.target != nil && o.target.value == "\xc0" {
			return "unmark"
		}
		return "mark"
	case moveItem:
		return "move"
	case setKey:
		return "set"
	case putChild:
		return "put"
	case addCount:
		return "add"
	}
	return "delete"
}

// sorts are the edits of each kind of container.
var sorts = map[Kind][]string{
	Map:      {"delete", "set"},
	Record:   {"delete", "put", "set"},
	List:     {"delete", "insert", "move"},
	Text:     {"delete", "insert"},
	Counter:  {"add"},
	RichText: {"delete", "embed", "insert", "mark", "unmark"},
	Tree:     {"delete", "insert", "move"},
}

// Meetings adds this document's to met.
func (m *Model) Meetings(met *Met) {
	if *met == nil {
		*met = Met{}
	}
	var edits []*op // the first operation of each
	for i, o := range m.ops {
		if i > 0 {
			p := m.ops[i-1]
			if p.id.Session == o.id.Session && p.object == o.object && p.sort() == o.sort() && o.target == p.target {
				continue
			}
		}
		edits = append(edits, o)
	}
	for i, b := range edits {
		for _, a := range edits[:i] {
			if a.id.Session == b.id.Session || a.sees(b) || b.sees(a) {
				continue
			}
			if a.object == b.object {
				pair := []string{a.sort(), b.sort()}
				slices.Sort(pair)
				(*met)[Meeting{a.object.kind, pair[0], pair[1]}]++
			}
			if a.spot != nil && b.spot != nil && a.spot.behind == b.spot.behind && a.object == b.object && a.parent == b.parent {
				(*met)[Meeting{a.object.kind, "insert", "another at the same place"}]++
			}
			if a.action == moveItem && b.action == moveItem && a.target == b.target {
				(*met)[Meeting{a.object.kind, "move", "move of the same"}]++
			}
			if inDeleted(a, b) || inDeleted(b, a) {
				(*met)[Meeting{a.object.kind, "edit", "delete of what it is in"}]++
			}
		}
	}
	for _, o := range m.order {
		if o.kind != Tree {
			continue
		}
		f := m.forest(o, m.Everything())
		(*met)[Meeting{Tree, "move", "moves that would make a cycle"}] += f.lost
	}
}

// inDeleted reports whether d deletes an entry that a is inside.
func inDeleted(a, d *op) bool {
	for o := a.object; o != nil; o = o.in {
		if d.action == deleteItem && o.item == d.target || d.action == deleteKey && o.in == d.object && o.key == d.key && o.in.kind == Record {
			return true
		}
	}
	return false
}

// expected lists the meetings that have to be.
func expected(kinds []Kind) []Meeting {
	var out []Meeting
	for _, k := range kinds {
		for i, a := range sorts[k] {
			for _, b := range sorts[k][i:] {
				out = append(out, Meeting{k, a, b})
			}
		}
		switch k {
		case Text, RichText, List, Tree:
			out = append(out, Meeting{k, "insert", "another at the same place"})
		}
		if k == List || k == Tree {
			out = append(out, Meeting{k, "move", "move of the same"})
		}
		out = append(out, Meeting{k, "edit", "delete of what it is in"})
	}
	if slices.Contains(kinds, Tree) {
		out = append(out, Meeting{Tree, "move", "moves that would make a cycle"})
	}
	return out
}

// Table lists the meetings of the given kinds, the rare ones too.
func (t Met) Table(kinds ...Kind) []string {
	var out []string
	for _, e := range expected(kinds) {
		out = append(out, fmt.Sprintf("%-44s %8d", e, t[e]))
	}
	return out
}

// Rare lists those that were fewer than n.
func (t Met) Rare(n int, kinds ...Kind) []Meeting {
	return slices.DeleteFunc(expected(kinds), func(e Meeting) bool { return t[e] >= n })
}
