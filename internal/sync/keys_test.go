package sync_test

import (
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
	one[sync.Hello](s, effects)
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
