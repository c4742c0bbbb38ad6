package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// unreadable gives a snapshot of bob's that only a newer version reads: with nothing that it says it covers, or of a file that does not open here.
func (s *script) unreadable(cursor, covers sync.Cursor, by sync.SessionID, contents ...sync.OpenedContent) []sync.Effect {
	s.t.Helper()
	return s.unread(s.batch(1, newer(cursor, covers, by)), contents...)
}

func newer(cursor, covers sync.Cursor, by sync.SessionID) sync.Entry {
	return sync.Entry{Ref: sync.Ref(1000 + cursor), Cursor: cursor, Kind: sync.KindSnapshot, Size: 500, Session: by, Prev: certHash(by), Covers: covers}
}

// unread opens one that came, which only a newer version reads.
func (s *script) unread(effects []sync.Effect, contents ...sync.OpenedContent) []sync.Effect {
	s.t.Helper()
	check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, effects), sync.OpenedItem{Hash: sync.Hash{0xaa}, Contents: contents})))
	return s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Undecided, Problem: sync.NewerFormat})
}

// cursors are those that a next life would read from.
func cursors(effects []sync.Effect) (all []sync.Cursor) {
	for _, e := range only[sync.MarkChanged](effects) {
		all = append(all, e.Mark.Cursor)
	}
	return all
}

func TestS13WhatOnlyANewerVersionReadsHoldsNothingAndIsReadInTheNextLife(t *testing.T) {
	s := withAnn(t)
	effects := s.unreadable(6, 3, bob)
	none[sync.SealAttest](s, effects)
	if p := one[sync.StatusChanged](s, effects).Status; p.Problem != sync.NewerFormat || p.Content != sync.ContentPartial {
		t.Fatalf("status %+v", p)
	}
	effects = append(effects, s.openAll(s.batch(1, arrive(8, ann, 1, sync.Hash{4})), update(sync.Hash{5}))...)
	one[sync.Show](s, effects)
	if s.m.Arrivals() != 0 {
		t.Fatal("it stays in the way of what comes behind it")
	}
	for _, c := range cursors(effects) {
		if c >= 6 {
			t.Fatalf("a newer version would not read it: cursor %d", c)
		}
	}
	s.now += 30_000
	one[sync.MakeSnapshot](s, s.tell(sync.Wake{}))
	effects = s.tell(sync.SnapshotSealed{Doc: doc, Ref: 80, Session: sync.SessionID{8}, Covers: []sync.Head{{Session: ann, Seq: 1, Hash: sync.Hash{5}}}})
	if up := one[sync.Upload](s, effects); up.Covers != 0 {
		t.Fatalf("it may leave out what only a newer version reads: uploads %+v", up)
	}
	effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: sync.SessionID{8}, Cursor: 9})
	if got := cursors(effects); !reflect.DeepEqual(got, []sync.Cursor{5}) {
		t.Fatalf("the next life reads from %v", got)
	}
	s.now += 100 * 60_000
	none[sync.MakeSnapshot](s, s.tell(sync.Wake{}))
}

func TestS13AFileThatOnlyANewerVersionReadsIsPassedByWhoHasWhatItCovers(t *testing.T) {
	s := withAnn(t)
	head := sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}}
	s.unreadable(6, 3, bob, sync.OpenedContent{Deps: []sync.Head{head}})
	s.now += 30_000
	one[sync.MakeSnapshot](s, s.tell(sync.Wake{}))
	if up := one[sync.Upload](s, s.tell(sync.SnapshotSealed{Doc: doc, Ref: 80, Session: sync.SessionID{8}, Covers: []sync.Head{head}})); up.Covers != 6 {
		t.Fatalf("uploads %+v", up)
	}
	effects := s.tell(sync.Ack{Conn: 1, Doc: doc, Session: sync.SessionID{8}, Cursor: 9})
	if got := cursors(effects); !reflect.DeepEqual(got, []sync.Cursor{6}) {
		t.Fatalf("there is nothing to gain from it, and the next life reads from %v", got)
	}
}

