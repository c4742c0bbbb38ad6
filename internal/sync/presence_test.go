package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// present gives a machine that has said that it is here, and to whom Ann has said so.
func present(t *testing.T) *script {
	s := online(t)
	s.tell(sync.PresenceSealed{Doc: doc})
	s.says(ann, 1)
	s.quiet()
	return s
}

// says is the word of another session.
func (s *script) says(id sync.SessionID, seq uint32, heads ...sync.Head) []sync.Effect {
	return s.tell(sync.PresenceCame{Conn: 1, Doc: doc, Session: id, Seq: seq, Heads: heads, Ref: sync.Ref(5000 + seq)})
}

// quiet lets all that is to be said soon be said.
func (s *script) quiet() {
	for range 3 {
		s.now += 1100
		s.tell(sync.Wake{})
		s.tell(sync.PresenceSealed{Doc: doc})
	}
}

// wake lets time pass.
func (s *script) wake(ms int64) []sync.Effect {
	s.now += ms
	return s.tell(sync.Wake{})
}

// come has Ann's next envelope arrive and be stored.
func (s *script) come(seq uint32, prev, hash sync.Hash) []sync.Effect {
	s.t.Helper()
	return s.openAll(s.batch(1, arrive(sync.Cursor(10+seq), ann, seq, prev)), update(hash))
}

// status gives the newest among effects.
func (s *script) status(effects []sync.Effect) sync.Status {
	s.t.Helper()
	all := only[sync.StatusChanged](effects)
	if len(all) == 0 {
		s.t.Fatal("no status among", effects)
	}
	return all[len(all)-1].Status
}

func TestS15AWordIsSaidAtOnceAndAgainWhileOthersAreThere(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	none[sync.SealPresence](s, s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})) // nobody hears it
	s.tell(sync.SocketOpen{Conn: 1})
	first := one[sync.SealPresence](s, s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Genesis: true}))
	if first.Conn != 1 || first.Head != certHash(own) || len(first.Heads) != 0 {
		t.Fatalf("%+v", first)
	}
	s.tell(sync.PresenceSealed{Doc: doc})
	for range 8 {
		none[sync.SealPresence](s, s.wake(10_000)) // alone
		s.tell(sync.Pong{Conn: 1})
	}
	one[sync.SealPresence](s, s.says(ann, 1)) // she may not know
	s.tell(sync.PresenceSealed{Doc: doc})
	s.says(bob, 1)
	one[sync.SealPresence](s, s.wake(1000)) // nor may he; not all answer in one moment
	s.tell(sync.PresenceSealed{Doc: doc})
	s.says(ann, 2)
	none[sync.SealPresence](s, s.wake(13_900))
	one[sync.SealPresence](s, s.wake(1100))
}

func TestS15WordsAreThrottledAndTheLastOneWins(t *testing.T) {
	s := present(t)
	one[sync.SealPresence](s, s.tell(sync.PresenceSet{Doc: doc}))
	s.now += 60
	none[sync.SealPresence](s, s.tell(sync.PresenceSet{Doc: doc})) // one at a time
	one[sync.SealPresence](s, s.tell(sync.PresenceSealed{Doc: doc}))
	s.tell(sync.PresenceSealed{Doc: doc})
	said := 0
	for range 1000 { // a pointer that moves for a second
		s.now++
		said += len(only[sync.SealPresence](s.tell(sync.PresenceSet{Doc: doc})))
		s.tell(sync.PresenceSealed{Doc: doc})
	}
	if said < 18 || said > 20 {
		t.Fatalf("said %d times in a second", said)
	}
	s.wake(50)
	s.tell(sync.PresenceSealed{Doc: doc})
	none[sync.SealPresence](s, s.wake(50))
}

func TestS15HeadsAreWhatTheRelayHasToo(t *testing.T) {
	s := present(t)
	s.come(0, certHash(ann), sync.Hash{4})
	s.write(1)
	s.write(2)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 20})
	none[sync.SealPresence](s, s.wake(900))
	word := one[sync.SealPresence](s, s.wake(200))
	want := []sync.Head{{Session: own, Seq: 0, Hash: sync.Hash{1}}, {Session: ann, Seq: 0, Hash: sync.Hash{4}}}
	if !reflect.DeepEqual(word.Heads, want) || word.Head != (sync.Hash{2}) {
		t.Fatalf("%+v", word)
	}
	s.tell(sync.PresenceSealed{Doc: doc})
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 1, Cursor: 21})
	if word := one[sync.SealPresence](s, s.wake(1100)); word.Heads[0].Seq != 1 {
		t.Fatalf("%+v", word)
	}
}

