package simulator

import (
	"flag"
	"fmt"
	"runtime"
	gosync "sync"
	"sync/atomic"
	"testing"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "tell the story of this seed only")
	seedsFlag = flag.Uint64("seeds", 300, "how many stories are told")
	firstFlag = flag.Uint64("first", 1, "the seed of the first one")
)

// TestSimulation tells stories and fails with the first that goes wrong. Stories know nothing of each other: several are told at once.
func TestSimulation(t *testing.T) {
	if *seedFlag != 0 {
		tally, err := Run(*seedFlag)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("\n%s", &tally)
		return
	}
	all, err := runAll(*firstFlag, *seedsFlag)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seeds %d to %d\n%s", *firstFlag, *firstFlag+*seedsFlag-1, &all)
}

func runAll(first, count uint64) (all Tally, failure error) {
	var next atomic.Uint64
	var mu gosync.Mutex
	var workers gosync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				seed := first + next.Add(1) - 1
				if seed >= first+count {
					return
				}
				tally, err := Run(seed)
				mu.Lock()
				if err == nil {
					all.Add(tally)
				} else if failure == nil {
					failure = fmt.Errorf("again with: go test ./internal/simulator -run TestSimulation -args -seed=%d\n%w", seed, err)
					next.Store(count)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return all, failure
}
