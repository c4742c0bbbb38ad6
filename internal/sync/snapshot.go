package sync

import "slices"

// checkpointFloor is the least tail, in bytes, worth a checkpoint; catchingFloor the same while a log is read of which nobody sees anything before its end.
const (
	checkpointFloor = 256 << 10
	catchingFloor   = 4 << 20
)

// flushPause is how long no file is made of what another tab wrote and this one read from the store: a file system shows a record before it is flushed.
const flushPause = 2_000

// restFiles leaves another tab the time to flush what was read here.
func (d *document) restFiles(now int64) {
	d.checkpoint.notBefore = max(d.checkpoint.notBefore, now+flushPause)
	d.outbox.upload.notBefore = max(d.outbox.upload.notBefore, now+flushPause)
}

// checkpoint is the state of folding the tail into the device's snapshot.
type checkpoint struct {
	running   bool
	covers    []Known
	failures  uint32
	notBefore int64
}

// checkSnapshot has a snapshot of somebody else compared with what is here (S13).
func (m *Machine) checkSnapshot(d *document) {
	w := &d.inbox.work
	w.stage, w.job = stageChecking, m.job()
	m.emit(Check{d.id, w.job, w.entries[0].Ref, d.omission(w.entries[0].Covers, w.covers()) == omits})
}

// checked decides about it. What it has and is not here is merged, unless it contradicts what is here: it adds, and takes nothing away. But a relay is not
// credited with one that lacks something it says it covers: all that is here goes up again, for those who had less to compare it
// with. Who has everything that it covers can vouch for it.
func (m *Machine) checked(e Checked) {
	d := m.find(e.Doc)
	if d == nil || d.inbox.work.stage != stageChecking || d.inbox.work.job != e.Job {
		m.drop(appendRef(nil, e.Ref))
		return
	}
	if e.Problem == NewerFormat {
		m.drop(appendRef(nil, e.Ref))
		d.leaveUnread()
		return
	}
	w := &d.inbox.work
	w.verdict = e.Verdict
	if d.isAhead(w.covers()) && e.Verdict != Refuted {
		w.verdict, e.Verdict = Objection, Objection
	}
	upTo := w.entries[0].Covers
	if e.Verdict == Sound && d.omission(upTo, w.covers()) != omitsNothing {
		w.verdict, e.Verdict = Undecided, Undecided
	}
	// What it has beyond the log that it lets the relay forget takes nothing from anybody. Of a log that was not read so far nobody knows what it has.
	isKnown := upTo == 0 && d.hasAll(w.covers()) || upTo > 0 && upTo <= d.outbox.mark.Cursor
	switch {
	case e.Verdict == Objection, e.Verdict == Refuted:
		if d.issues.session == NoProblem {
			d.issues.session = BadSnapshot
		}
		d.restore(w.entries[0].Cursor)
		m.attest(d, w.items[0].Hash, Objection, e.Ref)
	case e.Verdict == Sound && isKnown:
		m.attest(d, w.items[0].Hash, Sound, e.Ref)
	default:
		if e.Verdict == Undecided {
			d.restore(w.entries[0].Cursor)
		}
		m.drop(appendRef(nil, e.Ref))
	}
	switch {
	case e.Problem != NoProblem:
		m.snapshotFailed(d, e.Problem)
	case e.Verdict != Refuted && (e.News || !d.hasOrClaims(w.covers())):
		w.stage, w.job = stageStoring, m.job()
		m.emit(Merge{d.id, w.job, w.entries[0].Ref})
	default:
		m.dropEntries(w.entries)
		d.coverFromRelay()
	}
}

// restore brings all that is here to the relay as a snapshot, whatever it has. Until that is there, the next life reads this one again.
func (d *document) restore(at Cursor) {
	if u := &d.outbox.upload; d.writable && (u.restore == 0 || at < u.restore) {
		u.restore = at
	}
}

// leaveUnread ends the work on a snapshot that only a newer version reads. It holds nothing up, and nothing of it is lost: as long as it may
// have what is not here, the next life reads it again, in whatever version; and where a relay may let go of something for it, another one
// goes up that this version reads.
func (d *document) leaveUnread() {
	w := &d.inbox.work
	if e, u := &w.entries[0], &d.outbox.upload.unread; w.era == d.outbox.era {
		if u.first == 0 || e.Cursor < u.first {
			u.first = e.Cursor
		}
		u.covers = max(u.covers, e.Covers)
		u.lacks = u.lacks || w.unread || !d.hasAll(w.covers())
	}
	d.issues.read = NewerFormat
	if w.era == d.outbox.era {
		d.noteUpload(w.session)
	}
	d.mark(w.entries, arrivalDone)
	d.endWork()
}

// isAhead reports whether somebody claims more of our own session than there is: whoever believes it would pass over what we write next.
func (d *document) isAhead(heads []Head) bool {
	own := d.lookup(d.own)
	return own != nil && slices.ContainsFunc(heads, func(h Head) bool { return h.Session == own.id && h.Seq >= own.next })
}

