package sync_test

import (
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

var carl = sync.SessionID{4}

// covering is holder with a relay whose snapshot has all of ann's. Of carl somebody then names another envelope than the one that is here, so there are two histories.
func covering(t *testing.T, first uint32) *script {
	s := holder(t, true, first)
	s.welcome(3)
	s.tell(sync.RelayHas{Doc: doc, Known: []sync.Known{{Session: ann, Seq: 6}}})
	s.openAll(s.batch(1, arrive(3, carl, 0, certHash(carl))), update(sync.Hash{4}))
	return s
}

func (s *script) divide() []sync.Effect {
	return s.says(bob, 1, sync.Head{Session: carl, Seq: 0, Hash: sync.Hash{5}})
}

var dan = sync.SessionID{5}

func objection(about sync.Hash) sync.Entry {
	entry := arrive(9, dan, 0, certHash(dan))
	entry.Kind, entry.About, entry.Verdict = sync.KindAttest, about, sync.Objection
	return entry
}

// object has dan's objection come to a snapshot that an earlier life may have met.
func (s *script) object() []sync.Effect {
	s.t.Helper()
	return s.openAll(s.batch(1, objection(sync.Hash{0xaa})), update(sync.Hash{8}))
}

// contest does both, and has the relay give all of its log once more.
func (s *script) contest() []sync.Effect {
	s.t.Helper()
	s.divide()
	if hello := one[sync.Hello](s, s.object()); hello.Since != 0 {
		s.t.Fatalf("%+v: where the relay has what, the beginning of the log says as well", hello)
	}
	s.welcome(9)
	return s.batch(1, arrive(3, carl, 0, certHash(carl)), objection(sync.Hash{0xaa}))
}

// A file that has one history of a session is refused by who has the other: a snapshot brings him nothing of what others wrote.
func TestS9WhatOnlyARefusedSnapshotHasIsNotOnTheRelay(t *testing.T) {
	for name, tell := range map[string]func(*script) []sync.Effect{
		"an objection": (*script).object,
		"two histories, and an objection to what was refused here as well": func(s *script) []sync.Effect {
			s.refuse()
			s.openAll(s.batch(1, objection(sync.Hash{0xaa})), update(sync.Hash{8}))
			return s.divide()
		},
		"its own objection": func(s *script) []sync.Effect {
			s.divide()
			return s.refuse()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := covering(t, 5)
			if s.last.Unsent != 0 {
				t.Fatalf("%+v: the relay has all of it", s.last)
			}
			effects := tell(s)
			if s.last.Unsent != 3 { // two single ones, and what is before them
				t.Fatalf("%+v: they are on the relay for nobody who has the other history", s.last)
			}
			isAnn := func(k sync.Known) bool { return k.Session == ann }
			told := one[sync.Learnt](s, effects)
			if !told.Reset || slices.ContainsFunc(told.Known, isAnn) {
				t.Fatalf("other tabs hear %+v", told)
			}
			if mark := one[sync.MarkChanged](s, effects).Mark; slices.ContainsFunc(mark.Known, isAnn) {
				t.Fatalf("the next life hears %+v", mark.Known)
			}
		})
	}
}

// refuse has a snapshot come that is refuted here.
func (s *script) refuse() []sync.Effect {
	s.t.Helper()
	check := s.snapshot(8, 0)
	return s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Refuted})
}

// Others object to what is refused here as well, and a fork keeps nobody from taking an honest snapshot.
func TestS9WhatTakesNothingBack(t *testing.T) {
	for name, tell := range map[string]func(*script){
		"two histories":     func(s *script) { s.divide() },
		"its own objection": func(s *script) { s.refuse() },
		"an objection to what was refused here as well": func(s *script) {
			s.refuse()
			none[sync.Hello](s, s.object())
		},
	} {
		s := covering(t, 5)
		tell(s)
		if s.last.Unsent != 0 {
			t.Errorf("%s: %+v", name, s.last)
		}
	}
}

// A snapshot counts until somebody objects to that one, and what another one has as well goes on counting.
func TestS9ASnapshotCountsUntilSomebodyObjectsToIt(t *testing.T) {
	for name, c := range map[string]struct {
		snapshots, about int
		unsent           uint32
	}{
		"to the only one":                        {1, 0, 3},
		"to one of two":                          {2, 1, 0},
		"to one of two, the other":               {2, 0, 0},
		"to one that others came after, but few": {4, 0, 0},
		"to one that is not remembered":          {5, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := holder(t, true, 5)
			s.welcome(9)
			hashes := []sync.Hash{}
			for i := range c.snapshots {
				by := sync.SessionID{0x44, byte(i)}
				s.judged(by, sync.Cursor(i+1), 0, sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}})
				hashes = append(hashes, sync.Hash(certHash(by)))
			}
			if s.last.Unsent != 0 {
				t.Fatalf("%+v: the relay has all of it", s.last)
			}
			effects := s.openAll(s.batch(1, objection(hashes[c.about])), update(sync.Hash{8}))
			if s.last.Unsent != c.unsent {
				t.Errorf("%+v, not %d unsent", s.last, c.unsent)
			}
			if again := only[sync.Hello](effects); (len(again) > 0) != (c.snapshots > 4) {
				t.Errorf("%d snapshots, and then %+v", c.snapshots, again)
			}
		})
	}
}

