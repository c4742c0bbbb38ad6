package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// snapshot gives one of bob's that covers ann's first envelope, opened.
func (s *script) snapshot(cursor, covers sync.Cursor) sync.Check {
	s.t.Helper()
	entry := sync.Entry{Ref: sync.Ref(1000 + cursor), Cursor: cursor, Kind: sync.KindSnapshot, Size: 500, Session: bob, Prev: certHash(bob), Covers: covers}
	item := update(sync.Hash{0xaa}, sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}})
	return one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), item)))
}

// withAnn is online, with ann's first envelope at the relay's third place.
func withAnn(t *testing.T) *script {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	return s
}

func TestS13WhoHasAllOfASnapshotVouchesForIt(t *testing.T) {
	s := withAnn(t)
	check := s.snapshot(6, 0)
	effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, Ref: 70})
	none[sync.Merge](s, effects)
	attest := one[sync.SealAttest](s, effects)
	if want := (sync.SealAttest{Doc: doc, Ref: 70, Seq: 0, Prev: certHash(own), About: sync.Hash{0xaa}, Verdict: sync.Sound}); attest != want {
		t.Fatalf("%+v, not %+v", attest, want)
	}
	job := one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: 300, Hash: sync.Hash{5}})).Job
	sent := one[sync.Append](s, s.tell(sync.StoreDone{Doc: doc, Job: job}))
	if sent.Session != own || sent.To != 0 {
		t.Fatalf("it is sent as %+v", sent)
	}
}

func TestS13WhoLacksSomethingSaysNothing(t *testing.T) {
	s := online(t)
	check := s.snapshot(6, 0)
	effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, Ref: 70, News: true})
	none[sync.SealAttest](s, effects)
	one[sync.Merge](s, effects)
	if dropped := one[sync.Drop](s, effects).Refs; !reflect.DeepEqual(dropped, []sync.Ref{70}) {
		t.Fatalf("the note stays: %v", dropped)
	}
}

func TestS13WhoHasAllOfTheLogThatItCoversVouchesForIt(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, bob, 0, certHash(bob))), update(sync.Hash{7}))
	carl := sync.SessionID{4} // his snapshot has an envelope of ann's that did not come yet
	entry := sync.Entry{Ref: 1006, Cursor: 6, Kind: sync.KindSnapshot, Size: 500, Session: carl, Prev: certHash(carl), Covers: 3}
	covers := update(sync.Hash{0xaa}, sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}}, sync.Head{Session: bob, Seq: 0, Hash: sync.Hash{7}})
	check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), covers)))
	effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, Ref: 70, News: true})
	one[sync.Merge](s, effects)
	if a := one[sync.SealAttest](s, effects); a.Verdict != sync.Sound {
		t.Fatalf("%+v", a)
	}
}

func TestS13AnObjectionBringsAllUpAgain(t *testing.T) {
	s := withAnn(t)
	check := s.snapshot(6, 0)
	effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Objection, Ref: 70})
	if v := one[sync.SealAttest](s, effects).Verdict; v != sync.Objection {
		t.Fatalf("verdict %d", v)
	}
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.BadSnapshot {
		t.Fatalf("problem %d", p)
	}
	one[sync.MakeSnapshot](s, effects)
	for _, e := range only[sync.MarkChanged](effects) {
		if e.Mark.Cursor >= 6 {
			t.Fatalf("the next life would not read it again: cursor %d", e.Mark.Cursor)
		}
	}
	effects = s.tell(sync.SnapshotSealed{Doc: doc, Ref: 80, Session: sync.SessionID{8}, Covers: []sync.Head{{Session: ann, Seq: 0, Hash: sync.Hash{4}}}})
	if up := one[sync.Upload](s, effects); up.Ref != 80 || up.Store != store || up.Covers != 6 {
		t.Fatalf("uploads %+v", up)
	}
	back := sync.Entry{Ref: 81, Cursor: 9, Kind: sync.KindSnapshot, Size: 500, Session: sync.SessionID{8}, Prev: certHash(sync.SessionID{8})}
	none[sync.Open](s, s.batch(1, back)) // nobody judges his own
	effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: sync.SessionID{8}, Seq: 0, Cursor: 9})
	if mark := one[sync.MarkChanged](s, effects).Mark; mark.Cursor != 9 {
		t.Fatalf("it is done, and the cursor stays at %d", mark.Cursor)
	}
}

