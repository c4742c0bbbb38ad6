package crdt

import "slices"

// tracker finds out where concurrent edits of texts belong now (Eg-walker). It replays the concurrent part of the
// history, everything after a base version, on spans: runs of units with their insertion order. Each span knows
// whether it is there in the prepared version, the one the next operation was made in, and whether it is there in
// the merged version, the document's state. The text as it was at the base is one long span.
//
// The prepared version is moved by taking operations back and doing them again; that changes states of spans, never
// their order. A few prepared versions stand side by side, for branches that arrive in turns. Between merges the tracker stays: the next operation of the same branch needs no replay.
//
// An operation that followed everything there was when it came was made in the merged version of that time. It is
// replayed in that one and leaves the prepared version where it is, so that typing here while the branch of somebody
// else arrives does not move it to and fro.
//
// Units are named by where they are in the log's content, units of the base text by baseUnit plus their position. So
// what the tracker needs grows with the text that was inserted and the runs, never with a number in somebody's input.
type tracker struct {
	live  bool
	floor LV  // operations from here on follow the base version, those below are in its history
	end   LV  // everything from floor to here has been replayed
	done  int // how many operations that is
	limit int // when so many have been, it is time to see whether starting anew is better
	steps int // how much was done; tests look at it

	ready [versions]prepared
	in    int // the one of the next operation
	clock int

	spans []span
	seq   sequence
	roots map[uint32]uint32 // per container

	// at says which span begins with a unit; begins marks the units with which one does. Both count from low on.
	low    uint32
	at     []uint32
	begins []uint64
	// deleted says which units each deletion deleted, in the order of the operations.
	deleted []deletion

	row    spanRow   // scratch
	region []lvRange // scratch
	takes  []lvRange // scratch
	gives  []lvRange // scratch
}

// span is n units that were inserted one behind the other.
type span struct {
	unit uint32 // name of the first
	n    uint32
	lv   LV // operation that inserted the first
	// entry of the graph holds it.
	entry uint32
	// left is what stood before the first unit when it was inserted, right what then stood behind the last: units,
	// or none. Between them nothing stood.
	left, right uint32
	state       [versions]uint32 // in each prepared version: 0 not inserted yet, 1 there, more: deleted so many times
	gone        bool             // deleted in the merged version
	leans       int8             // of an anchor
}

// deletion says that operations lv … lv+n-1 deleted the units from unit on, or, down, from unit+n-1 to unit.
type deletion struct {
	lv   LV
	n    uint32
	unit uint32
	down bool
}

const (
	baseUnit   = 1 << 31
	baseLength = 1 << 30 // longer than any text
)

// Measures of the sequence. The first are the prepared versions.
const (
	inMerged = versions
	inBase   = versions + 1
)

// drop forgets everything.
func (t *tracker) drop() {
	t.live, t.floor, t.done = false, 0, 0
	for v := range t.ready {
		t.ready[v].heads, t.ready[v].used = t.ready[v].heads[:0], 0
	}
	t.spans, t.at, t.begins, t.deleted = t.spans[:0], t.at[:0], t.begins[:0], t.deleted[:0]
	t.seq.nodes, t.seq.sums, t.seq.home, t.seq.free = t.seq.nodes[:0], t.seq.sums[:0], t.seq.home[:0], t.seq.free[:0]
	t.seq.more = inBase
	t.roots = nil
}

// merge applies r, whose author had not seen everything here, to the document.
func (t *tracker) merge(d *Doc, ctx *context, r opRun) {
	parents := ctx.parents
	if r.lv > ctx.first {
		parents = []LV{r.lv - 1}
	}
	session, _ := d.graph.id(r.lv)
	t.open(d, parents, session, r.lv)
	root := t.root(r.c)
	// The base text is shorter than its span. What is too much is there in every version.
	beyond := t.seq.total(root, inMerged) - d.innerLength(d.containers[r.c].state)
	length := t.seq.total(root, t.in)
	d.eachClamped(r, length-min(beyond, length), func(r opRun) {
		d.log.add(r, ctx.entry)
		t.apply(d, &r, t.in, true)
	})
	t.end = r.end()
	t.did(&r, session)
}

