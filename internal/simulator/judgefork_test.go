package simulator

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// Who lacks what those have who met two histories says that it is incomplete, and is right. Of one whose holders know nothing of a fork it is wrong.
func TestWhatNobodyGivesForItsForkIsIncomplete(t *testing.T) {
	for seed := uint64(340859); ; seed++ {
		if planned(seed).cheat != Equivocation {
			continue
		}
		w := newWorld(seed)
		w.live()
		var lacks *Device
		for _, d := range w.devices {
			if d.status().Problem == sync.Incomplete {
				lacks = d
			}
		}
		if lacks == nil {
			continue
		}
		t.Logf("seed %d", seed)
		lacks.judgeStatus(w.onRelays())
		for _, d := range w.devices {
			if s := &d.hubs[0].status; s.Problem == sync.Forked {
				s.Problem = sync.NoProblem
			}
		}
		failure := func() (why any) {
			defer func() { why = recover() }()
			lacks.judgeStatus(w.onRelays())
			return nil
		}()
		if why, failed := failure.(wrong); !failed || why.kind != Misled {
			t.Errorf("nobody met a fork: %v", failure)
		}
		return
	}
}
