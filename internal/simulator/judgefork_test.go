package simulator

import (
	"testing"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/sync"
)

// Who lacks what those have who have met two histories says that it is incomplete, and that what stands before it did not get away; and is right. Where its
// holders know nothing of a fork that is wrong.
func TestWhatNobodyGivesForItsForkIsIncomplete(t *testing.T) {
	w := apart(t)
	lacks, has := w.devices[0], w.devices[1]
	further := sync.Head{Session: w.cheater.id, Seq: w.devices[0].end(w.cheater.id) + 10}
	has.disks[0].snapshots = append(has.disks[0].snapshots, snapshot{file: crdt.New().Save(), claims: []sync.Head{further}})
	has.hubs[0].status.Problem = sync.Forked
	says := &lacks.hubs[0].status
	*says = sync.Status{Content: sync.ContentPartial, State: sync.RelayLive, Problem: sync.Incomplete, Unsent: 3}
	if misleads(lacks) {
		t.Error("nothing leads up to it on the relay, and nobody gives what would")
	}
	says.Unsent = 0
	has.hubs[0].status.Problem = sync.NoProblem
	if !misleads(lacks) {
		t.Error("nobody met a fork")
	}
}

// apart is a story in which two honest relays may each get one history of a session, before anything happens, and one device at least that only reads.
func apart(t *testing.T) *World {
	for seed := uint64(1); ; seed++ {
		if planned(seed).cheat != Equivocation {
			continue
		}
		if w := newWorld(seed); w.lie == NoLie && !w.devices[len(w.devices)-1].writable() {
			t.Logf("seed %d", seed)
			w.settle(30)
			return w
		}
	}
}

// Beside a fork as well who may only read brings nobody what is in its file alone. It says so.
func TestBesideAForkAReaderMayHaveMoreToo(t *testing.T) {
	w := apart(t)
	reader := w.devices[len(w.devices)-1]
	doc := crdt.New()
	must(doc.Begin(crdt.SessionID{1}))
	must(doc.Edit(w.someEdit))
	reader.disks[0].snapshots = append(reader.disks[0].snapshots, snapshot{file: doc.Save(), covers: []sync.Head{{Session: sync.SessionID{1}}}})
	diverges := func() bool {
		failure := func() (why any) {
			defer func() { why = recover() }()
			w.judgeBesideFork()
			return nil
		}()
		why, failed := failure.(wrong)
		if failed && why.kind != Diverged {
			t.Error(failure)
		}
		return failed
	}
	if !diverges() {
		t.Error("it does not say that it has more")
	}
	reader.hubs[0].status.Unsent = 1
	if diverges() {
		t.Error("it says that it has more")
	}
}

// Of two honest relays each has one history, and nobody is given the other one but in snapshots.
func TestWhoHasOneHistoryRefusesTheSnapshotsOfTheOther(t *testing.T) {
	w := apart(t)
	a, b := w.devices[0], w.devices[1]
	a.hubs[0].status.Problem = sync.BadSnapshot
	if !misleads(a) {
		t.Error("nobody has another history than it")
	}
	for i, d := range []*Device{a, b} {
		h := sync.Head{Session: w.cheater.id, Hash: sync.Hash{byte(i)}}
		w.cheater.histories[[16]byte(h.Hash[:16])] = history(i + 1)
		d.disks[0].snapshots = append(d.disks[0].snapshots, snapshot{file: crdt.New().Save(), claims: []sync.Head{h}})
	}
	if misleads(a) {
		t.Error("it has one history, and another device the other one")
	}
}

// misleads reports whether the judge says so of what a device says.
func misleads(d *Device) bool {
	failure := func() (why any) {
		defer func() { why = recover() }()
		d.judgeStatus(d.world.onRelays())
		return nil
	}()
	why, failed := failure.(wrong)
	return failed && why.kind == Misled
}

// Of a session with two histories a document has the one that came first, whichever its envelopes are of that came later.
func TestADocumentHasTheHistoryThatCameFirst(t *testing.T) {
	id := crdt.SessionID{1}
	c := &cheater{doc: crdt.New(), other: crdt.New()}
	var updates [2][]byte
	for i, written := range []*crdt.Doc{c.doc, c.other} {
		must(written.Begin(id))
		must(written.Edit(func(tx *crdt.Tx) error { tx.Root().Text("body").Append([]string{"one", "other"}[i]); return nil }))
		updates[i], _ = written.Update()
	}
	here := crdt.New()
	if h := c.in(here); h != 0 {
		t.Errorf("nothing is of history %d", h)
	}
	must1(here.Merge(c.other.Save()))
	_, _, err := here.Apply(id, updates[0])
	must(err)
	if h := c.in(here); h != 2 {
		t.Errorf("what came in a file is of history %d, not 2", h)
	}
	must(here.Begin(crdt.SessionID{2}))
	must(here.Edit(func(tx *crdt.Tx) error { tx.Root().Text("body").Append("more"); return nil }))
	if h := c.in(here); h != 2 {
		t.Errorf("with what somebody else wrote, of history %d", h)
	}
}
