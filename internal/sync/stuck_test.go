package sync_test

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// What the core of this device does not take stays in the journal, and a session that has it goes into no file any further.

func TestS12WhatNoFileTakesIsNotFoldedAgainAndAgain(t *testing.T) {
	s := online(t)
	big := sync.Entry{Ref: 50, Cursor: 3, Size: 300_000, Session: ann, Prev: certHash(ann)}
	due := one[sync.Checkpoint](s, s.openAll(s.batch(1, big), update(sync.Hash{4})))
	if len(due.Covers) != 1 {
		t.Fatalf("%+v", due)
	}
	s.tell(sync.Checkpointed{Doc: doc, Size: 1000})
	next := sync.Entry{Ref: 51, Cursor: 6, Size: 300_000, Session: ann, First: 1, Seq: 1, Prev: sync.Hash{4}}
	none[sync.Checkpoint](s, s.openAll(s.batch(1, next), update(sync.Hash{5})))
	other := sync.Entry{Ref: 52, Cursor: 9, Size: 300_000, Session: bob, Prev: certHash(bob)}
	due = one[sync.Checkpoint](s, s.openAll(s.batch(1, other), update(sync.Hash{6})))
	if len(due.Covers) != 1 || due.Covers[0].Session != bob {
		t.Fatalf("%+v: others are folded as before, and nothing of ann is", due)
	}
}

func TestS9WhatNoFileTakesIsNotPutIntoOneAgainAndAgain(t *testing.T) {
	s := lacking(t)
	s.made(4) // the file has what the snapshot before it had, and not what came behind that
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
	s.tell(sync.Refused{Conn: 1, Doc: doc, Session: ann, Problem: sync.RelayStale, Next: 9}) // nor do the envelopes touch what is there
	for range 500 {
		s.now += 20_000
		none[sync.MakeSnapshot](s, s.tell(sync.Pong{Conn: 1}))
	}
}

func TestS18NoSnapshotOfALongLogLeavesSomethingOut(t *testing.T) {
	s := online(t)
	big := sync.Entry{Ref: 50, Cursor: 3, Size: 300_000, Session: ann, Prev: certHash(ann)}
	one[sync.Checkpoint](s, s.openAll(s.batch(1, big), update(sync.Hash{4})))
	s.tell(sync.Checkpointed{Doc: doc, Size: 1000})
	for range 10 {
		s.now += 20_000
		none[sync.MakeSnapshot](s, s.tell(sync.Pong{Conn: 1}))
	}
}

// A file is made without what waits for something that was asked for in vain. When that comes, it can have both.
func TestS9WhatNoFileTookForTheLackOfSomethingGoesIntoOneWhenThatCame(t *testing.T) {
	s := online(t)
	big := sync.Entry{Ref: 50, Cursor: 3, Size: 300_000, Session: ann, Prev: certHash(ann)}
	carl := sync.SessionID{4}
	s.openAll(s.batch(1, big), update(sync.Hash{4}, sync.Head{Session: carl, Seq: 0, Hash: sync.Hash{8}}))
	for range 600 { // the relay is asked for it, and has it not
		s.now += 1000
		for range only[sync.Hello](s.tell(sync.Pong{Conn: 1})) {
			s.welcome(3)
			s.batch(1, big)
		}
	}
	due := one[sync.Checkpoint](s, s.tell(sync.Local{Doc: doc, Ref: 1, To: 1}))
	if len(due.Covers) != 1 || due.Covers[0].Session != ann {
		t.Fatalf("%+v: ann is shown all the same", due)
	}
	s.tell(sync.Checkpointed{Doc: doc, Size: 1000}) // the core does not take it
	none[sync.Checkpoint](s, s.tell(sync.Local{Doc: doc, Ref: 2, To: 2}))
	s.openAll(s.batch(1, arrive(6, carl, 0, certHash(carl))), update(sync.Hash{8}))
	due = one[sync.Checkpoint](s, s.tell(sync.Local{Doc: doc, Ref: 3, To: 3}))
	if len(due.Covers) != 2 {
		t.Fatalf("%+v: with carl's, ann's can go into a file, and so to other relays", due)
	}
}
