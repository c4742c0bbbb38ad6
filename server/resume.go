package server

import (
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// PeerState is all that a connection must remember for a relay that may forget it, while what carries it stays open.
type PeerState struct {
	Name     string
	Nonce    seal.Nonce
	Readings []Reading
	// As in Peer.
	Sent, Taken uint64
}

// Reading is how far a subscription is.
type Reading struct {
	Doc   seal.DocID
	Since wire.Cursor
	// Store is what the device said that Since belongs to, of use until it is welcomed.
	Store *wire.StoreID
	Proof []byte
	// As in Subscription.
	Welcomed, Named, Succeeded, Begun bool
}

// State is the connection as it is between two turns of its home: nothing is being sent or received.
func (p *Peer) State() PeerState {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := PeerState{Name: p.name, Nonce: p.nonce, Sent: p.sent, Taken: p.taken}
	for _, s := range p.subscriptions {
		state.Readings = append(state.Readings, Reading{
			Doc: s.Doc(), Since: s.since, Store: s.store, Proof: s.proof,
			Welcomed: s.welcomed, Named: s.named, Succeeded: s.succeeded, Begun: s.begun,
		})
	}
	return state
}

// ResumePeer goes on with a connection where its state says. The device notices nothing, but that presence is forgotten and
// that its own entries may come back to it.
func (r *Relay) ResumePeer(line Line, state PeerState) *Peer {
	p := r.newPeer(line, nil, state.Name, state.Nonce)
	p.sent, p.taken = state.Sent, state.Taken
	for _, reading := range state.Readings {
		s, refusal := p.subscribe(reading.Doc, reading.Since, reading.Store, reading.Proof)
		if refusal != nil {
			// It said hello and would wait for ever: it does so again on a new connection.
			line.HangUp()
			return p
		}
		s.welcomed, s.named, s.succeeded, s.begun = reading.Welcomed, reading.Named, reading.Succeeded, reading.Begun
		p.listen(s)
	}
	return p
}
