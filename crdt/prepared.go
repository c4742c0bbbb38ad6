package crdt

// versions is for how many branches at once something is kept ready to go on with.
const versions = 4

// prepared is a version that something is kept ready for: the state of spans in the tracker, what each session had
// written in knowledge.
type prepared struct {
	heads   []LV
	session uint32 // whose operations were the last in it
	used    int    // when that was, 0 for never
}

// nearest gives the one that is likely to be nearest to a version with these heads, in which a session goes on: the
// very one, one that ends in one of the heads, or the one the session was in. near is false when none of these is
// there; then it is the one that has not been used for longest.
func nearest(rows *[versions]prepared, heads []LV, session uint32) (best int, near bool) {
	rank := -1
	for v := range rows {
		p := &rows[v]
		r := 0
		switch {
		case sameLVs(p.heads, heads):
			r = 3
		case p.used == 0:
		case len(p.heads) == 1 && hasLV(heads, p.heads[0]):
			r = 2
		case p.session == session:
			r = 1
		}
		// Of several that will do, the one used last; of those that will not, the one used first.
		if r > rank || r == rank && (p.used > rows[best].used) == (r > 0) {
			best, rank = v, r
		}
	}
	return best, rank > 0
}

// use notes that a session has gone on in p.
func (p *prepared) use(session uint32, clock *int) {
	*clock++
	p.session, p.used = session, *clock
}

// knowledge tells whether an operation is in the history of another. What is in a version is of each session all up to
// some number; those numbers are kept for the versions in which branches arrive.
type knowledge struct {
	ready [versions]prepared
	until [versions][]Seq // of each session
	clock int
}

// drop forgets everything.
func (k *knowledge) drop() {
	for v := range k.ready {
		k.ready[v].heads, k.ready[v].used, k.until[v] = k.ready[v].heads[:0], 0, k.until[v][:0]
	}
}

// of gives how much of each session is in the history of ctx's first operation.
func (k *knowledge) of(g *graph, ctx *context) []Seq {
	session, seq := g.id(ctx.first)
	v, near := nearest(&k.ready, ctx.parents, session)
	p, until := &k.ready[v], k.until[v]
	if !near {
		p.heads, until = append(p.heads[:0], g.frontier...), until[:0]
		for s := range g.sessions {
			until = append(until, g.sessions[s].next)
		}
		until[session] = seq // the frontier does not know of ctx yet
	}
	for len(until) < len(g.sessions) {
		until = append(until, 0)
	}
	takes, gives := g.diff(p.heads, ctx.parents, nil, nil)
	for _, r := range takes {
		g.eachEntry(r, func(e *entry, from, to Seq) { until[e.session] = min(until[e.session], from) })
	}
	for _, r := range gives {
		g.eachEntry(r, func(e *entry, from, to Seq) { until[e.session] = max(until[e.session], to) })
	}
	p.heads, k.until[v] = append(p.heads[:0], ctx.parents...), until
	p.use(session, &k.clock)
	return until
}

// eachEntry visits the entries of a range with the numbers [from, to) of what is in it.
func (g *graph) eachEntry(r lvRange, visit func(e *entry, from, to Seq)) {
	for i := g.at(r.from); i < len(g.entries) && g.entries[i].lv < r.to; i++ {
		g.walk.steps++
		e := &g.entries[i]
		visit(e, e.seq+Seq(max(r.from, e.lv)-e.lv), e.seq+Seq(min(r.to, e.end())-e.lv))
	}
}
