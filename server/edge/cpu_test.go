//go:build edge

package edge_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// ticksPerSecond is USER_HZ, the same on every Linux.
const ticksPerSecond = 100

// cpu is how long the Worker's process has been computing.
func (e *edge) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	ticks := 0
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(string(field))
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// BenchmarkCPU is what each route costs the whole of workerd, the network included. It is more than Cloudflare counts.
func BenchmarkCPU(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	e := start(b, b.TempDir(), "config.capnp")
	doc := servertest.NewDoc(b, 1)
	s, live := doc.NewSession(), doc.NewSession()
	at := e.url + "/v1/docs/" + doc.ID().String()
	device := servertest.DialFor(b, e.url, doc.ID())
	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	host := e.url[len("http://"):]
	token := doc.Token(host, uint64(time.Now().Unix())+600)
	expect := func(status, want int) {
		if status != want {
			b.Fatalf("%d, want %d", status, want)
		}
	}
	for _, route := range []struct {
		name string
		ask  func()
	}{
		{"GET /healthz", func() {
			answer, _ := servertest.Request(b, "GET", e.url+"/healthz", nil)
			expect(answer.StatusCode, 200)
		}},
		{"PUT genesis", func() {
			answer, _ := servertest.Request(b, "PUT", at+"/genesis", doc.Genesis())
			expect(answer.StatusCode, 204)
		}},
		{"POST append", func() {
			frame, err := wire.Encode(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
			if err != nil {
				b.Fatal(err)
			}
			answer, _ := servertest.Request(b, "POST", at, frame)
			expect(answer.StatusCode, 200)
		}},
		{"GET batch", func() {
			answer, _ := servertest.RequestAs(b, token, "GET", at+"?since=1", nil)
			expect(answer.StatusCode, 200)
		}},
		{"socket: open, hello, welcome", func() {
			c := servertest.DialFor(b, e.url, doc.ID())
			c.Listen(doc, wire.Hello{})
			c.Close()
		}},
		{"socket: append, acknowledged", func() {
			if err := device.Say(&wire.Append{Doc: doc.ID(), Cert: live.Cert, Envelopes: live.Run(1)}); err != nil {
				b.Fatal(err)
			}
			servertest.Await[*wire.Ack](device)
		}},
		{"socket: ping", func() {
			if err := device.Say(&wire.Ping{}); err != nil {
				b.Fatal(err)
			}
			servertest.Await[*wire.Pong](device)
		}},
	} {
		b.Run(route.name, func(b *testing.B) {
			before := e.cpu(b)
			for range b.N {
				route.ask()
			}
			b.ReportMetric(float64(e.cpu(b)-before)/float64(time.Millisecond)/float64(b.N), "cpu-ms/op")
		})
	}
}
