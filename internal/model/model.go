package model

import (
	"bytes"
	"fmt"
)

// Session is one writer's run.
type Session [16]byte

// ID names an operation.
type ID struct {
	Session Session
	Seq     int
}

func (id ID) String() string { return fmt.Sprintf("%x:%d", id.Session, id.Seq) }

// Version is a set of operations: so many of each session, from its first on. Whoever has an operation has its
// author's earlier ones and all that the author had seen.
type Version map[Session]int

// Has reports whether the operation is in the version.
func (v Version) Has(id ID) bool { return id.Seq < v[id.Session] }

// Kind is what a container or an entry holds. The numbers are those of docs/BOUNDARY.md.
type Kind byte

// The kinds.
const (
	Value Kind = iota
	Map
	Record
	List
	Text
	Counter
	RichText
	Tree
)

// Object is a container. Two with the same parent, name and kind are one.
type Object struct {
	in   *Object
	key  string // of a child of a map or record
	item *op    // what inserted the list item or tree node it is of
	kind Kind
}

// Kind tells what the container is.
func (o *Object) Kind() Kind { return o.kind }

// Depth is how many containers it is in.
func (o *Object) Depth() int {
	n := 0
	for ; o.in != nil; o = o.in {
		n++
	}
	return n
}

// inside reports whether o is root or below it.
func (o *Object) inside(root *Object) bool {
	for ; o != nil; o = o.in {
		if o == root {
			return true
		}
	}
	return false
}

// action is what an operation does.
type action int

const (
	insertUnit action = iota // text: one unit
	insertEmbed
	markBegin
	markEnd // its target is the begin
	deleteUnit
	setKey
	deleteKey
	putChild
	addCount
	insertItem // list, tree
	moveItem
	deleteItem
)

// op is one operation.
type op struct {
	id     ID
	seen   Version // what its author had seen of other sessions; of the own one everything before it
	time   int     // Lamport
	object *Object
	action action
	key    string
	kind   Kind // putChild, insertItem: of the entry
	value  string
	unit   uint16
	flags  int
	amount int64
	target *op   // what is deleted or moved, and the begin of a mark's end
	parent *op   // tree: the node under which it goes, nil for the root
	spot   *spot // of what has a place in a row
}

// sees reports whether x is in the history of o.
func (o *op) sees(x *op) bool {
	if x.id.Session == o.id.Session {
		return x.id.Seq < o.id.Seq
	}
	return o.seen.Has(x.id)
}

// later reports whether a wins over b.
func (a *op) later(b *op) bool {
	if a.time != b.time {
		return a.time > b.time
	}
	if c := bytes.Compare(a.id.Session[:], b.id.Session[:]); c != 0 {
		return c > 0
	}
	return a.id.Seq > b.id.Seq
}

// Model is all operations there are.
type Model struct {
	ops     []*op
	byID    map[ID]*op
	root    *Object
	objects map[Object]*Object
	order   []*Object // objects in the order in which they were first named
	rows    map[rowKey]*row
}

// New gives a document without operations.
func New() *Model {
	m := &Model{byID: map[ID]*op{}, objects: map[Object]*Object{}, rows: map[rowKey]*row{}}
	m.root = m.object(Object{kind: Map})
	return m
}

// Root is the root map.
func (m *Model) Root() *Object { return m.root }

func (m *Model) object(name Object) *Object {
	if o := m.objects[name]; o != nil {
		return o
	}
	o := &name
	m.objects[name] = o
	m.order = append(m.order, o)
	return o
}

// Child is the container under a key of a map or record.
func (m *Model) Child(o *Object, key string, kind Kind) *Object {
	return m.object(Object{in: o, key: key, kind: kind})
}

// Item is the container of a list item or tree node.
func (m *Model) Item(o *Object, item ID, kind Kind) *Object {
	return m.object(Object{in: o, item: m.byID[item], kind: kind})
}

// Size is how many operations there are.
func (m *Model) Size() int { return len(m.ops) }

// Everything is the version of all operations.
func (m *Model) Everything() Version {
	v := Version{}
	for _, o := range m.ops {
		v[o.id.Session] = max(v[o.id.Session], o.id.Seq+1)
	}
	return v
}

// alive reports whether an entry is: some operation on it or in it is not in the history of any deletion of it.
func (m *Model) alive(v Version, on, deletes func(*op) bool) bool {
	var deletions []*op
	for _, o := range m.ops {
		if v.Has(o.id) && deletes(o) {
			deletions = append(deletions, o)
		}
	}
next:
	for _, o := range m.ops {
		if !v.Has(o.id) || deletes(o) || !on(o) {
			continue
		}
		for _, d := range deletions {
			if d.sees(o) {
				continue next
			}
		}
		return true
	}
	return false
}

// itemAlive is alive for a list item or tree node.
func (m *Model) itemAlive(v Version, item *op) bool {
	inner := m.objects[Object{in: item.object, item: item, kind: item.kind}]
	return m.alive(v, func(o *op) bool {
		return o == item || o.action == moveItem && o.target == item || inner != nil && o.object.inside(inner)
	}, func(o *op) bool { return o.action == deleteItem && o.target == item })
}

// childAlive is alive for the child of a record.
func (m *Model) childAlive(v Version, c *Object) bool {
	return m.alive(v, func(o *op) bool {
		return o.action == putChild && o.object == c.in && o.key == c.key && o.kind == c.kind || o.object.inside(c)
	}, func(o *op) bool { return o.action == deleteKey && o.object == c.in && o.key == c.key })
}
