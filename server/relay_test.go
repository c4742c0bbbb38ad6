package server_test

import (
	"bytes"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// gatedLog is a memory log whose Commit can be held and made to fail.
type gatedLog struct {
	*server.MemoryLog
	mu      sync.Mutex
	gate    chan struct{}
	fail    error
	commits int
}

func newGatedLog() *gatedLog { return &gatedLog{MemoryLog: server.NewMemoryLog(wire.StoreID{1})} }

// hold makes the next commits wait until the returned function is called.
func (l *gatedLog) hold() (release func()) {
	gate := make(chan struct{})
	l.mu.Lock()
	l.gate = gate
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		l.gate = nil
		l.mu.Unlock()
		close(gate)
	}
}

func (l *gatedLog) failWith(err error) {
	l.mu.Lock()
	l.fail = err
	l.mu.Unlock()
}

func (l *gatedLog) Commit(writes []*server.Write) error {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	if gate != nil {
		<-gate
	}
	l.mu.Lock()
	l.commits++
	err := l.fail
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return l.MemoryLog.Commit(writes)
}

// line is a device's end: what the relay sent, in order.
type line struct {
	t    *testing.T
	peer *server.Peer
	mu   sync.Mutex
	got  []wire.Frame
	hold chan struct{}
	// stuck counts the Sends that hold keeps, and the bytes of the last.
	stuck, stuckBytes int
	hungUp            bool
}

// testName and testNonce are what every line proves against.
const testName = "relay.example"

var testNonce = seal.Nonce{1, 2, 3}

func dial(t *testing.T, relay *server.Relay) *line { return dialAs(t, relay, nil) }

func dialAs(t *testing.T, relay *server.Relay, caller *server.Caller) *line {
	l := &line{t: t}
	l.peer = relay.NewPeer(l, caller, testName, testNonce)
	takeOne[*wire.Challenge](l)
	return l
}

func (l *line) Send(messages [][]byte) error {
	l.mu.Lock()
	hold := l.hold
	if hold != nil {
		l.stuck++
		for _, b := range messages {
			l.stuckBytes += len(b)
		}
	}
	l.mu.Unlock()
	if hold != nil {
		<-hold
		l.mu.Lock()
		l.stuck, l.stuckBytes = l.stuck-1, 0
		l.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range messages {
		frame, err := wire.Decode(b)
		if err != nil {
			l.t.Errorf("the relay sent no frame: %v", err)
		}
		l.got = append(l.got, frame)
	}
	return nil
}

func (l *line) HangUp() {
	l.mu.Lock()
	l.hungUp = true
	l.mu.Unlock()
}

// stall makes Send block until the returned function is called.
func (l *line) stall() (release func()) {
	hold := make(chan struct{})
	l.mu.Lock()
	l.hold = hold
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		l.hold = nil
		l.mu.Unlock()
		close(hold)
	}
}

func (l *line) say(f wire.Frame) {
	l.t.Helper()
	b, err := wire.Encode(f)
	if err != nil {
		l.t.Fatal(err)
	}
	l.peer.Receive(b)
}

// take gives what came since the last take, when everything has settled.
func (l *line) take() []wire.Frame {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = nil
	return got
}

// takeOne expects exactly one frame of a type.
func takeOne[F wire.Frame](l *line) F {
	l.t.Helper()
	got := l.take()
	if len(got) == 1 {
		if f, ok := got[0].(F); ok {
			return f
		}
	}
	var want F
	l.t.Fatalf("got %v, want one %T", describe(got), want)
	return want
}

func describe(frames []wire.Frame) []any {
	var out []any
	for _, f := range frames {
		switch f := f.(type) {
		case *wire.Batch:
			out = append(out, "batch", len(f.Entries), f.UpTo, f.More)
		case *wire.Error:
			out = append(out, "error", f.Code, f.Message)
		case *wire.Ack:
			out = append(out, "ack", f.Seq, f.Cursor)
		default:
			out = append(out, f.Type())
		}
	}
	return out
}

