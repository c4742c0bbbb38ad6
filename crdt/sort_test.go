package crdt

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSortFunc(t *testing.T) {
	for _, seed := range seeds(t, 1) {
		testSortFunc(t, rand.New(rand.NewPCG(uint64(seed), 0)))
	}
}

func testSortFunc(t *testing.T, random *rand.Rand) {
	for n := range 200 {
		s := make([]uint32, n)
		for i := range s {
			s[i] = random.Uint32N(uint32(1 + n*n/10)) // many are equal while n is small
		}
		want := slices.Clone(s)
		slices.Sort(want)
		for range 2 { // the second time it is in order
			sortFunc(s, cmp.Compare[uint32])
			if !slices.Equal(s, want) {
				t.Fatalf("%d: %v, want %v", n, s, want)
			}
		}
		slices.Reverse(s)
		compared := 0
		sortFunc(s, func(a, b uint32) int { compared++; return cmp.Compare(a, b) })
		if !slices.Equal(s, want) {
			t.Fatalf("%d from the back: %v, want %v", n, s, want)
		}
		if limit := n + 3*n*10; compared > limit {
			t.Errorf("%d: %d comparisons, at most %d expected", n, compared, limit)
		}
	}
}
