package sync

// checkpointFloor is the least tail, in bytes, worth a checkpoint.
const checkpointFloor = 256 << 10

// checkpoint is the state of folding the tail into the device's snapshot.
type checkpoint struct {
	running   bool
	covers    []Known
	failures  uint32
	notBefore int64
}

// openedSnapshot decides about a snapshot of somebody else: merged when it covers anything that is not here.
func (m *Machine) openedSnapshot(d *document) {
	w := &d.inbox.work
	for _, h := range w.items[0].Deps {
		if s := d.lookup(h.Session); s == nil || s.next <= h.Seq {
			w.stage, w.job = stageStoring, m.job()
			m.emit(Merge{d.id, w.job, w.entries[0].Ref})
			return
		}
	}
	m.dropEntries(w.entries)
	d.coverFromRelay()
}

func (m *Machine) merged(e Merged) {
	d := m.find(e.Doc)
	if d == nil {
		return
	}
	w := &d.inbox.work
	if w.stage != stageStoring || w.job != e.Job || w.entries[0].Kind != KindSnapshot {
		return
	}
	if e.Problem != NoProblem {
		if e.Problem == Forged {
			d.issues.read = Forged
		} else {
			d.issues.device = e.Problem
		}
		d.mark(w.entries, arrivalGone)
		d.endWork()
		return
	}
	d.issues.device, d.content, d.snapshot = NoProblem, true, e.Size
	for _, h := range w.items[0].Deps {
		s := d.session(h.Session)
		s.jump(h)
		s.first, s.tail = max(s.first, h.Seq+1), 0
		d.inbox.tryAgain(h.Session)
	}
	d.coverFromRelay()
	d.inbox.asks, d.inbox.askAt = 0, 0 // what did not continue its session before may do so now
	m.show(d)
}

// coverFromRelay ends the work on a snapshot that the relay has.
func (d *document) coverFromRelay() {
	w := &d.inbox.work
	for _, h := range w.items[0].Deps {
		d.session(h.Session).learnCover(h.Seq + 1)
	}
	d.noteUpload(w.session)
	d.mark(w.entries, arrivalDone)
	d.endWork()
}

// sharedSnapshot follows another tab's merge.
func (m *Machine) sharedSnapshot(e SharedSnapshot) {
	d := m.find(e.Doc)
	if d == nil {
		return
	}
	d.content = true
	d.inbox.asks, d.inbox.askAt = 0, 0
	for _, h := range e.Covers {
		s := d.session(h.Session)
		s.jump(h)
		s.first, s.tail = max(s.first, h.Seq+1), 0
		d.inbox.tryAgain(h.Session)
	}
	m.show(d)
}

// checkpointNext starts a checkpoint when the tail is long enough (S12).
func (m *Machine) checkpointNext(d *document) {
	c := &d.checkpoint
	if c.running || m.now < c.notBefore || d.inbox.work.stage != stageWaiting {
		return
	}
	gain := uint64(0)
	for i := range d.sessions {
		s := &d.sessions[i]
		if end := m.coverable(d, s); end > s.first {
			gain += uint64(s.tail) * uint64(end-s.first) / uint64(s.next-s.first)
		}
	}
	if gain <= max(checkpointFloor, uint64(d.snapshot)/2) {
		return
	}
	c.running, c.covers, c.notBefore = true, c.covers[:0], 0
	for i := range d.sessions {
		s := &d.sessions[i]
		if end := m.coverable(d, s); end > 0 && !s.upload {
			c.covers = append(c.covers, Known{s.id, end - 1})
		}
	}
	m.emit(Checkpoint{d.id, append([]Known(nil), c.covers...)})
}

// coverable is how much of a session a checkpoint may cover: nothing that waits to be shown, for that is not in its file. A session that somebody still writes has to reach the relay
// envelope by envelope, because its chain there must go on; what ended can also reach it inside a snapshot.
func (m *Machine) coverable(d *document, s *session) uint32 {
	if m.conn.relays > 0 && (s.live || s.id == d.own) {
		return max(min(s.shown, s.known()), s.first)
	}
	return s.shown
}

func (m *Machine) checkpointed(e Checkpointed) {
	d := m.find(e.Doc)
	if d == nil || !d.checkpoint.running {
		return
	}
	c := &d.checkpoint
	c.running = false
	if e.Problem != NoProblem {
		d.issues.device = e.Problem
		c.notBefore = m.now + longestPause + m.random.pause(c.failures)
		c.failures++
		return
	}
	c.failures = 0
	d.snapshot, d.issues.device = e.Size, NoProblem
	for _, k := range c.covers {
		s := d.session(k.Session)
		if end := k.Seq + 1; end > s.first && s.next > s.first {
			s.tail -= uint32(uint64(s.tail) * uint64(end-s.first) / uint64(s.next-s.first))
			s.first = end
		}
	}
}
