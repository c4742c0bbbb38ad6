package sync_test

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// holder gives a device that has ann's envelopes [first, 7) one by one and what was before in a snapshot, on a relay that it
// does not know.
func holder(t *testing.T, writable bool, first uint32) *script {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{
		Doc: doc, Writable: writable, Keyed: true, Content: true, Snapshot: 1000,
		Heads: []sync.Stored{{Head: sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}}, First: first, Tail: (7 - first) * 200}},
	})
	s.tell(sync.SocketOpen{Conn: 1})
	return s
}

// welcome says how long the relay's log is.
func (s *script) welcome(head sync.Cursor) []sync.Effect {
	return s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Head: head, Genesis: true})
}

// leadUp acknowledges single envelopes of ann from one number down to 0; gives what follows the last.
func (s *script) leadUp(effects []sync.Effect, from uint32) []sync.Effect {
	s.t.Helper()
	for seq := int(from); seq >= 0; seq-- {
		if send := one[sync.Append](s, effects); send.Session != ann || send.From != uint32(seq) || send.To != uint32(seq) {
			s.t.Fatalf("%+v, not %d alone", send, seq)
		}
		effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: ann, Seq: uint32(seq)})
	}
	return effects
}

func TestS9AChainThatBeginsLateIsLedUpTo(t *testing.T) {
	s := holder(t, false, 0)
	s.welcome(6)
	effects := s.leadUp(s.batch(1, arrive(3, ann, 5, sync.Hash{4}), arrive(6, ann, 6, sync.Hash{5})), 4)
	none[sync.Append](s, effects)
	if st := one[sync.StatusChanged](s, effects).Status; st.Unsent != 0 {
		t.Fatalf("%+v", st)
	}
	if all := one[sync.Learnt](s, effects).Known; len(all) != 1 || all[0].Seq != 6 {
		t.Fatalf("%+v", all)
	}
}

func TestS9AnAckOfWhatSomebodyElseBroughtFirstSaysNothingOfWhatIsBefore(t *testing.T) {
	s := holder(t, false, 0)
	s.welcome(6)
	if send := one[sync.Append](s, s.batch(1, arrive(6, ann, 5, sync.Hash{4}))); send.From != 4 {
		t.Fatalf("%+v", send)
	}
	none[sync.Append](s, s.batch(1, arrive(7, ann, 4, sync.Hash{3}))) // another device's came first
	s.leadUp(s.tell(sync.Ack{Conn: 1, Doc: doc, Session: ann, Seq: 4, Cursor: 7}), 3)
}

func TestS9ARelayThatHasALaterOneHasNotAllBefore(t *testing.T) {
	s := holder(t, false, 5)
	s.welcome(6)
	effects := s.batch(1, arrive(3, ann, 5, sync.Hash{4}), arrive(6, ann, 6, sync.Hash{5}))
	none[sync.Learnt](s, effects)
	none[sync.Append](s, effects)
	if mark := one[sync.MarkChanged](s, effects).Mark; mark.Cursor != 6 || len(mark.Known) != 0 {
		t.Fatalf("%+v", mark)
	}
	w := holder(t, true, 5)
	w.welcome(6)
	one[sync.MakeSnapshot](w, w.batch(1, arrive(3, ann, 5, sync.Hash{4}), arrive(6, ann, 6, sync.Hash{5})))
}

func TestS9AReadOnlyDeviceBeginsNoSessionLate(t *testing.T) {
	s := holder(t, false, 5)
	effects := s.welcome(0)
	none[sync.Append](s, effects)
	none[sync.MakeSnapshot](s, effects)
}

