package simulator

import (
	"testing"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/sync"
)

// quiet is a story in which nothing goes wrong by itself, with a compactor, and devices that have each written something.
func quiet(t *testing.T) *World {
	seed := uint64(1)
	for ; ; seed++ {
		if w := planned(seed); w.cheat == BadCompactor {
			break
		}
	}
	w := newWorld(seed)
	w.settle(30)
	for range 3 {
		for _, d := range w.devices {
			d.edit()
			w.settle(5)
		}
	}
	t.Logf("seed %d, %d devices", seed, len(w.devices))
	return w
}

// Everybody is there all the time, and nobody's edits go.
func TestTwoOlderStatesEraseNothing(t *testing.T) {
	w := quiet(t)
	w.cheater.erase()
	w.settle(300)
	w.judge()
	if w.tally.Cheats[BadCompactor] != 2 {
		t.Errorf("the relay took %d of two snapshots", w.tally.Cheats[BadCompactor])
	}
}

// One device objects, to what was said in the mouth of somebody. That excuses nothing else.
func TestWhatAnotherObjectsToExcusesNobody(t *testing.T) {
	for _, victim := range []sync.SessionID{{1}, {2}} {
		w := quiet(t)
		w.cheater.victims[victim] = true
		a := w.devices[0]
		a.hubs[0].status.Problem = sync.BadSnapshot
		carl := crdt.New()
		must(carl.Begin(crdt.SessionID{1}))
		must(carl.Edit(w.someEdit))
		update, _ := carl.Update()
		_, _, err := a.page.Apply(crdt.SessionID{1}, update)
		must(err)
		failure := func() (why any) {
			defer func() { why = recover() }()
			w.judge()
			return nil
		}()
		why, failed := failure.(wrong)
		if victim == (sync.SessionID{1}) != !failed || failed && why.kind != Diverged {
			t.Errorf("words were put in the mouth of %x, and session 01 is on one device only: %v", victim[:1], failure)
		}
	}
}

// What somebody said that he has, and went with his device before it reached anybody in a form that they take, is waited for. Of who objected to a
// snapshot besides it is that which is told.
func TestWhoObjectsToASnapshotMayWaitForWhatIsLost(t *testing.T) {
	w := quiet(t)
	a := w.devices[0]
	a.hubs[0].status.Content, a.hubs[0].status.Problem = sync.ContentPartial, sync.BadSnapshot
	if !misleads(a) {
		t.Error("nothing is missing")
	}
	w.promises[place{sync.SessionID{1}, 0}] = map[any]bool{}
	if misleads(a) {
		t.Error("something was there, and is nowhere")
	}
}

// A word about a snapshot is worth no snapshot, where only one would bring it to the others. What stands in front of content leads up to that.
func TestALastWordAboutASnapshotIsMissedByNobody(t *testing.T) {
	w := quiet(t)
	a, b := w.devices[0], w.devices[1]
	lacks := func() bool {
		_, lacks := w.lacks(b)
		return lacks
	}
	at := place{sync.SessionID{1}, 0}
	w.promises[at] = map[any]bool{a: true}
	if !lacks() {
		t.Error("it has content")
	}
	b.hubs[0].status.Content, b.hubs[0].status.Problem = sync.ContentPartial, sync.Incomplete
	if !misleads(b) {
		t.Error("it is to come")
	}
	w.verdicts[at] = true
	if lacks() {
		t.Error("it has none")
	}
	if misleads(b) { // somebody named it while a relay had it
		t.Error("nobody brings it")
	}
	w.promises[place{at.session, 1}] = map[any]bool{a: true}
	if !lacks() {
		t.Error("content stands behind it")
	}
}
