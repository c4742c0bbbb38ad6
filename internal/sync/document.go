package sync

// document is one open document. Times are absolute, 0 means none.
type document struct {
	id        Doc
	touched   bool // settle has something to look at
	settledAt int64
	keyed     bool
	refused   bool   // the keys do not fit: it stays away from the relay
	checkAt   int64  // the genesis is checked again
	checks    uint32 // that failed on the device, in a row
	writable  bool
	content   bool

	own      SessionID // zero: this vault does not write it
	saw      uint32    // how much of that session some other device has
	sessions []session
	bySessID map[SessionID]int32
	outgoing outgoing
	early    []Event // what the relay said before the keys were here
	inbox    inbox
	outbox   outbox

	snapshot   uint32 // bytes of the device's newest
	checkpoint checkpoint
	attests    attests
	places     places
	packing    packing
	presence   presence
	rereading  bool
	missedMore bool        // while rereading
	forked     []SessionID // frozen, and not remembered yet
	issues     issues
	status     Status
	statusTold bool
}

var noSession SessionID

func (m *Machine) find(id Doc) *document {
	for i := range m.docs {
		if m.docs[i].id == id {
			m.docs[i].touched = true
			return &m.docs[i]
		}
	}
	return nil
}

// session finds or begins the record of a session. The pointer is valid until the next call.
func (d *document) session(id SessionID) *session {
	if s := d.lookup(id); s != nil {
		return s
	}
	d.bySessID[id] = int32(len(d.sessions))
	d.sessions = append(d.sessions, session{id: id, told: true})
	return &d.sessions[len(d.sessions)-1]
}

func (d *document) lookup(id SessionID) *session {
	if i, ok := d.bySessID[id]; ok {
		return &d.sessions[i]
	}
	return nil
}

func (m *Machine) open(e DocOpen) {
	if m.find(e.Doc) != nil {
		return
	}
	m.docs = append(m.docs, document{
		id: e.Doc, touched: true, keyed: e.Keyed, writable: e.Writable, content: e.Content, snapshot: e.Snapshot,
		bySessID: make(map[SessionID]int32, len(e.Heads)+1),
	})
	d := &m.docs[len(m.docs)-1]
	for _, h := range e.Heads {
		s := d.session(h.Session)
		s.goOnFrom(h.Seq+1, h.Hash)
		s.first, s.tail, s.live = h.First, h.Tail, h.Live
		if h.Live {
			d.restFiles(m.now)
		}
		s.holes.add(h.First-min(h.Hole, h.First), h.First)
	}
	d.takeClaims(e.Claims)
	for _, id := range e.Frozen {
		d.freeze(id)
	}
	d.forked = nil
	d.outbox.marks = append(d.outbox.marks, e.Marks...)
	d.outbox.recall(d, m.conn.relay)
	if e.Keyed {
		d.begin(e.Own, e.Prev)
	}
	m.hello(d)
}

// begin makes ready to write as a session, whose certificate has the hash prev.
func (d *document) begin(own SessionID, prev Hash) {
	if own == noSession {
		return
	}
	d.own = own
	s := d.session(own)
	s.hash, s.seen = prev, prev
	d.presence.say(0)
}

func (m *Machine) close(id Doc) {
	for i := range m.docs {
		if m.docs[i].id != id {
			continue
		}
		if m.conn.socket == socketOpen {
			m.credit(id, m.docs[i].inbox.owed)
			m.emit(Leave{m.conn.id, id})
		}
		m.drop(m.docs[i].refs())
		m.docs = append(m.docs[:i], m.docs[i+1:]...)
		return
	}
}

// refs lists the bytes that are still held for the document.
func (d *document) refs() []Ref {
	var all []Ref
	for i := range d.outgoing.queue {
		all = append(all, d.outgoing.queue[i].ref)
	}
	all = append(all, refsOf(d.early)...)
	for i := range d.inbox.log {
		if d.inbox.log[i].isKept() {
			all = append(all, d.inbox.log[i].Ref)
		}
	}
	for i := range d.inbox.work.entries {
		all = append(all, d.inbox.work.entries[i].Ref)
	}
	for i := range d.inbox.work.items { // what packs stand for
		for _, c := range d.inbox.work.items[i].Contents {
			if c.Ref != d.inbox.work.entries[i].Ref {
				all = appendRef(all, c.Ref)
			}
		}
	}
	for i := range d.inbox.held {
		all = appendRef(all, d.inbox.held[i].ref)
	}
	for i := range d.attests.queue {
		all = append(all, d.attests.queue[i].ref)
	}
	if ref := d.outbox.upload.ref; ref != 0 {
		all = append(all, ref)
	}
	return all
}