func TestS13WhatOnlyANewerVersionReadsIsAnsweredOnceByAll(t *testing.T) {
	for made, heads := range [][]sync.Head{{{Session: ann, Seq: 0, Hash: sync.Hash{4}}}, {}} { // what carl was first with has all of the log, or not
		s := withAnn(t)
		s.unreadable(6, 3, bob)
		carl := sync.SessionID{4}
		entry := sync.Entry{Ref: 1007, Cursor: 7, Kind: sync.KindSnapshot, Size: 500, Session: carl, Prev: certHash(carl)}
		check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), update(sync.Hash{0xbb}, heads...))))
		s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound})
		s.now += 30_000
		if n := len(only[sync.MakeSnapshot](s.tell(sync.Wake{}))); n != made {
			t.Fatalf("%d snapshots behind one that covers %v", n, heads)
		}
	}
}

func TestS13VersionsThatCannotReadEachOtherComeEverMoreRarely(t *testing.T) {
	s := withAnn(t)
	made := 0
	for n := range 30 { // a minute each: whatever goes up here is answered by another one
		at := sync.Cursor(10 + 2*n)
		effects := s.unreadable(at, at-1, sync.SessionID{byte(100 + n)})
		s.now += 30_000
		effects = append(effects, s.tell(sync.Wake{})...)
		if len(only[sync.MakeSnapshot](effects)) > 0 {
			made++
			mine := sync.SessionID{byte(20 + n)}
			s.tell(sync.SnapshotSealed{Doc: doc, Ref: sync.Ref(2000 + n), Session: mine, Covers: []sync.Head{{Session: ann, Seq: 0, Hash: sync.Hash{4}}}})
			s.tell(sync.Ack{Conn: 1, Doc: doc, Session: mine, Cursor: at + 1})
		}
		s.now += 30_000
	}
	if made < 2 || made > 6 {
		t.Fatalf("%d snapshots in half an hour", made)
	}
}

func TestS18NoSnapshotShortensALogOfWhichANewerVersionReadsMore(t *testing.T) {
	s := long(t, true, sync.Length{Tail: 300 << 10})
	s.welcome(11)
	s.unreadable(11, 0, bob) // it lets the relay forget nothing: nobody has to answer
	none[sync.MakeSnapshot](s, s.wait(nil))
}

func TestS13ADocumentOfWhichOnlyANewerVersionReadsSomethingIsNotHere(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Keyed: true})
	s.greet(1, store, 6)
	effects := s.unreadable(6, 3, bob)
	if st := one[sync.StatusChanged](s, effects).Status; st.Content != sync.ContentWaiting || st.Problem != sync.NewerFormat {
		t.Fatalf("nothing of it was read, and the status is %+v", st)
	}
	effects = s.openAll(s.batch(1, arrive(8, ann, 0, certHash(ann))), update(sync.Hash{4}))
	if st := one[sync.StatusChanged](s, effects).Status; st.Content != sync.ContentPartial {
		t.Fatalf("there is something, and the status is %+v", st)
	}
}

// What a snapshot says it covers is of the log that it stands in: another disk of the relay may have it as well, and the same one when it was put back.
func TestS13WhatOnlyANewerVersionReadsIsReadAnewInAnotherLog(t *testing.T) {
	for name, log := range map[string]sync.StoreID{"another disk": {0x77}, "put back": store} {
		s := withAnn(t)
		s.unreadable(6, 3, bob)
		s.lose()
		s.tell(sync.SocketOpen{Conn: 2})
		welcome := sync.Welcome{Conn: 2, Doc: doc, Store: log, Head: 4, Genesis: true}
		if effects := s.tell(welcome); log == store {
			one[sync.Hello](s, effects)
			s.tell(welcome)
		}
		effects := s.unread(s.batch(2, arrive(3, ann, 0, certHash(ann)), newer(4, 3, bob)))
		if s.told() != sync.NewerFormat {
			t.Fatalf("%s: problem %d", name, s.told())
		}
		s.now += 30_000
		one[sync.MakeSnapshot](s, append(effects, s.tell(sync.Wake{})...))
	}
}
