package sync_test

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// loaded gives a new life of a device that has ann's first envelope and one that an earlier life of its own wrote, and read the log up to a place.
func loaded(t *testing.T, cursor, head sync.Cursor) *script {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{
		Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own),
		Heads: []sync.Stored{
			{Head: sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}}, Tail: 200},
			{Head: sync.Head{Session: before, Seq: 0, Hash: sync.Hash{5}}, Tail: 200},
		},
		Marks: []sync.Mark{{Store: store, Cursor: cursor, Known: []sync.Known{{Session: ann, Seq: 0}, {Session: before, Seq: 0}}}},
	})
	s.greet(1, store, head)
	if cursor == head {
		s.tell(sync.Batch{Conn: 1, Doc: doc, UpTo: head})
	}
	return s
}

var (
	before   = sync.SessionID{6} // the session of that earlier life
	annHead  = sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}}
	lifeHead = sync.Head{Session: before, Seq: 0, Hash: sync.Hash{5}}
)

// judged has a snapshot checked that has nothing wrong in it, and says what the device is told and says of it.
func (s *script) judged(by sync.SessionID, at, covers sync.Cursor, heads ...sync.Head) (check sync.Check, effects []sync.Effect) {
	s.t.Helper()
	entry := sync.Entry{Ref: sync.Ref(1000 + at), Cursor: at, Kind: sync.KindSnapshot, Size: 500, Session: by, Prev: certHash(by), Covers: covers}
	check = one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), update(sync.Hash(certHash(by)), heads...))))
	verdict := sync.Sound
	if check.Stale {
		verdict = sync.Objection
	}
	return check, s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: verdict, Ref: sync.Ref(7000 + at)})
}

func TestS13WhatAnEarlierLifeSawStandsBeforeACursorToo(t *testing.T) {
	for name, c := range map[string]struct {
		covers sync.Cursor
		heads  []sync.Head
		stale  bool
		says   []sync.Verdict
	}{
		"it names all":                         {5, []sync.Head{annHead, lifeHead}, false, []sync.Verdict{sync.Sound}},
		"it names nobody":                      {5, nil, true, []sync.Verdict{sync.Objection}},
		"it leaves a session out":              {5, []sync.Head{lifeHead}, true, []sync.Verdict{sync.Objection}},
		"it leaves one out, and may say so":    {4, []sync.Head{lifeHead}, false, nil},
		"it names nobody, and hardly any log":  {1, nil, false, nil},
		"it says that it has nothing of a log": {0, nil, false, []sync.Verdict{sync.Sound}},
	} {
		t.Run(name, func(t *testing.T) {
			s := loaded(t, 5, 5)
			check, effects := s.judged(bob, 6, c.covers, c.heads...)
			if check.Stale != c.stale {
				t.Errorf("stale: %v", check.Stale)
			}
			var says []sync.Verdict
			for _, a := range only[sync.SealAttest](effects) {
				says = append(says, a.Verdict)
			}
			if len(says) != len(c.says) || len(says) == 1 && says[0] != c.says[0] {
				t.Errorf("it says %v", says)
			}
			isSound := len(c.says) == 1 && c.says[0] == sync.Sound
			if made := len(only[sync.MakeSnapshot](effects)); (made == 0) != isSound {
				t.Errorf("%d snapshots bring up what is here", made)
			}
		})
	}
}

func TestS13WhatWasAcknowledgedBehindTheCursorIsNoFaultOfASnapshot(t *testing.T) {
	s := loaded(t, 3, 6) // what the earlier life wrote stands at 5, and this one's cursor is before that
	if check, _ := s.judged(bob, 4, 3, annHead); check.Stale {
		t.Error("nobody knows yet where it stands")
	}
	s = loaded(t, 3, 6)
	s.batch(1, arrive(4, ann, 0, certHash(ann)), arrive(5, before, 0, certHash(before)))
	check, effects := s.judged(bob, 6, 4, annHead)
	if check.Stale || one[sync.SealAttest](s, effects).Verdict != sync.Sound {
		t.Errorf("it stands behind what the snapshot says it has: %+v", effects)
	}
}

// With its own edits on the way at once, a device does not know where the first of them came to stand.
func TestS13WhatIsWrittenWhileASnapshotIsMadeIsNoFaultOfIt(t *testing.T) {
	s := withAnn(t)
	for n := range uint32(3) {
		s.write(n + 1)
	}
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 4})
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 1, Cursor: 5})
	first := sync.Head{Session: own, Seq: 0, Hash: sync.Hash{1}}
	if _, effects := s.judged(bob, 6, 4, annHead, first); one[sync.SealAttest](s, effects).Verdict != sync.Sound {
		t.Errorf("it has all up to 4: %+v", effects)
	}
	s.write(4)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 3, Cursor: 9}) // two of them, at 7 and 8, or at 8 and 9
	check, effects := s.judged(sync.SessionID{0x44}, 10, 7, annHead, sync.Head{Session: own, Seq: 1, Hash: sync.Hash{2}})
	none[sync.SealAttest](s, effects)
	if check.Stale {
		t.Error("that one stands before 7 is not known")
	}
}

func TestS13WhatIsOnlyInASnapshotStandsWhereThatStands(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{
		Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own),
		Heads: []sync.Stored{{Head: annHead, Tail: 200}},
		Marks: []sync.Mark{{Store: store, Cursor: 2}},
	})
	s.greet(1, store, 2)
	_, effects := s.judged(bob, 5, 0, annHead) // it is on the relay nowhere else
	one[sync.SealAttest](s, effects)
	if check, _ := s.judged(sync.SessionID{0x44}, 6, 4); check.Stale {
		t.Error("it was made before the one that brought it")
	}
	if check, _ := s.judged(sync.SessionID{0x45}, 7, 6); !check.Stale {
		t.Error("it says that it has the log up to 6, with the snapshot at 5")
	}
}

