package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// Envelopes win over what snapshots say of them.

// claimed merges a snapshot that says it has ann's first n envelopes, the last of which has hash n. It came when the log ended at end.
func claimed(t *testing.T, n uint32, end sync.Cursor) *script {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	s.greet(1, store, end)
	claims := []sync.Head{{Session: ann, Seq: n - 1, Hash: sync.Hash{byte(n)}}}
	entry := sync.Entry{Ref: 1001, Cursor: 1, Kind: sync.KindSnapshot, Size: 500, Session: bob, Prev: certHash(bob)}
	check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), update(sync.Hash{0xaa}, claims...))))
	merge := one[sync.Merge](s, s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, News: true}))
	s.tell(sync.Merged{Doc: doc, Job: merge.Job, Size: 500, Claims: claims})
	return s
}

func shownBy(s *script, effects []sync.Effect) []sync.Ref {
	s.t.Helper()
	return one[sync.Show](s, effects).Refs
}

func TestS13WhatASnapshotSaysItHasIsTakenAllTheSameWhenItComes(t *testing.T) {
	s := claimed(t, 9, 1)
	for seq, prev := range []sync.Hash{certHash(ann), {1}, {2}} {
		effects := s.openAll(s.batch(1, arrive(sync.Cursor(3+seq), ann, uint32(seq), prev)), update(sync.Hash{byte(seq + 1)}))
		if shown := shownBy(s, effects); !reflect.DeepEqual(shown, []sync.Ref{sync.Ref(1003 + seq)}) {
			t.Fatalf("envelope %d: shown %v", seq, shown)
		}
		for _, st := range only[sync.StatusChanged](effects) {
			if st.Status.Problem != sync.NoProblem {
				t.Fatalf("envelope %d: %+v", seq, st)
			}
		}
	}
}

func TestS13ASessionThatPassesAClaimWithAnotherHashDidNotFork(t *testing.T) {
	s := claimed(t, 1, 1)
	effects := s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(4, ann, 1, sync.Hash{7})), update(sync.Hash{7}), update(sync.Hash{8}))
	if shown := shownBy(s, effects); len(shown) != 2 {
		t.Fatalf("shown %v", shown)
	}
	none[sync.Compare](s, effects)
}

func TestS13ASessionGoesOnBehindWhatTheRelayLetGo(t *testing.T) {
	s := claimed(t, 9, 1)
	effects := s.openAll(s.batch(1, arrive(3, ann, 9, sync.Hash{9})), update(sync.Hash{10}))
	if shown := shownBy(s, effects); !reflect.DeepEqual(shown, []sync.Ref{1003}) {
		t.Fatalf("shown %v", shown)
	}
	s.opens(s.batch(1, arrive(4, ann, 10, sync.Hash{10})), 1004)
}

func TestS13AGapIsCrossedOnlyWhenAllOfTheLogWasRead(t *testing.T) {
	s := claimed(t, 9, 1)
	effects := s.batch(1, arrive(3, ann, 7, sync.Hash{7})) // its own hash is not claimed: what leads up to it may be on its way
	none[sync.Open](s, effects)
	s.now += 60_000
	hello := one[sync.Hello](s, s.tell(sync.Wake{}))
	if hello.Since != 0 {
		t.Fatalf("it reads from %d", hello.Since)
	}
	s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Head: 3, Genesis: true})
	s.opens(s.batch(1, arrive(3, ann, 7, sync.Hash{7})), 1003)
}

func TestS13WhatComesOfAGapAfterwardsIsShownAndKept(t *testing.T) {
	s := claimed(t, 9, 1)
	s.openAll(s.batch(1, arrive(3, ann, 9, sync.Hash{9})), update(sync.Hash{10}))
	for seq, prev := range []sync.Hash{certHash(ann), {1}} {
		effects := s.batch(1, arrive(sync.Cursor(4+seq), ann, uint32(seq), prev))
		open := one[sync.Open](s, effects)
		store := one[sync.Store](s, s.tell(opened(open, update(sync.Hash{byte(seq + 1)}))))
		if shown := shownBy(s, s.tell(sync.StoreDone{Doc: doc, Job: store.Job})); !reflect.DeepEqual(shown, open.Refs) {
			t.Fatalf("envelope %d: shown %v", seq, shown)
		}
	}
	none[sync.Open](s, s.batch(1, arrive(7, ann, 0, certHash(ann)))) // it is not missing any more
	s.opens(s.batch(1, arrive(8, ann, 10, sync.Hash{10})), 1008)
}

func TestS8WhatIsClaimedCountsAsSeenWhenNothingOfItIsToCome(t *testing.T) {
	s := claimed(t, 9, 1)
	seen := sync.Head{Session: ann, Seq: 5}
	s.batch(1, arrive(3, ann, 1, sync.Hash{1})) // the first of ann is on its way
	carl := sync.SessionID{4}
	effects := s.openAll(s.batch(1, arrive(4, carl, 0, certHash(carl))), update(sync.Hash{8}, seen))
	none[sync.Show](s, effects)
	effects = s.openAll(s.batch(1, arrive(5, ann, 0, certHash(ann))), update(sync.Hash{1}), update(sync.Hash{2}))
	if shown := shownBy(s, effects); !reflect.DeepEqual(shown, []sync.Ref{1005, 1003, 1004}) {
		t.Fatalf("shown %v", shown)
	}
}

