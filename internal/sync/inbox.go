package sync

// Bounds of one piece of work: how many envelopes are verified and decrypted together.
const (
	runLength = 256
	runBytes  = 1 << 20
)

// maxAsks is how often what cannot be taken is asked for on one connection (S7).
const maxAsks = 5

// inbox is the way of the relay's envelopes to the device and the page.
//
// log holds what came and is not passed yet, in the relay's order. Its front leaves when it is done, and takes the cursor
// along (S6); a bad one holds the cursor until it was asked for again. One run at a time is worked on. held are stored
// envelopes whose writer had seen something that is not here yet (S8).
type inbox struct {
	log      []arrival
	received Cursor // the last that came since Hello
	end      Cursor // of the relay's log, at Welcome
	reading  bool   // between Hello and the end of what it asked for
	work     work
	held     []held
	retryAt  int64 // store again
	tries    uint32
	askAt    int64
	asks     uint32
}

// arrival is an entry of the relay's log and what became of it.
type arrival struct {
	Entry
	state arrivalState
}

type arrivalState uint8

const (
	arrivalWaiting arrivalState = iota
	arrivalWorked
	arrivalDone
	arrivalBad
)

// work is a run of one session's envelopes on its way: opened, then stored; or a snapshot: opened, then merged.
type work struct {
	stage   stage // waiting means that there is none
	job     Job
	session SessionID
	entries []Entry
	items   []OpenedItem
}

// held is an envelope that is stored but not shown.
type held struct {
	ref  Ref
	head Head
	deps []Head
}

func (m *Machine) batch(e Batch) {
	d := m.find(e.Doc)
	if !m.heard(e.Conn) || d == nil || !d.keyed || !d.outbox.subscribed {
		m.dropEntries(e.Entries)
		return
	}
	in := &d.inbox
	for _, entry := range e.Entries {
		in.log = append(in.log, arrival{Entry: entry})
		in.received = max(in.received, entry.Cursor)
	}
	if e.UpTo > in.received || len(e.Entries) == 0 {
		in.log = append(in.log, arrival{Entry: Entry{Cursor: e.UpTo}, state: arrivalDone})
		in.received = max(in.received, e.UpTo)
	}
	if !e.More && in.received >= in.end {
		in.reading = false
	}
	d.pass()
}

func (m *Machine) dropEntries(entries []Entry) {
	var refs []Ref
	for i := range entries {
		refs = append(refs, entries[i].Ref)
	}
	m.drop(refs)
}

func (m *Machine) drop(refs []Ref) {
	if len(refs) > 0 {
		m.emit(Drop{refs})
	}
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
		if a.state != arrivalWaiting {
			continue
		}
		if a.state = d.judge(&a.Entry); a.state == arrivalWaiting {
			continue
		}
		if a.state == arrivalDone {
			unused = append(unused, a.Ref)
			continue
		}
		m.drop(unused)
		m.openRun(d, i)
		return
	}
	if !in.reading { // nothing that is under way can help the others
		for i := range in.log {
			if a := &in.log[i]; a.state == arrivalWaiting {
				a.state = arrivalBad
				unused = append(unused, a.Ref)
			}
		}
	}
	m.drop(unused)
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

// openRun gathers what continues the session of entry i, wherever it stands in the log, and has it opened.
func (m *Machine) openRun(d *document, i int) {
	in := &d.inbox
	first := &in.log[i]
	w := work{stage: stageSealing, job: m.job(), session: first.Session}
	var refs []Ref
	size := uint32(0)
	for j := i; j < len(in.log); j++ {
		a := &in.log[j]
		if j > i && (a.state != arrivalWaiting || a.Kind != first.Kind || a.Session != first.Session || a.Seq != first.Seq+uint32(len(refs))) {
			continue
		}
		if len(refs) > 0 && (len(refs) == runLength || size+a.Size > runBytes || first.Kind == KindSnapshot) {
			break
		}
		a.state = arrivalWorked
		size += a.Size
		refs = append(refs, a.Ref)
		w.entries = append(w.entries, a.Entry)
	}
	in.work = w
	m.emit(Open{d.id, w.job, first.Kind, first.Session, refs})
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
		m.dropEntries(w.entries[n:])
		d.mark(w.entries[n:], arrivalBad)
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
		s.store(w.items[i].Hash, e.Size)
		fresh = append(fresh, e.Ref)
		in.held = append(in.held, held{e.Ref, Head{e.Session, e.Seq, w.items[i].Hash}, w.items[i].Deps})
		d.noteSeen(w.session, w.items[i].Deps)
	}
	d.mark(w.entries, arrivalDone)
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

// mark sets the state of entries that are still in the log; a new Hello may have emptied it.
func (d *document) mark(entries []Entry, state arrivalState) {
	j := 0
	for i := range entries {
		for k := range d.inbox.log { // a run is mostly in order: go on from where the one before was found
			a := &d.inbox.log[(j+k)%len(d.inbox.log)]
			if a.Ref == entries[i].Ref {
				a.state = state
				j = (j + k + 1) % len(d.inbox.log)
				break
			}
		}
	}
}

// pass takes finished entries off the front of the log and moves the cursor over them (S6).
func (d *document) pass() {
	in := &d.inbox
	n := 0
	for n < len(in.log) && in.log[n].state == arrivalDone {
		d.outbox.passed(in.log[n].Cursor)
		n++
	}
	if n > 0 {
		in.log = append(in.log[:0], in.log[n:]...)
	}
	if len(in.log) == 0 && !in.reading && d.outbox.subscribed { // all that the relay has is here
		d.content = true
		if len(in.held) == 0 {
			in.asks, in.askAt = 0, 0
			d.issues.read = NoProblem
		}
	}
}

// askAgain plans and sends a new Hello when something could not be taken, or is named by what was taken and did not come (S7).
func (m *Machine) askAgain(d *document) {
	in := &d.inbox
	broken, waiting := in.isBroken(), in.isWaiting()
	if !broken && !waiting || in.work.stage != stageWaiting || !d.outbox.subscribed {
		return
	}
	if in.asks >= maxAsks {
		if d.issues.read == NoProblem {
			d.issues.read = Incomplete
		}
		return
	}
	if in.askAt == 0 {
		patience := in.asks
		if !broken { // it may well be on its way from its writer to the relay
			patience += 4
		}
		in.askAt = m.now + m.random.pause(patience)
		return
	}
	if m.now < in.askAt {
		return
	}
	in.askAt = 0
	in.asks++
	if in.asks > 1 || !broken { // what is missing may be before the cursor: read all of it
		d.outbox.mark.Cursor = 0
	}
	m.subscribe(d)
}

// isBroken reports whether the relay gave something that could not be taken.
func (in *inbox) isBroken() bool { return len(in.log) > 0 && in.log[0].state == arrivalBad }

// isWaiting reports whether all that the relay has was taken, and something names envelopes that were not among it.
func (in *inbox) isWaiting() bool { return len(in.log) == 0 && !in.reading && len(in.held) > 0 }

// restart lets go of what came on an earlier reading; work in flight goes on and counts when it ends.
func (m *Machine) restart(d *document) {
	in := &d.inbox
	var refs []Ref
	for i := range in.log {
		if in.log[i].state == arrivalWaiting {
			refs = append(refs, in.log[i].Ref)
		}
	}
	m.drop(refs)
	in.log = in.log[:0]
	in.received, in.reading = 0, true
}
