package server

import (
	"github.com/freehold-dev/freehold/server/meter"
)

// Meter is what a relay counts of its work. No document, session or address is in it.
type Meter struct {
	// Refusals by code.
	Refusals meter.Counters
	// Taken are the sizes of the appends that became durable, Acks the seconds from an append's arrival until then.
	Taken, Acks *meter.Histogram
	// Commits are the seconds that groups of writes took on the disk.
	Commits       *meter.Histogram
	CommitsFailed meter.Counter
	// Sent are the bytes of frames given to sockets, Presence is how many of the frames were presence.
	Sent, Presence meter.Counter
	// CutOff are connections that did not read their answers.
	CutOff meter.Counter
}

func newMeter() *Meter {
	return &Meter{Taken: meter.Bytes(), Acks: meter.Seconds(), Commits: meter.Seconds()}
}

// refused counts a frame that is a refusal.
func (m *Meter) refused(code string) { m.Refusals.Of(code).Add(1) }

// Meter gives what the relay counted so far.
func (r *Relay) Meter() *Meter { return r.meter }

// Load is how much a relay has to do now.
type Load struct {
	// Documents are in memory, because somebody is there or was lately.
	Documents int
	// Waiting are bytes that wait for the disk, Large those of large envelopes on their way to readers, Presence those of who is here.
	Waiting, Large, Presence int
	// Failing: the last commit failed.
	Failing bool
}

// Load says how much there is to do.
func (r *Relay) Load() Load {
	r.mu.Lock()
	documents := len(r.places)
	r.mu.Unlock()
	r.committer.mu.Lock()
	waiting := r.committer.held
	r.committer.mu.Unlock()
	r.large.mu.Lock()
	large := r.large.used
	r.large.mu.Unlock()
	return Load{documents, waiting, large, int(r.present.Load()), r.committer.failing.Load()}
}
