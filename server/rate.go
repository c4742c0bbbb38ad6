package server

import "time"

// rate is a budget that refills with time. One with no burst has no end.
type rate struct {
	perSecond, burst float64

	level float64
	at    time.Time
}

// take spends one, or says how long to wait for it.
func (r *rate) take(now time.Time) (wait time.Duration, ok bool) {
	if wait, ok = r.have(now); ok {
		r.level--
	}
	return wait, ok
}

// have reports whether there is one to spend, or says how long to wait for it.
func (r *rate) have(now time.Time) (wait time.Duration, ok bool) {
	if r.burst <= 0 {
		return 0, true
	}
	r.refill(now)
	if r.level < 1 {
		return time.Duration((1 - r.level) / r.perSecond * float64(time.Second)), false
	}
	return 0, true
}

// reserve spends one in any case, and says how long to wait before it is used.
func (r *rate) reserve(now time.Time) (wait time.Duration) {
	wait, _ = r.have(now)
	r.level--
	return wait
}

// isFull reports whether all of it is there.
func (r *rate) isFull(now time.Time) bool {
	r.refill(now)
	return r.level >= r.burst
}

func (r *rate) refill(now time.Time) {
	if r.at.IsZero() {
		r.level = r.burst
	} else if passed := now.Sub(r.at).Seconds(); passed > 0 {
		r.level = min(r.burst, r.level+passed*r.perSecond)
	}
	r.at = now
}
