package main

import (
	"flag"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

var abuse = flag.Int("abuse", 600, "how many connections abuse a relay at once")

// Whatever comes over the lines of a relay, its memory has bounds and the others are served. Everything is from this machine, so no
// address has a share, and no appending has a rate: what holds here is what is left without them.
func TestAbuse(t *testing.T) {
	a := startAbused(t, "--append-burst", "0", "--document-append-burst", "0", "--connections", strconv.Itoa(2**abuse))
	a.served(t)
	quiet := a.metrics(t)
	t.Logf("before: %s", a.memory(t, quiet))
	for _, attack := range []struct {
		name string
		run  func(*testing.T, *abused)
	}{
		// First: what the others leave behind for a while would be counted with it.
		{"readers that stand still", standStill},
		{"connections that say nothing", silence},
		{"handshakes that never end", slowHandshakes},
		{"sockets that say nothing", silentSockets},
		{"messages that never end", unfinished},
		{"huge frames", hugeFrames},
		{"replays", replays},
	} {
		t.Run(attack.name, func(t *testing.T) { attack.run(t, a) })
		// What the test closed is noticed when the relay reads the line's end: soon, but not at once.
		a.until(t, "everything is let go of", func(m map[string]float64) bool {
			return m["freehold_connections"] <= quiet["freehold_connections"]+2 && m["freehold_waiting_bytes"] == 0 && m["freehold_large_bytes"] == 0 && m["go_goroutines"] <= quiet["go_goroutines"]+10
		})
	}
	t.Logf("after: %s", a.memory(t, a.metrics(t)))
	if code := a.stop(); code != 0 {
		t.Fatalf("exit %d", code)
	}
}

func silence(t *testing.T, a *abused) {
	conns := a.connect(t, *abuse, "")
	m := a.until(t, "all are there", func(m map[string]float64) bool { return m["freehold_connections"] >= float64(*abuse) })
	t.Log(a.memory(t, m))
	a.served(t)
	closed(t, conns)
}

func slowHandshakes(t *testing.T, a *abused) {
	conns := a.connect(t, *abuse, a.handshake())
	t.Log(a.memory(t, a.metrics(t)))
	// A line now and then, for as long as it is taken.
	var ended atomic.Int32
	var all sync.WaitGroup
	for _, conn := range conns {
		all.Go(func() {
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(conn, "X-Slow: %d\r\n", i); err != nil {
					ended.Add(1)
					return
				}
				// What is slow here is what is tested.
				time.Sleep(500 * time.Millisecond)
			}
		})
	}
	a.served(t)
	all.Wait()
	if n := int(ended.Load()); n != len(conns) {
		t.Fatalf("%d of %d ended", n, len(conns))
	}
}

func silentSockets(t *testing.T, a *abused) {
	a.sockets(t, *abuse)
	m := a.metrics(t)
	t.Log(a.memory(t, m))
	if m["freehold_sockets"] < float64(*abuse) {
		t.Fatalf("%v sockets", m["freehold_sockets"])
	}
	a.served(t)
}

func unfinished(t *testing.T, a *abused) {
	conns := a.sockets(t, *abuse)
	var all sync.WaitGroup
	for _, conn := range conns {
		// What the relay does not read yet waits in the system, or writing stops until the connection goes.
		all.Go(func() { conn.Write(message(255<<10, make([]byte, 254<<10))) })
	}
	m := a.metrics(t)
	for range 20 {
		a.served(t)
		m = a.metrics(t)
	}
	t.Log(a.memory(t, m))
	// The budget of what comes in, as much again for the turns and the rest, and for each a task that waits.
	if limit := float64(128<<20 + *abuse*32<<10); m["go_memory_total_bytes"] > limit {
		t.Fatalf("%.0f MiB", m["go_memory_total_bytes"]/(1<<20))
	}
	for _, conn := range conns {
		conn.Close()
	}
	all.Wait()
}

