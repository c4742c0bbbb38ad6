package sync_test

import (
	"crypto/sha256"
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

func certHash(s sync.SessionID) sync.Hash { return sha256.Sum256(s[:]) }

// script drives a machine by hand. Tests read as what is told and what it decides.
type script struct {
	t    *testing.T
	m    *sync.Machine
	now  int64
	last sync.Status
}

const doc = sync.Doc(1)

var (
	own   = sync.SessionID{1}
	ann   = sync.SessionID{2}
	bob   = sync.SessionID{3}
	store = sync.StoreID{9}
)

func newScript(t *testing.T) *script { return &script{t: t, m: sync.New(1), now: 1} }

// online gives a machine with one document on a live connection to an empty relay.
func online(t *testing.T) *script {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	s.greet(1, store, 0)
	return s
}

func (s *script) tell(ev sync.Event) []sync.Effect {
	effects := append([]sync.Effect(nil), s.m.Step(s.now, ev)...)
	for _, told := range only[sync.StatusChanged](effects) {
		s.last = told.Status
	}
	return effects
}

// told gives the problem that the status names now.
func (s *script) told() sync.Problem { return s.last.Problem }

func (s *script) greet(conn sync.Conn, store sync.StoreID, head sync.Cursor) {
	s.tell(sync.SocketOpen{Conn: conn})
	s.tell(sync.Welcome{Conn: conn, Doc: doc, Store: store, Head: head, Genesis: true})
}

// only gives the effects of one type.
func only[E sync.Effect](effects []sync.Effect) []E {
	var out []E
	for _, e := range effects {
		if x, ok := e.(E); ok {
			out = append(out, x)
		}
	}
	return out
}

// one gives the only effect of its type.
func one[E sync.Effect](s *script, effects []sync.Effect) E {
	s.t.Helper()
	found := only[E](effects)
	if len(found) != 1 {
		var want E
		s.t.Fatalf("%d effects of type %T among %+v\n%s", len(found), want, effects, s.m.Dump())
	}
	return found[0]
}

func none[E sync.Effect](s *script, effects []sync.Effect) {
	s.t.Helper()
	if found := only[E](effects); len(found) != 0 {
		s.t.Fatalf("not expected: %+v", found)
	}
}

// write takes an own edit to the device and gives what follows.
func (s *script) write(n uint32) []sync.Effect { return s.writeOf(n, 200) }

// writeOf is write for an envelope of another size.
func (s *script) writeOf(n, size uint32) []sync.Effect {
	s.tell(sync.Local{Doc: doc, Ref: sync.Ref(n), To: n})
	job := one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: size, Hash: sync.Hash{byte(n)}})).Job
	return s.tell(sync.StoreDone{Doc: doc, Job: job})
}

// lose ends the first connection, and lets the time pass after which another one is tried.
func (s *script) lose() {
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 60_000
	s.tell(sync.Wake{})
}

// arrive gives one update of a session as the relay would.
func arrive(cursor sync.Cursor, session sync.SessionID, seq uint32, prev sync.Hash) sync.Entry {
	return sync.Entry{Ref: sync.Ref(1000 + cursor), Cursor: cursor, Size: 200, Session: session, First: seq, Seq: seq, Prev: prev}
}

// update is an opened envelope that stands for one update.
func update(hash sync.Hash, deps ...sync.Head) sync.OpenedItem {
	return sync.OpenedItem{Hash: hash, Contents: []sync.OpenedContent{{Deps: deps}}}
}

// opened answers an Open; contents without a ref of their own have their envelope's.
func opened(open sync.Open, items ...sync.OpenedItem) sync.Opened {
	for i := range items {
		if c := items[i].Contents; len(c) == 1 && c[0].Ref == 0 {
			items[i].Contents = []sync.OpenedContent{{Ref: open.Refs[i], Deps: c[0].Deps, More: c[0].More}}
		}
	}
	return sync.Opened{Doc: doc, Job: open.Job, Items: items}
}

func (s *script) batch(conn sync.Conn, entries ...sync.Entry) []sync.Effect {
	return s.tell(sync.Batch{Conn: conn, Doc: doc, Entries: entries, UpTo: entries[len(entries)-1].Cursor})
}

// openAll answers an Open with a hash per envelope, and the Store that follows; gives what follows that.
func (s *script) openAll(effects []sync.Effect, items ...sync.OpenedItem) []sync.Effect {
	s.t.Helper()
	effects = s.tell(opened(one[sync.Open](s, effects), items...))
	return s.tell(sync.StoreDone{Doc: doc, Job: one[sync.Store](s, effects).Job})
}

