package sync

import "slices"

// snapshotPause is the least time between two snapshots of a document made for a relay, in milliseconds. It doubles with each that
// brought the relay nothing, up to 64 times.
const (
	snapshotPause   = 60_000
	snapshotDoubles = 6
)

// longLogWithin is how long a device waits, drawn anew by each, before it makes the snapshot for a log that grew long: most find that
// another one was first (S18).
const longLogWithin = 30_000

// envelopeOverhead is what an envelope has beside its content: a run of small ones is packed sooner or later.
const envelopeOverhead = 144

// upload is the way of a snapshot to the relay, for what no envelope here can bring it (S9), or for a log that grew long (S18).
type upload struct {
	stage     stage // waiting means that there is none; failed that it is sealed, and not sent
	ref       Ref   // its bytes, from sealed to acknowledged or refused
	session   SessionID
	size      uint32
	hash      Hash
	covers    []Head  // what is in it, which can be less than what is shown
	shortens  bool    // it is made for a long log, and nothing else
	upTo      Cursor  // where the relay's log stood when it was made
	needs     []Known // what it must cover to have all of that
	shown     []Known // what it has, unless the core does not take it
	dueAt     int64   // the log is long, and this device makes the snapshot then
	notBefore int64
	tries     uint32 // that brought nothing, in a row
	blocked   bool   // a snapshot was too large or refused, until the next connection
	unread    unread
	answers   Cursor // how far those cover the log that this one answers
	answered  Cursor // the same of one that is on the relay
	restore   Cursor // of a snapshot on the relay that may lack something: all that is here goes up as well (S13); 0: none
}

// unread is what is known of the snapshots on the relay that only a newer version reads (S13).
type unread struct {
	first  Cursor // 0: there is none
	covers Cursor // how far into the log they cover it
	lacks  bool   // they may have what is not here
}

func (u unread) problem() Problem {
	if u.first != 0 {
		return NewerFormat
	}
	return NoProblem
}

// forgetLog is for another log, or the same one put back.
func (o *outbox) forgetLog() {
	u := &o.upload
	u.upTo, u.unread, u.answers, u.answered = 0, unread{}, 0, 0
	o.counted = counted{none: o.counted.none, wasRead: o.counted.wasRead}
}

// isUnanswered reports whether a relay may come to let go of what only a newer version then has, and this device can bring it.
func (d *document) isUnanswered() bool {
	u := &d.outbox.upload
	return d.writable && u.unread.covers > u.answered
}

// rereadFrom is the first snapshot that the next life has to read again, 0 for none: this one is not done with it, or cannot read it.
func (d *document) rereadFrom() Cursor {
	u := &d.outbox.upload
	if at := u.unread.first; (u.unread.lacks || d.isUnanswered()) && (u.restore == 0 || at < u.restore) {
		return at
	}
	return u.restore
}

// needsSnapshot reports whether the device has something that the relay lacks and no sendable envelope holds. Half a change is
// not in a snapshot either, nor is what the core does not take.
func (d *document) needsSnapshot() bool {
	for i := range d.sessions {
		if s := &d.sessions[i]; !s.frozen && !s.upload && !s.stuck && s.inSomeForm() < s.end() && !s.joins() || s.isOnlyHere() {
			return true
		}
	}
	return false
}

// isLong reports whether the relay's log grew so much that a snapshot is worth it.
func (l Length) isLong() bool { return l.Tail > max(checkpointFloor, l.Snapshot/2) }

// grew counts envelopes that the log has beyond its last snapshot.
func (l *Length) grew(n, size uint32) {
	l.Tail += n * max(size-min(size, envelopeOverhead), 32)
}

// shortenNext reports whether it is time to make the snapshot that a long log asks for (S18), or one that only a newer version reads
// (S13): the first of those who could answer does.
func (m *Machine) shortenNext(d *document) bool {
	u := &d.outbox.upload
	switch {
	case !d.isUnanswered() && !d.isLong():
		u.dueAt = 0
	case u.dueAt == 0:
		u.dueAt = m.now + 1 + int64(m.random.next()%longLogWithin)
	default:
		return m.now >= u.dueAt
	}
	return false
}

// isLong reports whether the relay's log is long, and a snapshot of this device would shorten it. What waits here for something else could
// not be in that, and of a log of which nothing was read it could not say that it has anything.
func (d *document) isLong() bool {
	o := &d.outbox
	return o.mark.Log.isLong() && o.mark.Cursor > 0 && d.writable && len(d.inbox.log) == 0 && len(d.inbox.held) == 0 && !d.misses() && !d.leavesOut()
}

// leavesOut reports whether a snapshot of this device would leave something out that the relay has, or may have: of a session that forked
// nobody knows which history is there.
func (d *document) leavesOut() bool {
	return d.outbox.upload.unread.lacks || slices.ContainsFunc(d.sessions, func(s session) bool { return s.stuck || s.frozen })
}

