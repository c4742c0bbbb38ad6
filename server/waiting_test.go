package server_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// countedLog counts reads, and may have let go of all of a document.
type countedLog struct {
	*server.MemoryLog
	reads   atomic.Int32
	emptied atomic.Pointer[servertest.Doc]
}

func (l *countedLog) Read(doc seal.DocID, since wire.Cursor, limit int) ([]wire.Entry, int, error) {
	l.reads.Add(1)
	if e := l.emptied.Load(); e != nil && e.ID() == doc {
		return nil, 0, nil
	}
	return l.MemoryLog.Read(doc, since, limit)
}

// withLarge runs a test with documents that have a large envelope each, and memory for one of them on its way.
func withLarge(t *testing.T, many int, test func(t *testing.T, relay *server.Relay, log *countedLog, docs []*servertest.Doc)) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		limits.LargeBytes, limits.BatchBytes = 1, 8<<10
		log := &countedLog{MemoryLog: server.NewMemoryLog(wire.StoreID{1})}
		relay := server.NewRelay(log, limits, time.Now, nil)
		defer relay.Close()
		var docs []*servertest.Doc
		for i := range many {
			doc := servertest.NewDoc(t, uint64(i))
			if refusal := relay.Found(nil, doc.ID(), doc.Genesis()); refusal != nil {
				t.Fatal(refusal)
			}
			s := doc.NewSession()
			relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Snapshot(make([]byte, limits.BatchBytes))}}, nil, func(wire.Frame) {})
			docs = append(docs, doc)
		}
		synctest.Wait()
		test(t, relay, log, docs)
	})
}

// hello begins to listen, whatever comes.
func (l *line) hello(doc *servertest.Doc) {
	l.say(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
	synctest.Wait()
}

// batches are how many with something in them came of each document.
func (l *line) batches() map[seal.DocID]int {
	l.t.Helper()
	of := make(map[seal.DocID]int)
	for _, f := range l.take() {
		if b, ok := f.(*wire.Batch); ok && len(b.Entries) > 0 {
			of[b.Doc]++
		}
	}
	return of
}

// A connection that waits for memory with many documents asks for one of them at a time, and in the end all come.
func TestAConnectionWaitsOnce(t *testing.T) {
	const many = 20
	withLarge(t, many+1, func(t *testing.T, relay *server.Relay, log *countedLog, docs []*servertest.Doc) {
		holder, waits, other := dial(t, relay), dial(t, relay), dial(t, relay)
		release := holder.stall()
		holder.hello(docs[many])
		for _, doc := range docs[:many] {
			waits.hello(doc)
		}
		other.hello(docs[0])
		before := log.reads.Load()
		relay.Look()
		synctest.Wait()
		// One of each.
		if n := log.reads.Load() - before; n != 2 {
			t.Fatalf("%d reads when two connections were told", n)
		}
		if n := len(waits.batches()) + len(other.batches()); n != 0 {
			t.Fatalf("%d came without memory", n)
		}
		release()
		if n := len(waits.batches()); n != many {
			t.Fatalf("%d of %d came", n, many)
		}
		if n := len(other.batches()); n != 1 {
			t.Fatal("nothing came to the other")
		}
		if load := relay.Load(); load.Large != 0 {
			t.Fatalf("%d bytes are held still", load.Large)
		}
	})
}

// The one that was told wants it no more when it could ask: then the next one is asked for.
func TestWhoWaitsNoMoreLetsTheNextAsk(t *testing.T) {
	for name, changes := range map[string]func(relay *server.Relay, log *countedLog, l *line, doc *servertest.Doc){
		"unsubscribed": func(_ *server.Relay, _ *countedLog, l *line, doc *servertest.Doc) {
			l.say(&wire.Unsubscribe{Doc: doc.ID()})
		},
		"let go of": func(_ *server.Relay, log *countedLog, _ *line, doc *servertest.Doc) { log.emptied.Store(doc) },
		"deleted": func(relay *server.Relay, _ *countedLog, l *line, doc *servertest.Doc) {
			if refusal := relay.Delete(doc.ID(), testName, doc.Delete(testName)); refusal != nil {
				l.t.Fatal(refusal)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			withLarge(t, 3, func(t *testing.T, relay *server.Relay, log *countedLog, docs []*servertest.Doc) {
				holder, waits := dial(t, relay), dial(t, relay)
				hold := holder.stall()
				holder.hello(docs[2])
				waits.hello(docs[0])
				waits.hello(docs[1])
				// It is told while it is busy.
				busy := waits.stall()
				waits.say(&wire.Ping{})
				synctest.Wait()
				hold()
				synctest.Wait()
				changes(relay, log, waits, docs[0])
				synctest.Wait()
				busy()
				if got := waits.batches(); got[docs[1].ID()] != 1 {
					t.Fatal("the other document never came")
				}
			})
		})
	}
}

// An address has so many large messages on their way to it, over however many connections; others have theirs.
func TestACallerTakesSoManyLargeMessages(t *testing.T) {
	limits := server.DefaultLimits()
	limits.CallerLarge = 2
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		callers := server.NewCallers(limits, time.Now)
		doc := servertest.NewDoc(t, 1)
		if refusal := relay.Found(nil, doc.ID(), doc.Genesis()); refusal != nil {
			t.Fatal(refusal)
		}
		s := doc.NewSession()
		relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Snapshot(make([]byte, limits.BatchBytes))}}, nil, func(wire.Frame) {})
		one, two := callers.Of("one"), callers.Of("two")
		var lines []*line
		var releases []func()
		for range 4 {
			l := dialAs(t, relay, one)
			lines, releases = append(lines, l), append(releases, l.stall())
			l.say(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
			synctest.Wait()
		}
		large := func() (n int) {
			synctest.Wait()
			for _, l := range lines {
				l.mu.Lock()
				if l.stuckBytes > limits.BatchBytes {
					n++
				}
				l.mu.Unlock()
			}
			return n
		}
		if n := large(); n != limits.CallerLarge {
			t.Fatalf("%d at once", n)
		}
		read := func(by *server.Caller) *server.Refusal {
			_, lease, refusal := relay.Read(doc.ID(), 0, server.Receiver{Caller: by})
			lease.Release()
			return refusal
		}
		if refusal := read(one); refusal == nil || refusal.Code != wire.CodeBusy {
			t.Fatalf("one more by a plain read: %v", refusal)
		}
		for _, by := range []*server.Caller{two, nil} {
			if refusal := read(by); refusal != nil {
				t.Fatalf("another's: %v", refusal)
			}
		}
		for _, release := range releases {
			release()
		}
		for i, l := range lines {
			if got := l.take(); len(got) != 2 || got[1].Type() != wire.TypeBatch {
				t.Fatalf("line %d: %v", i, describe(got))
			}
		}
	})
}