// Of more than are remembered it is still known what the relay has for them.
func TestS9WhatManySnapshotsHaveGoesOnCounting(t *testing.T) {
	s := holder(t, true, 5)
	s.welcome(9)
	s.judged(bob, 1, 0, sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}})
	last := sync.Hash{}
	for i := range 5 {
		by := sync.SessionID{0x44, byte(i)}
		s.judged(by, sync.Cursor(i+2), 0)
		last = sync.Hash(certHash(by))
	}
	s.openAll(s.batch(1, objection(last)), update(sync.Hash{8}))
	if s.last.Unsent != 0 {
		t.Fatalf("%+v: nobody objects to the first", s.last)
	}
}

// The end of what is being read comes before all of it once more, and with it what the next life is to remember.
func TestS9AReadingIsFinishedBeforeTheNext(t *testing.T) {
	s := covering(t, 5)
	s.lose()
	s.greet(2, store, 12)
	effects := s.openAll(s.batch(2, objection(sync.Hash{0xaa})), update(sync.Hash{8}))
	none[sync.Hello](s, effects)
	effects = s.tell(sync.Batch{Conn: 2, Doc: doc, UpTo: 12})
	at := slices.IndexFunc(effects, func(e sync.Effect) bool { _, is := e.(sync.Hello); return is })
	if at < 0 || len(only[sync.MarkChanged](effects[:at])) == 0 {
		t.Fatalf("%+v", effects)
	}
}

// Somebody may object to snapshots that nobody saw, as often as he likes.
func TestS9TheLogIsReadOnceMoreOnlyOnce(t *testing.T) {
	s := covering(t, 0)
	s.contest()
	entry := arrive(10, dan, 1, sync.Hash{8})
	entry.Kind, entry.About, entry.Verdict = sync.KindAttest, sync.Hash{0xbb}, sync.Objection
	none[sync.Hello](s, s.openAll(s.batch(1, entry), update(sync.Hash{9})))
}

// What is here one by one goes up like that, although its session ended and a snapshot there has it.
func TestS9WhatARefusedSnapshotHasGoesUpOneByOne(t *testing.T) {
	s := covering(t, 0)
	effects := s.contest()
	for seq := uint32(0); seq < 7; seq++ {
		if seq < 2 { // the first alone, and then all
			if sent := one[sync.Append](s, effects); sent.Session != ann || sent.From != seq {
				t.Fatalf("%+v, not %d", sent, seq)
			}
		}
		effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: ann, Seq: seq})
	}
	if s.last.Unsent != 0 {
		t.Fatalf("%+v", s.last)
	}
}

// Some have the beginning in a file of their own, of whichever history: a chain that begins with what is here one by one brings them the rest.
func TestS9BesideAForkAChainBeginsWithWhatIsHereOneByOne(t *testing.T) {
	s := covering(t, 5)
	s.contest()
	s.made(6, sync.Head{Session: carl, Seq: 0, Hash: sync.Hash{4}})
	effects := s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
	for seq := uint32(5); seq < 7; seq++ {
		if sent := one[sync.Append](s, effects); sent.Session != ann || sent.From != seq || sent.To != seq {
			t.Fatalf("%+v, not %d", sent, seq)
		}
		effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: ann, Seq: seq})
	}
	none[sync.Append](s, effects)
	if s.last.Unsent != 1 {
		t.Fatalf("%+v: what is before them is there in a snapshot only", s.last)
	}
	effects = s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{
		{Ref: 50, Size: 200, Head: sync.Head{Session: ann, Seq: 7, Hash: sync.Hash{7}}, Prev: sync.Hash{6}},
		{Ref: 51, Size: 200, Head: sync.Head{Session: ann, Seq: 8, Hash: sync.Hash{8}}, Prev: sync.Hash{7}},
	}})
	if sent := one[sync.Append](s, effects); sent.From != 7 || sent.To != 8 || s.last.Unsent != 3 {
		t.Fatalf("%+v, %+v", sent, s.last)
	}
	s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Ref: 52, Size: 200, Head: sync.Head{Session: ann, Seq: 9, Hash: sync.Hash{9}}, Prev: sync.Hash{8}}}})
	none[sync.Append](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: ann, Seq: 8})) // the next is on its way
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: ann, Seq: 9})
	if s.last.Unsent != 1 {
		t.Fatalf("%+v", s.last)
	}
}

// Who has more of it one by one leads up to such a chain, as far as that goes.
func TestS9BesideAForkAChainIsLedUpToAsFarAsWhatIsHereOneByOne(t *testing.T) {
	s := covering(t, 3)
	s.batch(1, arrive(7, ann, 5, sync.Hash{5}))
	s.contest()
	s.made(6, sync.Head{Session: carl, Seq: 0, Hash: sync.Hash{4}})
	effects := s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
	for _, seq := range []uint32{4, 3, 6} {
		if sent := one[sync.Append](s, effects); sent.Session != ann || sent.From != seq || sent.To != seq {
			t.Fatalf("%+v, not %d", sent, seq)
		}
		effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: ann, Seq: seq})
	}
	none[sync.Append](s, effects)
}

