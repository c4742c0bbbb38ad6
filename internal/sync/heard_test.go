package sync_test

import (
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

var eve = sync.SessionID{7}

// good is a snapshot by somebody that has ann's up to 6, and is found sound.
var good = sync.SessionID{0x44}

func (s *script) good(at sync.Cursor) sync.Hash {
	s.judged(good, at, 0, sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}})
	return sync.Hash(certHash(good))
}

// again has the relay give it once more.
func (s *script) again() {
	s.welcome(9)
	effects := s.batch(1, goodEntry(1), objection(sync.Hash{0xbb}))
	check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, effects), update(sync.Hash(certHash(good)), sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}}))))
	s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound})
}

func goodEntry(at sync.Cursor) sync.Entry {
	return sync.Entry{Ref: sync.Ref(3000 + at), Cursor: at, Kind: sync.KindSnapshot, Size: 500, Session: good, Prev: certHash(good)}
}

func objectionAt(at sync.Cursor, seq uint32, prev, about sync.Hash) sync.Entry {
	entry := arrive(at, dan, seq, prev)
	entry.Kind, entry.About, entry.Verdict = sync.KindAttest, about, sync.Objection
	return entry
}

// returned opens a document that has ann's, two of them one by one, and what dan wrote.
func returned(t *testing.T, mark sync.Mark, claims ...sync.Head) *script {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Snapshot: 1000, Claims: claims, Marks: []sync.Mark{mark}, Heads: []sync.Stored{
		{Head: sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}}, First: 5, Tail: 400},
		{Head: sync.Head{Session: dan, Seq: 0, Hash: sync.Hash{8}}, Tail: 200},
	}})
	s.tell(sync.SocketOpen{Conn: 1})
	return s
}

// Another hub or tab, or a life that ended too early, stored the envelope, and this one hears what it says when its relay gives it.
func TestS9AnObjectionThatIsHereAlreadyIsHeard(t *testing.T) {
	shared := sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Size: 200, Head: sync.Head{Session: dan, Seq: 0, Hash: sync.Hash{8}}, Prev: certHash(dan)}}}
	for name, told := range map[string]func() *script{
		"another hub had it first": func() *script {
			s := holder(t, true, 5)
			s.welcome(9)
			about := s.good(1)
			s.tell(shared)
			s.batch(1, objection(about))
			return s
		},
		"a tab that led had it first": func() *script {
			s := holder(t, true, 5)
			s.tell(shared)
			s.welcome(9)
			s.batch(1, objection(s.good(1)))
			return s
		},
		"a power cut came before the mark": func() *script {
			s := returned(t, sync.Mark{Store: store, Cursor: 8, Known: []sync.Known{{Session: ann, Seq: 6}}})
			s.welcome(9)
			s.batch(1, objection(sync.Hash(certHash(good))))
			return s
		},
	} {
		if s := told(); s.last.Unsent != 3 {
			t.Errorf("%s: %+v", name, s.last)
		}
	}
}

// What an earlier life remembers it took back already.
func TestS9AnObjectionOfAnEarlierLifeTakesNothingBackAgain(t *testing.T) {
	s := returned(t, sync.Mark{Store: store, Cursor: 0, Known: []sync.Known{{Session: ann, Seq: 6}}})
	s.welcome(9)
	none[sync.Hello](s, s.batch(1, objection(sync.Hash{0xbb})))
	if s.last.Unsent != 0 {
		t.Errorf("%+v", s.last)
	}
}

