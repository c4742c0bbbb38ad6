package server

import (
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Admission decides which documents a relay keeps, and how much of each.
type Admission interface {
	// Grant is how many bytes a document may keep at a time, 0 for Limits.DocBytes; ok is false where nothing new of it is taken. What a
	// relay has it goes on giving.
	Grant(g *seal.Genesis, now time.Time) (bytes int64, ok bool)
}

// NotAdmitted refuses a document that the relay's operator did not admit, or not any more.
func NotAdmitted() *Refusal {
	r := refuse(wire.CodeNotHere, "The operator of this relay has not admitted this document.", nil)
	r.Hint = "Ask the operator, or use another relay. Everything stays on your devices."
	return r
}

// grant asks whether anything new of a document may be taken now, and tells the room how much of it.
func (r *Relay) grant(room *Room, g *seal.Genesis) *Refusal {
	if r.home.Admission == nil || g == nil {
		return nil
	}
	bytes, ok := r.home.Admission.Grant(g, r.clock())
	if !ok {
		return NotAdmitted()
	}
	if bytes == 0 {
		bytes = r.limits.DocBytes
	}
	room.limits.DocBytes = bytes
	return nil
}
