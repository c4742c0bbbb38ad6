package servertest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/wire"
)

// Raw is a device's end of a socket that does nothing by itself: it reads what Next takes, gives no credit and answers no ping.
type Raw struct {
	t    *testing.T
	Conn *net.TCPConn
	// Challenge is what the relay greeted it with, Host how the device calls the relay.
	Challenge *wire.Challenge
	Host      string
}

// DialRaw connects for a document. What the runtime and the network hold for it while it does not read is little.
func DialRaw(t *testing.T, address string, doc *Doc) *Raw {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{Control: asOnANetwork}).Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	r := &Raw{t: t, Conn: conn.(*net.TCPConn), Host: u.Host}
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
	r.Challenge = r.Next().(*wire.Challenge)
	return r
}

// Hello brings a document and asks for it.
func (r *Raw) Hello(doc *Doc) {
	r.t.Helper()
	r.Say(&wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis(), Proof: doc.Prove(r.Host, r.Challenge.Nonce)})
}

// Say sends one frame in a message whose mask changes nothing.
func (r *Raw) Say(f wire.Frame) {
	r.t.Helper()
	b, err := wire.Encode(f)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(b) > 1<<16-1 {
		r.t.Fatal("a short frame is expected")
	}
	head := append(binary.BigEndian.AppendUint16([]byte{0x82, 0x80 | 126}, uint16(len(b))), 0, 0, 0, 0)
	if _, err := r.Conn.Write(append(head, b...)); err != nil {
		r.t.Fatal(err)
	}
}

// Next reads one frame, of a message below 64 KiB.
func (r *Raw) Next() wire.Frame {
	r.t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(r.Conn, head); err != nil {
		r.t.Fatal(err)
	}
	size := int(head[1])
	if size == 126 {
		if _, err := io.ReadFull(r.Conn, head); err != nil {
			r.t.Fatal(err)
		}
		size = int(binary.BigEndian.Uint16(head))
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r.Conn, b); err != nil {
		r.t.Fatal(err)
	}
	return Decode(r.t, b)
}

// Ends reads until the relay ends the connection, with a goodbye or without. The error is of a relay that does not.
func (r *Raw) Ends() error {
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(r.Conn, head); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		const goodbye = 8
		if head[0]&15 == goodbye {
			return nil
		}
		size := uint64(head[1])
		if more := map[uint64]int{126: 2, 127: 8}[size]; more > 0 {
			long := make([]byte, 8)
			if _, err := io.ReadFull(r.Conn, long[8-more:]); err != nil {
				return err
			}
			size = binary.BigEndian.Uint64(long)
		}
		if _, err := io.CopyN(io.Discard, r.Conn, int64(size)); err != nil {
			return err
		}
	}
}
