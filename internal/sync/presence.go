package sync

import (
	"cmp"
	"slices"
)

// Milliseconds.
const (
	presencePause = 50     // between two of one session
	headsPause    = 1_000  // heads that moved are said after it
	presenceRenew = 15_000 // said again while somebody is there
)

// headsSaid bounds what one presence names: with a state of 1 KiB it stays below the 4 KiB that relays pass on.
const headsSaid = 64

// presence is what this session says to those who have the document open, and what it heard of them (S15, S16).
type presence struct {
	dueAt     int64 // something is to be said then; 0: nothing
	saidAt    int64
	sealing   bool
	elsewhere bool // another relay passes it on as well
	peers     []peer
	wants     []Head // named by a peer, and not here yet (S17)
}

// say has presence sealed at a time, or as soon after it as may be.
func (p *presence) say(at int64) {
	if p.saidAt != 0 {
		at = max(at, p.saidAt+presencePause)
	}
	p.dueAt = earliest(p.dueAt, max(at, 1))
}

func (p *presence) due() int64 {
	if p.sealing {
		return 0
	}
	return p.dueAt
}

func (m *Machine) presenceSet(e PresenceSet) {
	if d := m.find(e.Doc); d != nil {
		d.presence.say(m.now)
	}
}

func (m *Machine) presenceSealed(e PresenceSealed) {
	if d := m.find(e.Doc); d != nil {
		d.presence.sealing = false
	}
}

// presenceNext says that this session is here when that is due and somebody may hear it. Nothing of it is stored, and nothing is
// repeated that was lost: the next one says all.
func (m *Machine) presenceNext(d *document) {
	p := &d.presence
	p.expire(m, d.id)
	if d.own == noSession {
		return
	}
	conn, heard := m.audience(d)
	if d.headsMoved(conn) {
		p.say(m.now + headsPause)
	}
	if p.isHere(func(x *peer) bool { return true }) {
		p.say(p.saidAt + presenceRenew)
	}
	if !heard { // whoever comes is told then
		p.dueAt = 0
	}
	if p.dueAt == 0 || m.now < p.dueAt || p.sealing {
		return
	}
	p.dueAt, p.saidAt, p.sealing = 0, m.now, true
	m.emit(SealPresence{conn, d.id, d.lookup(d.own).hash, d.heads(conn)})
}

// audience gives the connection to say something on, 0 when only other tabs and relays are to hear it, and whether anybody is.
func (m *Machine) audience(d *document) (conn Conn, heard bool) {
	if m.conn.socket == socketOpen && d.outbox.welcomed {
		return m.conn.id, true
	}
	return 0, !m.conn.leads || d.presence.elsewhere || d.presence.isHere(func(x *peer) bool { return x.near })
}

// headsMoved notes which of the heads changed since it was called last.
func (d *document) headsMoved(conn Conn) (moved bool) {
	for i := range d.sessions {
		if s := &d.sessions[i]; !s.upload && s.common(conn) != s.looked {
			s.looked, s.movedAt, moved = s.common(conn), d.settledAt, true
		}
	}
	return moved
}

// heads names the last envelope of each session that both this device and its relay have: what a relay lacks nobody can be blamed
// for not having. Of too many, the own one and those that moved last.
func (d *document) heads(conn Conn) []Head {
	var said []*session
	for i := range d.sessions {
		if s := &d.sessions[i]; !s.upload && s.common(conn) > 0 {
			said = append(said, s)
		}
	}
	if len(said) > headsSaid {
		slices.Reverse(said) // of those that moved together the newest
		slices.SortStableFunc(said, func(a, b *session) int {
			if a.id == d.own || b.id == d.own {
				return cmp.Compare(flag(b.id == d.own), flag(a.id == d.own))
			}
			return cmp.Compare(b.movedAt, a.movedAt)
		})
		said = said[:headsSaid]
	}
	heads := make([]Head, len(said))
	for i, s := range said {
		last := s.common(conn) - 1
		heads[i] = Head{s.id, last, s.hashAt(last)}
	}
	return heads
}
