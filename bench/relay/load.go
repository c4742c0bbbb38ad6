package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// fanout is what a load of updates to rooms came to.
type fanout struct {
	Rooms   int     `json:"rooms"`
	Members int     `json:"members"`
	Rate    float64 `json:"deliveriesPerSecond"`
	P50     float64 `json:"p50Ms"`
	P99     float64 `json:"p99Ms"`
	CPU     float64 `json:"cpuMicrosPerDelivery"`
}

// crowd is a room with its members, one of whom writes. Nobody is further ahead of the slowest than a window.
type crowd struct {
	writer  member
	members []member
	// sent are the times of the last updates, received how many members have had each.
	sent      [1024]atomic.Int64
	received  [1024]atomic.Int32
	completed chan struct{}
	// next is which update each member gets next.
	next     []int
	measured atomic.Bool
	mu       sync.Mutex
	latency  []time.Duration
}

// gather brings members into a room.
func gather(ctx context.Context, r room, members, window int) (*crowd, error) {
	c := &crowd{completed: make(chan struct{}, window), next: make([]int, members)}
	for n := range members {
		m, err := r.join(ctx, func() { c.delivered(n, members-1) })
		if err != nil {
			c.close()
			return nil, err
		}
		c.members = append(c.members, m)
	}
	c.writer = c.members[0]
	return c, nil
}

// delivered is called by a member's own goroutine.
func (c *crowd) delivered(n, listeners int) {
	// The writer may be told of his own, or not.
	if n == 0 {
		return
	}
	k := c.next[n]
	c.next[n]++
	at := k % len(c.sent)
	if c.measured.Load() {
		took := time.Duration(time.Now().UnixNano() - c.sent[at].Load())
		c.mu.Lock()
		c.latency = append(c.latency, took)
		c.mu.Unlock()
	}
	if int(c.received[at].Add(1)) == listeners {
		c.received[at].Store(0)
		c.completed <- struct{}{}
	}
}

// write writes until the time is over, then waits for what is on its way.
func (c *crowd) write(window int, until time.Time) error {
	waiting := 0
	patience := time.NewTimer(20 * time.Second)
	defer patience.Stop()
	wait := func() error {
		select {
		case <-c.completed:
			waiting--
			return nil
		case <-patience.C:
			return errors.New("updates did not arrive within 20 s")
		}
	}
	for k := 0; time.Now().Before(until); k++ {
		c.sent[k%len(c.sent)].Store(time.Now().UnixNano())
		if err := c.writer.write(); err != nil {
			return err
		}
		waiting++
		for waiting >= window {
			if err := wait(); err != nil {
				return err
			}
		}
	}
	for waiting > 0 {
		if err := wait(); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) close() {
	for _, m := range c.members {
		m.close()
	}
}

// fill makes rooms of members, several at a time.
func fill(ctx context.Context, s *server, rooms, members, window int) (all []*crowd, err error) {
	all = make([]*crowd, rooms)
	failed := make([]error, rooms)
	var filling sync.WaitGroup
	turn := make(chan struct{}, 16)
	for n := range rooms {
		filling.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			r, err := s.kind.room(s, n)
			if err == nil {
				all[n], err = gather(ctx, r, members, window)
			}
			failed[n] = err
		})
	}
	filling.Wait()
	return all, firstOf(failed)
}

// settle is how long memory is given to come to rest.
const settle = 2 * time.Second

func filled(ctx context.Context, s *server, rooms, members, window int) ([]*crowd, *connecting, error) {
	memory, cpu := s.memory(), s.cpu()
	crowds, err := fill(ctx, s, rooms, members, window)
	if err != nil {
		return crowds, nil, err
	}
	for _, c := range crowds {
		if c == nil {
			return crowds, nil, errors.New("a room could not be filled")
		}
	}
	used := s.cpu() - cpu
	time.Sleep(settle)
	n := float64(rooms * members)
	return crowds, &connecting{rooms * members, (s.memory() - memory) / n, used / n}, nil
}

func leave(crowds []*crowd) {
	for _, c := range crowds {
		if c != nil {
			c.close()
		}
	}
}

// connect measures connections that say nothing.
func connect(ctx context.Context, s *server, rooms, members int) (*connecting, error) {
	crowds, c, err := filled(ctx, s, rooms, members, 1)
	leave(crowds)
	return c, err
}

// fan measures updates in rooms.
func fan(ctx context.Context, s *server, rooms, members, window int, lasting time.Duration) (*fanout, error) {
	_, f, err := connectAndFan(ctx, s, rooms, members, window, lasting)
	return f, err
}

func connectAndFan(ctx context.Context, s *server, rooms, members, window int, lasting time.Duration) (*connecting, *fanout, error) {
	crowds, c, err := filled(ctx, s, rooms, members, window)
	defer leave(crowds)
	if err != nil {
		return nil, nil, err
	}
	if s.kind.fan != nil {
		leave(crowds)
		f, err := s.kind.fan(ctx, s, min(rooms, s.kind.fanRooms), members, window, lasting)
		return c, f, err
	}
	began, cpu := time.Now(), s.cpu()
	until := began.Add(lasting)
	failed := make([]error, rooms)
	var writing sync.WaitGroup
	for n, crowd := range crowds {
		crowd.measured.Store(true)
		writing.Go(func() { failed[n] = crowd.write(window, until) })
	}
	writing.Wait()
	took, used := time.Since(began).Seconds(), s.cpu()-cpu
	var latency []time.Duration
	for n, crowd := range crowds {
		if failed[n] != nil {
			return c, nil, fmt.Errorf("room %d: %w", n, failed[n])
		}
		crowd.mu.Lock()
		latency = append(latency, crowd.latency...)
		crowd.mu.Unlock()
	}
	if len(latency) == 0 {
		return c, nil, errors.New("nothing was delivered")
	}
	slices.Sort(latency)
	n := float64(len(latency))
	return c, &fanout{rooms, members, n / took, ms(latency[len(latency)/2]), ms(latency[len(latency)*99/100]), used / n}, nil
}
