package server

import (
	"sync"
	"time"
)

// budget bounds the memory that what is on its way to readers takes, over all connections: one is for large envelopes, one for
// Batches of several. Those that are no longer than shortBytes are not counted: there is one for each connection.
type budget struct {
	limit int
	// share, where not 0, is how many leases one caller may have. SECURITY: all of them would be enough to keep everybody else waiting.
	share int
	// beside, where not nil, says whether there is memory besides (Home.HasRoom).
	beside func(waits bool) bool

	mu   sync.Mutex
	used int
	// loans are what is leased, byCaller how many of them each caller has.
	loans    map[*loan]struct{}
	byCaller map[*Caller]int
	waiting  waiting
}

func newBudget(limit, share int, beside func(waits bool) bool) *budget {
	return &budget{limit: limit, share: share, beside: beside, loans: make(map[*loan]struct{}), byCaller: make(map[*Caller]int), waiting: make(waiting)}
}

// Lease is memory taken of a budget until it is released. The zero value is none.
type Lease struct{ loan *loan }

type loan struct {
	budget *budget
	size   int
	to     Receiver
	// late goes off when it has been held for holdsFor: then isLate.
	late   *time.Timer
	isLate bool
}

// Receiver is whom a message is for. HangUp, where not nil, ends the line over which he takes it, and must not block.
type Receiver struct {
	Caller *Caller
	HangUp func()
}

// holdsFor is how long a device may take over a large message while others wait for memory: 16 MiB at half a megabit a second.
const holdsFor = 5 * time.Minute

// take gives a lease, or false while the budget is used up, or what its receiver may have of it; waiter, if not nil, is then told when it
// may ask again, and who has held his for long is hung up on. Size does not decide, so that small ones do not keep a large one out for
// ever; the last may go beyond the limit.
func (b *budget) take(size int, to Receiver, waiter *Subscription) (Lease, bool) {
	b.mu.Lock()
	full := b.used > 0 && b.used >= b.limit || b.beside != nil && !b.beside(waiter != nil)
	own := to.Caller != nil && b.share > 0 && b.byCaller[to.Caller] >= b.share
	if !full && !own {
		defer b.mu.Unlock()
		return b.lend(size, to), true
	}
	var of *Caller
	if !full {
		of = to.Caller
	}
	if waiter != nil {
		b.waiting.add(waiter, of)
	}
	var late []*loan
	for l := range b.loans {
		if l.isLate && (of == nil || l.to.Caller == of) {
			late = append(late, l)
		}
	}
	b.mu.Unlock()
	for _, l := range late {
		l.to.HangUp()
	}
	return Lease{}, false
}

// lend needs mu.
func (b *budget) lend(size int, to Receiver) Lease {
	l := &loan{budget: b, size: size, to: to}
	b.used += size
	b.loans[l] = struct{}{}
	if to.Caller != nil {
		b.byCaller[to.Caller]++
	}
	if to.HangUp != nil {
		l.late = time.AfterFunc(holdsFor, l.isHeldLong)
	}
	return Lease{l}
}

// isHeldLong ends the line of a loan if anybody waits whom that helps.
func (l *loan) isHeldLong() {
	b := l.budget
	b.mu.Lock()
	_, held := b.loans[l]
	l.isLate = held
	wanted := held && len(b.waiting.told(true, l.to.Caller)) > 0
	b.mu.Unlock()
	if wanted {
		l.to.HangUp()
	}
}

// shortBytes is how long a Batch may be that is made whatever there is of memory. A place keeps one such for those who get the same.
const shortBytes = 16 << 10

// takeFor gives a lease for a Batch of so many bytes, none for a short one.
func (b *budget) takeFor(size int) (Lease, bool) {
	if size <= shortBytes {
		return Lease{}, true
	}
	return b.take(copiesSent*size, Receiver{}, nil)
}

// shrink keeps of a lease for a Batch what one of so many bytes takes.
func (l Lease) shrink(size int) Lease {
	if l.loan == nil || size <= shortBytes {
		l.Release()
		return Lease{}
	}
	b := l.loan.budget
	b.mu.Lock()
	b.used -= l.loan.size - copiesSent*size
	l.loan.size = copiesSent * size
	b.mu.Unlock()
	return l
}

// Release gives the memory back. Call it once.
func (l Lease) Release() {
	if l.loan == nil {
		return
	}
	b, of := l.loan.budget, l.loan.to.Caller
	b.mu.Lock()
	b.used -= l.loan.size
	delete(b.loans, l.loan)
	if of != nil {
		if b.byCaller[of]--; b.byCaller[of] == 0 {
			delete(b.byCaller, of)
		}
	}
	told := b.waiting.told(b.used < b.limit || b.used == 0, of)
	b.mu.Unlock()
	if l.loan.late != nil {
		l.loan.late.Stop()
	}
	look(told)
}

// tell has those who wait ask again.
func (b *budget) tell() {
	b.mu.Lock()
	told := b.waiting.told(true, nil)
	b.mu.Unlock()
	look(told)
}

// leave has a reader wait no more, and reports whether it did.
func (b *budget) leave(s *Subscription) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting.remove(s)
}

// pass has the next reader of the same connection ask, after one that waited and does not any more.
func (b *budget) pass(s *Subscription) {
	b.mu.Lock()
	next := b.waiting.after(s)
	b.mu.Unlock()
	look(next)
}

func look(readers []*Subscription) {
	for _, s := range readers {
		s.look()
	}
}
