package simulator

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// Who lacks what those have who met two histories says that it is incomplete, and that what stands before it did not get away; and is right. Where its
// holders know nothing of a fork that is wrong.
func TestWhatNobodyGivesForItsForkIsIncomplete(t *testing.T) {
	for seed := uint64(340859); ; seed++ {
		if planned(seed).cheat != Equivocation {
			continue
		}
		w := newWorld(seed)
		w.live()
		var lacks *Device
		for _, d := range w.devices {
			if d.writable() && d.status().Problem == sync.Incomplete {
				lacks = d
			}
		}
		if lacks == nil {
			continue
		}
		t.Logf("seed %d", seed)
		unsent := &lacks.hubs[0].status.Unsent
		*unsent = 3
		if misleads(lacks) {
			t.Error("nothing leads up to it on the relay, and nobody gives what would")
		}
		*unsent = 0
		for _, d := range w.devices {
			if s := &d.hubs[0].status; s.Problem == sync.Forked {
				s.Problem = sync.NoProblem
			}
		}
		if !misleads(lacks) {
			t.Error("nobody met a fork")
		}
		return
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