func TestS1OneSealInFlight(t *testing.T) {
	s := online(t)
	first := one[sync.Seal](s, s.tell(sync.Local{Doc: doc, Ref: 1, To: 5}))
	if first.Seq != 0 || first.Prev != certHash(own) {
		t.Fatalf("the first envelope continues the certificate, not %+v", first)
	}
	none[sync.Seal](s, s.tell(sync.Local{Doc: doc, Ref: 2, To: 6}))
	effects := s.tell(sync.Sealed{Doc: doc, Size: 200, Hash: sync.Hash{7}})
	none[sync.Seal](s, effects)
	second := one[sync.Seal](s, s.tell(sync.StoreDone{Doc: doc, Job: one[sync.Store](s, effects).Job}))
	if second.Ref != 2 || second.Seq != 1 || second.Prev != (sync.Hash{7}) {
		t.Fatalf("the second continues the first, not %+v", second)
	}
}

func TestS1AnEnvelopeNamesWhatWasSeenSinceTheLast(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	seal := one[sync.Seal](s, s.tell(sync.Local{Doc: doc, Ref: 1, To: 1}))
	if want := []sync.Head{{Session: ann, Seq: 0, Hash: sync.Hash{4}}}; !reflect.DeepEqual(seal.Deps, want) {
		t.Fatalf("deps %+v, not %+v", seal.Deps, want)
	}
	s.tell(sync.StoreDone{Doc: doc, Job: one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: 1})).Job})
	if seal := one[sync.Seal](s, s.tell(sync.Local{Doc: doc, Ref: 2, To: 2})); len(seal.Deps) != 0 {
		t.Fatalf("named twice: %+v", seal.Deps)
	}
}

func TestS2NothingLeavesBeforeItIsDurable(t *testing.T) {
	s := online(t)
	s.tell(sync.Local{Doc: doc, Ref: 1, To: 1})
	effects := s.tell(sync.Sealed{Doc: doc, Size: 200})
	none[sync.Durable](s, effects)
	none[sync.Append](s, effects)
	effects = s.tell(sync.StoreDone{Doc: doc, Job: one[sync.Store](s, effects).Job})
	one[sync.Durable](s, effects)
	one[sync.Append](s, effects)
}

func TestS3AStoreThatFailsLosesNothing(t *testing.T) {
	s := online(t)
	s.tell(sync.Local{Doc: doc, Ref: 1, To: 1})
	s.tell(sync.Local{Doc: doc, Ref: 2, To: 2})
	job := one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: 200})).Job
	effects := s.tell(sync.StoreDone{Doc: doc, Job: job, Problem: sync.DeviceFull})
	one[sync.NotDurable](s, effects)
	none[sync.Seal](s, effects)
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.DeviceFull {
		t.Fatalf("problem %d", p)
	}
	s.now = one[sync.Timer](s, effects).At
	again := one[sync.Store](s, s.tell(sync.Wake{}))
	effects = s.tell(sync.StoreDone{Doc: doc, Job: again.Job})
	one[sync.Durable](s, effects)
	if st := one[sync.StatusChanged](s, effects).Status; st.Problem != sync.NoProblem || st.Device != 1 {
		t.Fatalf("%+v", st)
	}
	if next := one[sync.Seal](s, effects); next.Ref != 2 {
		t.Fatalf("%+v", next)
	}
}

func TestS4TheWindow(t *testing.T) {
	s := online(t)
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0})
	s.tell(sync.Refused{Conn: 1, Doc: doc, Session: own, Problem: sync.RelayBusy, Retry: 1000})
	for n := uint32(2); n < 2+2*sync.Window; n++ {
		none[sync.Append](s, s.write(n))
	}
	s.now += 60_000
	if sent := one[sync.Append](s, s.tell(sync.Wake{})); sent.From != 1 || sent.To != sync.Window {
		t.Fatalf("%+v sent unacknowledged", sent)
	}
	next := one[sync.Append](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 10}))
	if next.From != sync.Window+1 || next.To != sync.Window+10 {
		t.Fatalf("%+v", next)
	}
}

// Somebody writes quicker than the relay reads: the appends on the way stay few, and grow instead.
func TestS4WhatIsWrittenMeanwhileGoesTogether(t *testing.T) {
	s := online(t)
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0})
	var flying []sync.Append
	appends, last := 0, uint32(0)
	ack := func() {
		first := flying[0]
		flying = append(flying[1:], only[sync.Append](s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: first.To}))...)
		last = first.To
	}
	const edits, perAppend = 1000, 5
	for n := uint32(2); n < 2+edits; n++ {
		sent := only[sync.Append](s.write(n))
		appends += len(sent)
		flying = append(flying, sent...)
		if len(flying) > sync.Appends {
			t.Fatalf("%d appends on the way", len(flying))
		}
		if n%perAppend == 0 {
			ack()
		}
	}
	for len(flying) > 0 {
		ack()
	}
	if last != edits {
		t.Fatalf("the relay has up to %d", last)
	}
	if appends > edits/(perAppend-1) {
		t.Fatalf("%d appends for %d edits", appends, edits)
	}
}

