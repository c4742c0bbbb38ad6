package server_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// busyFor expects a caller to be told to wait so long.
func busyFor(t *testing.T, refusal *server.Refusal, wait time.Duration) {
	t.Helper()
	if refusal == nil || refusal.Code != wire.CodeBusy || refusal.RetryAfter.Round(time.Millisecond) != wait {
		t.Fatalf("%+v, want busy for %v", refusal, wait)
	}
}

func TestCallerBringsSoManyDocuments(t *testing.T) {
	limits := server.DefaultLimits()
	limits.CallerDocsPerHour = 3
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		callers := server.NewCallers(limits, time.Now)
		docs := make([]*servertest.Doc, 8)
		for i := range docs {
			docs[i] = servertest.NewDoc(t, uint64(i))
		}
		found := func(caller *server.Caller, i int) *server.Refusal {
			return relay.Found(caller, docs[i].ID(), docs[i].Genesis())
		}
		one := callers.Of("one")
		for i := range 3 {
			if refusal := found(one, i); refusal != nil {
				t.Fatalf("number %d: %v", i, refusal)
			}
		}
		busyFor(t, found(one, 3), 20*time.Minute)
		if _, refusal := relay.Room(docs[3].ID()); refusal == nil || refusal.Code != wire.CodeNoRoom {
			t.Fatalf("a document beyond the limit: %v", refusal)
		}
		// What is here already costs nothing, others have budgets of their own, and this machine has no limit.
		if refusal := found(one, 0); refusal != nil {
			t.Fatal(refusal)
		}
		for i, caller := range []*server.Caller{callers.Of("two"), nil, nil, nil} {
			if refusal := found(caller, 4+i); refusal != nil {
				t.Fatal(refusal)
			}
		}
		// The same caller by any of its connections, and again when time has passed.
		l := dialAs(t, relay, callers.Of("one"))
		l.say(&wire.Hello{Doc: docs[3].ID(), Genesis: docs[3].Genesis(), Proof: docs[3].Prove(testName, testNonce)})
		if e := takeOne[*wire.Error](l); e.Code != wire.CodeBusy || e.RetryAfter != uint64((20*time.Minute).Milliseconds()) {
			t.Fatalf("%+v", e)
		}
		time.Sleep(20 * time.Minute)
		if refusal := found(one, 3); refusal != nil {
			t.Fatal(refusal)
		}
	})
}

func TestCallerFailsToProveSoOften(t *testing.T) {
	limits := server.DefaultLimits()
	limits.CallerFailuresPerMinute = 2
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		callers := server.NewCallers(limits, time.Now)
		doc := servertest.NewDoc(t, 1)
		dial(t, relay).listen(doc, wire.Hello{Genesis: doc.Genesis()})
		hello := func(caller *server.Caller, proof []byte) []wire.Frame {
			l := dialAs(t, relay, caller)
			l.say(&wire.Hello{Doc: doc.ID(), Proof: proof})
			return l.take()
		}
		refused := func(caller *server.Caller, proof []byte) wire.Code {
			t.Helper()
			got := hello(caller, proof)
			e, ok := got[0].(*wire.Error)
			if !ok || len(got) != 1 {
				t.Fatalf("%v", describe(got))
			}
			return e.Code
		}
		good, bad := doc.Prove(testName, testNonce), doc.Prove("elsewhere", testNonce)
		one := callers.Of("one")
		for _, want := range []wire.Code{wire.CodeUnproven, wire.CodeUnproven, wire.CodeBusy} {
			if code := refused(one, bad); code != want {
				t.Fatalf("%s, want %s", code, want)
			}
		}
		if code := refused(one, good); code != wire.CodeBusy {
			t.Fatalf("a good proof meanwhile: %s", code)
		}
		if _, ok := hello(callers.Of("two"), good)[0].(*wire.Welcome); !ok {
			t.Fatal("somebody else was refused")
		}
		time.Sleep(30 * time.Second)
		if _, ok := hello(one, good)[0].(*wire.Welcome); !ok {
			t.Fatal("refused after the pause")
		}
		// Good ones cost nothing.
		for range 5 {
			if _, ok := hello(one, good)[0].(*wire.Welcome); !ok {
				t.Fatal("refused for good proofs")
			}
		}
	})
}

func TestCallerAppendsSoOftenWithoutAConnection(t *testing.T) {
	limits := server.DefaultLimits()
	limits.AppendsPerSecond, limits.AppendBurst = 10, 3
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		callers := server.NewCallers(limits, time.Now)
		doc := servertest.NewDoc(t, 1)
		dial(t, relay).listen(doc, wire.Hello{Genesis: doc.Genesis()})
		s := doc.NewSession()
		b, err := wire.Encode(&wire.Append{Doc: doc.ID(), Req: 7, Cert: s.Cert, Envelopes: s.Run(1)})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(name string) wire.Frame { return relay.Ask(callers.Of(name), testName, doc.ID(), b) }
		for range 3 {
			if _, ok := ask("one").(*wire.Ack); !ok {
				t.Fatal("refused within the burst")
			}
		}
		if e, ok := ask("one").(*wire.Error); !ok || e.Code != wire.CodeBusy || e.RetryAfter != 100 || *e.Req != 7 {
			t.Fatalf("%+v", e)
		}
		if _, ok := ask("two").(*wire.Ack); !ok {
			t.Fatal("somebody else was refused")
		}
		for range 9 {
			if _, ok := relay.Ask(nil, testName, doc.ID(), b).(*wire.Ack); !ok {
				t.Fatal("this machine was refused")
			}
		}
		time.Sleep(100 * time.Millisecond)
		if _, ok := ask("one").(*wire.Ack); !ok {
			t.Fatal("refused after the pause")
		}
	})
}