func TestS15OfManySessionsTheNewestAreNamed(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	open := sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)}
	mark := sync.Mark{Store: store, Cursor: 1000}
	for i := range 1000 {
		id := sync.SessionID{7, byte(i >> 8), byte(i)}
		open.Heads = append(open.Heads, sync.Stored{Head: sync.Head{Session: id, Seq: 3, Hash: sync.Hash{9}}, First: 4})
		mark.Known = append(mark.Known, sync.Known{Session: id, Seq: 3})
	}
	open.Marks = []sync.Mark{mark}
	s.tell(open)
	s.greet(1, store, 1000)
	s.tell(sync.PresenceSealed{Doc: doc})
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Cursor: 1001})
	s.quiet()
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Cursor: 1001})
	oldest := sync.SessionID{7}
	s.openAll(s.batch(1, arrive(1002, oldest, 4, sync.Hash{9})), update(sync.Hash{5}))
	heads := one[sync.SealPresence](s, s.wake(1100)).Heads
	if len(heads) != 64 {
		t.Fatalf("%d heads", len(heads))
	}
	if heads[0].Session != own || heads[1].Session != oldest || heads[1].Seq != 4 || heads[2].Session != (sync.SessionID{7, 3, 231}) {
		t.Fatalf("%+v", heads[:3])
	}
}

func TestS15WhoMayNotWriteSaysNothing(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Keyed: true, Content: true})
	s.tell(sync.SocketOpen{Conn: 1})
	none[sync.SealPresence](s, s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Genesis: true}))
	if shown := one[sync.ShowPresence](s, s.says(ann, 1)); shown.Session != ann {
		t.Fatalf("%+v", shown)
	}
	none[sync.SealPresence](s, s.wake(1100))
}

func TestS15TabsHearEachOtherWithoutARelay(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	near := func(seq uint32) []sync.Effect {
		return s.tell(sync.PresenceCame{Doc: doc, Near: true, Session: ann, Seq: seq, Heads: []sync.Head{{Session: bob, Seq: 4}}, Ref: 1})
	}
	one[sync.ShowPresence](s, near(1))
	if word := one[sync.SealPresence](s, s.wake(1000)); word.Conn != 0 {
		t.Fatalf("%+v", word)
	}
	if st := s.status(s.write(3)); st.Peers != 0 { // no other device
		t.Fatalf("%+v", st)
	}
}

func TestS16TheNewestWordCountsForAWhile(t *testing.T) {
	s := online(t)
	if st := s.status(s.says(ann, 5)); st.Peers != 1 {
		t.Fatalf("%+v", st)
	}
	for _, old := range []uint32{5, 4} { // a relay repeats itself with every reading
		effects := s.says(ann, old)
		none[sync.ShowPresence](s, effects)
		one[sync.Drop](s, effects)
	}
	s.wake(20_000)
	if shown := one[sync.ShowPresence](s, s.says(ann, 6)); shown.Ref != 5006 {
		t.Fatalf("%+v", shown)
	}
	none[sync.ShowPresence](s, s.wake(29_999))
	effects := s.wake(1)
	if gone := one[sync.ShowPresence](s, effects); gone.Session != ann || gone.Ref != 0 {
		t.Fatalf("%+v", gone)
	}
	if st := s.status(effects); st.Peers != 0 {
		t.Fatalf("%+v", st)
	}
	none[sync.ShowPresence](s, s.says(ann, 6)) // nobody comes back by an old word
	one[sync.ShowPresence](s, s.says(ann, 7))
	left := s.tell(sync.PresenceCame{Conn: 1, Doc: doc, Session: ann, Seq: 8, Left: true, Ref: 77})
	if gone := one[sync.ShowPresence](s, left); gone.Ref != 0 || !reflect.DeepEqual(one[sync.Drop](s, left).Refs, []sync.Ref{77}) {
		t.Fatalf("%+v", left)
	}
	none[sync.ShowPresence](s, s.says(ann, 8))
}

func TestS16ThereIsRoomForSoManyAndTheGoneMakeSome(t *testing.T) {
	s := online(t)
	id := func(i int) sync.SessionID { return sync.SessionID{8, byte(i >> 8), byte(i)} }
	for i := range 256 {
		one[sync.ShowPresence](s, s.says(id(i), 1))
	}
	effects := s.says(id(256), 1)
	none[sync.ShowPresence](s, effects)
	one[sync.Drop](s, effects)
	s.tell(sync.PresenceCame{Conn: 1, Doc: doc, Session: id(3), Seq: 2, Left: true})
	one[sync.ShowPresence](s, s.says(id(256), 1))
	none[sync.ShowPresence](s, s.says(id(4), 1))
}

// crowded is a machine to which as many speak as it remembers, none of whom wrote.
func crowded(t *testing.T) *script {
	s := withAnn(t)
	for i := range 256 {
		s.says(stranger(i), 1)
	}
	return s
}

