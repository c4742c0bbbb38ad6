package sync

// Content says how much of a document is here.
type Content uint8

const (
	ContentWaiting  Content = 0 // joined, nothing received yet
	ContentPartial  Content = 1 // something is known to be missing
	ContentComplete Content = 2
)

// Status is what a person may know about a document. Device, Relay and Peer are operation numbers of this vault's own
// session, exclusive: how far its edits got.
type Status struct {
	Content Content
	Device  uint32
	Relay   uint32
	Peer    uint32
	Unsent  uint32 // envelopes on this device that no relay has acknowledged; what only a snapshot holds counts as one
	Behind  uint32 // the same of the relay that this vault talks to
	State   RelayState
	Peers   uint32 // sessions on other devices that are here
	Seen    uint32 // how many of them have our newest envelope; 1 at least when anybody ever said so
	Problem Problem
}

func (m *Machine) tellStatus(d *document) {
	s := m.status(d)
	if !d.statusTold || s != d.status {
		d.status, d.statusTold = s, true
		m.emit(StatusChanged{d.id, s})
	}
}

func (m *Machine) status(d *document) Status {
	st := Status{State: m.relayState(d), Problem: m.problem(d), Content: d.contentState()}
	own := uint32(0)
	if d.own != noSession {
		own = d.lookup(d.own).next
	}
	for i := range d.presence.peers {
		x := &d.presence.peers[i]
		d.saw = max(d.saw, x.saw)
		if x.near || x.until == 0 {
			continue
		}
		st.Peers++
		if own > 0 && d.sawOf(x) == own {
			st.Seen++
		}
	}
	if own > 0 {
		d.outgoing.advance(d.lookup(d.own).anywhere(), d.saw)
		if st.Seen == 0 && d.saw == own {
			st.Seen = 1
		}
	}
	st.Device, st.Relay, st.Peer = d.outgoing.device, d.outgoing.relay, d.outgoing.peer
	st.Unsent, st.Behind = d.lackedBy((*session).anywhere), d.lackedBy((*session).known)
	return st
}

// lackedBy counts what is here beyond what somebody has.
func (d *document) lackedBy(has func(*session) uint32) (count uint32) {
	hidden := false
	for i := range d.sessions {
		s := &d.sessions[i]
		if s.frozen { // nobody waits for it
			continue
		}
		start, end := max(has(s), s.first), s.end()
		if s.begin <= start { // of a chain that begins late it has these all the same
			start = max(start, s.relay)
		}
		if end > start {
			count += end - start
		}
		hidden = hidden || has(s) < min(s.first, end) && !s.upload || s.isOnlyHere() && s.claim.next > has(s)
	}
	if hidden {
		count++
	}
	return count
}

func (d *document) contentState() Content {
	switch {
	case !d.content:
		return ContentWaiting
	case d.outbox.upload.unread.lacks, d.lacks(), d.outbox.subscribed && d.isCatching():
		return ContentPartial
	}
	return ContentComplete
}

// isCatching reports whether the relay has what is not here, as far as it gave it or somebody named it. Of one that is gone that is no concern:
// others may have everything.
func (d *document) isCatching() bool {
	in := &d.inbox
	return d.isBehind() && in.asks > 0 || in.catching && d.outbox.welcomed && len(in.log) > 0 || in.isPartial()
}

// lacks reports whether something that is stored waits for what its writer had seen. A change whose last part is not here does
// not count: its writer may have died over it.
func (d *document) lacks() bool {
	if d.misses() {
		return true
	}
	for i := range d.inbox.held {
		if h := &d.inbox.held[i].head; h.Seq < d.lookup(h.Session).whole {
			return true
		}
	}
	return false
}

func (m *Machine) relayState(d *document) RelayState {
	c := &m.conn
	switch {
	case c.relays == 0:
		return RelayNone
	case c.paused || d.refused:
		return RelayOffline
	case !c.leads:
		return max(c.leader, RelayOffline)
	case c.socket == socketOpen && d.outbox.welcomed && d.keyed && !d.inbox.reading:
		return RelayLive
	case c.socket == socketOpen, c.socket == socketOpening && c.failures == 0:
		return RelayConnecting
	}
	return RelayOffline
}

func (m *Machine) problem(d *document) Problem {
	issues := d.issues
	if !d.outbox.subscribed { // a relay that may be gone for good
		issues.read = d.outbox.upload.unread.problem()
	}
	if p := issues.gravest(); p != NoProblem {
		return p
	}
	return m.conn.problem
}
