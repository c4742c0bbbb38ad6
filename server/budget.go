package server

import "sync"

// budget bounds the memory that large envelopes on their way to readers take, over all connections. Small batches are
// not counted: there is one of at most Limits.BatchBytes for each connection.
type budget struct {
	limit int

	mu   sync.Mutex
	used int
	// waiting are readers to be told that there is room again.
	waiting map[*Subscription]struct{}
}

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
	b := l.budget
	if b == nil {
		return
	}
	var told map[*Subscription]struct{}
	b.mu.Lock()
	b.used -= l.size
	if b.used < b.limit || b.used == 0 {
		told, b.waiting = b.waiting, make(map[*Subscription]struct{})
	}
	b.mu.Unlock()
	for s := range told {
		s.look()
	}
}