func (m *Machine) keyed(e DocKeyed) {
	d := m.find(e.Doc)
	if d == nil || d.keyed {
		return
	}
	d.keyed, d.issues.key = true, NoProblem
	d.begin(e.Own, e.Prev)
	early := d.early
	d.early = nil
	for _, ev := range early { // of a connection that is gone nothing counts
		m.take(ev)
	}
	d.inbox.owed = 0 // for these the relay got its credit when they came
	if d = m.find(e.Doc); !d.outbox.welcomed {
		m.hello(d)
	}
}

// before keeps what the relay said of a document whose keys are not here; beyond the bounds it is let go, and asked for again.
func (m *Machine) before(d *document, ev Event) {
	if _, isWelcome := ev.(Welcome); isWelcome {
		m.drop(refsOf(d.early))
		d.early = nil
	} else if d.early == nil {
		m.drop(refsOf([]Event{ev}))
		return
	}
	d.early = append(d.early, ev)
	length, size := 0, uint64(0)
	for _, ev := range d.early {
		if b, isBatch := ev.(Batch); isBatch {
			length += len(b.Entries)
			for i := range b.Entries {
				size += uint64(b.Entries[i].Size)
			}
		}
	}
	if len(d.early) > keptLength || length > keptLength || size > keptBytes {
		m.drop(refsOf(d.early))
		d.early = nil
	}
}

// refsOf lists the bytes of batches among events.
func refsOf(events []Event) (refs []Ref) {
	for _, ev := range events {
		if b, isBatch := ev.(Batch); isBatch {
			for i := range b.Entries {
				refs = append(refs, b.Entries[i].Ref)
			}
		}
	}
	return refs
}

func (m *Machine) refusedKeys(e DocRefused) {
	d := m.find(e.Doc)
	if d == nil || d.keyed {
		return
	}
	d.issues.key = e.Problem
	if e.Problem.ofDevice() { // the keys may well fit: again, as with every store that fails
		d.checkAt = m.now + m.random.pause(d.checks)
		d.checks++
		return
	}
	d.refused = true
	m.drop(refsOf(d.early))
	d.early = nil
	if d.outbox.subscribed {
		d.outbox.subscribed = false
		m.emit(Leave{m.conn.id, d.id})
	}
}

// checkAgain has the genesis checked again that the device could not keep.
func (m *Machine) checkAgain(d *document) {
	if !d.keyed && !d.refused && d.checkAt != 0 && m.now >= d.checkAt {
		d.checkAt = 0
		m.emit(CheckGenesis{d.id})
	}
}

// disconnected forgets what belonged to the socket.
func (d *document) disconnected() {
	d.touched = true
	d.outbox.disconnected(d)
	d.packing.disconnected()
	d.inbox.asks, d.inbox.askAt, d.inbox.owed = 0, 0, 0
	d.issues.send = NoProblem // whether it still refuses, the next connection tells
}

// due is the next time at which the document has something to do by itself.
func (d *document) due(now int64) int64 {
	at := int64(0)
	for _, t := range d.times() {
		if t > now {
			at = earliest(at, t)
		}
	}
	return at
}

// isDue reports whether such a time has come since the document was last settled.
func (d *document) isDue(now int64) bool {
	for _, t := range d.times() {
		if t > d.settledAt && t <= now {
			return true
		}
	}
	return false
}

func (d *document) times() [11]int64 {
	return [11]int64{d.presence.due(), d.presence.expiry(), d.packing.due(), d.checkAt, d.outgoing.retryAt, d.inbox.retryAt, d.inbox.askAt, d.outbox.holdUntil, d.outbox.upload.notBefore, d.outbox.upload.dueAt, d.checkpoint.notBefore}
}
