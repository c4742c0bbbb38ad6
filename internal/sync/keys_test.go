package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// joined gives a machine whose one document waits for keys, with the relay's genesis in its hands.
func joined(t *testing.T) *script {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true})
	s.tell(sync.SocketOpen{Conn: 1})
	one[sync.CheckGenesis](s, s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Head: 3, Genesis: true}))
	return s
}

func TestS3AFullDeviceIsNoRefusalOfTheKeys(t *testing.T) {
	s := joined(t)
	effects := s.tell(sync.DocRefused{Doc: doc, Problem: sync.DeviceFull})
	none[sync.Leave](s, effects)
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.DeviceFull {
		t.Fatalf("problem %d", p)
	}
	s.now = one[sync.Timer](s, effects).At
	one[sync.CheckGenesis](s, s.tell(sync.Wake{}))
	effects = s.tell(sync.DocKeyed{Doc: doc, Own: own, Prev: certHash(own)})
	none[sync.Hello](s, effects)
	if p := one[sync.StatusChanged](s, effects).Status.Problem; p != sync.NoProblem {
		t.Fatalf("problem %d", p)
	}
}

func TestKeysThatDoNotFitKeepTheDocumentFromTheRelay(t *testing.T) {
	s := joined(t)
	one[sync.Leave](s, s.tell(sync.DocRefused{Doc: doc, Problem: sync.WrongKey}))
	s.now += 600_000
	none[sync.CheckGenesis](s, s.tell(sync.Wake{}))
}

func TestWhatCameBeforeTheKeysIsOfItsConnection(t *testing.T) {
	s := joined(t)
	none[sync.Drop](s, s.batch(1, arrive(3, ann, 0, certHash(ann))))
	s.tell(sync.SocketClosed{Conn: 1})
	s.now += 60_000
	s.tell(sync.Wake{})
	s.tell(sync.SocketOpen{Conn: 2})
	effects := s.tell(sync.DocKeyed{Doc: doc, Own: own, Prev: certHash(own)})
	if dropped := one[sync.Drop](s, effects).Refs; !reflect.DeepEqual(dropped, []sync.Ref{1003}) {
		t.Fatalf("%v", dropped)
	}
	one[sync.Hello](s, effects)
}

func TestAWelcomeBeforeTheKeysBeginsAnew(t *testing.T) {
	s := joined(t)
	s.batch(1, arrive(3, ann, 0, certHash(ann)))
	effects := s.tell(sync.Welcome{Conn: 1, Doc: doc, Store: store, Head: 6, Genesis: true})
	if dropped := one[sync.Drop](s, effects).Refs; !reflect.DeepEqual(dropped, []sync.Ref{1003}) {
		t.Fatalf("%v", dropped)
	}
	s.batch(1, arrive(6, ann, 0, certHash(ann)))
	s.opens(s.tell(sync.DocKeyed{Doc: doc, Own: own, Prev: certHash(own)}), 1006)
}

func TestWhatCameBeforeTheKeysIsBounded(t *testing.T) {
	s := joined(t)
	large := arrive(3, ann, 0, certHash(ann))
	large.Size = 5 << 20
	none[sync.Drop](s, s.batch(1, large))
	large.Cursor, large.Ref = 6, 1006
	if dropped := one[sync.Drop](s, s.batch(1, large)).Refs; !reflect.DeepEqual(dropped, []sync.Ref{1003, 1006}) {
		t.Fatalf("%v", dropped)
	}
	one[sync.Drop](s, s.batch(1, arrive(9, ann, 1, sync.Hash{1})))
	one[sync.Hello](s, s.tell(sync.DocKeyed{Doc: doc, Own: own, Prev: certHash(own)}))
}

func TestKeysThatDoNotFitLetGoOfWhatCame(t *testing.T) {
	s := joined(t)
	s.batch(1, arrive(3, ann, 0, certHash(ann)))
	one[sync.Drop](s, s.tell(sync.DocRefused{Doc: doc, Problem: sync.WrongKey}))
	one[sync.Drop](s, s.batch(1, arrive(6, ann, 1, sync.Hash{1})))
}

func TestClosingLetsGoOfWhatCameBeforeTheKeys(t *testing.T) {
	s := joined(t)
	s.batch(1, arrive(3, ann, 0, certHash(ann)))
	if dropped := one[sync.Drop](s, s.tell(sync.DocClose{Doc: doc})).Refs; !reflect.DeepEqual(dropped, []sync.Ref{1003}) {
		t.Fatalf("%v", dropped)
	}
}
