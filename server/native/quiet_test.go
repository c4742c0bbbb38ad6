package native_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxzan/gws"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// pipes is a listener whose connections are pipes in memory, where a test's own clock rules.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialed:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// device is a WebSocket client that answers pings and does nothing else.
type device struct {
	gws.BuiltinEventHandler
	frames chan wire.Frame
	gone   chan struct{}
}

func (d *device) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	if f, err := wire.Decode(m.Bytes()); err == nil {
		d.frames <- f
	}
}

func (d *device) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

func (d *device) OnClose(*gws.Conn, error) { close(d.gone) }

// A device that nobody writes to stays connected: what the relay sent long ago says nothing about its line.
func TestAQuietDeviceStaysConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		s, err := native.NewServer(server.NewRelay(server.NewMemoryLog(wire.StoreID{1}), limits, nil), native.Options{Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		listener := &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- s.Serve(listener) }()
		mine, theirs := net.Pipe()
		listener.dialed <- theirs
		d := &device{frames: make(chan wire.Frame, 16), gone: make(chan struct{})}
		conn, _, err := gws.NewClientFromConn(d, &gws.ClientOption{
			Addr:          "ws://localhost/v1/socket",
			RequestHeader: map[string][]string{"Sec-WebSocket-Protocol": {wire.Subprotocol}},
		}, mine)
		if err != nil {
			t.Fatal(err)
		}
		go conn.ReadLoop()
		doc := servertest.NewDoc(t, 1)
		hello, err := wire.Encode(&wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis()})
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.WriteMessage(gws.OpcodeBinary, hello); err != nil {
			t.Fatal(err)
		}
		if _, ok := (<-d.frames).(*wire.Welcome); !ok {
			t.Fatal("no welcome")
		}
		began := time.Now()
		select {
		case <-d.gone:
			t.Errorf("cut off after %v", time.Since(began))
		case <-time.After(time.Hour):
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-d.gone
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
