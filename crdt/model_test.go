package crdt

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// model is the oracle: the same document in the most obvious way, with data structures of its own. It keeps every
// operation as an event with the set of all events before it, and works out what a reader of any set of events sees
// from nothing but these. Texts and lists are FugueMax as the paper defines it, a tree of left and right children.
type model struct {
	events []*event
	byName map[string]int // "session:seq"
}

type event struct {
	name    string // "session:seq"
	session SessionID
	seen    []bool // by event index: in the causal history
	lamport int
	kind    opKind
	sub     Kind
	path    string // container
	key     string
	value   string
	amount  int64
	target  int // deletion, move: the event that made the unit or item; -1 for none
	node    *fugueNode
}

// fugueNode is what an insertion or a move hangs into the tree.
type fugueNode struct {
	parent int // event, or -1 for the root of the tree
	left   bool
	right  int // event that stood to the right when this was inserted; -1 for the end
}

func newModel() *model { return &model{byName: map[string]int{}} }

// add appends an event that has seen exactly the events in seen. pos or behind say where an insertion goes.
func (m *model) add(e *event, seen []bool) int {
	i := len(m.events)
	e.seen = make([]bool, i)
	copy(e.seen, seen)
	e.lamport = 1
	for j, in := range e.seen {
		if in {
			e.lamport = max(e.lamport, m.events[j].lamport+1)
		}
	}
	m.events = append(m.events, e)
	m.byName[e.name] = i
	return i
}

func in(seen []bool, i int) bool { return i < len(seen) && seen[i] }

// row lists the insertions (and moves) of a container that are in the set, in the order of the tree.
func (m *model) row(path string, set []bool) []int {
	var kids = map[int][2][]int{} // by parent: left children, right children
	for i, e := range m.events {
		if in(set, i) && e.path == path && e.node != nil {
			k := kids[e.node.parent]
			side := 1
			if e.node.left {
				side = 0
			}
			k[side] = append(k[side], i)
			kids[e.node.parent] = k
		}
	}
	// To sort right siblings by their right neighbours, those have to be ordered already. A right neighbour is older
	// than the node, so inserting in order of age finds them in the order of what is there so far.
	var order []int
	for i, e := range m.events {
		if in(set, i) && e.path == path && e.node != nil {
			order = m.insertInOrder(order, i, kids)
		}
	}
	return order
}

// insertInOrder builds the whole order again with one more node; slow and plain.
func (m *model) insertInOrder(order []int, i int, kids map[int][2][]int) []int {
	place := func(n int) int { return slices.Index(order, n) }
	here := func(n int) bool { return n == i || place(n) >= 0 }
	var out []int
	var visit func(n int)
	visit = func(n int) {
		sides := kids[n]
		left, right := []int{}, []int{}
		for _, k := range sides[0] {
			if here(k) {
				left = append(left, k)
			}
		}
		for _, k := range sides[1] {
			if here(k) {
				right = append(right, k)
			}
		}
		slices.SortFunc(left, func(a, b int) int { return m.compareNames(a, b) })
		slices.SortFunc(right, func(a, b int) int {
			ra, rb := m.events[a].node.right, m.events[b].node.right
			if ra != rb { // the one whose right neighbour is further to the right comes first
				switch {
				case ra == -1:
					return -1
				case rb == -1:
					return 1
				case place(ra) > place(rb):
					return -1
				}
				return 1
			}
			return m.compareNames(a, b)
		})
		for _, k := range left {
			visit(k)
		}
		if n >= 0 {
			out = append(out, n)
		}
		for _, k := range right {
			visit(k)
		}
	}
	visit(-1)
	return out
}

func (m *model) compareNames(a, b int) int {
	x, y := m.events[a], m.events[b]
	if x.session != y.session {
		if x.session.less(&y.session) {
			return -1
		}
		return 1
	}
	return a - b // of one session the older event has the smaller number
}

// hang gives the tree node of something inserted behind the event left (-1: in front) by an author who saw set.
func (m *model) hang(path string, set []bool, left int) *fugueNode {
	row := m.row(path, set)
	at := slices.Index(row, left) // -1 stands in front
	right := -1
	if at+1 < len(row) {
		right = row[at+1]
	}
	// left has a right child exactly when what follows it is below it.
	for n := right; n != -1; n = m.events[n].node.parent {
		if m.events[n].node.parent == left {
			if !m.events[n].node.left || left == -1 {
				return &fugueNode{parent: right, left: true, right: right}
			}
			break
		}
	}
	return &fugueNode{parent: left, right: right}
}

// units lists the insertions of a text's visible units.
func (m *model) units(path string, set []bool) []int {
	var out []int
	for _, i := range m.row(path, set) {
		gone := false
		for j, e := range m.events {
			gone = gone || in(set, j) && e.kind == opTextDelete && e.target == i
		}
		if !gone {
			out = append(out, i)
		}
	}
	return out
}

