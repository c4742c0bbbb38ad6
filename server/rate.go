package server

import "time"

// rate is a budget that refills with time.
type rate struct {
	perSecond, burst float64

	level float64
	at    time.Time
}

// take spends one, or says how long to wait for it.
func (r *rate) take(now time.Time) (wait time.Duration, ok bool) {
	if r.at.IsZero() {
		r.level = r.burst
	} else if passed := now.Sub(r.at).Seconds(); passed > 0 {
		r.level = min(r.burst, r.level+passed*r.perSecond)
	}
	r.at = now
	if r.level < 1 {
		return time.Duration((1 - r.level) / r.perSecond * float64(time.Second)), false
	}
	r.level--
	return 0, true
}
