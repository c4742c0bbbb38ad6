package main

import (
	"context"
	"errors"
	"testing"

	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/server/wire"
)

// A busy relay is asked again, as long as it says that this helps and somebody waits; a no is a no.
func TestPatience(t *testing.T) {
	busy, never := &client.Refused{Code: wire.CodeBusy, RetryAfter: 1}, &client.Refused{Code: wire.CodeQuota}
	asked := 0
	answers := func(all ...error) func() error {
		asked = 0
		return func() error {
			asked++
			return all[min(asked, len(all))-1]
		}
	}
	if err := patiently(t.Context(), answers(busy, busy, nil)); err != nil || asked != 3 {
		t.Error(err, asked)
	}
	if err := patiently(t.Context(), answers(never, nil)); !errors.Is(err, never) || asked != 1 {
		t.Error(err, asked)
	}
	if err := patiently(t.Context(), answers(busy)); !errors.Is(err, busy) || asked != attempts {
		t.Error(err, asked)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := patiently(gone, answers(&client.Refused{Code: wire.CodeBusy, RetryAfter: 1 << 40})); !errors.Is(err, context.Canceled) || asked != 1 {
		t.Error(err, asked)
	}
}
