package native

import (
	"net"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/httpapi"
	"github.com/freehold-dev/freehold/server/wire"
)

// copiesReceived is how often a frame is in memory at most until its envelopes are judged: as it grew by fragments, or decoded.
const copiesReceived = 3

// turns are the connections that may bring a large message at the same time.
type turns struct {
	// above is how many bytes of a message come without one.
	above int
	taken chan struct{}
}

func newTurns(limits server.Limits) *turns {
	return &turns{limits.BatchBytes, make(chan struct{}, max(1, limits.LargeBytes/(copiesReceived*wire.MaxFrame)))}
}

// turn is one connection's, from when a message is known to be large until that is dealt with.
type turn struct {
	began   time.Time
	release func()
}

// await returns when a message of a caller may grow large: it has no other turn to spare, or there is none at all, until then.
func (t *turns) await(caller *server.Caller, gone <-chan struct{}) (*turn, error) {
	release, ok := caller.Large(gone)
	if !ok {
		return nil, net.ErrClosed
	}
	select {
	case t.taken <- struct{}{}:
	case <-gone:
		release()
		return nil, net.ErrClosed
	}
	return &turn{time.Now(), func() { <-t.taken; release() }}, nil
}

// until is when the turn is lost if no more comes: others wait for it. Of what came only the message counts.
func (t *turn) until(came int) time.Time { return t.began.Add(httpapi.PatienceFor(came)) }