func TestS13ASnapshotThatCoversWhatIsNotWrittenYetIsObjectedTo(t *testing.T) {
	for _, c := range []struct {
		covers  uint32
		verdict sync.Verdict
		problem sync.Problem
	}{{0, sync.Sound, sync.NoProblem}, {4, sync.Objection, sync.BadSnapshot}} {
		s := withAnn(t)
		s.write(1)
		s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 4})
		entry := sync.Entry{Ref: 1006, Cursor: 6, Kind: sync.KindSnapshot, Size: 500, Session: bob, Prev: certHash(bob)}
		head := update(sync.Hash{0xaa}, sync.Head{Session: own, Seq: c.covers, Hash: sync.Hash{1}})
		check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), head)))
		effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, Ref: 70})
		if v := one[sync.SealAttest](s, effects).Verdict; v != c.verdict {
			t.Fatalf("of our session it covers up to %d: verdict %d, not %d", c.covers, v, c.verdict)
		}
		for _, e := range only[sync.StatusChanged](effects) {
			if e.Status.Problem != c.problem {
				t.Fatalf("of our session it covers up to %d: problem %d, not %d", c.covers, e.Status.Problem, c.problem)
			}
		}
		for _, merge := range only[sync.Merge](effects) { // without what it says of us
			effects = append(effects, s.tell(sync.Merged{Doc: doc, Job: merge.Job, Size: 500})...)
		}
		if made := len(only[sync.MakeSnapshot](effects)); (made == 1) != (c.verdict == sync.Objection) {
			t.Fatalf("of our session it covers up to %d: %d snapshots go up for it", c.covers, made)
		}
	}
}

func TestS13ASnapshotWithNewsIsMergedWhateverIsWrongWithIt(t *testing.T) {
	s := withAnn(t)
	check := s.snapshot(6, 0)
	one[sync.Merge](s, s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Objection, Ref: 70, News: true}))
}

func TestS13ASnapshotThatLeavesOutWhatStandsBeforeItsCursorIsStale(t *testing.T) {
	s := withAnn(t)
	carl := sync.SessionID{4}
	s.openAll(s.batch(1, arrive(6, carl, 0, certHash(carl))), update(sync.Hash{6}))
	if check := s.snapshot(9, 6); !check.Stale {
		t.Fatal("it leaves out an envelope that it says it covers")
	}
	s = withAnn(t)
	s.openAll(s.batch(1, arrive(6, carl, 0, certHash(carl))), update(sync.Hash{6}))
	if check := s.snapshot(9, 5); check.Stale {
		t.Fatal("what stands behind its cursor is no fault of it")
	}
}

func TestS13WhoNeedsASnapshotForItsOwnWordPraisesNone(t *testing.T) {
	s := withAnn(t)
	s.write(1)
	s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 0, Cursor: 4})
	s.write(2)
	s.tell(sync.Missing{Doc: doc, Session: own, First: 2}) // of its own the relay has 0, and a checkpoint took in both
	check := s.snapshot(6, 4)
	none[sync.SealAttest](s, s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, Ref: 70}))
}

func TestS13NobodyRepeatsWhatWasSaid(t *testing.T) {
	s := withAnn(t)
	carl := sync.SessionID{4}
	said := arrive(6, carl, 0, certHash(carl))
	said.Kind, said.About, said.Verdict = sync.KindAttest, sync.Hash{0xaa}, sync.Sound
	effects := s.openAll(s.batch(1, said), sync.OpenedItem{Hash: sync.Hash{6}})
	none[sync.Show](s, effects)
	check := s.snapshot(9, 0)
	none[sync.SealAttest](s, s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, Ref: 70}))
}

