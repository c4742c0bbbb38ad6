//go:build edge

package edge_test

import (
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// What devices did not say that they took counts though their object slept, and who waits for it hears when they go.
func TestLargeMessagesOfAnObjectThatSleeps(t *testing.T) {
	e := start(t, t.TempDir(), "config.capnp")
	mine, theirs := e.withSnapshot(t, 1), e.withSnapshot(t, 2)
	var silent []*servertest.Client
	for range 3 {
		one := servertest.DialFor(t, e.url, theirs.ID())
		one.Withhold()
		if _, entries := one.Listen(theirs, wire.Hello{}); len(entries) != 1 {
			t.Fatalf("%d entries", len(entries))
		}
		silent = append(silent, one)
	}
	reader := e.waits(t, mine)
	time.Sleep(hibernatesAfter)
	for range 3 {
		// It wakes, and the reader waits on: nothing comes before the answer.
		servertest.DialFor(t, e.url, theirs.ID())
		if err := reader.Say(&wire.Ping{}); err != nil {
			t.Fatal(err)
		}
		servertest.Expect[*wire.Pong](reader)
	}
	for _, one := range silent {
		one.Close()
	}
	if got := reader.Follow(0, 1); len(got) != 1 {
		t.Fatalf("%d entries", len(got))
	}
}
