package simulator

import (
	"flag"
	"testing"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "tell the story of this seed only")
	seedsFlag = flag.Uint64("seeds", 300, "how many stories are told")
)

func TestSimulation(t *testing.T) {
	if *seedFlag != 0 {
		if _, err := Run(*seedFlag); err != nil {
			t.Fatal(err)
		}
		return
	}
	var all Tally
	for seed := uint64(1); seed <= *seedsFlag; seed++ {
		tally, err := Run(seed)
		if err != nil {
			t.Fatalf("again with: go test ./internal/simulator -run TestSimulation -args -seed=%d\n%v", seed, err)
		}
		all.Add(tally)
	}
	t.Logf("\n%s", &all)
}
