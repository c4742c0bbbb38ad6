package sync

// outgoing is the way of own edits to the device: one at a time is sealed and stored, the others wait in order (S1).
type outgoing struct {
	queue   []edit
	stage   stage // of the first in the queue
	size    uint32
	hash    Hash
	deps    []Head // what its envelope names
	job     Job
	tries   uint32
	retryAt int64
	base    end    // the last of the ends that were let go
	ends    []end  // own envelopes that some other place has not got yet
	device  uint32 // operations, exclusive: durable on the device
	relay   uint32 // on the relay
	peer    uint32 // seen by another device
}

type edit struct {
	ref    Ref
	to     uint32
	more   bool    // its change goes on in the next
	attest *attest // it is no edit, but a word about a snapshot
}

// end says which operation number an own envelope reaches.
type end struct{ next, to uint32 }

type stage uint8

const (
	stageWaiting stage = iota
	stageSealing
	stageStoring
	stageFailed // sealed, but the device could not take it
	stageChecking
)

func (m *Machine) local(e Local) {
	d := m.find(e.Doc)
	if d == nil || d.own == noSession {
		m.emit(Drop{[]Ref{e.Ref}})
		return
	}
	d.outgoing.queue = append(d.outgoing.queue, edit{ref: e.Ref, to: e.To, more: e.More})
}

// sealNext starts on the next edit, or stores again what failed.
func (m *Machine) sealNext(d *document) {
	o := &d.outgoing
	d.takeAttest()
	if len(o.queue) == 0 || m.now < o.retryAt {
		return
	}
	switch o.stage {
	case stageWaiting:
		s := d.lookup(d.own)
		o.stage, o.retryAt = stageSealing, 0
		if a := o.queue[0].attest; a != nil {
			m.emit(SealAttest{d.id, a.ref, s.next, s.hash, a.about, a.verdict})
			return
		}
		o.deps = d.news()
		m.emit(Seal{d.id, o.queue[0].ref, s.next, s.hash, o.deps})
	case stageFailed:
		m.storeOwn(d)
	case stageSealing, stageStoring:
	}
}

// news lists the sessions of others that were shown to the page since our last envelope. They count as named once an envelope
// that names them is durable: a seal may fail.
func (d *document) news() []Head {
	var deps []Head
	for i := range d.sessions {
		if s := &d.sessions[i]; s.id != d.own && !s.upload && s.shown > s.named {
			deps = append(deps, Head{s.id, s.shown - 1, s.seen})
		}
	}
	return deps
}

func (m *Machine) sealed(e Sealed) {
	d := m.find(e.Doc)
	if d == nil || d.outgoing.stage != stageSealing {
		return
	}
	if e.Problem != NoProblem {
		m.ownFailed(d, stageWaiting, e.Problem)
		return
	}
	d.outgoing.size, d.outgoing.hash = e.Size, e.Hash
	m.storeOwn(d)
}

func (m *Machine) storeOwn(d *document) {
	o := &d.outgoing
	o.stage, o.job, o.retryAt = stageStoring, m.job(), 0
	m.emit(Store{d.id, o.job, []Ref{o.queue[0].ref}})
}

func (m *Machine) storeDone(e StoreDone) {
	d := m.find(e.Doc)
	if d == nil {
		return
	}
	d.issues.device = e.Problem
	switch {
	case d.outgoing.stage == stageStoring && d.outgoing.job == e.Job:
		if e.Problem != NoProblem {
			m.ownFailed(d, stageFailed, e.Problem)
		} else {
			m.ownStored(d)
		}
	case d.inbox.work.stage == stageStoring && d.inbox.work.job == e.Job:
		m.remoteStored(d, e.Problem)
	}
}

// ownFailed keeps the first edit where it is and tries again later (S3). The page is told once.
func (m *Machine) ownFailed(d *document, back stage, p Problem) {
	o := &d.outgoing
	d.issues.device = p
	if o.tries == 0 {
		m.emit(NotDurable{d.id, o.queue[0].ref, p})
	}
	o.stage, o.retryAt = back, m.now+m.random.pause(o.tries)
	o.tries++
}

func (m *Machine) ownStored(d *document) {
	o := &d.outgoing
	front := o.queue[0]
	s := d.lookup(d.own)
	seq := s.next
	s.store(o.hash, o.size, front.more, front.attest != nil)
	d.packing.note(o.size, front.attest == nil, m.now)
	if !front.more { // the file of a checkpoint is made of what others would show (S8)
		s.shown, s.seen = s.next, s.hash
	}
	for i := range o.deps {
		d.session(o.deps[i].Session).named = o.deps[i].Seq + 1
	}
	d.content = true
	o.device = front.to
	o.ends = append(o.ends, end{s.next, front.to})
	o.queue = append(o.queue[:0], o.queue[1:]...)
	o.stage, o.tries, o.deps = stageWaiting, 0, nil
	m.emit(Durable{d.id, front.ref, seq}) // S2: from here on others may have it
}

// reach gives the operation number that own envelopes before next reach.
func (o *outgoing) reach(next uint32) uint32 {
	low, high := 0, len(o.ends) // ends before low are at or below next
	for low < high {
		if mid := (low + high) / 2; o.ends[mid].next <= next {
			low = mid + 1
		} else {
			high = mid
		}
	}
	switch {
	case low > 0:
		return o.ends[low-1].to
	case next >= o.base.next:
		return o.base.to
	}
	return 0
}

// advance sets the watermarks to what the relay and another device have, and lets go of the ends that both have.
func (o *outgoing) advance(relay, peer uint32) {
	o.relay, o.peer = o.reach(relay), max(o.peer, o.reach(peer))
	done := 0
	for done < len(o.ends) && o.ends[done].next <= min(relay, peer) {
		o.base = o.ends[done]
		done++
	}
	if done > 0 {
		o.ends = append(o.ends[:0], o.ends[done:]...)
	}
}
