package sync

// Machine is the sync half of one vault. The zero value is not ready; use New.
type Machine struct {
	now    int64
	random random
	conn   connection
	docs   []document
	jobs   Job   // the last one given out
	timer  int64 // the time last asked for
	out    []Effect
}

// New makes a machine with no relay and no documents. The seed draws the jitter of its pauses.
func New(seed uint64) *Machine { return &Machine{random: newRandom(seed)} }

// Step tells the machine what happened and returns what to do about it, in order. The slice is valid until the next Step.
//
// Events about documents, jobs or connections that are no longer there are ignored: the caller need not cancel anything.
func (m *Machine) Step(now int64, ev Event) []Effect {
	m.now = now
	m.out = m.out[:0]
	m.take(ev)
	m.connect()
	for i := range m.docs {
		if d := &m.docs[i]; d.touched || d.isDue(now) {
			m.settle(d)
		}
	}
	m.schedule()
	return m.out
}

func (m *Machine) emit(e Effect) { m.out = append(m.out, e) }

func (m *Machine) job() Job {
	m.jobs++
	return m.jobs
}

func (m *Machine) take(ev Event) {
	switch e := ev.(type) {
	case Relays, Lead, LeaderState, Pause, Online, SocketOpen, SocketClosed, Pong:
		m.takeConnection(ev)
	case Wake: // the time itself is the news
		m.touchAll()
	case DocOpen:
		m.open(e)
	case DocClose:
		m.close(e.Doc)
	case DocKeyed:
		m.keyed(e)
	case DocRefused:
		m.refusedKeys(e)
	case Local:
		m.local(e)
	case Sealed:
		m.sealed(e)
	case StoreDone:
		m.storeDone(e)
	case Shared:
		m.shared(e)
	case SharedSnapshot:
		m.sharedSnapshot(e)
	case Welcome:
		m.welcome(e)
	case Batch:
		m.batch(e)
	case Opened:
		m.opened(e)
	case Proven:
		m.proven(e)
	case Checked:
		m.checked(e)
	case Merged:
		m.merged(e)
	case Ack:
		m.ack(e)
	case Refused:
		m.refused(e)
	case Packed:
		m.packed(e)
	case Missing:
		m.missing(e)
	case RelayHas:
		m.relayHas(e)
	case SnapshotSealed:
		m.snapshotSealed(e)
	case Checkpointed:
		m.checkpointed(e)
	case PresenceSet:
		m.presenceSet(e)
	case PresenceSealed:
		m.presenceSealed(e)
	case PresenceCame:
		m.presenceCame(e)
	}
}

// settle does for one document whatever its state now allows.
func (m *Machine) settle(d *document) {
	d.touched, d.settledAt = false, m.now
	m.checkAgain(d)
	m.sealNext(d)
	m.checkpointNext(d) // before what comes next, or a long reading would leave it no moment between two runs
	m.openNext(d)
	m.creditNext(d)
	m.wantedNext(d)
	m.askAgain(d)
	m.helloAgain(d)
	d.contestAll()
	m.sendNext(d)
	m.packNext(d)
	m.presenceNext(d)
	m.tellKnown(d)
	m.readAgain(d)
	m.keepForked(d)
	m.tellStatus(d)
}

func (m *Machine) touchAll() {
	for i := range m.docs {
		m.docs[i].touched = true
	}
}

// schedule asks for one Wake at the earliest time at which anything is due.
func (m *Machine) schedule() {
	at := m.conn.due()
	for i := range m.docs {
		at = earliest(at, m.docs[i].due(m.now))
	}
	if at != m.timer {
		m.timer = at
		m.emit(Timer{at})
	}
}

// earliest compares times of which 0 means never.
func earliest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
