package crdt

import "slices"

// graph is the event graph: who wrote which operation after which others. A run of operations of one session, each
// following the one before it, is one entry.
type graph struct {
	entries  []entry
	parents  []LV // entry i's parents are parents[e.parents:][:e.nparents], sorted, none an ancestor of another
	sessions []session
	index    map[SessionID]uint32
	// frontier is the version of everything here: the operations nobody follows yet, sorted.
	frontier []LV

	walk walk // scratch
}

// entry covers operations lv … lv+n-1. The first has the entry's parents, each other one follows its predecessor.
type entry struct {
	lv       LV
	n        uint32
	session  uint32
	seq      Seq
	lamport  uint32
	parents  uint32
	nparents uint32
	// complete: all operations below it are in the history of the entry. It may know others, too.
	complete LV
}

// linear reports whether the entry followed everything that was here before it.
func (e *entry) linear() bool { return e.complete == e.lv }

func (e *entry) end() LV { return e.lv + LV(e.n) }

// session is one row of the session table. A session's entries, in order, are also in the order of their seq.
type session struct {
	id      SessionID
	next    Seq
	entries []uint32
	row     uint32 // as that of a container
}

func (g *graph) next() LV {
	if n := len(g.entries); n > 0 {
		return g.entries[n-1].end()
	}
	return 0
}

// addSession gives the session's row, a new one when it is met for the first time.
func (g *graph) addSession(id SessionID) (index uint32, fresh bool) {
	if i, ok := g.index[id]; ok {
		return i, false
	}
	if g.index == nil {
		g.index = make(map[SessionID]uint32)
	}
	i := uint32(len(g.sessions))
	g.sessions = append(g.sessions, session{id: id})
	g.index[id] = i
	return i, true
}

// push adds n operations of a session behind parents and gives their first local version. The frontier is the
// caller's business: a remote entry joins it only when it has been applied.
func (g *graph) push(s uint32, n uint32, parents []LV) LV {
	lv := g.next()
	row := &g.sessions[s]
	if last := len(g.entries) - 1; last >= 0 {
		e := &g.entries[last]
		if e.session == s && len(parents) == 1 && parents[0] == lv-1 {
			e.n += n
			row.next += Seq(n)
			return lv
		}
	}
	fresh := entry{
		lv: lv, n: n, session: s, seq: row.next,
		parents: uint32(len(g.parents)), nparents: uint32(len(parents)),
	}
	for _, p := range parents {
		fresh.lamport = max(fresh.lamport, g.lamport(p))
	}
	fresh.lamport++
	fresh.complete = g.completeBelow(parents)
	g.entries = append(g.entries, fresh)
	g.parents = append(g.parents, parents...)
	row.entries = append(row.entries, uint32(len(g.entries)-1))
	row.next += Seq(n)
	return lv
}

// completeBelow gives a version below which all operations are in the history of these parents: the next one if they
// are all that is here.
func (g *graph) completeBelow(parents []LV) (lv LV) {
	if sameLVs(parents, g.frontier) {
		return g.next()
	}
	for _, p := range parents {
		if e := &g.entries[g.at(p)]; e.linear() {
			lv = max(lv, p+1)
		} else {
			lv = max(lv, e.complete)
		}
	}
	return lv
}

// at gives the index of the entry that holds lv.
func (g *graph) at(lv LV) int {
	lo, hi := 0, len(g.entries)-1
	if hi >= 0 && g.entries[hi].lv <= lv {
		return hi
	}
	for lo < hi {
		mid := int(uint(lo+hi+1) >> 1)
		if g.entries[mid].lv <= lv {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

func (g *graph) parentsOf(e *entry) []LV { return g.parents[e.parents : e.parents+e.nparents] }

// lamport is one more than the greatest Lamport time among the parents; it is never written down.
func (g *graph) lamport(lv LV) uint32 {
	e := &g.entries[g.at(lv)]
	return e.lamport + uint32(lv-e.lv)
}

// id names lv for everybody.
func (g *graph) id(lv LV) (session uint32, seq Seq) {
	e := &g.entries[g.at(lv)]
	return e.session, e.seq + Seq(lv-e.lv)
}

// find gives the local version of an operation of session row s; false when it is not here.
func (g *graph) find(s uint32, seq Seq) (LV, bool) {
	row := &g.sessions[s]
	if seq >= row.next {
		return 0, false
	}
	lo, hi := 0, len(row.entries)-1
	for lo < hi {
		mid := int(uint(lo+hi+1) >> 1)
		if g.entries[row.entries[mid]].seq <= seq {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	e := &g.entries[row.entries[lo]]
	return e.lv + LV(seq-e.seq), true
}

// wins reports whether operation a (Lamport time, session row) beats b: the later one, then the greater session.
func (g *graph) wins(lamportA, sessionA, lamportB, sessionB uint32) bool {
	if lamportA != lamportB {
		return lamportA > lamportB
	}
	return sessionA != sessionB && g.sessions[sessionB].id.less(&g.sessions[sessionA].id)
}

// advance moves a frontier over the entry that ends in last: its parents are followed now.
func advance(frontier []LV, parents []LV, last LV) []LV {
	if len(parents) == 1 {
		if i, ok := slices.BinarySearch(frontier, parents[0]); ok {
			frontier = append(frontier[:i], frontier[i+1:]...)
		}
		return insertLV(frontier, last)
	}
	keep := frontier[:0]
	for _, lv := range frontier {
		for len(parents) > 0 && parents[0] < lv {
			parents = parents[1:]
		}
		if len(parents) == 0 || parents[0] != lv {
			keep = append(keep, lv)
		}
	}
	return insertLV(keep, last)
}

// hasLV reports whether lv is in a sorted set.
func hasLV(set []LV, lv LV) bool {
	_, ok := slices.BinarySearch(set, lv)
	return ok
}

// insertLV puts lv into a sorted set.
func insertLV(set []LV, lv LV) []LV {
	i := len(set)
	for i > 0 && set[i-1] > lv {
		i--
	}
	if i > 0 && set[i-1] == lv {
		return set
	}
	set = append(set, 0)
	copy(set[i+1:], set[i:])
	set[i] = lv
	return set
}

func sameLVs(a, b []LV) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
