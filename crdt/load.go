package crdt

// Load opens a document file. Its operations are checked and applied as those of updates are, except that texts are
// taken from the file as they are: replaying every keystroke is what opening must not cost. So a file can lie about a
// text, as its author could have written one; it cannot make a document that is not sound.
func Load(file []byte) (*Doc, error) {
	sections, err := takeSections(file)
	if err != nil {
		return nil, err
	}
	l := loader{d: New()}
	l.d.patch.off, l.d.undo.off, l.d.loading = true, true, true
	for _, s := range sections {
		if s.id < sectionKnown {
			l.part[s.id] = reader{in: s.payload}
		} else {
			l.d.kept = append(l.d.kept, section{s.id, append([]byte(nil), s.payload...)})
		}
	}
	if err := l.run(); err != nil {
		return nil, err
	}
	d := l.d
	d.settle()
	d.patch.off, d.undo.off, d.loading = false, false, false
	d.mark()
	return d, nil
}

// Merge applies what another replica's file has and this document has not, and gives the patch. Texts are merged from
// the operations; what the file says about its texts is not believed.
func (d *Doc) Merge(file []byte) ([]byte, error) {
	other, err := Load(file)
	if err != nil {
		return nil, err
	}
	d.patch.reset()
	d.mark()
	if err := d.union(other); err != nil {
		d.rollback()
		return nil, err
	}
	for id, why := range other.held.ended {
		if !d.writer.open || id != d.writer.id {
			d.held.end(id, why)
		}
	}
	d.release()
	return d.patch.finish(), nil
}

// union takes the operations of other that are not here. After an error the caller rolls back.
func (d *Doc) union(other *Doc) error {
	g := &d.graph
	for i := range other.graph.entries {
		from := &other.graph.entries[i]
		id := other.graph.sessions[from.session].id
		end := from.seq + Seq(from.n)
		for seq := max(from.seq, g.nextOf(&id)); seq < end; {
			if d.writer.open && id == d.writer.id {
				return invalid("file with operations of the session that writes here, which it did not write")
			}
			e := newEncoder(other, from.session, seq)
			to := e.run(end)
			var w decoder
			if err := w.open(e.finish()); err != nil {
				return err
			}
			if len(g.lacking(w.sessions, w.parents)) > 0 {
				return corrupt("operation of a file follows one that the file does not have")
			}
			if uint64(g.next())+uint64(to-seq) > maxMergedLV {
				return tooLarge("document would have too many operations")
			}
			if err := d.follow(id, &w, g.resolve(&w)); err != nil {
				return err
			}
			seq = to
		}
	}
	if len(g.frontier) > maxHeads {
		return tooLarge("document would have too many branches")
	}
	d.settle()
	return nil
}

// loader reads the sections of a file.
type loader struct {
	d          *Doc
	part       [sectionKnown]reader
	containers []fileContainer
	ops        struct{ kinds, containers, lengths, positions, rest reader }
	keys       uint32
	last       int64 // container of the run before
	cursor     int64
}

// fileContainer is a row of the file's container table.
type fileContainer struct {
	kind   Kind
	depth  uint8
	parent uint32
	name   uint32 // key, or LV of the item
	index  uint32 // in the document, once resolved
}

func (l *loader) run() error {
	if err := l.tables(); err != nil {
		return err
	}
	d := l.d
	var ok bool
	if d.log.content, ok = takeUnits(make([]uint16, 0, l.part[sectionContent].left()), l.part[sectionContent].in); !ok {
		return corrupt("inserted text is not UTF-8")
	}
	d.log.values = append([]byte(nil), l.part[sectionValues].in...)
	if err := l.graph(); err != nil {
		return err
	}
	if err := l.ended(); err != nil {
		return err
	}
	return l.texts()
}

// ended reads which sessions ended with a refused update; most files have none.
func (l *loader) ended() error {
	r := &l.part[sectionEnded]
	if len(r.in) == 0 {
		return nil
	}
	last := SessionID{}
	for i, n := 0, r.count(len(last)); i < n; i++ {
		id := r.session()
		if i > 0 && !last.less(&id) {
			return corrupt("ended sessions out of order")
		}
		l.d.held.end(id, errEnded)
		last = id
	}
	if r.bad || r.left() > 0 {
		return corrupt("ended sessions are torn")
	}
	return nil
}

