package crdt

// Load opens a document file. It reads the state; the history stays encoded until somebody needs it. So a file can lie
// about what its operations add up to, as its author could have written others; it cannot make a document that is not
// sound. The document keeps no reference to file.
func Load(file []byte) (*Doc, error) {
	sections, err := takeSections(file)
	if err != nil {
		return nil, err
	}
	l := loader{d: New()}
	d := l.d
	d.patch.off, d.undo.off = true, true
	for _, s := range sections {
		if s.id < sectionKnown {
			l.part[s.id] = reader{in: s.payload}
		} else {
			d.keep(s.id, s.payload)
		}
	}
	if err := l.run(); err != nil {
		return nil, err
	}
	for id := range l.part {
		if r := &l.part[id]; r.left() > 0 { // fields that a later minor version has put behind ours
			d.keep(uint64(id), r.in[r.at:])
		}
	}
	d.patch.off, d.undo.off = false, false
	d.touchAll()
	d.mark()
	return d, nil
}

func (d *Doc) keep(id uint64, payload []byte) {
	d.kept = append(d.kept, section{id, append([]byte(nil), payload...)})
}

// loader reads the sections of a file. One that is left out is empty.
type loader struct {
	d     *Doc
	part  [sectionKnown]reader
	heads []LV // scratch
}