// listen says hello and expects a welcome and the batches until the log's end.
func (l *line) listen(doc *servertest.Doc, hello wire.Hello) (*wire.Welcome, []wire.Entry) {
	l.t.Helper()
	if doc != nil {
		hello.Doc, hello.Proof = doc.ID(), doc.Prove(testName, testNonce)
	}
	l.say(&hello)
	got := l.take()
	if len(got) < 2 {
		l.t.Fatalf("answer to hello: %v", describe(got))
	}
	welcome, ok := got[0].(*wire.Welcome)
	if !ok {
		l.t.Fatalf("answer to hello: %v", describe(got))
	}
	var entries []wire.Entry
	for i, f := range got[1:] {
		batch, ok := f.(*wire.Batch)
		if !ok || batch.More == (i == len(got)-2) {
			l.t.Fatalf("after welcome: %v", describe(got))
		}
		entries = append(entries, batch.Entries...)
	}
	return welcome, entries
}

// withRelay runs a test in a bubble where "everything has settled" is something one can wait for.
func withRelay(t *testing.T, limits server.Limits, test func(t *testing.T, relay *server.Relay, log *gatedLog)) {
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		relay := server.NewRelay(log, limits, time.Now, nil)
		t.Cleanup(func() {
			if err := relay.Close(); err != nil {
				t.Error(err)
			}
		})
		test(t, relay, log)
	})
}

func TestNothingIsAcknowledgedBeforeItIsDurable(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		writer, reader := dial(t, relay), dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		reader.listen(doc, wire.Hello{})

		release := log.hold()
		writer.say(&wire.Append{Doc: doc.ID(), Req: 1, Cert: s.Cert, Envelopes: s.Run(1)})
		if got := append(writer.take(), reader.take()...); len(got) > 0 {
			t.Fatalf("before the disk has it: %v", describe(got))
		}
		if batch, _, refusal := relay.Read(doc.ID(), 0, server.Receiver{}); refusal != nil || len(batch.Entries) > 0 {
			t.Fatalf("readable before the disk has it: %v", refusal)
		}
		release()
		if got := writer.take(); len(got) != 2 {
			t.Fatalf("after: %v", describe(got))
		} else if ack, ok := got[0].(*wire.Ack); !ok || ack.Req != 1 || ack.Seq != 0 || ack.Cursor != 1 || ack.Session != s.ID {
			t.Fatalf("after: %v", describe(got))
		}
		if batch := takeOne[*wire.Batch](reader); len(batch.Entries) != 1 || batch.UpTo != 1 || batch.More {
			t.Fatalf("reader: %+v", batch)
		}
	})
}

// The log has a new document a moment before those who wait for it are told: nobody reads it in that moment, least of all one who may not.
func TestNothingIsGivenBeforeTheGenesisIsKnown(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		stranger := func(*seal.Genesis) *server.Refusal { return &server.Refusal{Code: wire.CodeUnproven} }
		sub, refusal := relay.Subscribe(doc.ID(), 0, nil, nil, func(*server.Subscription) {}, stranger)
		if refusal != nil {
			t.Fatal(refusal)
		}
		defer sub.Close()
		if f, _, _ := sub.Next(); f.(*wire.Welcome).Genesis != nil {
			t.Fatal("a genesis that nobody brought")
		}
		other := server.NewRelay(log.MemoryLog, server.DefaultLimits(), time.Now, nil) // commits what this one has not heard of yet
		defer other.Close()
		writer := dial(t, other)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		s := doc.NewSession()
		writer.say(&wire.Append{Doc: doc.ID(), Req: 1, Cert: s.Cert, Envelopes: s.Run(1)})
		if got := writer.take(); len(got) != 2 {
			t.Fatal(describe(got))
		}
		if f, _, _ := sub.Next(); len(f.(*wire.Batch).Entries) != 0 || f.(*wire.Batch).UpTo != 0 {
			t.Fatalf("given without a genesis: %v", describe([]wire.Frame{f}))
		}
	})
}