func (l *loader) tables() error {
	d := l.d
	r := &l.part[sectionSessions]
	n := r.count(len(SessionID{}))
	d.graph.sessions = make([]session, 0, n)
	d.graph.index = make(map[SessionID]uint32, n)
	for ; n > 0; n-- {
		if _, fresh := d.graph.addSession(r.session()); !fresh {
			return corrupt("session listed twice")
		}
	}
	if r.bad || r.left() > 0 {
		return corrupt("session table is torn")
	}
	r = &l.part[sectionContainers]
	n = r.count(3)
	l.containers = make([]fileContainer, 1, n+1)
	l.containers[0] = fileContainer{kind: KindMap}
	for i := 1; i <= n; i++ {
		c := fileContainer{kind: Kind(r.byte()), parent: r.u32(uint32(i - 1)), name: r.u32(maxLV), index: none}
		if r.bad || c.kind == KindValue || !c.kind.known() {
			return corrupt("container table is torn")
		}
		c.depth = l.containers[c.parent].depth + 1
		if c.depth > MaxDepth {
			return tooLarge("containers nested too deep")
		}
		l.containers = append(l.containers, c)
	}
	if r.left() > 0 {
		return corrupt("container table is torn")
	}
	r = &l.part[sectionOps]
	o := &l.ops
	o.kinds.in = r.bytes(MaxFileBytes)
	o.containers.in = r.bytes(MaxFileBytes)
	o.lengths.in = r.bytes(MaxFileBytes)
	o.positions.in = r.bytes(MaxFileBytes)
	o.rest.in = r.bytes(MaxFileBytes)
	if r.bad || r.left() > 0 {
		return corrupt("operation columns are torn")
	}
	if len(o.kinds.in) > len(o.lengths.in)+len(o.positions.in)+len(o.rest.in) {
		return corrupt("operations without their fields")
	}
	// Room for what an ordinary file has; that there are really more is not believed before they are read.
	d.log.runs = make([]opRun, 0, min(len(o.kinds.in), len(r.in)/8))
	r = &l.part[sectionKeys]
	l.keys = uint32(min(r.count(1), len(l.containers)+len(o.kinds.in)))
	for i := 0; i < int(l.keys); i++ {
		name := r.bytes(MaxKeyBytes)
		if r.bad || !validKey(name) || int(d.keys.intern(name)) != i {
			return corrupt("key table is torn or has a key twice")
		}
	}
	if r.bad || r.left() > 0 {
		return corrupt("key table is torn")
	}
	return nil
}

