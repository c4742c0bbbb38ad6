package sync_test

import (
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// typed takes own edits to the device and the relay, of so many bytes each; gives the effects of the last step.
func (s *script) typed(from, to, size uint32) (effects []sync.Effect) {
	for n := from; n <= to; n++ {
		s.tell(sync.Local{Doc: doc, Ref: sync.Ref(n), To: n})
		job := one[sync.Store](s, s.tell(sync.Sealed{Doc: doc, Size: size, Hash: sync.Hash{byte(n)}})).Job
		s.tell(sync.StoreDone{Doc: doc, Job: job})
		effects = s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: n - 1, Cursor: sync.Cursor(n)})
		if n < to && len(only[sync.Pack](effects)) > 0 {
			s.t.Fatalf("packed after %d", n)
		}
	}
	return effects
}

func TestS14ARunIsPackedWhenItsWriterPauses(t *testing.T) {
	s := online(t)
	none[sync.Pack](s, s.typed(1, 31, 200))
	s.now += 10_000
	none[sync.Pack](s, s.tell(sync.Wake{})) // too few
	effects := s.typed(32, 40, 200)
	none[sync.Pack](s, effects)
	s.now += 2_000
	pack := one[sync.Pack](s, s.tell(sync.Wake{}))
	if pack.From != 0 || pack.To != 39 {
		t.Fatalf("packs %+v", pack)
	}
	none[sync.Pack](s, s.tell(sync.Packed{Conn: 1, Doc: doc}))
	s.typed(41, 75, 200)
	s.now += 2_000
	if pack := one[sync.Pack](s, s.tell(sync.Wake{})); pack.From != 40 || pack.To != 74 {
		t.Fatalf("packs %+v", pack)
	}
}

func TestS14ALongRunIsPackedWhileItsWriterGoesOn(t *testing.T) {
	s := online(t)
	if pack := one[sync.Pack](s, s.typed(1, 256, 200)); pack.From != 0 || pack.To != 255 {
		t.Fatalf("packs %+v", pack)
	}
}

func TestS14WhatIsLargeOrNoUpdateStaysAsItIs(t *testing.T) {
	s := online(t)
	s.typed(1, 10, 200)
	s.typed(11, 11, 100_000)
	s.typed(12, 45, 200)
	s.now += 2_000
	if pack := one[sync.Pack](s, s.tell(sync.Wake{})); pack.From != 11 || pack.To != 44 {
		t.Fatalf("packs %+v", pack)
	}
}

func TestS14WhatTheRelayLacksIsNotPacked(t *testing.T) {
	s := online(t)
	s.typed(1, 20, 200)
	for n := uint32(21); n <= 60; n++ {
		s.write(n)
	}
	s.now += 2_000
	none[sync.Pack](s, s.tell(sync.Wake{}))
	pack := one[sync.Pack](s, s.tell(sync.Ack{Conn: 1, Doc: doc, Session: own, Seq: 49, Cursor: 50}))
	if pack.From != 0 || pack.To != 49 {
		t.Fatalf("packs %+v", pack)
	}
}

func TestS14ARelayThatTakesNoPacksIsNotOfferedMore(t *testing.T) {
	s := online(t)
	s.typed(1, 256, 200)
	s.tell(sync.Packed{Conn: 1, Doc: doc, Problem: sync.RelaySignature})
	s.typed(257, 300, 200)
	s.now += 2_000
	none[sync.Pack](s, s.tell(sync.Wake{}))
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 60_000
	s.tell(sync.Wake{})
	s.tell(sync.SocketOpen{Conn: 2})
	effects := s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: store, Head: 300, Genesis: true})
	effects = append(effects, s.tell(sync.Wake{})...)
	if pack := one[sync.Pack](s, effects); pack.From != 256 {
		t.Fatalf("packs %+v", pack)
	}
}

func TestS9APackThatGoesUpInThePlaceOfItsFirstBringsAllOfIt(t *testing.T) {
	s := online(t)
	pack := arrive(3, ann, 3, certHash(ann))
	pack.Kind, pack.First = sync.KindPack, 0
	content := func(n uint32) sync.OpenedContent { return sync.OpenedContent{Ref: sync.Ref(2000 + n)} }
	s.openAll(s.batch(1, pack), sync.OpenedItem{Hash: sync.Hash{4}, Contents: []sync.OpenedContent{content(0), content(1), content(2), content(3)}})
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 60_000
	s.tell(sync.Wake{})
	s.tell(sync.SocketOpen{Conn: 2})
	effects := s.tell(sync.Welcome{Conn: 2, Doc: doc, Store: sync.StoreID{8}, Genesis: true})
	if sent := one[sync.Append](s, effects); sent.From != 0 || sent.To != 0 {
		t.Fatalf("%+v", sent)
	}
	effects = s.tell(sync.Ack{Conn: 2, Doc: doc, Session: ann, Seq: 3, Cursor: 1})
	none[sync.Append](s, effects)
	if st := one[sync.StatusChanged](s, effects).Status; st.Unsent != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestS14APackIsComparedWithWhatIsHereOfItsPlaces(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{1}))
	pack := arrive(6, ann, 3, certHash(ann))
	pack.Kind, pack.First = sync.KindPack, 0
	if open := one[sync.Open](s, s.batch(1, pack)); open.Next != 1 {
		t.Fatalf("%+v", open)
	}
}

// It came out of nowhere, and a relay may hold one that never asked how long it is.
func TestS14APackOfTooManyIsPassedOver(t *testing.T) {
	s := online(t)
	pack := func(ref sync.Ref, cursor sync.Cursor, n uint32) sync.Entry {
		return sync.Entry{Ref: ref, Cursor: cursor, Kind: sync.KindPack, Size: 200, Session: bob, First: 0, Seq: n - 1, Prev: certHash(bob)}
	}
	effects := s.batch(1, pack(50, 3, 4097), arrive(6, ann, 0, certHash(ann)))
	if dropped := one[sync.Drop](s, effects); !slices.Equal(dropped.Refs, []sync.Ref{50}) {
		t.Fatalf("%+v", dropped)
	}
	effects = s.openAll(effects, update(sync.Hash{4}))
	s.credits(effects, 200)
	if mark := one[sync.MarkChanged](s, effects).Mark; mark.Cursor != 6 {
		t.Fatalf("%+v", mark)
	}
	none[sync.StatusChanged](s, effects) // nothing is said to be amiss
	s.opens(s.batch(1, pack(60, 9, 4096)), 60)
}
