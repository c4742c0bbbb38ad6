package native

import (
	"sync"
	"time"
)

// What a handshake leaves behind, the buffers of the HTTP server most of all, is more than the connection takes afterwards. A collector
// that waits for the heap to double keeps that of thousands, when they all come back after a restart, for as long as they are idle.
const (
	tidyAfter  = 256              // handshakes; fewer leave too little
	tidyQuiet  = time.Second      // without another one
	tidyWithin = 10 * time.Second // though more come
	tidyEvery  = time.Minute      // at most: it stops everything for a moment
)

// tidy has the garbage of handshakes collected and given back to the system when no more come, or many came.
type tidy struct {
	free func() // debug.FreeOSMemory

	mu    sync.Mutex
	count int
	timer *time.Timer
	// due is when it is done though more come, done when it was.
	due, done time.Time
}

// came counts a handshake.
func (t *tidy) came() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count++; t.count < tidyAfter {
		return
	}
	now := time.Now()
	if t.count == tidyAfter {
		t.due = now.Add(tidyWithin)
	}
	wait := max(min(tidyQuiet, t.due.Sub(now)), t.done.Add(tidyEvery).Sub(now))
	if t.timer == nil {
		t.timer = time.AfterFunc(wait, t.clean)
	} else {
		t.timer.Reset(wait)
	}
}

func (t *tidy) clean() {
	t.mu.Lock()
	t.count, t.done = 0, time.Now()
	t.mu.Unlock()
	t.free()
}