// Readers share the bytes of what they get at once; who is elsewhere, or brought some of it, gets what is right for him.
func TestReadersOfOneTail(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		writer := dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		batch := func(sub *server.Subscription) *wire.Batch {
			t.Helper()
			f, lease, refusal := sub.Next()
			lease.Release()
			if refusal != nil {
				t.Fatal(refusal)
			}
			if e, ok := f.(*wire.Encoded); ok {
				f = servertest.Decode(t, e.Bytes)
			}
			b, _ := f.(*wire.Batch)
			return b
		}
		subscribe := func(by *server.Peer) *server.Subscription {
			t.Helper()
			sub, refusal := relay.Subscribe(doc.ID(), 0, nil, by, func(*server.Subscription) {}, func(*seal.Genesis) *server.Refusal { return nil })
			if refusal != nil {
				t.Fatal(refusal)
			}
			t.Cleanup(sub.Close)
			if _, b := batch(sub), batch(sub); len(b.Entries) != 0 {
				t.Fatalf("%+v", b)
			}
			return sub
		}
		quick, slow, slower, own := subscribe(nil), subscribe(nil), subscribe(nil), subscribe(writer.peer)
		expect := func(sub *server.Subscription, entries int, upTo wire.Cursor) {
			t.Helper()
			if b := batch(sub); len(b.Entries) != entries || b.UpTo != upTo {
				t.Fatalf("%d entries up to %d", len(b.Entries), b.UpTo)
			}
		}
		write := func() {
			writer.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
			synctest.Wait()
		}
		write()
		expect(quick, 1, 1)
		write()
		expect(slow, 2, 2)
		expect(own, 0, 2)
		expect(slower, 2, 2)
		expect(quick, 1, 2)
	})
}

// A disk that hangs does not fill the memory: beyond 64 MiB the answer is busy, from whichever connection, and what was
// taken before is acknowledged when the disk goes on.
func TestAHangingDiskMakesTheRelayBusy(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		// Sealed and padded, 62 of these fit.
		body := make([]byte, 1<<20)
		release := log.hold()
		acks, busy, other := 0, 0, 0
		var mu sync.Mutex
		for i := range 10 {
			doc := servertest.NewDoc(t, uint64(i))
			if err := log.MemoryLog.Commit([]*server.Write{{Doc: doc.ID(), Genesis: doc.Genesis()}}); err != nil {
				t.Fatal(err)
			}
			s := doc.NewSession()
			for range 10 {
				relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Update(body)}}, nil, func(f wire.Frame) {
					mu.Lock()
					defer mu.Unlock()
					switch e, refused := f.(*wire.Error); {
					case !refused:
						acks++
					case e.Code == wire.CodeBusy && e.RetryAfter > 0:
						busy++
					default:
						other++
					}
				})
			}
		}
		synctest.Wait()
		if busy != 100-62 || acks+other > 0 {
			t.Fatalf("a disk that hangs, 100 MiB: %d acknowledged, %d busy, %d others", acks, busy, other)
		}
		release()
		synctest.Wait()
		if acks != 62 {
			t.Fatalf("%d of 62 acknowledged in the end", acks)
		}
		doc := servertest.NewDoc(t, 1)
		s := doc.SessionOf(99)
		relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)}, nil, func(f wire.Frame) {
			mu.Lock()
			defer mu.Unlock()
			if _, ok := f.(*wire.Ack); ok {
				acks++
			}
		})
		synctest.Wait()
		if acks != 63 {
			t.Fatal("nothing is taken afterwards")
		}
	})
}

func TestOneCommitServesAllThatCameMeanwhile(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		var lines []*line
		for i := range 20 {
			doc := servertest.NewDoc(t, uint64(i))
			l := dial(t, relay)
			l.listen(doc, wire.Hello{Genesis: doc.Genesis()})
			lines = append(lines, l)
		}
		release := log.hold()
		log.commits = 0
		for i, l := range lines {
			doc := servertest.NewDoc(t, uint64(i))
			s := doc.NewSession()
			run := s.Run(3)
			for req, e := range run {
				cert := s.Cert
				if req > 0 {
					cert = nil
				}
				l.say(&wire.Append{Doc: doc.ID(), Req: uint64(req), Cert: cert, Envelopes: [][]byte{e}})
			}
		}
		synctest.Wait()
		release()
		for _, l := range lines {
			acks := 0
			for _, f := range l.take() {
				if ack, ok := f.(*wire.Ack); ok {
					if ack.Req != uint64(acks) || ack.Cursor != wire.Cursor(acks+1) {
						t.Fatalf("ack %+v", ack)
					}
					acks++
				}
			}
			if acks != 3 {
				t.Fatalf("%d acks", acks)
			}
		}
		if log.commits > 2 {
			t.Fatalf("60 appends in %d commits", log.commits)
		}
	})
}

