package native

import (
	"sync/atomic"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/httpapi"
	"github.com/freehold-dev/freehold/server/wire"
)

const (
	// shortMessage is how long a message may be that comes without a turn: what is typed is shorter.
	shortMessage = 8 << 10
	// copiesReceived is how often a frame is in memory at most until its envelopes are judged: as it grew by fragments, or decoded.
	copiesReceived = 3
)

// turns bound the memory of messages on their way in, over all connections, and of requests' bodies. SECURITY: who keeps a message unfinished loses it soon
// (turn.until), and as long as others keep the budget full, the rest is served one after another and not refused.
type turns struct {
	// Messages up to above share bytes, of which used are taken.
	above, bytes int64
	used         atomic.Int64
	// large has room for as many messages of any length as may come at the same time.
	large chan struct{}
}

func newTurns(limits server.Limits) *turns {
	return &turns{above: int64(limits.BatchBytes), bytes: int64(limits.PartialBytes), large: make(chan struct{}, max(1, limits.LargeBytes/(copiesReceived*wire.MaxFrame)))}
}

// turn is one connection's, from when a message is known to be no short one until that is dealt with.
type turn struct {
	of    *turns
	began time.Time
	// room is how long the message may become, share what it has of the bytes, release gives back the place of a large one.
	room    int
	share   int64
	release func()
}

// extend lets the message become as long as size, if that is not large and there are the bytes for it.
func (t *turn) extend(size int) bool {
	more := int64(size) - t.share
	if int64(size) > t.of.above {
		return false
	}
	if t.of.used.Add(more) > t.of.bytes {
		t.of.used.Add(-more)
		return false
	}
	t.room, t.share = size, int64(size)
	return true
}

// await returns when the message may become as long as any: its caller has no other to spare, or there is no place at all, until
// then. It is false when the connection is gone. What it has of the bytes it keeps: so much is in memory already.
func (t *turn) await(caller *server.Caller, gone <-chan struct{}) bool {
	release, ok := caller.Large(gone)
	if !ok {
		return false
	}
	select {
	case t.of.large <- struct{}{}:
	case <-gone:
		release()
		return false
	}
	t.began, t.room, t.release = time.Now(), wire.MaxFrame, release
	return true
}

// take is a turn for a request's body of so many bytes, or of room, which does not wait: ok is false where there is none now.
func (t *turns) take(size int, by *server.Caller) (room int, end func(), ok bool) {
	one := &turn{of: t}
	if one.extend(size) {
		return size, one.end, true
	}
	release, ok := by.Large(nil)
	if !ok {
		return 0, nil, false
	}
	select {
	case t.large <- struct{}{}:
		one.release = release
		// And one more, by which it is too long.
		return wire.MaxFrame + 1, one.end, true
	default:
		release()
		return 0, nil, false
	}
}

// end gives back all that the turn has.
func (t *turn) end() {
	t.of.used.Add(-t.share)
	if t.release != nil {
		<-t.of.large
		t.release()
	}
}

// until is when the turn is lost if no more comes: others wait for it. Of what came only the message counts.
func (t *turn) until(came int) time.Time { return t.began.Add(httpapi.PatienceFor(came)) }
