package simulator

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// wentBack is a story with one relay that goes back to before all but the first of what a device wrote, which has the rest in its file only: its
// chain there cannot go on, and its newest edit waits until the next snapshot may be made.
func wentBack(t *testing.T) *World {
	var w *World
	for seed := uint64(1); w == nil; seed++ {
		if x := planned(seed); x.lie == Rollback && len(newWorld(seed).relays) == 1 {
			w = newWorld(seed)
			t.Logf("seed %d, %d devices", seed, len(w.devices))
		}
	}
	w.settle(30)
	a, r := w.devices[0], w.liar
	for range 3 {
		a.edit()
		w.settle(5)
	}
	a.hubs[0].step(sync.Missing{Doc: a.hubs[0].doc, Session: a.own, First: 3})
	r.rollback(2)
	w.settle(5)
	a.edit()
	w.settle(5)
	if s := a.status(); s.Unsent != 1 || s.Problem != sync.NoProblem || s.State != sync.RelayLive {
		t.Fatalf("%+v", s)
	}
	return w
}

// The pause between two snapshots is no lie: whoever waits for its end says that the relay lacks something.
func TestWhatWaitsForASnapshotIsNotYetJudged(t *testing.T) {
	w := wentBack(t)
	if w.judgeViews(goesOnNow) || w.tally.Lying[Rollback].Harmless != 1 {
		t.Errorf("%+v", w.tally.Lying[Rollback])
	}
}

// What is not there when they were heard is missing all the same.
func TestWhatNoSnapshotBringsIsJudged(t *testing.T) {
	w := wentBack(t)
	must(w.devices[1].page.Edit(w.someEdit)) // nobody is told of it
	failure := func() (why any) {
		defer func() { why = recover() }()
		w.judgeViews(goesOnNow)
		return nil
	}()
	if why, failed := failure.(wrong); !failed || why.kind != Unnoticed {
		t.Errorf("one device has what the others lack, and nobody says anything: %v", failure)
	}
}