func TestFullDiskRefusesAppendsAndGoesOnReading(t *testing.T) {
	var reports []error
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		relay := server.NewRelay(log, server.DefaultLimits(), time.Now, func(err error) { reports = append(reports, err) })
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		run := s.Run(6)
		writer, reader := dial(t, relay), dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		writer.say(&wire.Append{Doc: doc.ID(), Req: 1, Cert: s.Cert, Envelopes: run[:2]})
		writer.take()

		full := errors.New("no space")
		log.failWith(full)
		release := log.hold()
		// Three in the pipe: the second and third build on the first, and all are lost with it.
		for req := range 3 {
			writer.say(&wire.Append{Doc: doc.ID(), Req: uint64(10 + req), Envelopes: run[2+req : 3+req]})
		}
		// Sending again what is there is acknowledged with no disk at all; what only seemed to be there is not.
		writer.say(&wire.Append{Doc: doc.ID(), Req: 20, Envelopes: run[:2]})
		writer.say(&wire.Append{Doc: doc.ID(), Req: 21, Envelopes: run[2:3]})
		release()
		var codes []wire.Code
		for _, f := range writer.take() {
			e, ok := f.(*wire.Error)
			if !ok {
				if ack, acked := f.(*wire.Ack); acked && ack.Req == 20 {
					continue
				}
				t.Fatalf("with a full disk: %v", describe([]wire.Frame{f}))
			}
			if e.RetryAfter == 0 || e.Doc == nil || *e.Doc != doc.ID() {
				t.Fatalf("%+v", e)
			}
			codes = append(codes, e.Code)
		}
		for _, code := range codes {
			if code != wire.CodeStorage {
				t.Fatalf("codes %v", codes)
			}
		}
		if len(codes) < 4 {
			t.Fatalf("%d refusals", len(codes))
		}
		if _, entries := reader.listen(doc, wire.Hello{}); len(entries) != 2 {
			t.Fatalf("reading on a full disk: %d entries", len(entries))
		}

		log.failWith(nil)
		writer.say(&wire.Append{Doc: doc.ID(), Req: 30, Envelopes: run[2:]})
		got := writer.take()
		if ack, ok := got[0].(*wire.Ack); !ok || ack.Cursor != 6 || ack.Seq != 5 {
			t.Fatalf("with room again: %v", describe(got))
		}
		if batch := takeOne[*wire.Batch](reader); len(batch.Entries) != 4 || !bytes.Equal(batch.Entries[0].Envelope, run[2]) {
			t.Fatalf("reader: %+v", batch)
		}
		if err := relay.Close(); err != nil {
			t.Fatal(err)
		}
		if len(reports) != 2 || !errors.Is(reports[0], full) || reports[1] != nil {
			t.Fatalf("reports %v", reports)
		}
	})
}

func TestFanOutLeavesOutOnesOwn(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		a, b, c := dial(t, relay), dial(t, relay), dial(t, relay)
		for _, l := range []*line{a, b, c} {
			l.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		}
		s := doc.NewSession()
		a.say(&wire.Append{Doc: doc.ID(), Req: 1, Cert: s.Cert, Envelopes: s.Run(2)})
		for _, l := range []*line{b, c} {
			batch := takeOne[*wire.Batch](l)
			if len(batch.Entries) != 2 || !bytes.Equal(batch.Entries[0].Cert, s.Cert) || batch.Entries[1].Cert != nil {
				t.Fatalf("%+v", batch)
			}
		}
		got := a.take()
		if len(got) != 2 {
			t.Fatalf("writer: %v", describe(got))
		}
		if batch, ok := got[1].(*wire.Batch); !ok || len(batch.Entries) != 0 || batch.UpTo != 2 {
			t.Fatalf("writer: %v", describe(got))
		}
		b.say(&wire.Unsubscribe{Doc: doc.ID()})
		c.peer.Close()
		a.say(&wire.Append{Doc: doc.ID(), Req: 2, Envelopes: s.Run(1)})
		if got := append(b.take(), c.take()...); len(got) > 0 {
			t.Fatalf("after they left: %v", describe(got))
		}
	})
}

