package native_test

import (
	"net"
	"net/http/httptest"
	"strings"
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
	frames    chan wire.Frame
	gone      chan struct{}
	challenge *wire.Challenge
}

func (d *device) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	if f, err := wire.Decode(m.Bytes()); err == nil {
		d.frames <- f
	}
}

func (d *device) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

func (d *device) OnClose(*gws.Conn, error) { close(d.gone) }

// inMemory serves a relay that keeps and meets nothing outside this process, until the returned function is called.
func inMemory(t *testing.T, limits server.Limits) (listener *pipes, stop func()) {
	t.Helper()
	return inMemoryWith(t, native.Options{Limits: limits})
}

func inMemoryWith(t *testing.T, o native.Options) (listener *pipes, stop func()) {
	t.Helper()
	return inMemoryOf(t, server.NewRelay(server.NewMemoryLog(wire.StoreID{1}), o.Limits, time.Now, nil), o)
}

func inMemoryOf(t *testing.T, relay *server.Relay, o native.Options) (listener *pipes, stop func()) {
	t.Helper()
	s, err := native.NewServer(relay, o)
	if err != nil {
		t.Fatal(err)
	}
	listener = &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	return listener, func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

func (p *pipes) dial(t *testing.T) (*device, *gws.Conn) {
	t.Helper()
	mine, theirs := net.Pipe()
	p.dialed <- theirs
	d := &device{frames: make(chan wire.Frame, 16), gone: make(chan struct{})}
	conn, _, err := gws.NewClientFromConn(d, &gws.ClientOption{
		Addr:          "ws://localhost/v1/socket",
		RequestHeader: map[string][]string{"Sec-WebSocket-Protocol": {wire.Subprotocol}},
	}, mine)
	if err != nil {
		t.Fatal(err)
	}
	go conn.ReadLoop()
	var ok bool
	if d.challenge, ok = (<-d.frames).(*wire.Challenge); !ok {
		t.Fatal("no challenge")
	}
	return d, conn
}

// A device that nobody writes to stays connected: what the relay sent long ago says nothing about its line.
func TestAQuietDeviceStaysConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, stop := inMemory(t, server.DefaultLimits())
		d, conn := listener.dial(t)
		doc := servertest.NewDoc(t, 1)
		hello, err := wire.Encode(&wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis(), Proof: doc.Prove("localhost", d.challenge.Nonce)})
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
		stop()
		<-d.gone
	})
}

// A large message is read on only when it is its connection's turn, however many frames it comes in; small ones need none,
// and a turn ends with its connection.
func TestLargeMessagesTakeTurns(t *testing.T) {
	for name, header := range map[string][]byte{
		"one frame":   {0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0},
		"many frames": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits := server.DefaultLimits()
				limits.LargeBytes = 1
				listener, stop := inMemory(t, limits)
				_, stuck := listener.dial(t)
				other, waits := listener.dial(t)
				third, small := listener.dial(t)
				part := make([]byte, limits.BatchBytes+8<<10)
				if header == nil {
					// The same 16 KiB again and again, with a pong between them, and no end.
					chunk := append([]byte{0x02, 0xfe, 0x40, 0, 0, 0, 0, 0}, make([]byte, 16<<10)...)
					for len(header) < len(part) {
						header = append(append(header, chunk...), 0x8a, 0x80, 0, 0, 0, 0)
						chunk[0] = 0
					}
				}
				if _, err := stuck.NetConn().Write(append(header[:len(header):len(header)], part...)[:len(part)]); err != nil {
					t.Fatal(err)
				}
				said := make(chan error, 1)
				go func() { said <- waits.WriteMessage(gws.OpcodeBinary, make([]byte, 1<<20)) }()
				synctest.Wait()
				if len(said) > 0 {
					t.Error("two large messages at once")
				}
				ping, err := wire.Encode(&wire.Ping{})
				if err != nil {
					t.Fatal(err)
				}
				if err := small.WriteMessage(gws.OpcodeBinary, ping); err != nil {
					t.Fatal(err)
				}
				if _, ok := (<-third.frames).(*wire.Pong); !ok {
					t.Error("a small message was not answered")
				}
				if err := stuck.NetConn().Close(); err != nil {
					t.Fatal(err)
				}
				if err := <-said; err != nil {
					t.Errorf("after the other's end: %v", err)
				} else if e, ok := (<-other.frames).(*wire.Error); !ok || e.Code != wire.CodeBadFrame {
					t.Errorf("after the other's end: %+v", e)
				}
				stop()
			})
		})
	}
}

// Plain requests are counted like connections.
func TestPlainRequestsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		limits.Connections = 1
		s, err := native.NewServer(server.NewRelay(server.NewMemoryLog(wire.StoreID{1}), limits, time.Now, nil), native.Options{Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(query string) int {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/v1/docs/"+strings.Repeat("a", 32)+query, nil))
			return w.Code
		}
		first := make(chan int, 1)
		go func() { first <- ask("?wait=30") }()
		synctest.Wait()
		if code := ask(""); code != 429 {
			t.Errorf("beside another: %d", code)
		}
		<-first
		if code := ask(""); code != 404 {
			t.Errorf("after the other: %d", code)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// An append that has to wait for its time is let go of when its connection ends, whoever ends it.
func TestAnAppendThatCameEarlyHoldsUpNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		limits.AppendsPerSecond, limits.AppendBurst = 1.0/3600, 1
		listener, stop := inMemory(t, limits)
		d, conn := listener.dial(t)
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		say := func(f wire.Frame) {
			t.Helper()
			b, err := wire.Encode(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.WriteMessage(gws.OpcodeBinary, b); err != nil {
				t.Fatal(err)
			}
		}
		say(&wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis()})
		if _, ok := (<-d.frames).(*wire.Error); !ok {
			t.Fatal("a proof that was none")
		}
		for i := range 2 {
			say(&wire.Append{Doc: doc.ID(), Req: uint64(i), Cert: s.Cert, Envelopes: s.Run(1)})
		}
		if ack, ok := (<-d.frames).(*wire.Ack); !ok || ack.Req != 0 {
			t.Fatalf("%+v", ack)
		}
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("the relay ended after %v", took)
		}
		<-d.gone
	})
}
