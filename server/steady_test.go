package server_test

import (
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
)

// What a steady clock counts, by what the clock it looks at shows from one look to the next.
func TestSteady(t *testing.T) {
	const decade = 3650 * day
	for name, c := range map[string]struct {
		moves []time.Duration
		want  time.Duration
	}{
		"nobody looked again":                     {nil, 0},
		"looks in between":                        {[]time.Duration{time.Hour, time.Minute, 5 * time.Hour}, 6*time.Hour + time.Minute},
		"a look each day":                         {[]time.Duration{day, day, day}, 3 * day},
		"a look that was put off":                 {[]time.Duration{30 * time.Hour}, 30 * time.Hour},
		"a relay that was off for long":           {[]time.Duration{day, 40 * day, day}, 2*day + 30*time.Hour},
		"a jump forward":                          {[]time.Duration{day, decade, day}, 2*day + 30*time.Hour},
		"a jump back":                             {[]time.Duration{day, -decade, day}, 2 * day},
		"a wrong date for an hour":                {[]time.Duration{decade, time.Hour, -decade, time.Hour}, 32 * time.Hour},
		"a wrong date that nobody looked at":      {[]time.Duration{decade - decade + time.Hour}, time.Hour},
		"a little back, as clocks are kept right": {[]time.Duration{day, -2 * time.Second, day}, 2 * day},
		"centuries":                               {[]time.Duration{25 * decade, 25 * decade, -29 * decade}, 60 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			s := server.Steady{}.Look(now)
			for _, move := range c.moves {
				now = now.Add(move)
				before := s.Counted
				if s = s.Look(now); s.Counted < before || !s.Seen.Equal(now) {
					t.Fatalf("%+v after %v", s, before)
				}
			}
			if s.Counted != c.want {
				t.Fatalf("%v counted, want %v", s.Counted, c.want)
			}
		})
	}
	// Looks often enough to lose what a second has less are no way to stop it.
	now := time.Unix(1_800_000_000, 0)
	s := server.Steady{}.Look(now)
	for range 10_000 {
		now = now.Add(333 * time.Millisecond)
		s = s.Look(now)
	}
	if s.Counted != 3330*time.Second {
		t.Fatalf("%v of 3330 s", s.Counted)
	}
}
