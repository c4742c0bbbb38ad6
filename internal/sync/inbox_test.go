package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// fail answers an Open with what was good of it, and the Store of that, if there was any; gives what follows.
func (s *script) fail(effects []sync.Effect, good ...sync.OpenedItem) []sync.Effect {
	s.t.Helper()
	answer := opened(one[sync.Open](s, effects), good...)
	answer.Problem = sync.Forged
	effects = s.tell(answer)
	if len(good) == 0 {
		none[sync.Store](s, effects)
		return effects
	}
	return s.tell(sync.StoreDone{Doc: doc, Job: one[sync.Store](s, effects).Job})
}

// opens checks which bytes are opened together.
func (s *script) opens(effects []sync.Effect, refs ...sync.Ref) {
	s.t.Helper()
	if run := one[sync.Open](s, effects); !reflect.DeepEqual(run.Refs, refs) {
		s.t.Fatalf("opens %v, not %v", run.Refs, refs)
	}
}

func TestS5ALaterEnvelopeVouchesForOneThatFailed(t *testing.T) {
	s := online(t)
	none[sync.Drop](s, s.fail(s.batch(1, arrive(3, ann, 0, certHash(ann)))))
	effects := s.batch(1, arrive(6, ann, 1, sync.Hash{1}))
	s.opens(effects, 1003, 1006)
	effects = s.openAll(effects, update(sync.Hash{1}), update(sync.Hash{2}))
	if mark := one[sync.MarkChanged](s, effects).Mark; mark.Cursor != 6 {
		t.Fatalf("%+v", mark)
	}
	if st := one[sync.StatusChanged](s, effects).Status; st.Problem != sync.NoProblem || st.Content != sync.ContentComplete {
		t.Fatalf("%+v", st)
	}
}

func TestS5WhatFailedBehindAGoodOneIsTriedWithTheRest(t *testing.T) {
	s := online(t)
	effects := s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, ann, 1, sync.Hash{1}), arrive(9, ann, 2, sync.Hash{2}))
	effects = s.fail(effects, update(sync.Hash{1}))
	s.opens(effects, 1006, 1009)
	none[sync.Open](s, s.fail(effects)) // once: nothing new came
	s.opens(s.batch(1, arrive(12, ann, 3, sync.Hash{3})), 1006, 1009, 1012)
}

func TestS5OneThatFailedGivesWayToAnotherOfItsNumber(t *testing.T) {
	s := online(t)
	s.fail(s.batch(1, arrive(3, ann, 0, certHash(ann))))
	effects := s.batch(1, arrive(6, ann, 0, certHash(ann)))
	s.opens(effects, 1006)
	effects = s.openAll(effects, update(sync.Hash{1}))
	if other := one[sync.Compare](s, effects).Refs; !reflect.DeepEqual(other, []sync.Ref{1003}) {
		t.Fatalf("%v", other)
	}
}

func TestS5OfOneNumberTheLastThatFailedIsKept(t *testing.T) {
	s := online(t)
	s.fail(s.batch(1, arrive(3, ann, 0, certHash(ann))))
	effects := s.fail(s.batch(1, arrive(6, ann, 0, certHash(ann)))) // both are tried
	s.opens(effects, 1003)
	if dropped := one[sync.Drop](s, s.fail(effects)).Refs; !reflect.DeepEqual(dropped, []sync.Ref{1003}) {
		t.Fatalf("%v", dropped)
	}
	s.opens(s.batch(1, arrive(9, ann, 1, sync.Hash{1})), 1006, 1009)
}

func TestS5ASessionThatArrivesLastFirstIsTaken(t *testing.T) {
	s := online(t)
	for i := range uint32(3) {
		none[sync.Drop](s, s.batch(1, arrive(sync.Cursor(3+3*i), ann, 3-i, sync.Hash{byte(3 - i)})))
	}
	s.opens(s.batch(1, arrive(12, ann, 0, certHash(ann))), 1012, 1009, 1006, 1003)
}

func TestS5WhatAnotherTabStoresLeadsOn(t *testing.T) {
	s := online(t)
	s.fail(s.fail(s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, ann, 1, sync.Hash{1})), update(sync.Hash{1})))
	s.batch(1, arrive(9, bob, 1, sync.Hash{1}))
	first := sync.SharedEntry{Ref: 5, Size: 200, Head: sync.Head{Session: bob, Seq: 0, Hash: sync.Hash{1}}}
	s.opens(s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{first}}), 1009)
}

func TestS5WhatFailsAfterANewHelloIsLetGo(t *testing.T) {
	s := online(t)
	job := one[sync.Open](s, s.batch(1, arrive(3, ann, 0, certHash(ann)))).Job
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 60_000
	s.tell(sync.Wake{})
	s.tell(sync.SocketOpen{Conn: 2})
	effects := s.tell(sync.Opened{Doc: doc, Job: job, Problem: sync.Forged})
	if dropped := one[sync.Drop](s, effects).Refs; !reflect.DeepEqual(dropped, []sync.Ref{1003}) {
		t.Fatalf("%v", dropped)
	}
}

