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
}

// openNext passes over what needs no work and starts on the next run.
func (m *Machine) openNext(d *document) {
	in := &d.inbox
	if in.work.stage != stageWaiting {
		if in.work.stage == stageFailed && m.now >= in.retryAt {
			m.storeRemote(d)
		}
		return
	}
	var unused []Ref
	for i := range in.log {
		a := &in.log[i]
		if a.state == arrivalDone {
			continue
		}
		switch to := d.judge(&a.Entry); {
		case to == arrivalDone:
			if a.isKept() {
				unused = append(unused, a.Ref)
			}
			a.state = arrivalDone
		case to == arrivalWorked && a.state == arrivalWaiting:
			m.drop(unused)
			m.openRun(d, &a.Entry)
			return
		}
	}
	m.drop(unused)
	if !in.reading { // nothing that is under way can help the others
		for i := range in.log {
			if a := &in.log[i]; a.state == arrivalWaiting {
				a.state = arrivalFailed
			}
		}
	}
	m.letGo(d)
	d.pass()
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
		if next > 0 || e.Seq > 0 {
			return arrivalDone
		}
		return arrivalWorked
	case e.Kind != KindUpdate, s != nil && (s.frozen || s.upload):
		return arrivalDone
	case e.Seq < next:
		s.learn(e.Seq)
		return arrivalDone
	case e.Seq > next: // what is between may come later in the same reading
		return arrivalWaiting
	}
	return arrivalWorked
}

// openRun gathers what continues a session from its next entry, by number and wherever it stands in the log, and has it opened.
// Of several with one number the last to come goes first; if that fails, the others have their turn.
func (m *Machine) openRun(d *document, next *Entry) {
	in := &d.inbox
	w := work{stage: stageSealing, job: m.job(), session: next.Session}
	kind := next.Kind
	bySeq := map[uint32]*arrival{}
	for i := range in.log {
		if a := &in.log[i]; a.state == arrivalWaiting && a.Kind == kind && a.Session == w.session && a.Seq-next.Seq < runLength {
			bySeq[a.Seq] = a
		}
	}
	var refs []Ref
	size := uint32(0)
	for a := bySeq[next.Seq]; a != nil; a = bySeq[a.Seq+1] {
		if len(refs) > 0 && (len(refs) == runLength || size+a.Size > runBytes || kind == KindSnapshot) {
			break
		}
		a.state = arrivalWorked
		size += a.Size
		refs = append(refs, a.Ref)
		w.entries = append(w.entries, a.Entry)
	}
	in.work = w
	m.emit(Open{d.id, w.job, kind, w.session, refs})
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
		d.issues.read = p
		m.dropEntries(d.mark(w.entries[n:n+1], arrivalFailed))
		m.keepLast(d, &w.entries[n])
		m.dropEntries(d.mark(w.entries[n+1:], arrivalWaiting)) // not at fault: they may follow another one with that number
		w.entries = w.entries[:n]
	}
	w.items = e.Items[:n]
	if n == 0 {
		d.endWork()
		return
	}
	if w.entries[0].Kind == KindSnapshot {
		m.openedSnapshot(d)
		return
	}
	s := d.session(w.session)
	if first := &w.entries[0]; s.next > 0 && first.Seq == s.next && !first.Prev.Same(s.hash) {
		// Verified, and yet it does not follow what is here: its writer signed two histories. Neither gets longer.
		s.frozen = true
		d.issues.session = Forked
		m.dropEntries(w.entries)
		d.mark(w.entries, arrivalDone)
		d.endWork()
		return
	}
	m.storeRemote(d)
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
	s := d.session(w.session)
	var fresh []Ref
	for i := range w.entries {
		e := &w.entries[i]
		s.learn(e.Seq)
		if e.Seq != s.next { // another tab stored it in the meantime
			m.drop([]Ref{e.Ref})
			continue
		}
		s.store(w.items[i].Hash, e.Size, w.items[i].More)
		fresh = append(fresh, e.Ref)
		in.held = append(in.held, held{e.Ref, Head{e.Session, e.Seq, w.items[i].Hash}, w.items[i].Deps, w.items[i].More})
		d.noteSeen(w.session, w.items[i].Deps)
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
	m.show(d)
}

func (d *document) endWork() {
	d.inbox.work = work{}
	d.touched = true
	d.pass()
}
