package crdt

// Commands of docs/BOUNDARY.md.
const (
	cmdChild      = 0x01
	cmdTextInsert = 0x02
	cmdTextDelete = 0x03
	cmdMapSet     = 0x04
	cmdMapDelete  = 0x05
	cmdRecordPut  = 0x06
	cmdCounterAdd = 0x07
	cmdListInsert = 0x08
	cmdItemDelete = 0x09
	cmdListMove   = 0x0a
	cmdMark       = 0x0b
	cmdEmbed      = 0x0c
	cmdNodeInsert = 0x0d
	cmdNodeMove   = 0x0e
)

// Change does one transaction of commands in the writing session and gives the patch. Each command is checked against
// the state the ones before it left; when one fails everything is as it was. So it is when the change would leave in more
// than MaxChangeBytes (ErrTooLarge).
func (d *Doc) Change(commands []byte) ([]byte, error) {
	if !d.writer.open {
		return nil, ErrNoSession
	}
	d.idle()
	if d.typing(commands) {
		return d.patch.out, nil
	}
	from := d.begin()
	r := reader{in: commands}
	var err error
	for r.at < len(commands) && err == nil {
		err = d.command(&r)
	}
	if err = d.commit(from, err); err != nil {
		return nil, err
	}
	return d.patch.finish(), nil
}

// idle panics inside an Edit, where only its transaction may change the document.
func (d *Doc) idle() {
	if d.editing {
		panic("crdt: document used inside Edit")
	}
}

// begin starts a transaction and gives the number of its first operation.
func (d *Doc) begin() Seq {
	d.patch.reset()
	d.mark()
	return d.Size().Next
}

// weight is about how many bytes the document has in a file, and rather more: a character may be in its text and, at most three
// bytes long, among what was typed. Nothing is written or taken that would make a file which cannot be opened again.
func (d *Doc) weight() int {
	l, p := &d.log, &d.past
	return len(l.values) + 6*len(l.content) + 24*len(l.runs) + 24*len(d.graph.entries) + len(p.segments) + len(p.content) + len(p.texts)
}

// commit ends it: undone when it failed, or could not leave.
func (d *Doc) commit(from Seq, err error) error {
	if err == nil && d.writer.session != none {
		if u := &d.undo; !d.leaves(from, u.runs, u.content, u.values) {
			err = tooLarge("change larger than one may be")
		} else if d.weight() > maxWrittenBytes && d.Size().Next > from {
			err = tooLarge("document with all its history would be larger than a file may be; go on in a new one")
		} else {
			d.writer.note(from, d.Size().Next)
			return nil
		}
	}
	if err != nil {
		d.rollback()
	}
	return err
}

func (d *Doc) command(r *reader) error {
	kind := r.byte()
	c := r.u32(uint32(len(d.containers)) - 1)
	if r.bad {
		return invalid("no such container")
	}
	switch kind {
	case cmdTextInsert, cmdTextDelete:
		return d.commandText(r, c, kind)
	case cmdChild, cmdMapSet, cmdMapDelete, cmdRecordPut:
		return d.commandKey(r, c, kind)
	case cmdMark, cmdEmbed:
		return d.commandRich(r, c, kind)
	case cmdListInsert, cmdItemDelete, cmdListMove, cmdNodeInsert, cmdNodeMove:
		return d.commandItems(r, c, kind)
	case cmdCounterAdd:
		n := r.zigzag()
		row := &d.containers[c]
		if r.bad || row.kind != KindCounter {
			return invalid("not a counter, or a torn command")
		}
		if n < -maxCounter || n > maxCounter {
			return invalid("counter step too large")
		}
		// Concurrent steps may have led out of the range; the way back is open.
		if sum := d.counters[row.state]; n > 0 && sum > maxCounter-n || n < 0 && sum < -maxCounter-n {
			return invalid("counter out of range")
		}
		return d.write(opRun{n: 1, c: c, kind: opCounterAdd, at: uint32(n), size: uint32(uint64(n) >> 32)})
	}
	return invalid("unknown command")
}

