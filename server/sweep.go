package server

import (
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// sweepDocuments is how many documents are listed at once.
const sweepDocuments = 256

// Sweep lets go of everything that is covered and ripe, in all documents, a page of a log at a time. Its home calls it from
// time to time, once at a time. It stops early, without harm, with CodeStorage or CodeStopping.
func (r *Relay) Sweep() *Refusal {
	for after := (seal.DocID{}); ; {
		docs, err := r.log.Documents(after, sweepDocuments)
		if err != nil {
			return unreadable(err)
		}
		if len(docs) == 0 {
			return nil
		}
		for _, doc := range docs {
			if r.isStopped() {
				return Stopping()
			}
			if refusal := r.sweepDocument(doc); refusal != nil && refusal.Code != wire.CodeBusy && refusal.Code != wire.CodeGone {
				return refusal
			}
			after = doc
		}
	}
}

func (r *Relay) sweepDocument(doc seal.DocID) *Refusal {
	record, err := r.log.Room(doc)
	if err != nil {
		return unreadable(err)
	}
	if record.Retention.isDue(r.clock()) {
		if refusal := r.decide(doc, func(_ *place, room *Room) (*Write, *Refusal) { return room.Look(r.clock()), nil }); refusal != nil {
			return refusal
		}
	}
	for since := (wire.Cursor(0)); ; {
		record, err := r.log.Room(doc)
		if err != nil {
			return unreadable(err)
		}
		cut := record.Retention.Cut(r.clock())
		if since >= cut {
			return nil
		}
		batch, lease, refusal := r.batch(doc, since, Receiver{}, nil)
		if refusal != nil {
			return refusal
		}
		if batch == nil {
			return Busy()
		}
		refusal = r.decide(doc, func(p *place, room *Room) (*Write, *Refusal) {
			return room.Sweep(p, r.clock(), batch.Entries)
		})
		lease.Release()
		if refusal != nil {
			return refusal
		}
		if since = batch.UpTo; !batch.More {
			return nil
		}
	}
}

func (r *Relay) isStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}
