package sync_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run the simulation with this seed only")
	seedsFlag = flag.Uint64("seeds", 300, "how many seeds the simulation runs")
)

// TestSimulation lets two to four devices (one may only read) and a relay (whose disk may be lost, or begin late) suffer, then leaves them alone: all must show everything that any of
// them was told to be durable, and nothing twice or before what its writer had seen.
func TestSimulation(t *testing.T) {
	if *seedFlag != 0 {
		simulate(t, *seedFlag)
		return
	}
	packed, compacted := 0, 0
	for seed := uint64(1); seed <= *seedsFlag; seed++ {
		var relay *toyRelay
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { relay = simulate(t, seed) }) {
			t.Fatalf("again with: go test ./internal/sync -run TestSimulation -seed %d", seed)
		}
		packed, compacted = packed+relay.packed, compacted+relay.compacted
	}
	t.Logf("%d packs, %d bad snapshots", packed, compacted)
	if packed == 0 || compacted == 0 {
		t.Error("it did not happen at all")
	}
}

func simulate(t *testing.T, seed uint64) *toyRelay {
	r := rand.New(rand.NewPCG(seed, 1))
	relay := &toyRelay{}
	relay.wipe()
	now := int64(1)
	var devices []*device
	writers := 2 + r.IntN(2)
	for i := range writers + r.IntN(2) {
		d := &device{t: t, name: string(rune('a' + i)), rand: r, relay: relay, clock: &now, writable: i < writers}
		d.disk = &disk{runs: map[sync.SessionID][]*envelope{}, covers: map[sync.SessionID]sync.Head{}}
		d.start(1)
		devices = append(devices, d)
	}
	relay.devices, relay.lossy = devices, true
	ops := 0
	for range 400 + r.IntN(600) {
		d := devices[r.IntN(len(devices))]
		switch n := r.IntN(100); {
		case n < 20:
			parts := 1
			if r.IntN(6) == 0 {
				parts = 2 + r.IntN(3)
			}
			d.edit(ops+1, parts)
			ops += parts
		case n < 21 && r.IntN(4) == 0: // somebody types
			for range 40 {
				d.edit(ops+1, 1)
				ops++
			}
		case n < 22:
			d.cut()
		case n < 23:
			d.start(1) // a crash: what was not durable is gone
		case n < 24 && r.IntN(4) == 0 && relay.compacted == 0: // a bad snapshot that nobody else can see cannot be found out (docs/THREATS.md)
			if r.IntN(2) == 0 {
				relay.wipe()
			} else {
				relay.beginLate(r)
			}
			for _, other := range devices {
				other.cut()
			}
		case n < 25:
			d.broken = !d.broken
		case n < 26:
			if r.IntN(4) == 0 && !relay.full {
				relay.compact(r)
			} else {
				relay.full = !relay.full
			}
		case n < 27:
			relay.tamper = r.IntN(3)
		case n < 29:
			d.step(sync.Pause{Yes: r.IntN(2) == 0})
		case n < 35:
			now += int64(r.IntN(3000))
			d.step(sync.Wake{})
		default:
			d.move(r)
		}
	}
	relay.full, relay.lossy, relay.tamper = false, false, 0
	for _, d := range devices {
		d.broken = false
		d.step(sync.Pause{})
		d.cut()
	}
	settle(t, devices, r, &now)
	var all []int
	for _, d := range devices {
		all = union(all, d.durable)
	}
	slices.Sort(all)
	for _, d := range devices {
		slices.Sort(d.shown)
		for _, op := range all {
			if _, found := slices.BinarySearch(d.shown, op); !found {
				t.Errorf("%s does not show operation %d", d.name, op)
			}
		}
		if len(union(d.shown, d.disk.ops())) != len(d.shown) {
			t.Errorf("%s stores what it does not show", d.name)
		}
		if d.status.Content != sync.ContentComplete || d.status.Unsent != 0 && (d.writable || relay.compacted == 0) || d.status.State != sync.RelayLive ||
			d.status.Problem != sync.NoProblem && (d.status.Problem != sync.BadSnapshot || relay.compacted == 0) {
			t.Errorf("%s ends as %+v", d.name, d.status)
		}
		others := uint32(writers)
		if d.writable {
			others--
		}
		if d.status.Peers != others || d.status.Peer != d.status.Device || d.status.Device > 0 && d.status.Seen != others {
			t.Errorf("%s ends among %d others as %+v", d.name, others, d.status)
		}
		for _, h := range d.refs { // a change whose writer died over it waits for ever
			if !d.disk.unfinished(h.envelope) {
				t.Errorf("%s still holds operations %v", d.name, h.ops)
			}
		}
	}
	if t.Failed() {
		report(t, devices)
		t.Logf("seed %d: %d operations, %d durable", seed, ops, len(all))
	}
	return relay
}

// move does one of the things that wait to be done at a device.
func (d *device) move(r *rand.Rand) bool {
	switch n := r.IntN(3); {
	case n == 0 && len(d.pending) > 0:
		i := r.IntN(len(d.pending))
		f := d.pending[i]
		d.pending = slices.Delete(d.pending, i, i+1)
		f()
	case n == 1 && len(d.toRelay) > 0:
		f := d.toRelay[0]
		d.toRelay = d.toRelay[1:]
		f()
	case n == 2 && len(d.toHere) > 0:
		f := d.toHere[0]
		d.toHere = d.toHere[1:]
		f()
	case n == 2 && d.greeted && d.open:
		d.feed(false)
		return len(d.toHere) > 0
	default:
		return len(d.pending)+len(d.toRelay)+len(d.toHere) > 0
	}
	return true
}

// settle runs until nothing but signs of life happens for five simulated minutes.
func settle(t *testing.T, devices []*device, r *rand.Rand, now *int64) {
	quiet, before := 0, 0
	for end := *now + 3_600_000; *now < end; {
		busy, doings := false, 0
		for _, d := range devices {
			for range 6 {
				busy = d.move(r) || busy
			}
			doings += d.doings
		}
		if doings != before {
			quiet, before = 0, doings
		}
		if busy {
			continue
		}
		if quiet++; quiet == 300 {
			return
		}
		*now += 1000
		for _, d := range devices {
			if d.timer != 0 && d.timer <= *now {
				d.step(sync.Wake{})
			}
		}
	}
	report(t, devices)
	t.Fatal("it never comes to rest")
}

func report(t *testing.T, devices []*device) {
	for _, d := range devices {
		t.Logf("%s: %d pending, %d out, %d in\n%s", d.name, len(d.pending), len(d.toRelay), len(d.toHere), d.machine.Dump())
	}
	for _, e := range devices[0].relay.log {
		t.Logf("relay %d: %x/%d kind %d operations %v", e.cursor, e.session[:4], e.seq, e.kind, e.ops)
	}
}