// did notes that r was done in the prepared version.
func (t *tracker) did(r *opRun, session uint32) {
	t.done += int(r.n)
	p := &t.ready[t.in]
	p.heads = append(p.heads[:0], r.end()-1)
	p.use(session, &t.clock)
}

// open prepares the version with these heads, of an operation of a session that comes at now. It starts anew when the
// tracker does not reach back far enough, or has grown much larger than what is concurrent now.
func (t *tracker) open(d *Doc, heads []LV, session uint32, now LV) {
	if t.live {
		t.compare(d, heads, session)
		n := len(t.takes)
		if (n == 0 || t.takes[n-1].from >= t.floor) && t.worth(d, heads, now) {
			t.replay(d, t.end, now) // only what is linear, the rest came through merge
			t.end = now
			t.move(d, heads)
			return
		}
	}
	t.drop()
	base, region := d.graph.base(d.graph.frontier, heads, t.region[:0])
	t.live, t.region = true, region
	for v := range t.ready {
		t.ready[v].heads = append(t.ready[v].heads, base...)
	}
	for _, lv := range base {
		t.floor = max(t.floor, lv+1)
	}
	for i := len(region) - 1; i >= 0; i-- {
		t.replay(d, region[i].from, region[i].to)
	}
	t.end = now
	t.limit = trackerSlack * (t.done + trackerSpare)
	t.prepare(d, heads, session)
}

// A tracker of so many times what is concurrent, and some more, is kept.
const (
	trackerSlack = 4
	trackerSpare = 64
)

// worth reports whether going on costs less than starting anew. What is concurrent is only counted when much has been
// done since the last time, or has been left undone.
func (t *tracker) worth(d *Doc, heads []LV, now LV) bool {
	if len(t.takes)+len(t.gives) == 0 {
		return true
	}
	all := t.done + int(now-t.end)
	if all <= t.limit && int(now-t.end) <= t.done+trackerSpare {
		return true
	}
	_, t.region = d.graph.base(d.graph.frontier, heads, t.region[:0])
	size := 0
	for _, r := range t.region {
		size += int(r.to - r.from)
	}
	t.limit = max(t.limit, 2*all)
	return all <= trackerSlack*(size+trackerSpare)
}

// replay adds the operations [from, to), which are in the document already.
func (t *tracker) replay(d *Doc, from, to LV) {
	if from >= to {
		return
	}
	g := &d.graph
	for i := d.log.at(from); i < len(d.log.runs) && d.log.runs[i].lv < to; i++ {
		t.steps++
		r := &d.log.runs[i]
		if !r.kind.inText() {
			continue
		}
		part := d.log.clip(i, max(from, r.lv), min(to, r.end()))
		e := &g.entries[g.at(part.lv)]
		if e.linear() {
			t.apply(d, &part, inMerged, false)
			t.done += int(part.n)
			continue
		}
		if part.lv == e.lv {
			t.prepare(d, g.parentsOf(e), e.session)
		} else {
			t.prepare(d, []LV{part.lv - 1}, e.session)
		}
		t.apply(d, &part, t.in, false)
		t.did(&part, e.session)
	}
}

// root gives the tree of text container c, the base text when it is met for the first time.
func (t *tracker) root(c uint32) uint32 {
	if root, ok := t.roots[c]; ok {
		return root
	}
	if t.roots == nil {
		t.roots = make(map[uint32]uint32)
	}
	base := span{unit: baseUnit, n: baseLength, left: none, right: none}
	for v := range base.state {
		base.state[v] = 1
	}
	i := t.addSpan(base)
	root := t.seq.insertAfter(none, none, i, t.spans[i].weight())
	t.roots[c] = root
	return root
}

func (s *span) weight() (w weight) {
	for v, state := range s.state {
		if state == 1 {
			w[v] = s.n
		}
	}
	if !s.gone {
		w[inMerged] = s.n
	}
	if s.unit >= baseUnit {
		w[inBase] = s.n
	}
	return w
}

