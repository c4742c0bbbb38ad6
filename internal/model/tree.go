package model

import "slices"

// forest is a tree as a version has it.
type forest struct {
	slot  map[*op]*op // of each node, the operation at whose slot it stands
	shown map[*op]bool
	lost  int // moves that did not take effect
}

// forest takes all insertions and moves in their order, and drops the moves that would make a cycle.
func (m *Model) forest(o *Object, v Version) forest {
	var all, nodes []*op
	for _, x := range m.ops {
		if x.object == o && v.Has(x.id) && (x.action == insertItem || x.action == moveItem) {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b *op) int {
		if b.later(a) {
			return -1
		}
		return 1
	})
	f := forest{slot: map[*op]*op{}, shown: map[*op]bool{}}
	for _, x := range all {
		if x.action == insertItem {
			f.slot[x] = x
			nodes = append(nodes, x)
		} else if !f.below(x.parent, x.target) {
			f.slot[x.target] = x
		} else {
			f.lost++
		}
	}
	// Who is alive is shown, and so is everything above it.
	for _, n := range nodes {
		if m.itemAlive(v, n) {
			for up := n; up != nil; up = f.slot[up].parent {
				f.shown[up] = true
			}
		}
	}
	return f
}

// below reports whether node n is root or stands below it.
func (f *forest) below(n, root *op) bool {
	for ; n != nil; n = f.slot[n].parent {
		if n == root {
			return true
		}
	}
	return false
}

// children lists the shown children of a node, nil for the root.
func (m *Model) children(f *forest, o *Object, v Version, parent *op) []*op {
	var out []*op
	for _, s := range m.row(o, parent).known(v) {
		if n := s.itemOf(); f.slot[n] == s.op && f.shown[n] {
			out = append(out, n)
		}
	}
	return out
}

// Node is a shown node of a tree with those below it.
type Node struct {
	ID     ID
	Parent *Node // nil for the root
	Kids   []*Node
}

// Nodes gives what a tree shows, parents before their children.
func (m *Model) Nodes(o *Object, v Version) []*Node {
	f := m.forest(o, v)
	var out []*Node
	var visit func(parent *Node, at *op)
	visit = func(parent *Node, at *op) {
		for _, n := range m.children(&f, o, v, at) {
			node := &Node{ID: n.id, Parent: parent}
			if parent != nil {
				parent.Kids = append(parent.Kids, node)
			}
			out = append(out, node)
			visit(node, n)
		}
	}
	visit(nil, nil)
	return out
}

func (e *Edit) nodeSlot(o *Object, parent *op, w Where) *spot {
	f := e.m.forest(o, e.seen)
	return e.leftSlot(e.m.row(o, parent), e.m.children(&f, o, e.seen, parent), w, func(n *op) *op { return f.slot[n] })
}

// InsertNode inserts a node under a parent, nil for the root.
func (e *Edit) InsertNode(o *Object, parent *ID, w Where, kind Kind, value []byte) ID {
	p := e.m.node(parent)
	left := e.nodeSlot(o, p, w)
	return e.place(&op{object: o, action: insertItem, parent: p, kind: kind, value: string(value)}, o, p, left).op.id
}

// MoveNode moves a node. The caller makes no cycle.
func (e *Edit) MoveNode(o *Object, node ID, parent *ID, w Where) {
	p := e.m.node(parent)
	left := e.nodeSlot(o, p, w)
	e.place(&op{object: o, action: moveItem, parent: p, target: e.m.byID[node]}, o, p, left)
}

// DeleteNode deletes a node and everything shown below it.
func (e *Edit) DeleteNode(o *Object, node ID) {
	f := e.m.forest(o, e.seen)
	var visit func(n *op)
	visit = func(n *op) {
		for _, k := range e.m.children(&f, o, e.seen, n) {
			visit(k)
		}
		e.do(&op{object: o, action: deleteItem, target: n})
	}
	visit(e.m.byID[node])
}

func (m *Model) node(id *ID) *op {
	if id == nil {
		return nil
	}
	return m.byID[*id]
}
