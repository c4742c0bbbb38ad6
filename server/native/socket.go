package native

import (
	"net"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

const (
	// idleAfter is how long a connection may bring no byte at all, unless the operator says otherwise.
	idleAfter = 60 * time.Second
	// goodbyeWithin is how long a device may take to hear that the relay stops.
	goodbyeWithin = time.Second
)

// socket is one connection: the Line of one Peer. While it is quiet it has one goroutine, in listen, whose stack stays as small as
// Go makes one; what comes is dealt with by a task of the relay's.
type socket struct {
	all    *sockets
	peer   *server.Peer
	caller *server.Caller
	line   *line
	// counted: the caller has this connection as one of theirs, since the gate could not know it.
	counted bool

	mu     sync.Mutex
	closed bool
	// gone is made when somebody waits for the end.
	gone chan struct{}
	ping *time.Timer

	// writing is held while frames are written; said: the last one was.
	writing sync.Mutex
	said    bool

	// What follows belongs to whoever reads: listen, or the task that it began.
	framing framing
	turn    *turn
}

// start begins with what came early.
func (c *socket) start(conn net.Conn, early []byte, name string, nonce seal.Nonce) {
	c.mu.Lock()
	c.line = newLine(conn, c.all.idle)
	c.ping = time.AfterFunc(c.all.pingEvery(), c.keepAlive)
	c.mu.Unlock()
	peer := c.all.relay.NewPeer(c, c.caller, name, nonce)
	c.mu.Lock()
	c.peer = peer
	if c.closed {
		peer.Down()
	}
	c.mu.Unlock()
	if c.all.isClosing() {
		go c.sayGoodbye()
	}
	c.line.came = early
	c.all.relay.Start(c.deal)
}

// listen waits for what comes. Everything else happens elsewhere: the stack that a goroutine once needed it keeps.
func (c *socket) listen() {
	if c.line.await(c.framing.atRest()) != nil {
		c.all.relay.Start(c.end)
		return
	}
	c.all.relay.Start(c.deal)
}

// deal is for what came. Then somebody listens again, or the connection is over.
func (c *socket) deal() {
	goesOn := c.take(c.line.came)
	c.line.release()
	if !goesOn || c.line.extend(time.Now(), c.turn, len(c.framing.message)) != nil {
		c.end()
		return
	}
	go c.listen()
}

// take passes on what is in the next bytes, and says whether there may be more.
func (c *socket) take(b []byte) bool {
	for len(b) > 0 {
		var f framed
		f, b = c.framing.next(b, shortMessage, wire.MaxFrame)
		switch f.found {
		case foundLong:
			if !c.awaitTurn(f.size) {
				return false
			}
			c.framing.grant(c.turn.room)
		case foundMessage:
			if !c.message(f) {
				return false
			}
			c.endTurn()
		case foundControl:
			if !c.control(f) {
				return false
			}
		case foundWrong:
			c.say(goodbye(f.code, ""))
			return false
		}
	}
	return true
}

// message passes one on. A text is no frame, whatever its bytes, but for the one that is a ping.
func (c *socket) message(f framed) bool {
	switch {
	case f.opcode != opText:
		c.peer.Receive(f.payload)
	case string(f.payload) == wire.TextPing:
		return c.write(opText, []byte(wire.TextPong)) == nil
	case !utf8.Valid(f.payload):
		c.say(goodbye(closeBadText, ""))
		return false
	default:
		c.peer.Receive(nil)
	}
	return true
}

// control answers a frame that is of the connection itself.
func (c *socket) control(f framed) bool {
	switch f.opcode {
	case opPing:
		return c.write(opPong, f.payload) == nil
	case opClose:
		c.say(answerTo(f.payload))
		return false
	}
	return true
}

// awaitTurn is for a message that is going to have size bytes at least; false when the connection ended.
func (c *socket) awaitTurn(size int) bool {
	if c.turn == nil {
		c.turn = &turn{of: c.all.turns, began: time.Now()}
	}
	if c.turn.extend(size) {
		return true
	}
	c.mu.Lock()
	if c.gone == nil {
		c.gone = make(chan struct{})
	}
	gone, closed := c.gone, c.closed
	c.mu.Unlock()
	if closed {
		return false
	}
	return c.turn.await(c.caller, gone)
}

// endTurn says that the message was dealt with, or that no more of it will come.
func (c *socket) endTurn() {
	if c.turn != nil {
		c.turn.end()
		c.turn = nil
	}
}

// end is the last that happens to a connection. Who sees it closed finds that it is nobody's any more.
func (c *socket) end() {
	c.peer.Close()
	c.HangUp()
	c.ping.Stop()
	c.endTurn()
	c.all.leave(c)
}

// Send implements server.Line.
func (c *socket) Send(messages [][]byte) error { return c.write(opBinary, messages...) }

// HangUp implements server.Line. It closes the connection below WebSocket: a goodbye would wait for the slow one.
func (c *socket) HangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.line == nil {
		return
	}
	c.closed = true
	if c.gone != nil {
		close(c.gone)
	}
	c.line.Close()
	// Whoever reads may be held up for what came too early.
	if c.peer != nil {
		c.peer.Down()
	}
}

// frames are buffers for what is written at once.
var frames = sync.Pool{New: func() any { return new([]byte) }}

// bufferedFrames is how much of it is put together; a larger message is written as it lies.
const bufferedFrames = 32 << 10

// write writes frames of one kind, all in one call if they are small.
func (c *socket) write(opcode byte, payloads ...[]byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.writeLocked(opcode, payloads...)
}

func (c *socket) writeLocked(opcode byte, payloads ...[]byte) error {
	if c.said {
		return net.ErrClosed
	}
	buffer := frames.Get().(*[]byte)
	defer frames.Put(buffer)
	b := (*buffer)[:0]
	for _, payload := range payloads {
		b = appendHeader(b, opcode, len(payload))
		if len(b)+len(payload) <= bufferedFrames {
			b = append(b, payload...)
			continue
		}
		if err := c.line.send(b); err != nil {
			return err
		}
		if err := c.line.send(payload); err != nil {
			return err
		}
		b = b[:0]
	}
	*buffer = b[:0]
	if len(b) == 0 {
		return nil
	}
	return c.line.send(b)
}

// say writes the connection's last frame.
func (c *socket) say(goodbye []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.writeLocked(opClose, goodbye)
	c.said = true
}

func (c *socket) sayGoodbye() {
	c.mu.Lock()
	line := c.line
	c.mu.Unlock()
	if line == nil {
		return
	}
	// A Send that is stuck holds the goodbye up; it gives up when the connection is closed under it.
	over := time.AfterFunc(goodbyeWithin, c.HangUp)
	c.say(goodbye(closeGoing, "the relay stops"))
	over.Stop()
	c.HangUp()
}

// keepAlive pings a connection, but for one that is being written to.
func (c *socket) keepAlive() {
	if c.writing.TryLock() {
		err := c.writeLocked(opPing, nil)
		c.writing.Unlock()
		if err != nil {
			return
		}
	}
	c.mu.Lock()
	c.ping.Reset(c.all.pingEvery())
	c.mu.Unlock()
}
