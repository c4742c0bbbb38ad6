package server_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// turns is a home that runs in turns: each ends when all that it started has.
type turns struct {
	relay *server.Relay
	tasks sync.WaitGroup
}

func newTurns(log server.Log, only *seal.DocID, limits server.Limits) *turns {
	t := &turns{}
	t.relay = server.NewRelayAt(server.Home{Start: t.tasks.Go, Only: only}, log, limits, time.Now, nil)
	return t
}

// say hands frames to a peer, a turn each, and gives what came back in all of them.
func (h *turns) say(t *testing.T, line *heard, peer *server.Peer, frames ...wire.Frame) []wire.Frame {
	t.Helper()
	for _, f := range frames {
		b, err := wire.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		peer.Receive(b)
		h.tasks.Wait()
	}
	return line.take(t)
}

// heard is a line that keeps what was sent.
type heard struct {
	messages [][]byte
	hungUp   bool
}

func (l *heard) Send(messages [][]byte) error {
	for _, b := range messages {
		l.messages = append(l.messages, bytes.Clone(b))
	}
	return nil
}
func (l *heard) HangUp() { l.hungUp = true }

func (l *heard) take(t *testing.T) (frames []wire.Frame) {
	t.Helper()
	for _, b := range l.messages {
		frames = append(frames, servertest.Decode(t, b))
	}
	l.messages = nil
	return frames
}

// A relay that forgets everything but its log and the states of its connections goes on as if nothing had happened.
func TestResume(t *testing.T) {
	log := server.NewMemoryLog(wire.StoreID{7})
	doc := servertest.NewDoc(t, 1)
	id := doc.ID()
	s := doc.NewSession()
	run := s.Run(6)
	home := newTurns(log, &id, server.DefaultLimits())
	nonces := [2]seal.Nonce{{1}, {2}}
	var lines [2]heard
	var peers [2]*server.Peer
	for i := range peers {
		peers[i] = home.relay.NewPeer(&lines[i], nil, "relay.example", nonces[i])
		home.tasks.Wait()
		if f := lines[i].take(t); len(f) != 1 || f[0].Type() != wire.TypeChallenge {
			t.Fatalf("%+v", f)
		}
		hello := &wire.Hello{Doc: id, Proof: doc.Prove("relay.example", nonces[i])}
		if i == 0 {
			hello.Genesis = doc.Genesis()
		}
		if f := home.say(t, &lines[i], peers[i], hello); len(f) != 2 || f[0].Type() != wire.TypeWelcome || f[1].Type() != wire.TypeBatch {
			t.Fatalf("%+v", f)
		}
	}
	refused := &heard{}
	stranger := home.relay.NewPeer(refused, nil, "relay.example", seal.Nonce{3})
	home.say(t, refused, stranger, &wire.Hello{Doc: id, Proof: doc.Prove("relay.example", nonces[0])})

	for i, e := range run {
		states := [2]server.PeerState{peers[0].State(), peers[1].State()}
		refusedState := stranger.State()
		home = newTurns(log, &id, server.DefaultLimits())
		for j := range peers {
			peers[j] = home.relay.ResumePeer(&lines[j], states[j])
		}
		stranger = home.relay.ResumePeer(refused, refusedState)
		home.tasks.Wait()
		if a, b, c := lines[0].take(t), lines[1].take(t), refused.take(t); len(a)+len(b)+len(c) != 0 {
			t.Fatalf("said after waking: %+v %+v %+v", a, b, c)
		}
		answers := home.say(t, &lines[0], peers[0], &wire.Append{Doc: id, Req: uint64(i), Cert: s.Cert, Envelopes: [][]byte{e}})
		acks := 0
		for _, f := range answers {
			if ack, ok := f.(*wire.Ack); ok && ack.Req == uint64(i) && ack.Cursor == wire.Cursor(i+1) {
				acks++
			}
		}
		if acks != 1 {
			t.Fatalf("%+v", answers)
		}
		got := lines[1].take(t)
		if len(got) != 1 {
			t.Fatalf("entry %d: %+v", i, got)
		}
		if b, ok := got[0].(*wire.Batch); !ok || len(b.Entries) != 1 || b.UpTo != wire.Cursor(i+1) || !bytes.Equal(b.Entries[0].Envelope, e) {
			t.Fatalf("%+v", got[0])
		}
		if f := refused.take(t); len(f) != 0 {
			t.Fatalf("who was refused is told %+v", f)
		}
	}
}

func TestRelayOfOneDocument(t *testing.T) {
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	id := doc.ID()
	home := newTurns(server.NewMemoryLog(wire.StoreID{}), &id, server.DefaultLimits())
	line := &heard{}
	peer := home.relay.NewPeer(line, nil, "relay.example", seal.Nonce{})
	s := other.NewSession()
	for _, f := range []wire.Frame{
		&wire.Hello{Doc: other.ID()}, &wire.Hello{Doc: other.ID(), Genesis: other.Genesis()},
		&wire.Append{Doc: other.ID(), Cert: s.Cert, Envelopes: s.Run(1)}, &wire.Delete{Doc: other.ID(), Signature: make([]byte, 64)},
	} {
		got := home.say(t, line, peer, f)
		if e, ok := got[len(got)-1].(*wire.Error); !ok || e.Code != wire.CodeBadFrame || *e.Doc != other.ID() {
			t.Fatalf("%T: %+v", f, got[len(got)-1])
		}
	}
}

