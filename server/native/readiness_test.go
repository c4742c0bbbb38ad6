package native

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

func TestReadinessWritesToTheDisk(t *testing.T) {
	folder := t.TempDir()
	if err := newReadiness(folder).check(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(folder, probeName)); err != nil || info.Size() != 4<<10 {
		t.Fatalf("%v, %v", info, err)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := newReadiness(folder).check(); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("without the folder: %v", err)
	}
}

// A disk that hangs is not ready, and holds one write however often it is asked.
func TestReadinessOfADiskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes atomic.Int32
		hanging, free := make(chan struct{}), 50.0
		r := &readiness{write: func() error { writes.Add(1); <-hanging; return nil }, free: func() (float64, error) { return free, nil }}
		for range 5 {
			began := time.Now()
			if err := r.check(); !errors.Is(err, ErrSlow) {
				t.Fatal(err)
			}
			if took := time.Since(began); took != readyWithin {
				t.Fatalf("after %v", took)
			}
			// The answer stands for a while.
			if err := r.check(); !errors.Is(err, ErrSlow) || time.Since(began) != readyWithin {
				t.Fatal(err)
			}
			time.Sleep(readyFor)
		}
		if n := writes.Load(); n != 1 {
			t.Fatalf("%d writes", n)
		}
		close(hanging)
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
		free = 4.9
		time.Sleep(readyFor)
		if err := r.check(); !errors.Is(err, ErrNearlyFull) || writes.Load() != 2 {
			t.Fatalf("%v after %d writes", err, writes.Load())
		}
	})
}

// The answer is everybody's: who asks and hangs up at once makes the relay no less ready for the next.
func TestReadinessOutlivesWhoAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := server.DefaultLimits()
		s, err := NewServer(server.NewRelay(server.NewMemoryLog(wire.StoreID{1}), limits, time.Now, nil), Options{Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		for _, ctx := range []context.Context{gone, t.Context()} {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "http://localhost/readyz", nil))
			if w.Code != 200 {
				t.Fatal(w.Code, w.Body)
			}
		}
	})
}
