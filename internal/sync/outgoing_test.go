package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

func TestS1ASealThatFailsNamesTheSameAgain(t *testing.T) {
	s := online(t)
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann))), update(sync.Hash{4}))
	first := one[sync.Seal](s, s.tell(sync.Local{Doc: doc, Ref: 1, To: 1}))
	s.now = one[sync.Timer](s, s.tell(sync.Sealed{Doc: doc, Problem: sync.DeviceLost})).At
	again := one[sync.Seal](s, s.tell(sync.Wake{}))
	if len(first.Deps) != 1 || !reflect.DeepEqual(again, first) {
		t.Fatalf("sealed %+v, then %+v", first, again)
	}
}
