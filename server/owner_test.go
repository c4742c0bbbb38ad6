package server_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

func TestTheOwnerDeletes(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
		owner, reader := dial(t, relay), dial(t, relay)
		owner.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		owner.listen(other, wire.Hello{Genesis: other.Genesis()})
		reader.listen(doc, wire.Hello{})
		s, neighbour := doc.NewSession(), other.NewSession()
		owner.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(3)})
		owner.say(&wire.Append{Doc: other.ID(), Cert: neighbour.Cert, Envelopes: neighbour.Run(2)})
		owner.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("here")})
		owner.take()
		reader.take()
		for name, signature := range map[string][]byte{
			"made for another relay":     doc.Delete("evil.example"),
			"about another document":     other.Delete(testName),
			"of nobody":                  make([]byte, 64),
			"that names a successor":     doc.NameSuccessor(other.ID())[20:],
			"that is the right to fetch": doc.Prove(testName, testNonce),
		} {
			owner.say(&wire.Delete{Doc: doc.ID(), Req: 5, Signature: signature})
			if e := takeOne[*wire.Error](owner); e.Code != wire.CodeBadSignature || *e.Req != 5 {
				t.Fatalf("a statement %s: %+v", name, e)
			}
		}
		owner.say(&wire.Delete{Doc: servertest.NewDoc(t, 3).ID(), Req: 6, Signature: make([]byte, 64)})
		if e := takeOne[*wire.Error](owner); e.Code != wire.CodeNoRoom {
			t.Fatalf("%+v", e)
		}

		release := log.hold()
		said := make(chan struct{})
		go func() {
			owner.say(&wire.Delete{Doc: doc.ID(), Req: 7, Signature: doc.Delete(testName)})
			close(said)
		}()
		if got := append(owner.take(), reader.take()...); len(got) > 0 {
			t.Fatalf("before the disk has it: %v", describe(got))
		}
		release()
		<-said
		var done, gone int
		for _, f := range owner.take() {
			switch f := f.(type) {
			case *wire.Done:
				done++
			case *wire.Error:
				if f.Code == wire.CodeGone && f.Req == nil && *f.Doc == doc.ID() {
					gone++
				}
			}
		}
		if done != 1 || gone != 1 {
			t.Fatalf("the owner was told done %d and gone %d times", done, gone)
		}
		if e := takeOne[*wire.Error](reader); e.Code != wire.CodeGone || *e.Doc != doc.ID() {
			t.Fatalf("%+v", e)
		}

		// Gone for everybody and for good.
		late := dial(t, relay)
		for name, f := range map[string]wire.Frame{
			"append":    &wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)},
			"hello":     &wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)},
			"founding":  &wire.Hello{Doc: doc.ID(), Genesis: doc.Genesis(), Proof: doc.Prove(testName, testNonce)},
			"delete":    &wire.Delete{Doc: doc.ID(), Signature: doc.Delete(testName)},
			"successor": &wire.Successor{Doc: doc.ID(), Statement: doc.NameSuccessor(other.ID())},
		} {
			late.say(f)
			if e := takeOne[*wire.Error](late); e.Code != wire.CodeGone || e.Hint == "" {
				t.Fatalf("%s: %+v", name, e)
			}
		}
		reader.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("still")})
		if e := takeOne[*wire.Error](reader); e.Code != wire.CodeGone {
			t.Fatalf("%+v", e)
		}
		if _, _, refusal := relay.Read(doc.ID(), 0, server.Receiver{}); refusal == nil || refusal.Code != wire.CodeGone {
			t.Fatalf("%v", refusal)
		}
		if entries, _, err := log.Read(doc.ID(), 0, 1<<20); err != nil || len(entries) > 0 {
			t.Fatalf("%d entries stay, %v", len(entries), err)
		}
		// The neighbour is as it was.
		if _, entries := late.listen(other, wire.Hello{}); len(entries) != 2 {
			t.Fatalf("%d", len(entries))
		}
	})
}

