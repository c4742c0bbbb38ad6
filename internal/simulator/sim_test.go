package simulator

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	gosync "sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seedFlag       = flag.Uint64("seed", 0, "tell the story of this seed only")
	seedsFlag      = flag.Uint64("seeds", 100, "how many stories are told")
	firstFlag      = flag.Uint64("first", 1, "the seed of the first one")
	piecesFlag     = flag.String("pieces", "", "keep what this run counted in a directory, and print the sum of all runs there; one told again takes the place of what it told before")
	compactorsFlag = flag.Bool("compactors", false, "tell only the stories with a bad compactor")
	forksFlag      = flag.Bool("forks", false, "tell only the stories with a session that has two histories")
	timeFlag       = flag.Duration("time", 0, "begin no story after so long, however many are left; 0: tell them all")
)

// TestSimulation tells stories and fails with those that go wrong. Stories know nothing of each other: several are told at once.
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
	if *piecesFlag != "" {
		all.keep(t, *piecesFlag)
	} else {
		t.Logf("seeds from %d on\n%s", *firstFlag, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	if *seedsFlag >= 2000 && *timeFlag == 0 && !*compactorsFlag && !*forksFlag {
		all.enough(t)
	}
}

// toldWhole is of how many stories that went wrong a run says all that it knows. Of the others the table has a line.
const toldWhole = 5

// runAll gives what all stories went through, and how the first few of those ended that went wrong.
func runAll(first, count uint64) (all Tally, failures error) {
	var next atomic.Uint64
	var mu gosync.Mutex
	var workers gosync.WaitGroup
	begun := time.Now()
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				seed := first + next.Add(1) - 1
				if seed >= first+count || *timeFlag > 0 && time.Since(begun) > *timeFlag {
					return
				}
				if cheat := planned(seed).cheat; *compactorsFlag && cheat != BadCompactor || *forksFlag && cheat != Equivocation {
					continue
				}
				tally, err := Run(seed)
				mu.Lock()
				all.Add(tally)
				if err != nil && len(all.Failures) <= toldWhole {
					failures = errors.Join(failures, fmt.Errorf("again with: go test ./internal/simulator -run TestSimulation -args -seed=%d\n%w", seed, err))
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if n := len(all.Failures); n > 0 {
		failures = errors.Join(fmt.Errorf("%d of %d stories went wrong", n, all.Seeds), failures)
	}
	return all, failures
}

// keep writes what a run counted beside what others did, and prints the sum.
func (t *Tally) keep(test *testing.T, dir string) {
	if *seedsFlag > 0 {
		must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%010d-%010d.json", *firstFlag, *firstFlag+*seedsFlag-1)), must1(json.Marshal(t)), 0o666))
	}
	var sum Tally
	pieces := must1(filepath.Glob(filepath.Join(dir, "*.json")))
	for _, name := range pieces {
		var piece Tally
		must(json.Unmarshal(must1(os.ReadFile(name)), &piece))
		sum.Add(piece)
	}
	test.Logf("%d pieces\n%s", len(pieces), &sum)
}

// enough fails when something has not happened often enough to be proven.
func (t *Tally) enough(test *testing.T) {
	for f, n := range t.Faults {
		if n < 50 {
			test.Errorf("only %d times: %s", n, faultNames[f])
		}
	}
	for c, n := range t.Cheats {
		if n < 50 && Cheat(c) != NoCheat {
			test.Errorf("only %d times: %s", n, cheatNames[c])
		}
	}
	for l, v := range t.Lying {
		if v.Told < 50 && Lie(l) != NoLie {
			test.Errorf("only %d times: %s", v.Told, lieNames[l])
		}
	}
	for n, stories := range t.Devices[2:] {
		if stories < 50 {
			test.Errorf("only %d stories with %d devices", stories, n+2)
		}
	}
	for name, n := range map[string]int{"story with two relays": t.TwoRelays, "snapshot": t.Snapshots, "checkpoint": t.Checkpoints, "pack": t.Packs, "change in parts": t.Pastes, "envelope let go of": t.Swept, "proof of a fork": t.Forks, "snapshot objected to": t.Noticed["bad snapshot"], "objection of a cheater": t.Objections} {
		if n < 50 {
			test.Errorf("only %d of: %s", n, name)
		}
	}
}

// A seed is a story that can be told again.
func TestOneSeedIsOneStory(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		var told [2]string
		for i := range told {
			w := newWorld(seed)
			w.live()
			told[i] = fmt.Sprint(w.events, w.now, w.log, w, w.tally)
		}
		if told[0] != told[1] {
			t.Errorf("seed %d: told twice, it is two stories:\n%s\n%s", seed, told[0], told[1])
		}
	}
}