func (d *Doc) commandText(r *reader, c uint32, kind byte) error {
	pos, n := r.u32(none), r.u32(maxTextPosition)
	if r.bad || !d.containers[c].isText() {
		return invalid("not a text, or a torn command")
	}
	t := d.containers[c].state
	length := d.texts.texts[t].length
	if pos > length || d.texts.splits(t, pos) {
		return invalid("text position outside the text or inside a character")
	}
	if kind == cmdTextDelete {
		if n > length-pos || n > 0 && d.texts.splits(t, pos+n) {
			return invalid("deletion beyond the text or through a character")
		}
		if n == 0 {
			return nil
		}
		return d.writeDeletion(c, pos, n)
	}
	in := r.take(2 * int(n))
	if r.bad {
		return invalid("torn command")
	}
	if n == 0 {
		return nil
	}
	if n > maxTextPosition/2-length {
		return tooLarge("text too long")
	}
	from := len(d.log.content)
	for i := 0; i < len(in); i += 2 {
		d.log.content = append(d.log.content, uint16(in[i])|uint16(in[i+1])<<8)
	}
	if !wellFormed(d.log.content[from:]) {
		return invalid("half a surrogate pair")
	}
	return d.write(opRun{n: n, c: c, kind: opTextInsert, pos: d.innerGap(t, pos), ref: d.log.base + uint32(from)})
}

func (d *Doc) commandKey(r *reader, c uint32, kind byte) error {
	row := &d.containers[c]
	if !row.holdsKeys() {
		return invalid("neither map nor record")
	}
	var sub Kind
	if kind == cmdChild {
		sub = Kind(r.byte())
	}
	name := r.bytes(MaxKeyBytes)
	if r.bad || !validKey(name) {
		return invalid("key is not UTF-8, is too long or torn")
	}
	switch kind {
	case cmdMapSet:
		value, err := d.commandValue(r)
		if err != nil {
			return err
		}
		at := uint32(len(d.log.values))
		d.log.values = append(d.log.values, value...)
		return d.write(opRun{n: 1, c: c, kind: opMapSet, ref: d.keys.intern(name), at: at, size: uint32(len(value))})
	case cmdMapDelete:
		return d.write(opRun{n: 1, c: c, kind: opMapDelete, ref: d.keys.intern(name)})
	case cmdRecordPut:
		sub = Kind(r.byte())
		if r.bad || sub == KindValue || !sub.known() || row.kind != KindRecord {
			return invalid("put needs a record and the kind of a container")
		}
		return d.write(opRun{n: 1, c: c, kind: opRecordPut, ref: d.keys.intern(name), sub: sub})
	}
	want := r.u32(none - 1)
	if r.bad || sub == KindValue || !sub.known() {
		return invalid("no kind of container")
	}
	i, fresh, err := d.putChild(c, d.keys.intern(name), sub)
	if err != nil {
		return err
	}
	if fresh {
		d.undo.add(undoRecord{kind: undoContainer})
	}
	if i != want {
		return ErrDesync
	}
	return nil
}

func (d *Doc) commandValue(r *reader) ([]byte, error) {
	value := r.bytes(MaxValueBytes)
	if r.bad {
		return nil, tooLarge("value is torn or larger than a register may be")
	}
	if n, ok := skipValue(value); !ok || n != len(value) {
		return nil, invalid("value is not one MessagePack value of legal depth")
	}
	return value, nil
}

// write makes r the writing session's next operations, following everything that is here.
func (d *Doc) write(r opRun) error {
	g, w := &d.graph, &d.writer
	if w.session == none {
		w.session, _ = g.addSession(w.id)
		d.patch.session(w.session, &w.id)
	}
	if uint64(g.next())+uint64(r.n) > maxLV {
		return tooLarge("document has too many operations")
	}
	r.lv = g.push(w.session, r.n, g.frontier)
	ctx := &d.ctx
	ctx.parents = ctx.parents[:0]
	ctx.begin(g, r.lv)
	g.frontier = append(g.frontier[:0], r.end()-1)
	if err := d.integrate(ctx, r); err != nil {
		return err
	}
	d.settle()
	return nil
}
