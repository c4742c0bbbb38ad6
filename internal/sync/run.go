package sync

// Bounds of one piece of work: how many envelopes are verified and decrypted together.
const (
	runLength = 256
	runBytes  = 1 << 20
)

// work is a run of one session's envelopes on its way: opened, then stored; or a snapshot: opened, then merged.
type work struct {
	stage   stage // waiting means that there is none
	job     Job
	session SessionID
	entries []Entry
	items   []OpenedItem
	verdict Verdict // of a snapshot
	unread  bool    // the snapshot does not say what it covers
	era     uint32  // of the relay's log that it is from
}

// covers are the heads that an opened snapshot covers.
func (w *work) covers() []Head { return w.items[0].Contents[0].Deps }

// openNext passes over what needs no work and starts on the next run.
func (m *Machine) openNext(d *document) {
	in := &d.inbox
	if in.work.stage != stageWaiting {
		if in.work.stage == stageFailed && m.now >= in.retryAt {
			m.storeRemote(d)
		}
		return
	}
	next := m.passOver(d)
	if next == nil && !in.reading {
		next = d.nextBehind()
	}
	if next != nil {
		m.openRun(d, next)
		return
	}
	if !in.reading { // nothing that is under way can help the others
		for i := range in.log {
			if a := &in.log[i]; a.state == arrivalWaiting {
				a.state = arrivalFailed
			}
		}
	}
	m.letGo(d, keptLength, keptBytes)
	d.pass()
	m.show(d) // what is claimed counts as seen when nothing more of it is to come
}

// passOver takes out of turn what needs no opening, up to the first that does. What came for a place that is here, and may say
// something else there, is compared.
func (m *Machine) passOver(d *document) (next *Entry) {
	in := &d.inbox
	var unused, other []Ref
	for i := range in.log {
		a := &in.log[i]
		if a.state == arrivalDone {
			continue
		}
		to := d.judge(&a.Entry)
		if to == arrivalWorked && a.state == arrivalWaiting {
			next = &a.Entry
			break
		}
		if to != arrivalDone {
			continue
		}
		if s := d.lookup(a.Session); a.isKept() && a.Kind.chains() && !s.upload && !s.proven {
			other = append(other, a.Ref)
		} else if a.isKept() {
			unused = append(unused, a.Ref)
		}
		a.state = arrivalDone
	}
	m.drop(unused)
	m.compare(d, other)
	return next
}

func (m *Machine) compare(d *document, refs []Ref) {
	if len(refs) > 0 {
		m.emit(Compare{Doc: d.id, Refs: refs})
	}
}

func (m *Machine) proven(e Proven) {
	if d := m.find(e.Doc); d != nil {
		d.freeze(e.Session)
		s := d.session(e.Session)
		s.proven = s.proven || !e.Bare
	}
}

// judge says what is to become of an envelope that came from the relay (S5).
func (d *document) judge(e *Entry) arrivalState {
	s := d.lookup(e.Session)
	var next uint32
	if s != nil {
		next = s.next
	}
	switch {
	case e.Kind == KindSnapshot: // the only envelope of a session of its own; known when it was taken before or is ours
		if next > 0 || e.Seq > 0 || e.Session == d.outbox.upload.session {
			return arrivalDone
		}
		return arrivalWorked
	case !e.Kind.chains(), s != nil && (s.frozen || s.upload):
		return arrivalDone
	case e.Seq < next && s.holes.has(e):
		return arrivalWorked
	case e.Seq < next:
		s.learnRun(e.First, e.Seq)
		d.places.note(e.Cursor, e.Session, e.First, e.Seq)
		d.hear(e)
		return arrivalDone
	case e.First > next: // what is between may come later in the same reading
		return arrivalWaiting
	}
	return arrivalWorked // a pack, of which something may be here already: that is compared
}

// openRun gathers what continues a session from its next entry, by number and wherever it stands in the log, and has it opened.
// Of several with one number the last to come goes first; if that fails, the others have their turn.
func (m *Machine) openRun(d *document, next *Entry) {
	in := &d.inbox
	w := work{stage: stageSealing, job: m.job(), session: next.Session, era: d.outbox.era}
	isSnapshot := next.Kind == KindSnapshot
	here := uint32(0)
	var gaps holes
	if s := d.lookup(w.session); s != nil { // who begins one is known when something verified
		here, gaps = s.next, s.holes
	}
	isLate := gaps.has(next)
	byFirst := map[uint32]*arrival{}
	for i := range in.log {
		a := &in.log[i]
		if a.state == arrivalWaiting && a.Kind.chains() != isSnapshot && a.Session == w.session && a.First-next.First < runLength {
			byFirst[a.First] = a
		}
	}
	var refs []Ref
	size := uint32(0)
	for a := byFirst[next.First]; a != nil; a = byFirst[a.Seq+1] {
		if len(refs) > 0 && (len(refs) == runLength || size+a.Size > runBytes || isSnapshot || isLate != gaps.has(&a.Entry)) {
			break
		}
		a.state = arrivalWorked
		size += a.Size
		refs = append(refs, a.Ref)
		w.entries = append(w.entries, a.Entry)
	}
	in.work = w
	m.emit(Open{d.id, w.job, next.Kind, w.session, here, refs})
}

