package native_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

func openLog(t *testing.T, folder string) *store.Log {
	t.Helper()
	log, err := store.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// startRelay serves a folder on a free port until the test ends.
func startRelay(t *testing.T, folder string, o native.Options) string {
	t.Helper()
	if o.Limits == (server.Limits{}) {
		o.Limits = server.DefaultLimits()
	}
	return serve(t, server.NewRelay(openLog(t, folder), o.Limits, time.Now, nil), o)
}

// serve answers for a relay on a free port until the test ends.
func serve(t *testing.T, relay *server.Relay, o native.Options) string {
	t.Helper()
	address, _ := serveUntil(t, relay, o)
	return address
}

// serveUntil is serve, until the test ends or says so.
func serveUntil(t *testing.T, relay *server.Relay, o native.Options) (address string, stop func()) {
	t.Helper()
	s, err := native.NewServer(relay, o)
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := native.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(listeners...) }()
	stop = sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return "http://" + listeners[0].Addr().String(), stop
}

func say(t *testing.T, c *servertest.Client, f wire.Frame) {
	t.Helper()
	if err := c.Say(f); err != nil {
		t.Fatal(err)
	}
}

// handshake opens a WebSocket by hand and gives the raw connection after the relay's answer.
func handshake(t *testing.T, address string, header string) (net.Conn, string) {
	t.Helper()
	host := strings.TrimPrefix(address, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET /v1/socket HTTP/1.1\r\nHost: "+host+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+header+"\r\n"); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 0, 32)
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		b := make([]byte, 1)
		if _, err := conn.Read(b); err != nil {
			t.Fatal(err)
		}
		line = append(line, b...)
	}
	return conn, strings.TrimSpace(string(line))
}

// challengeOn reads the rest of the relay's answer to a handshake, and the first frame.
func challengeOn(t *testing.T, conn net.Conn) *wire.Challenge {
	t.Helper()
	return challengeIn(t, bufio.NewReader(conn))
}

func challengeIn(t *testing.T, r *bufio.Reader) *wire.Challenge {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\r\n" {
			break
		}
	}
	challenge, ok := frameIn(t, r).(*wire.Challenge)
	if !ok {
		t.Fatal("the relay did not begin with a challenge")
	}
	return challenge
}

