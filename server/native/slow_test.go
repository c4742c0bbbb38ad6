package native_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/wire"
)

// large is a part of a message above what comes without a turn.
const large = 300 << 10

// as opens a connection that comes from an address.
func (p *pipes) as(address string) net.Conn {
	mine, theirs := net.Pipe()
	p.dialed <- from{theirs, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))}
	return mine
}

// upgraded makes a socket of a connection, and does not look at what comes.
func upgraded(t *testing.T, conn net.Conn) net.Conn {
	t.Helper()
	if _, err := io.WriteString(conn, "GET /v1/socket HTTP/1.1\r\nHost: relay.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: "+wire.Subprotocol+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, conn)
	return conn
}

// Who begins large requests and does not go on holds two places, loses them soon, and keeps nobody else from sending.
func TestSlowBodiesHoldNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, stop := inMemoryWith(t, native.Options{Limits: server.DefaultLimits()})
		defer stop()
		post := func(address string, size, sent int) net.Conn {
			t.Helper()
			conn := listener.as(address)
			if _, err := fmt.Fprintf(conn, "POST /v1/docs/%s HTTP/1.1\r\nHost: relay.example\r\nContent-Length: %d\r\n\r\n", strings.Repeat("a", 32), size); err != nil {
				t.Fatal(err)
			}
			go conn.Write(make([]byte, sent))
			synctest.Wait()
			return conn
		}
		status := func(conn net.Conn) int {
			t.Helper()
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			return answer.StatusCode
		}
		const slow, other = "203.0.113.7:1", "203.0.113.8:1"
		began := time.Now()
		first, second := post(slow, 1<<20, large), post(slow, 1<<20, large)
		if got := status(post(slow, 1<<20, large)); got != 429 {
			t.Fatalf("a third large one: %d", got)
		}
		// Small ones, and large ones of others, are read: what is in them is no frame.
		if got := status(post(slow, 1000, 1000)); got != 400 {
			t.Fatalf("a small one: %d", got)
		}
		if got := status(post(other, 1<<20, 1<<20)); got != 400 {
			t.Fatalf("somebody else's: %d", got)
		}
		for _, conn := range []net.Conn{first, second} {
			status(conn)
		}
		// Thirty seconds, and one for each 16 KiB that came.
		if took := time.Since(began); took > 50*time.Second {
			t.Fatalf("they held their places for %v", took)
		}
		if got := status(post(slow, 1<<20, 1<<20)); got != 400 {
			t.Fatalf("afterwards: %d", got)
		}
	})
}

// The same on sockets, whose large messages wait for a turn instead.
func TestSlowMessagesHoldNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		listener, stop := inMemoryWith(t, native.Options{Limits: limits})
		// A large message in one frame.
		begin := func(address string) net.Conn {
			t.Helper()
			return upgraded(t, listener.as(address))
		}
		write := func(conn net.Conn, size, sent int) (written chan error) {
			written = make(chan error, 1)
			header := []byte{0x82, 0xff, 0, 0, 0, 0, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size), 0, 0, 0, 0}
			go func() {
				_, err := conn.Write(append(header, make([]byte, sent)...))
				written <- err
				// A byte now and then, so that the line is not quiet.
				for ; err == nil && sent < size; time.Sleep(10 * time.Second) {
					_, err = conn.Write([]byte{0})
				}
			}()
			synctest.Wait()
			return written
		}
		const slow, other = "203.0.113.7:1", "203.0.113.8:1"
		began := time.Now()
		for range 5 {
			write(begin(slow), 1<<20, large)
		}
		// There are five turns, and two of them at most are his.
		if got := write(begin(other), 1<<20, 1<<20); len(got) != 1 || <-got != nil {
			t.Fatal("somebody else's large message waits")
		}
		held := write(begin(slow), 1<<20, 1<<20)
		if len(held) != 0 {
			t.Fatal("a third large message of one address was read")
		}
		if err := <-held; err != nil {
			t.Fatal(err)
		}
		// Two by two they run out of patience.
		if took := time.Since(began); took < 45*time.Second || took > 3*60*time.Second {
			t.Fatalf("it waited for %v", took)
		}
		stop()
		// Those who send a byte now and then notice with the next one; the clock is the test's own.
		time.Sleep(20 * time.Second)
	})
}

// Pings and empty fragments are no progress of a message: who sends them instead of it loses the turn as one who sends nothing.
func TestPingsDoNotProlongATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, stop := inMemoryWith(t, native.Options{Limits: server.DefaultLimits()})
		conn := upgraded(t, listener.as("203.0.113.7:1"))
		// The first fragment of a large message, with 16 KiB for a second, and no end.
		if _, err := conn.Write(append([]byte{0x02, 0xff, 0, 0, 0, 0, 0, large >> 16, large >> 8 & 0xff, 0, 0, 0, 0, 0}, make([]byte, large)...)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		noise := append([]byte{0x89, 0x80 | 125, 0, 0, 0, 0}, make([]byte, 125)...)
		noise = bytes.Repeat(append(noise, 0, 0x80, 0, 0, 0, 0), 500)
		var err error
		for err == nil && time.Since(began) < 10*time.Minute {
			_, err = conn.Write(noise)
			time.Sleep(time.Second)
		}
		if took := time.Since(began); err == nil || took > 52*time.Second {
			t.Fatalf("it held its turn for %v: %v", took, err)
		}
		stop()
	})
}

