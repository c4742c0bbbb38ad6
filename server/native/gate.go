package native

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/meter"
)

// gate lets in so many connections, and so many of one address. SECURITY: it stands before TLS and before the first byte, so those
// who open connections and say nothing get no farther than their share.
type gate struct {
	addresses *addresses
	limit     int64
	open      atomic.Int64
	// turnedAway counts those who were not let in.
	turnedAway *meter.Counter
}

// at puts the gate before a listener.
func (g *gate) at(l net.Listener) net.Listener { return gated{l, g} }

type gated struct {
	net.Listener
	gate *gate
}

func (l gated) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if inside, ok := l.gate.enter(conn); ok {
			return inside, nil
		}
		l.gate.turnedAway.Add(1)
		conn.Close()
	}
}

func (g *gate) enter(conn net.Conn) (net.Conn, bool) {
	var caller *server.Caller
	// Those behind a proxy are counted when it says who they are.
	if address, ok := parseAddress(conn.RemoteAddr().String()); ok && !g.addresses.isProxy(address) {
		caller = g.addresses.caller(address)
	}
	if g.open.Add(1) > g.limit {
		g.open.Add(-1)
		return nil, false
	}
	if !caller.Connect() {
		g.open.Add(-1)
		return nil, false
	}
	return &guest{Conn: conn, gate: g, caller: caller}, true
}

// guest is a connection inside the gate.
type guest struct {
	net.Conn
	gate   *gate
	caller *server.Caller
	left   sync.Once
}

// SyscallConn implements syscall.Conn where the connection does.
func (c *guest) SyscallConn() (syscall.RawConn, error) {
	if inner, ok := c.Conn.(syscall.Conn); ok {
		return inner.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

func (c *guest) Close() error {
	c.left.Do(func() {
		c.gate.open.Add(-1)
		c.caller.Disconnect()
	})
	return c.Conn.Close()
}
