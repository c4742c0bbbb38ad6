package server

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Relay serves the documents of one log to any number of connections.
//
// Locks, outer before inner: Relay.mu (which places there are) · place.judge (the room, held while an append is
// verified) · place.mu (what readers need, held for moments). The committer takes judge only after a failure.
type Relay struct {
	log       Log
	home      Home
	limits    Limits
	clock     func() time.Time
	committer *committer
	meter     *Meter
	// large and batches are for what is on its way to readers.
	large, batches *budget
	sets           *sets
	// tasks runs what is started, where the home does not.
	tasks tasks
	// inTurns: the home ends its turn when all is done, so nobody is made to wait; what comes too early is refused.
	inTurns bool
	// peers counts the connections there were, to number them.
	peers atomic.Uint64
	// present is how many bytes of presence there are.
	present atomic.Int64

	mu     sync.Mutex
	places map[seal.DocID]*place
	// sweepAt is how many places there may be before those that nobody is in are forgotten.
	sweepAt int
	stopped bool
}

// Home is what a relay needs of where it runs. The zero value suits a process of its own.
type Home struct {
	// Start runs a task: nil does it in a goroutine. A task ends by itself when there is nothing to do; a home that
	// runs in turns waits for all that it started before it ends its turn.
	Start Start
	// Only, where set, is the one document of this relay; the others are refused.
	Only *seal.DocID
	// Admission decides which documents are kept; nil: all.
	Admission Admission
	// HasRoom, where set, says whether there is memory for one large message more, beside Limits.LargeBytes. For a home whose runtime takes
	// every message at once: what devices did not take it counts itself (PeerState). waits: a reader waits for it; then the home calls
	// Relay.Look when there is room. It must not call the relay.
	HasRoom func(waits bool) bool
}

// Start begins a task. It must not run it before it returns.
type Start func(task func())

// NewRelay serves a log. The relay closes it. clock is what it knows of time: rates, and how long what is covered stays. report, if not nil, is called when writing begins to fail, and with nil
// when it works again.
func NewRelay(log Log, limits Limits, clock func() time.Time, report func(error)) *Relay {
	return NewRelayAt(Home{}, log, limits, clock, report)
}

// NewRelayAt is NewRelay elsewhere than in a process of its own.
func NewRelayAt(home Home, log Log, limits Limits, clock func() time.Time, report func(error)) *Relay {
	meter := newMeter()
	r := &Relay{log: log, home: home, limits: limits, clock: clock, meter: meter, large: newBudget(limits.LargeBytes, limits.CallerLarge, home.HasRoom), batches: newBudget(limits.PartialBytes, 0, nil), sets: newSets(limits.SetMembers), places: make(map[seal.DocID]*place), sweepAt: limits.WarmRooms}
	if home.Start == nil {
		r.home.Start = r.tasks.start
	} else {
		r.inTurns = true
	}
	r.committer = newCommitter(log, r.home.Start, clock, meter, report)
	return r
}

// Start runs a task of those who bring connections.
func (r *Relay) Start(task func()) { r.home.Start(task) }

// Look has readers ask again who wait for memory.
func (r *Relay) Look() { r.large.tell() }

// Store names the relay's disk.
func (r *Relay) Store() wire.StoreID { return r.log.Store() }

// Stop takes nothing more: whoever asks is refused with CodeStopping. What was taken becomes durable and is answered.
func (r *Relay) Stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
}

// Close stops, waits until everything taken is durable and answered, and closes the log.
func (r *Relay) Close() error {
	r.Stop()
	r.committer.close()
	r.tasks.close()
	return r.log.Close()
}

// Found brings a document's genesis, in a caller's name, and returns when the relay has it on disk.
// Errors: CodeBadGenesis, CodeBusy, CodeStorage, CodeStopping.
func (r *Relay) Found(by *Caller, doc seal.DocID, genesis []byte) *Refusal {
	return r.decide(doc, func(_ *place, room *Room) (*Write, *Refusal) {
		if room.IsNew() {
			// One that is not this document's is the room's to refuse.
			if g, err := seal.ParseGenesisOf(doc, genesis); err == nil {
				if refusal := r.grant(room, g); refusal != nil {
					return nil, refusal
				}
			}
			if refusal := by.mayFound(); refusal != nil {
				return nil, refusal
			}
		}
		return room.Found(genesis)
	})
}