func TestS6ABadOneInFrontHoldsTheCursorAndNothingElse(t *testing.T) {
	s := online(t)
	s.write(1)
	s.fail(s.batch(1, arrive(3, ann, 0, certHash(ann))))
	for i := range uint32(20) {
		s.openAll(s.batch(1, arrive(sync.Cursor(6+3*i), bob, i, sync.Hash{byte(i)})), update(sync.Hash{byte(i + 1)}))
	}
	if n := s.m.Arrivals(); n != 1 {
		t.Fatalf("%d entries of the log are kept", n)
	}
	mark := one[sync.MarkChanged](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0})).Mark
	if mark.Cursor != 0 || len(mark.Known) != 2 {
		t.Fatalf("%+v", mark)
	}
	effects := s.openAll(s.batch(1, arrive(66, ann, 0, certHash(ann))), update(sync.Hash{1}))
	if mark := one[sync.MarkChanged](s, effects).Mark; mark.Cursor != 66 {
		t.Fatalf("%+v", mark)
	}
}

func TestS6WhatWasOnItsWayBeforeANewHelloMovesNoCursor(t *testing.T) {
	s := online(t)
	effects := s.fail(s.batch(1, arrive(3, ann, 0, certHash(ann))))
	s.now = one[sync.Timer](s, effects).At
	one[sync.Hello](s, s.tell(sync.Wake{}))
	effects = s.batch(1, arrive(6, bob, 0, certHash(bob)))
	none[sync.Open](s, effects)
	one[sync.Drop](s, effects)
}

func TestS7WhatThereIsNoRoomForIsLetGoFarthestFirst(t *testing.T) {
	s := online(t)
	const many = 5000
	var late []sync.Entry
	for i := range uint32(many) {
		late = append(late, arrive(sync.Cursor(3+3*i), ann, many-i, sync.Hash{1}))
	}
	effects := s.batch(1, late...)
	if dropped := one[sync.Drop](s, effects).Refs; len(dropped) != many-4096 || dropped[0] != late[0].Ref {
		t.Fatalf("%d let go, first %d", len(dropped), dropped[0])
	}
	if n := s.m.Arrivals(); n != 4097 {
		t.Fatalf("%d entries of the log are kept", n)
	}
	for range 5 {
		s.now += 20_000
		one[sync.Hello](s, s.tell(sync.Wake{}))
		s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Head: 15_000, Genesis: true})
		for i := range late {
			late[i].Ref += 20_000
		}
		s.batch(1, late...)
	}
	s.now += 20_000
	none[sync.Hello](s, s.tell(sync.Wake{})) // it gave up
	effects = s.batch(1, arrive(15_003, ann, 0, certHash(ann)))
	for taken := 0; taken < 4097; {
		items := make([]sync.OpenedItem, len(one[sync.Open](s, effects).Refs))
		for i := range items {
			items[i].Hash = sync.Hash{1}
		}
		taken += len(items)
		effects = s.openAll(effects, items...)
	}
	s.now += 20_000
	one[sync.Hello](s, s.tell(sync.Wake{}))
}

func TestS7WhatARelayGaveIsOverWithAReadingThatIsGood(t *testing.T) {
	s := online(t)
	s.fail(s.batch(1, arrive(3, ann, 0, certHash(ann))))
	s.says(bob, 1, sync.Head{Session: sync.SessionID{4}, Seq: 0, Hash: sync.Hash{8}}) // which nobody has any more
	if p := s.told(); p != sync.Forged {
		t.Fatalf("problem %d", p)
	}
	asks := 0
	for range 200 {
		s.now += 1000
		for range only[sync.Hello](s.tell(sync.Pong{Conn: 1})) {
			asks++
			s.welcome(3)
			s.tell(sync.Batch{Conn: 1, Doc: doc, UpTo: 3})
			if p := s.told(); p != sync.NoProblem && asks < 5 {
				t.Fatalf("problem %d: this time it gave nothing that is bad", p)
			}
		}
	}
	if p := s.told(); asks != 5 || p != sync.Incomplete {
		t.Fatalf("asked %d times, problem %d", asks, p)
	}
}

func TestS7AFailedSnapshotLargerThanTheRoomIsLetGo(t *testing.T) {
	s := online(t)
	effects := s.batch(1, sync.Entry{Ref: 50, Cursor: 3, Kind: sync.KindSnapshot, Size: 20 << 20, Session: ann, Prev: certHash(ann)})
	effects = s.fail(effects)
	if dropped := one[sync.Drop](s, effects).Refs; !reflect.DeepEqual(dropped, []sync.Ref{50}) {
		t.Fatalf("%v", dropped)
	}
}

