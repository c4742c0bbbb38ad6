package native

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// readyWithin is how long a disk may take to keep a page.
	readyWithin = time.Second
	// readyFor is how long an answer is good for: who asks more often costs the disk nothing.
	readyFor = 2 * time.Second
	// freeAtLeast is the share of the disk that must be free, in percent.
	freeAtLeast = 5
	probeName   = "probe"
)

var (
	// ErrSlow: the disk did not keep a page within a second.
	ErrSlow = errors.New("native: the disk takes too long")
	// ErrNearlyFull: hardly any of the disk is free.
	ErrNearlyFull = errors.New("native: less than 5 % of the disk is free")
)

// readiness tells whether the disk takes writes, by writing to it.
type readiness struct {
	// write makes a page durable; free gives the free share of the disk in percent.
	write func() error
	free  func() (float64, error)

	mu      sync.Mutex
	asked   time.Time
	answer  error
	probing chan error
}

// newReadiness probes the disk of a folder; of none, always well.
func newReadiness(folder string) *readiness {
	if folder == "" {
		return &readiness{write: func() error { return nil }, free: func() (float64, error) { return 100, nil }}
	}
	name := filepath.Join(folder, probeName)
	return &readiness{write: func() error { return writePage(name) }, free: func() (float64, error) { return freeOf(folder) }}
}

// check gives the newest answer, a new one where the last is old. That is for all who ask: whoever hangs up meanwhile changes nothing in it.
func (r *readiness) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.asked.IsZero() && time.Since(r.asked) < readyFor {
		return r.answer
	}
	r.answer = r.probe()
	r.asked = time.Now()
	return r.answer
}

// probe writes, unless the write before is still on its way: a disk that hangs holds one goroutine and no more.
func (r *readiness) probe() error {
	if r.probing == nil {
		r.probing = make(chan error, 1)
		done := r.probing
		go func() { done <- r.write() }()
	}
	patience := time.NewTimer(readyWithin)
	defer patience.Stop()
	select {
	case err := <-r.probing:
		r.probing = nil
		if err != nil {
			return err
		}
	case <-patience.C:
		return ErrSlow
	}
	free, err := r.free()
	if err != nil {
		return err
	}
	if free < freeAtLeast {
		return ErrNearlyFull
	}
	return nil
}

// writePage writes a page and waits until the disk has it.
func writePage(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, 4<<10), 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
