package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// lacking gives a writer on an empty relay that can only be given a snapshot, which is being made.
func lacking(t *testing.T) *script {
	s := holder(t, true, 5)
	one[sync.MakeSnapshot](s, s.welcome(0))
	return s
}

const snapshotRef = sync.Ref(70)

// made says that the snapshot was sealed, covering ann's envelopes up to seq, and more.
func (s *script) made(seq uint32, more ...sync.Head) []sync.Effect {
	return s.tell(sync.SnapshotSealed{Doc: doc, Ref: snapshotRef, Session: bob, Covers: append([]sync.Head{{Session: ann, Seq: seq, Hash: sync.Hash{6}}}, more...)})
}

func (s *script) dropped(effects []sync.Effect) {
	s.t.Helper()
	if drop := one[sync.Drop](s, effects); !reflect.DeepEqual(drop.Refs, []sync.Ref{snapshotRef}) {
		s.t.Fatalf("%+v", drop)
	}
}

func TestS9ASnapshotIsCreditedWithWhatItCovers(t *testing.T) {
	s := lacking(t)
	s.made(5)
	rest := one[sync.Append](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0}))
	if rest.Session != ann || rest.From != 6 {
		t.Fatalf("%+v: the snapshot covers 0 to 5", rest)
	}
}

func TestS9ASnapshotForTheRelayIsLetGo(t *testing.T) {
	for name, end := range map[string]sync.Event{
		"acknowledged": sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0},
		"refused":      sync.Refused{Conn: 1, Doc: doc, Session: bob, Problem: sync.RelayTooLarge},
		"closed":       sync.DocClose{Doc: doc},
	} {
		t.Run(name, func(t *testing.T) {
			s := lacking(t)
			if up := one[sync.Upload](s, s.made(6)); up.Ref != snapshotRef {
				t.Fatalf("%+v", up)
			}
			s.dropped(s.tell(end))
		})
	}
	s := lacking(t)
	s.tell(sync.DocClose{Doc: doc})
	s.dropped(s.made(6))
}

func TestS9ASnapshotGoesAgainOnTheNextConnection(t *testing.T) {
	s := lacking(t)
	s.made(6)
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 1000
	conn := one[sync.Connect](s, s.tell(sync.Wake{})).Conn
	s.tell(sync.SocketOpen{Conn: conn})
	again := one[sync.Upload](s, s.tell(sync.Welcome{Conn: conn, Doc: doc, Store: store, Genesis: true}))
	if again.Ref != snapshotRef || again.Conn != conn {
		t.Fatalf("%+v", again)
	}
}

func TestS10ASnapshotThatIsTooLargeWaitsForTheNextConnection(t *testing.T) {
	s := lacking(t)
	effects := s.tell(sync.SnapshotSealed{Doc: doc, Problem: sync.RelayTooLarge})
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.RelayTooLarge {
		t.Fatalf("problem %d", p)
	}
	for range 200 { // signs of life, so that the connection stays
		s.now += 20_000
		none[sync.MakeSnapshot](s, s.tell(sync.Pong{Conn: 1}))
	}
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 20_000
	conn := one[sync.Connect](s, s.tell(sync.Wake{})).Conn
	s.tell(sync.SocketOpen{Conn: conn})
	one[sync.MakeSnapshot](s, s.tell(sync.Welcome{Conn: conn, Doc: doc, Store: store, Genesis: true}))
}

func TestS10SnapshotsThatFailComeEverMoreRarely(t *testing.T) {
	s := lacking(t)
	last := int64(0)
	for range 5 {
		began := s.now
		s.tell(sync.SnapshotSealed{Doc: doc, Problem: sync.DeviceLost})
		for len(only[sync.MakeSnapshot](s.tell(sync.Pong{Conn: 1}))) == 0 { // signs of life, so that the connection stays
			if s.now += 10_000; s.now-began > 3_600_000 {
				t.Fatal("it is never made again")
			}
		}
		if wait := s.now - began; wait < 2*last || wait < 60_000 {
			t.Fatalf("a pause of %d after one of %d", wait, last)
		} else {
			last = wait
		}
	}
}

// Each snapshot brings something of a session whose chain on the relay does not go on for us; its writer is there and brings it himself.
func TestS9SnapshotsForAWriterWhoIsHereComeEverMoreRarely(t *testing.T) {
	s := lacking(t)
	claim := sync.Head{Session: sync.SessionID{4}, Hash: sync.Hash{4}} // goes from one snapshot to the next, and is nothing new
	s.tell(sync.SharedSnapshot{Doc: doc, Claims: []sync.Head{claim}})
	pauses := []int64{}
	began := s.now
	for seq := uint32(7); len(pauses) < 4; seq++ {
		s.tell(sync.PresenceCame{Conn: 1, Doc: doc, Session: ann, Seq: seq, Ref: sync.Ref(500 + seq)})
		s.made(seq-1, claim)
		s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
		s.tell(sync.Refused{Conn: 1, Doc: doc, Session: ann, Problem: sync.RelayGap})
		s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Ref: sync.Ref(1<<20 + seq), Size: 200, Head: sync.Head{Session: ann, Seq: seq, Hash: sync.Hash{byte(seq)}}}}})
		for n := seq * 1000; len(only[sync.MakeSnapshot](s.tell(sync.PresenceCame{Conn: 1, Doc: doc, Session: ann, Seq: n, Ref: sync.Ref(n)}))) == 0; n++ {
			if s.now += 10_000; s.now-began > 4_000_000 {
				t.Fatalf("it is never made again after %v", pauses)
			}
		}
		pauses = append(pauses, s.now-began)
		began = s.now
	}
	for i := range pauses[2:] { // the first brought the claim
		if pauses[i+2] < 3*pauses[i+1]/2 {
			t.Fatalf("pauses of %v", pauses)
		}
	}
}

// What somebody says about a snapshot is an envelope, and has nothing in it: two who answer each other's must come to an end.
func TestS9AWordAboutASnapshotIsNoReasonForAnother(t *testing.T) {
	s := lacking(t)
	s.made(6)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
	follow := func(seq uint32, ref sync.Ref) []sync.Effect {
		return s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Ref: ref, Size: 200, Head: sync.Head{Session: ann, Seq: seq, Hash: sync.Hash{byte(seq)}}, Prev: sync.Hash{byte(seq - 1)}}}})
	}
	s.tell(sync.Refused{Conn: 1, Doc: doc, Session: ann, Problem: sync.RelayGap}) // its chain there does not go on for us
	follow(7, 0)
	s.pause(t, 200)
	if s.last.Unsent != 0 {
		t.Fatalf("%+v", s.last)
	}
	s.tell(sync.Missing{Doc: doc, Session: ann, First: 8}) // a checkpoint took it in
	if s.last.Unsent != 0 {
		t.Fatalf("%+v: it has nothing in it, in a file as well", s.last)
	}
	one[sync.MakeSnapshot](s, follow(8, 90))
	if s.last.Unsent == 0 {
		t.Fatalf("%+v: it has something in it", s.last)
	}
}

func TestS10ARefusedSnapshotStopsNothingElse(t *testing.T) {
	s := holder(t, true, 5)
	s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Ref: 5, Size: 200, Head: sync.Head{Session: sync.SessionID{4}, Hash: sync.Hash{4}}}}})
	s.welcome(0)
	s.made(6)
	sent := one[sync.Append](s, s.tell(sync.Refused{Conn: 1, Doc: doc, Session: bob, Problem: sync.RelayTooLarge}))
	if sent.Session != (sync.SessionID{4}) {
		t.Fatalf("%+v", sent)
	}
}
