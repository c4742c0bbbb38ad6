package sync_test

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// long gives a device with ann's seven envelopes, on a relay that has them up to its ninth place behind a snapshot.
func long(t *testing.T, writable bool, log sync.Length) *script { return longRead(t, writable, log, 9) }

// longRead is long where the device has read the log up to another place.
func longRead(t *testing.T, writable bool, log sync.Length, upTo sync.Cursor) *script {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{
		Doc: doc, Writable: writable, Keyed: true, Content: true, Snapshot: 1000,
		Heads: []sync.Stored{{Head: sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}}, Tail: 1400}},
		Marks: []sync.Mark{{Store: store, Cursor: upTo, Log: log, Known: []sync.Known{{Session: ann, Seq: 6}}}},
	})
	s.tell(sync.SocketOpen{Conn: 1})
	return s
}

// wait lets 40 seconds pass and gives what happened.
func (s *script) wait(effects []sync.Effect) []sync.Effect {
	for range 40 {
		s.now += 1000
		effects = append(effects, s.tell(sync.Pong{Conn: 1})...) // a sign of life, so that the connection stays
	}
	return effects
}

func TestS18ALongLogGetsASnapshotThatSaysHowFarItReaches(t *testing.T) {
	s := long(t, true, sync.Length{Tail: 300 << 10, Snapshot: 100 << 10})
	none[sync.MakeSnapshot](s, s.welcome(9)) // somebody else may be first
	one[sync.MakeSnapshot](s, s.wait(nil))
	effects := s.tell(sync.SnapshotSealed{Doc: doc, Ref: snapshotRef, Size: 5000, Hash: sync.Hash{0x77}, Session: bob, Covers: []sync.Head{{Session: ann, Seq: 6, Hash: sync.Hash{6}}}})
	if up := one[sync.Upload](s, effects); up.Covers != 9 || up.Store != store {
		t.Fatalf("%+v", up)
	}
	effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Cursor: 10})
	if mark := one[sync.MarkChanged](s, effects).Mark; mark.Log != (sync.Length{Snapshot: 5000}) {
		t.Fatalf("%+v", mark)
	}
	none[sync.MakeSnapshot](s, s.wait(nil))
}

func TestS18ShortLogsAndReadersMakeNone(t *testing.T) {
	for name, s := range map[string]*script{
		"a short log":               long(t, true, sync.Length{Tail: 200 << 10}),
		"less than half a snapshot": long(t, true, sync.Length{Tail: 300 << 10, Snapshot: 700 << 10}),
		"a reader":                  long(t, false, sync.Length{Tail: 300 << 10}),
	} {
		t.Run(name, func(t *testing.T) {
			s.welcome(9)
			none[sync.MakeSnapshot](s, s.wait(nil))
		})
	}
}

// The relay may hold everything back, and take what is written all the same.
func TestS18ALogOfWhichNothingWasReadGetsNone(t *testing.T) {
	s := longRead(t, true, sync.Length{Tail: 300 << 10}, 0)
	s.welcome(0)
	none[sync.MakeSnapshot](s, s.wait(nil))
}

func TestS18WhoeverComesFirstSpares(t *testing.T) {
	s := long(t, true, sync.Length{Tail: 300 << 10})
	s.welcome(9)
	_, effects := s.judged(bob, 12, 9, sync.Head{Session: ann, Seq: 6, Hash: sync.Hash{6}})
	none[sync.MakeSnapshot](s, s.wait(effects))
}

func TestS18WhatCameMeanwhileIsNotCovered(t *testing.T) {
	s := long(t, true, sync.Length{Tail: 300 << 10})
	s.welcome(9)
	one[sync.MakeSnapshot](s, s.wait(nil))
	carl := sync.SessionID{4}
	s.openAll(s.batch(1, arrive(12, carl, 0, certHash(carl))), update(sync.Hash{4}))
	effects := s.tell(sync.SnapshotSealed{Doc: doc, Ref: snapshotRef, Size: 5000, Session: bob, Covers: []sync.Head{{Session: ann, Seq: 6, Hash: sync.Hash{6}}}})
	if up := one[sync.Upload](s, effects); up.Covers != 9 {
		t.Fatalf("it has all up to 9, and says %d", up.Covers)
	}
	s = long(t, true, sync.Length{Tail: 300 << 10})
	s.welcome(9)
	one[sync.MakeSnapshot](s, s.wait(nil))
	effects = s.tell(sync.SnapshotSealed{Doc: doc, Ref: snapshotRef, Size: 5000, Session: bob, Covers: []sync.Head{{Session: ann, Seq: 5, Hash: sync.Hash{5}}}})
	if up := one[sync.Upload](s, effects); up.Covers != 0 {
		t.Fatalf("it lacks one, and says that it has all up to %d", up.Covers)
	}
}

func TestS18TheLogIsMeasured(t *testing.T) {
	s := online(t)
	big := arrive(3, ann, 0, certHash(ann))
	big.Size = 10_144
	effects := s.openAll(s.batch(1, big, arrive(6, ann, 1, sync.Hash{4})), update(sync.Hash{4}), update(sync.Hash{5}))
	if log := one[sync.MarkChanged](s, effects).Mark.Log; log.Tail != 10_000+56 {
		t.Fatalf("%+v", log)
	}
	s.write(1)
	effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 7})
	if log := one[sync.MarkChanged](s, effects).Mark.Log; log.Tail != 10_000+2*56 {
		t.Fatalf("%+v", log)
	}
}

func TestS18ASnapshotNamesTheOneBeforeIt(t *testing.T) {
	s := long(t, true, sync.Length{Tail: 600 << 10})
	s.welcome(9)
	check := s.snapshot(12, 0) // sound, and says nothing of the log
	s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, Ref: 70})
	if made := one[sync.MakeSnapshot](s, s.wait(nil)); made.Parent != (sync.Hash{0xaa}) {
		t.Fatalf("%+v", made)
	}
}