func TestTheOwnerNamesASuccessor(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc, next, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2), servertest.NewDoc(t, 3)
		owner, reader := dial(t, relay), dial(t, relay)
		owner.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		reader.listen(doc, wire.Hello{})
		statement := doc.NameSuccessor(next.ID())
		owner.say(&wire.Successor{Doc: doc.ID(), Req: 1, Statement: other.NameSuccessor(next.ID())})
		if e := takeOne[*wire.Error](owner); e.Code != wire.CodeBadSignature || *e.Req != 1 {
			t.Fatalf("%+v", e)
		}
		for range 2 {
			owner.say(&wire.Successor{Doc: doc.ID(), Req: 2, Statement: statement})
			got := owner.take()
			if !hasFrame(got, func(f *wire.Done) bool { return f.Req == 2 }) {
				t.Fatalf("%v", describe(got))
			}
		}
		if w := takeOne[*wire.Welcome](reader); !bytes.Equal(w.Successor, statement) {
			t.Fatalf("%+v", w)
		}
		owner.say(&wire.Successor{Doc: doc.ID(), Req: 3, Statement: doc.NameSuccessor(other.ID())})
		if e := takeOne[*wire.Error](owner); e.Code != wire.CodeFork {
			t.Fatalf("%+v", e)
		}
		// What is written behind it is taken, and who comes later hears of both.
		s := doc.NewSession()
		owner.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(2)})
		late := dial(t, relay)
		if welcome, entries := late.listen(doc, wire.Hello{}); !bytes.Equal(welcome.Successor, statement) || len(entries) != 2 {
			t.Fatalf("%+v and %d entries", welcome, len(entries))
		}
		if record, err := log.Room(doc.ID()); err != nil || !bytes.Equal(record.Successor, statement) {
			t.Fatalf("%+v, %v", record, err)
		}
	})
}

func hasFrame[F wire.Frame](frames []wire.Frame, is func(F) bool) bool {
	for _, f := range frames {
		if f, ok := f.(F); ok && is(f) {
			return true
		}
	}
	return false
}

// A relay that sweeps lets go of what is ripe in every document, tells readers nothing, and serves those in the middle.
func TestSweep(t *testing.T) {
	limits := server.DefaultLimits()
	limits.BatchBytes = 1000 // five envelopes
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, log *gatedLog) {
		writer, live := dial(t, relay), dial(t, relay)
		var docs []*servertest.Doc
		for i := range 3 {
			doc := servertest.NewDoc(t, uint64(i+1))
			docs = append(docs, doc)
			writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
			live.listen(doc, wire.Hello{})
			s := doc.NewSession()
			writer.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(23)})
			writer.take()
			for range 2 {
				writer.say(&wire.Append{Doc: doc.ID(), Envelopes: [][]byte{s.Snapshot(nil)}, Covers: &wire.Covers{Store: relay.Store(), UpTo: 20}})
				writer.take()
			}
			for _, f := range live.take() {
				for _, e := range f.(*wire.Batch).Entries {
					if (e.Covers == 20) != (e.Cursor > 23) {
						t.Fatalf("live, %d covers %d", e.Cursor, e.Covers)
					}
				}
			}
		}
		for range 29 {
			time.Sleep(day)
			if refusal := relay.Sweep(); refusal != nil {
				t.Fatal(refusal)
			}
		}
		time.Sleep(day - time.Second)
		if refusal := relay.Sweep(); refusal != nil {
			t.Fatal(refusal)
		}
		if entries, _, _ := log.Read(docs[0].ID(), 0, 1<<20); len(entries) != 25 {
			t.Fatalf("%d a second too early", len(entries))
		}
		time.Sleep(time.Second)
		log.failWith(errors.New("the disk is full"))
		if refusal := relay.Sweep(); refusal == nil || refusal.Code != wire.CodeStorage {
			t.Fatalf("%v", refusal)
		}
		log.failWith(nil)
		for range 2 {
			if refusal := relay.Sweep(); refusal != nil {
				t.Fatal(refusal)
			}
		}
		for _, doc := range docs {
			late := dial(t, relay)
			_, entries := late.listen(doc, wire.Hello{})
			if len(entries) != 5 || entries[0].Cursor != 21 || entries[0].Cert == nil || entries[3].Covers != 20 || entries[2].Covers != 0 {
				t.Fatalf("%d entries", len(entries))
			}
			store := relay.Store()
			middle := dial(t, relay)
			if _, entries := middle.listen(doc, wire.Hello{Since: 7, Store: &store}); len(entries) != 5 {
				t.Fatalf("from the middle %d entries", len(entries))
			}
		}
		if got := live.take(); len(got) > 0 {
			t.Fatalf("who listens got %v", describe(got))
		}
	})
}