// Delete lets go of a document when its owner says so to the relay of this name, and returns when nothing of it is on disk but that
// it is gone. Errors: CodeGone, CodeNoRoom, CodeBadSignature, CodeBusy, CodeStorage, CodeStopping.
func (r *Relay) Delete(doc seal.DocID, name string, statement []byte) *Refusal {
	return r.decide(doc, func(_ *place, room *Room) (*Write, *Refusal) { return room.Delete(name, statement) })
}

// Succeed keeps where the owner says that a document goes on, and returns when it is on disk. Errors: CodeGone, CodeNoRoom,
// CodeBadSignature, CodeFork, CodeBusy, CodeStorage, CodeStopping.
func (r *Relay) Succeed(doc seal.DocID, statement []byte) *Refusal {
	return r.decide(doc, func(_ *place, room *Room) (*Write, *Refusal) { return room.Succeed(statement) })
}

// decide asks a document's room and returns when the answer is on disk.
func (r *Relay) decide(doc seal.DocID, ask func(*place, *Room) (*Write, *Refusal)) *Refusal {
	if !r.committer.reserve(decisionSize) {
		return Busy()
	}
	defer r.committer.release(decisionSize)
	p, refusal := r.enter(doc)
	if refusal != nil {
		return refusal
	}
	defer r.leave(p)
	done := make(chan *Refusal, 1)
	if refusal := p.decide(func(room *Room) (*Write, *Refusal) { return ask(p, room) }, func(refusal *Refusal) { done <- refusal }); refusal != nil {
		return refusal
	}
	return <-done
}

// decisionSize is about how much memory a decision holds.
const decisionSize = 512

// Append offers a run. done is called once, with an *wire.Ack when it is durable or a *wire.Error when it was refused;
// it may be called before Append returns, and from another goroutine after it. by, if not nil, is not sent its own.
func (r *Relay) Append(a *wire.Append, by *Peer, done func(wire.Frame)) {
	refused := func(refusal *Refusal) { done(refusal.Frame(&a.Doc, &a.Req)) }
	// Before the room judges: it counts on everything that it has taken.
	size := sizeOf(a)
	if !r.committer.reserve(size) {
		refused(Busy())
		return
	}
	answer, began := done, r.clock()
	done = func(f wire.Frame) {
		r.committer.release(size)
		if _, taken := f.(*wire.Ack); taken {
			r.meter.Taken.Observe(float64(size))
			r.meter.Acks.Observe(r.clock().Sub(began).Seconds())
		}
		answer(f)
	}
	p, refusal := r.enter(a.Doc)
	if refusal != nil {
		refused(refusal)
		return
	}
	p.judge.Lock()
	defer p.judge.Unlock()
	room, refusal := p.enterRoom()
	if refusal != nil {
		r.leave(p)
		refused(refusal)
		return
	}
	if refusal := r.grant(room.Room, room.genesis); refusal != nil {
		r.leave(p)
		refused(refusal)
		return
	}
	taken, refusal := room.Append(p, r.clock(), a)
	if refusal != nil {
		r.leave(p)
		refused(refusal)
		return
	}
	ack := &wire.Ack{Doc: a.Doc, Req: a.Req, Session: taken.Session, Seq: taken.Seq, Cursor: taken.Cursor}
	p.expect(taken.Write)
	r.committer.add(commit{place: p, room: room, write: taken.Write, by: by, done: func(refusal *Refusal) {
		r.leave(p)
		if refusal != nil {
			refused(refusal)
			return
		}
		done(ack)
	}})
}

// pace is how long an append to a document has to wait, as far as appends of all to it decide that.
func (r *Relay) pace(doc seal.DocID) time.Duration {
	r.mu.Lock()
	p := r.places[doc]
	r.mu.Unlock()
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	wait, _ := p.appends.have(r.clock())
	return wait
}

