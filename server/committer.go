package server

import (
	"sync"
	"sync/atomic"
	"time"
)

// committer makes writes durable in groups: while one group is on its way to the disk, everything that comes queues and
// goes with the next. One fsync then serves many, and a lone writer never waits for company. It has no task while there is
// nothing to commit.
type committer struct {
	log    Log
	start  Start
	clock  func() time.Time
	meter  *Meter
	report func(error)
	// failing is true since the last commit that failed. It is set by run alone.
	failing atomic.Bool

	mu    sync.Mutex
	queue []commit
	// running is true while the one task that commits runs; idle is told when it ends.
	running bool
	idle    *sync.Cond
	// held is the size of all appends from before they are judged until they are durable or refused.
	held int
}

// commit is one write and who is told.
type commit struct {
	place *place
	// room is the room that decided it. Once a write of a room is lost, everything later of that room is void.
	room *heldRoom
	// write is nil where somebody only waits for what is before it.
	write *Write
	by    *Peer
	done  func(*Refusal)
}

// groupBytes bounds how much one transaction holds.
const groupBytes = 16 << 20

// heldBytes bounds what waits for a disk, of all connections together: a disk that hangs must not fill the memory.
const heldBytes = 4 * groupBytes

// reserve makes room for an append of so many bytes, until release; false where there is none.
func (c *committer) reserve(size int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held+size > heldBytes {
		return false
	}
	c.held += size
	return true
}

func (c *committer) release(size int) {
	c.mu.Lock()
	c.held -= size
	c.mu.Unlock()
}

func newCommitter(log Log, start Start, clock func() time.Time, meter *Meter, report func(error)) *committer {
	c := &committer{log: log, start: start, clock: clock, meter: meter, report: report}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// add queues a commit. Those of one room come in the order in which the room decided them.
func (c *committer) add(one commit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, one)
	if !c.running {
		c.running = true
		c.start(c.run)
	}
}

// close returns when everything added is durable or refused.
func (c *committer) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.running {
		c.idle.Wait()
	}
}

func (c *committer) run() {
	for group := c.next(); group != nil; group = c.next() {
		c.commit(group)
	}
}

// next takes a group of what waits, nil where nothing does: then the task ends.
func (c *committer) next() []commit {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.running = false
		c.idle.Broadcast()
		return nil
	}
	n, size := 0, 0
	for n < len(c.queue) && size < groupBytes {
		size += c.queue[n].write.size()
		n++
	}
	group := c.queue[:n:n]
	// A copy, so that the group and all that it refers to can be freed when it is done.
	c.queue = append([]commit(nil), c.queue[n:]...)
	return group
}

func (c *committer) commit(group []commit) {
	var writes []*Write
	for _, one := range group {
		if one.write != nil && !one.room.void {
			writes = append(writes, one.write)
		}
	}
	var err error
	if len(writes) > 0 {
		began := c.clock()
		err = c.log.Commit(writes)
		c.meter.Commits.Observe(c.clock().Sub(began).Seconds())
		c.tell(err)
	}
	if err != nil {
		for _, one := range group {
			if one.write != nil && !one.room.void {
				one.room.void = true
				// The place makes a new room from here on. What the old one has queued is refused below or next time.
				one.place.lost(one.room)
			}
		}
	}
	for _, one := range group {
		if one.room.void {
			one.done(Unwritable(err))
			continue
		}
		if one.write != nil {
			one.place.stored(one.write, one.by)
		}
		one.done(nil)
	}
}

// tell reports a change between working and failing.
func (c *committer) tell(err error) {
	failing := err != nil
	if failing {
		c.meter.CommitsFailed.Add(1)
	}
	if c.failing.Swap(failing) != failing {
		if c.report != nil {
			c.report(err)
		}
	}
}
