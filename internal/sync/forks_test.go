package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// shared is one envelope of ann that another hub of the device made durable.
func shared(ref sync.Ref, seq uint32, prev, hash sync.Hash) sync.Shared {
	return sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Ref: ref, Size: 200, Head: sync.Head{Session: ann, Seq: seq, Hash: hash}, Prev: prev}}}
}

// isForked fails unless a session was frozen, and the device's two histories of it are compared.
func (s *script) isForked(effects []sync.Effect) {
	s.t.Helper()
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.Forked {
		s.t.Fatalf("problem %d", p)
	}
	if c := one[sync.Compare](s, effects); c.Session != ann || len(c.Refs) != 0 {
		s.t.Fatalf("%+v: of ann the device has both", c)
	}
	none[sync.Show](s, effects)
	none[sync.Reread](s, effects)
}

func TestS19WhatFollowsAnotherHistoryIsNotTakenOfAnotherHub(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	effects := s.tell(shared(50, 1, sync.Hash{5}, sync.Hash{6}))
	s.isForked(effects)
	if refs := one[sync.Drop](s, effects).Refs; !reflect.DeepEqual(refs, []sync.Ref{50}) {
		t.Fatalf("dropped: %v", refs)
	}
	// Neither history gets longer, nor is it compared again.
	for _, next := range []sync.Shared{shared(51, 1, sync.Hash{4}, sync.Hash{7}), shared(52, 2, sync.Hash{6}, sync.Hash{8})} {
		effects = s.tell(next)
		one[sync.Drop](s, effects)
		none[sync.Show](s, effects)
		none[sync.Compare](s, effects)
		none[sync.Reread](s, effects)
	}
}

func TestS19AnotherOneInThePlaceOfOneThatIsHereIsAFork(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, ann, 1, sync.Hash{4})), update(sync.Hash{4}), update(sync.Hash{5}))
	effects := s.tell(shared(50, 0, certHash(ann), sync.Hash{4})) // the same, by the other relay
	none[sync.Compare](s, effects)
	none[sync.StatusChanged](s, effects)
	s.isForked(s.tell(shared(51, 1, sync.Hash{4}, sync.Hash{9}))) // it follows the same one
}

func TestS19WhatIsReadFromTheStoreIsHeldAgainstTheChainToo(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	whole := shared(50, 1, sync.Hash{5}, sync.Hash{6})
	whole.Whole = true
	s.isForked(s.tell(whole))
}

// While a run is on its way to the store, another hub stores the other history in its place.
func TestS19OfTwoHistoriesThatAreStoredAtOnceOneIsShown(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	effects := s.batch(1, arrive(6, ann, 1, sync.Hash{4}), arrive(9, ann, 2, sync.Hash{5}))
	job := one[sync.Store](s, s.tell(opened(one[sync.Open](s, effects), update(sync.Hash{5}), update(sync.Hash{6})))).Job
	one[sync.Show](s, s.tell(shared(50, 1, sync.Hash{4}, sync.Hash{7})))
	effects = s.tell(sync.StoreDone{Doc: doc, Job: job})
	none[sync.Show](s, effects)
	none[sync.Spread](s, effects)
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.Forked {
		t.Fatalf("problem %d", p)
	}
	if refs := one[sync.Compare](s, effects).Refs; !reflect.DeepEqual(refs, []sync.Ref{1006, 1009}) {
		t.Fatalf("compared: %v", refs)
	}
}

// A pack names the one before its first, and its last: what is between has no hash.
func TestS19ThePlacesOfAPackGoOnWithoutHashes(t *testing.T) {
	s := online(t)
	pack := sync.Shared{Doc: doc, Entries: []sync.SharedEntry{
		{Ref: 50, Size: 200, Head: sync.Head{Session: ann, Seq: 0}, Prev: certHash(ann)},
		{Ref: 51, Size: 200, Head: sync.Head{Session: ann, Seq: 1}},
		{Ref: 52, Size: 200, Head: sync.Head{Session: ann, Seq: 2, Hash: sync.Hash{6}}},
	}}
	if refs := one[sync.Show](s, s.tell(pack)).Refs; len(refs) != 3 {
		t.Fatalf("shown: %v", refs)
	}
	one[sync.Show](s, s.tell(shared(53, 3, sync.Hash{6}, sync.Hash{7})))
	s.isForked(s.tell(shared(54, 4, sync.Hash{8}, sync.Hash{9})))
}

