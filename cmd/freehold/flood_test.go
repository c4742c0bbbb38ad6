package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

const (
	// floodWriters bring runs of floodRun updates, as a device does that writes quickly, one every floodEvery: 12,500 updates a second.
	floodWriters = 60
	floodRun     = 8
	floodEvery   = floodWriters * floodRun * time.Second / 12_500
	// floodDeaf listen and do not read.
	floodDeaf = 100
)

// One document is brought more than ten thousand updates a second. Whatever the relay takes of them, its memory has bounds, and two
// in another room do not notice much.
func TestFlood(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		// all of it is taken in the end.
		all bool
	}{
		{"as the relay comes", nil, false},
		{"without its rates", []string{"--append-burst", "0", "--document-append-burst", "0"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := startAbused(t, c.flags...)
			flood(t, a, c.all)
			if code := a.stop(); code != 0 {
				t.Fatalf("exit %d", code)
			}
		})
	}
}

func flood(t *testing.T, a *abused, all bool) {
	// Ten seconds of it for those who look at the figures, less in a test.
	each := max(25, 250**abuse/10_000)
	a.docs++
	doc := servertest.NewDoc(t, a.docs)
	servertest.Dial(t, a.address).Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	for range floodDeaf {
		deaf := servertest.Dial(t, a.address)
		deaf.Listen(doc, wire.Hello{})
		deaf.Stall()
		t.Cleanup(deaf.Close)
	}
	writers := make([]*servertest.Client, floodWriters)
	appends := make([][][]byte, floodWriters)
	for w := range writers {
		writers[w] = servertest.Dial(t, a.address)
		s := doc.NewSession()
		for i := range each {
			b, err := wire.Encode(&wire.Append{Doc: doc.ID(), Req: uint64(i), Cert: s.Cert, Envelopes: s.Run(floodRun)})
			if err != nil {
				t.Fatal(err)
			}
			appends[w] = append(appends[w], b)
		}
	}
	bystanders := a.bystanders(t)
	quiet := bystanders.rounds(t, 50, func() bool { return false })

	var offering, taking sync.WaitGroup
	var acked atomic.Int64
	began := time.Now()
	for w, writer := range writers {
		offering.Go(func() {
			for i, b := range appends[w] {
				if err := writer.SayBytes(b); err != nil {
					t.Error(err)
					return
				}
				// The pace is what is offered here.
				time.Sleep(time.Until(began.Add(time.Duration(i+1) * floodEvery)))
			}
		})
		taking.Go(func() {
			for range appends[w] {
				switch f := writer.Next().(type) {
				case *wire.Ack:
					acked.Add(floodRun)
				case nil:
					return
				default:
					t.Errorf("%+v", f)
					return
				}
			}
		})
	}
	over := make(chan time.Duration, 1)
	go func() {
		offering.Wait()
		over <- time.Since(began)
	}()
	most, waiting := 0.0, 0.0
	look := func() {
		m := a.metrics(t)
		most, waiting = max(most, m["go_memory_total_bytes"]), max(waiting, m["freehold_waiting_bytes"])
	}
	rounds := 0
	flooded := bystanders.rounds(t, 1<<20, func() bool {
		if rounds++; rounds%5 == 1 {
			look()
		}
		return rounds > 1 && len(over) > 0
	})
	took, taken := <-over, acked.Load()
	m := a.metrics(t)
	if all {
		taking.Wait()
		if n := int(acked.Load()); n != floodWriters*each*floodRun {
			t.Errorf("%d of %d updates were taken", n, floodWriters*each*floodRun)
		}
	}
	for _, writer := range writers {
		writer.Close()
	}
	taking.Wait()
	t.Logf("%d updates offered in %v, %.0f a second; %.0f a second taken meanwhile", floodWriters*each*floodRun, took.Round(time.Millisecond), float64(floodWriters*each*floodRun)/took.Seconds(), float64(taken)/took.Seconds())
	t.Logf("another room: %s before, %s meanwhile", percentiles(quiet), percentiles(flooded))
	t.Logf("at most %.1f MiB of Go and %.1f MiB waiting for the disk; at the end %s", most/(1<<20), waiting/(1<<20), a.memory(t, m))
	if waiting > 64<<20 || most > 256<<20 {
		t.Errorf("%.0f MiB waiting, %.0f MiB of Go", waiting/(1<<20), most/(1<<20))
	}
	a.served(t)
}

// bystanders are two in a room of their own, one of whom writes.
type bystanders struct {
	doc            *servertest.Doc
	session        *servertest.Session
	writer, reader *servertest.Client
}

func (a *abused) bystanders(t *testing.T) *bystanders {
	t.Helper()
	a.docs++
	doc := servertest.NewDoc(t, a.docs)
	b := &bystanders{doc, doc.NewSession(), servertest.Dial(t, a.address), servertest.Dial(t, a.address)}
	b.writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	b.reader.Listen(doc, wire.Hello{})
	return b
}

// rounds are how long updates take from one to the other, one after another.
func (b *bystanders) rounds(t *testing.T, most int, over func() bool) (took []time.Duration) {
	t.Helper()
	for len(took) < most && !over() {
		frame, err := wire.Encode(&wire.Append{Doc: b.doc.ID(), Cert: b.session.Cert, Envelopes: b.session.Run(1)})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := b.writer.SayBytes(frame); err != nil {
			t.Fatal(err)
		}
		for arrived := false; !arrived; {
			f, ok := b.reader.Next().(*wire.Batch)
			if !ok {
				t.Fatal("the reader is not served")
			}
			arrived = len(f.Entries) > 0
		}
		took = append(took, time.Since(began))
		servertest.Await[*wire.Ack](b.writer)
		// As quickly as a person types, and not more often than the relay reads one connection.
		time.Sleep(40 * time.Millisecond)
	}
	return took
}

func percentiles(all []time.Duration) string {
	slices.Sort(all)
	at := func(p int) time.Duration { return all[(len(all)-1)*p/100].Round(10 * time.Microsecond) }
	return fmt.Sprintf("p50 %v, p99 %v (%d updates)", at(50), at(99), len(all))
}
