package server

import "github.com/freehold-dev/freehold/internal/seal"

// TailBytes is how much of a document is in memory for its listeners.
func (r *Relay) TailBytes(doc seal.DocID) (n int) {
	r.mu.Lock()
	p := r.places[doc]
	r.mu.Unlock()
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.tail {
		n += len(e.Envelope)
	}
	return n
}

// PresenceBytes is how much presence there is in all.
func (r *Relay) PresenceBytes() int64 { return r.present.Load() }

// Used is how much the room counts.
func (r *Room) Used() int64 { return r.used }

// Known is how many callers are remembered.
func (c *Callers) Known() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.known)
}

// SetMembers is how many documents there are in sets.
func (r *Relay) SetMembers() int {
	r.sets.mu.Lock()
	defer r.sets.mu.Unlock()
	return r.sets.members
}
