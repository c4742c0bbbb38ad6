package native_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// from is a pipe whose other end is somewhere on a network.
type from struct {
	net.Conn
	address net.Addr
}

func (c from) RemoteAddr() net.Addr { return c.address }

// knock opens a connection as an address, and reports whether the relay let it in: it hears of a request. The caller closes it.
func (p *pipes) knock(address, header string) (net.Conn, string) {
	mine, theirs := net.Pipe()
	p.dialed <- from{theirs, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))}
	if _, err := io.WriteString(mine, "GET /v1/socket HTTP/1.1\r\nHost: relay.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: "+wire.Subprotocol+"\r\n"+header+"\r\n"); err != nil {
		return mine, "closed"
	}
	line, err := bufio.NewReader(mine).ReadString('\n')
	if err != nil {
		return mine, "closed"
	}
	return mine, strings.Fields(line)[1]
}

func TestAddressHasSoManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		limits.CallerConnections = 2
		listener, stop := inMemoryWith(t, native.Options{Limits: limits, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
		defer stop()
		var open []net.Conn
		defer func() {
			for _, conn := range open {
				conn.Close()
			}
		}()
		knock := func(address, header, want string) {
			t.Helper()
			conn, got := listener.knock(address, header)
			if open = append(open, conn); got != want {
				t.Fatalf("%s %s: %s, want %s", address, header, got, want)
			}
		}
		for range 2 {
			knock("203.0.113.7:1000", "", "101")
			knock("[2001:db8:0:100::1]:1000", "", "101")
		}
		knock("203.0.113.7:1000", "", "closed")
		knock("203.0.113.8:1000", "", "101")
		// One customer's network of IPv6 is one address, the next one is another.
		knock("[2001:db8:0:1ff:ffff::2]:1000", "", "closed")
		knock("[2001:db8:0:200::1]:1000", "", "101")
		// This machine has no limit.
		for range 5 {
			knock("127.0.0.1:1000", "Host: localhost\r\n", "400")
			knock("[::1]:1000", "", "101")
		}
		// A proxy's word is taken, a stranger's is not.
		for _, want := range []string{"101", "101", "429"} {
			knock("10.1.2.3:1000", "X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n", want)
		}
		knock("10.1.2.3:1000", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 203.0.113.10, 10.9.9.9\r\n", "101")
		knock("203.0.113.7:1000", "X-Forwarded-For: 127.0.0.1\r\n", "closed")
		knock("10.1.2.3:1000", "X-Forwarded-For: 203.0.113.7\r\n", "429")
		// Who leaves makes room.
		open[0].Close()
		synctest.Wait()
		knock("203.0.113.7:1000", "", "101")
	})
}

// A relay lets in so many connections in all, whoever they are and before they say anything.
func TestConnectionsThatSayNothingAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		limits.Connections = 2
		listener, stop := inMemoryWith(t, native.Options{Limits: limits})
		defer stop()
		var silent []net.Conn
		for range 4 {
			mine, theirs := net.Pipe()
			listener.dialed <- from{theirs, &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 1}}
			silent = append(silent, mine)
		}
		if _, got := listener.knock("203.0.113.8:1", ""); got != "closed" {
			t.Fatal("a fifth was let in")
		}
		// They are given five seconds for their first line.
		for _, conn := range silent {
			if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
				t.Fatal(err)
			}
		}
		conn, got := listener.knock("203.0.113.8:1", "")
		if got != "101" {
			t.Fatal("nobody is let in when they are gone")
		}
		conn.Close()
	})
}

// The budgets of an address hold for plain requests, too.
func TestAddressOfPlainRequests(t *testing.T) {
	limits := server.DefaultLimits()
	limits.CallerDocsPerHour, limits.CallerFailuresPerMinute = 2, 2
	s, err := native.NewServer(server.NewRelay(server.NewMemoryLog(wire.StoreID{1}), limits, time.Now, nil), native.Options{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ask := func(address, method, path string, body []byte, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://relay.example/v1/docs/"+path, strings.NewReader(string(body)))
		r.RemoteAddr = address
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	const one, two, home = "203.0.113.7:1", "203.0.113.8:1", "127.0.0.1:1"
	docs := make([]*servertest.Doc, 6)
	for i := range docs {
		docs[i] = servertest.NewDoc(t, uint64(i))
	}
	for i, c := range []struct {
		address string
		status  int
	}{{one, 204}, {one, 204}, {one, 429}, {two, 204}, {home, 204}, {home, 204}} {
		w := ask(c.address, "PUT", docs[i].ID().String()+"/genesis", docs[i].Genesis(), "")
		if w.Code != c.status {
			t.Fatalf("document %d: %d", i, w.Code)
		}
		if seconds, _ := strconv.Atoi(w.Header().Get("Retry-After")); w.Code == 429 && (seconds < 1 || seconds > 1800) {
			t.Fatalf("again after %d s", seconds)
		}
	}
	good := docs[0].Token("relay.example", uint64(time.Now().Unix())+60)
	for i, c := range []struct {
		address, token string
		status         int
	}{{one, "nonsense", 401}, {one, good, 200}, {one, "", 401}, {one, "nonsense", 429}, {one, good, 429}, {two, good, 200}, {home, "", 401}, {home, "", 401}, {home, "", 401}} {
		if w := ask(c.address, "GET", docs[0].ID().String(), nil, c.token); w.Code != c.status {
			t.Fatalf("read %d: %d", i, w.Code)
		}
	}
	// What a stranger says about himself changes nothing.
	r := httptest.NewRequest("GET", "http://relay.example/v1/docs/"+docs[0].ID().String(), nil)
	r.RemoteAddr = one
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != 429 {
		t.Fatal(w.Code)
	}
	if w := ask("unix", "GET", docs[0].ID().String(), nil, ""); w.Code != http.StatusUnauthorized {
		t.Fatal(w.Code)
	}
}