// graph reads the entries and, with each, the operations in it.
func (l *loader) graph() error {
	d, g := l.d, &l.d.graph
	r := &l.part[sectionGraph]
	n := r.count(2)
	g.entries = make([]entry, 0, min(n, len(r.in)/4))
	content, values := uint32(0), uint32(0)
	deleted := make([]uint64, len(g.sessions))
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
		ctx := &d.ctx
		ctx.parents, ctx.linear = heads, sameLVs(heads, g.frontier)
		ctx.ranges, ctx.asked, ctx.touched = ctx.ranges[:0], false, nil
		ctx.first = g.push(uint32(s), count, heads)
		ctx.entry = g.entries[len(g.entries)-1].lv
		for end := lv + LV(count); lv < end; {
			run, err := l.op(ctx, lv, content, values)
			if err != nil {
				return err
			}
			if run.n > uint32(end-lv) {
				return corrupt("run longer than its entry")
			}
			if err := d.integrate(ctx, run); err != nil {
				return err
			}
			switch run.kind {
			case opTextInsert:
				content += run.n
			case opMarkBegin, opMarkEnd, opEmbed:
				content++
				values += run.size
			case opTextDelete, opTextErase:
				deleted[s] += uint64(run.n)
			case opMapSet, opListInsert, opNodeInsert:
				values += run.size
			}
			lv += LV(run.n)
		}
		g.frontier = advance(g.frontier, ctx.parents, lv-1)
	}
	for _, rest := range []*reader{r, &l.ops.kinds, &l.ops.containers, &l.ops.lengths, &l.ops.positions, &l.ops.rest} {
		if rest.bad || rest.left() > 0 {
			return corrupt("graph and operations do not match")
		}
	}
	if int(content) != len(d.log.content) || int(values) != len(d.log.values) {
		return corrupt("operations and their content do not match")
	}
	for i := range g.sessions {
		if g.sessions[i].next == 0 {
			return corrupt("session without operations")
		}
		// What finds nothing to delete is logged as nothing, and nobody deletes one unit twice.
		if deleted[i] > uint64(content) {
			return corrupt("session deleted more than was ever inserted")
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
		heads = append(l.d.ctx.parents[:0], lv-1)
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

// op reads one run.
func (l *loader) op(ctx *context, lv LV, content, values uint32) (r opRun, err error) {
	o := &l.ops
	tag := o.kinds.byte()
	r = opRun{lv: lv, n: 1, kind: opKind(tag & 0x7f)}
	if tag&0x80 != 0 {
		l.last += o.containers.zigzag()
	}
	if o.kinds.bad || o.containers.bad || r.kind >= opKindEnd || l.last < 0 || l.last >= int64(len(l.containers)) {
		return r, corrupt("operation is torn")
	}
	if r.c, err = l.container(uint32(l.last)); err != nil {
		return r, err
	}
	d := l.d
	if !r.kind.fits(d.containers[r.c].kind) {
		return r, corrupt("operation on a container of another kind")
	}
	if !d.reachable(ctx, r.c) {
		return r, corrupt("operation inside an item its author cannot have seen")
	}
	slot := func() uint32 {
		back := o.rest.u32(uint32(lv))
		if back == 0 {
			return none
		}
		return uint32(lv) - back
	}
	switch {
	case r.kind == opTextNothing:
		r.n = o.lengths.u32(MaxUpdateOps) // it has no content that bounds it
	case r.kind < opTextNothing:
		r.n = o.lengths.u32(maxTextPosition)
	}
	switch r.kind {
	case opTextInsert, opTextDelete, opTextErase, opMarkBegin, opMarkEnd, opEmbed:
		pos := l.cursor + o.positions.zigzag()
		if pos < 0 || pos > maxTextPosition || r.kind == opTextErase && pos+1 < int64(r.n) {
			return r, corrupt("text position out of range")
		}
		r.pos = uint32(pos)
		l.cursor = r.cursor()
		if r.kind == opMarkBegin {
			if r.sub = Kind(o.rest.byte()); r.sub >= flagsEnd {
				return r, corrupt("mark with unknown flags")
			}
		}
		if r.kind.isPoint() && (int(content) >= len(d.log.content) || d.log.content[content] != objectUnit) {
			return r, corrupt("point without its unit")
		}
		if r.kind == opTextInsert || r.kind.isPoint() {
			r.ref = content
			if uint64(content)+uint64(r.n) > uint64(len(d.log.content)) {
				return r, corrupt("inserted text is missing")
			}
		}
	case opMapSet, opMapDelete, opRecordPut:
		r.ref = o.rest.u32(uint32(len(d.keys.names)))
		if r.ref >= l.keys {
			return r, corrupt("unknown key")
		}
		if r.kind == opRecordPut {
			r.sub = Kind(o.rest.byte())
			if r.sub == KindValue || !r.sub.known() {
				return r, corrupt("no kind of container")
			}
		}
	case opCounterAdd:
		n := o.rest.zigzag()
		if n < -maxCounter || n > maxCounter {
			return r, corrupt("counter step too large")
		}
		r.at, r.size = uint32(n), uint32(uint64(n)>>32)
	case opListInsert:
		r.pos = slot()
		if r.sub = Kind(o.rest.byte()); !r.sub.known() {
			return r, corrupt("no such kind")
		}
		if r.sub == KindValue {
			r.n = o.lengths.u32(maxLV)
		}
	case opItemDelete, opListMove:
		r.ref = slot()
		r.pos = none
		if r.kind == opListMove {
			r.pos = slot()
		}
	case opNodeInsert, opNodeMove:
		if r.kind == opNodeMove {
			r.ref = slot()
		}
		r.pos, *r.under() = none, none
		if place := o.rest.varint(); place > 0 {
			back := place >> 1
			if back == 0 || back > uint64(lv) {
				return r, corrupt("node at an unknown place")
			}
			if place&1 == 0 {
				r.pos = uint32(lv) - uint32(back)
			} else {
				*r.under() = uint32(lv) - uint32(back)
			}
		}
		if r.kind == opNodeInsert {
			if r.sub = Kind(o.rest.byte()); !r.sub.known() {
				return r, corrupt("no such kind")
			}
		}
	case opTextNothing:
	default:
		return r, corrupt("unknown operation")
	}
	if o.lengths.bad || o.positions.bad || o.rest.bad || r.n == 0 {
		return r, corrupt("operation is torn")
	}
	if r.holdsValues() {
		r.at = values
		v := reader{in: d.log.values, at: int(values)}
		if r.kind == opMarkBegin && !validKey(v.str()) {
			v.bad = true
		}
		if r.kind == opMarkEnd {
			return r, nil // it has none
		}
		for i := uint32(0); i < r.n && !v.bad; i++ {
			v.value()
		}
		if v.bad {
			return r, corrupt("value is missing or malformed")
		}
		r.size = uint32(v.at) - values
	}
	return r, nil
}

// container resolves a row of the file's container table. The recursion is at most MaxDepth deep.
func (l *loader) container(i uint32) (uint32, error) {
	d := l.d
	row := &l.containers[i]
	if row.index != none {
		return row.index, nil
	}
	parent, err := l.container(row.parent)
	if err != nil {
		return 0, err
	}
	switch p := &d.containers[parent]; {
	case p.holdsItems():
		item, ok := d.lists.findItem(LV(row.name))
		if !ok || d.lists.items[item].list != parent || d.lists.items[item].kind != row.kind {
			return 0, corrupt("container of an unknown item")
		}
		row.index = d.lists.items[item].child
	case !p.holdsKeys() || row.name >= l.keys:
		return 0, corrupt("container inside one that holds none, or without a key")
	default:
		if row.index, err = d.child(parent, row.name, row.kind); err != nil {
			return 0, err
		}
	}
	return row.index, nil
}

// texts reads what the texts are.
func (l *loader) texts() error {
	d := l.d
	r := &l.part[sectionState]
	for n := r.count(2); n > 0; n-- {
		i := r.u32(uint32(len(l.containers) - 1))
		text := r.bytes(MaxFileBytes)
		if r.bad || l.containers[i].index == none || l.containers[i].kind != KindText && l.containers[i].kind != KindRichText {
			return corrupt("state of an unknown text")
		}
		c := l.containers[i].index
		t := d.containers[c].state
		var ok bool
		if d.units, ok = takeUnits(d.units[:0], text); !ok || d.innerLength(t) > 0 || len(d.units) > maxTextPosition/2 {
			return corrupt("text is not UTF-8, too long or listed twice")
		}
		d.texts.insert(t, 0, d.units)
		if d.containers[c].kind == KindRichText && !l.points(r, c) {
			return corrupt("points are not those of the text")
		}
	}
	if r.bad || r.left() > 0 {
		return corrupt("texts are torn")
	}
	return nil
}

// points puts the points of rich text container c where the file says.
func (l *loader) points(r *reader, c uint32) bool {
	d := l.d
	p := &d.points
	t := d.containers[c].state
	left := d.texts.texts[t].length
	prev := none
	for n := r.count(2); n > 0; n-- {
		run, lv := r.u32(left), LV(r.u32(maxLV))
		el, ok := p.find(lv)
		if r.bad || !ok || p.rows[el].placed || d.log.runs[d.log.at(lv)].c != c {
			return false
		}
		left -= run
		if width := p.rows[el].width(); width > 0 {
			if left == 0 || d.texts.unit(t, d.texts.texts[t].length-left) != objectUnit {
				return false
			}
			left--
			d.widen(prev, -width)
		}
		d.place(t, el, prev, left)
		prev = el
	}
	return !r.bad
}
