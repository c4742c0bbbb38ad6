//go:build edge

package edge_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

var (
	rounds = flag.Int("killrounds", 5, "how often the Worker is killed under load")
	seed   = flag.Uint64("killseed", 0, "repeat a run")
)

// writer is one session that writes through kills.
type writer struct {
	doc     *servertest.Doc
	session *servertest.Session
	// run is everything it ever wrote, acked how much of it was acknowledged.
	run   [][]byte
	acked int
}

// write sends until the connection ends, eight appends at a time on their way, each of up to four envelopes. Where it was too fast for the
// relay, it goes on from there when all of those were answered.
func (w *writer) write(t *testing.T, url string, random *rand.Rand, acked func()) {
	device, err := servertest.TryDial(t, url, w.doc.ID())
	if err != nil {
		return // killed before
	}
	sent, waiting, refused := w.acked, 0, false
	for {
		if refused && waiting == 0 {
			sent, refused = w.acked, false
		}
		for ; waiting < 8 && !refused; waiting++ {
			for len(w.run) < sent+4 {
				w.run = append(w.run, w.session.Update(make([]byte, random.IntN(3000))))
			}
			to := sent + 1 + random.IntN(4)
			if device.Say(&wire.Append{Doc: w.doc.ID(), Req: uint64(to), Cert: w.session.Cert, Envelopes: w.run[sent:to]}) != nil {
				return
			}
			sent = to
		}
		switch f := device.Next().(type) {
		case nil:
			return
		case *wire.Ack:
			w.acked = max(w.acked, int(f.Seq)+1)
			waiting--
			acked()
		case *wire.Error:
			// What follows one that is busy leaves a gap.
			if f.Code != wire.CodeBusy && f.Code != wire.CodeGap {
				t.Errorf("a writer was told %+v", f)
				return
			}
			waiting--
			refused = true
		default:
			t.Errorf("a writer was told %T %+v", f, f)
			return
		}
	}
}

// What was acknowledged is there after kill -9, in the middle of any write, again and again.
func TestKillUnderLoad(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-killseed %d", s)
	random := rand.New(rand.NewPCG(s, 0))
	folder := t.TempDir()
	var docs []*servertest.Doc
	var writers []*writer
	for i := range 3 {
		doc := servertest.NewDoc(t, random.Uint64())
		docs = append(docs, doc)
		for range 3 {
			writers = append(writers, &writer{doc: docs[i], session: doc.NewSession()})
		}
	}
	for round := range *rounds {
		e := start(t, folder, "config.capnp")
		for _, doc := range docs {
			servertest.Request(t, "PUT", e.url+"/v1/docs/"+doc.ID().String()+"/genesis", doc.Genesis())
		}
		// The kill comes at so many acknowledgements.
		until, acks, enough := 50+random.Int64N(300), atomic.Int64{}, make(chan struct{})
		acked := func() {
			if acks.Add(1) == until {
				close(enough)
			}
		}
		var writing sync.WaitGroup
		for _, w := range writers {
			theirs := rand.New(rand.NewPCG(random.Uint64(), 0))
			writing.Go(func() { w.write(t, e.url, theirs, acked) })
		}
		ended := make(chan struct{})
		go func() {
			writing.Wait()
			close(ended)
		}()
		select {
		case <-enough:
		case <-ended:
			t.Fatal("the writers were cut off before the kill")
		case <-e.ended:
			t.Fatal("workerd ended by itself")
		}
		e.kill()
		<-ended
		e = start(t, folder, "config.capnp")
		lost, kept := 0, 0
		for _, doc := range docs {
			lost += missing(t, e.url, doc, writers)
		}
		for _, w := range writers {
			kept += w.acked
		}
		t.Logf("round %d: %d acknowledged in all, %d lost", round, kept, lost)
		if lost > 0 {
			t.Fatalf("%d acknowledged envelopes are lost", lost)
		}
		e.kill()
	}
}

// missing counts acknowledged envelopes that a document's log does not have, and checks that what it has is what was sent.
func missing(t *testing.T, url string, doc *servertest.Doc, writers []*writer) (lost int) {
	t.Helper()
	_, entries := servertest.DialFor(t, url, doc.ID()).Listen(doc, wire.Hello{})
	kept := map[seal.SessionID][][]byte{}
	last := wire.Cursor(0)
	for _, entry := range entries {
		h, err := seal.ParseHeader(entry.Envelope)
		if err != nil || entry.Cursor <= last || int(h.Seq) != len(kept[h.Session]) {
			t.Fatalf("cursor %d after %d, seq %d where %d belongs, %v", entry.Cursor, last, h.Seq, len(kept[h.Session]), err)
		}
		last = entry.Cursor
		kept[h.Session] = append(kept[h.Session], entry.Envelope)
	}
	for _, w := range writers {
		if w.doc != doc {
			continue
		}
		got := kept[w.session.ID]
		lost += max(0, w.acked-len(got))
		for i, b := range got {
			if !bytes.Equal(b, w.run[i]) {
				t.Fatalf("envelope %d is another", i)
			}
		}
	}
	return lost
}
