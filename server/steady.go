package server

import "time"

const (
	// longestStep is the most that counts between two looks: an edge looks once a day, and one may be put off.
	longestStep = 30 * time.Hour
	// lookEvery is how soon a look is worth a write. What was not written is counted by the next look.
	lookEvery = 6 * time.Hour
)

// Steady is a clock that nobody sets: it counts the time between two looks at one that may be wrong, never backwards and no more than a step.
// Time in which nobody looked is lost to it, so what waits for it waits longer. It is a value in whole seconds.
type Steady struct {
	// Counted is the time since the first look.
	Counted time.Duration
	// Seen is what the other clock showed at the last one, zero before the first.
	Seen time.Time
}

// Look is the clock after a look.
func (s Steady) Look(now time.Time) Steady {
	now = now.UTC().Truncate(time.Second)
	if !s.Seen.IsZero() {
		s.Counted += min(max(now.Sub(s.Seen), 0), longestStep)
	}
	s.Seen = now
	return s
}

// isDue: a look is to be kept. One behind a clock that was put back is, or it would count nothing until that clock has caught up.
func (s Steady) isDue(now time.Time) bool {
	since := now.Sub(s.Seen)
	return since < 0 || since >= lookEvery
}