func TestS4AFreshConnectionOwesNoAppends(t *testing.T) {
	s := online(t)
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0})
	for n := uint32(2); n < 10; n++ {
		s.write(n)
	}
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 60_000
	s.tell(sync.Wake{})
	s.tell(sync.SocketOpen{Conn: 2})
	if again := one[sync.Append](s, s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Genesis: true})); again.From != 1 || again.To != 8 {
		t.Fatalf("%+v", again)
	}
	next := s.write(10)
	if sent := one[sync.Append](s, next); sent.From != 9 || sent.To != 9 {
		t.Fatalf("%+v", sent)
	}
}

func TestS4WhatWasAcknowledgedIsNotSentAgain(t *testing.T) {
	s := online(t)
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0})
	s.tell(sync.SocketClosed{Conn: 1})
	s.write(2)
	s.now += 60_000
	s.tell(sync.Wake{})
	s.tell(sync.SocketOpen{Conn: 2})
	send := one[sync.Append](s, s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 0, Genesis: true}))
	if send.From != 1 || send.To != 1 {
		t.Fatalf("%+v", send)
	}
}

func TestS4WhatWasLostOnItsWayGoesAgain(t *testing.T) {
	s := online(t)
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0})
	s.write(2)
	s.write(3) // both are on their way, and the first of them is refused or lost
	s.tell(sync.Refused{Conn: 1, Doc: doc, Session: own, Problem: sync.RelayGap, Next: 1})
	s.now += 60_000
	if again := one[sync.Append](s, s.tell(sync.Wake{})); again.From != 1 || again.To != 2 {
		t.Fatalf("%+v", again)
	}
}

func TestS4ASessionsFirstEnvelopeGoesAlone(t *testing.T) {
	s := online(t)
	s.tell(sync.Pause{Yes: true})
	s.write(1)
	s.write(2)
	s.tell(sync.Pause{})
	s.tell(sync.SocketOpen{Conn: 2})
	first := one[sync.Append](s, s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Genesis: true}))
	if first.From != 0 || first.To != 0 {
		t.Fatalf("%+v", first)
	}
	none[sync.Append](s, s.write(3))
	if rest := one[sync.Append](s, s.tell(sync.Ack{Conn: 2, Doc: doc, Session: own, Seq: 0})); rest.From != 1 || rest.To != 2 {
		t.Fatalf("%+v", rest)
	}
}

func TestS5EachOnceAndInChainOrder(t *testing.T) {
	s := online(t)
	entry := arrive(3, ann, 0, certHash(ann))
	show := one[sync.Show](s, s.openAll(s.batch(1, entry), update(sync.Hash{4})))
	if len(show.Refs) != 1 {
		t.Fatalf("%+v", show)
	}
	effects := s.batch(1, entry)
	none[sync.Open](s, effects)
	one[sync.Compare](s, effects)
}

func TestS5ARunIsOpenedTogether(t *testing.T) {
	s := online(t)
	effects := s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, bob, 0, certHash(bob)), arrive(9, ann, 1, sync.Hash{1}), arrive(12, ann, 2, sync.Hash{2}))
	if run := one[sync.Open](s, effects); run.Session != ann || len(run.Refs) != 3 {
		t.Fatalf("%+v", run)
	}
}

func TestS5AForkFreezesTheSession(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	effects := s.batch(1, arrive(6, ann, 1, sync.Hash{5})) // follows another history
	effects = s.tell(opened(one[sync.Open](s, effects), update(sync.Hash{6})))
	none[sync.Store](s, effects)
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.Forked {
		t.Fatalf("problem %d", p)
	}
	if refs := one[sync.Compare](s, effects).Refs; !reflect.DeepEqual(refs, []sync.Ref{1006}) {
		t.Fatalf("what proves it is let go: %v", refs)
	}
	none[sync.Drop](s, effects)
	none[sync.Open](s, s.batch(1, arrive(9, ann, 2, sync.Hash{6})))
}

func TestS5WhatComesForAPlaceThatIsHereIsCompared(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, ann, 1, sync.Hash{4})), update(sync.Hash{4}), update(sync.Hash{5}))
	effects := s.batch(1, arrive(9, ann, 1, sync.Hash{4})) // it follows the same one, and is another all the same
	none[sync.Open](s, effects)
	none[sync.Drop](s, effects)
	if refs := one[sync.Compare](s, effects).Refs; !reflect.DeepEqual(refs, []sync.Ref{1009}) {
		t.Fatalf("compared: %v", refs)
	}
	effects = s.tell(sync.Proven{Doc: doc, Session: ann})
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.Forked {
		t.Fatalf("problem %d", p)
	}
	effects = s.batch(1, arrive(12, ann, 2, sync.Hash{5}))
	none[sync.Open](s, effects)
	one[sync.Drop](s, effects)
}