func TestS16WhoWroteHasRoomBeforeWhoDidNot(t *testing.T) {
	s := crowded(t)
	effects := s.says(ann, 1)
	if shown := only[sync.ShowPresence](effects); len(shown) != 2 || shown[0].Session != stranger(0) || shown[0].Ref != 0 || shown[1].Session != ann || shown[1].Ref == 0 {
		t.Fatalf("%+v", shown)
	}
	none[sync.ShowPresence](s, s.says(stranger(0), 2))
	// A tab of this device, too.
	effects = s.tell(sync.PresenceCame{Doc: doc, Near: true, Session: bob, Seq: 1, Ref: 9})
	if shown := only[sync.ShowPresence](effects); len(shown) != 2 || shown[0].Session != stranger(1) || shown[1].Session != bob {
		t.Fatalf("%+v", shown)
	}
}

func TestS17WhoFindsNoRoomIsHeardAllTheSame(t *testing.T) {
	s := crowded(t)
	effects := s.says(stranger(300), 1, sync.Head{Session: bob, Seq: 7, Hash: sync.Hash{1}})
	none[sync.ShowPresence](s, effects)
	one[sync.Drop](s, effects)
	if s.m.Wants() != 1 {
		t.Fatalf("%d things are asked for", s.m.Wants())
	}
}

func TestS16AWordOfAnotherConnectionDoesNotCount(t *testing.T) {
	s := present(t)
	effects := s.tell(sync.PresenceCame{Conn: 7, Doc: doc, Session: bob, Seq: 1, Ref: 3})
	none[sync.ShowPresence](s, effects)
	one[sync.Drop](s, effects)
	none[sync.ShowPresence](s, s.says(own, 9)) // nobody else is this session
}

func TestS17AnotherDevicesHeadsTellThatItHasTheEdits(t *testing.T) {
	s := present(t)
	s.write(1)
	if st := s.status(s.write(2)); st.Peer != 0 || st.Seen != 0 {
		t.Fatalf("%+v", st)
	}
	if st := s.status(s.says(ann, 2, sync.Head{Session: own, Seq: 0, Hash: sync.Hash{1}})); st.Peer != 1 || st.Seen != 0 {
		t.Fatalf("%+v", st)
	}
	if st := s.status(s.says(ann, 3, sync.Head{Session: own, Seq: 1, Hash: sync.Hash{2}})); st.Peer != 2 || st.Seen != 1 {
		t.Fatalf("%+v", st)
	}
	if st := s.status(s.says(bob, 1, sync.Head{Session: own, Seq: 1})); st.Seen != 2 || st.Peers != 2 { // it has it out of a pack
		t.Fatalf("%+v", st)
	}
	if st := s.status(s.wake(30_000)); st.Peers != 0 || st.Peer != 2 || st.Seen != 1 { // what was seen stays seen
		t.Fatalf("%+v", st)
	}
	if st := s.status(s.says(ann, 4, sync.Head{Session: own, Seq: 9, Hash: sync.Hash{9}})); st.Peer != 2 || st.Problem != sync.NoProblem || s.m.Wants() != 0 { // nobody has more of it
		t.Fatalf("%+v", st)
	}
}

func TestS17ATabOfThisDeviceTellsNothingOfOtherDevices(t *testing.T) {
	s := present(t)
	s.write(1)
	s.tell(sync.PresenceCame{Doc: doc, Near: true, Session: bob, Seq: 1, Heads: []sync.Head{{Session: own, Hash: sync.Hash{1}}, {Session: ann, Seq: 3}}})
	if st := s.status(s.write(2)); st.Peer != 0 || s.m.Wants() != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestS17WhatIsWantedIsBounded(t *testing.T) {
	s := present(t)
	for i := range uint32(300) {
		s.says(bob, i+1, sync.Head{Session: sync.SessionID{9, byte(i >> 8), byte(i)}, Seq: i})
	}
	if n := s.m.Wants(); n != 64 {
		t.Fatalf("%d", n)
	}
}

// Who names another hash in a place of his own either signed two histories or lies. Without the second one nothing ends: what follows is
// taken, nothing of it outlives the page, and the snapshot for a long log has all of the session.
func TestS17AWordOfItselfFreezesNothing(t *testing.T) {
	s := present(t)
	s.come(0, certHash(ann), sync.Hash{4})
	effects := s.says(ann, 2, sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{6}})
	if st := s.status(effects); st.Problem != sync.Divided {
		t.Fatalf("%+v", st)
	}
	none[sync.KeepForked](s, effects)
	long := arrive(20, ann, 1, sync.Hash{4})
	long.Size = 300 << 10
	s.openAll(s.batch(1, long), update(sync.Hash{5}))
	s.now += 30_000
	one[sync.MakeSnapshot](s, s.says(bob, 1))
	up := one[sync.Upload](s, s.tell(sync.SnapshotSealed{Doc: doc, Ref: 70, Session: sync.SessionID{8}, Covers: []sync.Head{{Session: ann, Seq: 1, Hash: sync.Hash{5}}}}))
	if up.Covers != 20 {
		t.Fatalf("covers %d", up.Covers)
	}
	// The second one itself freezes it.
	if st := s.status(s.tell(opened(one[sync.Open](s, s.batch(1, arrive(30, ann, 2, sync.Hash{7}))), update(sync.Hash{9})))); st.Problem != sync.Forked {
		t.Fatalf("%+v", st)
	}
}