// sizeOf is about how much memory an append holds.
func sizeOf(a *wire.Append) int {
	// The frame's own fields and a closure; without them an endless number of repeated appends would be free.
	n := 512
	for _, e := range a.Envelopes {
		n += len(e)
	}
	return n
}

// Read gives what follows a cursor of this relay's store, and a lease on the memory of it: release it when the batch is
// sent. Errors: CodeGone, CodeNoRoom, CodeStorage, CodeBusy.
func (r *Relay) Read(doc seal.DocID, since wire.Cursor, to Receiver) (*wire.Batch, Lease, *Refusal) {
	record, refusal := r.Room(doc)
	if refusal != nil {
		return nil, Lease{}, refusal
	}
	if since > record.Head {
		since = 0
	}
	batch, lease, refusal := r.batch(doc, since, to, nil)
	if batch == nil && refusal == nil {
		refusal = Busy()
	}
	return batch, lease, refusal
}

// Room gives a document's record. Errors: CodeGone, CodeNoRoom, CodeStorage.
func (r *Relay) Room(doc seal.DocID) (RoomRecord, *Refusal) {
	record, err := r.log.Room(doc)
	if err != nil {
		return RoomRecord{}, unreadable(err)
	}
	switch {
	case record.Gone:
		return RoomRecord{}, Gone()
	case record.Genesis == nil:
		return RoomRecord{}, NoRoom()
	}
	return record, nil
}

// copiesSent is how often what is sent is in memory at most: as it was read, and as a frame.
const copiesSent = 2

// batch reads the log: as much as a Batch may have, and where many are on their way to readers who do not take them, a short one. It
// gives nil where a larger envelope comes next and there is no memory for it now; waiter, if not nil, is told when to ask again.
func (r *Relay) batch(doc seal.DocID, since wire.Cursor, to Receiver, waiter *Subscription) (*wire.Batch, Lease, *Refusal) {
	limit := r.limits.BatchBytes
	lease, room := r.batches.takeFor(limit)
	if !room {
		limit = min(limit, shortBytes)
	}
	entries, next, err := r.log.Read(doc, since, limit)
	lease = lease.shrink(sizeOfEntries(entries))
	if err == nil && len(entries) == 0 && next > 0 {
		if lease, room = r.large.take(copiesSent*next, to, waiter); !room {
			return nil, Lease{}, nil
		}
		entries, next, err = r.log.Read(doc, since, next)
	}
	if err != nil {
		lease.Release()
		return nil, Lease{}, unreadable(err)
	}
	// An empty list on the wire, not nil.
	b := &wire.Batch{Doc: doc, Entries: append([]wire.Entry{}, entries...), UpTo: since, More: next > 0}
	if n := len(entries); n > 0 {
		b.UpTo = entries[n-1].Cursor
	}
	return b, lease, nil
}

func sizeOfEntries(entries []wire.Entry) (size int) {
	for _, e := range entries {
		size += len(e.Envelope)
	}
	return size
}

// enter finds or makes the place of a document and keeps it until leave. Errors: CodeStopping, CodeBadFrame.
func (r *Relay) enter(doc seal.DocID) (*place, *Refusal) {
	if only := r.home.Only; only != nil && *only != doc {
		return nil, refuse(wire.CodeBadFrame, "Another document has this socket, or this address.", nil)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil, Stopping()
	}
	p := r.places[doc]
	if p == nil {
		if len(r.places) >= r.sweepAt {
			r.sweep()
		}
		p = newPlace(r, doc)
		r.places[doc] = p
	}
	p.guests++
	return p, nil
}

func (r *Relay) leave(p *place) {
	r.mu.Lock()
	p.guests--
	r.mu.Unlock()
}

// sweep forgets every place that nobody is in. Twice as many as stayed may come before the next one, so that a relay of
// many busy documents does not look them all over for each new one.
func (r *Relay) sweep() {
	for doc, p := range r.places {
		if p.guests == 0 {
			delete(r.places, doc)
		}
	}
	r.sweepAt = max(r.limits.WarmRooms, 2*len(r.places))
}
