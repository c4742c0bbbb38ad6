package native_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

const (
	greedy, somebody = "203.0.113.7:1", "198.51.100.1:1"
	// longest is a snapshot that is as long as one may be.
	longest = 16 << 20
)

// snapshots serves a relay that has a document with a snapshot of each size.
func snapshots(t *testing.T, limits server.Limits, sizes ...int) (listener *pipes, docs []*servertest.Doc, stop func()) {
	t.Helper()
	relay := server.NewRelay(server.NewMemoryLog(wire.StoreID{1}), limits, time.Now, nil)
	for i, size := range sizes {
		doc := servertest.NewDoc(t, uint64(1+i))
		if refusal := relay.Found(nil, doc.ID(), doc.Genesis()); refusal != nil {
			t.Fatal(refusal)
		}
		s := doc.NewSession()
		answer := make(chan wire.Frame, 1)
		relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Snapshot(make([]byte, size))}}, nil, func(f wire.Frame) { answer <- f })
		if f, ok := (<-answer).(*wire.Ack); !ok {
			t.Fatal(f)
		}
		docs = append(docs, doc)
	}
	listener, stop = inMemoryOf(t, relay, native.Options{Limits: limits})
	return listener, docs, stop
}

// reads opens a socket as an address and says hello, without reading more than the Welcome.
func (p *pipes) reads(t *testing.T, address string, doc *servertest.Doc) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn := p.as(address)
	if _, err := io.WriteString(conn, "GET /v1/socket HTTP/1.1\r\nHost: relay.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: "+wire.Subprotocol+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	hello, err := wire.Encode(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove("relay.example", challengeIn(t, r).Nonce)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(masked(hello)); err != nil {
		t.Fatal(err)
	}
	if _, ok := frameIn(t, r).(*wire.Welcome); !ok {
		t.Fatal("no welcome")
	}
	// So that the line is not quiet.
	go func() {
		for err := error(nil); err == nil; time.Sleep(10 * time.Second) {
			_, err = conn.Write([]byte{0x8a, 0x80, 0, 0, 0, 0})
		}
	}()
	return conn, r
}

// largeIn reads up to the end of a message above 64 KiB, past pings, and is false when the line ends before.
func largeIn(r *bufio.Reader) bool {
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil {
			return false
		}
		switch head[1] {
		case 0:
			continue // a ping
		case 127:
			size := make([]byte, 8)
			if _, err := io.ReadFull(r, size); err != nil {
				return false
			}
			_, err := io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint64(size)))
			return err == nil
		}
		panic("a message that is not large")
	}
}

// asks begins a plain read as an address, without reading the answer.
func (p *pipes) asks(t *testing.T, address string, doc *servertest.Doc) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn := p.as(address)
	if _, err := fmt.Fprintf(conn, "GET /v1/docs/%s HTTP/1.1\r\nHost: relay.example\r\nAuthorization: Bearer %s\r\n\r\n", doc.ID(), doc.Token("relay.example", uint64(time.Now().Add(time.Hour/2).Unix()))); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// answered reads the answer of a plain read, and gives its status; 0 where it ends before.
func answered(r *bufio.Reader) int {
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0
	}
	return answer.StatusCode
}

// Whoever takes nothing of what he asked for, on many connections of either kind, has two large messages of his own on their way and keeps
// nobody else waiting.
func TestOneAddressHoldsTwoLargeMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, docs, stop := snapshots(t, server.DefaultLimits(), longest, large)
		var open []net.Conn
		var sockets []*bufio.Reader
		for range 6 {
			conn, r := listener.reads(t, greedy, docs[0])
			open, sockets = append(open, conn), append(sockets, r)
		}
		for range 6 {
			conn, _ := listener.asks(t, greedy, docs[0])
			open = append(open, conn)
		}
		synctest.Wait()
		began := time.Now()
		other, r := listener.reads(t, somebody, docs[1])
		plain, answer := listener.asks(t, somebody, docs[1])
		if status := answered(answer); status != 200 {
			t.Fatalf("somebody else's plain read: %d", status)
		}
		if !largeIn(r) || time.Since(began) > 0 {
			t.Fatalf("somebody else's socket waited for %v", time.Since(began))
		}
		conn, answer := listener.asks(t, greedy, docs[1])
		if status := answered(answer); status != http.StatusTooManyRequests {
			t.Fatalf("a third one of his own: %d", status)
		}
		// All of his own come, one after the other, when they are taken.
		got := make(chan bool)
		for _, r := range sockets {
			go func() { got <- largeIn(r) }()
		}
		for range sockets {
			if !<-got {
				t.Fatal("one of his own was lost")
			}
		}
		for _, c := range append(open, other, plain, conn) {
			c.Close()
		}
		stop()
		time.Sleep(time.Minute)
	})
}

// Who takes five minutes over a large message loses it when another waits for the memory, and only then: a thin line may need longer.
func TestALargeMessageIsHeldForSoLong(t *testing.T) {
	for name, holds := range map[string]func(t *testing.T, l *pipes, doc *servertest.Doc) (net.Conn, *bufio.Reader){
		"on a socket": func(t *testing.T, l *pipes, doc *servertest.Doc) (net.Conn, *bufio.Reader) {
			return l.reads(t, greedy, doc)
		},
		"plainly": func(t *testing.T, l *pipes, doc *servertest.Doc) (net.Conn, *bufio.Reader) {
			return l.asks(t, greedy, doc)
		},
	} {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, early %v", name, early), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					limits := server.DefaultLimits()
					limits.LargeBytes = 1
					listener, docs, stop := snapshots(t, limits, longest, large)
					holder, slow := holds(t, listener, docs[0])
					synctest.Wait()
					began := time.Now()
					if !early {
						time.Sleep(10 * time.Minute)
					}
					other, r := listener.reads(t, somebody, docs[1])
					if !largeIn(r) {
						t.Fatal("nothing came")
					}
					took, want := time.Since(began), 5*time.Minute
					if !early {
						want = 10 * time.Minute
					}
					if took < want || took > want+time.Second {
						t.Fatalf("it came after %v", took)
					}
					if _, err := io.Copy(io.Discard, slow); err != nil && err != io.ErrUnexpectedEOF {
						t.Fatal(err)
					}
					holder.Close()
					other.Close()
					stop()
					time.Sleep(time.Minute)
				})
			})
		}
	}
}

// A plain answer that nobody takes ends with the time that its length has, whether anybody waits or not.
func TestAPlainAnswerHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, docs, stop := snapshots(t, server.DefaultLimits(), large)
		defer stop()
		conn, r := listener.asks(t, greedy, docs[0])
		defer conn.Close()
		// Half a minute, and a second for each 16 KiB.
		time.Sleep(time.Minute)
		if answered(r) != 0 {
			t.Fatal("it was all there still")
		}
	})
}
