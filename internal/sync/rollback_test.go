package sync_test

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

func TestS9ARelayThatWasPutBackIsFilledAgain(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	s.write(1)
	effects := s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 6})
	if st := one[sync.StatusChanged](s, effects).Status; st.Unsent != 0 {
		t.Fatalf("%+v", st)
	}
	s.lose()
	if h := one[sync.Hello](s, s.tell(sync.SocketOpen{Conn: 2})); h.Since != 2 || h.Store != store {
		t.Fatalf("%+v", h)
	}
	effects = s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 0, Genesis: true}) // the same store, and less than it had
	if h := one[sync.Hello](s, effects); h.Since != 0 {
		t.Fatalf("%+v", h)
	}
	if learnt := one[sync.Learnt](s, effects); !learnt.Reset {
		t.Fatal("other tabs still count what it said before")
	}
	if st := one[sync.StatusChanged](s, effects).Status; st.Unsent != 2 {
		t.Fatalf("%+v", st)
	}
	effects = s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 0, Genesis: true})
	if sent := only[sync.Append](effects); len(sent) != 2 {
		t.Fatalf("what the device has of both sessions goes up again, not %+v", sent)
	}
}

// A relay that was put back and has grown again since ends behind the cursor, but not with what was there.
func TestS9ARelayThatWasPutBackAndGrewAgainIsFilledAgain(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	s.lose()
	if h := one[sync.Hello](s, s.tell(sync.SocketOpen{Conn: 2})); h.Since != 2 {
		t.Fatalf("the last one is not asked for once more: %+v", h)
	}
	s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 4, Genesis: true})
	effects := s.batch(2, arrive(3, bob, 0, certHash(bob)), arrive(4, bob, 1, sync.Hash{5}))
	if h := one[sync.Hello](s, effects); h.Since != 0 {
		t.Fatalf("%+v", h)
	}
	if dropped := only[sync.Drop](effects); len(dropped) != 1 || len(dropped[0].Refs) != 2 {
		t.Fatalf("%+v", dropped)
	}
	if st := one[sync.StatusChanged](s, effects).Status; st.Unsent != 1 {
		t.Fatalf("%+v", st)
	}
	s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 4, Genesis: true})
	effects = s.openAll(s.batch(2, arrive(3, bob, 0, certHash(bob)), arrive(4, bob, 1, sync.Hash{5})), update(sync.Hash{5}), update(sync.Hash{6}))
	if sent := one[sync.Append](s, effects); sent.Session != ann {
		t.Fatalf("%+v", sent)
	}
}

// What stands there now may be here as well: from another place of the log as it was.
func TestS9WhatStoodElsewhereBeforeShowsThatARelayWasPutBack(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(2, ann, 0, certHash(ann)), arrive(3, ann, 1, sync.Hash{4})), update(sync.Hash{4}), update(sync.Hash{5}))
	s.lose()
	s.tell(sync.SocketOpen{Conn: 2})
	s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 3, Genesis: true})
	if h := one[sync.Hello](s, s.batch(2, arrive(3, ann, 0, certHash(ann)))); h.Since != 0 {
		t.Fatalf("%+v", h)
	}
}

func TestS9TheLastOneOnceMoreIsNothingNew(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	s.lose()
	s.tell(sync.SocketOpen{Conn: 2})
	s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 3, Genesis: true})
	effects := s.batch(2, arrive(3, ann, 0, certHash(ann)))
	none[sync.Hello](s, effects)
	if refs := one[sync.Compare](s, effects).Refs; len(refs) != 1 {
		t.Fatalf("%+v", refs)
	}
	pack := arrive(3, ann, 1, certHash(ann)) // a pack may have taken its place
	pack.Kind, pack.First = sync.KindPack, 0
	none[sync.Hello](s, s.batch(2, pack))
}

