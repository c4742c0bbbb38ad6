package server

import "sync"

// budget bounds the memory that what is on its way to readers takes, over all connections: one is for large envelopes, one for
// Batches of several. Those that are no longer than shortBytes are not counted: there is one for each connection.
type budget struct {
	limit int
	// beside, where not nil, says whether there is memory besides (Home.HasRoom).
	beside func(waits bool) bool

	mu   sync.Mutex
	used int
	// waiting are readers to be told that there is room again.
	waiting map[*Subscription]struct{}
}

func newBudget(limit int, beside func(waits bool) bool) *budget {
	return &budget{limit: limit, beside: beside, waiting: make(map[*Subscription]struct{})}
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
	if b.used > 0 && b.used >= b.limit || b.beside != nil && !b.beside(waiter != nil) {
		if waiter != nil {
			b.waiting[waiter] = struct{}{}
		}
		return Lease{}, false
	}
	b.used += size
	return Lease{b, size}, true
}

// shortBytes is how long a Batch may be that is made whatever there is of memory. A place keeps one such for those who get the same.
const shortBytes = 16 << 10

// takeFor gives a lease for a Batch of so many bytes, none for a short one.
func (b *budget) takeFor(size int) (Lease, bool) {
	if size <= shortBytes {
		return Lease{}, true
	}
	return b.take(copiesSent*size, nil)
}

// shrink keeps of a lease for a Batch what one of so many bytes takes.
func (l Lease) shrink(size int) Lease {
	if l.budget == nil || size <= shortBytes {
		l.Release()
		return Lease{}
	}
	kept := Lease{l.budget, copiesSent * size}
	Lease{l.budget, l.size - kept.size}.Release()
	return kept
}

// Release gives the memory back. Call it once.
func (l Lease) Release() {
	if l.budget == nil {
		return
	}
	l.budget.mu.Lock()
	l.budget.used -= l.size
	room := l.budget.used < l.budget.limit || l.budget.used == 0
	l.budget.mu.Unlock()
	if room {
		l.budget.tell()
	}
}

// tell has those who wait ask again.
func (b *budget) tell() {
	b.mu.Lock()
	told := b.waiting
	b.waiting = make(map[*Subscription]struct{})
	b.mu.Unlock()
	for s := range told {
		s.look()
	}
}
