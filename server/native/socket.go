package native

import (
	"bufio"
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/httpapi"
	"github.com/freehold-dev/freehold/server/wire"
)

const (
	socketPath = "/v1/socket"
	// pingEvery keeps proxies from cutting a quiet connection, and finds the dead.
	pingEvery = 25 * time.Second
	// idleAfter is how long a connection may bring no byte at all; two pings unanswered.
	idleAfter = 60 * time.Second
	// readBuffer holds a keystroke's frame; larger ones are read past it. An idle connection keeps it, beside a goroutine's stack.
	readBuffer = 512
)

// sockets are the open WebSocket connections.
type sockets struct {
	relay     *server.Relay
	limit     int
	names     httpapi.Names
	addresses *addresses
	upgrader  *gws.Upgrader
	large     *turns

	mu   sync.Mutex
	open map[*socket]struct{}
	// closing: none is let in any more.
	closing bool
	ended   sync.WaitGroup
}

func newSockets(relay *server.Relay, limits server.Limits, names httpapi.Names, from *addresses) *sockets {
	s := &sockets{relay: relay, limit: limits.Connections, names: names, addresses: from, large: newTurns(limits), open: make(map[*socket]struct{})}
	s.upgrader = gws.NewUpgrader(handler{}, &gws.ServerOption{
		SubProtocols:        []string{wire.Subprotocol},
		ReadMaxPayloadSize:  wire.MaxFrame,
		WriteMaxPayloadSize: wire.MaxFrame,
		// Sealed bytes do not compress.
		PermessageDeflate: gws.PermessageDeflate{Enabled: false},
		Logger:            silent{},
	})
	return s
}

// ServeHTTP turns a request into a connection.
func (s *sockets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &socket{all: s}
	if !s.admit(c) {
		httpapi.WriteRefusal(w, server.Busy())
		return
	}
	caller, relayed := s.addresses.of(r)
	if relayed {
		if !caller.Connect() {
			s.leave(c)
			httpapi.WriteRefusal(w, server.Busy())
			return
		}
		c.counted = caller
	}
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		s.leave(c)
		http.Error(w, "no WebSocket here", http.StatusNotImplemented)
		return
	}
	raw, _, err := hijacker.Hijack()
	if err != nil {
		s.leave(c)
		return
	}
	live := newLiveConn(raw, s.large, caller)
	conn, err := s.upgrader.UpgradeFromConn(live, bufio.NewReaderSize(live, readBuffer), r)
	if err != nil {
		s.leave(c)
		return
	}
	c.start(conn, live, caller, s.names.Of(r))
}

func (s *sockets) admit(c *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.open) >= s.limit {
		return false
	}
	s.open[c] = struct{}{}
	s.ended.Add(1)
	return true
}

func (s *sockets) leave(c *socket) {
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	c.counted.Disconnect()
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

// socket is one connection: the Line of one Peer.
type socket struct {
	all  *sockets
	peer *server.Peer
	// counted is who has this connection as one of theirs, where the gate could not know it.
	counted *server.Caller

	mu   sync.Mutex
	conn *gws.Conn
	ping *time.Timer

	// live belongs to the goroutine that reads.
	live *liveConn
}

func (c *socket) start(conn *gws.Conn, live *liveConn, caller *server.Caller, name string) {
	c.live = live
	live.socket = c
	c.mu.Lock()
	c.conn = conn
	c.ping = time.AfterFunc(pingEvery, c.keepAlive)
	c.mu.Unlock()
	var nonce seal.Nonce
	rand.Read(nonce[:])
	c.peer = c.all.relay.NewPeer(c, caller, name, nonce)
	if c.all.isClosing() {
		go c.sayGoodbye()
	}
	// Not in this goroutine: it would keep the request's memory for as long as the connection lives.
	go func() {
		conn.ReadLoop()
		live.heard()
	}()
}

// Send implements server.Line.
func (c *socket) Send(b []byte) error {
	return c.conn.WriteMessage(gws.OpcodeBinary, b)
}

// HangUp implements server.Line. It closes the connection below WebSocket: a goodbye would wait for the slow one.
func (c *socket) HangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.NetConn().Close()
	}
}

// goodbyeWithin is how long a device may take to hear that the relay stops.
const goodbyeWithin = time.Second

func (c *socket) sayGoodbye() {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return
	}
	// A Send that is stuck holds the goodbye up; it gives up when the connection is closed under it.
	over := time.AfterFunc(goodbyeWithin, c.HangUp)
	conn.WriteClose(1001, []byte("the relay stops"))
	over.Stop()
	c.HangUp()
}

func (c *socket) keepAlive() {
	if c.conn.WritePing(nil) == nil {
		c.mu.Lock()
		c.ping.Reset(pingEvery)
		c.mu.Unlock()
	}
}

func (c *socket) end() {
	c.mu.Lock()
	c.ping.Stop()
	c.mu.Unlock()
	c.peer.Close()
	c.all.leave(c)
}

// handler passes the library's events to the connection that they belong to.
type handler struct{ gws.BuiltinEventHandler }

func (handler) OnMessage(conn *gws.Conn, m *gws.Message) {
	defer m.Close()
	if c := socketOf(conn); c != nil {
		// In a goroutine of its own: judging takes a deep stack, which this one would keep while it waits for the next message.
		done := make(chan struct{})
		go func() {
			c.peer.Receive(m.Bytes())
			close(done)
		}()
		<-done
		c.live.heard()
	}
}

func (handler) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

func (handler) OnClose(conn *gws.Conn, _ error) {
	if c := socketOf(conn); c != nil {
		c.end()
	}
}

func socketOf(conn *gws.Conn) *socket {
	// Not in the library's session: that is a map for each connection.
	return conn.NetConn().(*liveConn).socket
}

// silent drops the library's log: it names addresses.
type silent struct{}

func (silent) Error(...any) {}
