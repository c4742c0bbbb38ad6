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