// What a document keeps in memory for its listeners goes with the last of them, and a connection that closed is kept by
// nothing that it brought.
func TestNothingIsKeptForThoseWhoLeft(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		reader := dial(t, relay)
		reader.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		// bring appends as a connection that closes, and gives a look at whether that is still in memory.
		bring := func() weak.Pointer[line] {
			writer := dial(t, relay)
			writer.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
			takeOne[*wire.Ack](writer)
			writer.peer.Close()
			return weak.Make(writer)
		}
		gone := bring()
		takeOne[*wire.Batch](reader)
		runtime.GC()
		runtime.GC()
		if gone.Value() != nil {
			t.Error("a closed connection is still in memory")
		}
		if n := relay.TailBytes(doc.ID()); n == 0 {
			t.Fatal("nothing is kept for a listener: this test tests nothing")
		}
		reader.peer.Close()
		if n := relay.TailBytes(doc.ID()); n > 0 {
			t.Errorf("%d bytes are kept for nobody", n)
		}
		// Who comes back gets all of it from the log.
		again := dial(t, relay)
		if _, entries := again.listen(doc, wire.Hello{}); len(entries) != 1 {
			t.Errorf("%d entries", len(entries))
		}
		bring()
		if batch := takeOne[*wire.Batch](again); len(batch.Entries) != 1 || batch.UpTo != 2 {
			t.Errorf("%+v", batch)
		}
	})
}

func TestResumeSinceCursor(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		run := s.Run(5)
		writer := dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		writer.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run})
		writer.take()
		store, other := log.Store(), wire.StoreID{9}
		for _, c := range []struct {
			name  string
			since wire.Cursor
			store *wire.StoreID
			from  int
		}{
			{"from the start", 0, nil, 0},
			{"in the middle", 3, &store, 3},
			{"at the end", 5, &store, 5},
			{"of a relay that this is not", 3, &other, 0},
			{"of no relay", 3, nil, 0},
			{"beyond the end: the relay lost something", 6, &store, 0},
		} {
			l := dial(t, relay)
			welcome, entries := l.listen(doc, wire.Hello{Since: c.since, Store: c.store})
			if welcome.Store != store || welcome.Head != 5 || !bytes.Equal(welcome.Genesis, doc.Genesis()) {
				t.Fatalf("%s: %+v", c.name, welcome)
			}
			if len(entries) != 5-c.from {
				t.Fatalf("%s: %d entries", c.name, len(entries))
			}
			for i, e := range entries {
				if !bytes.Equal(e.Envelope, run[c.from+i]) || (e.Cert != nil) != (i == 0) {
					t.Fatalf("%s: entry %d", c.name, i)
				}
			}
			l.peer.Close()
		}
	})
}

func TestAStrangerWaitsForTheDocument(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		joiner, writer := dial(t, relay), dial(t, relay)
		welcome, _ := joiner.listen(doc, wire.Hello{})
		if welcome.Genesis != nil || welcome.Head != 0 {
			t.Fatalf("unknown document: %+v", welcome)
		}
		writer.say(&wire.Append{Doc: doc.ID(), Req: 1, Cert: s.Cert, Envelopes: s.Run(1)})
		if e := takeOne[*wire.Error](writer); e.Code != wire.CodeNoRoom || e.Req == nil || *e.Req != 1 {
			t.Fatalf("append to an unknown document: %+v", e)
		}
		writer.say(&wire.Hello{Doc: doc.ID(), Genesis: servertest.NewDoc(t, 2).Genesis()})
		if e := takeOne[*wire.Error](writer); e.Code != wire.CodeBadGenesis {
			t.Fatalf("another document's genesis: %+v", e)
		}
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		if welcome := takeOne[*wire.Welcome](joiner); !bytes.Equal(welcome.Genesis, doc.Genesis()) {
			t.Fatalf("when it became known: %+v", welcome)
		}
		two := doc.NewSession()
		writer.say(&wire.Append{Doc: doc.ID(), Req: 2, Cert: two.Cert, Envelopes: two.Run(1)})
		if batch := takeOne[*wire.Batch](joiner); len(batch.Entries) != 1 {
			t.Fatalf("joiner: %+v", batch)
		}
	})
}

