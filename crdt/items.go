package crdt

// List is a row of items that keep their names when they move.
type List struct{ handle }

// Tree is nodes with ordered children, which keep their names when they move. It has one root, which is no node.
type Tree struct{ handle }

// Item is an item of a list: a value or a container.
type Item struct{ element }

// Node is a node of a tree, or its root: a value or a container, and nodes below it.
type Node struct{ element }

// element is what items and nodes have in common.
type element struct {
	in   handle
	id   ID
	root bool
}

// ID is its name, the same on every device and for ever.
func (e element) ID() ID { return e.id }

// find gives the item, none when it does not show.
func (e element) find() uint32 {
	c := e.in.find()
	if c == none || e.root {
		return none
	}
	if i := e.in.d.itemOf(c, e.id); i != none && e.in.d.lists.shown(i) {
		return i
	}
	return none
}

// Shows reports whether it is there: inserted, and not deleted without anything done to it since or meanwhile.
func (e element) Shows() bool { return e.root && e.in.find() != none || e.find() != none }

// Kind says what it is: KindValue for a value, otherwise the kind of its container. That of a root is KindValue.
func (e element) Kind() Kind {
	if i := e.find(); i != none {
		return e.in.d.lists.items[i].kind
	}
	return KindValue
}

// Value gives its value, or what is in its container as Doc.Value does.
func (e element) Value() any {
	if i := e.find(); i != none {
		return e.in.d.itemValue(i)
	}
	return nil
}

// Map gives the map that it is.
func (e element) Map() Map { return Map{keyed{e.in.object(e.id, KindMap)}} }

// Record gives the record that it is.
func (e element) Record() Record { return Record{keyed{e.in.object(e.id, KindRecord)}} }

// List gives the list that it is.
func (e element) List() List { return List{e.in.object(e.id, KindList)} }

// Text gives the text that it is.
func (e element) Text() Text { return Text{units{e.in.object(e.id, KindText)}} }

// RichText gives the rich text that it is.
func (e element) RichText() RichText { return RichText{units{e.in.object(e.id, KindRichText)}} }

// Counter gives the counter that it is.
func (e element) Counter() Counter { return Counter{e.in.object(e.id, KindCounter)} }

// Tree gives the tree that it is.
func (e element) Tree() Tree { return Tree{e.in.object(e.id, KindTree)} }

// Delete hides it, a node with every node shown below it. What somebody else does inside meanwhile shows it again.
func (e element) Delete() {
	if c, tx, ok := e.in.edit(); ok {
		tx.begin(cmdItemDelete, c).element(e).run()
	}
}

// element writes the name of an item or node that shows.
func (tx *Tx) element(e element) *Tx {
	if i := e.find(); i != none {
		tx.out = putU32(tx.out, uint32(tx.d.lists.items[i].lv))
	} else {
		tx.fail(invalid("no such item here"))
	}
	return tx
}

// parent writes under what a node is to stand.
func (tx *Tx) parent(n Node) *Tx {
	if n.root {
		tx.out = append(tx.out, 0)
	} else if i := n.find(); i != none {
		tx.out = putU32(tx.out, uint32(tx.d.lists.items[i].lv)+1)
	} else {
		tx.fail(invalid("no such parent in this tree"))
	}
	return tx
}

// at writes a place by its index.
func (tx *Tx) at(i int) *Tx { return tx.byte(0).number(i) }

// object writes that a new item is a container.
func (tx *Tx) object(kind Kind) *Tx {
	if kind == KindValue {
		tx.fail(invalid("no kind of container"))
	}
	tx.out = putU32(append(tx.out, byte(kind)), uint32(len(tx.d.containers)))
	return tx
}

// made runs an insertion and names what it made.
func (p *handle) made(tx *Tx) element {
	if tx.run(); tx.err != nil {
		return p.nothing()
	}
	return element{in: *p, id: ID{tx.d.writer.id, tx.d.Size().Next - 1}}
}

// nothing names an item that never shows: no operation has its number.
func (p *handle) nothing() element { return element{in: *p, id: ID{Seq: maxLV}} }

// named gives the handle of an item.
func (p *handle) named(i uint32) element {
	s, seq := p.d.graph.id(p.d.lists.items[i].lv)
	return element{in: *p, id: ID{p.d.graph.sessions[s].id, seq}}
}

// Len counts the items.
func (l List) Len() int {
	if c := l.find(); c != none {
		return int(l.d.lists.width(l.d.containers[c].state))
	}
	return 0
}

// Items gives the items in order.
func (l List) Items() []Item {
	var items []Item
	if c := l.find(); c != none {
		l.d.lists.eachShown(l.d.containers[c].state, func(i, _ uint32, _ int) { items = append(items, Item{l.named(i)}) })
	}
	return items
}