func TestS13AnAttestWaitsForTheRestOfAChange(t *testing.T) {
	s := withAnn(t)
	s.tell(sync.Local{Doc: doc, Ref: 1, To: 1, More: true})
	job := one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: 200, Hash: sync.Hash{1}})).Job
	s.tell(sync.StoreDone{Doc: doc, Job: job})
	check := s.snapshot(6, 0)
	none[sync.SealAttest](s, s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Sound, Ref: 70}))
	s.tell(sync.Local{Doc: doc, Ref: 2, To: 2})
	job = one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: 200, Hash: sync.Hash{2}})).Job
	one[sync.SealAttest](s, s.tell(sync.StoreDone{Doc: doc, Job: job}))
}

func TestS5AnEnvelopeWithoutAnUpdateKeepsItsPlace(t *testing.T) {
	s := online(t)
	info := arrive(3, ann, 0, certHash(ann))
	info.Kind = sync.KindSessionInfo
	effects := s.openAll(s.batch(1, info, arrive(6, ann, 1, sync.Hash{4})), sync.OpenedItem{Hash: sync.Hash{4}}, update(sync.Hash{5}))
	if shown := one[sync.Show](s, effects).Refs; !reflect.DeepEqual(shown, []sync.Ref{1006}) {
		t.Fatalf("shown: %v", shown)
	}
}

func TestS14APackTakesThePlaceOfItsRun(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{1}))
	pack := arrive(9, ann, 2, certHash(ann)) // 0 to 2, of which 0 is here
	pack.Kind, pack.First = sync.KindPack, 0
	item := sync.OpenedItem{Hash: sync.Hash{3}, Contents: []sync.OpenedContent{{Ref: 80}, {Ref: 81}, {Ref: 82}}}
	effects := s.openAll(s.batch(1, pack), item)
	if shown := one[sync.Show](s, effects).Refs; !reflect.DeepEqual(shown, []sync.Ref{81, 82}) {
		t.Fatalf("shown: %v", shown)
	}
	if dropped := one[sync.Drop](s, effects).Refs; !reflect.DeepEqual(dropped, []sync.Ref{80, 1009}) {
		t.Fatalf("let go of: %v", dropped)
	}
	s.opens(s.batch(1, arrive(12, ann, 3, sync.Hash{3})), 1012) // the chain goes on behind it
}

func TestS14ThePartsOfAPackWaitOneByOne(t *testing.T) {
	s := online(t)
	pack := arrive(3, ann, 1, certHash(ann))
	pack.Kind, pack.First = sync.KindPack, 0
	needs := []sync.Head{{Session: bob, Seq: 0, Hash: sync.Hash{8}}}
	effects := s.openAll(s.batch(1, pack), sync.OpenedItem{Hash: sync.Hash{3}, Contents: []sync.OpenedContent{{Ref: 80}, {Ref: 81, Deps: needs}}})
	if shown := one[sync.Show](s, effects).Refs; !reflect.DeepEqual(shown, []sync.Ref{80}) {
		t.Fatalf("shown: %v", shown)
	}
	after := sync.Head{Session: ann, Seq: 0}
	effects = s.openAll(s.batch(1, arrive(6, bob, 0, certHash(bob))), update(sync.Hash{8}, after))
	if shown := one[sync.Show](s, effects).Refs; !reflect.DeepEqual(shown, []sync.Ref{1006, 81}) {
		t.Fatalf("shown: %v", shown)
	}
}

