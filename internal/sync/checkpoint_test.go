package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

func TestS12WhatWaitsForEverStopsNoCheckpoint(t *testing.T) {
	s := online(t)
	needs := []sync.Head{{Session: bob, Seq: 0, Hash: sync.Hash{8}}}
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, ann, 1, sync.Hash{4})), update(sync.Hash{4}), update(sync.Hash{5}, needs...))
	carl := sync.SessionID{4}
	big := sync.Entry{Ref: 50, Cursor: 9, Size: 300_000, Session: carl, Prev: certHash(carl)}
	due := one[sync.Checkpoint](s, s.openAll(s.batch(1, big), update(sync.Hash{6})))
	if want := []sync.Known{{Session: ann, Seq: 0}, {Session: carl, Seq: 0}}; !reflect.DeepEqual(due.Covers, want) {
		t.Fatalf("it covers %+v: what is shown, and not what waits", due.Covers)
	}
}

func TestS12AFileHasNothingThatTheDeviceMayStillLose(t *testing.T) {
	s := online(t)
	s.tell(sync.Local{Doc: doc, Ref: 1, To: 1})
	stores := one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: 200, Hash: sync.Hash{1}}))
	big := sync.Entry{Ref: 50, Cursor: 9, Size: 300_000, Session: ann, Prev: certHash(ann)}
	due := one[sync.Checkpoint](s, s.openAll(s.batch(1, big), update(sync.Hash{6})))
	if want := []sync.Known{{Session: ann, Seq: 0}}; !reflect.DeepEqual(due.Shown, want) {
		t.Fatalf("%+v is in the file while ours is being stored", due.Shown)
	}
	s.tell(sync.Checkpointed{Doc: doc, Covers: due.Covers})
	s.tell(sync.StoreDone{Doc: doc, Job: stores.Job})
	big = sync.Entry{Ref: 51, Cursor: 10, Size: 300_000, Session: ann, Seq: 1, First: 1, Prev: sync.Hash{6}}
	due = one[sync.Checkpoint](s, s.openAll(s.batch(1, big), update(sync.Hash{7})))
	if want := []sync.Known{{Session: own, Seq: 0}, {Session: ann, Seq: 1}}; !reflect.DeepEqual(due.Shown, want) {
		t.Fatalf("%+v is in the file when ours is stored", due.Shown)
	}
}

// aheadOfItsChain gives a writer with two envelopes on the device: the relay's chain has the first, and a snapshot there has both.
func aheadOfItsChain(t *testing.T, size uint32) *script {
	s := online(t)
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 1})
	s.tell(sync.Local{Doc: doc, Ref: 2, To: 2})
	job := one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: size, Hash: sync.Hash{2}})).Job
	s.tell(sync.StoreDone{Doc: doc, Job: job})
	s.tell(sync.RelayHas{Doc: doc, Known: []sync.Known{{Session: own, Seq: 1}}})
	return s
}

func TestS4ASessionThatGoesOnIsSentAlthoughASnapshotHasIt(t *testing.T) {
	s := aheadOfItsChain(t, 200)
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 60_000
	s.tell(sync.Wake{})
	s.tell(sync.SocketOpen{Conn: 2})
	sent := one[sync.Append](s, s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 1, Genesis: true}))
	if sent.Session != own || sent.From != 1 || sent.To != 1 {
		t.Fatalf("%+v: what follows it would find a gap", sent)
	}
}

func TestS12ASnapshotOnTheRelayMakesNoChainLonger(t *testing.T) {
	s := aheadOfItsChain(t, 300_000)
	big := sync.Entry{Ref: 50, Cursor: 9, Size: 300_000, Session: ann, Prev: certHash(ann)}
	due := one[sync.Checkpoint](s, s.openAll(s.batch(1, big), update(sync.Hash{6})))
	if want := []sync.Known{{Session: own, Seq: 0}, {Session: ann, Seq: 0}}; !reflect.DeepEqual(due.Covers, want) {
		t.Fatalf("it covers %+v: only the journal can still send the second of ours", due.Covers)
	}
}