// What a device took is remembered as well: without credit a connection that goes on says nothing, and with it all that is left.
func TestResumeKeepsCredit(t *testing.T) {
	log := server.NewMemoryLog(wire.StoreID{7})
	doc := servertest.NewDoc(t, 1)
	id := doc.ID()
	s := doc.NewSession()
	home := newTurns(log, &id, server.DefaultLimits())
	var line heard
	nonce := seal.Nonce{1}
	writer := home.relay.NewPeer(&line, nil, "relay.example", nonce)
	home.say(t, &line, writer, &wire.Hello{Doc: id, Genesis: doc.Genesis()})
	const entries = 12
	for range entries {
		home.say(t, &line, writer, &wire.Append{Doc: id, Cert: s.Cert, Envelopes: [][]byte{s.Update(make([]byte, 200<<10))}})
	}
	var theirs heard
	reader := home.relay.NewPeer(&theirs, nil, "relay.example", nonce)
	home.tasks.Wait()
	hello, err := wire.Encode(&wire.Hello{Doc: id, Proof: doc.Prove("relay.example", nonce)})
	if err != nil {
		t.Fatal(err)
	}
	reader.Receive(hello)
	home.tasks.Wait()
	came, got := uint64(0), 0
	count := func() {
		t.Helper()
		for _, b := range theirs.messages {
			came += uint64(len(b))
		}
		for _, f := range theirs.take(t) {
			switch f := f.(type) {
			case *wire.Batch:
				got += len(f.Entries)
			case *wire.Error:
				t.Fatalf("%+v", f)
			}
		}
	}
	count()
	for before := 0; got < entries; before = got {
		if got == before {
			t.Fatalf("%d entries of %d", got, entries)
		}
		home = newTurns(log, &id, server.DefaultLimits())
		reader = home.relay.ResumePeer(&theirs, reader.State())
		home.tasks.Wait()
		if len(theirs.messages) > 0 {
			t.Fatal("it goes on without credit")
		}
		credit, err := wire.Encode(&wire.Credit{Taken: came})
		if err != nil {
			t.Fatal(err)
		}
		reader.Receive(credit)
		home.tasks.Wait()
		count()
	}
}

// A home that counts its memory itself is asked before each large message. Who waits asks again when the home says so, also in a relay
// that began anew; small ones go meanwhile, and a plain read is refused.
func TestAHomeWithoutRoom(t *testing.T) {
	const size = 2 << 20
	log := server.NewMemoryLog(wire.StoreID{7})
	doc := servertest.NewDoc(t, 1)
	id := doc.ID()
	s := doc.NewSession()
	room, asked := 10, map[bool]int{}
	begin := func() *turns {
		h := &turns{}
		h.relay = server.NewRelayAt(server.Home{Start: h.tasks.Go, Only: &id, HasRoom: func(waits bool) bool {
			if room == 0 {
				asked[waits]++
				return false
			}
			room--
			return true
		}}, log, server.DefaultLimits(), time.Now, nil)
		return h
	}
	home, nonce := begin(), seal.Nonce{1}
	line := &heard{}
	writer := home.relay.NewPeer(line, nil, testName, nonce)
	home.say(t, line, writer, &wire.Hello{Doc: id, Genesis: doc.Genesis(), Proof: doc.Prove(testName, nonce)},
		&wire.Append{Doc: id, Cert: s.Cert, Envelopes: [][]byte{s.Write("small")}}, &wire.Append{Doc: id, Envelopes: [][]byte{s.Snapshot(make([]byte, size))}})
	writer.Close()
	room, asked = 1, map[bool]int{}
	var lines [3]*heard
	var peers [3]*server.Peer
	// come says how far each reader is.
	come := func(when string, want ...wire.Cursor) {
		t.Helper()
		home.tasks.Wait()
		for i, line := range lines {
			at := wire.Cursor(0)
			for _, f := range line.take(t) {
				if batch, ok := f.(*wire.Batch); ok {
					at = batch.UpTo
				}
			}
			if at != want[i] {
				t.Fatalf("%s: reader %d came to %d, want %v", when, i, at, want)
			}
		}
	}
	for i := range lines {
		lines[i] = &heard{}
		peers[i] = home.relay.NewPeer(lines[i], nil, testName, nonce)
		b, err := wire.Encode(&wire.Hello{Doc: id, Proof: doc.Prove(testName, nonce)})
		if err != nil {
			t.Fatal(err)
		}
		peers[i].Receive(b)
		home.tasks.Wait()
	}
	come("room for one", 2, 1, 1)
	if asked[true] != 2 || asked[false] != 0 {
		t.Fatalf("%v", asked)
	}
	if _, _, refusal := home.relay.Read(id, 1, server.Receiver{}); refusal == nil || refusal.Code != wire.CodeBusy || asked[false] != 1 {
		t.Fatalf("%v, %v", refusal, asked)
	}
	home.relay.Look()
	come("no room yet", 0, 0, 0)
	if asked[true] != 4 {
		t.Fatalf("%v", asked)
	}
	states := [3]server.PeerState{peers[0].State(), peers[1].State(), peers[2].State()}
	home = begin()
	for i, state := range states {
		peers[i] = home.relay.ResumePeer(lines[i], state)
	}
	come("in a relay that begins anew", 0, 0, 0)
	// One after the other, whoever is first.
	for n := 1; n <= 2; n++ {
		room = 1
		home.relay.Look()
		home.tasks.Wait()
		if came := len(lines[1].messages) + len(lines[2].messages); came != n || len(lines[1].messages) > 1 {
			t.Fatalf("room for %d: %d came", n, came)
		}
	}
	if len(lines[0].messages) > 0 {
		t.Fatal("it comes twice")
	}
}