func TestS5AFrozenSessionIsComparedUntilThereIsAProof(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	s.isForked(s.tell(shared(50, 1, sync.Hash{5}, sync.Hash{6})))
	one[sync.Compare](s, s.batch(1, arrive(6, ann, 1, sync.Hash{5})))
	s.tell(sync.Proven{Doc: doc, Session: ann})
	effects := s.batch(1, arrive(9, ann, 2, sync.Hash{6}))
	none[sync.Compare](s, effects)
	one[sync.Drop](s, effects)
}

// Of what a checkpoint took in there is the hash alone: enough to freeze, not to show others.
func TestS5ABareContradictionFreezesAndIsTold(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	one[sync.Compare](s, s.batch(1, arrive(6, ann, 0, certHash(ann))))
	effects := s.tell(sync.Proven{Doc: doc, Session: ann, Bare: true})
	if kept := one[sync.KeepForked](s, effects); kept.Session != ann {
		t.Fatalf("%+v is remembered", kept)
	}
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.Forked {
		t.Fatalf("problem %d", p)
	}
	none[sync.KeepForked](s, s.tell(sync.Proven{Doc: doc, Session: ann, Bare: true})) // of another hub, which heard it from here
	effects = s.batch(1, arrive(9, ann, 1, sync.Hash{4}))
	none[sync.Open](s, effects)
	one[sync.Compare](s, effects) // a proof may still come of it
}

// No snapshot can say that it has what a relay has of a session that forked: the log would be as long after each.
func TestS18NoSnapshotShortensALogWithAForkedSession(t *testing.T) {
	for _, isForked := range []bool{false, true} {
		s := online(t)
		long := arrive(3, ann, 0, certHash(ann))
		long.Size = 300 << 10
		s.openAll(s.batch(1, long), update(sync.Hash{4}))
		if isForked {
			s.tell(sync.Proven{Doc: doc, Session: ann})
		}
		s.now += 60_000
		if made := only[sync.MakeSnapshot](s.tell(sync.Wake{})); (len(made) > 0) == isForked {
			t.Fatalf("forked %v: %d snapshots", isForked, len(made))
		}
	}
}

// A checkpoint may have taken the first history in: then there is no proof, and that it forked is told after a restart all the same.
func TestS5AForkWithoutAProofIsRemembered(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	effects := s.tell(opened(one[sync.Open](s, s.batch(1, arrive(6, ann, 1, sync.Hash{5}))), update(sync.Hash{6})))
	if kept := one[sync.KeepForked](s, effects); kept.Session != ann {
		t.Fatalf("%+v", kept)
	}
	none[sync.KeepForked](s, s.batch(1, arrive(9, ann, 2, sync.Hash{6})))
	none[sync.KeepForked](s, s.tell(sync.Proven{Doc: doc, Session: bob})) // the proof is kept already

	s = newScript(t)
	effects = s.tell(sync.DocOpen{
		Doc: doc, Keyed: true, Content: true, Frozen: []sync.SessionID{ann},
		Heads: []sync.Stored{{Head: sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}}, First: 1}},
	})
	none[sync.KeepForked](s, effects)
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.Forked {
		t.Fatalf("problem %d", p)
	}
}

// Who is shown another history hears of it from the others, although their snapshots, which have the other one, were objected to before.
func TestS17ThatOthersHaveAnotherHistoryIsGraverThanABadSnapshot(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	entry := sync.Entry{Ref: 1006, Cursor: 6, Kind: sync.KindSnapshot, Size: 500, Session: bob, Prev: certHash(bob)}
	check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), update(sync.Hash{0xaa}, sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{5}}))))
	effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Objection})
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.BadSnapshot {
		t.Fatalf("problem %d", p)
	}
	effects = s.tell(sync.PresenceCame{Conn: 1, Doc: doc, Session: sync.SessionID{7}, Heads: []sync.Head{{Session: ann, Seq: 0, Hash: sync.Hash{5}}}})
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.Divided {
		t.Fatalf("problem %d", p)
	}
}
