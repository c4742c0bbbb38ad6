package crdt

// Check verifies every invariant of the structures. It is slow and for tests, and for a document one has doubts about.
func (d *Doc) Check() error {
	for _, check := range []func() string{
		d.checkGraph, d.checkLog, d.checkContainers, d.checkRegisters, d.checkTexts, d.checkPoints,
		d.checkRows, d.checkItems, d.checkMoves, d.checkHeld, d.checkTracker, d.checkKnowledge, d.checkTouched,
	} {
		if broken := check(); broken != "" {
			return &Error{CodeCorrupt, "check: " + broken}
		}
	}
	return nil
}

func (d *Doc) checkGraph() string {
	g := &d.graph
	next := make([]Seq, len(g.sessions))
	rows := make([]int, len(g.sessions))
	var frontier []LV
	lv := LV(0)
	for i := range g.entries {
		e := &g.entries[i]
		switch {
		case e.lv != lv || e.n == 0:
			return "graph entries leave a gap"
		case e.seq != next[e.session]:
			return "session numbers leave a gap"
		case rows[e.session] >= len(g.sessions[e.session].entries) || g.sessions[e.session].entries[rows[e.session]] != uint32(i):
			return "session does not list its entries"
		}
		rows[e.session]++
		next[e.session] += Seq(e.n)
		lv = e.end()
		lamport := uint32(0)
		parents := g.parentsOf(e)
		for k, p := range parents {
			if p >= e.lv || k > 0 && parents[k-1] >= p {
				return "parents are not sorted or not older"
			}
			lamport = max(lamport, g.lamport(p))
		}
		if len(parents) > 1 && !sameLVs(g.reduce(parents), parents) {
			return "a parent is an ancestor of another"
		}
		if e.linear() != sameLVs(parents, frontier) {
			return "entry does not know whether it followed everything"
		}
		if e.lamport != lamport+1 {
			return "Lamport time is not one more than the parents'"
		}
		frontier = advance(frontier, parents, e.end()-1)
	}
	if !sameLVs(frontier, g.frontier) {
		return "frontier is not what nobody follows"
	}
	for i := range g.sessions {
		s := &g.sessions[i]
		if at, ok := g.index[s.id]; !ok || at != uint32(i) || s.next != next[i] || rows[i] != len(s.entries) || s.next == 0 {
			return "session table is out of step"
		}
	}
	if len(g.index) != len(g.sessions) {
		return "session index has strangers"
	}
	return ""
}

func (d *Doc) checkLog() string {
	lv, content := LV(0), d.log.base
	for i := range d.log.runs {
		r := &d.log.runs[i]
		e := &d.graph.entries[d.graph.at(r.lv)]
		switch {
		case r.lv < lv || r.lv > lv && r.lv > d.past.from || r.n == 0 || r.end() > e.end():
			return "runs leave a gap or cross an entry"
		case r.c >= uint32(len(d.containers)) || !r.kind.fits(d.containers[r.c].kind):
			return "run on a container of another kind"
		case r.inserts() && r.lv >= d.past.from && r.ref != content:
			return "inserted text is not in order"
		case r.holdsValues() && uint64(r.at)+uint64(r.size) > uint64(len(d.log.values)):
			return "values are not here"
		}
		if r.inserts() && r.lv >= d.past.from {
			content += r.n
		}
		lv = r.end()
	}
	if lv != d.graph.next() && d.graph.next() > d.past.from || content != d.log.nextUnit() {
		return "log and graph end at different places"
	}
	return ""
}