func TestS17AnotherHashInOnePlaceIsTwoHistories(t *testing.T) {
	s := present(t)
	s.come(0, certHash(ann), sync.Hash{4})
	s.says(bob, 1, sync.Head{Session: ann, Seq: 0}) // it does not know the hash
	if st := s.status(s.says(bob, 2, sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{6}})); st.Problem != sync.Divided {
		t.Fatalf("%+v", st)
	}
	s.come(1, sync.Hash{4}, sync.Hash{5}) // Bob's word stops nobody else
}

func TestS17WhatComesIsComparedWithWhatWasNamed(t *testing.T) {
	for _, hash := range []sync.Hash{{4}, {6}} {
		s := present(t)
		s.says(bob, 1, sync.Head{Session: ann, Seq: 0, Hash: hash})
		s.come(0, certHash(ann), sync.Hash{4})
		s.tell(sync.Local{Doc: doc, Ref: 3, To: 1})
		st := s.status(s.write(2))
		if want := map[bool]sync.Problem{false: sync.NoProblem, true: sync.Divided}[hash != sync.Hash{4}]; st.Problem != want {
			t.Fatalf("%v: %+v", hash, st)
		}
	}
}

// TestS17ARelayThatHoldsBackIsToldAndForgiven: what another has from the relay and this device was not given is asked for, with
// pauses, then told; and taken back when it comes.
func TestS17ARelayThatHoldsBackIsToldAndForgiven(t *testing.T) {
	s := present(t)
	s.says(bob, 1, sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}})
	asked, told, from := 0, sync.Status{}, s.now
	for told.Problem != sync.Incomplete && s.now < from+120_000 {
		s.now += 1000
		effects := s.tell(sync.Pong{Conn: 1})
		if len(only[sync.Hello](effects)) > 0 {
			asked++
			s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Head: 10, Genesis: true})
			effects = s.tell(sync.Batch{Conn: 1, Doc: doc, UpTo: 10})
		}
		for _, e := range only[sync.StatusChanged](effects) {
			told = e.Status
		}
	}
	if asked != 5 || told.Content != sync.ContentPartial {
		t.Fatalf("asked %d times in %d ms: %+v", asked, s.now-from, told)
	}
	if took := s.now - from; took < 15_000 || took > 60_000 {
		t.Fatalf("told after %d ms", took)
	}
	s.says(bob, 2, sync.Head{Session: ann, Seq: 1, Hash: sync.Hash{5}})
	for _, e := range only[sync.StatusChanged](s.come(0, certHash(ann), sync.Hash{4})) {
		if e.Status.Problem != sync.Incomplete {
			t.Fatalf("taken back before all came: %+v", e.Status)
		}
	}
	another := s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Size: 1, Head: sync.Head{Session: ann, Seq: 1, Hash: sync.Hash{5}}}}}) // by way of another tab
	if st := s.status(another); st.Problem != sync.NoProblem || st.Content != sync.ContentComplete {
		t.Fatalf("%+v", st)
	}
}

func TestS17AnotherStoreOwesNothingOfThis(t *testing.T) {
	s := present(t)
	s.says(bob, 1, sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}})
	s.tell(sync.SocketClosed{Conn: 1})
	s.wake(20_000)
	s.greet(2, sync.StoreID{8}, 0)
	for range 100 {
		s.tell(sync.Pong{Conn: 2})
		effects := s.wake(1000)
		none[sync.Hello](s, effects)
	}
}

func TestS17AnEditIsNoWordAboutWhatIsNotWrittenYet(t *testing.T) {
	for _, seen := range []sync.Head{{Session: own, Seq: 9, Hash: sync.Hash{9}}, {Session: own, Seq: 0, Hash: sync.Hash{9}}} {
		s := online(t)
		s.write(1)
		s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}, seen))
		if st := s.status(s.write(2)); st.Peer != 0 || st.Seen != 0 {
			t.Fatalf("%+v: %+v", seen, st)
		}
	}
}