// What is large is not read again on each connection, in this life or the next; what is not known to be is, once.
func TestS9ALargeLastOneIsNotReadOnceMore(t *testing.T) {
	large, small := uint32(16<<10+1), uint32(16<<10)
	theirs := func(s *script, size uint32) sync.Mark {
		e := arrive(3, ann, 0, certHash(ann))
		e.Size = size
		return one[sync.MarkChanged](s, s.openAll(s.batch(1, e), update(sync.Hash{4}))).Mark
	}
	ours := func(s *script, size uint32) sync.Mark {
		s.openAll(s.batch(1, arrive(2, ann, 0, certHash(ann))), update(sync.Hash{4}))
		s.writeOf(1, size)
		return one[sync.MarkChanged](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 3})).Mark
	}
	followed := func(s *script, size uint32) sync.Mark {
		s.openAll(s.batch(1, arrive(2, ann, 0, certHash(ann))), update(sync.Hash{4}))
		s.writeOf(1, size)
		s.writeOf(2, large)
		return one[sync.MarkChanged](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 3})).Mark
	}
	behind := func(s *script, size uint32) sync.Mark { // the relay let go of what stood at its end
		e := arrive(2, ann, 0, certHash(ann))
		e.Size = size
		return one[sync.MarkChanged](s, s.openAll(s.tell(sync.Batch{Conn: 1, Doc: doc, Entries: []sync.Entry{e}, UpTo: 3}), update(sync.Hash{4}))).Mark
	}
	for name, c := range map[string]struct {
		read  func(*script, uint32) sync.Mark
		size  uint32
		since sync.Cursor
	}{
		"a large one of others":   {theirs, large, 3},
		"a small one of others":   {theirs, small, 2},
		"a large one of ours":     {ours, large, 3},
		"a small one of ours":     {ours, small, 2},
		"before a large one":      {followed, small, 2},
		"another one stood there": {behind, large, 2},
	} {
		s := online(t)
		mark := c.read(s, c.size)
		s.lose()
		if h := one[sync.Hello](s, s.tell(sync.SocketOpen{Conn: 2})); h.Since != c.since {
			t.Errorf("%s: %+v", name, h)
		}
		next := newScript(t)
		next.tell(sync.Relays{Count: 1})
		next.tell(sync.Lead{Yes: true})
		next.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own), Marks: []sync.Mark{mark}})
		if h := one[sync.Hello](next, next.tell(sync.SocketOpen{Conn: 1})); h.Since != c.since {
			t.Errorf("%s, in the next life: %+v", name, h)
		}
	}
}

// A writer may have more acknowledged than he knows the sizes of. Reading once more tells.
func TestS9TheSizeOfTheLastOneIsLearntByReadingIt(t *testing.T) {
	s := online(t)
	s.writeOf(1, 200<<10)
	s.writeOf(2, 200)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 1})
	s.lose()
	if h := one[sync.Hello](s, s.tell(sync.SocketOpen{Conn: 2})); h.Since != 0 {
		t.Fatalf("%+v", h)
	}
	s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 1, Genesis: true})
	again := arrive(1, own, 0, certHash(own))
	again.Size = 200 << 10
	s.batch(2, again)
	s.tell(sync.SocketClosed{Conn: 2})
	s.now += 60_000
	s.tell(sync.Wake{})
	if h := one[sync.Hello](s, s.tell(sync.SocketOpen{Conn: 3})); h.Since != 1 {
		t.Fatalf("%+v", h)
	}
}

func TestS9ARelayThatEndsBeforeWhatItAcknowledgedWasPutBack(t *testing.T) {
	for _, c := range []struct{ acked, head sync.Cursor }{
		{1, 0}, // the connection breaks before a batch moves the cursor
		{5, 4}, // what somebody else has before it did not come yet
	} {
		s := online(t)
		s.write(1)
		s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: c.acked})
		s.lose()
		s.tell(sync.SocketOpen{Conn: 2})
		effects := s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: c.head, Genesis: true})
		if st := one[sync.StatusChanged](s, effects).Status; st.Unsent != 1 {
			t.Fatalf("it ends at %d: %+v", c.head, st)
		}
	}
}

func TestS6AnAcknowledgementMovesTheCursorOverNothingElse(t *testing.T) {
	s := online(t)
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 2}) // somebody else's is at 1, and did not come yet
	s.lose()
	if h := one[sync.Hello](s, s.tell(sync.SocketOpen{Conn: 2})); h.Since != 0 {
		t.Fatalf("%+v", h)
	}
}

func TestS9WhatALostStoreGaveIsNotOnTheNextOne(t *testing.T) {
	s := online(t)
	open := one[sync.Open](s, s.batch(1, arrive(3, ann, 0, certHash(ann))))
	s.lose()
	s.greet(2, sync.StoreID{8}, 0) // meanwhile the relay lost its disk
	job := one[sync.Store](s, s.tell(opened(open, update(sync.Hash{4})))).Job
	effects := s.tell(sync.StoreDone{Doc: doc, Job: job})
	if sent := one[sync.Append](s, effects); sent.Session != ann {
		t.Fatalf("what came from the store before goes up, not %+v", sent)
	}
}
