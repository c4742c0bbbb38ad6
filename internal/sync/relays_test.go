package sync_test

import (
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

func TestS19TheStatusIsThatOfTheRelayThatHasMost(t *testing.T) {
	s := online(t)
	s.write(1)
	effects := s.tell(sync.RelayHas{Doc: doc, Other: true, Known: []sync.Known{{Session: own, Seq: 0}}})
	if st := one[sync.StatusChanged](s, effects).Status; st.Relay != 1 || st.Unsent != 0 || st.Behind != 1 {
		t.Fatalf("%+v", st)
	}
	again := s.write(2)
	none[sync.Append](s, again) // the first is on its way still: what another relay has is nothing that this one has
	effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 1})
	if next := one[sync.Append](s, effects); next.From != 1 {
		t.Fatalf("%+v", next)
	}
	effects = s.tell(sync.RelayHas{Doc: doc, Other: true, Reset: true})
	none[sync.Learnt](s, effects)
	effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 1, Cursor: 2})
	if st := one[sync.StatusChanged](s, effects).Status; st.Relay != 2 || st.Unsent != 0 || st.Behind != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestS15WithoutItsRelayASessionSpeaksByTheOther(t *testing.T) {
	s := online(t)
	s.tell(sync.PresenceSealed{Doc: doc})
	s.write(1)
	s.tell(sync.SocketClosed{Conn: 1}) // it had nothing acknowledged
	s.now += 2_000
	none[sync.SealPresence](s, s.tell(sync.Wake{}))
	s.tell(sync.PresenceSealed{Doc: doc})
	word := one[sync.SealPresence](s, s.tell(sync.RelayHas{Doc: doc, Other: true, Known: []sync.Known{{Session: own, Seq: 0}}}))
	if word.Conn != 0 || len(word.Heads) != 1 || word.Heads[0].Session != own || word.Heads[0].Seq != 0 {
		t.Fatalf("%+v: it names what the other relay has", word)
	}
}

func TestS10WhatARelayRefusedIsOverWithTheConnection(t *testing.T) {
	s := online(t)
	s.write(1)
	refused := s.tell(sync.Refused{Conn: 1, Doc: doc, Session: own, Problem: sync.RelayFull, Retry: 100})
	if st := one[sync.StatusChanged](s, refused).Status; st.Problem != sync.RelayFull {
		t.Fatalf("%+v", st)
	}
	if st := one[sync.StatusChanged](s, s.tell(sync.SocketClosed{Conn: 1})).Status; st.Problem != sync.NoProblem {
		t.Fatalf("%+v: it may never come back", st)
	}
}

func TestWhatAPageHasOpenIsGreetedFirst(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: 1, Writable: true, Keyed: true, Content: true})
	s.tell(sync.DocOpen{Doc: 2, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	if hellos := only[sync.Hello](s.tell(sync.SocketOpen{Conn: 1})); len(hellos) != 2 || hellos[0].Doc != 2 {
		t.Fatalf("%+v", hellos)
	}
}

func TestS11ASocketThatNeverOpensIsGivenUp(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	effects := s.tell(sync.DocOpen{Doc: doc, Keyed: true, Content: true})
	if conn := one[sync.Connect](s, effects).Conn; conn != 1 {
		t.Fatalf("connection %d", conn)
	}
	s.now = one[sync.Timer](s, effects).At
	effects = s.tell(sync.Wake{})
	one[sync.Disconnect](s, effects)
	s.now = one[sync.Timer](s, effects).At
	if conn := one[sync.Connect](s, s.tell(sync.Wake{})).Conn; conn != 2 {
		t.Fatalf("connection %d", conn)
	}
}

func TestS19WhatAnotherRelaysSnapshotsSayIsNotUnsent(t *testing.T) {
	s := online(t)
	entry := sync.Entry{Ref: 1006, Cursor: 6, Kind: sync.KindSnapshot, Size: 500, Session: bob, Prev: certHash(bob)}
	check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), update(sync.Hash{0xaa}, sync.Head{Session: ann, Seq: 3, Hash: sync.Hash{4}}))))
	merge := one[sync.Merge](s, s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Undecided, News: true}))
	effects := s.tell(sync.Merged{Doc: doc, Job: merge.Job, Size: 500, Claims: []sync.Head{{Session: ann, Seq: 3, Hash: sync.Hash{4}}}})
	if st := only[sync.StatusChanged](effects); len(st) == 0 || st[len(st)-1].Status.Unsent != 1 {
		t.Fatalf("%+v: no relay is known to have it", st)
	}
	if st := one[sync.StatusChanged](s, s.tell(sync.RelayHas{Doc: doc, Other: true, Known: []sync.Known{{Session: ann, Seq: 3}}})).Status; st.Unsent != 0 || st.Behind != 1 {
		t.Fatalf("%+v", st)
	}
}

