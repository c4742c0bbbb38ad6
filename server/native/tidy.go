package native

import (
	"sync"
	"time"
)

// What a handshake leaves behind, the buffers of the HTTP server most of all, is more than the connection takes afterwards. A collector
// that waits for the heap to double keeps that of thousands, when they all come back after a restart, for as long as they are idle.
const (
	tidyAfter = 256         // handshakes; fewer leave too little
	tidyQuiet = time.Second // without another one
)

// tidy has the garbage of handshakes collected and given back to the system when no more come.
type tidy struct {
	free func() // debug.FreeOSMemory

	mu    sync.Mutex
	count int
	timer *time.Timer
}

// came counts a handshake.
func (t *tidy) came() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count++; t.count < tidyAfter {
		return
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(tidyQuiet, t.clean)
	} else {
		t.timer.Reset(tidyQuiet)
	}
}

func (t *tidy) clean() {
	t.mu.Lock()
	t.count = 0
	t.mu.Unlock()
	t.free()
}