// At gives the item at an index; one that never shows when there is none.
func (l List) At(at int) Item {
	if at >= 0 && at < l.Len() {
		ls := &l.d.lists
		el, _ := ls.seq.find(ls.rows[l.d.containers[l.find()].state].root, 0, uint32(at))
		return Item{l.named(ls.slots[el].item)}
	}
	return Item{l.nothing()}
}

// Value gives the items as Doc.Value does.
func (l List) Value() []any {
	if c := l.find(); c != none {
		return l.d.valueOf(c).([]any)
	}
	return []any{}
}

// Insert inserts a value in front of the item at an index.
func (l List) Insert(at int, value any) Item {
	c, tx, ok := l.edit()
	if !ok {
		return Item{l.nothing()}
	}
	return Item{l.made(tx.begin(cmdListInsert, c).at(at).byte(byte(KindValue)).value(value))}
}

// InsertNew inserts an empty container of a kind.
func (l List) InsertNew(at int, kind Kind) Item {
	c, tx, ok := l.edit()
	if !ok {
		return Item{l.nothing()}
	}
	return Item{l.made(tx.begin(cmdListInsert, c).at(at).object(kind))}
}

// Append inserts values at the end.
func (l List) Append(values ...any) {
	for _, v := range values {
		l.Insert(l.Len(), v)
	}
}

// Index is where it stands, −1 when it does not show.
func (it Item) Index() int { return it.index() }

func (e element) index() int {
	i := e.find()
	if i == none {
		return -1
	}
	return int(e.in.d.lists.index(e.in.d.lists.items[i].slot))
}

// Move moves it so that it stands at an index.
func (it Item) Move(to int) {
	if c, tx, ok := it.in.edit(); ok {
		if now := it.index(); to > now {
			to++ // it leaves a gap in front of where it goes
		}
		tx.begin(cmdListMove, c).element(it.element).at(to).run()
	}
}

// Root is what the uppermost nodes stand under.
func (t Tree) Root() Node { return Node{element{in: t.handle, root: true}} }

// Value gives the nodes as Doc.Value does.
func (t Tree) Value() []any {
	if c := t.find(); c != none {
		return t.d.valueOf(c).([]any)
	}
	return []any{}
}

// IsRoot reports whether it is the root of its tree, which cannot be moved or deleted and has no value.
func (n Node) IsRoot() bool { return n.root }

// Index is where it stands among its siblings, −1 when it does not show.
func (n Node) Index() int { return n.index() }

// Parent is what it stands under; the root for the root itself, and for what does not show.
func (n Node) Parent() Node {
	if i := n.find(); i != none {
		if p := n.in.d.lists.parent(i); p != none {
			return Node{n.in.named(p)}
		}
	}
	return Node{element{in: n.in, root: true}}
}

// row is where its children stand, none when it does not show.
func (n Node) row() uint32 {
	if n.root {
		if c := n.in.find(); c != none {
			return n.in.d.containers[c].state
		}
		return none
	}
	if i := n.find(); i != none {
		return n.in.d.lists.items[i].row
	}
	return none
}

// Children gives the nodes directly below it, in order.
func (n Node) Children() []Node {
	var nodes []Node
	if r := n.row(); r != none {
		l := &n.in.d.lists
		for i := range l.width(r) {
			el, _ := l.seq.find(l.rows[r].root, 0, i)
			nodes = append(nodes, Node{n.in.named(l.slots[el].item)})
		}
	}
	return nodes
}

// Len counts its children.
func (n Node) Len() int {
	if r := n.row(); r != none {
		return int(n.in.d.lists.width(r))
	}
	return 0
}

// Insert inserts a node that is a value below it, in front of the child at an index.
func (n Node) Insert(at int, value any) Node {
	c, tx, ok := n.in.edit()
	if !ok {
		return Node{n.in.nothing()}
	}
	return Node{n.in.made(tx.begin(cmdNodeInsert, c).parent(n).at(at).byte(byte(KindValue)).value(value))}
}

// InsertNew inserts a node that is an empty container of a kind.
func (n Node) InsertNew(at int, kind Kind) Node {
	c, tx, ok := n.in.edit()
	if !ok {
		return Node{n.in.nothing()}
	}
	return Node{n.in.made(tx.begin(cmdNodeInsert, c).parent(n).at(at).object(kind))}
}

// Move moves it, with all below it, under a node of the same tree, so that it stands at an index there. Below itself is
// ErrInvalid.
func (n Node) Move(under Node, to int) {
	if c, tx, ok := n.in.edit(); ok {
		if i := n.find(); i != none && under.row() == tx.d.lists.slots[tx.d.lists.items[i].slot].row && to > n.index() {
			to++
		}
		if under.in.find() != c {
			tx.fail(invalid("parent in another tree"))
		}
		tx.begin(cmdNodeMove, c).element(n.element).parent(under).at(to).run()
	}
}