// Messages that are neither short nor large share bytes while they come in. Beyond those they wait for a turn, short ones do not, and
// who never ends a message loses what it has to others.
func TestUnfinishedMessagesShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		limits.PartialBytes = 1 << 20
		listener, stop := inMemoryWith(t, native.Options{Limits: limits})
		const size, many = 200 << 10, 40
		for _, fin := range []byte{0x80, 0} {
			read := make(chan struct{}, many)
			for i := range many {
				conn := upgraded(t, listener.as(fmt.Sprintf("203.0.113.%d:1", 1+i)))
				defer conn.Close()
				go func() {
					b := append([]byte{fin | 0x02, 0xff, 0, 0, 0, 0, 0, size >> 16, size >> 8 & 0xff, size & 0xff, 0, 0, 0, 0}, make([]byte, size-1)...)
					if _, err := conn.Write(b); err == nil {
						read <- struct{}{}
					}
				}()
			}
			synctest.Wait()
			// Five share the bytes, and five have the turns of large ones.
			if n := len(read); n != (1<<20)/size+5 {
				t.Fatalf("%d of %d were read at once", n, many)
			}
			short := upgraded(t, listener.as("203.0.113.99:1"))
			if _, err := short.Write(append([]byte{0x82, 0xfe, 0x1f, 0xff, 0, 0, 0, 0}, make([]byte, 8<<10-1)...)); err != nil {
				t.Fatal(err)
			}
			short.Close()
			for n := range many {
				select {
				case <-read:
				case <-time.After(10 * time.Minute):
					t.Fatalf("%d of %d were ever read", n, many)
				}
			}
			// Then those, too, have run out of patience, and all is given back.
			time.Sleep(time.Minute)
		}
		stop()
	})
}

// Bodies of plain requests are in the same budget: beyond it they are busy, short ones are not, and who does not go on loses what he has.
func TestUnfinishedBodiesShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		limits.PartialBytes = 1 << 20
		listener, stop := inMemoryWith(t, native.Options{Limits: limits})
		defer stop()
		post := func(from int, header string, body []byte) (status chan int) {
			t.Helper()
			conn := listener.as(fmt.Sprintf("203.0.113.%d:1", 1+from))
			status = make(chan int, 1)
			go func() {
				defer conn.Close()
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					status <- 0
					return
				}
				status <- answer.StatusCode
			}()
			if _, err := fmt.Fprintf(conn, "POST /v1/docs/%s HTTP/1.1\r\nHost: relay.example\r\n%s\r\n\r\n", strings.Repeat("a", 32), header); err != nil {
				t.Fatal(err)
			}
			go conn.Write(body)
			synctest.Wait()
			return status
		}
		const size, many, turns = 200 << 10, 40, 5
		for _, c := range []struct {
			name, header string
			body         []byte
			fits         int
		}{
			{"of a length", fmt.Sprintf("Content-Length: %d", size), make([]byte, size-1), (1<<20)/size + turns},
			// It may become as long as any.
			{"of no length", "Transfer-Encoding: chunked", append(fmt.Appendf(nil, "%x\r\n", size), make([]byte, size-1)...), (1<<20)/(256<<10) + turns},
		} {
			var all []chan int
			for i := range many {
				all = append(all, post(i, c.header, c.body))
			}
			if got := <-post(many, fmt.Sprintf("Content-Length: %d", 8<<10), make([]byte, 8<<10)); got != http.StatusBadRequest {
				t.Fatalf("a short one: %d", got)
			}
			answers := make(map[int]int)
			for _, status := range all {
				answers[<-status]++
			}
			// Those that were read were no frame in the end.
			if answers[http.StatusBadRequest] != c.fits || answers[http.StatusTooManyRequests] != many-c.fits {
				t.Fatalf("%s: %v", c.name, answers)
			}
		}
	})
}

// A body that is announced and never comes holds its connection for a minute, whoever was to read it: the route may want none, and there
// may be no route.
func TestABodyThatNeverComes(t *testing.T) {
	document := "/v1/docs/" + strings.Repeat("a", 32)
	for name, request := range map[string]string{
		"of a route without one": "GET /healthz",
		"of no route":            "POST /nowhere",
		"of a read":              "GET " + document,
		"of an append":           "POST " + document,
		"of an admission":        "PUT " + document + "/admission",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "admissions")
			operator, _, err := ed25519.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				admissions, err := native.AdmitSigned(operator, nil, file, time.Now, func(err error) { t.Error(err) })
				if err != nil {
					t.Fatal(err)
				}
				listener, stop := inMemoryWith(t, native.Options{Limits: server.DefaultLimits(), Admissions: admissions})
				defer stop()
				conn := listener.as("203.0.113.7:1")
				defer conn.Close()
				began := time.Now()
				if _, err := io.WriteString(conn, request+" HTTP/1.1\r\nHost: relay.example\r\nContent-Length: 10\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				if err := conn.SetReadDeadline(began.Add(24 * time.Hour)); err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Fatalf("after %v: %v", time.Since(began), err)
				}
				if took := time.Since(began); took > 61*time.Second {
					t.Fatalf("it was held for %v", took)
				}
			})
		})
	}
}