func TestS5AFrozenSessionStaysSo(t *testing.T) {
	s := newScript(t)
	effects := s.tell(sync.DocOpen{
		Doc: doc, Keyed: true, Content: true, Frozen: []sync.SessionID{ann},
		Heads: []sync.Stored{{Head: sync.Head{Session: ann, Seq: 1, Hash: sync.Hash{5}}, Tail: 400}},
	})
	if st := one[sync.StatusChanged](s, effects).Status; st.Problem != sync.Forked || st.Unsent != 0 {
		t.Fatalf("%+v", st)
	}
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.SocketOpen{Conn: 1})
	s.welcome(0)
	none[sync.Open](s, s.batch(1, arrive(9, ann, 2, sync.Hash{5})))
}

func TestS6TheCursorWaitsForTheDevice(t *testing.T) {
	s := online(t)
	effects := s.batch(1, arrive(3, ann, 0, certHash(ann)))
	none[sync.MarkChanged](s, effects)
	effects = s.tell(opened(one[sync.Open](s, effects), update(sync.Hash{4})))
	none[sync.MarkChanged](s, effects)
	effects = s.tell(sync.StoreDone{Doc: doc, Job: one[sync.Store](s, effects).Job})
	if mark := one[sync.MarkChanged](s, effects).Mark; mark.Cursor != 3 || mark.Store != store || len(mark.Known) != 1 {
		t.Fatalf("%+v", mark)
	}
}

func TestS7WhatDoesNotVerifyIsAskedForAFewTimes(t *testing.T) {
	s := online(t)
	asked, pause := 0, int64(0)
	effects := s.batch(1, arrive(3, ann, 0, certHash(ann)))
	for {
		effects = s.tell(sync.Opened{Doc: doc, Job: one[sync.Open](s, effects).Job, Problem: sync.Forged})
		none[sync.Store](s, effects)
		timers := only[sync.Timer](effects)
		if len(timers) == 0 || timers[0].At-s.now > 20_000 {
			break // nothing but the next ping
		}
		pause = max(pause, timers[0].At-s.now)
		s.now = timers[0].At
		one[sync.Hello](s, s.tell(sync.Wake{}))
		asked++
		s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Head: 3, Genesis: true})
		effects = s.batch(1, arrive(3, ann, 0, certHash(ann)))
		if asked > 100 {
			t.Fatal("a loop")
		}
	}
	if asked != 5 || pause < 2000 {
		t.Fatalf("asked %d times, longest pause %d", asked, pause)
	}
	if st := one[sync.StatusChanged](s, s.write(1)).Status; st.Problem != sync.Forged || st.Content != sync.ContentPartial {
		t.Fatalf("%+v", st)
	}
}

func TestContentIsCompleteWhenAllOfTheFirstReadingIsShown(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Own: own, Prev: certHash(own)})
	s.greet(1, store, 6)
	effects := s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, bob, 0, certHash(bob))), update(sync.Hash{4}))
	if st := one[sync.StatusChanged](s, effects).Status; st.Content != sync.ContentPartial {
		t.Fatalf("with one session of two: %+v", st)
	}
	effects = s.openAll(effects, update(sync.Hash{5}))
	if st := one[sync.StatusChanged](s, effects).Status; st.Content != sync.ContentComplete {
		t.Fatalf("%+v", st)
	}
}

func TestS8AnEnvelopeWaitsForWhatItsWriterHadSeen(t *testing.T) {
	s := online(t)
	needs := []sync.Head{{Session: bob, Seq: 0, Hash: sync.Hash{8}}}
	effects := s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}, needs...))
	none[sync.Show](s, effects)
	if st := one[sync.StatusChanged](s, effects).Status; st.Content != sync.ContentPartial {
		t.Fatalf("%+v", st)
	}
	effects = s.openAll(s.batch(1, arrive(6, bob, 0, certHash(bob))), update(sync.Hash{8}))
	if show := one[sync.Show](s, effects); !reflect.DeepEqual(show.Refs, []sync.Ref{1006, 1003}) {
		t.Fatalf("%+v", show)
	}
}

func TestS8ThePartsOfAChangeAreShownTogether(t *testing.T) {
	s := online(t)
	part := func(cursor sync.Cursor, seq uint32, more bool, deps ...sync.Head) []sync.Effect {
		prev := sync.Hash{byte(seq - 1)}
		if seq == 0 {
			prev = certHash(ann)
		}
		item := update(sync.Hash{byte(seq)}, deps...)
		item.Contents[0].More = more
		return s.openAll(s.batch(1, arrive(cursor, ann, seq, prev)), item)
	}
	effects := part(3, 0, true)
	none[sync.Show](s, effects)
	if st := only[sync.StatusChanged](effects); len(st) > 0 && st[len(st)-1].Status.Content != sync.ContentComplete {
		t.Fatalf("half a change counts as missing: %+v", st) // its writer may have died over it
	}
	none[sync.Show](s, part(4, 1, true, sync.Head{Session: bob, Seq: 0, Hash: sync.Hash{8}}))
	none[sync.Show](s, part(5, 2, false)) // the second lacks what its writer had seen: so the first waits as well
	effects = s.openAll(s.batch(1, arrive(6, bob, 0, certHash(bob))), update(sync.Hash{8}))
	if show := one[sync.Show](s, effects); !reflect.DeepEqual(show.Refs, []sync.Ref{1006, 1003, 1004, 1005}) {
		t.Fatalf("%+v", show)
	}
}

