package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

const (
	// handshakeWithin is how long a relay may take to greet.
	handshakeWithin = 20 * time.Second
	// pingEvery and idleAfter find a connection that is dead and does not say so.
	pingEvery = 25 * time.Second
	idleAfter = 60 * time.Second
	// readBuffer holds a key press's frame; larger ones are read past it.
	readBuffer = 1 << 10
)

// Conn is one connection. Frames that nobody receives are not read from the network: the relay feels it. Send may be
// called from several goroutines, Receive from one at a time.
type Conn struct {
	// Challenge is what the relay greeted with.
	Challenge *wire.Challenge

	address Address
	socket  *gws.Conn
	frames  chan received
	// taken and told belong to whoever calls Receive: bytes of messages that were received, and what the relay knows of that.
	taken, told uint64
	withhold    atomic.Bool
	ping        *time.Timer
	close       func()
	closing     chan struct{}
	// why is set before ended is closed.
	why   error
	ended chan struct{}
}

// Dial connects and waits for the challenge. A relay that has a place for each document needs to know for which it is;
// others take any number on one connection, and no doc need be given.
func Dial(ctx context.Context, relay Address, doc ...seal.DocID) (*Conn, error) {
	c := &Conn{address: relay, frames: make(chan received), closing: make(chan struct{}), ended: make(chan struct{})}
	where := relay.socket()
	if len(doc) > 0 {
		where += "?doc=" + doc[0].String()
	}
	socket, answer, err := gws.NewClient(receiver{conn: c}, &gws.ClientOption{
		Addr:                where,
		RequestHeader:       map[string][]string{"Sec-WebSocket-Protocol": {wire.Subprotocol}},
		ReadMaxPayloadSize:  wire.MaxFrame,
		WriteMaxPayloadSize: wire.MaxFrame + 1,
		ReadBufferSize:      readBuffer,
		HandshakeTimeout:    handshakeWithin,
		NewDialer:           func() (gws.Dialer, error) { return dialer{ctx}, nil },
		Logger:              silent{},
	})
	if err != nil {
		if answer != nil && answer.StatusCode >= 400 {
			err = fmt.Errorf("it answers %s", answer.Status)
		}
		return nil, fmt.Errorf("%w %s: %w", ErrUnreachable, relay, err)
	}
	c.socket = socket
	c.ping = time.AfterFunc(pingEvery, c.keepAlive)
	c.close = sync.OnceFunc(func() {
		c.ping.Stop()
		close(c.closing)
		socket.NetConn().Close()
	})
	go socket.ReadLoop()
	greeted, cancel := context.WithTimeout(ctx, handshakeWithin)
	defer cancel()
	first, err := c.Receive(greeted)
	if err == nil {
		var ok bool
		if c.Challenge, ok = first.(*wire.Challenge); !ok {
			err = garbage("it did not begin with a challenge")
		}
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Hello asks for a document, with the answer to the challenge.
func (c *Conn) Hello(by *seal.Fetcher, hello wire.Hello) *wire.Hello {
	hello.Proof = by.Prove(c.address.Name(), c.Challenge.Nonce)
	return &hello
}

// Send sends a frame. That it returned nil does not say that it arrived.
func (c *Conn) Send(f wire.Frame) error {
	b, err := wire.Encode(f)
	if err != nil {
		return err
	}
	return c.SendBytes(b)
}

// SendBytes sends what may be no frame.
func (c *Conn) SendBytes(b []byte) error {
	if err := c.socket.WriteMessage(gws.OpcodeBinary, b); err != nil {
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return nil
}

// SendText sends a text message: a relay knows but one, wire.TextPing, which a Pong answers.
func (c *Conn) SendText(text string) error {
	if err := c.socket.WriteMessage(gws.OpcodeText, []byte(text)); err != nil {
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return nil
}

// Receive gives the next frame. Errors: those of ctx, ErrGarbage, ErrEnded.
func (c *Conn) Receive(ctx context.Context) (wire.Frame, error) {
	select {
	case r := <-c.frames:
		c.credit(r.size)
		return r.frame, nil
	case <-c.ended:
		return nil, c.why
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// credit tells the relay now and then what was received: it is off this connection's hands.
func (c *Conn) credit(size int) {
	if c.taken += uint64(size); c.taken-c.told < wire.CreditStep || c.withhold.Load() {
		return
	}
	c.told = c.taken
	_ = c.Send(&wire.Credit{Taken: c.taken}) // that the connection ended, the next Receive says
}

// Withhold has the relay wait for credit from here on, as a device does that cannot store.
func (c *Conn) Withhold() { c.withhold.Store(true) }

// Close ends the connection. What was sent and not acknowledged may have arrived or not.
func (c *Conn) Close() { c.close() }

// Cut ends it as a lost network does: without a goodbye, and without what is on its way.
func (c *Conn) Cut() {
	if tcp, ok := c.socket.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

func (c *Conn) keepAlive() {
	if c.socket.WritePing(nil) == nil {
		c.ping.Reset(pingEvery)
	}
}

// receiver hands over what the library reads.
type receiver struct {
	gws.BuiltinEventHandler
	conn *Conn
}

func (r receiver) OnOpen(socket *gws.Conn) { r.heard(socket) }

func (r receiver) OnPing(socket *gws.Conn, payload []byte) {
	r.heard(socket)
	_ = socket.WritePong(payload)
}

func (r receiver) OnPong(socket *gws.Conn, _ []byte) { r.heard(socket) }

func (r receiver) OnMessage(socket *gws.Conn, m *gws.Message) {
	defer m.Close()
	f, err := decode(m)
	if err != nil {
		r.conn.why = fmt.Errorf("%w: %w", ErrGarbage, err)
		socket.NetConn().Close()
		return
	}
	select {
	case r.conn.frames <- f:
	case <-r.conn.closing:
	}
	r.heard(socket)
}

// received is a frame and the bytes of its message; a text has none that count.
type received struct {
	frame wire.Frame
	size  int
}

func decode(m *gws.Message) (received, error) {
	if m.Opcode == gws.OpcodeText && string(m.Bytes()) == wire.TextPong {
		return received{frame: &wire.Pong{}}, nil
	}
	f, err := wire.Decode(m.Bytes())
	return received{f, len(m.Bytes())}, err
}

func (r receiver) OnClose(_ *gws.Conn, err error) {
	if r.conn.why == nil {
		r.conn.why = fmt.Errorf("%w: %w", ErrEnded, err)
		if closed := (*gws.CloseError)(nil); errors.As(err, &closed) {
			r.conn.why = fmt.Errorf("%w: it says %d", ErrEnded, closed.Code) // not its reason, which may be anything
		}
	}
	close(r.conn.ended)
}

func (r receiver) heard(socket *gws.Conn) { _ = socket.SetReadDeadline(time.Now().Add(idleAfter)) }

// dialer lets a context end the attempt.
type dialer struct{ ctx context.Context }

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: handshakeWithin}).DialContext(d.ctx, network, address)
}

// silent drops the library's log: it names addresses.
type silent struct{}

func (silent) Error(...any) {}
