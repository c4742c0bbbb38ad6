package sync_test

import (
	"encoding/binary"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// credited sums what the relay was given credit for.
func credited(effects []sync.Effect) (size uint32) {
	for _, e := range only[sync.Credit](effects) {
		size += e.Size
	}
	return size
}

func (s *script) credits(effects []sync.Effect, want uint32) {
	s.t.Helper()
	if got := credited(effects); got != want {
		s.t.Fatalf("credit for %d bytes, want %d, by %+v", got, want, effects)
	}
}

func TestS20CreditIsForWhatTheDeviceStored(t *testing.T) {
	s := online(t)
	effects := s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, bob, 0, certHash(bob)))
	s.credits(effects, 0)
	effects = s.tell(opened(one[sync.Open](s, effects), update(sync.Hash{1})))
	s.credits(effects, 0)
	full := s.tell(sync.StoreDone{Doc: doc, Job: one[sync.Store](s, effects).Job, Problem: sync.DeviceFull})
	s.credits(full, 0)
	s.credits(s.batch(1, arrive(9, ann, 1, sync.Hash{1})), 0)
	s.now += 60_000
	effects = s.tell(sync.StoreDone{Doc: doc, Job: one[sync.Store](s, s.tell(sync.Wake{})).Job})
	s.credits(effects, 200) // the others have their turn
	effects = s.openAll(effects, update(sync.Hash{2}))
	s.credits(effects, 200)
	s.credits(s.openAll(effects, update(sync.Hash{3})), 200)
}

// What waits for something that the relay could not send without credit is no reason to withhold it.
func TestS20CreditDoesNotWaitForWhatIsMissing(t *testing.T) {
	s := online(t)
	s.credits(s.tell(sync.Batch{Conn: 1, Doc: doc, Entries: []sync.Entry{arrive(3, ann, 1, sync.Hash{1})}, UpTo: 3, More: true}), 200)
	effects := s.batch(1, arrive(6, ann, 0, certHash(ann)))
	s.credits(effects, 0)
	s.credits(s.openAll(effects, update(sync.Hash{1}), update(sync.Hash{2})), 200)
	s.credits(s.fail(s.batch(1, arrive(9, bob, 0, certHash(bob)))), 200)
}

func TestS20CreditIsForWhatIsLetGo(t *testing.T) {
	s := online(t)
	s.credits(s.tell(sync.Batch{Conn: 1, Doc: 7, Entries: []sync.Entry{arrive(3, ann, 0, certHash(ann))}, UpTo: 3}), 200)
	s.credits(s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, bob, 0, certHash(bob))), 0)
	s.tell(sync.DocOpen{Doc: 2, Keyed: true, Content: true})
	s.credits(s.tell(sync.DocClose{Doc: doc}), 400)
	// Another connection owes nothing for this one.
	s = online(t)
	effects := s.batch(1, arrive(3, ann, 0, certHash(ann)))
	s.tell(sync.SocketClosed{Conn: 1})
	s.credits(s.openAll(effects, update(sync.Hash{1})), 0)
}

func TestS20CreditIsGivenOnceForWhatWaitsForKeys(t *testing.T) {
	s := newScript(t)
	s.tell(sync.Relays{Count: 1})
	s.tell(sync.Lead{Yes: true})
	s.tell(sync.DocOpen{Doc: doc, Writable: true})
	s.greet(1, store, 3)
	s.credits(s.batch(1, arrive(3, ann, 0, certHash(ann))), 200)
	effects := s.tell(sync.DocKeyed{Doc: doc, Own: own, Prev: certHash(own)})
	s.credits(effects, 0)
	s.credits(s.openAll(effects, update(sync.Hash{4})), 0)
}

// The keys, or a store that is full, may take their time.
func TestS20ARelayThatHeedsNoCreditFillsNoMemory(t *testing.T) {
	s := online(t)
	first := s.batch(1, arrive(1, ann, 0, certHash(ann)))
	kept, most := 0, 0
	for i := range 4000 {
		kept++
		entry := sync.Entry{Ref: sync.Ref(10_000 + i), Cursor: sync.Cursor(2 + i), Size: 1 << 20, Session: stranger(i)}
		for _, dropped := range only[sync.Drop](s.batch(1, entry)) {
			kept -= len(dropped.Refs)
		}
		most = max(most, kept)
	}
	if most > 28 || s.m.Arrivals() > 300 {
		t.Fatalf("%d MiB are kept at most, and %d entries of the log", most, s.m.Arrivals())
	}
	s.openAll(first, update(sync.Hash{1})) // and what was worked on goes on
}

// stranger is one of any number of sessions.
func stranger(n int) (id sync.SessionID) {
	binary.BigEndian.PutUint32(id[:], uint32(n+1)<<8)
	return id
}