// uploadNext sends the snapshot that is sealed, or has one made. It reports whether everything else has to wait.
func (m *Machine) uploadNext(d *document) bool {
	u := &d.outbox.upload
	switch {
	case u.stage == stageFailed:
		u.stage = stageStoring
		m.emit(Upload{m.conn.id, d.id, u.ref, d.outbox.mark.Store, u.coveredUpTo()})
	case u.stage == stageWaiting && d.writable && !u.blocked && !d.beginsChain() && m.now >= u.notBefore && (u.restore != 0 || d.needsSnapshot() || m.shortenNext(d)):
		u.shortens = u.restore == 0 && !d.needsSnapshot()
		u.stage, u.notBefore = stageSealing, m.now+snapshotPause<<min(u.tries, snapshotDoubles)
		u.tries++
		u.upTo, u.needs, u.shown, u.answers, u.dueAt = d.outbox.mark.Cursor, d.reach(), d.allShown(), u.unread.covers, 0
		if u.unread.lacks { // what the relay let go of for those may be in no other
			u.upTo = 0
		}
		m.emit(MakeSnapshot{d.id, d.outbox.parent, u.shown})
	}
	return u.stage != stageWaiting
}

// beginsChain reports whether the first of a session that goes on is to be sent. It goes before a snapshot that has it: a chain that
// began behind the snapshot would be lost on everybody who cannot take that.
func (d *document) beginsChain() bool {
	for i := range d.sessions {
		s := &d.sessions[i]
		if d.goesOn(s) && s.relay == 0 && s.start() < s.next && !s.blocked && !s.frozen && !s.upload && s.joins() {
			return true
		}
	}
	return false
}

func (m *Machine) snapshotSealed(e SnapshotSealed) {
	d := m.find(e.Doc)
	if d == nil || d.outbox.upload.stage != stageSealing {
		m.dropUpload(e.Ref)
		return
	}
	u := &d.outbox.upload
	if e.Problem != NoProblem {
		u.stage, u.blocked = stageWaiting, e.Problem == RelayTooLarge // S10: it would be as large again
		d.issues.send = e.Problem
		return
	}
	u.stage, u.ref, u.session, u.covers, u.size, u.hash = stageFailed, e.Ref, e.Session, e.Covers, e.Size, e.Hash
	d.noteStuck(u.shown, nextBySession(u.covers))
}

// isUpload reports whether what the relay says of a session is about the snapshot.
func (u *upload) isUpload(id SessionID) bool { return u.stage == stageStoring && u.session == id }

// uploaded credits the relay with what is in the snapshot.
func (m *Machine) uploaded(d *document) {
	u := &d.outbox.upload
	isAnswer := u.restore != 0 || d.isUnanswered() // two that answer each other's snapshots must not go on for ever: each has said something new
	u.restore, u.answered = 0, max(u.answered, u.answers)
	for _, h := range u.covers {
		s := d.session(h.Session)
		// A writer who is here brings his own session: where his chain does not go on for us, one snapshot after the other would follow
		// him, and his word about each would be the next one's reason.
		if h.Seq >= s.said() && !isAnswer && !d.presence.isHere(func(x *peer) bool { return x.id == h.Session }) {
			u.tries = 0
		}
	}
	d.count(u.hash, u.covers)
	if u.coveredUpTo() > 0 {
		if u.shortens && !isAnswer {
			u.tries = 0
		}
		d.outbox.mark.Log = Length{Snapshot: u.size}
	}
	d.outbox.parent = u.hash
	d.noteUpload(u.session)
	m.endUpload(u)
}

func (m *Machine) endUpload(u *upload) {
	m.dropUpload(u.ref)
	u.stage, u.ref, u.session, u.covers, u.upTo, u.needs, u.shown = stageWaiting, 0, noSession, nil, 0, nil, nil
}

func (m *Machine) dropUpload(ref Ref) {
	if ref != 0 {
		m.drop([]Ref{ref})
	}
}

// noteUpload remembers a session that wrote one snapshot and nothing else.
func (d *document) noteUpload(id SessionID) {
	s := d.session(id)
	s.upload, s.first, s.next, s.shown, s.relay = true, 1, 1, 1, 1
}

// reach lists what a snapshot must cover to have all of the relay's log as far as it is known here; a session that forked cannot be.
func (d *document) reach() []Known {
	needs := []Known{}
	for i := range d.sessions {
		s := &d.sessions[i]
		end := s.next // the relay may have it, known or not
		if s.id == d.own {
			end = min(end, max(s.relay, s.cover.here, s.sent))
		}
		if s.frozen {
			return nil
		}
		if end > 0 && !s.upload {
			needs = append(needs, Known{s.id, end - 1})
		}
	}
	return needs
}

// allShown lists how far the page was given each session.
func (d *document) allShown() (shown []Known) {
	for i := range d.sessions {
		if s := &d.sessions[i]; s.shown > 0 && !s.upload {
			shown = append(shown, Known{s.id, s.shown - 1})
		}
	}
	return shown
}

func nextBySession(heads []Head) map[SessionID]uint32 {
	next := make(map[SessionID]uint32, len(heads))
	for _, h := range heads {
		next[h.Session] = h.Seq + 1
	}
	return next
}

// coveredUpTo gives the cursor up to which the snapshot has all of the relay's log, 0 if it leaves something out.
func (u *upload) coveredUpTo() Cursor {
	next := nextBySession(u.covers)
	for _, k := range u.needs {
		if next[k.Session] <= k.Seq {
			return 0
		}
	}
	if u.needs == nil {
		return 0
	}
	return u.upTo
}
