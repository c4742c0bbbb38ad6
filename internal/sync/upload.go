package sync

// snapshotPause is the least time between two snapshots of a document made for a relay, in milliseconds. It doubles with each that
// brought the relay nothing, up to 64 times.
const (
	snapshotPause   = 60_000
	snapshotDoubles = 6
)

// upload is the way of a snapshot to the relay, for what no envelope here can bring it (S9).
type upload struct {
	stage     stage // waiting means that there is none; failed that it is sealed, and not sent
	ref       Ref   // its bytes, from sealed to acknowledged or refused
	session   SessionID
	covers    []Head // what is in it, which can be less than what is shown
	notBefore int64
	tries     uint32 // that brought nothing, in a row
	blocked   bool   // a snapshot was too large or refused, until the next connection
	restore   Cursor // of a snapshot on the relay that may lack something: all that is here goes up as well (S13); 0: none
}

// needsSnapshot reports whether the device has something that the relay lacks and no sendable envelope holds. Half a change is
// not in a snapshot either.
func (d *document) needsSnapshot() bool {
	for i := range d.sessions {
		if s := &d.sessions[i]; !s.frozen && !s.upload && s.known() < s.whole && !s.joins() {
			return true
		}
	}
	return false
}

// uploadNext sends the snapshot that is sealed, or has one made. It reports whether everything else has to wait.
func (m *Machine) uploadNext(d *document) bool {
	u := &d.outbox.upload
	switch {
	case u.stage == stageFailed:
		u.stage = stageStoring
		m.emit(Upload{m.conn.id, d.id, u.ref, d.outbox.mark.Store, d.coveredUpTo(u.covers)})
	case u.stage == stageWaiting && d.writable && !u.blocked && m.now >= u.notBefore && (u.restore != 0 || d.needsSnapshot()):
		u.stage, u.notBefore = stageSealing, m.now+snapshotPause<<min(u.tries, snapshotDoubles)
		u.tries++
		m.emit(MakeSnapshot{d.id})
	}
	return u.stage != stageWaiting
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
	u.stage, u.ref, u.session, u.covers = stageFailed, e.Ref, e.Session, e.Covers
}

// isUpload reports whether what the relay says of a session is about the snapshot.
func (u *upload) isUpload(id SessionID) bool { return u.stage == stageStoring && u.session == id }

// uploaded credits the relay with what is in the snapshot.
func (m *Machine) uploaded(d *document) {
	u := &d.outbox.upload
	u.restore = 0
	for _, h := range u.covers {
		s := d.session(h.Session)
		if h.Seq >= s.known() {
			u.tries = 0
		}
		s.learnCover(h.Seq + 1)
	}
	d.noteUpload(u.session)
	m.endUpload(u)
}

func (m *Machine) endUpload(u *upload) {
	m.dropUpload(u.ref)
	u.stage, u.ref, u.session, u.covers = stageWaiting, 0, noSession, nil
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

// coveredUpTo gives the cursor up to which a snapshot with these heads has all of the relay's log, 0 if it leaves something out.
func (d *document) coveredUpTo(covers []Head) Cursor {
	next := make(map[SessionID]uint32, len(covers))
	for _, h := range covers {
		next[h.Session] = h.Seq + 1
	}
	for i := range d.sessions {
		s := &d.sessions[i]
		end := s.next // the relay may have it, known or not
		if s.id == d.own {
			end = min(end, max(s.relay, s.cover, s.sent))
		}
		if s.frozen || !s.upload && next[s.id] < end {
			return 0
		}
	}
	return d.outbox.mark.Cursor
}