func hugeFrames(t *testing.T, a *abused) {
	conns := a.sockets(t, min(*abuse, 400))
	half := len(conns) / 2
	var all sync.WaitGroup
	for i, conn := range conns {
		size := uint64(wire.MaxFrame)
		if i >= half {
			size = 1 << 62
		}
		// The relay reads a part of each and no more: writing stops until it goes.
		all.Go(func() { conn.Write(message(size, make([]byte, 1<<20))) })
	}
	// More than the protocol has is refused at its header.
	closed(t, conns[half:])
	m := a.metrics(t)
	t.Log(a.memory(t, m))
	// Five turns of three frames, a part of what waits, and what the Go runtime keeps of what it had.
	if limit := float64(512<<20 + half*2<<20); m["go_memory_total_bytes"] > limit {
		t.Fatalf("%.0f MiB", m["go_memory_total_bytes"]/(1<<20))
	}
	a.served(t)
	for _, conn := range conns {
		conn.Close()
	}
	all.Wait()
}

// Each has a log of 2 MiB to read and takes no more of it than the system does. Who reads the same document gets all of it meanwhile.
func standStill(t *testing.T, a *abused) {
	const listeners = 190
	var still []*servertest.Raw
	var doc *servertest.Doc
	for i := range min(*abuse, 1000) {
		if i%listeners == 0 {
			a.docs++
			doc = servertest.NewDoc(t, a.docs)
			writer := servertest.Dial(t, a.address)
			writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
			s := doc.NewSession()
			for range 4 {
				var run [][]byte
				for range 256 {
					run = append(run, s.Update(make([]byte, 2<<10)))
				}
				if err := writer.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}); err != nil {
					t.Fatal(err)
				}
				servertest.Await[*wire.Ack](writer)
			}
			writer.Close()
		}
		one := servertest.DialRaw(t, a.address, doc)
		one.Hello(doc)
		still = append(still, one)
	}
	m := a.metrics(t)
	for range 5 {
		a.served(t)
		if _, entries := servertest.Dial(t, a.address).Listen(doc, wire.Hello{}); len(entries) != 1024 {
			t.Fatalf("%d entries beside them", len(entries))
		}
		m = a.metrics(t)
	}
	t.Log(a.memory(t, m))
	// The budget of Batches, as much again and the rest, and for each a short one, a task that waits, and what it cost to make them.
	if limit := float64(160<<20 + len(still)*96<<10); m["go_memory_total_bytes"] > limit {
		t.Fatalf("%.0f MiB", m["go_memory_total_bytes"]/(1<<20))
	}
	for _, one := range still {
		one.Conn.Close()
	}
}

func replays(t *testing.T, a *abused) {
	a.docs++
	doc := servertest.NewDoc(t, a.docs)
	writer := servertest.Dial(t, a.address)
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	run, err := wire.Encode(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(8)})
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.SayBytes(run); err != nil {
		t.Fatal(err)
	}
	at := servertest.Await[*wire.Ack](writer).Cursor
	again := message(uint64(len(run)), run)
	var all sync.WaitGroup
	for _, conn := range a.sockets(t, 20) {
		// Nobody reads the answers: the relay hangs up when too many wait and the line takes no more.
		all.Go(func() {
			for range 5000 {
				if _, err := conn.Write(again); err != nil {
					return
				}
			}
		})
		t.Cleanup(func() { conn.Close() })
	}
	for range 5 {
		a.served(t)
		if m := a.metrics(t); m["freehold_waiting_bytes"] > 64<<20 {
			t.Fatalf("%v bytes wait", m["freehold_waiting_bytes"])
		}
	}
	all.Wait()
	m := a.metrics(t)
	t.Logf("%s; %v connections were cut off", a.memory(t, m), m["freehold_cut_off_total"])
	if _, entries := servertest.Dial(t, a.address).Listen(doc, wire.Hello{}); len(entries) != 8 || entries[7].Cursor != at {
		t.Fatalf("%d entries after the replays", len(entries))
	}
}