func TestS14APackThatSaysSomethingElseIsAFork(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{1}))
	pack := arrive(6, ann, 1, certHash(ann))
	pack.Kind, pack.First = sync.KindPack, 0
	open := one[sync.Open](s, s.batch(1, pack))
	effects := s.tell(sync.Opened{Doc: doc, Job: open.Job, Problem: sync.Forked})
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.Forked {
		t.Fatalf("problem %d", p)
	}
	none[sync.Open](s, s.batch(1, arrive(9, ann, 1, sync.Hash{1})))
}

func TestS13NothingIsTakenOfASnapshotThatContradictsWhatIsHere(t *testing.T) {
	s := withAnn(t)
	check := s.snapshot(6, 0)
	effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Refuted, Ref: 70, News: true})
	none[sync.Merge](s, effects)
	if v := one[sync.SealAttest](s, effects).Verdict; v != sync.Objection {
		t.Fatalf("verdict %d", v)
	}
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.BadSnapshot {
		t.Fatalf("problem %d", p)
	}
	if dropped := one[sync.Drop](s, effects).Refs; !reflect.DeepEqual(dropped, []sync.Ref{1006}) {
		t.Fatalf("dropped: %v", dropped)
	}
	one[sync.MakeSnapshot](s, effects)
}

func TestS13ASnapshotThatDoesNotOpenIsObjectedToAndHoldsNothing(t *testing.T) {
	s := withAnn(t)
	entry := sync.Entry{Ref: 1006, Cursor: 6, Kind: sync.KindSnapshot, Size: 500, Session: bob, Prev: certHash(bob), Covers: 3}
	check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), sync.OpenedItem{Hash: sync.Hash{0xaa}}))) // it verifies
	effects := s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Refuted, Ref: 70})
	if a := one[sync.SealAttest](s, effects); a.Verdict != sync.Objection || a.About != (sync.Hash{0xaa}) {
		t.Fatalf("says %+v", a)
	}
	one[sync.MakeSnapshot](s, effects)
	effects = s.tell(sync.SnapshotSealed{Doc: doc, Ref: 80, Session: sync.SessionID{8}, Covers: []sync.Head{{Session: ann, Seq: 0, Hash: sync.Hash{4}}}})
	if up := one[sync.Upload](s, effects); up.Covers != 6 {
		t.Fatalf("it does not pass what does not open: uploads %+v", up)
	}
	effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: sync.SessionID{8}, Seq: 0, Cursor: 9})
	if mark := one[sync.MarkChanged](s, effects).Mark; mark.Cursor != 6 {
		t.Fatalf("the cursor stays at %d", mark.Cursor)
	}
}

func TestS13TwoThatObjectToEachOtherComeEverMoreRarely(t *testing.T) {
	s := withAnn(t)
	objected := func(by byte) []sync.MakeSnapshot {
		session := sync.SessionID{by}
		entry := sync.Entry{Ref: sync.Ref(1000 + int(by)), Cursor: sync.Cursor(by), Kind: sync.KindSnapshot, Size: 500, Session: session, Prev: certHash(session)}
		check := one[sync.Check](s, s.tell(opened(one[sync.Open](s, s.batch(1, entry)), update(sync.Hash{by}, sync.Head{Session: ann, Seq: 0, Hash: sync.Hash{4}}))))
		return only[sync.MakeSnapshot](s.tell(sync.Checked{Doc: doc, Job: check.Job, Verdict: sync.Objection}))
	}
	for by, want := range []int{1, 1, 0} { // at once, after a minute, and not after another one
		if made := objected(byte(10 + by)); len(made) != want {
			t.Fatalf("objection %d: %d snapshots", by, len(made))
		}
		mine := sync.SessionID{byte(20 + by)}
		s.tell(sync.SnapshotSealed{Doc: doc, Ref: sync.Ref(2000 + by), Session: mine, Covers: []sync.Head{{Session: ann, Seq: 0, Hash: sync.Hash{4}}}})
		s.tell(sync.Ack{Conn: 1, Doc: doc, Session: mine})
		s.now += 60_000
	}
}