func (l *loader) run() error {
	for _, step := range []func() error{
		l.sessions, l.keys, l.containers, l.graph, l.state, l.items, l.order, l.texts, l.points, l.counters, l.lasts, l.ended, l.past,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// rows gives the section and how many rows it begins with, which take at least size bytes each.
func (l *loader) rows(id, size int) (r *reader, n int) {
	if r = &l.part[id]; len(r.in) > 0 {
		n = r.count(size)
	}
	return r, n
}

func (l *loader) sessions() error {
	g := &l.d.graph
	r, n := l.rows(sectionSessions, len(SessionID{}))
	g.sessions = make([]session, 0, n)
	g.index = make(map[SessionID]uint32, n)
	for ; n > 0; n-- {
		if _, fresh := g.addSession(r.session()); !fresh {
			return corrupt("session listed twice")
		}
	}
	if r.bad {
		return corrupt("session table is torn")
	}
	return nil
}

func (l *loader) keys() error {
	d := l.d
	r, n := l.rows(sectionKeys, 1)
	// Each is needed by a container or an operation.
	if n > len(l.part[sectionContainers].in)+len(l.part[sectionState].in)+len(l.part[sectionPast].in) {
		return corrupt("more keys than anything could need")
	}
	for i := 0; i < n; i++ {
		name := r.bytes(MaxKeyBytes)
		if r.bad || !validKey(name) || int(d.keys.intern(name)) != i {
			return corrupt("key table is torn or has a key twice")
		}
	}
	if r.bad {
		return corrupt("key table is torn")
	}
	d.past.keys = n
	return nil
}

// containers makes the containers. Those of items are named by a local version until the items are here.
func (l *loader) containers() error {
	d := l.d
	r, n := l.rows(sectionContainers, 3)
	for i := 1; i <= n; i++ {
		form := r.byte()
		kind, parent, name := Kind(form&^containerShown), r.u32(uint32(i-1)), r.u32(maxLV)
		if r.bad || kind == KindValue || !kind.known() {
			return corrupt("container table is torn")
		}
		row := &d.containers[parent]
		if row.depth+1 >= MaxDepth {
			return tooLarge("containers nested too deep")
		}
		shown := form&containerShown != 0
		if !row.holdsItems() && (!row.holdsKeys() || int(name) >= len(d.keys.names)) {
			return corrupt("container inside one that holds none, or without a key")
		}
		if shown && row.kind != KindRecord {
			return corrupt("only what a record holds is shown or not")
		}
		if row.holdsKeys() {
			key := childKey{parent, name, kind}
			if _, ok := d.children[key]; ok {
				return corrupt("container listed twice")
			}
			d.children[key] = uint32(i)
		}
		d.newContainer(parent, name, kind)
		d.containers[i].shown = shown
	}
	if r.bad {
		return corrupt("container table is torn")
	}
	d.past.containers = len(d.containers)
	return nil
}

// graph reads the entries.
func (l *loader) graph() error {
	g := &l.d.graph
	r, n := l.rows(sectionGraph, 2)
	g.entries = make([]entry, 0, min(n, len(r.in)/4))
	for i := 0; i < n; i++ {
		tag := r.varint()
		count := r.u32(maxLV)
		s := tag >> 1
		lv := g.next()
		if r.bad || s >= uint64(len(g.sessions)) || count == 0 || uint64(lv)+uint64(count) > maxLV {
			return corrupt("graph is torn")
		}
		heads, err := l.parents(r, lv, tag&1 == 1, uint32(s))
		if err != nil {
			return err
		}
		g.push(uint32(s), count, heads)
		g.frontier = advance(g.frontier, heads, g.next()-1)
	}
	if r.bad {
		return corrupt("graph is torn")
	}
	for i := range g.sessions {
		if g.sessions[i].next == 0 {
			return corrupt("session without operations")
		}
	}
	return nil
}

// parents reads an entry's parents, which must include the session's own operation before it in their history.
func (l *loader) parents(r *reader, lv LV, explicit bool, s uint32) ([]LV, error) {
	g := &l.d.graph
	var heads []LV
	if !explicit {
		if lv == 0 {
			return nil, corrupt("first operation follows another")
		}
		heads = append(l.heads[:0], lv-1)
	} else {
		for n := r.count(1); n > 0; n-- {
			back := r.u32(uint32(lv))
			if r.bad || back == 0 {
				return nil, corrupt("operation follows one behind it")
			}
			heads = append(heads, lv-LV(back))
		}
		if r.bad {
			return nil, corrupt("parents are torn")
		}
		n := len(heads)
		if heads = g.reduce(heads); len(heads) < n {
			return nil, corrupt("parent that another one follows")
		}
	}
	if row := &g.sessions[s]; row.next > 0 {
		own, _ := g.find(s, row.next-1)
		if !hasLV(heads, own) && !sameLVs(heads, g.frontier) && !g.contains(heads, []LV{own}) {
			return nil, corrupt("session does not follow itself")
		}
	}
	return heads, nil
}

// state reads the operations that still count. The values of all are one behind the other in the log.
func (l *loader) state() error {
	d := l.d
	values, old := l.values(sectionValues), l.values(sectionPastValues)
	if values == nil || old == nil {
		return corrupt("values are torn")
	}
	d.log.values = append(append(make([]byte, 0, len(values)+len(old)), values...), old...)
	d.past.values = valueRange{uint32(len(values)), uint32(len(old))}
	r := &l.part[sectionState]
	if len(r.in) == 0 {
		if len(values) > 0 {
			return corrupt("values that nothing has")
		}
		return nil
	}
	o := columnReader{d: d, values: reader{in: d.log.values[:len(values)]}}
	o.open(r)
	if err := l.room(o); err != nil || r.bad {
		return corrupt("operations of the state are torn")
	}
	for !o.tags.done() {
		run, _ := o.read()
		if err := d.restore(&run); err != nil {
			return err
		}
		d.log.runs = append(d.log.runs, run)
	}
	return nil
}

// room reads all operations once, to make room for what they leave only when they are as they should be.
func (l *loader) room(o columnReader) error {
	runs, registers, items, slots, points := 0, 0, 0, 0, 0
	for !o.tags.done() {
		run, err := o.read()
		if err != nil {
			return err
		}
		runs++
		switch run.kind {
		case opMapSet, opMapDelete:
			registers++
		case opListInsert, opNodeInsert:
			items += int(run.n)
			slots += int(run.n)
		case opListMove, opNodeMove:
			slots++
		default:
			points++
		}
	}
	if !o.finish() || o.values.left() > 0 {
		return corrupt("columns are torn")
	}
	d := l.d
	d.log.runs = make([]opRun, 0, runs)
	d.registers = make([]register, 0, registers)
	d.registerAt = make(map[uint64]uint32, registers)
	d.lists.items, d.lists.slots = make([]item, 0, items), make([]slot, 0, slots)
	d.lists.seq.home = make([]uint32, 0, slots)
	d.points.rows = make([]point, 0, points)
	return nil
}

// values gives the values of a section, nil when they are torn.
func (l *loader) values(id int) []byte {
	r := &l.part[id]
	if len(r.in) == 0 {
		return []byte{}
	}
	return r.bytes(MaxFileBytes)
}

// items gives the containers of items to these, and checks that each has what it should.
func (l *loader) items() error {
	d := l.d
	for i := 1; i < len(d.containers); i++ {
		c := &d.containers[i]
		if !d.containers[c.parent].holdsItems() {
			continue
		}
		item, ok := d.lists.findItem(LV(c.name))
		if !ok {
			return corrupt("container of an unknown item")
		}
		it := &d.lists.items[item]
		if it.list != c.parent || it.kind != c.kind || it.child != none {
			return corrupt("container of an item that has none or another")
		}
		it.child, c.name = uint32(i), item
	}
	for i := range d.lists.items {
		if it := &d.lists.items[i]; it.kind != KindValue && it.child == none {
			return corrupt("item without its container")
		}
	}
	return nil
}

// texts reads what the texts are.
func (l *loader) texts() error {
	d := l.d
	r, n := l.rows(sectionTexts, 2)
	if len(r.in) == 0 {
		return nil
	}
	rows := *r
	for range n {
		r.varint()
		r.varint()
	}
	text := reader{in: r.bytes(MaxFileBytes)}
	if r.bad {
		return corrupt("texts are torn")
	}
	d.past.texts = text.in
	for c := uint32(0); n > 0; n-- {
		c += rows.u32(maxLV)
		part := text.bytesOf(rows.varint())
		if text.bad || c >= uint32(len(d.containers)) || !d.containers[c].isText() {
			return corrupt("state of an unknown text")
		}
		t := d.containers[c].state
		var ok bool
		if d.units, ok = takeUnits(d.units[:0], part); !ok || d.texts.texts[t].length > 0 || len(d.units) > maxTextPosition/2 {
			return corrupt("text is not UTF-8, too long or listed twice")
		}
		d.texts.insert(t, 0, d.units)
	}
	if rows.bad || text.left() > 0 {
		return corrupt("texts are torn")
	}
	return nil
}

// points puts the anchors and embeds of rich texts where they stand. The others have been deleted.
func (l *loader) points() error {
	d := l.d
	p := &d.points
	r, n := l.rows(sectionPoints, 2)
	if len(r.in) == 0 {
		return nil
	}
	rows := *r
	for range n {
		r.varint()
		r.varint()
	}
	runs, lvs := reader{in: r.bytes(MaxFileBytes)}, reader{in: r.bytes(MaxFileBytes)}
	c, next := uint32(0), int64(0)
	for ; n > 0 && !r.bad; n-- {
		c += rows.u32(maxLV)
		count := rows.u32(maxLV)
		if rows.bad || c >= uint32(len(d.containers)) || d.containers[c].kind != KindRichText {
			return corrupt("points of an unknown text")
		}
		t := d.containers[c].state
		if d.texts.texts[t].points != none {
			return corrupt("points listed twice")
		}
		left, prev := d.texts.texts[t].length, none
		for ; count > 0; count-- {
			run, lv := runs.u32(left), next+lvs.zigzag()
			if runs.bad || lvs.bad || lv < 0 || lv > maxLV {
				return corrupt("points are torn")
			}
			el, ok := p.find(LV(lv))
			if !ok || p.rows[el].placed || d.log.runs[d.log.at(LV(lv))].c != c {
				return corrupt("point that is not one of its text")
			}
			left -= run
			if width := p.rows[el].width(); width > 0 {
				if left == 0 || d.texts.unit(t, d.texts.texts[t].length-left) != objectUnit {
					return corrupt("embed without its unit")
				}
				left--
				d.widen(prev, -width)
			}
			d.place(t, el, prev, left)
			prev, next = el, lv+1
		}
	}
	if r.bad || runs.left() > 0 || lvs.left() > 0 {
		return corrupt("points are torn")
	}
	return nil
}

func (l *loader) counters() error {
	d := l.d
	r, n := l.rows(sectionCounters, 2)
	for c := uint32(0); n > 0; n-- {
		c += r.u32(maxLV)
		sum := r.zigzag()
		if r.bad || c >= uint32(len(d.containers)) || d.containers[c].kind != KindCounter || d.counters[d.containers[c].state] != 0 {
			return corrupt("sum of an unknown counter")
		}
		d.counters[d.containers[c].state] = sum
	}
	if r.bad {
		return corrupt("counters are torn")
	}
	return nil
}

// lasts reads which containers the last operations of sessions were on.
func (l *loader) lasts() error {
	d := l.d
	r, n := l.rows(sectionLast, 2)
	d.past.last = make([]lastOperation, 0, n)
	lv, c := uint64(0), int64(0)
	for ; n > 0; n-- {
		lv += uint64(r.u32(maxLV))
		c += r.zigzag()
		if r.bad || lv >= uint64(d.graph.next()) || c < 0 || c >= int64(len(d.containers)) {
			return corrupt("last operations are torn")
		}
		d.past.last = append(d.past.last, lastOperation{LV(lv), uint32(c)})
		lv++
	}
	if r.bad {
		return corrupt("last operations are torn")
	}
	return nil
}

// ended reads which sessions ended with a refused update; most files have none.
func (l *loader) ended() error {
	r, n := l.rows(sectionEnded, len(SessionID{}))
	last := SessionID{}
	for i := range n {
		id := r.session()
		if i > 0 && !last.less(&id) {
			return corrupt("ended sessions out of order")
		}
		l.d.held.end(id, errEnded)
		last = id
	}
	if r.bad {
		return corrupt("ended sessions are torn")
	}
	return nil
}

// past keeps the history as it is, but for what its use relies on.
func (l *loader) past() error {
	p, next := &l.d.past, l.d.graph.next()
	texts := p.texts
	p.texts = nil
	p.cut, p.from = next, next
	r := &l.part[sectionPast]
	if len(r.in) == 0 {
		if p.values.size > 0 || len(l.part[sectionContent].in) > 0 {
			return corrupt("content of a history that is not here")
		}
		return nil
	}
	p.cut, p.units = LV(r.u32(uint32(next))), r.u32(maxLV)
	p.count = r.count(6)
	from := r.at
	for range p.count {
		o := columnReader{}
		o.open(r)
	}
	content := &l.part[sectionContent]
	size, ok := 0, true
	if len(content.in) > 0 {
		size, ok = contentSize(*content, len(texts))
		for range 3 {
			content.bytes(MaxFileBytes)
		}
	}
	if r.bad || !ok || uint64(p.units) > uint64(size) {
		return corrupt("history is torn")
	}
	if p.cut == next {
		if p.count > 0 || size > 0 || p.values.size > 0 {
			return corrupt("history behind everything")
		}
		return nil
	}
	p.segments = append([]byte(nil), r.in[from:r.at]...)
	p.content, p.texts = append([]byte(nil), content.in[:content.at]...), append([]byte(nil), texts...)
	l.d.log.base = p.units
	return nil
}
