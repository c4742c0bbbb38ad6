package httpapi

import (
	"context"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// Documents is what the handler needs of a relay, wherever that is.
type Documents interface {
	// Ask hands a frame over and returns its answer when that is durable: an Append, Delete or Successor, or a Hello, with
	// a genesis to bring or without one, which is answered by a Welcome. Everything that is wrong is an Error frame.
	Ask(ctx context.Context, q Question, frame []byte) Answer
	// Read gives a Batch of what follows a cursor, or an Error. hangUp ends the line of one who takes it too slowly.
	Read(ctx context.Context, q Question, since wire.Cursor, hangUp func()) Answer
	// Await returns when the document's head is another than since, or after wait.
	Await(ctx context.Context, doc seal.DocID, since wire.Cursor, wait time.Duration) *server.Refusal
}

// Question is who asks about what.
type Question struct {
	Doc seal.DocID
	// Name is what the relay is called in statements.
	Name string
	By   *server.Caller
}

// Answer is an encoded frame, and which store gives it.
type Answer struct {
	Frame []byte
	Store wire.StoreID
	lease server.Lease
}

// Release says that the frame was sent.
func (a Answer) Release() { a.lease.Release() }

// Refused is the answer that a refusal is.
func Refused(store wire.StoreID, doc seal.DocID, refusal *server.Refusal) Answer {
	b, err := wire.Encode(refusal.Frame(&doc, nil))
	if err != nil {
		panic(err) // texts are short
	}
	return Answer{Frame: b, Store: store}
}

// Local are the documents of a relay in this process. Reads that wait end with stopping.
func Local(relay *server.Relay, stopping <-chan struct{}) Documents { return local{relay, stopping} }

type local struct {
	relay    *server.Relay
	stopping <-chan struct{}
}

func (l local) Ask(_ context.Context, q Question, frame []byte) Answer {
	return l.answer(q.Doc, l.relay.Ask(q.By, q.Name, q.Doc, frame), server.Lease{})
}

func (l local) Read(_ context.Context, q Question, since wire.Cursor, hangUp func()) Answer {
	batch, lease, refusal := l.relay.Read(q.Doc, since, server.Receiver{Caller: q.By, HangUp: hangUp})
	if refusal != nil {
		return Refused(l.relay.Store(), q.Doc, refusal)
	}
	return l.answer(q.Doc, batch, lease)
}

func (l local) answer(doc seal.DocID, frame wire.Frame, lease server.Lease) Answer {
	b, err := wire.Encode(frame)
	if err != nil {
		lease.Release()
		return Refused(l.relay.Store(), doc, server.BadFrame(err))
	}
	return Answer{Frame: b, Store: l.relay.Store(), lease: lease}
}

func (l local) Await(ctx context.Context, doc seal.DocID, since wire.Cursor, wait time.Duration) *server.Refusal {
	news := make(chan struct{}, 1)
	s, refusal := l.relay.Subscribe(doc, 0, nil, nil, func(*server.Subscription) {
		select {
		case news <- struct{}{}:
		default:
		}
	}, nil)
	if refusal != nil {
		return refusal
	}
	defer s.Close()
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		record, refusal := l.relay.Room(doc)
		if refusal != nil && refusal.Code != wire.CodeNoRoom {
			return refusal
		}
		// A cursor beyond the head is of another store: there is news already.
		if refusal == nil && record.Head != since {
			return nil
		}
		select {
		case <-news:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return nil
		case <-l.stopping:
			return nil
		}
	}
}