func TestS9AnEmptyRelayIsFilled(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{
		Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own), Snapshot: 1000,
		Heads: []sync.Stored{{Head: sync.Head{Session: ann, Seq: 9, Hash: sync.Hash{4}}, First: 8, Tail: 400}},
		Marks: []sync.Mark{{Store: sync.StoreID{1}, Cursor: 70, Known: []sync.Known{{Session: ann, Seq: 9}}}},
	})
	s.tell(sync.SocketOpen{Conn: 1})
	effects := s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Genesis: true})
	none[sync.Append](s, effects)
	one[sync.MakeSnapshot](s, effects)
	covers := []sync.Head{{Session: ann, Seq: 9, Hash: sync.Hash{4}}}
	if up := one[sync.Upload](s, s.tell(sync.SnapshotSealed{Doc: doc, Ref: 7, Session: bob, Covers: covers})); up.Ref != 7 {
		t.Fatalf("%+v", up)
	}
	effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: bob, Seq: 0})
	none[sync.Append](s, effects)
	if st := one[sync.StatusChanged](s, effects).Status; st.Unsent != 0 {
		t.Fatalf("%+v", st)
	}
}

// Half a change is in no snapshot, so none is made for it.
func TestS9NoSnapshotForHalfAChange(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{
		Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own), Snapshot: 1000,
		Heads: []sync.Stored{{Head: sync.Head{Session: ann, Seq: 9, Hash: sync.Hash{9}}, First: 10}},
		Marks: []sync.Mark{{Store: store, Cursor: 70, Known: []sync.Known{{Session: ann, Seq: 9}}}},
	})
	s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Ref: 1, Size: 100, Head: sync.Head{Session: ann, Seq: 10, Hash: sync.Hash{10}}, More: true}}})
	s.greet(1, store, 70)
	effects := s.batch(1, arrive(71, ann, 3, sync.Hash{2})) // the relay's chain ends before what is here begins
	none[sync.MakeSnapshot](s, effects)
	if st := one[sync.StatusChanged](s, effects).Status; st.Unsent != 0 {
		t.Fatalf("%+v\n%s", st, s.m.Dump())
	}
	last := sync.SharedEntry{Ref: 2, Size: 100, Head: sync.Head{Session: ann, Seq: 11, Hash: sync.Hash{11}}}
	one[sync.MakeSnapshot](s, s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{last}}))
}

func TestS10AFullRelayIsAProblemWithAPause(t *testing.T) {
	s := online(t)
	s.write(1)
	effects := s.tell(sync.Refused{Conn: 1, Doc: doc, Session: own, Problem: sync.RelayFull, Retry: 5000})
	none[sync.Append](s, effects)
	if st := one[sync.StatusChanged](s, effects).Status; st.Problem != sync.RelayFull || st.Unsent != 1 || st.Device != 1 {
		t.Fatalf("%+v", st)
	}
	s.now += 5000
	none[sync.Append](s, s.tell(sync.Wake{}))
	s.now += 250 // the longest pause of our own
	one[sync.Append](s, s.tell(sync.Wake{}))
	if st := one[sync.StatusChanged](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0})).Status; st.Problem != sync.NoProblem || st.Relay != 1 {
		t.Fatalf("%+v", st)
	}
}

// overtaken gives a device that sent two edits, one behind the other, for the first of which its relay had no time for a second.
func overtaken(t *testing.T) *script {
	s := online(t)
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 1})
	one[sync.Append](s, s.write(2))
	one[sync.Append](s, s.write(3))
	s.tell(sync.Refused{Conn: 1, Doc: doc, Session: own, Problem: sync.RelayBusy, Retry: 1000})
	return s
}

// Appends go one behind the other: the relay that has no time for the first finds a gap before the second.
func TestS10TheGapBehindWhatWasRefusedForNowIsNone(t *testing.T) {
	s := overtaken(t)
	s.tell(sync.Refused{Conn: 1, Doc: doc, Session: own, Problem: sync.RelayGap, Next: 1})
	s.now += 1250
	if sent := one[sync.Append](s, s.tell(sync.Wake{})); sent.From != 1 || sent.To != 2 {
		t.Fatalf("%+v", sent)
	}
}