func (m *Machine) opened(e Opened) {
	d := m.find(e.Doc)
	if d == nil || d.inbox.work.stage != stageSealing || d.inbox.work.job != e.Job {
		return
	}
	w := &d.inbox.work
	n := min(len(e.Items), len(w.entries))
	if n < len(w.entries) {
		p := e.Problem
		if p == NoProblem {
			p = Forged
		}
		if p == Forked { // a pack that says something else than what it stands for
			d.freeze(w.session)
			d.mark(w.entries[n:n+1], arrivalDone)
			m.compare(d, []Ref{w.entries[n].Ref})
		} else {
			d.issues.read = p
			m.dropEntries(d.mark(w.entries[n:n+1], arrivalFailed))
			m.keepLast(d, &w.entries[n])
			m.letGoStrangers(d)
		}
		m.dropEntries(d.mark(w.entries[n+1:], arrivalWaiting)) // not at fault: they may follow another one with that number
		w.entries = w.entries[:n]
	}
	w.items = e.Items[:n]
	if n == 0 {
		d.endWork()
		return
	}
	if w.entries[0].Kind == KindSnapshot {
		if len(w.items[0].Contents) != 1 { // it has a list of heads, if an empty one
			w.items[0].Contents, w.unread = make([]OpenedContent, 1), true
		}
		m.checkSnapshot(d)
		return
	}
	if d.isForked(w) {
		m.compareOpened(d)
		return
	}
	m.storeRemote(d)
}

// isForked reports whether a run, although it verifies, does not follow what is here: its writer signed two histories.
func (d *document) isForked(w *work) bool {
	s := d.session(w.session)
	for i := range w.entries {
		if e := &w.entries[i]; !s.follows(e.First, e.Prev, Head{Seq: e.Seq, Hash: w.items[i].Hash}) {
			return true
		}
	}
	return false
}

func (m *Machine) storeRemote(d *document) {
	w := &d.inbox.work
	w.stage, w.job, d.inbox.retryAt = stageStoring, m.job(), 0
	var refs []Ref
	for i := range w.entries {
		refs = append(refs, w.entries[i].Ref)
	}
	m.emit(Store{d.id, w.job, refs})
}

func (m *Machine) remoteStored(d *document, p Problem) {
	in := &d.inbox
	w := &in.work
	if p != NoProblem { // S3
		w.stage, in.retryAt = stageFailed, m.now+m.random.pause(in.tries)
		in.tries++
		return
	}
	in.tries = 0
	if d.isForked(w) { // while it was stored, another hub or tab stored another history: what the device has of both is its proof
		m.compareOpened(d)
		return
	}
	s := d.session(w.session)
	if e := &w.entries[0]; s.goesOnBehind(e) {
		d.cross(s, e)
	}
	var fresh, unused, late []Ref
	for i := range w.entries {
		e, item := &w.entries[i], &w.items[i]
		if w.era == d.outbox.era {
			s.learnRun(e.First, e.Seq)
			d.places.note(e.Cursor, e.Session, e.First, e.Seq)
		}
		if e.Seq >= s.next || s.holes.has(e) { // or another tab stored it in the meantime
			fresh = append(fresh, e.Ref)
			d.outbox.mark.Log.grew(1, e.Size)
		}
		isShown := false
		for at := e.First; at <= e.Seq; at++ {
			head, c := Head{Session: e.Session, Seq: at}, OpenedContent{}
			if n := int(at - e.First); n < len(item.Contents) {
				c = item.Contents[n]
			}
			if at == e.Seq {
				head.Hash = item.Hash
			}
			if s.holes.at(at) { // somebody said that it was here: if so, it changes nothing
				isShown = isShown || c.Ref == e.Ref
				late = appendRef(late, c.Ref)
				d.noteSeen(w.session, c.Deps)
				continue
			}
			if at != s.next {
				if c.Ref != e.Ref {
					unused = appendRef(unused, c.Ref)
				}
				continue
			}
			isShown = isShown || c.Ref == e.Ref
			s.store(head.Hash, e.Size/(e.Seq-e.First+1), c.More, c.Ref == 0)
			in.held = append(in.held, held{c.Ref, head, c.Deps, c.More})
			d.noteSeen(w.session, c.Deps)
		}
		if !isShown {
			unused = append(unused, e.Ref)
		}
		s.holes.fill(e)
		d.noteAttest(e)
	}
	d.mark(w.entries, arrivalDone)
	in.tryAgain(w.session)
	if in.isGone(w.session) { // there is room for what was let go
		in.asks = 0
	}
	d.endWork()
	if len(fresh) > 0 {
		m.emit(Spread{d.id, fresh})
	}
	m.drop(unused)
	m.showLate(d, late)
	m.show(d)
}

// compareOpened freezes a session, has the run compared that does not follow what is here, and lets go of what it stands for.
func (m *Machine) compareOpened(d *document) {
	w := &d.inbox.work
	d.freeze(w.session)
	var whole, refs []Ref
	for i := range w.entries {
		whole = append(whole, w.entries[i].Ref)
		for _, c := range w.items[i].Contents {
			if c.Ref != w.entries[i].Ref {
				refs = appendRef(refs, c.Ref)
			}
		}
	}
	m.drop(refs)
	m.compare(d, whole)
	d.mark(w.entries, arrivalDone)
	d.endWork()
}

// appendRef leaves out what stands for no bytes.
func appendRef(refs []Ref, ref Ref) []Ref {
	if ref == 0 {
		return refs
	}
	return append(refs, ref)
}

// freeze ends a session whose writer signed two histories: neither gets longer here.
func (d *document) freeze(id SessionID) {
	if s := d.session(id); !s.frozen {
		s.frozen = true
		d.forked = append(d.forked, id)
	}
	d.issues.session = Forked
}

// keepForked has it remembered of which sessions that turned out, where the proof is not here already.
func (m *Machine) keepForked(d *document) {
	for _, id := range d.forked {
		if !d.session(id).proven {
			m.emit(KeepForked{d.id, id})
		}
	}
	d.forked = nil
}

func (d *document) endWork() {
	d.inbox.work = work{}
	d.touched = true
	d.pass()
}
