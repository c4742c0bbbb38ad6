package crdt

import (
	"cmp"
	"slices"
)

// lvRange is the operations [from, to).
type lvRange struct{ from, to LV }

// walk is the scratch of the functions below: a heap of versions still to visit, greatest first.
type walk struct {
	heap   []visit
	pushed []LV
	steps  int // how much was visited; tests look at it
}

// visit is one version on the heap. set says for whom we came here.
type visit struct {
	lv  LV
	set uint8
	// A merge point stands for a version of several heads, the greatest of which is lv: heads[more:] are the others.
	more, nmore uint32
}

const (
	onlyA  uint8 = 1
	onlyB  uint8 = 2
	shared uint8 = onlyA | onlyB
)

func (w *walk) push(v visit) {
	h := append(w.heap, v)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !visitLess(&h[up], &h[i]) {
			break
		}
		h[up], h[i] = h[i], h[up]
		i = up
	}
	w.heap = h
}

func (w *walk) pop() visit {
	w.steps++
	h := w.heap
	top := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		kid := 2*i + 1
		if kid >= last {
			break
		}
		if kid+1 < last && visitLess(&h[kid], &h[kid+1]) {
			kid++
		}
		if !visitLess(&h[i], &h[kid]) {
			break
		}
		h[i], h[kid] = h[kid], h[i]
		i = kid
	}
	w.heap = h
	return top
}

// visitLess: smaller versions later; of equal ones the merge point first, so that it is taken apart before its head
// is visited.
func visitLess(a, b *visit) bool {
	if a.lv != b.lv {
		return a.lv < b.lv
	}
	return a.nmore < b.nmore
}

// diff finds the operations that are in the history of a but not of b, and the other way round. Both results are in
// descending order. The heads need not be minimal. The cost grows with what differs, counted in entries.
func (g *graph) diff(a, b []LV, outA, outB []lvRange) ([]lvRange, []lvRange) {
	if sameLVs(a, b) {
		return outA, outB
	}
	w := &g.walk
	w.heap = w.heap[:0]
	for _, lv := range a {
		w.push(visit{lv: lv, set: onlyA})
	}
	for _, lv := range b {
		w.push(visit{lv: lv, set: onlyB})
	}
	nshared := 0
	mark := func(from, to LV, set uint8) {
		switch set {
		case onlyA:
			outA = addBelow(outA, from, to)
		case onlyB:
			outB = addBelow(outB, from, to)
		}
	}
	for len(w.heap) > nshared {
		v := w.pop()
		if v.set == shared {
			nshared--
		}
		e := &g.entries[g.at(v.lv)]
		end := v.lv + 1
		for len(w.heap) > 0 && w.heap[0].lv >= e.lv {
			u := w.pop()
			if u.set == shared {
				nshared--
			}
			if u.set|v.set != v.set {
				mark(u.lv+1, end, v.set)
				end = u.lv + 1
				v.set |= u.set
			}
		}
		mark(e.lv, end, v.set)
		for _, p := range g.parentsOf(e) {
			w.push(visit{lv: p, set: v.set})
			if v.set == shared {
				nshared++
			}
		}
	}
	return outA, outB
}

// addBelow appends a range that lies below all others, joining it to the last one when they touch.
func addBelow(out []lvRange, from, to LV) []lvRange {
	if from >= to {
		return out
	}
	if n := len(out); n > 0 && out[n-1].from == to {
		out[n-1].from = from
		return out
	}
	return append(out, lvRange{from, to})
}

