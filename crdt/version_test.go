package crdt

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
)

// randomGraph makes a graph of n entries by some sessions, and the history of every operation as a set.
func randomGraph(r *rand.Rand, n int) (*graph, []map[LV]bool) {
	g := &graph{}
	var histories []map[LV]bool
	heads := [][]LV{nil} // per branch
	branches := 1 + r.Intn(4)
	for len(heads) < branches {
		heads = append(heads, nil)
	}
	for range n {
		b := r.Intn(branches)
		s, _ := g.addSession(sessionOf(b + 1))
		if r.Intn(3) == 0 { // see what another branch has
			heads[b] = g.reduce(append(slices.Clone(heads[b]), heads[r.Intn(branches)]...))
		}
		count := uint32(1 + r.Intn(4))
		lv := g.push(s, count, heads[b])
		g.frontier = advance(g.frontier, heads[b], lv+LV(count)-1)
		for k := range LV(count) {
			h := map[LV]bool{lv + k: true}
			parents := heads[b]
			if k > 0 {
				parents = []LV{lv + k - 1}
			}
			for _, p := range parents {
				for x := range histories[p] {
					h[x] = true
				}
			}
			histories = append(histories, h)
		}
		heads[b] = []LV{lv + LV(count) - 1}
	}
	return g, histories
}

func union(histories []map[LV]bool, heads []LV) map[LV]bool {
	out := map[LV]bool{}
	for _, lv := range heads {
		for x := range histories[lv] {
			out[x] = true
		}
	}
	return out
}

func expand(ranges []lvRange) map[LV]bool {
	out := map[LV]bool{}
	for i, r := range ranges {
		if r.from >= r.to || i > 0 && ranges[i-1].from < r.to {
			panic(fmt.Sprint("ranges not descending: ", ranges))
		}
		for lv := r.from; lv < r.to; lv++ {
			out[lv] = true
		}
	}
	return out
}

func minus(a, b map[LV]bool) map[LV]bool {
	out := map[LV]bool{}
	for x := range a {
		if !b[x] {
			out[x] = true
		}
	}
	return out
}

func TestVersions(t *testing.T) {
	for _, seed := range seeds(t, 400) {
		r := newRand(seed)
		g, histories := randomGraph(r, 2+r.Intn(14))
		pick := func() []LV {
			var heads []LV
			for range r.Intn(4) {
				heads = append(heads, LV(r.Intn(len(histories))))
			}
			return g.reduce(heads)
		}
		for range 20 {
			var raw []LV
			for range 1 + r.Intn(4) {
				raw = append(raw, LV(r.Intn(len(histories))))
			}
			reduced := g.reduce(raw)
			var want []LV
			for lv := range histories {
				if !slices.Contains(raw, LV(lv)) {
					continue
				}
				covered := false
				for _, other := range raw {
					covered = covered || other != LV(lv) && histories[other][LV(lv)]
				}
				if !covered {
					want = append(want, LV(lv))
				}
			}
			if !slices.Equal(reduced, want) {
				t.Fatalf("seed %d: reduce(%v) = %v, want %v", seed, raw, reduced, want)
			}
			a, b := pick(), pick()
			ha, hb := union(histories, a), union(histories, b)
			onlyA, onlyB := g.diff(a, b, nil, nil)
			if got, want := expand(onlyA), minus(ha, hb); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d: diff(%v, %v) first %v, want %v", seed, a, b, got, want)
			}
			if got, want := expand(onlyB), minus(hb, ha); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d: diff(%v, %v) second %v, want %v", seed, a, b, got, want)
			}
			if got, want := g.contains(a, b), len(minus(hb, ha)) == 0; got != want {
				t.Fatalf("seed %d: contains(%v, %v) = %v", seed, a, b, got)
			}
			base, region := g.base(a, b, nil)
			hc := union(histories, base)
			if len(minus(hc, ha)) > 0 || len(minus(hc, hb)) > 0 {
				t.Fatalf("seed %d: base(%v, %v) = %v is not in both", seed, a, b, base)
			}
			both := union(histories, append(slices.Clone(a), b...))
			if got, want := expand(region), minus(both, hc); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d: base(%v, %v) = %v with region %v, want %v", seed, a, b, base, got, want)
			}
			for lv := range expand(region) {
				if len(minus(hc, histories[lv])) > 0 {
					t.Fatalf("seed %d: base(%v, %v) = %v, but %d does not follow it", seed, a, b, base, lv)
				}
			}
		}
	}
}
