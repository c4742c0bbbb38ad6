package sync_test

import (
	"reflect"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

func TestS12WhatWaitsForEverStopsNoCheckpoint(t *testing.T) {
	s := online(t)
	needs := []sync.Head{{Session: bob, Seq: 0, Hash: sync.Hash{8}}}
	s.openAll(s.batch(1, arrive(3, ann, 0, certHash(ann)), arrive(6, ann, 1, sync.Hash{4})), update(sync.Hash{4}), update(sync.Hash{5}, needs...))
	carl := sync.SessionID{4}
	big := sync.Entry{Ref: 50, Cursor: 9, Size: 300_000, Session: carl, Prev: certHash(carl)}
	due := one[sync.Checkpoint](s, s.openAll(s.batch(1, big), update(sync.Hash{6})))
	if want := []sync.Known{{Session: ann, Seq: 0}, {Session: carl, Seq: 0}}; !reflect.DeepEqual(due.Covers, want) {
		t.Fatalf("it covers %+v: what is shown, and not what waits", due.Covers)
	}
}