// A snapshot says that it has more of a session than there is. What comes of it later is not in that for its word.
func TestS9ASnapshotCountsAsWhatWasHere(t *testing.T) {
	more := sync.Shared{Doc: doc, Entries: []sync.SharedEntry{
		{Ref: 50, Size: 200, Head: sync.Head{Session: ann, Seq: 7, Hash: sync.Hash{7}}, Prev: sync.Hash{6}},
		{Ref: 51, Size: 200, Head: sync.Head{Session: ann, Seq: 8, Hash: sync.Hash{8}}, Prev: sync.Hash{7}},
	}}
	claimed := func() *script {
		s := holder(t, true, 5)
		s.welcome(9)
		heads := []sync.Head{{Session: ann, Seq: 99, Hash: sync.Hash{99}}, {Session: eve, Seq: 3, Hash: sync.Hash{33}}}
		check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, goodEntry(7))), update(sync.Hash(certHash(good)), heads...))))
		effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, News: true})
		s.tell(sync.Merged{Doc: doc, Job: one[sync.Merge](s, effects).Job, Size: 500, Claims: heads})
		return s
	}
	t.Run("it goes up in another one", func(t *testing.T) {
		s := claimed()
		s.lose()
		s.tell(more)
		s.tell(sync.Missing{Doc: doc, Session: ann, First: 9})
		s.greet(2, store, 9)
		s.now += 60_000
		effects := s.tell(sync.Batch{Conn: 2, Doc: doc, UpTo: 9})
		one[sync.MakeSnapshot](s, effects)
		mark := one[sync.MarkChanged](s, effects).Mark
		if i := slices.IndexFunc(mark.Known, func(k sync.Known) bool { return k.Session == ann }); i < 0 || mark.Known[i].Seq != 6 {
			t.Errorf("the next life hears %+v", mark.Known)
		}
	})
	t.Run("an objection to another one makes it no more", func(t *testing.T) {
		s := claimed()
		other := sync.SessionID{0x66}
		s.judged(other, 8, 0)
		s.tell(more)
		before := s.last.Unsent
		s.openAll(s.batch(1, objection(sync.Hash(certHash(other)))), update(sync.Hash{8}))
		if before == 0 || s.last.Unsent < before {
			t.Errorf("%d unsent before, %d after", before, s.last.Unsent)
		}
	})
	t.Run("an objection to it ends the word for what is not here", func(t *testing.T) {
		s := claimed()
		effects := s.openAll(s.batch(1, objection(sync.Hash(certHash(good)))), update(sync.Hash{8}))
		isAnn := func(k sync.Known) bool { return k.Session == ann || k.Session == eve }
		if told, mark := one[sync.Learnt](s, effects), one[sync.MarkChanged](s, effects); slices.ContainsFunc(told.Known, isAnn) || slices.ContainsFunc(mark.Mark.Known, isAnn) {
			t.Errorf("other tabs hear %+v, the next life %+v", told.Known, mark.Mark.Known)
		}
	})
}

// Where a session goes on behind what a snapshot is said to have, that is believed, whatever is objected to later.
func TestS9WhatASessionWentOnBehindCounts(t *testing.T) {
	s := online(t)
	s.judged(good, 1, 0)
	heads := []sync.Head{{Session: eve, Seq: 6, Hash: sync.Hash{6}}}
	entry := goodEntry(2)
	entry.Session, entry.Prev = bob, certHash(bob)
	check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), update(sync.Hash(certHash(bob)), heads...))))
	effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, News: true})
	s.tell(sync.Merged{Doc: doc, Job: one[sync.Merge](s, effects).Job, Size: 500, Claims: heads})
	s.openAll(s.batch(1, arrive(3, eve, 7, sync.Hash{6})), update(sync.Hash{7}))
	if s.last.Unsent != 0 {
		t.Fatalf("%+v: the relay has all of it", s.last)
	}
	s.openAll(s.batch(1, objection(sync.Hash(certHash(good)))), update(sync.Hash{8}))
	if s.last.Unsent != 0 {
		t.Errorf("%+v: nobody objects to what has the beginning", s.last)
	}
}

// Somebody objects to what nobody made. When all of the log was read once more, what is good in it counts again, also what was not remembered.
func TestS9WhatIsReadOnceMoreCountsAgain(t *testing.T) {
	s := holder(t, true, 5)
	s.welcome(9)
	s.good(1)
	for i := range 5 {
		s.judged(sync.SessionID{0x55, byte(i)}, sync.Cursor(i+2), 0)
	}
	one[sync.Hello](s, s.openAll(s.batch(1, objection(sync.Hash{0xbb})), update(sync.Hash{8})))
	if s.last.Unsent == 0 {
		t.Error("an earlier life may have counted it")
	}
	s.again()
	if s.last.Unsent != 0 {
		t.Errorf("%+v", s.last)
	}
}

// One that comes once more counts once: an objection to it ends that.
func TestS9ASnapshotCountsOnce(t *testing.T) {
	s := holder(t, true, 5)
	s.welcome(9)
	s.good(1)
	one[sync.Hello](s, s.openAll(s.batch(1, objection(sync.Hash{0xbb})), update(sync.Hash{8})))
	s.again()
	s.openAll(s.batch(1, objectionAt(10, 1, sync.Hash{8}, sync.Hash(certHash(good)))), update(sync.Hash{9}))
	if s.last.Unsent != 3 {
		t.Errorf("%+v", s.last)
	}
}

