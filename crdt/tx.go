package crdt

// The typed way to edit and read: Edit hands out a Tx, whose handles (Map, List, Text, …) write the commands of
// docs/BOUNDARY.md. Nothing in wasm reaches this; pages have the same in JavaScript.

// Tx is a transaction. It is good until the function that Edit called returns.
//
// An edit that fails makes the whole transaction fail: what follows does nothing, and Edit gives the first error. So
// nobody has to look after each edit; Err tells early.
type Tx struct {
	d    *Doc
	err  error
	done bool
	out  []byte // the command being written
}

// Edit does one transaction in the writing session: all that edit does, or, when it gives an error, panics or one of
// its edits failed, nothing. Reads inside it see its edits. The document must not be changed otherwise meanwhile.
//
// ErrNoSession: Begin was not called. ErrInvalid: a position, key or value that is none. ErrTooLarge: over a limit of the
// format, or a change that would leave in more than MaxChangeBytes. Otherwise the error of edit itself.
//
// Who follows a document by patches uses Change, or View after an Edit.
func (d *Doc) Edit(edit func(tx *Tx) error) (err error) {
	if !d.writer.open {
		return ErrNoSession
	}
	from := d.begin()
	d.editing = true
	tx := &Tx{d: d, err: errPanicked}
	defer func() {
		tx.done, d.editing = true, false
		err = d.commit(from, err)
	}()
	err = tx.err // stands if edit does not return
	tx.err = nil
	returned := edit(tx)
	if err = tx.err; err == nil {
		err = returned
	}
	return err
}

var errPanicked = invalid("edit did not return")

// Err is the error of the first edit that failed.
func (tx *Tx) Err() error { return tx.err }

// Root is the document's root map, for editing.
func (tx *Tx) Root() Map { return Map{keyed{handle{d: tx.d, tx: tx, kind: KindMap}}} }

// Root is the document's root map, for reading.
func (d *Doc) Root() Map { return Map{keyed{handle{d: d, kind: KindMap}}} }

// fail makes the transaction fail.
func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

// begin starts a command on a container.
func (tx *Tx) begin(kind byte, c uint32) *Tx {
	tx.out = putU32(append(tx.out[:0], kind), c)
	return tx
}

// number writes a position or count.
func (tx *Tx) number(n int) *Tx {
	if n < 0 || n >= maxTextPosition {
		tx.fail(invalid("negative or gigantic position"))
		n = 0
	}
	tx.out = putU32(tx.out, uint32(n))
	return tx
}

func (tx *Tx) name(key string) *Tx {
	tx.out = putString(tx.out, key)
	return tx
}

func (tx *Tx) byte(b byte) *Tx {
	tx.out = append(tx.out, b)
	return tx
}

func (tx *Tx) value(v any) *Tx {
	packed, err := packValue(nil, v, 0)
	if err != nil {
		tx.fail(err)
	}
	tx.out = putBytes(tx.out, packed)
	return tx
}

// run does the command that was written.
func (tx *Tx) run() {
	if tx.err == nil {
		r := reader{in: tx.out}
		if err := tx.d.command(&r); err != nil {
			tx.fail(err)
		}
	}
}

// handle says where a container is: at the root, under a key, or that it is the object of an item. It finds the container
// each time it is used, so a handle stays good whatever becomes of the document.
type handle struct {
	d    *Doc
	tx   *Tx     // for editing
	up   *handle // nil: the root
	key  string
	item ID // when up is a list or tree
	kind Kind
}

// find gives the container, none when it is not there.
func (p *handle) find() uint32 {
	if p.up == nil {
		return 0
	}
	c := p.up.find()
	if c == none {
		return none
	}
	if p.up.kind == KindList || p.up.kind == KindTree {
		if i := p.d.itemOf(c, p.item); i != none && p.d.lists.items[i].kind == p.kind {
			return p.d.lists.items[i].child
		}
		return none
	}
	key, ok := p.d.keys.index[p.key]
	if !ok {
		return none
	}
	if i, ok := p.d.children[childKey{c, key, p.kind}]; ok {
		return i
	}
	return none
}

// edit gives the container for an edit, making it if need be; false when the transaction has failed.
func (p *handle) edit() (uint32, *Tx, bool) {
	tx := p.tx
	if tx == nil || tx.done {
		panic("crdt: edit outside Edit")
	}
	if tx.err != nil {
		return 0, tx, false
	}
	c := p.find()
	if c != none {
		return c, tx, true
	}
	parent, _, ok := p.up.edit()
	if !ok {
		return 0, tx, false
	}
	if p.up.kind == KindList || p.up.kind == KindTree {
		tx.fail(invalid("no such item, or it is of another kind"))
		return 0, tx, false
	}
	c = uint32(len(p.d.containers))
	tx.begin(cmdChild, parent).byte(byte(p.kind)).name(p.key)
	tx.out = putU32(tx.out, c)
	tx.run()
	return c, tx, tx.err == nil
}

// child is the place of a container in this one.
func (p handle) child(key string, kind Kind) handle {
	return handle{d: p.d, tx: p.tx, up: &p, key: key, kind: kind}
}

func (p handle) object(item ID, kind Kind) handle {
	return handle{d: p.d, tx: p.tx, up: &p, item: item, kind: kind}
}

// itemOf gives the item that an operation inserted into list or tree c, none when there is none.
func (d *Doc) itemOf(c uint32, id ID) uint32 {
	s, ok := d.graph.index[id.Session]
	if !ok {
		return none
	}
	lv, ok := d.graph.find(s, id.Seq)
	if !ok {
		return none
	}
	if i, ok := d.lists.findItem(lv); ok && d.lists.items[i].list == c {
		return i
	}
	return none
}
