package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// abused is a relay that is not treated well.
type abused struct {
	*process
	watch string
	docs  uint64
}

func startAbused(t *testing.T, flags ...string) *abused {
	t.Helper()
	p := start(t, t.TempDir(), append([]string{"--metrics", "127.0.0.1:0"}, flags...)...)
	return &abused{p, "http://127.0.0.1:" + p.says(regexp.MustCompile(`msg=metrics port=(\d+)`))[1], 0}
}

// served expects that people who mean no harm are: one writes, another reads it.
func (a *abused) served(t *testing.T) {
	t.Helper()
	a.docs++
	doc := servertest.NewDoc(t, a.docs)
	writer, reader := servertest.Dial(t, a.address), servertest.Dial(t, a.address)
	defer writer.Close()
	defer reader.Close()
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	reader.Listen(doc, wire.Hello{})
	s := doc.NewSession()
	for range 5 {
		if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)}); err != nil {
			t.Fatal(err)
		}
		at := servertest.Await[*wire.Ack](writer).Cursor
		if got := reader.Follow(at-1, at); len(got) != 1 {
			t.Fatalf("%d entries", len(got))
		}
	}
}

var sample = regexp.MustCompile(`(?m)^(\w+(?:\{.*\})?) (\S+)$`)

func (a *abused) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	_, page := servertest.Request(t, "GET", a.watch+"/metrics", nil)
	out := make(map[string]float64)
	for _, m := range sample.FindAllStringSubmatch(string(page), -1) {
		out[m[1]], _ = strconv.ParseFloat(m[2], 64)
	}
	return out
}

// until waits for something that the relay says of itself.
func (a *abused) until(t *testing.T, what string, is func(map[string]float64) bool) map[string]float64 {
	t.Helper()
	for patience := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		m := a.metrics(t)
		if is(m) {
			return m
		}
		if time.Now().After(patience) {
			t.Fatalf("never: %s: %v", what, m)
		}
	}
}

// memory tells what the relay takes, for whoever reads the log.
func (a *abused) memory(t *testing.T, m map[string]float64) string {
	t.Helper()
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.command.Process.Pid)) // on Linux
	rss := "unknown"
	if found := regexp.MustCompile(`VmRSS:\s*(\d+ kB)`).FindSubmatch(b); found != nil {
		rss = string(found[1])
	}
	return fmt.Sprintf("%v connections, %v goroutines, %.1f MiB of Go, resident %s", m["freehold_connections"], m["go_goroutines"], m["go_memory_total_bytes"]/(1<<20), rss)
}

// connect opens so many connections, each of which says something at first, until the test ends.
func (a *abused) connect(t *testing.T, n int, first string) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		conn, err := net.Dial("tcp", strings.TrimPrefix(a.address, "http://"))
		if err != nil {
			t.Fatalf("number %d: %v", i, err)
		}
		conns[i] = conn
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, first); err != nil {
			t.Fatal(err)
		}
	}
	return conns
}

// sockets opens WebSockets that have their challenge and read no further.
func (a *abused) sockets(t *testing.T, n int) []net.Conn {
	t.Helper()
	conns := a.connect(t, n, a.handshake()+"\r\n")
	for _, conn := range conns {
		head := make([]byte, 0, 256)
		for !strings.HasSuffix(string(head), "\r\n\r\n") {
			b := make([]byte, 1)
			if _, err := conn.Read(b); err != nil {
				t.Fatal(err)
			}
			head = append(head, b[0])
		}
		if !strings.HasPrefix(string(head), "HTTP/1.1 101") {
			t.Fatalf("%s", head)
		}
	}
	return conns
}

// handshake is one without its last line.
func (a *abused) handshake() string {
	return "GET /v1/socket HTTP/1.1\r\nHost: " + strings.TrimPrefix(a.address, "http://") + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + wire.Subprotocol + "\r\n"
}

// message is a binary WebSocket message from a device, of which the first bytes are given.
func message(size uint64, first []byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, size)
	return append(append(b, 0, 0, 0, 0), first...)
}

func closed(t *testing.T, conns []net.Conn) {
	t.Helper()
	for i, conn := range conns {
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatalf("connection %d is still open", i)
		}
	}
}
