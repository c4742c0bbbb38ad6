package servertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// patience is how long a relay may take before a test gives up on it. No test waits for this to pass.
const patience = 20 * time.Second

// Client is a device's connection.
type Client struct {
	t    testing.TB
	conn *client.Conn
	got  chan wire.Frame
	// passed are batches that came before what was waited for.
	passed []*wire.Batch
	// Gone is closed when the connection ended.
	Gone chan struct{}
	// Challenge is what the relay greeted it with.
	Challenge *wire.Challenge
	// reading is held while the client does not read.
	reading sync.Mutex
}

// Dial connects to a relay at an http address.
func Dial(t testing.TB, address string) *Client {
	t.Helper()
	return must(t)(TryDial(t, address))
}

// DialFor connects for one document, which the address names: a home that has a place for each needs to know where to go.
func DialFor(t testing.TB, address string, doc seal.DocID) *Client {
	t.Helper()
	return must(t)(TryDial(t, address, doc))
}

func must(t testing.TB) func(*Client, error) *Client {
	return func(c *Client, err error) *Client {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// TryDial is Dial, or DialFor, for those who expect that it may fail.
func TryDial(t testing.TB, address string, doc ...seal.DocID) (*Client, error) {
	relay, err := client.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	conn, err := client.Dial(t.Context(), relay, doc...)
	if err != nil {
		return nil, err
	}
	c := &Client{t: t, conn: conn, got: make(chan wire.Frame, 4096), Gone: make(chan struct{}), Challenge: conn.Challenge}
	go c.receive()
	t.Cleanup(conn.Close)
	return c, nil
}

// receive takes frames as they come: a test may look at them later than the relay waits.
func (c *Client) receive() {
	defer close(c.Gone)
	for {
		f, err := c.conn.Receive(context.Background())
		if errors.Is(err, client.ErrGarbage) {
			c.t.Error(err)
		}
		if err != nil {
			return
		}
		c.reading.Lock()
		c.got <- f
		c.reading.Unlock()
	}
}

// Hello asks for a document, with the answer to the challenge.
func (c *Client) Hello(doc *Doc, hello wire.Hello) *wire.Hello {
	hello.Doc = doc.ID()
	return c.conn.Hello(doc.fetcher, hello)
}

// Say sends a frame; the error is of the connection.
func (c *Client) Say(f wire.Frame) error { return c.conn.Send(f) }

// SayBytes sends what may be no frame.
func (c *Client) SayBytes(b []byte) error { return c.conn.SendBytes(b) }

// SayText sends a text message.
func (c *Client) SayText(text string) error { return c.conn.SendText(text) }

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

// Withhold has the client read and give no credit but what the test says.
func (c *Client) Withhold() { c.conn.Withhold() }

// Cut ends the connection as a lost network does: without a goodbye, and without what is on its way.
func (c *Client) Cut() { c.conn.Cut() }

// Close ends the connection.
func (c *Client) Close() { c.conn.Close() }

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