// inRanges reports whether lv is in one of the descending ranges.
func inRanges(ranges []lvRange, lv LV) bool {
	lo, hi := 0, len(ranges)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if ranges[mid].from > lv {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(ranges) && lv < ranges[lo].to
}

// contains reports whether every head of b is in the history of a.
func (g *graph) contains(a, b []LV) bool {
	_, missing := g.diff(a, b, nil, nil)
	return len(missing) == 0
}

// reduce sorts heads and drops those that another one follows.
func (g *graph) reduce(heads []LV) []LV {
	sorted := append([]LV(nil), heads...)
	if len(sorted) < 2 {
		return sorted
	}
	sortFunc(sorted, cmp.Compare[LV])
	// Walk down from all heads at once: a head met on the way from another one is redundant.
	w := &g.walk
	w.heap = w.heap[:0]
	for _, lv := range sorted {
		w.push(visit{lv: lv, set: onlyA}) // onlyA: a head; onlyB: an ancestor of one
	}
	keep := sorted[:0:0]
	low := sorted[0]
	for len(w.heap) > 0 && w.heap[0].lv >= low {
		v := w.pop()
		e := &g.entries[g.at(v.lv)]
		for len(w.heap) > 0 && w.heap[0].lv == v.lv {
			v.set |= w.pop().set
		}
		if v.set == onlyA {
			keep = append(keep, v.lv)
		}
		for len(w.heap) > 0 && w.heap[0].lv >= e.lv {
			w.pop() // further down in the same run: an ancestor
		}
		for _, p := range g.parentsOf(e) {
			w.push(visit{lv: p, set: onlyB})
		}
	}
	slices.Reverse(keep) // found from the greatest down
	return keep
}

// base finds a version C in the history of both a and b such that every operation in either history but not in C's
// follows all of C. Those operations are appended to region, in descending order.
//
// A version of several heads travels as one merge point until it is the greatest left; when it is the only thing
// left, it is the answer, and otherwise its heads go on alone.
func (g *graph) base(a, b []LV, region []lvRange) ([]LV, []lvRange) {
	w := &g.walk
	w.heap, w.pushed = w.heap[:0], w.pushed[:0]
	w.pushVersion(a)
	w.pushVersion(b)
	if len(a) == 0 || len(b) == 0 {
		return nil, g.drain(region)
	}
	for len(w.heap) > 0 {
		v := w.pop()
		for len(w.heap) > 0 && w.heap[0].lv == v.lv && sameLVs(w.heads(&w.heap[0]), w.heads(&v)) {
			w.pop()
		}
		if len(w.heap) == 0 {
			c := append([]LV{}, w.heads(&v)...)
			return insertLV(c, v.lv), region
		}
		if v.nmore > 0 {
			for _, lv := range w.heads(&v) {
				w.push(visit{lv: lv})
			}
			w.push(visit{lv: v.lv})
			continue
		}
		e := &g.entries[g.at(v.lv)]
		end := v.lv + 1
		whole := true
		for len(w.heap) > 0 && w.heap[0].lv >= e.lv {
			u := w.heap[0]
			if u.nmore > 0 {
				// A merge point inside this entry: stop above it, take it apart first.
				region = addBelow(region, u.lv+1, end)
				w.push(visit{lv: u.lv})
				whole = false
				break
			}
			w.pop()
			if len(w.heap) == 0 {
				region = addBelow(region, u.lv+1, end)
				return []LV{u.lv}, region
			}
		}
		if whole {
			region = addBelow(region, e.lv, end)
			if e.nparents == 0 {
				// The root is below everything: nothing but it can be common to this and any other branch.
				return nil, g.drain(region)
			}
			w.pushVersion(g.parentsOf(e))
		}
	}
	return nil, region
}

func (w *walk) heads(v *visit) []LV { return w.pushed[v.more : v.more+v.nmore] }

func (w *walk) pushVersion(heads []LV) {
	n := len(heads)
	if n == 0 {
		return
	}
	more := uint32(len(w.pushed))
	w.pushed = append(w.pushed, heads[:n-1]...)
	w.push(visit{lv: heads[n-1], more: more, nmore: uint32(n - 1)})
}

// drain adds everything below the versions still on the heap to region.
func (g *graph) drain(region []lvRange) []lvRange {
	w := &g.walk
	for len(w.heap) > 0 {
		v := w.pop()
		e := &g.entries[g.at(v.lv)]
		for _, lv := range w.heads(&v) {
			w.push(visit{lv: lv})
		}
		if n := len(region); n == 0 || region[n-1].from > v.lv {
			region = addBelow(region, e.lv, v.lv+1)
			for _, p := range g.parentsOf(e) {
				w.push(visit{lv: p})
			}
		}
	}
	return region
}