// A reader that stands still is sent nothing, holds nothing up, and gets all of it in order when it goes on.
func TestSlowReader(t *testing.T) {
	limits := server.DefaultLimits()
	limits.BatchBytes = 2000
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		slow, fast, writer := dial(t, relay), dial(t, relay), dial(t, relay)
		for _, l := range []*line{slow, fast, writer} {
			l.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		}
		release := slow.stall()
		const n = 2000
		cert := s.Cert
		var want [][]byte
		for req := range n {
			run := s.Run(1)
			want = append(want, run...)
			writer.say(&wire.Append{Doc: doc.ID(), Req: uint64(req), Cert: cert, Envelopes: run})
			cert = nil
			if req%20 == 0 {
				writer.take()
			}
		}
		writer.take()
		check := func(name string, got []wire.Frame) {
			t.Helper()
			at := 0
			for _, f := range got {
				for _, e := range f.(*wire.Batch).Entries {
					if e.Cursor != wire.Cursor(at+1) || !bytes.Equal(e.Envelope, want[at]) {
						t.Fatalf("%s: entry %d has cursor %d", name, at, e.Cursor)
					}
					at++
				}
			}
			if at != n {
				t.Fatalf("%s: %d of %d entries", name, at, n)
			}
		}
		check("fast", fast.take())
		if got := slow.take(); len(got) > 0 {
			t.Fatalf("slow: %v", describe(got))
		}
		release()
		check("slow", slow.take())
	})
}

// Large envelopes go out to as many readers at once as there is memory for. The others hold none while they wait, and get
// theirs when one is through or gone.
func TestLargeEnvelopesShareABudget(t *testing.T) {
	limits := server.DefaultLimits()
	const size = 1 << 20
	// Two at once: the second may go beyond the limit, a third is not begun.
	limits.LargeBytes = 2*size + size/2
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		var readers []*line
		for range 5 {
			l := dial(t, relay)
			l.listen(doc, wire.Hello{Genesis: doc.Genesis()})
			readers = append(readers, l)
		}
		var releases []func()
		for _, l := range readers {
			releases = append(releases, l.stall())
		}
		large := s.Snapshot(make([]byte, size))
		relay.Append(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{large}}, nil, func(wire.Frame) {})
		sending := func() (n int) {
			synctest.Wait()
			for _, l := range readers {
				l.mu.Lock()
				n += l.stuck
				l.mu.Unlock()
			}
			return n
		}
		if n := sending(); n != 2 {
			t.Fatalf("%d large batches on their way, want 2", n)
		}
		if _, _, refusal := relay.Read(doc.ID(), 0, server.Receiver{}); refusal == nil || refusal.Code != wire.CodeBusy {
			t.Fatalf("a plain read beside them: %v", refusal)
		}
		for _, release := range releases {
			release()
		}
		for i, l := range readers {
			if batch := takeOne[*wire.Batch](l); len(batch.Entries) != 1 || !bytes.Equal(batch.Entries[0].Envelope, large) {
				t.Fatalf("reader %d: %d entries", i, len(batch.Entries))
			}
		}
		if _, lease, refusal := relay.Read(doc.ID(), 0, server.Receiver{}); refusal != nil {
			t.Fatalf("a plain read after them: %v", refusal)
		} else {
			lease.Release()
		}
	})
}

func TestWhoAsksWithoutReadingIsCutOff(t *testing.T) {
	limits := server.DefaultLimits()
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		l := dial(t, relay)
		release := l.stall()
		for range limits.Answers {
			l.say(&wire.Ping{})
		}
		synctest.Wait()
		if l.hungUp {
			t.Fatal("cut off within the limit")
		}
		l.say(&wire.Ping{})
		l.say(&wire.Ping{})
		if !l.hungUp {
			t.Fatal("not cut off")
		}
		release()
		l.peer.Close()
	})
}

