package native

import (
	"bytes"
	"net"
	"sync"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/httpapi"
	"github.com/freehold-dev/freehold/server/wire"
)

// copiesReceived is how often a frame is in memory at most until its envelopes are judged: in the WebSocket library's buffer of
// the next power of two, and decoded.
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

// liveConn gives up on a connection that brings no byte for idleAfter, and on one that does not take what is sent. What
// comes is judged by progress and not by whole messages: one may take minutes over a thin line, and nothing else
// can come between its bytes. SECURITY: a message that is going to be large is read on only when it is its connection's turn,
// however it is cut into frames; until then it stays with its sender, and no room is made for it.
type liveConn struct {
	net.Conn
	large  *turns
	caller *server.Caller
	gone   chan struct{}
	closed sync.Once
	// socket is whose connection this is, nil until it is one of WebSocket.
	socket *socket

	// What follows belongs to the goroutine that reads.
	extended time.Time
	frames   framing
	// held begins with the end of a header that makes a message large.
	held []byte
	// came is how many bytes have come since there is a turn.
	came int
	// turn is when a message got its turn, zero without one.
	turn    time.Time
	release func()
}

func newLiveConn(conn net.Conn, large *turns, caller *server.Caller) *liveConn {
	return &liveConn{
		Conn: conn, large: large, caller: caller, gone: make(chan struct{}),
		frames: framing{above: uint64(large.above), limit: wire.MaxFrame},
	}
}

// await returns when a message may grow large: its caller has no other turn to spare, or there is none at all, until then.
func (c *liveConn) await() error {
	release, ok := c.caller.Large(c.gone)
	if !ok {
		return net.ErrClosed
	}
	select {
	case c.large.taken <- struct{}{}:
	case <-c.gone:
		release()
		return net.ErrClosed
	}
	c.release = release
	c.turn, c.extended, c.came = time.Now(), time.Time{}, 0
	return nil
}

func (c *liveConn) Read(b []byte) (int, error) {
	for len(c.held) == 0 {
		n, err := c.read(b)
		passed := c.frames.pass(b[:n])
		if passed < n {
			c.held = bytes.Clone(b[passed:n])
		}
		if passed > 0 || err != nil {
			return passed, err
		}
	}
	if c.turn.IsZero() {
		if err := c.await(); err != nil {
			return 0, err
		}
	}
	c.frames.grant()
	n := c.frames.pass(c.held[:min(len(c.held), len(b))])
	copy(b, c.held[:n])
	c.held = c.held[n:]
	return n, nil
}

func (c *liveConn) read(b []byte) (int, error) {
	// Moving the deadline costs more than the read of a small frame.
	if now := time.Now(); now.Sub(c.extended) > idleAfter/10 {
		deadline := now.Add(idleAfter)
		if !c.turn.IsZero() {
			// Others wait for this turn: who does not go on loses it.
			if until := c.turn.Add(httpapi.PatienceFor(c.came)); until.Before(deadline) {
				deadline = until
			}
		}
		if err := c.Conn.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
		c.extended = now
	}
	n, err := c.Conn.Read(b)
	c.came += n
	return n, err
}

// heard says that the message was dealt with, or that no more of it will come.
func (c *liveConn) heard() {
	if !c.turn.IsZero() {
		c.turn, c.extended = time.Time{}, time.Time{}
		<-c.large.taken
		c.release()
	}
}

// Write sends one whole frame, a message or the library's own ping or pong. Each has a deadline by its length: one left
// from a frame before would cut off whoever was not written to for a while.
func (c *liveConn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(httpapi.PatienceFor(len(b)))); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close also ends a Read that waits for its turn.
func (c *liveConn) Close() error {
	c.closed.Do(func() { close(c.gone) })
	return c.Conn.Close()
}