func TestS9StaleSaysWhereTheRelayBegins(t *testing.T) {
	s := holder(t, false, 0)
	one[sync.Append](s, s.welcome(0))
	effects := s.tell(sync.Refused{Conn: 1, Doc: doc, Session: ann, Problem: sync.RelayStale, Next: 5})
	none[sync.Learnt](s, effects)
	rest := one[sync.Append](s, s.leadUp(effects, 4))
	if rest.From != 5 || rest.To != 6 { // it may have let go of all that it had, and begin with what comes next
		t.Fatalf("%+v", rest)
	}
}

func TestS9ARelayThatLetGoOfAllOfASessionHasNotTheNext(t *testing.T) {
	s := holder(t, false, 0)
	s.welcome(0)
	effects := s.leadUp(s.tell(sync.Refused{Conn: 1, Doc: doc, Session: ann, Problem: sync.RelayStale, Next: 7}), 6)
	none[sync.Append](s, effects)
	if s.last.Unsent != 0 {
		t.Fatalf("%+v", s.last)
	}
	next := sync.SharedEntry{Ref: 50, Size: 200, Head: sync.Head{Session: ann, Seq: 7, Hash: sync.Hash{7}}, Prev: sync.Hash{6}}
	if sent := one[sync.Append](s, s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{next}})); sent.From != 7 || s.last.Unsent != 1 {
		t.Fatalf("%+v, %+v", sent, s.last)
	}
}

func TestS10AStaleThatLeadsNowhereIsNoLoop(t *testing.T) {
	s := holder(t, false, 0)
	effects := s.welcome(0)
	for range 9 {
		if len(only[sync.Append](effects)) == 0 {
			return
		}
		effects = s.tell(sync.Refused{Conn: 1, Doc: doc, Session: ann, Problem: sync.RelayStale, Next: 5})
	}
	t.Fatal("it goes on for ever")
}

func TestS9AGapAfterARestartIsFilled(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{
		Doc: doc, Keyed: true, Content: true,
		Heads: []sync.Stored{{Head: sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}}, Tail: 1400}},
		Marks: []sync.Mark{{Store: store, Cursor: 9, Known: []sync.Known{{Session: ann, Seq: 4}}}},
	})
	s.tell(sync.SocketOpen{Conn: 1})
	if first := one[sync.Append](s, s.welcome(9)); first.From != 5 || first.To != 5 {
		t.Fatalf("%+v", first)
	}
	rest := one[sync.Append](s, s.tell(sync.Refused{Conn: 1, Doc: doc, Session: ann, Problem: sync.RelayGap, Next: 3}))
	if rest.From != 3 || rest.To != 6 {
		t.Fatalf("%+v", rest)
	}
}

// liveAndOld gives a device with a tab that writes as ann, and what bob wrote in a snapshot only.
func liveAndOld(t *testing.T) *script {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{
		Doc: doc, Writable: true, Keyed: true, Content: true, Snapshot: 1000,
		Heads: []sync.Stored{
			{Head: sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}}, Tail: 1400, Live: true},
			{Head: sync.Head{Session: bob, Seq: 3, Hash: sync.Hash{3}}, First: 4}, // only a snapshot brings it
		},
	})
	s.tell(sync.SocketOpen{Conn: 1})
	return s
}

func TestS9AChainThatGoesOnBeginsBeforeASnapshotThatHasIt(t *testing.T) {
	s := liveAndOld(t)
	effects := s.welcome(0)
	none[sync.MakeSnapshot](s, effects)
	if first := one[sync.Append](s, effects); first.Session != ann || first.From != 0 || first.To != 0 {
		t.Fatalf("%+v", first)
	}
	s.now += 2_000 // what is read of another tab may not be flushed
	one[sync.MakeSnapshot](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: ann, Seq: 0}))
}

func TestS9AChainThatTheRelayRefusesHoldsNoSnapshotBack(t *testing.T) {
	s := liveAndOld(t)
	s.welcome(0)
	s.now += 2_000 // see there
	one[sync.MakeSnapshot](s, s.tell(sync.Refused{Conn: 1, Doc: doc, Session: ann, Problem: sync.RelayTooLarge}))
}