func TestCallersAreForgotten(t *testing.T) {
	limits := server.DefaultLimits()
	limits.Connections, limits.CallerConnections, limits.CallerFailuresPerMinute = 1, 2, 1
	now := time.Unix(0, 0)
	callers := server.NewCallers(limits, func() time.Time { return now })
	connected, failed := callers.Of("connected"), callers.Of("failed")
	for i := range 3 {
		if connected.Connect() != (i < 2) {
			t.Fatalf("connection %d", i)
		}
	}
	no := func() error { return errors.New("no") }
	failed.Prove(no)
	for i := range 900 {
		callers.Of(strconv.Itoa(i))
	}
	if callers.Known() < 900 || callers.Of("failed") != failed {
		t.Fatal("forgotten early")
	}
	for i := range 200_000 {
		callers.Of(strconv.Itoa(i)).Prove(no)
	}
	if n := callers.Known(); n > 1024 {
		t.Fatalf("%d are remembered", n)
	}
	if callers.Of("connected") != connected {
		t.Fatal("one who is connected was forgotten")
	}
	connected.Disconnect()
	if !connected.Connect() || connected.Connect() {
		t.Fatal("the connections are miscounted")
	}
}

// Who appends faster than the rate is read no further for a moment: nothing is refused, and all of it arrives.
func TestAppendsHaveARate(t *testing.T) {
	limits := server.DefaultLimits()
	limits.AppendsPerSecond, limits.AppendBurst = 10, 5
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		writer := dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		s := doc.NewSession()
		began := time.Now()
		for range 25 {
			writer.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
		}
		// The clock is the test's own: what is waited for is exact, but for rounding.
		if took := time.Since(began).Round(10 * time.Millisecond); took != 2*time.Second {
			t.Fatalf("20 appends beyond the burst took %v", took)
		}
		acks := 0
		for _, f := range writer.take() {
			if _, ok := f.(*wire.Ack); ok {
				acks++
			}
		}
		if acks != 25 {
			t.Fatalf("%d acknowledged", acks)
		}
		// A connection that ends does not wait.
		done := make(chan struct{})
		ended := time.Now()
		go func() {
			for range 10 {
				writer.say(&wire.Append{Doc: doc.ID(), Envelopes: s.Run(1)})
			}
			close(done)
		}()
		writer.peer.Close()
		<-done
		if took := time.Since(ended); took > 100*time.Millisecond {
			t.Fatalf("the end took %v", took)
		}
	})
}

// One document takes only so much of all who write it together: they are read later, and a plain request is told when to come again.
// Who may not write it holds nobody up, and other documents are none of its business.
func TestADocumentHasARate(t *testing.T) {
	limits := server.DefaultLimits()
	limits.AppendBurst, limits.DocAppendsPerSecond, limits.DocAppendBurst = 0, 10, 5
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
		founder := dial(t, relay)
		founder.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		founder.listen(other, wire.Hello{Genesis: other.Genesis()})
		began := time.Now()
		took := func(want time.Duration) {
			t.Helper()
			// The clock is the test's own: what is waited for is exact, but for rounding.
			if took := time.Since(began).Round(10 * time.Millisecond); took != want {
				t.Fatalf("it took %v, want %v", took, want)
			}
		}
		strange := other.NewSession()
		for range 100 {
			founder.say(&wire.Append{Doc: doc.ID(), Cert: strange.Cert, Envelopes: strange.Run(1)})
		}
		took(0)
		const writers, each = 5, 5
		first := doc.NewSession()
		for w := range writers {
			writer, s := dial(t, relay), doc.NewSession()
			if w == 0 {
				s = first
			}
			for range each {
				writer.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
			}
			if acks := len(writer.take()); acks != each {
				t.Fatalf("%d acknowledged", acks)
			}
		}
		took(2 * time.Second)
		again, err := wire.Encode(&wire.Append{Doc: doc.ID(), Req: 9, Envelopes: first.Run(1)})
		if err != nil {
			t.Fatal(err)
		}
		ask := func() wire.Frame { return relay.Ask(nil, testName, doc.ID(), again) }
		refused, ok := ask().(*wire.Error)
		if !ok || refused.Code != wire.CodeBusy || refused.RetryAfter == 0 || refused.RetryAfter > 100 {
			t.Fatalf("%+v", refused)
		}
		time.Sleep(time.Duration(refused.RetryAfter) * time.Millisecond)
		if f, ok := ask().(*wire.Ack); !ok {
			t.Fatalf("%+v", f)
		}
		began = time.Now()
		s := other.NewSession()
		for range 5 {
			founder.say(&wire.Append{Doc: other.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
		}
		took(0)
	})
}