// Another snapshot would be refused as well. There is one all the same when there is more for it: who comes new takes it.
func TestS9ARefusedSnapshotIsNotMadeAgain(t *testing.T) {
	s := lacking(t)
	s.openAll(s.batch(1, arrive(3, carl, 0, certHash(carl))), update(sync.Hash{4}))
	s.made(6, sync.Head{Session: carl, Seq: 0, Hash: sync.Hash{4}})
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
	if s.last.Unsent != 0 {
		t.Fatalf("%+v", s.last)
	}
	s.contest()
	if s.last.Unsent != 3 {
		t.Fatalf("%+v", s.last)
	}
	s.pause(t, 200)
	eve := sync.Head{Session: sync.SessionID{6}, Seq: 3, Hash: sync.Hash{9}} // in the file of another tab
	made := one[sync.MakeSnapshot](s, s.tell(sync.Shared{Doc: doc, Whole: true, Covers: []sync.Head{eve}}))
	if !slices.Contains(made.Shown, sync.Known{Session: eve.Session, Seq: 3}) {
		t.Fatalf("%+v", made)
	}
	s.made(6, eve)
	none[sync.Append](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0}))
	if s.last.Unsent != 3 { // of ann the two single ones, and what is in files only
		t.Fatalf("%+v: who refused the first refuses this one", s.last)
	}
	s.pause(t, 200)
}

// What is in files only begins no chain, and holds no snapshot up that is to come behind the beginning of one.
func TestS9ASessionInFilesOnlyHoldsNoSnapshotUp(t *testing.T) {
	s := online(t)
	s.write(1)
	one[sync.MakeSnapshot](s, s.tell(sync.Missing{Doc: doc, Session: own, First: 1}))
	s.made(0, sync.Head{Session: own, Seq: 0, Hash: sync.Hash{1}})
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
	s.openAll(s.batch(1, arrive(3, carl, 0, certHash(carl))), update(sync.Hash{4}))
	none[sync.Append](s, s.contest())
	s.pause(t, 200)
	eve := sync.Head{Session: sync.SessionID{6}, Seq: 3, Hash: sync.Hash{9}}
	one[sync.MakeSnapshot](s, s.tell(sync.Shared{Doc: doc, Whole: true, Covers: []sync.Head{eve}}))
}

// A snapshot has what leads up to a chain on the relay, if only for who takes it. What the chain has behind that is no reason for another.
func TestS9WhatGoesOnBehindARefusedSnapshotIsThereInSomeForm(t *testing.T) {
	s := covering(t, 5)
	one[sync.MakeSnapshot](s, s.contest())
	s.made(6, sync.Head{Session: carl, Seq: 0, Hash: sync.Hash{4}})
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
	s.openAll(s.batch(1, arrive(10, ann, 7, sync.Hash{6})), update(sync.Hash{7}))
	s.pause(t, 200)
}

// pause lets steps of twenty seconds go by, in which no snapshot is made.
func (s *script) pause(t *testing.T, steps int) {
	t.Helper()
	for range steps {
		s.now += 20_000
		none[sync.MakeSnapshot](s, s.tell(sync.Pong{Conn: 1}))
	}
}

// Others hear all the same that there is more than they have.
func TestS15WhatOnlyARefusedSnapshotHasIsNamed(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	last := sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}}
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own), Heads: []sync.Stored{{Head: last, First: 7}}})
	s.greet(1, store, 0)
	s.made(6)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
	s.openAll(s.batch(1, arrive(3, carl, 0, certHash(carl))), update(sync.Hash{4}))
	s.contest()
	s.quiet()
	if said := one[sync.SealPresence](s, s.tell(sync.PresenceSet{Doc: doc})); !slices.Contains(said.Heads, last) {
		t.Fatalf("%+v", said)
	}
}

// What a file takes in goes to nobody who has the other history, once a relay lost its disk.
func TestS12NothingIsFoldedOnceThereAreTwoHistories(t *testing.T) {
	for name, fork := range map[string]func(*script){
		"none": func(*script) {}, "proven": func(s *script) { s.tell(sync.Proven{Doc: doc, Session: carl}) }, "told of": func(s *script) { s.divide() },
	} {
		s := online(t)
		s.openAll(s.batch(1, arrive(3, carl, 0, certHash(carl))), update(sync.Hash{4}))
		fork(s)
		big := sync.Entry{Ref: 50, Cursor: 9, Size: 300_000, Session: dan, Prev: certHash(dan)}
		due := only[sync.Checkpoint](s.openAll(s.batch(1, big), update(sync.Hash{6})))
		if (len(due) > 0) != (name == "none") {
			t.Errorf("%s: %+v", name, due)
		}
	}
}
