package server

import "sync"

// tasks run what a relay starts. A goroutine that is done waits for the next task, since one that begins anew has to grow its stack
// for every signature. There are as many as there are tasks, and of those that wait a few stay.
type tasks struct {
	mu     sync.Mutex
	idle   []chan func()
	closed bool
}

// idleTasks is how many goroutines wait at most: what a few cores run. More at once come with a burst, and go with it.
const idleTasks = 8

// start implements Start.
func (t *tasks) start(task func()) {
	t.mu.Lock()
	last := len(t.idle) - 1
	if last < 0 {
		t.mu.Unlock()
		go t.run(task)
		return
	}
	// The one that ran last: its stack is warm, and the others may be let go of.
	next := t.idle[last]
	t.idle = t.idle[:last]
	t.mu.Unlock()
	next <- task
}

func (t *tasks) run(task func()) {
	var next chan func()
	for task != nil {
		task()
		// What it refers to may be freed while this waits.
		task = nil
		if next = t.wait(next); next != nil {
			task = <-next
		}
	}
}

// wait takes a place among those that wait, and gives where the next task comes, nil without a place.
func (t *tasks) wait(next chan func()) chan func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.idle) == idleTasks {
		return nil
	}
	if next == nil {
		next = make(chan func(), 1)
	}
	t.idle = append(t.idle, next)
	return next
}

// close lets those that wait go. Tasks may still be started.
func (t *tasks) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, next := range t.idle {
		close(next)
	}
	t.idle = nil
}