// frameIn reads a short message from a relay.
func frameIn(t *testing.T, r *bufio.Reader) wire.Frame {
	t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	size := int(head[1])
	if size == 126 {
		if _, err := io.ReadFull(r, head); err != nil {
			t.Fatal(err)
		}
		size = int(binary.BigEndian.Uint16(head))
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return servertest.Decode(t, b)
}

// masked is a message from a device, with a mask of zeroes.
func masked(b []byte) []byte {
	head := []byte{0x82, 0x80 | byte(len(b))}
	if len(b) > 125 {
		head = binary.BigEndian.AppendUint16([]byte{0x82, 0x80 | 126}, uint16(len(b)))
	}
	return append(append(head, 0, 0, 0, 0), b...)
}

func TestHandshake(t *testing.T) {
	address := startRelay(t, t.TempDir(), native.Options{Origins: []string{"https://app.example"}})
	host := strings.TrimPrefix(address, "http://")
	speaks := "Sec-WebSocket-Protocol: " + wire.Subprotocol + "\r\n"
	for _, c := range []struct{ name, header, want string }{
		{"no page", speaks, "HTTP/1.1 101 Switching Protocols"},
		{"own page", speaks + "Origin: http://" + host + "\r\n", "HTTP/1.1 101 Switching Protocols"},
		{"another port of this machine", speaks + "Origin: http://localhost:5173\r\n", "HTTP/1.1 101 Switching Protocols"},
		{"listed", speaks + "Origin: https://app.example\r\n", "HTTP/1.1 101 Switching Protocols"},
		{"not listed", speaks + "Origin: https://evil.example\r\n", "HTTP/1.1 403 Forbidden"},
		{"looks like it", speaks + "Origin: https://app.example.evil.example\r\n", "HTTP/1.1 403 Forbidden"},
		{"another scheme", speaks + "Origin: http://app.example\r\n", "HTTP/1.1 403 Forbidden"},
		{"no origin of its own", speaks + "Origin: null\r\n", "HTTP/1.1 403 Forbidden"},
		{"another language", "Sec-WebSocket-Protocol: freehold.2\r\n", "HTTP/1.1 400 Bad Request"},
	} {
		if _, got := handshake(t, address, c.header); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A device that never reads costs the relay a cursor, while 64 MiB go past it.
func TestSlowReaderIsBounded(t *testing.T) {
	address := startRelay(t, t.TempDir(), native.Options{})
	doc := servertest.NewDoc(t, 1)
	writer := servertest.Dial(t, address)
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	const slow = 20
	for range slow {
		conn, _ := handshake(t, address, "Sec-WebSocket-Protocol: "+wire.Subprotocol+"\r\n")
		hello, err := wire.Encode(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(strings.TrimPrefix(address, "http://"), challengeOn(t, conn).Nonce)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(masked(hello)); err != nil {
			t.Fatal(err)
		}
	}
	s := doc.NewSession()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	cert := s.Cert
	body := make([]byte, 1<<20)
	for req := range 64 {
		say(t, writer, &wire.Append{Doc: doc.ID(), Req: uint64(req), Cert: cert, Envelopes: [][]byte{s.Update(body)}})
		cert = nil
		for acked := false; !acked; {
			_, acked = writer.Next().(*wire.Ack)
		}
	}
	// Each may hold the one Batch that it is stuck in, in a buffer that grew by doubling; queues would hold 64 MiB each.
	if grown := int64(heap()) - int64(before); grown > slow*4<<20 {
		t.Fatalf("%d readers that stand still hold %d MiB", slow, grown>>20)
	}
}

// Who is connected, follows a document and says nothing costs a small stack and what the relay must know of him. Buffers that
// wait for him, or a stack that once grew, would be several times that.
func TestAQuietConnectionIsSmall(t *testing.T) {
	address := startRelay(t, t.TempDir(), native.Options{})
	doc := servertest.NewDoc(t, 1)
	servertest.Dial(t, address).Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	taken := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	follow := func() {
		conn, _ := handshake(t, address, "Sec-WebSocket-Protocol: "+wire.Subprotocol+"\r\n")
		r := bufio.NewReader(conn)
		hello, err := wire.Encode(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(strings.TrimPrefix(address, "http://"), challengeIn(t, r).Nonce)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(masked(hello)); err != nil {
			t.Fatal(err)
		}
		for _, want := range []wire.Type{wire.TypeWelcome, wire.TypeBatch} {
			if f := frameIn(t, r); f.Type() != want {
				t.Fatalf("%+v", f)
			}
		}
	}
	// What is made once, and for the first ones.
	for range 20 {
		follow()
	}
	const n = 150
	before := taken()
	for range n {
		follow()
	}
	// The test's own end of a connection has a part in it.
	if each := (taken() - before) / n; each > 7<<10 {
		t.Fatalf("%d bytes for each", each)
	}
}

// A device need not wait for the answer to its handshake.
func TestFramesBehindTheHandshake(t *testing.T) {
	address := startRelay(t, t.TempDir(), native.Options{})
	ping, err := wire.Encode(&wire.Ping{})
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(address, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /v1/socket HTTP/1.1\r\nHost: "+host+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: "+wire.Subprotocol+"\r\n\r\n"+string(masked(ping))+string(masked(ping)[:3])); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(masked(ping)[3:]); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "101") {
		t.Fatalf("%q %v", line, err)
	}
	challengeIn(t, r)
	for range 2 {
		if f := frameIn(t, r); f.Type() != wire.TypePong {
			t.Fatalf("%+v", f)
		}
	}
}

// What comes as a text is not taken for a frame, though its bytes are those of one.
func TestTextIsNoFrame(t *testing.T) {
	conn, _ := handshake(t, startRelay(t, t.TempDir(), native.Options{}), "Sec-WebSocket-Protocol: "+wire.Subprotocol+"\r\n")
	ping, err := wire.Encode(&wire.Ping{})
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	challengeIn(t, r) // first: a connection that is refused may end before it was challenged
	text := masked(ping)
	text[0] = 0x81
	if _, err := conn.Write(text); err != nil {
		t.Fatal(err)
	}
	// It is no text either, and the connection ends with code 1007.
	if b, err := io.ReadAll(r); err != nil || string(b) != "\x88\x02\x03\xef" {
		t.Fatalf("%x %v", b, err)
	}
}

// A foreign page whose name its owner points to 127.0.0.1 is, to its browser, a page of the relay's own host. The
// name gives it away.
func TestForeignNameOnLoopback(t *testing.T) {
	address := startRelay(t, t.TempDir(), native.Options{Origins: []string{"https://app.example"}})
	port := address[strings.LastIndex(address, ":"):]
	for _, c := range []struct {
		host, origin string
		want         int
	}{
		{"evil.example" + port, "http://evil.example" + port, 403},
		// A page's own GET has no Origin.
		{"evil.example" + port, "", 403},
		{"127.0.0.1.evil.example" + port, "", 403},
		{"localhost" + port, "http://localhost" + port, 404},
		{"LOCALHOST" + port, "", 404},
		{"127.0.0.1" + port, "", 404},
		{"[::1]" + port, "", 404},
		// Behind a proxy on the same machine.
		{"app.example", "https://app.example", 404},
		{"app.example", "", 404},
	} {
		r, err := http.NewRequest("GET", address+"/v1/docs/"+strings.Repeat("a", 32), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("host %s, origin %q: %d, want %d", c.host, c.origin, answer.StatusCode, c.want)
		}
	}
}

func TestPagesOfOtherOrigins(t *testing.T) {
	log := openLog(t, t.TempDir())
	s, err := native.NewServer(server.NewRelay(log, server.DefaultLimits(), time.Now, nil),
		native.Options{Origins: []string{"https://App.example/"}, Limits: server.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ask := func(method, origin string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://relay.example/v1/docs/"+strings.Repeat("a", 32), nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	for origin, allowed := range map[string]bool{
		"": true, "https://relay.example": true, "https://app.example": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true,
		"https://other.example": false, "null": false, "http://127.0.0.1.other.example": false, "https://relay.example:8443": false,
	} {
		w := ask("GET", origin)
		if (w.Code == 403) == allowed {
			t.Errorf("%q: %d", origin, w.Code)
		}
		if got := w.Header().Get("Access-Control-Allow-Origin"); allowed && got != origin || !allowed && got != "" {
			t.Errorf("%q: allow %q", origin, got)
		}
	}
	if w := ask("OPTIONS", "https://app.example"); w.Code != 204 || !strings.Contains(w.Header().Get("Access-Control-Allow-Methods"), "POST") {
		t.Fatalf("preflight: %d", w.Code)
	}
	if w := ask("OPTIONS", "https://other.example"); w.Code != 403 {
		t.Fatalf("preflight of a foreign page: %d", w.Code)
	}
}

// Who comes with a handshake after the others were let go is told why.
func TestHandshakeWhileStopping(t *testing.T) {
	limits := server.DefaultLimits()
	s, err := native.NewServer(server.NewRelay(openLog(t, t.TempDir()), limits, time.Now, nil), native.Options{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "http://relay.example/v1/socket", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": wire.Subprotocol,
	} {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 503 || w.Header().Get("Freehold-Error") != string(wire.CodeStopping) || w.Header().Get("Retry-After") == "" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
}