func TestS1AnOwnEnvelopeReadFromTheStoreIsNotCountedTwice(t *testing.T) {
	s := online(t)
	s.tell(sync.Local{Doc: doc, Ref: 1, To: 1})
	job := one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: 200, Hash: sync.Hash{1}})).Job
	s.tell(sync.Shared{Doc: doc, Whole: true, Entries: []sync.SharedEntry{{Ref: 9, Size: 200, Head: sync.Head{Session: own, Seq: 0, Hash: sync.Hash{1}}}}})
	s.tell(sync.StoreDone{Doc: doc, Job: job})
	if next := one[sync.Seal](s, s.tell(sync.Local{Doc: doc, Ref: 2, To: 2})); next.Seq != 1 {
		t.Fatalf("%+v", next)
	}
}

// offline gives a machine whose relay is gone, with an envelope of ann that came by another hub or tab and names one of bob that nobody has.
func offline(t *testing.T) *script {
	s := online(t)
	s.tell(sync.SocketClosed{Conn: 1})
	s.tell(sync.RelayHas{Doc: doc, Other: true})
	waits := sync.SharedEntry{Ref: 7, Size: 200, Head: sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{7}}, Deps: []sync.Head{{Session: bob, Seq: 0, Hash: sync.Hash{8}}}}
	none[sync.Show](s, s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{waits}}))
	return s
}

func TestS8WhoHasNoRelayTakesTheWordOfAnotherHubThatAskedInVain(t *testing.T) {
	s := offline(t)
	effects := s.tell(sync.RelayHas{Doc: doc, Other: true, Waived: []sync.Known{{Session: ann, Seq: 0}}})
	if shown := one[sync.Show](s, effects).Refs; len(shown) != 1 || shown[0] != 7 {
		t.Fatalf("%v", shown)
	}
	none[sync.Learnt](s, effects) // the others heard it from who asked
	came := sync.SharedEntry{Ref: 8, Size: 200, Head: sync.Head{Session: bob, Seq: 0, Hash: sync.Hash{8}}}
	effects = s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{came}})
	if st := one[sync.StatusChanged](s, effects).Status; st.Content != sync.ContentComplete {
		t.Fatalf("%+v: nothing is missing any more", st)
	}
	next := sync.SharedEntry{Ref: 9, Size: 200, Head: sync.Head{Session: ann, Seq: 1, Hash: sync.Hash{9}}, Prev: sync.Hash{7}, Deps: []sync.Head{{Session: bob, Seq: 1, Hash: sync.Hash{1}}}}
	none[sync.Show](s, s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{next}})) // of this nobody said anything yet
}

func TestS8WhoIsToldFirstShowsWhatComesThen(t *testing.T) {
	s := online(t)
	s.tell(sync.SocketClosed{Conn: 1})
	s.tell(sync.RelayHas{Doc: doc, Other: true, Waived: []sync.Known{{Session: ann, Seq: 0}}})
	waits := sync.SharedEntry{Ref: 7, Size: 200, Head: sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{7}}, Deps: []sync.Head{{Session: bob, Seq: 0, Hash: sync.Hash{8}}}}
	one[sync.Show](s, s.tell(sync.Shared{Doc: doc, Whole: true, Entries: []sync.SharedEntry{waits}}))
}

func TestS8WhoHasARelayAsksItHimself(t *testing.T) {
	s := offline(t)
	s.now += 60_000
	one[sync.Connect](s, s.tell(sync.Wake{}))
	s.greet(2, store, 0)
	none[sync.Show](s, s.tell(sync.RelayHas{Doc: doc, Other: true, Waived: []sync.Known{{Session: ann, Seq: 0}}}))
	one[sync.Show](s, s.tell(sync.SocketClosed{Conn: 2}))
}

// What a relay gave and nobody could take is told as long as that relay is there.
func TestS19WhatARelayGaveIsNoConcernWhenItIsGone(t *testing.T) {
	s := online(t)
	effects := s.fail(s.batch(1, arrive(3, ann, 0, certHash(ann))))
	if st := one[sync.StatusChanged](s, effects).Status; st.Content != sync.ContentPartial || st.Problem != sync.Forged {
		t.Fatalf("%+v", st)
	}
	if st := one[sync.StatusChanged](s, s.tell(sync.SocketClosed{Conn: 1})).Status; st.Content != sync.ContentComplete || st.Problem != sync.NoProblem {
		t.Fatalf("%+v", st)
	}
	s.now += 60_000
	s.tell(sync.Wake{})
	if st := one[sync.StatusChanged](s, s.tell(sync.SocketOpen{Conn: 2})).Status; st.Problem != sync.Forged {
		t.Fatalf("%+v: it is there again", st)
	}
}

func TestS11ThatARelayDoesNotSpeakTheProtocolIsToldUntilItIsGone(t *testing.T) {
	s := online(t)
	if st := one[sync.StatusChanged](s, s.tell(sync.SocketClosed{Conn: 1, Garbage: true})).Status; st.Problem != sync.RelayGarbage {
		t.Fatalf("%+v", st)
	}
	s.now += 60_000
	one[sync.Connect](s, s.tell(sync.Wake{}))
	if st := one[sync.StatusChanged](s, s.tell(sync.SocketClosed{Conn: 2})).Status; st.Problem != sync.NoProblem {
		t.Fatalf("%+v", st)
	}
}