func TestWindowHoldsTheSenderBack(t *testing.T) {
	limits := server.DefaultLimits()
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		s := doc.NewSession()
		l := dial(t, relay)
		l.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		release := log.hold()
		said := 0
		var mu sync.Mutex
		go func() {
			for req, e := range s.Run(limits.WindowAppends + 10) {
				l.say(&wire.Append{Doc: doc.ID(), Req: uint64(req), Cert: s.Cert, Envelopes: [][]byte{e}})
				mu.Lock()
				said++
				mu.Unlock()
			}
		}()
		synctest.Wait()
		if said != limits.WindowAppends {
			t.Fatalf("%d appends read while the disk stands still", said)
		}
		release()
		synctest.Wait()
		if said != limits.WindowAppends+10 {
			t.Fatalf("%d appends read in the end", said)
		}
	})
}

func TestGarbageIsAnsweredAndHurtsNobody(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		l := dial(t, relay)
		for _, b := range [][]byte{nil, {0}, {0xc1}, bytes.Repeat([]byte{0x91}, 1<<20), []byte("GET / HTTP/1.1")} {
			l.peer.Receive(b)
			if e := takeOne[*wire.Error](l); e.Code != wire.CodeBadFrame {
				t.Fatalf("%+v", e)
			}
		}
		// A relay's frames are not a device's to send.
		l.say(&wire.Pong{})
		if e := takeOne[*wire.Error](l); e.Code != wire.CodeBadFrame {
			t.Fatalf("%+v", e)
		}
		l.say(&wire.Ping{})
		takeOne[*wire.Pong](l)
	})
}

func TestLimitsOnListening(t *testing.T) {
	limits := server.DefaultLimits()
	limits.ConnectionDocs, limits.DocSubscribers = 3, 2
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		l := dial(t, relay)
		for i := range 3 {
			l.listen(nil, wire.Hello{Doc: seal.DocID{byte(i)}})
		}
		l.say(&wire.Hello{Doc: seal.DocID{9}})
		if e := takeOne[*wire.Error](l); e.Code != wire.CodeBusy || e.RetryAfter == 0 {
			t.Fatalf("%+v", e)
		}
		// Once more to one that it has is no more.
		l.listen(nil, wire.Hello{Doc: seal.DocID{1}})
		dial(t, relay).listen(nil, wire.Hello{Doc: seal.DocID{1}})
		third := dial(t, relay)
		third.say(&wire.Hello{Doc: seal.DocID{1}})
		if e := takeOne[*wire.Error](third); e.Code != wire.CodeBusy {
			t.Fatalf("%+v", e)
		}
	})
}

// Who knows a document's id and no more has no seat among those who may read it, whether it is here already or comes later.
func TestStrangersTakeNobodysSeat(t *testing.T) {
	limits := server.DefaultLimits()
	limits.DocSubscribers = 2
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		refused := func(l *line) {
			t.Helper()
			if e := takeOne[*wire.Error](l); e.Code != wire.CodeUnproven {
				t.Fatalf("%+v", e)
			}
		}
		here, later := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
		holder := dial(t, relay)
		holder.listen(here, wire.Hello{Genesis: here.Genesis()})
		for range 3 {
			stranger := dial(t, relay)
			stranger.say(&wire.Hello{Doc: here.ID()})
			refused(stranger)
		}
		dial(t, relay).listen(here, wire.Hello{})
		third := dial(t, relay)
		third.say(&wire.Hello{Doc: here.ID(), Proof: here.Prove(testName, testNonce)})
		if e := takeOne[*wire.Error](third); e.Code != wire.CodeBusy || e.RetryAfter == 0 {
			t.Fatalf("a third who may: %+v", e)
		}

		// As many wait for one that nobody has brought.
		strangers := [2]*line{dial(t, relay), dial(t, relay)}
		for _, l := range strangers {
			l.listen(nil, wire.Hello{Doc: later.ID()})
		}
		third.say(&wire.Hello{Doc: later.ID()})
		if e := takeOne[*wire.Error](third); e.Code != wire.CodeBusy {
			t.Fatalf("a third who waits: %+v", e)
		}
		holder.listen(later, wire.Hello{Genesis: later.Genesis()})
		for _, l := range strangers {
			refused(l)
		}
		s := later.NewSession()
		holder.say(&wire.Append{Doc: later.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
		holder.take()
		for _, l := range strangers {
			if got := l.take(); len(got) != 0 {
				t.Fatalf("who was refused heard that it grew: %v", describe(got))
			}
		}
		dial(t, relay).listen(later, wire.Hello{})
		// A seat is free again when its reader goes.
		holder.say(&wire.Unsubscribe{Doc: later.ID()})
		third.listen(later, wire.Hello{})
	})
}

