package server

import (
	"sync"
	"time"
)

// Caller is who stands behind connections and requests, as far as a relay can tell them apart: an address on a network. All that
// comes from one shares its budgets. A nil Caller has none: it is this machine itself.
type Caller struct {
	all *Callers
	// large has room for as many large messages as may be on their way in.
	large chan struct{}
	// What follows is guarded by Callers.mu.
	connections int
	// documents is spent by bringing new ones, failures by proofs that do not hold, appends by those without a connection.
	documents, failures, appends rate
}

// Callers are those that a relay has heard of lately. What it remembers of them is bounded, and never written down.
type Callers struct {
	limits Limits
	clock  func() time.Time

	mu    sync.Mutex
	known map[string]*Caller
	// sweepAt is how many may be known before some are forgotten.
	sweepAt int
}

// NewCallers keeps no one yet.
func NewCallers(limits Limits, clock func() time.Time) *Callers {
	c := &Callers{limits: limits, clock: clock, known: make(map[string]*Caller)}
	c.sweepAt = c.atLeast()
	return c
}

// Of gives the caller of a name, which only has to be the same for the same one.
func (c *Callers) Of(name string) *Caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.known[name]
	if one == nil {
		if len(c.known) >= c.sweepAt {
			c.sweep()
		}
		one = &Caller{
			all:       c,
			large:     make(chan struct{}, max(1, c.limits.CallerLarge)),
			documents: rate{perSecond: c.limits.CallerDocsPerHour / 3600, burst: c.limits.CallerDocsPerHour},
			failures:  rate{perSecond: c.limits.CallerFailuresPerMinute / 60, burst: c.limits.CallerFailuresPerMinute},
		}
		one.appends = rate{perSecond: c.limits.AppendsPerSecond, burst: c.limits.AppendBurst}
		c.known[name] = one
	}
	return one
}

// sweep forgets those without a connection: first those who have nothing to make good, and if those are few, all. SECURITY: who has
// so many addresses gets new budgets by it, and the relay no more memory than for those who are connected.
func (c *Callers) sweep() {
	now := c.clock()
	for name, one := range c.known {
		if one.connections == 0 && one.documents.isFull(now) && one.failures.isFull(now) && one.appends.isFull(now) {
			delete(c.known, name)
		}
	}
	if len(c.known) > c.sweepAt/2 {
		for name, one := range c.known {
			if one.connections == 0 {
				delete(c.known, name)
			}
		}
	}
	c.sweepAt = max(c.atLeast(), 2*len(c.known))
}

func (c *Callers) atLeast() int { return max(1024, 2*c.limits.Connections) }

// Connect counts one connection more, until Disconnect; false where the caller has as many as it may.
func (c *Caller) Connect() bool {
	if c == nil {
		return true
	}
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if limit := c.all.limits.CallerConnections; limit > 0 && c.connections >= limit {
		return false
	}
	c.connections++
	return true
}

// Disconnect gives a connection back.
func (c *Caller) Disconnect() {
	if c == nil {
		return
	}
	c.all.mu.Lock()
	c.connections--
	c.all.mu.Unlock()
}

// Large takes the place of one large message on its way in, and waits for it until gone is closed; where that is nil it does not
// wait. ok is false without a place.
func (c *Caller) Large(gone <-chan struct{}) (release func(), ok bool) {
	if c == nil {
		return func() {}, true
	}
	release = func() { <-c.large }
	select {
	case c.large <- struct{}{}:
		return release, true
	default:
	}
	if gone == nil {
		return nil, false
	}
	select {
	case c.large <- struct{}{}:
		return release, true
	case <-gone:
		return nil, false
	}
}

// mayFound spends one new document. Errors: CodeBusy.
func (c *Caller) mayFound() *Refusal {
	if c == nil {
		return nil
	}
	return c.spend(&c.documents)
}

// mayAppend spends one append without a connection. Errors: CodeBusy.
func (c *Caller) mayAppend() *Refusal {
	if c == nil {
		return nil
	}
	return c.spend(&c.appends)
}

func (c *Caller) spend(r *rate) *Refusal {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if wait, ok := r.take(c.all.clock()); !ok {
		return Busy().after(wait)
	}
	return nil
}

// Prove checks a proof or token with verify, unless too many of the caller's did not hold lately. Errors: CodeUnproven, CodeBusy.
func (c *Caller) Prove(verify func() error) *Refusal {
	if c == nil {
		if err := verify(); err != nil {
			return Unproven(err)
		}
		return nil
	}
	c.all.mu.Lock()
	wait, ok := c.failures.have(c.all.clock())
	c.all.mu.Unlock()
	if !ok {
		return Busy().after(wait)
	}
	err := verify()
	if err == nil {
		return nil
	}
	c.all.mu.Lock()
	c.failures.take(c.all.clock())
	c.all.mu.Unlock()
	return Unproven(err)
}
