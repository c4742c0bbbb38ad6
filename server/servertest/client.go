package servertest

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// patience is how long a relay may take before a test gives up on it. No test waits for this to pass.
const patience = 20 * time.Second

// Client is a device's connection.
type Client struct {
	t    testing.TB
	conn *gws.Conn
	got  chan wire.Frame
	// passed are batches that came before what was waited for.
	passed []*wire.Batch
	// Gone is closed when the connection ended.
	Gone chan struct{}
	// name is what the client calls the relay, Challenge what the relay greeted it with.
	name      string
	Challenge *wire.Challenge
	// reading is held while the client does not read.
	reading sync.Mutex
}

// Dial connects to a relay at an http address.
func Dial(t testing.TB, address string) *Client {
	t.Helper()
	return dial(t, address, "/v1/socket")
}

// DialFor connects for one document, which the address names: a home that has a place for each needs to know where to go.
func DialFor(t testing.TB, address string, doc seal.DocID) *Client {
	t.Helper()
	return dial(t, address, "/v1/socket?doc="+doc.String())
}

func dial(t testing.TB, address, path string) *Client {
	t.Helper()
	c, err := tryDial(t, address, path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TryDial is Dial for those who expect that it may fail.
func TryDial(t testing.TB, address string) (*Client, error) {
	return tryDial(t, address, "/v1/socket")
}

func tryDial(t testing.TB, address, path string) (*Client, error) {
	c := &Client{t: t, got: make(chan wire.Frame, 4096), Gone: make(chan struct{})}
	conn, _, err := gws.NewClient(receiver{client: c}, &gws.ClientOption{
		Addr:                "ws" + strings.TrimPrefix(address, "http") + path,
		RequestHeader:       map[string][]string{"Sec-WebSocket-Protocol": {wire.Subprotocol}},
		ReadMaxPayloadSize:  wire.MaxFrame,
		WriteMaxPayloadSize: wire.MaxFrame + 1,
		HandshakeTimeout:    patience,
	})
	if err != nil {
		return nil, err
	}
	c.conn = conn
	go conn.ReadLoop()
	t.Cleanup(c.Close)
	_, c.name, _ = strings.Cut(address, "://")
	var ok bool
	if c.Challenge, ok = c.Next().(*wire.Challenge); !ok {
		return nil, errors.New("servertest: the relay did not begin with a challenge")
	}
	return c, nil
}

// Hello asks for a document, with the answer to the challenge.
func (c *Client) Hello(doc *Doc, hello wire.Hello) *wire.Hello {
	hello.Doc, hello.Proof = doc.ID(), doc.Prove(c.name, c.Challenge.Nonce)
	return &hello
}

// Say sends a frame; the error is of the connection.
func (c *Client) Say(f wire.Frame) error {
	b, err := wire.Encode(f)
	if err != nil {
		c.t.Error(err)
		return err
	}
	return c.SayBytes(b)
}

// SayBytes sends what may be no frame.
func (c *Client) SayBytes(b []byte) error { return c.conn.WriteMessage(gws.OpcodeBinary, b) }

// Next gives the next frame, nil when the connection ended.
func (c *Client) Next() wire.Frame {
	c.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case f := <-c.got:
		return f
	default:
	}
	select {
	case f := <-c.got:
		return f
	case <-c.Gone:
		return nil
	case <-timeout.C:
		c.t.Errorf("the relay is silent for %v", patience)
		return nil
	}
}

// Waiting are the frames that came and were not taken yet.
func (c *Client) Waiting() <-chan wire.Frame { return c.got }

// Stall stops reading, so that the relay feels a full pipe, until the returned function is called.
func (c *Client) Stall() (readAgain func()) {
	c.reading.Lock()
	return c.reading.Unlock
}

// Cut ends the connection as a lost network does: without a goodbye, and without what is on its way.
func (c *Client) Cut() {
	if tcp, ok := c.conn.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

// Close ends the connection.
func (c *Client) Close() { c.conn.NetConn().Close() }

// Expect takes the next frame, which must be of a type.
func Expect[F wire.Frame](c *Client) F {
	c.t.Helper()
	got := c.Next()
	f, ok := got.(F)
	if !ok {
		c.t.Fatalf("got %s, want %T", describe(got), f)
	}
	return f
}

// describe names a frame without the envelopes in it.
func describe(f wire.Frame) string {
	if batch, ok := f.(*wire.Batch); ok {
		return fmt.Sprintf("a batch of %d entries up to %d", len(batch.Entries), batch.UpTo)
	}
	return fmt.Sprintf("%T %+v", f, f)
}

// Await takes the next frame of a type and keeps the batches on the way there for Follow: nobody promises in what order an
// acknowledgement and the batches around it come.
func Await[F wire.Frame](c *Client) F {
	c.t.Helper()
	for {
		got := c.Next()
		if f, ok := got.(F); ok {
			return f
		}
		batch, ok := got.(*wire.Batch)
		if !ok {
			var want F
			c.t.Fatalf("got %s, want %T", describe(got), want)
		}
		c.passed = append(c.passed, batch)
	}
}

// Follow takes batches until they reach a cursor and gives the entries with a cursor above since. A relay may send what this
// connection has sent itself, or pass over it.
func (c *Client) Follow(since, upTo wire.Cursor) (entries []wire.Entry) {
	c.t.Helper()
	for at := wire.Cursor(0); at < upTo; {
		var batch *wire.Batch
		if len(c.passed) > 0 {
			batch, c.passed = c.passed[0], c.passed[1:]
		} else {
			batch = Expect[*wire.Batch](c)
		}
		for _, e := range batch.Entries {
			if e.Cursor > since {
				entries = append(entries, e)
			}
		}
		at = batch.UpTo
	}
	return entries
}

// Listen says hello and takes the welcome and all batches up to the log's end.
func (c *Client) Listen(doc *Doc, hello wire.Hello) (*wire.Welcome, []wire.Entry) {
	c.t.Helper()
	if err := c.Say(c.Hello(doc, hello)); err != nil {
		c.t.Fatal(err)
	}
	welcome := Expect[*wire.Welcome](c)
	var entries []wire.Entry
	for {
		batch := Expect[*wire.Batch](c)
		entries = append(entries, batch.Entries...)
		if !batch.More {
			return welcome, entries
		}
	}
}

type receiver struct {
	gws.BuiltinEventHandler
	client *Client
}

func (r receiver) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	r.client.reading.Lock()
	defer r.client.reading.Unlock()
	f, err := wire.Decode(m.Bytes())
	if err != nil {
		r.client.t.Errorf("the relay sent no frame: %v", err)
		return
	}
	r.client.got <- f
}

func (r receiver) OnClose(*gws.Conn, error) { close(r.client.Gone) }