// The core knows what needs what. What a writer had seen besides, and nobody brings, must not keep his words from everybody for ever.
func TestS8WhatIsAskedForInVainStopsNobodyForEver(t *testing.T) {
	for name, snapshot := range map[string]bool{"an envelope brings it": false, "a snapshot brings it": true} {
		t.Run(name, func(t *testing.T) { inVain(t, snapshot) })
	}
}

func inVain(t *testing.T, snapshot bool) {
	s := online(t)
	carl := sync.SessionID{4}
	none[sync.Show](s, s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}, sync.Head{Session: carl, Seq: 0, Hash: sync.Hash{8}})))
	var status sync.Status
	var waived []sync.Known
	asks, shown := 0, 0
	hear := func(effects []sync.Effect) {
		shown += len(only[sync.Show](effects))
		for _, learnt := range only[sync.Learnt](effects) {
			waived = append(waived, learnt.Waived...)
		}
		for _, told := range only[sync.StatusChanged](effects) {
			status = told.Status
		}
	}
	for range 600 {
		s.now += 1000
		effects := s.tell(sync.Pong{Conn: 1}) // a sign of life, so that the connection stays
		hear(effects)
		for range only[sync.Hello](effects) {
			asks++
			hear(s.welcome(3))
			if shown > 0 {
				t.Fatal("it did not wait for the relay's last answer")
			}
			hear(s.batch(1, arrive(3, ann, 0, certHash(ann))))
		}
	}
	if asks != 5 || shown != 1 || status.Problem != sync.Incomplete || status.Content != sync.ContentPartial {
		t.Fatalf("asked %d times, shown %d times, told %+v", asks, shown, status)
	}
	if snapshot {
		hear(s.tell(sync.SharedSnapshot{Doc: doc, Claims: []sync.Head{{Session: carl, Seq: 0, Hash: sync.Hash{8}}}}))
		shown++
	} else {
		hear(s.openAll(s.batch(1, arrive(6, carl, 0, certHash(carl))), update(sync.Hash{8})))
	}
	if shown != 2 || status.Problem != sync.NoProblem || status.Content != sync.ContentComplete {
		t.Fatalf("it came: shown %d times, told %+v", shown, status)
	}
	if len(waived) != 1 || waived[0] != (sync.Known{Session: ann, Seq: 0}) {
		t.Fatalf("%+v: the other hubs and tabs hear of it, once", waived)
	}
}

// What its session signed and nobody can read names nothing that its writer had seen, and is shown in its turn: the core refuses it.
func TestS5WhatIsSignedAndCannotBeReadTakesItsPlaceAndHoldsNothing(t *testing.T) {
	s := online(t)
	pack := arrive(9, ann, 3, sync.Hash{2})
	pack.Kind, pack.First = sync.KindPack, 2
	effects := s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, ann, 1, sync.Hash{1}), pack)
	effects = s.openAll(effects, update(sync.Hash{1}), update(sync.Hash{2}), sync.OpenedItem{Hash: sync.Hash{4}, Contents: []sync.OpenedContent{{Ref: 2001}, {Ref: 2002}}})
	if refs := one[sync.Show](s, effects).Refs; !reflect.DeepEqual(refs, []sync.Ref{1003, 1006, 2001, 2002}) {
		t.Fatalf("shows %v", refs)
	}
	if mark := one[sync.MarkChanged](s, effects).Mark; mark.Cursor != 9 {
		t.Fatalf("%+v", mark)
	}
	effects = s.openAll(s.batch(1, arrive(12, bob, 0, certHash(bob))), update(sync.Hash{5}, sync.Head{Session: ann, Seq: 3, Hash: sync.Hash{4}}))
	one[sync.Show](s, effects)
	none[sync.StatusChanged](s, effects) // nothing is missing
	s.now += 3_600_000
	none[sync.Hello](s, s.tell(sync.Wake{}))
}

// A relay makes up as many as it likes. What stays of them for the life of the machine, or is looked at with each of them, is a cost for ever.
func TestS7SessionsThatNobodyAdmittedLeaveNothing(t *testing.T) {
	s := online(t)
	const many = 3000
	for at := 0; at < many; {
		var entries []sync.Entry
		for range 1000 {
			entries = append(entries, sync.Entry{Ref: sync.Ref(10_000 + at), Cursor: sync.Cursor(2 + at), Size: 176, Session: stranger(at)})
			at++
		}
		effects := s.batch(1, entries...)
		for len(only[sync.Open](effects)) > 0 {
			effects = s.tell(sync.Opened{Doc: doc, Job: one[sync.Open](s, effects).Job, Problem: sync.Forged})
		}
	}
	if n := s.m.Sessions(); n != 1 {
		t.Fatalf("%d sessions are known", n)
	}
	if n := s.m.Arrivals(); n > 512 {
		t.Fatalf("%d entries of the log are kept", n)
	}
	s.lose()
	s.greet(2, store, many+2)
	s.openAll(s.batch(2, arrive(many+2, ann, 0, certHash(ann))), update(sync.Hash{1}))
}