func TestS13WhatIsOnlyInOnesOwnSnapshotStandsWhereThatStands(t *testing.T) {
	for covers, stale := range map[sync.Cursor]bool{3: false, 5: true} {
		s := withAnn(t)
		s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Ref: 70, Head: lifeHead, Prev: certHash(before), Size: 200}}})
		s.tell(sync.Missing{Doc: doc, Session: before, First: 1}) // a checkpoint took it in
		carl := sync.SessionID{0x44}
		s.tell(sync.SnapshotSealed{Doc: doc, Ref: 80, Session: carl, Covers: []sync.Head{annHead, lifeHead}})
		s.tell(sync.Ack{Conn: 1, Doc: doc, Session: carl, Cursor: 5})
		if check, _ := s.judged(bob, 6, covers, annHead); check.Stale != stale {
			t.Errorf("what this device brought up at 5 is not in one that has the log up to %d: stale %v", covers, check.Stale)
		}
	}
}

func TestS13OfWhatIsNotHereADeviceDoesNotSayWhereItStands(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{
		Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own),
		Heads: []sync.Stored{{Head: annHead, Tail: 200}},
		Marks: []sync.Mark{{Store: store, Cursor: 5, Known: []sync.Known{{Session: ann, Seq: 3}}}}, // three more than a store kept
	})
	s.greet(1, store, 5)
	check, effects := s.judged(bob, 6, 5, annHead)
	none[sync.SealAttest](s, effects)
	if check.Stale {
		t.Error("it may have been the relay that lost them")
	}
}

func TestS13PlacesThatWereLetGoOfCountAsBeforeThoseThatAreKept(t *testing.T) {
	for covers, stale := range map[sync.Cursor]bool{10: false, 4203: true} {
		s := withAnn(t) // at the third place
		carl := sync.SessionID{4}
		last := sync.Head{Session: carl, Hash: certHash(carl)}
		for i := range uint32(4200) {
			next := sync.Head{Session: carl, Seq: i, Hash: sync.Hash{7, byte(i >> 8), byte(i)}}
			s.openAll(s.batch(1, sync.Entry{Ref: sync.Ref(50_000 + i), Cursor: sync.Cursor(4 + i), Size: 200, Session: carl, First: i, Seq: i, Prev: last.Hash}), update(next.Hash))
			last = next
		}
		check, effects := s.judged(bob, 9000, covers, last)
		if check.Stale != stale {
			t.Errorf("it leaves out what stands at 3, and says that it has the log up to %d: stale %v", covers, check.Stale)
		}
		for _, a := range only[sync.SealAttest](effects) {
			if a.Verdict == sync.Sound {
				t.Errorf("up to %d it is called sound", covers)
			}
		}
	}
}

func TestS13NobodyVouchesForMoreOfTheLogThanIsRead(t *testing.T) {
	s := withAnn(t)
	carl := sync.SessionID{4}
	s.batch(1, arrive(5, carl, 1, sync.Hash{9})) // nothing leads up to it
	_, effects := s.judged(bob, 6, 5, annHead)
	none[sync.SealAttest](s, effects)
}

// Two devices that were loaded anew cannot tell of each other's older snapshot. What each brings up has all of the log that it read: it is found sound.
func TestS13WhatIsBroughtUpInDoubtIsFoundSound(t *testing.T) {
	s := loaded(t, 5, 5)
	_, effects := s.judged(bob, 6, 4, lifeHead)
	if made := one[sync.MakeSnapshot](s, effects); made.Parent != (sync.Hash{}) {
		t.Fatalf("the relay is credited with what it may not have: %+v", made)
	}
	carl := sync.SessionID{0x44}
	up := one[sync.Upload](s, s.tell(sync.SnapshotSealed{Doc: doc, Ref: 80, Session: carl, Hash: certHash(carl), Covers: []sync.Head{annHead, lifeHead}}))
	if up.Covers != 6 {
		t.Fatalf("%+v", up)
	}
	effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: carl, Cursor: 7})
	if got := cursors(effects); len(got) != 1 || got[0] != 7 {
		t.Fatalf("the next life reads from %v", got)
	}
	other := loaded(t, 6, 6) // another device, which read that snapshot in an earlier life
	if _, effects := other.judged(carl, 7, up.Covers, annHead, lifeHead); one[sync.SealAttest](other, effects).Verdict != sync.Sound {
		t.Fatalf("%+v", effects)
	}
	made := 0
	for n := range 30 { // somebody goes on, with one each minute
		at := sync.Cursor(10 + 2*n)
		_, effects := s.judged(sync.SessionID{byte(100 + n)}, at, 4, lifeHead)
		s.now += 30_000
		effects = append(effects, s.tell(sync.Wake{})...)
		if len(only[sync.MakeSnapshot](effects)) > 0 {
			made++
			mine := sync.SessionID{byte(200 + n)}
			s.tell(sync.SnapshotSealed{Doc: doc, Ref: sync.Ref(2000 + n), Session: mine, Covers: []sync.Head{annHead, lifeHead}})
			s.tell(sync.Ack{Conn: 1, Doc: doc, Session: mine, Cursor: at + 1})
		}
		s.now += 30_000
	}
	if made < 2 || made > 6 {
		t.Fatalf("%d snapshots in half an hour", made)
	}
}
