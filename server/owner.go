package server

import (
	"bytes"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Delete ends the document when its owner says so to the relay of this name. What stays is that it is gone.
func (r *Room) Delete(relay string, statement []byte) (*Write, *Refusal) {
	if refusal := r.open(); refusal != nil {
		return nil, refusal
	}
	if err := r.genesis.VerifyDelete(relay, statement); err != nil {
		return nil, refuse(wire.CodeBadSignature, "The document's owner did not ask this relay to delete it.", err)
	}
	*r = Room{doc: r.doc, limits: r.limits, gone: true, sessions: make(map[seal.SessionID]*session)}
	return &Write{Doc: r.doc, Gone: true}, nil
}

// Succeed notes where the owner says that the document goes on. A document has one successor: which of two came first must
// not depend on the relay. The Write is nil where the room had it.
func (r *Room) Succeed(statement []byte) (*Write, *Refusal) {
	if refusal := r.open(); refusal != nil {
		return nil, refusal
	}
	successor, err := r.genesis.VerifySuccessor(statement)
	switch {
	case err != nil:
		return nil, refuse(wire.CodeBadSignature, "The document's owner did not name this successor.", err)
	case r.successor == nil:
		r.successor = bytes.Clone(statement)
		return &Write{Doc: r.doc, Successor: r.successor}, nil
	case !bytes.Equal(r.successor[:len(successor)], successor[:]):
		return nil, refuse(wire.CodeFork, "The document goes on as another one already.", nil)
	}
	return nil, nil
}