// hasAll reports whether everything up to these heads is stored here.
func (d *document) hasAll(heads []Head) bool {
	for _, h := range heads {
		if s := d.lookup(h.Session); s == nil || s.next <= h.Seq {
			return false
		}
	}
	return true
}

// hasOrClaims is the same where merged snapshots are said to have the rest.
func (d *document) hasOrClaims(heads []Head) bool {
	for _, h := range heads {
		if s := d.lookup(h.Session); s == nil || s.next <= h.Seq && !d.goesOn(s) && !s.isClaimed(h) {
			return false
		}
	}
	return true
}

// snapshotFailed leaves a snapshot to another reading. Its bytes are gone: a merge takes them, and so does a check that fails.
func (m *Machine) snapshotFailed(d *document, p Problem) {
	if p == Forged {
		d.issues.read = Forged
	} else {
		d.issues.device = p
	}
	d.mark(d.inbox.work.entries, arrivalGone)
	d.endWork()
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
		m.snapshotFailed(d, e.Problem)
		return
	}
	d.issues.device, d.content, d.snapshot = NoProblem, true, e.Size
	d.takeClaims(e.Claims)
	d.coverFromRelay()
	d.inbox.asks, d.inbox.askAt = 0, 0 // what did not continue its session before may do so now
	m.show(d)
}

// coverFromRelay ends the work on a snapshot that the relay has. It counts as what it covers; where that could not be compared
// only on a device that can bring the relay no other.
func (d *document) coverFromRelay() {
	w := &d.inbox.work
	if w.era == d.outbox.era && (w.verdict == Sound || w.verdict == Undecided && !d.writable) {
		d.count(w.items[0].Hash, w.covers())
	}
	if e := &w.entries[0]; w.verdict == Sound {
		d.outbox.parent = w.items[0].Hash
		if u := &d.outbox.upload; w.era == d.outbox.era && e.Cursor > u.unread.covers && d.omission(u.unread.covers, w.covers()) == omitsNothing {
			u.answered = max(u.answered, u.unread.covers)
		}
		if e.Covers > 0 {
			d.outbox.mark.Log = Length{Snapshot: e.Size}
		}
	}
	if w.era == d.outbox.era {
		d.outbox.counted.meet(w.items[0].Hash)
		d.places.blur(w.entries[0].Cursor)
		d.noteUpload(w.session)
	}
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
	d.takeClaims(e.Claims)
	m.show(d)
}

// checkpointNext starts a checkpoint when the tail is long enough (S12).
func (m *Machine) checkpointNext(d *document) {
	c := &d.checkpoint
	if c.running || d.issues.hasFork() || m.now < c.notBefore || d.inbox.work.stage != stageWaiting {
		return
	}
	gain := uint64(0)
	for i := range d.sessions {
		s := &d.sessions[i]
		if end := m.coverable(d, s); end > s.first {
			gain += uint64(s.tail) * uint64(end-s.first) / uint64(s.next-s.first)
		}
	}
	if gain <= max(checkpointFloor, uint64(d.snapshot)/2) || gain <= catchingFloor && d.inbox.isCatchingUp() {
		return
	}
	c.running, c.covers, c.notBefore = true, c.covers[:0], 0
	for i := range d.sessions {
		s := &d.sessions[i]
		if end := m.coverable(d, s); end > 0 && !s.upload {
			c.covers = append(c.covers, Known{s.id, end - 1})
		}
	}
	m.emit(Checkpoint{d.id, append([]Known(nil), c.covers...), d.allShown()})
}

// noteStuck notes of which sessions a new file reaches less far than what was shown when it was asked for. It would be no use to ask again.
func (d *document) noteStuck(shown []Known, reach map[SessionID]uint32) {
	for _, k := range shown {
		d.session(k.Session).stuck = reach[k.Session] <= k.Seq
	}
}

// coverable is how much of a session a checkpoint may cover: nothing that waits to be shown, for that is not in its file. A session that somebody still writes has to reach the relay
// envelope by envelope, because its chain there must go on; what ended can also reach it inside a snapshot.
func (m *Machine) coverable(d *document, s *session) uint32 {
	if s.stuck {
		return s.first
	}
	if m.conn.relays > 0 && d.goesOn(s) {
		end := s.known()
		if s.relay > 0 { // a snapshot that brought it further there does not make its chain longer
			end = min(end, s.relay)
		}
		return max(min(s.shown, end), s.first)
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
	reach := make(map[SessionID]uint32, len(e.Covers))
	for _, k := range e.Covers {
		reach[k.Session] = k.Seq + 1
	}
	d.noteStuck(c.covers, reach)
	for _, k := range c.covers {
		s := d.session(k.Session)
		end := min(reach[k.Session], k.Seq+1)
		if end > s.first && s.next > s.first {
			s.tail -= uint32(uint64(s.tail) * uint64(end-s.first) / uint64(s.next-s.first))
			s.first = end
		}
	}
}
