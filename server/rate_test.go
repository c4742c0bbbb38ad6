package server_test

import (
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// A wait of less than a millisecond is still a wait: 0 would say that the frame is refused for good. One that a frame has no room for is told as the longest.
func TestShortWaitIsToldAsOne(t *testing.T) {
	refusal := server.Busy()
	for wait, want := range map[time.Duration]uint64{0: 0, time.Microsecond: 1, time.Millisecond: 1, 1500 * time.Microsecond: 2, 100 * 24 * time.Hour: wire.MaxRetryAfter} {
		refusal.RetryAfter = wait
		if got := refusal.Frame(nil, nil).RetryAfter; got != want {
			t.Errorf("%v is told as %d ms, want %d", wait, got, want)
		}
	}
}