// Of those who wait for a document as many are seated, when it comes, as may listen to it.
func TestSeatsOfADocumentThatComes(t *testing.T) {
	limits := server.DefaultLimits()
	limits.DocSubscribers = 2
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		waiting := [2]*line{dial(t, relay), dial(t, relay)}
		for _, l := range waiting {
			l.listen(nil, wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
		}
		author := dial(t, relay)
		author.say(&wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis(), Proof: doc.Prove(testName, testNonce)})
		welcomed, busy := 0, 0
		for _, l := range append(waiting[:], author) {
			for _, f := range l.take() {
				switch f := f.(type) {
				case *wire.Welcome:
					welcomed++
				case *wire.Error:
					if f.Code == wire.CodeBusy {
						busy++
					}
				}
			}
		}
		if welcomed != 2 || busy != 1 {
			t.Fatalf("%d welcomed, %d busy", welcomed, busy)
		}
	})
}

func TestIdleRoomsAreForgottenAndComeBack(t *testing.T) {
	limits := server.DefaultLimits()
	limits.WarmRooms = 2
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		l := dial(t, relay)
		for round := range 2 {
			for i := range 5 {
				doc := servertest.NewDoc(t, uint64(i))
				l.listen(doc, wire.Hello{Genesis: doc.Genesis()})
				s := doc.SessionOf(uint64(100*round + i))
				l.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
				if ack, ok := l.take()[0].(*wire.Ack); !ok || ack.Cursor != wire.Cursor(round+1) {
					t.Fatalf("round %d, document %d: %+v", round, i, ack)
				}
				l.say(&wire.Unsubscribe{Doc: doc.ID()})
			}
		}
	})
}

func TestAStoppedRelayRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relay := server.NewRelay(newGatedLog(), server.DefaultLimits(), time.Now, nil)
		l := dial(t, relay)
		doc := servertest.NewDoc(t, 1)
		l.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		if err := relay.Close(); err != nil {
			t.Fatal(err)
		}
		s := doc.NewSession()
		l.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
		if e := takeOne[*wire.Error](l); e.Code != wire.CodeStopping || e.RetryAfter == 0 {
			t.Fatalf("%+v", e)
		}
	})
}

// Who cannot show a link gets nothing of a document, not even that it grew.
func TestReadersShowThatTheyHoldALink(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc, stranger := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
		writer := dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		s := doc.NewSession()
		for name, proof := range map[string][]byte{
			"none":                   nil,
			"of another document":    stranger.Prove(testName, testNonce),
			"of another connection":  doc.Prove(testName, seal.Nonce{9}),
			"made for another relay": doc.Prove("evil.example", testNonce),
		} {
			reader := dial(t, relay)
			reader.say(&wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis(), Proof: proof})
			if e := takeOne[*wire.Error](reader); e.Code != wire.CodeUnproven || e.RetryAfter != 0 || *e.Doc != doc.ID() {
				t.Errorf("proof %s: %+v", name, e)
			}
			writer.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Write("x")}})
			if got := reader.take(); len(got) > 0 {
				t.Errorf("proof %s: %v", name, describe(got))
			}
		}
	})
}

// A reader who came before the document is asked when it comes.
func TestWaitingReadersAreAskedWhenTheDocumentComes(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		thief, joiner, writer := dial(t, relay), dial(t, relay), dial(t, relay)
		thief.listen(nil, wire.Hello{Doc: doc.ID(), Proof: servertest.NewDoc(t, 2).Prove(testName, testNonce)})
		joiner.listen(doc, wire.Hello{})
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		if e := takeOne[*wire.Error](thief); e.Code != wire.CodeUnproven {
			t.Errorf("%+v", e)
		}
		if got := joiner.take(); len(got) == 0 || got[0].Type() != wire.TypeWelcome {
			t.Errorf("%v", describe(got))
		}
	})
}
