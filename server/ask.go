package server

import (
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Ask answers one frame about a document from a device without a connection, when the answer is durable. A Hello brings the
// genesis, if it has one, and its Welcome tells what is known: whether the device may read is for the caller to ask. name is what
// the device calls this relay.
func (r *Relay) Ask(by *Caller, name string, doc seal.DocID, question []byte) wire.Frame {
	frame, err := wire.Decode(question)
	if err != nil {
		return BadFrame(err).Frame(&doc, nil)
	}
	switch f := frame.(type) {
	case *wire.Append:
		if f.Doc == doc {
			if refusal := by.mayAppend(); refusal != nil {
				return refusal.Frame(&doc, &f.Req)
			}
			if wait := r.pace(doc); wait > 0 {
				return Busy().after(wait).Frame(&doc, &f.Req)
			}
			answer := make(chan wire.Frame, 1)
			r.Append(f, nil, func(f wire.Frame) { answer <- f })
			return <-answer
		}
	case *wire.Hello:
		if f.Doc == doc {
			return r.know(by, f)
		}
	case *wire.Delete:
		if f.Doc == doc {
			return decided(doc, f.Req, r.Delete(doc, name, f.Signature))
		}
	case *wire.Successor:
		if f.Doc == doc {
			return decided(doc, f.Req, r.Succeed(doc, f.Statement))
		}
	}
	return BadFrame(nil).Frame(&doc, nil)
}

// know is the answer to a Hello without a connection.
func (r *Relay) know(by *Caller, f *wire.Hello) wire.Frame {
	if f.Genesis != nil {
		if refusal := r.Found(by, f.Doc, f.Genesis); refusal != nil {
			return refusal.Frame(&f.Doc, nil)
		}
	}
	record, refusal := r.Room(f.Doc)
	if refusal != nil {
		return refusal.Frame(&f.Doc, nil)
	}
	return &wire.Welcome{Doc: f.Doc, Store: r.Store(), Head: record.Head, Genesis: record.Genesis, Successor: record.Successor}
}

// decided answers what an owner asked.
func decided(doc seal.DocID, req uint64, refusal *Refusal) wire.Frame {
	if refusal != nil {
		return refusal.Frame(&doc, &req)
	}
	return &wire.Done{Doc: doc, Req: req}
}