func (t *tracker) addSpan(s span) uint32 {
	i := uint32(len(t.spans))
	t.spans = append(t.spans, s)
	if s.unit < baseUnit {
		if len(t.at) == 0 {
			t.low = s.unit // operations come in order, and so does what they insert
		}
		k := s.unit - t.low
		t.reach(k + s.n)
		t.at[k] = i
		t.begins[k>>6] |= 1 << (k & 63)
	}
	return i
}

// reach makes room in at for n units.
func (t *tracker) reach(n uint32) {
	if more := int(n) - len(t.at); more > 0 {
		t.at = slices.Grow(t.at, more)[:n]
	}
	for len(t.begins) <= int(n)>>6 {
		t.begins = append(t.begins, 0)
	}
}

// spanOf gives the span that holds a unit of container c and the offset in it.
func (t *tracker) spanOf(c, unit uint32) (i, off uint32) {
	if unit >= baseUnit {
		return t.seq.find(t.roots[c], inBase, unit-baseUnit)
	}
	k := unit - t.low
	word := k >> 6
	bits := t.begins[word] & (2<<(k&63) - 1)
	for bits == 0 {
		word--
		bits = t.begins[word]
	}
	first := word<<6 + 63
	for bits>>63 == 0 {
		bits <<= 1
		first--
	}
	return t.at[first], k - first
}

// cut makes a span begin at off of span i and gives it.
func (t *tracker) cut(c, i, off uint32) uint32 {
	if off == 0 {
		return i
	}
	s := &t.spans[i]
	was := s.weight()
	rest := *s
	rest.unit += off
	rest.lv += LV(off)
	rest.n -= off
	rest.left = rest.unit - 1
	s.n = off
	s.right = rest.right
	t.reweigh(i, was)
	j := t.addSpan(rest)
	t.roots[c] = t.seq.insertAfter(t.roots[c], i, j, rest.weight())
	return j
}

// reweigh tells the tree that span i no longer weighs was.
func (t *tracker) reweigh(i uint32, was weight) {
	now := t.spans[i].weight()
	for m := range now {
		now[m] -= was[m]
	}
	if now != (weight{}) {
		t.seq.add(i, now)
	}
}

// isolate makes a span of exactly the units [off, off+n) of span i, or as many as there are, and gives it.
func (t *tracker) isolate(c, i, off, n uint32) uint32 {
	i = t.cut(c, i, off)
	if n < t.spans[i].n {
		t.cut(c, i, n)
	}
	return i
}

// prepare makes a version ready for an operation of a session.
func (t *tracker) prepare(d *Doc, heads []LV, session uint32) {
	t.compare(d, heads, session)
	t.move(d, heads)
}

// compare takes the nearest prepared version and finds out what has to be taken back and done again to move it.
func (t *tracker) compare(d *Doc, heads []LV, session uint32) {
	t.in, _ = nearest(&t.ready, heads, session)
	t.takes, t.gives = d.graph.diff(t.ready[t.in].heads, heads, t.takes[:0], t.gives[:0])
}

// move does that.
func (t *tracker) move(d *Doc, heads []LV) {
	for _, r := range t.takes {
		t.turn(d, r, ^uint32(0))
	}
	for i := len(t.gives) - 1; i >= 0; i-- {
		t.turn(d, t.gives[i], 1)
	}
	p := &t.ready[t.in]
	p.heads = append(p.heads[:0], heads...)
}

// turn takes the operations of a range back (by = -1) or does them again (1). Within a range the order does not
// matter: states are counts.
func (t *tracker) turn(d *Doc, span lvRange, by uint32) {
	for i := d.log.at(span.from); i < len(d.log.runs) && d.log.runs[i].lv < span.to; i++ {
		t.steps++
		r := &d.log.runs[i]
		from, to := max(span.from, r.lv), min(span.to, r.end())
		switch r.kind {
		case opTextInsert, opMarkBegin, opMarkEnd, opEmbed:
			t.count(r.c, r.ref+uint32(from-r.lv), uint32(to-from), by)
		case opTextDelete, opTextErase:
			t.turnDeletions(r.c, from, to, by)
		}
	}
}