// The second answer may be slow: the pause is over, and nothing was sent again, for the relay's log is being read.
func TestS10TheGapThatComesAfterThePauseIsNone(t *testing.T) {
	s := overtaken(t)
	open := one[sync.Open](s, s.batch(1, sync.Entry{Ref: 50, Cursor: 9, Size: 200, Session: ann, Prev: certHash(ann)}))
	none[sync.Append](s, s.wake(1250))
	s.tell(sync.Refused{Conn: 1, Doc: doc, Session: own, Problem: sync.RelayGap, Next: 1})
	effects := s.tell(opened(open, update(sync.Hash{6})))
	if sent := one[sync.Append](s, s.tell(sync.StoreDone{Doc: doc, Job: one[sync.Store](s, effects).Job})); sent.From != 1 || sent.To != 2 {
		t.Fatalf("%+v", sent)
	}
}

func TestS10ARefusedSessionIsNotSentAgain(t *testing.T) {
	s := online(t)
	s.write(1)
	s.tell(sync.Refused{Conn: 1, Doc: doc, Session: own, Problem: sync.RelaySignature})
	none[sync.Append](s, s.write(2))
	s.now += 600_000
	none[sync.Append](s, s.tell(sync.Wake{}))
}

// A relay that has no time for a Hello is asked again after its pause and one of our own, drawn anew each time, on the same connection.
func TestS10ABusyRelayIsGreetedAgain(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	one[sync.Hello](s, s.tell(sync.SocketOpen{Conn: 1}))
	s.write(1)
	const retry = 1800
	pauses := make(map[int64]bool)
	for range 10 {
		timer := one[sync.Timer](s, s.tell(sync.Refused{Conn: 1, Doc: doc, Problem: sync.RelayBusy, Retry: retry}))
		if pause := timer.At - s.now; pause <= retry || pause > retry+15_000 {
			t.Fatalf("asked again after %d", pause)
		} else {
			pauses[pause] = true
		}
		s.now = timer.At - 1
		none[sync.Hello](s, s.tell(sync.Wake{}))
		s.now++
		effects := s.tell(sync.Wake{})
		if hello := one[sync.Hello](s, effects); hello.Conn != 1 || hello.Doc != doc {
			t.Fatalf("%+v", hello)
		}
		none[sync.Append](s, effects)
	}
	if len(pauses) < 8 {
		t.Fatalf("pauses %v", pauses)
	}
	// Welcome at last: it goes on as if nothing had been, and asks no more.
	effects := s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Genesis: true})
	one[sync.Append](s, effects)
	s.now += 20_000
	none[sync.Hello](s, s.tell(sync.Wake{}))
	if st := s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0}); one[sync.StatusChanged](s, st).Status.Problem != sync.NoProblem {
		t.Fatalf("%+v", st)
	}
}

// A relay that cannot read its disk says so in the middle of a reading, and does not go on by itself.
func TestS10AReadingThatTheRelayBreaksOffIsBegunAgain(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	s.tell(sync.SocketOpen{Conn: 1})
	s.welcome(50)
	s.openAll(s.batch(1, sync.Entry{Ref: 50, Cursor: 1, Size: 200, Session: ann, Prev: certHash(ann)}), update(sync.Hash{6}))
	none[sync.Append](s, s.write(1))
	timer := one[sync.Timer](s, s.tell(sync.Refused{Conn: 1, Doc: doc, Problem: sync.RelayFull, Retry: 1000}))
	if hello := one[sync.Hello](s, s.wake(timer.At-s.now)); hello.Since > 1 {
		t.Fatalf("%+v", hello)
	}
	s.welcome(50)
	one[sync.Append](s, s.tell(sync.Batch{Conn: 1, Doc: doc, UpTo: 50}))
}

// A relay may say that it has another store with each Welcome. What is remembered of them has an end.
func TestS9OfStoresWithoutEndTheNewestAreRemembered(t *testing.T) {
	s := online(t)
	for n := range 1000 {
		s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: sync.StoreID{1, byte(n), byte(n >> 8)}, Genesis: true})
	}
	if n := s.m.Marks(); n > 16 {
		t.Fatalf("%d stores", n)
	}
}

func TestS11PausesDoubleAndAreJittered(t *testing.T) {
	s := online(t)
	conn, last := sync.Conn(1), int64(0)
	for range 12 {
		effects := s.tell(sync.SocketClosed{Conn: conn})
		at := one[sync.Timer](s, effects).At
		if wait := at - s.now; wait < 125 || wait > 15_000 || wait < last/2 {
			t.Fatalf("a pause of %d after %d", wait, last)
		} else {
			last = wait
		}
		s.now = at
		conn = one[sync.Connect](s, s.tell(sync.Wake{})).Conn
	}
	if last < 7_500 {
		t.Fatalf("the last pause is %d", last)
	}
}

