package native

import (
	"io"
	"net"
	"testing"
	"time"
)

// timed notes a connection's deadlines.
type timed struct {
	net.Conn
	reading, writing time.Time
}

func (c *timed) SetDeadline(t time.Time) error {
	c.reading, c.writing = t, t
	return nil
}

func (c *timed) SetReadDeadline(t time.Time) error {
	c.reading = t
	return nil
}

func (c *timed) SetWriteDeadline(t time.Time) error {
	c.writing = t
	return nil
}

// What is written at once has no deadline of its own, so one that is left would end the connection when it is up.
func TestNoDeadlineForWritingIsLeft(t *testing.T) {
	mine, theirs := net.Pipe()
	go io.Copy(io.Discard, mine)
	defer mine.Close()
	conn := &timed{Conn: theirs}
	if err := greet(conn, handshake{}, idleAfter); err != nil {
		t.Fatal(err)
	}
	if !conn.writing.IsZero() || conn.reading.IsZero() {
		t.Errorf("after the handshake: reading until %v, writing until %v", conn.reading, conn.writing)
	}
	if err := newLine(conn, idleAfter).send(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if !conn.writing.IsZero() {
		t.Errorf("after a message: writing until %v", conn.writing)
	}
}
