package relaytest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// A device that vanishes says nothing and answers nothing, and nobody hears a goodbye. Others are served; on a new connection it goes on,
// with nothing doubled; and a relay that can find out ends the old one and forgets who was there.
func halfOpen(t *testing.T, c *contract) {
	doc := c.doc(t)
	writer := c.founded(t, doc)
	mine, theirs := doc.NewSession(), doc.NewSession()
	run := mine.Run(4)
	takes(t, writer, &wire.Append{Doc: doc.ID(), Cert: mine.Cert, Envelopes: run[:2]}, 2)
	dead := vanish(t, c.URL, doc, theirs)
	// Its last word is taken, and it does not hear so.
	lost := &wire.Append{Doc: doc.ID(), Cert: theirs.Cert, Envelopes: theirs.Run(1)}
	dead.say(lost)
	servertest.Await[*wire.Presence](writer)
	writer.Follow(2, 3)
	takes(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: run[2:]}, 5)

	back := c.dial(t, doc)
	store := back.Challenge.Store
	_, entries := back.Listen(doc, wire.Hello{Since: 2, Store: &store})
	hasRun(t, append([]wire.Entry(nil), entries[:1]...), lost.Envelopes[0])
	if len(entries) != 3 || !bytes.Equal(entries[0].Envelope, lost.Envelopes[0]) || !bytes.Equal(entries[1].Envelope, run[2]) {
		t.Fatalf("%d entries since the second", len(entries))
	}
	servertest.Await[*wire.Presence](back) // nobody knows yet that it is gone
	takes(t, back, lost, 3)
	if _, entries := c.dial(t, doc).Listen(doc, wire.Hello{}); len(entries) != 5 {
		t.Fatalf("%d entries in all", len(entries))
	}

	if c.Impatient == "" {
		return
	}
	doc = c.doc(t)
	theirs = doc.NewSession()
	dead = vanish(t, c.Impatient, doc, theirs)
	if _, err := io.Copy(io.Discard, dead.conn); err != nil {
		t.Fatalf("the relay does not end it: %v", err)
	}
	// Of those who come now nobody hears of it: presence comes in the order in which it was said.
	here, last := servertest.DialFor(t, c.Impatient, doc.ID()), doc.NewSession()
	here.Listen(doc, wire.Hello{})
	say(t, here, &wire.Presence{Doc: doc.ID(), Cert: last.Cert, Envelope: last.Presence("here")})
	joiner := servertest.DialFor(t, c.Impatient, doc.ID())
	joiner.Listen(doc, wire.Hello{})
	if p := servertest.Await[*wire.Presence](joiner); !bytes.Equal(p.Cert, last.Cert) {
		t.Fatal("who vanished is still there")
	}
}

// raw is a device's end of a socket that answers nothing by itself, no ping either.
type raw struct {
	t    *testing.T
	conn net.Conn
}

// vanish connects a device that brings a document, listens to it and says that it is here.
func vanish(t *testing.T, address string, doc *servertest.Doc, s *servertest.Session) *raw {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	// Nothing here waits for so long.
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /v1/socket?doc=%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", doc.ID(), u.Host, wire.Subprotocol)
	for end := ""; end != "\r\n\r\n"; { // byte by byte: what follows the answer is frames
		var b [1]byte
		if _, err := io.ReadFull(conn, b[:]); err != nil {
			t.Fatal(err)
		}
		if end += string(b[:]); len(end) > 4 {
			end = end[1:]
		}
	}
	r := &raw{t, conn}
	challenge := r.next().(*wire.Challenge)
	r.say(&wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis(), Proof: doc.Prove(u.Host, challenge.Nonce)})
	for more := true; more; {
		if batch, ok := r.next().(*wire.Batch); ok {
			more = batch.More
		}
	}
	r.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("here")})
	return r
}

// say sends one frame in a message whose mask changes nothing.
func (r *raw) say(f wire.Frame) {
	r.t.Helper()
	b, err := wire.Encode(f)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(b) > 1<<16-1 {
		r.t.Fatal("a short frame is expected")
	}
	head := append(binary.BigEndian.AppendUint16([]byte{0x82, 0x80 | 126}, uint16(len(b))), 0, 0, 0, 0)
	if _, err := r.conn.Write(append(head, b...)); err != nil {
		r.t.Fatal(err)
	}
}

// next reads one frame, of a message below 64 KiB.
func (r *raw) next() wire.Frame {
	r.t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(r.conn, head); err != nil {
		r.t.Fatal(err)
	}
	size := int(head[1])
	if size == 126 {
		if _, err := io.ReadFull(r.conn, head); err != nil {
			r.t.Fatal(err)
		}
		size = int(binary.BigEndian.Uint16(head))
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r.conn, b); err != nil {
		r.t.Fatal(err)
	}
	return servertest.Decode(r.t, b)
}