// A long reading goes from one run to the next. Were the tail only folded when it is over, each snapshot in the log would be checked against all of it.
func TestS12ALongReadingIsFoldedOnItsWay(t *testing.T) {
	s := online(t)
	s.lose()
	s.greet(2, store, 11)
	big := sync.Entry{Ref: 50, Cursor: 9, Size: 300_000, Session: ann, Prev: certHash(ann)}
	next := sync.Entry{Ref: 51, Cursor: 10, Kind: sync.KindSnapshot, Size: 200, Session: carl, Prev: certHash(carl)}
	effects := s.openAll(s.batch(2, big, next), update(sync.Hash{6}))
	if due := one[sync.Checkpoint](s, effects); len(due.Covers) != 1 || due.Covers[0].Session != ann {
		t.Fatalf("%+v", due.Covers)
	}
	if open := one[sync.Open](s, effects); open.Session != carl {
		t.Fatalf("the reading goes on, not with %+v", open)
	}
}

// Who comes to a log of single envelopes waits for the end of it: what is folded on the way is opened twice before anything of it is seen.
func TestS12AReadingWithoutSnapshotsIsFoldedAtItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		size uint32
		due  bool
	}{"short": {300_000, false}, "so long that it would be too much for a tail": {5 << 20, true}} {
		s := online(t)
		s.lose()
		s.greet(2, store, 11)
		big := sync.Entry{Ref: 50, Cursor: 9, Size: c.size, Session: ann, Prev: certHash(ann)}
		effects := s.openAll(s.batch(2, big), update(sync.Hash{6}))
		if due := only[sync.Checkpoint](effects); (len(due) > 0) != c.due {
			t.Errorf("%s: %+v on the way", name, due)
		}
		effects = s.tell(sync.Batch{Conn: 2, Doc: doc, UpTo: 11})
		if due := only[sync.Checkpoint](effects); (len(due) > 0) == c.due {
			t.Errorf("%s: %+v at its end", name, due)
		}
	}
}

// A file system shows what another tab writes before it is flushed. In a file of this tab it might stay when a power cut takes the record.
func TestS12WhatWasReadOfAnotherTabGoesIntoNoFileAtOnce(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	big := sync.SharedEntry{Ref: 5, Size: 300_000, Head: sync.Head{Session: ann, Hash: sync.Hash{9}}}
	effects := s.tell(sync.Shared{Doc: doc, Whole: true, Entries: []sync.SharedEntry{big}})
	one[sync.Show](s, effects)
	none[sync.Checkpoint](s, effects)
	none[sync.Checkpoint](s, s.wake(1_999))
	if due := one[sync.Checkpoint](s, s.wake(1)); len(due.Covers) != 1 || due.Covers[0].Session != ann {
		t.Fatalf("%+v", due.Covers)
	}
}

// Who opens a document that another tab writes reads the same.
func TestS12WhatIsOpenedOfAnotherTabGoesIntoNoFileAtOnce(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	live := sync.Stored{Head: sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}}, Tail: 300_000, Live: true}
	ended := sync.Stored{Head: sync.Head{Session: bob, Seq: 6, Hash: sync.Hash{7}}, Tail: 300_000}
	none[sync.Checkpoint](s, s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Heads: []sync.Stored{live, ended}}))
	none[sync.Checkpoint](s, s.wake(1_999))
	one[sync.Checkpoint](s, s.wake(1))
}

// Nor into a snapshot for the relay: see there.
func TestS12WhatWasReadOfAnotherTabGoesIntoNoSnapshotAtOnce(t *testing.T) {
	s := online(t)
	s.write(1)
	read := sync.SharedEntry{Ref: 15, Size: 200, Head: sync.Head{Session: ann, Hash: sync.Hash{9}}}
	one[sync.Show](s, s.tell(sync.Shared{Doc: doc, Whole: true, Entries: []sync.SharedEntry{read}}))
	none[sync.MakeSnapshot](s, s.tell(sync.Missing{Doc: doc, Session: own, First: 1}))
	none[sync.MakeSnapshot](s, s.wake(1_999))
	one[sync.MakeSnapshot](s, s.wake(1))
}
