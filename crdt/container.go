package crdt

// container is one row of the container table. It is identified by (parent, key, kind), or by (list, item, kind) for
// the object that a list item or tree node is; there is no operation that creates one.
type container struct {
	parent uint32
	name   uint32 // key, or index of the item when the parent is a list or tree
	kind   Kind
	depth  uint8
	// shown: a record's child that has been put or edited and not deleted since. Others are there when their parent is.
	shown bool
	// touched: all operations on it, as a record's child, and in it are below. Some may have been taken back.
	touched LV
	// state is the index of the text, counter or, for lists and trees, row; for maps and records the newest register,
	// or none.
	state uint32
	// sent is one more than the sequence number of the writing session's last drained operation on it, 0 for none.
	sent Seq
	// row is scratch of an encoder: where the container is in its table, if that row is about it.
	row uint32
}

// childKey identifies the child of a map or record.
type childKey struct {
	parent, key uint32
	kind        Kind
}

// keyTable gives keys small numbers.
type keyTable struct {
	names []string
	index map[string]uint32
}

func (t *keyTable) intern(name []byte) uint32 {
	if i, ok := t.index[string(name)]; ok {
		return i
	}
	if t.index == nil {
		t.index = make(map[string]uint32)
	}
	i := uint32(len(t.names))
	s := string(name)
	t.names = append(t.names, s)
	t.index[s] = i
	return i
}

func (t *keyTable) truncate(n int) {
	for _, name := range t.names[n:] {
		delete(t.index, name)
	}
	t.names = t.names[:n]
}

// addContainer makes the next row. The caller has checked the parent's kind and depth.
func (d *Doc) addContainer(parent, name uint32, kind Kind) uint32 {
	i := d.newContainer(parent, name, kind)
	if parent != none {
		if d.containers[parent].holdsItems() {
			d.lists.items[name].child = i
		} else {
			d.children[childKey{parent, name, kind}] = i
		}
		d.patch.container(d, i)
	}
	return i
}

// newContainer makes the next row, which nothing leads to yet.
func (d *Doc) newContainer(parent, name uint32, kind Kind) uint32 {
	i := uint32(len(d.containers))
	c := container{parent: parent, name: name, kind: kind, state: none}
	switch kind {
	case KindText, KindRichText:
		c.state = d.texts.addText()
	case KindCounter:
		c.state = uint32(len(d.counters))
		d.counters = append(d.counters, 0)
	case KindList, KindTree:
		c.state = d.lists.addRow(none)
	}
	if parent != none {
		c.depth = d.containers[parent].depth + 1
	}
	d.containers = append(d.containers, c)
	return i
}

// dropContainer takes back the newest row; its state is empty again.
func (d *Doc) dropContainer() {
	i := len(d.containers) - 1
	c := &d.containers[i]
	switch c.kind {
	case KindText, KindRichText:
		d.texts.dropText()
	case KindCounter:
		d.counters = d.counters[:len(d.counters)-1]
	case KindList, KindTree:
		d.lists.dropRow()
	}
	if d.containers[c.parent].holdsItems() {
		d.lists.items[c.name].child = none
	} else {
		delete(d.children, childKey{c.parent, c.name, c.kind})
	}
	d.containers = d.containers[:i]
}

// child gives the container (parent, key, kind), making it if need be.
func (d *Doc) child(parent, key uint32, kind Kind) (uint32, error) {
	if i, ok := d.children[childKey{parent, key, kind}]; ok {
		return i, nil
	}
	if d.containers[parent].depth+1 >= MaxDepth {
		return 0, tooLarge("containers nested too deep")
	}
	return d.addContainer(parent, key, kind), nil
}

// holdsKeys reports whether children and registers of c have keys.
func (c *container) holdsKeys() bool { return c.kind == KindMap || c.kind == KindRecord }

// holdsItems reports whether children of c are the objects of items: of a list, or of a tree, whose nodes are items.
func (c *container) holdsItems() bool { return c.kind == KindList || c.kind == KindTree }

// isText reports whether c is a sequence of units.
func (c *container) isText() bool { return c.kind == KindText || c.kind == KindRichText }