func TestS13WhoseSessionItIsKnowsBest(t *testing.T) {
	s := claimed(t, 9, 1)
	objection := arrive(3, ann, 0, certHash(ann))
	objection.Kind, objection.About, objection.Verdict = sync.KindAttest, sync.Hash{0xaa}, sync.Objection
	s.openAll(s.batch(1, objection), update(sync.Hash{1}))
	none[sync.Open](s, s.batch(1, arrive(4, ann, 9, sync.Hash{9})))
}

func TestS13NoEditNamesWhatIsOnlyClaimed(t *testing.T) {
	s := claimed(t, 9, 1)
	if seal := one[sync.Seal](s, s.tell(sync.Local{Doc: doc, Ref: 1, To: 1})); len(seal.Deps) != 0 {
		t.Fatalf("%+v", seal.Deps)
	}
}

func TestS13WhatIsOnlyHereGoesToARelayThatLostItsDisk(t *testing.T) {
	s := claimed(t, 9, 1)
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 60_000
	connect := one[sync.Connect](s, s.tell(sync.Wake{}))
	s.tell(sync.SocketOpen{Conn: connect.Conn})
	effects := s.tell(sync.Welcome{Conn: connect.Conn, Doc: doc, Store: sync.StoreID{8}, Head: 0, Genesis: true})
	one[sync.MakeSnapshot](s, effects)
}

func TestS13ClaimsAndGapsOutliveTheirLife(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own),
		Heads:  []sync.Stored{{Head: sync.Head{Session: ann, Seq: 9, Hash: sync.Hash{10}}, First: 9, Tail: 200, Hole: 7}},
		Claims: []sync.Head{{Session: ann, Seq: 8, Hash: sync.Hash{9}}, {Session: bob, Seq: 3, Hash: sync.Hash{4}}},
	})
	s.greet(1, store, 0)
	late := arrive(3, ann, 2, sync.Hash{2})
	if shown := shownBy(s, s.openAll(s.batch(1, late), update(sync.Hash{3}))); !reflect.DeepEqual(shown, []sync.Ref{late.Ref}) {
		t.Fatalf("shown %v", shown)
	}
	s.openAll(s.batch(1, arrive(4, bob, 4, sync.Hash{4})), update(sync.Hash{5}))
}

func TestS13NobodyClaimsMoreThanASessionCanHave(t *testing.T) {
	for _, seq := range []uint32{1<<32 - 3, 1<<32 - 2, 1<<32 - 1} {
		s := claimed(t, 1, 1)
		s.tell(sync.SharedSnapshot{Doc: doc, Claims: []sync.Head{{Session: ann, Seq: seq, Hash: sync.Hash{7}}}})
		last := arrive(3, ann, 1<<32-1, sync.Hash{7})
		none[sync.Open](s, s.batch(1, last)) // behind it no place could be counted
	}
}

func TestS13WhatCameOfAGapIsNotStoredAgain(t *testing.T) {
	s := claimed(t, 9, 1)
	s.openAll(s.batch(1, arrive(3, ann, 9, sync.Hash{9})), update(sync.Hash{10}))
	s.openAll(s.batch(1, arrive(4, ann, 4, sync.Hash{4})), update(sync.Hash{5})) // from its middle
	for cursor := sync.Cursor(5); cursor < 9; cursor++ {
		none[sync.Open](s, s.batch(1, arrive(cursor, ann, 4, sync.Hash{4})))
	}
	s.openAll(s.batch(1, arrive(9, ann, 3, sync.Hash{3})), update(sync.Hash{4})) // what is around it is missing still
	s.openAll(s.batch(1, arrive(10, ann, 5, sync.Hash{5})), update(sync.Hash{6}))
}

func TestS13WhatStandsBetweenTwoGapsIsNotStoredAgain(t *testing.T) {
	s := claimed(t, 9, 4)
	effects := s.batch(1, arrive(3, ann, 4, sync.Hash{4}), arrive(4, ann, 9, sync.Hash{9}))
	for _, hash := range []byte{5, 10} {
		effects = s.openAll(effects, update(sync.Hash{hash}))
	}
	none[sync.Open](s, s.batch(1, arrive(5, ann, 4, sync.Hash{4})))
	for cursor, seq := range []uint32{3, 5} {
		s.openAll(s.batch(1, arrive(6+sync.Cursor(cursor), ann, seq, sync.Hash{byte(seq)})), update(sync.Hash{byte(seq + 1)}))
	}
}

// Each session of which there is nothing but a claim costs its part of every step.
func TestS13OfTooManyClaimsTheFirstAreKept(t *testing.T) {
	s := claimed(t, 9, 1)
	made := make([]sync.Head, 30_000)
	for i := range made {
		made[i] = sync.Head{Session: stranger(i), Seq: 5, Hash: sync.Hash{1}}
	}
	for n, claims := range [][]sync.Head{made[:20_000], append(made[20_000:], sync.Head{Session: ann, Seq: 19, Hash: sync.Hash{20}})} {
		entry := sync.Entry{Ref: sync.Ref(2000 + n), Cursor: sync.Cursor(2 + n), Kind: sync.KindSnapshot, Size: 500, Session: sync.SessionID{200, byte(n)}}
		check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), update(sync.Hash{0xab}, claims...))))
		merge := one[sync.Merge](s, s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, News: true}))
		s.tell(sync.Merged{Doc: doc, Job: merge.Job, Size: 500, Claims: claims})
	}
	if n := s.m.Sessions(); n > 10_010 {
		t.Fatalf("%d sessions", n)
	}
	s.opens(s.batch(1, arrive(9, ann, 20, sync.Hash{20})), 1009) // of a session that was known before, more is believed
}