// winner gives the event that says where an item is: its insertion or the last move.
func (m *model) winner(item int, set []bool) int {
	best := item
	for i, e := range m.events {
		if in(set, i) && e.kind == opListMove && e.target == item && m.beats(i, best) {
			best = i
		}
	}
	return best
}

func (m *model) beats(a, b int) bool {
	x, y := m.events[a], m.events[b]
	if x.lamport != y.lamport {
		return x.lamport > y.lamport
	}
	return y.session.less(&x.session)
}

// alive reports whether an entry is shown: some operation on it or in it is in no deletion's history.
func (m *model) alive(set []bool, on func(*event, int) bool, deletes func(*event) bool) bool {
	for i, e := range m.events {
		if !in(set, i) || deletes(e) || !on(e, i) {
			continue
		}
		free := true
		for j, d := range m.events {
			if in(set, j) && deletes(d) && in(d.seen, i) {
				free = false
			}
		}
		if free {
			return true
		}
	}
	return false
}

func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// items lists a list's visible items in order.
func (m *model) items(path string, set []bool) []int {
	var out []int
	for _, slot := range m.row(path, set) {
		item := slot
		if m.events[slot].kind == opListMove {
			item = m.events[slot].target
		}
		if m.winner(item, set) != slot {
			continue
		}
		inner := itemPath(path, m.events[item])
		if m.alive(set, func(e *event, i int) bool {
			return i == item || e.kind == opListMove && e.target == item || below(e.path, inner)
		}, func(e *event) bool { return e.kind == opListDelete && e.target == item }) {
			out = append(out, item)
		}
	}
	return out
}

func itemPath(list string, e *event) string {
	return fmt.Sprintf("%s/%s:%d", list, e.name, e.sub)
}

func keyPath(parent, key string, kind Kind) string { return fmt.Sprintf("%s/%s:%d", parent, key, kind) }

// String shows what a reader of set sees, in the words of mirror.String.
func (m *model) String(set []bool) string {
	var b strings.Builder
	m.show(&b, set, "", KindMap)
	return b.String()
}

func (m *model) show(b *strings.Builder, set []bool, path string, kind Kind) bool {
	switch kind {
	case KindText:
		var units []uint16
		for _, i := range m.units(path, set) {
			units = append(units, uint16(m.events[i].amount))
		}
		fmt.Fprintf(b, "%q", string(utf16.Decode(units)))
		return len(units) > 0
	case KindCounter:
		sum := int64(0)
		for i, e := range m.events {
			if in(set, i) && e.path == path {
				sum += e.amount
			}
		}
		fmt.Fprintf(b, "%d", sum)
		return sum != 0
	case KindList:
		b.WriteByte('[')
		items := m.items(path, set)
		for _, i := range items {
			e := m.events[i]
			fmt.Fprintf(b, "%s=", e.name)
			if e.sub == KindValue {
				fmt.Fprintf(b, "%x", e.value)
			} else {
				m.show(b, set, itemPath(path, e), e.sub)
			}
			b.WriteByte(',')
		}
		b.WriteByte(']')
		return len(items) > 0
	}
	return m.showKeys(b, set, path, kind)
}

func (m *model) showKeys(b *strings.Builder, set []bool, path string, kind Kind) bool {
	b.WriteByte('{')
	any := false
	last := map[string]int{} // per key, the last writer
	kids := map[string]Kind{}
	for i, e := range m.events {
		if !in(set, i) {
			continue
		}
		if e.path == path && (e.kind == opMapSet || e.kind == opMapDelete) {
			if was, ok := last[e.key]; !ok || m.beats(i, was) {
				last[e.key] = i
			}
		}
		if e.path == path && e.kind == opRecordPut {
			kids[fmt.Sprintf("%s:%d", e.key, e.sub)] = e.sub
		}
		if rest, ok := strings.CutPrefix(e.path, path+"/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			kids[name] = Kind(name[len(name)-1] - '0')
		}
	}
	for _, key := range sortedKeys(last) {
		if e := m.events[last[key]]; e.kind == opMapSet {
			fmt.Fprintf(b, "%q:%x,", key, e.value)
			any = true
		}
	}
	for _, name := range sortedKeys(kids) {
		inner := path + "/" + name
		key := name[:len(name)-2]
		if kind == KindRecord && !m.alive(set, func(e *event, _ int) bool {
			return e.kind == opRecordPut && e.path == path && e.key == key && e.sub == kids[name] || below(e.path, inner)
		}, func(e *event) bool { return e.kind == opMapDelete && e.path == path && e.key == key }) {
			continue
		}
		var text strings.Builder
		if full := m.show(&text, set, inner, kids[name]); full || kind == KindRecord {
			fmt.Fprintf(b, "%s/%d:%s,", key, kids[name], text.String())
			any = true
		}
	}
	b.WriteByte('}')
	return any
}