func (t *tracker) turnDeletions(c uint32, from, to LV, by uint32) {
	i, _ := slices.BinarySearchFunc(t.deleted, from, func(d deletion, lv LV) int {
		if d.lv+LV(d.n) <= lv {
			return -1
		}
		return 1
	})
	for ; i < len(t.deleted) && t.deleted[i].lv < to; i++ {
		d := t.deleted[i]
		skip, n := uint32(0), d.n
		if d.lv < from {
			skip = uint32(from - d.lv)
		}
		if d.lv+LV(n) > to {
			n = uint32(to - d.lv)
		}
		unit := d.unit + skip
		if d.down {
			unit = d.unit + d.n - n
		}
		t.count(c, unit, n-skip, by)
	}
}

// count adds by to the state of n units from unit on.
func (t *tracker) count(c, unit, n, by uint32) {
	for n > 0 {
		t.steps++
		i, off := t.spanOf(c, unit)
		i = t.isolate(c, i, off, n)
		s := &t.spans[i]
		was := s.weight()
		s.state[t.in] += by
		t.reweigh(i, was)
		unit += s.n
		n -= s.n
	}
}

// apply does one run, made in the prepared or, in says, the merged version. With emit it is new, and the document's text
// is changed accordingly.
func (t *tracker) apply(d *Doc, r *opRun, in int, emit bool) {
	t.root(r.c)
	switch r.kind {
	case opTextInsert, opMarkBegin, opMarkEnd, opEmbed:
		i := t.insert(d, r, in)
		if emit {
			d.spliceIn(r, min(t.seq.before(i, inMerged), d.innerLength(d.containers[r.c].state)))
		}
	case opTextDelete:
		t.remove(d, r, in, r.pos, false, emit)
	case opTextErase:
		t.remove(d, r, in, r.pos-r.n+1, true, emit)
	}
}

// insert adds the units of r and gives their span.
func (t *tracker) insert(d *Doc, r *opRun, in int) uint32 {
	left, after := none, none
	if r.pos > 0 {
		i, off := t.seq.find(t.roots[r.c], in, r.pos-1)
		if i == none {
			i = t.seq.last(t.roots[r.c]) // only a damaged file leads here
			off = t.spans[i].n - 1
		}
		left = t.spans[i].unit + off
		if off+1 < t.spans[i].n {
			t.cut(r.c, i, off+1)
		}
		after = i
	}
	t.row = spanRow{t: t, d: d, c: r.c, lv: r.lv, left: left, right: none, leans: r.kind.leans(byte(r.sub))}
	row := &t.row
	// The right neighbour is the first unit behind that the author had seen, deleted or not. What leans to the front has
	// none, as what stands at the end of a text: so it comes before all others behind its left one.
	if p := t.spans; in == inMerged {
		if row.leans != leansFront {
			row.right = row.unitOf(row.after(after))
		}
	} else if row.leans == leansFront {
		after = place(row, after)
	} else if left < baseUnit && p[after].leans != leansFront && t.follows(p[after].lv+LV(p[after].n)-1) {
		// Behind what the operation right before inserted: what stood behind that. No need to walk over all that others
		// put there. They may have put something behind that operation, too, so there is still a place to be found.
		row.right = p[after].right
		after = place(row, after)
	} else {
		after = row.between(after)
	}
	fresh := span{unit: r.ref, n: r.n, lv: r.lv, entry: uint32(d.graph.at(r.lv)), left: left, right: row.right, leans: row.leans}
	if in < versions {
		fresh.state[in] = 1
	}
	i := t.addSpan(fresh)
	t.roots[r.c] = t.seq.insertAfter(t.roots[r.c], after, i, t.spans[i].weight())
	return i
}

// follows reports whether the prepared version is the one right after operation lv.
func (t *tracker) follows(lv LV) bool {
	heads := t.ready[t.in].heads
	return len(heads) == 1 && heads[0] == lv
}

// between finds the right neighbour of what stands behind span el in the prepared version: the first unit behind that
// the author had seen, deleted or not. It gives the span behind which it belongs.
func (r *spanRow) between(el uint32) uint32 {
	next := r.after(el)
	if next == none || r.known(next) {
		r.right = r.unitOf(next)
		return el
	}
	if prev := r.inFront(); prev != none {
		r.right = r.unitOf(prev)
		return r.t.seq.prev(prev)
	}
	for next != none && !r.known(next) {
		next = r.after(next)
	}
	r.right = r.unitOf(next)
	return place(r, el)
}