// The tab that leads says that the relay lost something, or that it no longer counts what it did: what this one counted when it led is no more than that.
func TestS9WhatCountedWhenThisTabLedDoesNotComeBack(t *testing.T) {
	s := holder(t, true, 5)
	s.welcome(9)
	s.good(1)
	s.tell(sync.RelayHas{Doc: doc, Reset: true})
	other := sync.SessionID{0x66}
	s.judged(other, 2, 0)
	s.openAll(s.batch(1, objection(sync.Hash(certHash(other)))), update(sync.Hash{8}))
	if s.last.Unsent != 3 {
		t.Errorf("%+v", s.last)
	}
}

// No snapshot counts on another store either, nor for what was remembered of that.
func TestS9BesideAForkNoStoreCountsWhatItDid(t *testing.T) {
	s := covering(t, 5)
	s.lose()
	s.greet(2, sync.StoreID{8}, 9)
	s.tell(sync.Batch{Conn: 2, Doc: doc, Entries: []sync.Entry{arrive(3, carl, 0, certHash(carl))}, UpTo: 3})
	s.tell(sync.PresenceCame{Conn: 2, Doc: doc, Session: bob, Seq: 1, Heads: []sync.Head{{Session: carl, Seq: 0, Hash: sync.Hash{5}}}, Ref: 5001})
	s.openAll(s.tell(sync.Batch{Conn: 2, Doc: doc, Entries: []sync.Entry{objection(sync.Hash{0xaa})}, UpTo: 9}), update(sync.Hash{8}))
	s.tell(sync.SocketClosed{Conn: 2})
	s.now += 60_000
	s.tell(sync.Wake{})
	s.tell(sync.SocketOpen{Conn: 3})
	effects := s.tell(sync.Welcome{Conn: 3, Doc: doc, Store: store, Head: 3, Genesis: true})
	for _, told := range only[sync.Learnt](effects) {
		if slices.ContainsFunc(told.Known, func(k sync.Known) bool { return k.Session == ann }) {
			t.Errorf("other tabs hear of ann's, which only a snapshot has: %+v", told)
		}
	}
}

// A relay that answers at random gets no append after the other for it.
func TestS10ARelayThatAnswersAtRandomIsNotAskedForEver(t *testing.T) {
	for name, refusal := range map[string]sync.Refused{
		"it begins nowhere":     {Problem: sync.RelayStale},
		"it ends, and ends":     {Problem: sync.RelayGap, Next: 3},
		"it has none, and none": {Problem: sync.RelayGap},
	} {
		s := holder(t, true, 0)
		s.welcome(0)
		s.tell(sync.Refused{Conn: 1, Doc: doc, Session: ann, Problem: sync.RelayBusy, Retry: 10})
		s.tell(sync.RelayHas{Doc: doc, Known: []sync.Known{{Session: ann, Seq: 4}}})
		s.now += 100_000
		effects := s.tell(sync.Wake{})
		count := 0
		for ; len(only[sync.Append](effects)) > 0 && count < 20; count++ {
			refusal.Conn, refusal.Doc, refusal.Session = 1, doc, ann
			effects = s.tell(refusal)
		}
		if count == 0 || count > 5 {
			t.Errorf("%s: %d appends in one moment", name, count)
		}
	}
}

// Work on a snapshot ends when the relay was put back. It stands in the new log as well, and is read there.
func TestS13ASnapshotThatWasWorkedOnIsReadInTheNewLog(t *testing.T) {
	s := withAnn(t)
	check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, newer(6, 0, bob))), sync.OpenedItem{Hash: sync.Hash{0xaa}, Contents: []sync.OpenedContent{{}}})))
	s.lose()
	s.greet(2, store, 5) // it ended at 6
	s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 5, Genesis: true})
	s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Undecided, Problem: sync.NewerFormat})
	again, hers := newer(5, 0, bob), arrive(3, ann, 0, certHash(ann))
	again.Ref, hers.Ref = 3000, 3001
	one[sync.Open](s, s.tell(sync.Batch{Conn: 2, Doc: doc, Entries: []sync.Entry{hers, again}, UpTo: 5}))
}