// A pack on its way to the disk is judged, and given to readers, like any append.
func TestPackOnItsWay(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		writer, reader := dial(t, relay), dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		reader.listen(doc, wire.Hello{})
		s := doc.NewSession()
		run := s.Run(6)
		release := log.hold()
		writer.say(&wire.Append{Doc: doc.ID(), Req: 1, Cert: s.Cert, Envelopes: run[:4]})
		pack := s.Pack(run[1:4])
		writer.say(&wire.Append{Doc: doc.ID(), Req: 2, Envelopes: [][]byte{pack}})
		writer.say(&wire.Append{Doc: doc.ID(), Req: 3, Envelopes: run[2:]})
		// From the middle of the pack, which ends with another than the envelope that stood there.
		writer.say(&wire.Append{Doc: doc.ID(), Req: 4, Envelopes: run[1:3]})
		writer.say(&wire.Append{Doc: doc.ID(), Req: 5, Envelopes: [][]byte{pack}})
		if got := writer.take(); len(got) > 0 {
			t.Fatalf("%v", describe(got))
		}
		release()
		acks := writer.take()
		for _, want := range []wire.Ack{{Req: 1, Seq: 3, Cursor: 4}, {Req: 2, Seq: 3, Cursor: 4}, {Req: 3, Seq: 5, Cursor: 6}, {Req: 4, Seq: 2, Cursor: 4}, {Req: 5, Seq: 3, Cursor: 4}} {
			if !hasFrame(acks, func(a *wire.Ack) bool { return a.Req == want.Req && a.Seq == want.Seq && a.Cursor == want.Cursor }) {
				t.Fatalf("no ack %+v", want)
			}
		}
		var got [][]byte
		for _, f := range reader.take() {
			for _, e := range f.(*wire.Batch).Entries {
				got = append(got, e.Envelope)
			}
		}
		if !same(got, run) {
			t.Fatalf("the live reader got %d", len(got))
		}
		late := dial(t, relay)
		_, entries := late.listen(doc, wire.Hello{})
		if len(entries) != 4 || !bytes.Equal(entries[1].Envelope, pack) || entries[1].Cursor != 4 {
			t.Fatalf("who came later got %d", len(entries))
		}
	})
}

// Who asks again for what is on its way is told when it is on disk, and not before.
func TestWhatIsOnItsWayIsNotDone(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		dial(t, relay).listen(doc, wire.Hello{Genesis: doc.Genesis()})
		statement := doc.NameSuccessor(servertest.NewDoc(t, 2).ID())
		release := log.hold()
		var all []*line
		for range 3 {
			l := dial(t, relay)
			all = append(all, l)
			go l.say(&wire.Successor{Doc: doc.ID(), Req: 1, Statement: statement})
			if got := l.take(); len(got) > 0 {
				t.Fatalf("%v", describe(got))
			}
		}
		release()
		for _, l := range all {
			takeOne[*wire.Done](l)
		}
	})
}