func TestS11TheTunnelClosesTheSocket(t *testing.T) {
	s := online(t)
	effects := s.tell(sync.Pause{Yes: true})
	one[sync.Disconnect](s, effects)
	if st := one[sync.StatusChanged](s, effects).Status; st.State != sync.RelayOffline {
		t.Fatalf("%+v", st)
	}
	none[sync.Append](s, s.write(1))
	s.now += 3_600_000
	none[sync.Connect](s, s.tell(sync.Wake{}))
	one[sync.Connect](s, s.tell(sync.Pause{}))
}

func TestS11ASilentConnectionIsGivenUp(t *testing.T) {
	s := online(t)
	s.now += 25_000
	one[sync.Ping](s, s.tell(sync.Wake{}))
	s.now += 10_000
	one[sync.Disconnect](s, s.tell(sync.Wake{}))
}

func TestS12ACheckpointIsDueAndCoversNothingStillToSend(t *testing.T) {
	s := online(t)
	big := sync.Entry{Ref: 50, Cursor: 3, Size: 300_000, Session: ann, Prev: certHash(ann)}
	s.write(1) // not acknowledged: only the journal can still send it
	effects := s.openAll(s.batch(1, big), update(sync.Hash{4}))
	if due := one[sync.Checkpoint](s, effects); !reflect.DeepEqual(due.Covers, []sync.Known{{Session: ann, Seq: 0}}) {
		t.Fatalf("%+v", due)
	}
	s.tell(sync.Checkpointed{Doc: doc, Size: 900_000, Covers: []sync.Known{{Session: ann, Seq: 0}}})
	next := sync.Entry{Ref: 51, Cursor: 6, Size: 300_000, Session: ann, First: 1, Seq: 1, Prev: sync.Hash{4}}
	none[sync.Checkpoint](s, s.openAll(s.batch(1, next), update(sync.Hash{5}))) // less than half the snapshot
}

func TestAJoinedDocumentWaitsForItsGenesis(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true})
	s.tell(sync.SocketOpen{Conn: 1})
	none[sync.CheckGenesis](s, s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store}))
	effects := s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Head: 3, Genesis: true})
	one[sync.CheckGenesis](s, effects)
	none[sync.Open](s, s.batch(1, arrive(3, ann, 0, certHash(ann))))
	effects = s.tell(sync.DocKeyed{Doc: doc, Own: own, Prev: certHash(own)})
	none[sync.Hello](s, effects) // what came meanwhile counts
	effects = s.openAll(effects, update(sync.Hash{4}))
	one[sync.Show](s, effects)
	if st := one[sync.StatusChanged](s, effects).Status; st.Content != sync.ContentComplete || st.State != sync.RelayLive {
		t.Fatalf("%+v", st)
	}
}

func TestTabsShareWhatIsDurable(t *testing.T) {
	s := newScript(t) // does not lead
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	other := sync.SharedEntry{Ref: 5, Size: 200, Head: sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}}}
	effects := s.tell(sync.Shared{Doc: doc, Live: true, Entries: []sync.SharedEntry{other}})
	one[sync.Show](s, effects)
	none[sync.Store](s, effects)
	missed := sync.SharedEntry{Ref: 6, Size: 200, Head: sync.Head{Session: ann, Seq: 2, Hash: sync.Hash{6}}}
	effects = s.tell(sync.Shared{Doc: doc, Live: true, Entries: []sync.SharedEntry{missed}})
	if again := one[sync.Reread](s, effects); !reflect.DeepEqual(again.Heads, []sync.Known{{Session: ann, Seq: 0}}) {
		t.Fatalf("%+v", again)
	}
	effects = s.tell(sync.RelayHas{Doc: doc, Known: []sync.Known{{Session: ann, Seq: 0}}})
	if st := one[sync.StatusChanged](s, effects).Status; st.Unsent != 0 {
		t.Fatalf("%+v", st)
	}
}

// What comes while the store is read may have been written after: then it is read once more, and not when another message shows the hole.
func TestATabThatMissesMoreWhileItReadsTheStoreReadsItAgain(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	entry := func(seq uint32) sync.SharedEntry {
		return sync.SharedEntry{Ref: sync.Ref(5 + seq), Size: 200, Head: sync.Head{Session: ann, Seq: seq, Hash: sync.Hash{byte(9 + seq)}}}
	}
	hear := func(whole bool, entries ...sync.SharedEntry) []sync.Effect {
		return s.tell(sync.Shared{Doc: doc, Whole: whole, Entries: entries})
	}
	one[sync.Reread](s, hear(false, entry(1)))
	none[sync.Reread](s, hear(false, entry(2)))
	if again := one[sync.Reread](s, hear(true, entry(0), entry(1))); len(again.Heads) != 1 || again.Heads[0].Seq != 1 {
		t.Fatalf("%+v", again)
	}
	effects := hear(true, entry(2))
	one[sync.Show](s, effects)
	none[sync.Reread](s, effects)
}

