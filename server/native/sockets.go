package native

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/httpapi"
)

const (
	socketPath = "/v1/socket"
	// handshakeWithin is how long a device may take to hear that it is connected.
	handshakeWithin = 5 * time.Second
)

// sockets are the open WebSocket connections.
type sockets struct {
	relay     *server.Relay
	limit     int
	idle      time.Duration
	names     httpapi.Names
	addresses *addresses
	turns     *turns
	tidy      tidy

	mu   sync.Mutex
	open map[*socket]struct{}
	// closing: none is let in any more.
	closing bool
	ended   sync.WaitGroup
}

func newSockets(relay *server.Relay, limits server.Limits, idle time.Duration, names httpapi.Names, from *addresses) *sockets {
	if idle == 0 {
		idle = idleAfter
	}
	return &sockets{relay: relay, limit: limits.Connections, idle: idle, names: names, addresses: from, turns: newTurns(limits), tidy: tidy{free: debug.FreeOSMemory}, open: make(map[*socket]struct{})}
}

// pingEvery keeps proxies from cutting a quiet connection, and finds the dead: two pings, and a little time for the answer.
func (s *sockets) pingEvery() time.Duration { return s.idle * 5 / 12 }

// ServeHTTP turns a request into a connection.
func (s *sockets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	greeting, status := parseHandshake(r)
	if status != 0 {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "no WebSocket handshake of this protocol", status)
		return
	}
	c := &socket{all: s}
	if refusal := s.admit(c); refusal != nil {
		httpapi.WriteRefusal(w, refusal)
		return
	}
	var relayed bool
	if c.caller, relayed = s.addresses.of(r); relayed {
		if !c.caller.Connect() {
			s.leave(c)
			httpapi.WriteRefusal(w, server.Busy())
			return
		}
		c.counted = true
	}
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		s.leave(c)
		http.Error(w, "no WebSocket here", http.StatusNotImplemented)
		return
	}
	conn, buffered, err := hijacker.Hijack()
	if err != nil {
		s.leave(c)
		return
	}
	if err := greet(conn, greeting, s.idle); err != nil {
		conn.Close()
		s.leave(c)
		return
	}
	var nonce seal.Nonce
	rand.Read(nonce[:])
	c.start(conn, early(buffered.Reader), s.names.Of(r), nonce)
	s.tidy.came()
}

func greet(conn net.Conn, h handshake, idle time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(handshakeWithin)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, h.answer()); err != nil {
		return err
	}
	// The answer's own deadline would stand for all that is written later.
	return errors.Join(conn.SetWriteDeadline(time.Time{}), conn.SetReadDeadline(time.Now().Add(idle)))
}

// early is what a device sent with its handshake, without waiting for the answer.
func early(r *bufio.Reader) []byte {
	b, _ := r.Peek(r.Buffered())
	return bytes.Clone(b)
}

// admit counts one more. Errors: CodeBusy, CodeStopping.
func (s *sockets) admit(c *socket) *server.Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return server.Stopping()
	case len(s.open) >= s.limit:
		return server.Busy()
	}
	s.open[c] = struct{}{}
	s.ended.Add(1)
	return nil
}

func (s *sockets) leave(c *socket) {
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	if c.counted {
		c.caller.Disconnect()
	}
	s.ended.Done()
}

func (s *sockets) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *sockets) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// close says goodbye to all and waits until they are gone.
func (s *sockets) close() {
	s.mu.Lock()
	s.closing = true
	open := make([]*socket, 0, len(s.open))
	for c := range s.open {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		go c.sayGoodbye()
	}
	s.ended.Wait()
}
