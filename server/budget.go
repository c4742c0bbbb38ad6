package server

import (
	"slices"
	"sync"
	"time"
)

// budget bounds the memory that large envelopes on their way to readers take, over all connections. Small batches are
// not counted: there is one of at most Limits.BatchBytes for each connection.
type budget struct {
	limit int

	mu   sync.Mutex
	used int
	// waiting are readers to be told that there is room again.
	waiting map[*Subscription]struct{}
	held    []held
}

// held is what a device has not taken yet of a large message. A home that runs in turns hands it to its runtime, which takes everything at
// once and does not tell when it is gone: the device's credit does.
type held struct {
	peer  *Peer
	upTo  uint64
	size  int
	since time.Time
}

// HoldsFor is how long a device may take over a large message while others wait for memory: 16 MiB at half a megabit a second.
const HoldsFor = 5 * time.Minute

func newBudget(limit int) *budget {
	return &budget{limit: limit, waiting: make(map[*Subscription]struct{})}
}

// Lease is memory taken of a budget until it is released. The zero value is none.
type Lease struct {
	budget *budget
	size   int
}

// take gives a lease, or false while the budget is used up; waiter, if not nil, is then told when it may ask again. Size
// does not decide, so that small ones do not keep a large one out for ever; the last may go beyond the limit.
func (b *budget) take(size int, waiter *Subscription) (Lease, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used > 0 && b.used >= b.limit {
		if waiter != nil {
			b.waiting[waiter] = struct{}{}
		}
		return Lease{}, false
	}
	b.used += size
	return Lease{b, size}, true
}

// Release gives the memory back. Call it once.
func (l Lease) Release() {
	if l.budget != nil {
		l.budget.release(func() int { return l.size })
	}
}

// release gives back as much memory as free says, which is called with mu held, and tells who waits.
func (b *budget) release(free func() int) {
	var told map[*Subscription]struct{}
	b.mu.Lock()
	freed := free()
	b.used -= freed
	if freed > 0 && (b.used < b.limit || b.used == 0) {
		told, b.waiting = b.waiting, make(map[*Subscription]struct{})
	}
	b.mu.Unlock()
	for s := range told {
		s.look()
	}
}

// hold counts what a connection has not taken, until it has everything up to upTo.
func (b *budget) hold(p *Peer, upTo uint64, size int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used += size
	b.held = append(b.held, held{p, upTo, size, now})
}

// taken gives back what a connection has taken by now.
func (b *budget) taken(p *Peer, upTo uint64) {
	b.release(func() (freed int) {
		b.held = slices.DeleteFunc(b.held, func(h held) bool {
			gone := h.peer == p && h.upTo <= upTo
			if gone {
				freed += h.size
			}
			return gone
		})
		return freed
	})
}

// slow are the connections that have held something for longer than HoldsFor.
func (b *budget) slow(now time.Time) (peers []*Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.held {
		if now.Sub(h.since) > HoldsFor && !slices.Contains(peers, h.peer) {
			peers = append(peers, h.peer)
		}
	}
	return peers
}