// inFront gives the span that the run right before inserted if the new units go directly in front of it: they have
// the same left neighbour, and nobody who had seen it has put anything between the two. Such a unit would have it as its
// right neighbour, or none as what leans to the front. None otherwise.
func (r *spanRow) inFront() uint32 {
	t := r.t
	heads := t.ready[t.in].heads
	if len(heads) != 1 || heads[0] < t.floor {
		return none
	}
	op := &r.d.log.runs[r.d.log.at(heads[0])]
	if op.kind != opTextInsert || op.c != r.c || op.lv < t.floor {
		return none
	}
	i, off := t.spanOf(r.c, op.ref)
	if off > 0 || t.spans[i].left != r.left {
		return none
	}
	if x := t.seq.prev(i); x != none && (t.spans[x].right == t.spans[i].unit || t.spans[x].leans == leansFront) {
		return none
	}
	return i
}

// remove deletes r.n units from pos on; down: the run's operations deleted them from the last to the first.
func (t *tracker) remove(d *Doc, r *opRun, in int, pos uint32, down, emit bool) {
	text := d.containers[r.c].state
	first := len(t.deleted)
	for k := uint32(0); k < r.n; {
		t.steps++
		i, off := t.seq.find(t.roots[r.c], in, pos)
		if i == none {
			break // only a damaged file leads here
		}
		i = t.isolate(r.c, i, off, r.n-k)
		s := &t.spans[i]
		was := s.weight()
		if emit && !s.gone {
			at := t.seq.before(i, inMerged)
			if length := d.innerLength(text); at < length {
				d.spliceOut(r.c, at, min(s.n, length-at))
			}
		}
		if in < versions {
			s.state[in]++
		}
		s.gone = true
		t.reweigh(i, was)
		lv := r.lv + LV(k)
		if down {
			lv = r.lv + LV(r.n-k-s.n)
		}
		t.deleted = append(t.deleted, deletion{lv, s.n, s.unit, down})
		k += s.n
	}
	if down {
		slices.Reverse(t.deleted[first:])
	}
}

// spanRow is the fugueRow of the tracker.
type spanRow struct {
	t           *tracker
	d           *Doc
	c           uint32
	lv          LV
	left, right uint32 // units
	leans       int8
}

// unitOf gives the first unit of a span.
func (r *spanRow) unitOf(el uint32) uint32 {
	if el == none {
		return none
	}
	return r.t.spans[el].unit
}

func (r *spanRow) after(el uint32) uint32 {
	r.t.steps++
	if el == none {
		return r.t.seq.first(r.t.roots[r.c])
	}
	return r.t.seq.next(el)
}

func (r *spanRow) known(el uint32) bool { return r.t.spans[el].state[r.t.in] != 0 }

func (r *spanRow) compareLeft(el uint32) int { return r.compare(r.t.spans[el].left, r.left, -1) }

func (r *spanRow) compareRight(el uint32) int { return r.compare(r.t.spans[el].right, r.right, 1) }

// compare orders two units by where they stand; none stands at the edge that the caller says.
func (r *spanRow) compare(a, b uint32, edge int) int {
	switch {
	case a == b:
		return 0
	case a == none:
		return edge
	case b == none:
		return -edge
	}
	i, p := r.t.spanOf(r.c, a)
	j, q := r.t.spanOf(r.c, b)
	if i == j && p < q || i != j && r.t.seq.less(i, j) {
		return -1
	}
	return 1
}

// first: an anchor that leans to the back stands behind all others with its neighbours. Of those that lean to the front
// and stand behind the same unit, whoever made one put it in front of those he knew.
func (r *spanRow) first(el uint32) bool {
	s := &r.t.spans[el]
	switch {
	case r.leans != s.leans:
		return r.leans < s.leans
	case r.leans == leansFront:
		return r.d.later(r.lv, s.lv)
	}
	return r.d.namedBefore(r.lv, s.lv, s.entry)
}