func (d *Doc) checkContainers() string {
	keyed := 0
	for i := range d.containers {
		c := &d.containers[i]
		if i == 0 {
			if c.kind != KindMap || c.parent != none {
				return "root is no map"
			}
			continue
		}
		if c.parent >= uint32(i) || c.depth != d.containers[c.parent].depth+1 || c.depth >= MaxDepth {
			return "container before its parent, or too deep"
		}
		if d.containers[c.parent].holdsItems() {
			if it := &d.lists.items[c.name]; it.child != uint32(i) || it.list != c.parent || it.kind != c.kind {
				return "item and its container do not agree"
			}
			continue
		}
		keyed++
		if at, ok := d.children[childKey{c.parent, c.name, c.kind}]; !ok || at != uint32(i) {
			return "container is not found by its name"
		}
	}
	if keyed != len(d.children) {
		return "child index has strangers"
	}
	for i, name := range d.keys.names {
		if at, ok := d.keys.index[name]; !ok || at != uint32(i) {
			return "key table is out of step"
		}
	}
	return ""
}

func (d *Doc) checkRegisters() string {
	n := 0
	for i := range d.containers {
		if c := &d.containers[i]; c.holdsKeys() {
			for at := c.state; at != none; at = d.registers[at].next {
				r := &d.registers[at]
				if at2, ok := d.registerAt[registerKey(r.c, r.key)]; r.c != uint32(i) || !ok || at2 != at || n > len(d.registers) {
					return "register is not found by its key"
				}
				n++
			}
		}
	}
	if n != len(d.registers) || n != len(d.registerAt) {
		return "registers that no container has"
	}
	return ""
}

func (d *Doc) checkTexts() string {
	r := &d.texts
	r.cool()
	chunks := 0
	for i := range r.texts {
		t := &r.texts[i]
		if broken := r.seq.check(t.root); broken != "" {
			return broken
		}
		length := uint32(0)
		if t.root != none {
			for c := r.seq.first(t.root); c != none; c = r.seq.next(c) {
				if r.seq.weightOf(c) != (weight{uint32(r.size[c])}) || r.size[c] > chunkUnits {
					return "chunk does not weigh what is in it"
				}
				length += uint32(r.size[c])
				chunks++
			}
		}
		if length != t.length {
			return "text is not as long as its chunks"
		}
	}
	if chunks+len(r.free) != len(r.size) {
		return "chunks are lost"
	}
	return ""
}

// check verifies a tree of the sequence: sums, links, and that all leaves are equally deep.
func (s *sequence) check(root uint32) string {
	if root == none {
		return ""
	}
	if s.nodes[root].up != none {
		return "root has a parent"
	}
	level := []uint32{root}
	for !s.nodes[level[0]].leaf {
		var below []uint32
		for _, x := range level {
			node := &s.nodes[x]
			if node.leaf || node.n == 0 {
				return "leaves are not equally deep, or a node is empty"
			}
			for i, kid := range node.kid[:node.n] {
				if s.nodes[kid].up != x || s.totalOf(kid) != s.weigh(x, i) {
					return "sum or link of a node is wrong"
				}
				below = append(below, kid)
			}
		}
		level = below
	}
	for i, x := range level {
		node := &s.nodes[x]
		prev, next := none, none
		if i > 0 {
			prev = level[i-1]
		}
		if i+1 < len(level) {
			next = level[i+1]
		}
		if !node.leaf || node.n == 0 || node.prev != prev || node.next != next {
			return "leaves are not in a row"
		}
		for _, el := range node.kid[:node.n] {
			if s.home[el] != x {
				return "element does not know its leaf"
			}
		}
	}
	return ""
}

func (d *Doc) checkHeld() string {
	h := &d.held
	updates, bytes, kept := 0, 0, 0
	for _, s := range h.sessions {
		count, ahead, size := 0, 0, 0
		for _, u := range s.updates {
			if updates++; u.more {
				ahead += len(u.bytes)
			} else {
				count += len(u.bytes)
			}
		}
		for _, u := range s.parts.updates {
			size += len(u) + partCost
		}
		if count != s.bytes || ahead != s.ahead || size != s.parts.bytes || s.gaps > len(s.updates) || h.of(s.id) != s {
			return "what a session waits with is counted wrongly"
		}
		if h.ended[s.id] != nil {
			return "a session that ended waits"
		}
		bytes += count
		kept += ahead + size
	}
	if updates != h.updates || bytes != h.bytes || kept != h.parts {
		return "what waits is counted wrongly"
	}
	return ""
}
