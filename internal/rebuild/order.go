package rebuild

import (
	"errors"
	"maps"
	"slices"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
)

// apply gives the core every update behind those that its writer had seen: what it can hold back is bounded.
func (r *rebuilder) apply() {
	for _, q := range r.sessions {
		q.order = slices.Sorted(maps.Keys(q.bySeq))
	}
	ready := slices.Clone(r.sessions)
	for len(ready) > 0 {
		q := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		before := q.at
		for q.at < len(q.order) {
			next := q.bySeq[q.order[q.at]]
			if dep, missing := r.missing(next); missing {
				r.waiting[dep] = append(r.waiting[dep], q)
				break
			}
			r.give(next)
			q.at++
		}
		if q.at > before {
			ready = append(ready, r.waiting[q.session]...)
			delete(r.waiting, q.session)
		}
	}
	// What is left names something that is not here, or that a snapshot has: the core knows which.
	for _, q := range r.sessions {
		for ; q.at < len(q.order); q.at++ {
			r.give(q.bySeq[q.order[q.at]])
		}
	}
	for _, p := range r.held {
		if _, _, err := r.Doc.Apply(crdt.SessionID(p.entry.Session), p.content); err != nil {
			r.Waiting++
		}
	}
}

// missing is a session that has something coming which an update's writer had seen.
func (r *rebuilder) missing(p place) (seal.SessionID, bool) {
	for _, d := range p.deps {
		if q := r.queues[d.Session]; q != nil && d.Session != p.entry.Session && q.at < len(q.order) && q.order[q.at] <= d.Seq {
			return d.Session, true
		}
	}
	return seal.SessionID{}, false
}

func (r *rebuilder) give(p place) {
	_, _, err := r.Doc.Apply(crdt.SessionID(p.entry.Session), p.content)
	switch {
	case errors.Is(err, crdt.ErrMissing), errors.Is(err, crdt.ErrTooLarge):
		r.held = append(r.held, p)
	case err != nil:
		r.problem(p.entry, err)
	}
}
