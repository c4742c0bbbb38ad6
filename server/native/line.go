package native

import (
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/freehold-dev/freehold/server/httpapi"
)

// line is a connection's bytes, in and out. SECURITY: it gives up on one that brings no byte for idle, and on one that does not
// take what is sent. A quiet one holds no buffer, where the system lets it be waited for without.
type line struct {
	net.Conn
	raw  syscall.RawConn
	idle time.Duration

	// What follows belongs to whoever reads. ready is tryRead, bound once.
	ready    func(fd uintptr) bool
	came     []byte
	got      *chunk
	err      error
	extended time.Time
	// small lies ready where there is no raw.
	small []byte
}

// chunk is what one read brings at most: a few key presses.
type chunk [4 << 10]byte

// smallChunk is what a quiet connection holds where it must hold something.
const smallChunk = 512

var chunks = sync.Pool{New: func() any { return new(chunk) }}

func newLine(conn net.Conn, idle time.Duration) *line {
	l := &line{Conn: conn, raw: rawOf(conn), idle: idle}
	if l.raw == nil {
		l.small = make([]byte, smallChunk)
	} else {
		l.ready = l.tryRead
	}
	return l
}

// await returns when something came, which holds until release. It takes little stack: one of those waits for every connection.
// quiet: nothing is under way.
func (l *line) await(quiet bool) error {
	if l.raw != nil {
		if err := l.raw.Read(l.ready); err != nil {
			return err
		}
		return l.err
	}
	b := l.small
	if !quiet {
		l.got = chunks.Get().(*chunk)
		b = l.got[:]
	}
	n, err := l.Conn.Read(b)
	if l.came = b[:n]; n > 0 {
		return nil
	}
	return err
}

// tryRead reads into a chunk that it takes for as long as something is there.
func (l *line) tryRead(fd uintptr) bool {
	b := chunks.Get().(*chunk)
	n, later, err := readNow(fd, b[:])
	if n == 0 {
		chunks.Put(b)
		l.err = err
		return !later
	}
	l.got, l.came = b, b[:n]
	return true
}

// release lets go of what await gave.
func (l *line) release() {
	l.came = nil
	if l.got != nil {
		chunks.Put(l.got)
		l.got = nil
	}
}

// extend gives the connection time for its next bytes, which is up when its turn is lost, of whose message so much came. Moving a
// deadline costs more than reading a small frame, so it is not moved for a moment.
func (l *line) extend(now time.Time, turn *turn, came int) error {
	until := now.Add(l.idle)
	if turn == nil && now.Sub(l.extended) < l.idle/10 {
		return nil
	}
	l.extended = now
	if turn != nil {
		l.extended = time.Time{}
		if lost := turn.until(came); lost.Before(until) {
			until = lost
		}
	}
	return l.Conn.SetReadDeadline(until)
}

// attempt is a write without waiting.
type attempt struct {
	b   []byte
	n   int
	err error
	do  func(fd uintptr) bool
}

var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.do = func(fd uintptr) bool {
		a.n, a.err = writeNow(fd, a.b)
		return true
	}
	return a
}}

// send writes whole frames. What the line does not take at once has a deadline by its length.
func (l *line) send(b []byte) error {
	sent := 0
	if l.raw != nil {
		a := attempts.Get().(*attempt)
		a.b = b
		err := l.raw.Write(a.do)
		if err == nil {
			sent, err = a.n, a.err
		}
		a.b = nil
		attempts.Put(a)
		if err != nil || sent == len(b) {
			return err
		}
	}
	if err := l.Conn.SetWriteDeadline(time.Now().Add(httpapi.PatienceFor(len(b)))); err != nil {
		return err
	}
	if _, err := l.Conn.Write(b[sent:]); err != nil {
		return err
	}
	// One that was left would cut off whoever is not written to for a while.
	return l.Conn.SetWriteDeadline(time.Time{})
}