// A tab that missed an envelope reads the store. What a checkpoint of another tab or hub has taken in meanwhile stands in no journal any more.
func TestATabGoesOnBehindWhatTheCheckpointOfAnotherTookIn(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
	waits := sync.SharedEntry{Ref: 5, Size: 200, Head: sync.Head{Session: bob, Seq: 0, Hash: sync.Hash{7}}, Deps: []sync.Head{{Session: ann, Seq: 1, Hash: sync.Hash{5}}}}
	none[sync.Show](s, s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{waits}}))
	last := sync.SharedEntry{Ref: 6, Size: 200, Head: sync.Head{Session: ann, Seq: 3, Hash: sync.Hash{8}}, Prev: sync.Hash{6}}
	one[sync.Reread](s, s.tell(sync.Shared{Doc: doc, Live: true, Entries: []sync.SharedEntry{last}}))
	last.Ref = 7
	covers := []sync.Head{{Session: ann, Seq: 2, Hash: sync.Hash{6}}, {Session: own, Seq: 4, Hash: sync.Hash{1}}} // of its own session nobody knows more
	effects := s.tell(sync.Shared{Doc: doc, Whole: true, Entries: []sync.SharedEntry{last}, Covers: covers})
	if shown := one[sync.Show](s, effects).Refs; !reflect.DeepEqual(shown, []sync.Ref{7, 5}) && !reflect.DeepEqual(shown, []sync.Ref{5, 7}) {
		t.Fatalf("%v", shown)
	}
	if st := s.last; st.Content != sync.ContentComplete || st.Device != 0 {
		t.Fatalf("%+v", st)
	}
	next := sync.SharedEntry{Ref: 8, Size: 200, Head: sync.Head{Session: ann, Seq: 4, Hash: sync.Hash{9}}, Prev: sync.Hash{8}}
	one[sync.Show](s, s.tell(sync.Shared{Doc: doc, Live: true, Entries: []sync.SharedEntry{next}}))
	if seal := one[sync.Seal](s, s.tell(sync.Local{Doc: doc, Ref: 1, To: 1})); seal.Seq != 0 {
		t.Fatalf("%+v", seal)
	}
}

func TestAClosedDocumentHoldsNothing(t *testing.T) {
	s := online(t)
	s.tell(sync.Local{Doc: doc, Ref: 1, To: 1})
	s.tell(sync.Local{Doc: doc, Ref: 2, To: 2})
	s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, bob, 0, certHash(bob)))
	effects := s.tell(sync.DocClose{Doc: doc})
	if dropped := one[sync.Drop](s, effects).Refs; !reflect.DeepEqual(dropped, []sync.Ref{1, 2, 1006, 1003}) {
		t.Fatalf("%v", dropped)
	}
	one[sync.Leave](s, effects)
	one[sync.Disconnect](s, effects)
}

// A checkpoint is made of what is shown, so it must not cover the parts of a change that is not whole: neither one from elsewhere
// nor one that this page is writing.
func TestS12ACheckpointCoversNoHalfChange(t *testing.T) {
	for _, session := range []sync.SessionID{own, ann} {
		s := newScript(t)
		s.tell(sync.Relays{Count: 0})
		s.tell(sync.DocOpen{Doc: doc, Writable: true, Keyed: true, Content: true, Own: own, Prev: certHash(own)})
		covered := uint32(0)
		for seq := range uint32(9) {
			more := seq >= 2 && seq < 7
			var effects []sync.Effect
			if session == own {
				s.tell(sync.Local{Doc: doc, Ref: sync.Ref(seq + 1), To: seq + 1, More: more})
				job := one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: 400 << 10, Hash: sync.Hash{byte(seq)}})).Job
				effects = s.tell(sync.StoreDone{Doc: doc, Job: job})
			} else {
				head := sync.Head{Session: ann, Seq: seq, Hash: sync.Hash{byte(seq)}}
				effects = s.tell(sync.Shared{Doc: doc, Entries: []sync.SharedEntry{{Ref: sync.Ref(seq + 1), Size: 400 << 10, Head: head, More: more}}})
			}
			for _, c := range only[sync.Checkpoint](effects) {
				for _, k := range c.Covers {
					if covered = k.Seq + 1; k.Session == session && k.Seq >= 2 && seq < 7 {
						t.Fatalf("with %d envelopes of %x here, up to %d are covered", seq+1, session[:1], k.Seq)
					}
				}
				s.tell(sync.Checkpointed{Doc: doc, Size: 1000, Covers: c.Covers})
			}
		}
		if covered != 9 {
			t.Fatalf("%x: only %d of 9 envelopes are covered when the change is whole", session[:1], covered)
		}
	}
}
