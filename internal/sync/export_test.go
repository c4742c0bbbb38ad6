package sync

import "fmt"

// Dump prints every structure of a machine, for the log of a test that failed.
func (m *Machine) Dump() string {
	c := &m.conn
	s := fmt.Sprintf("connection %d: socket %d failures %d retry %d problem %d\n", c.id, c.socket, c.failures, c.retryAt, c.problem)
	for i := range m.docs {
		d := &m.docs[i]
		o, in := &d.outbox, &d.inbox
		s += fmt.Sprintf("document %d: own %x cursor %d received %d reading %v work %d outgoing %d×%d upload %d asks %d\n",
			d.id, d.own[:4], o.mark.Cursor, in.received, in.reading, in.work.stage, d.outgoing.stage, len(d.outgoing.queue), o.upload.stage, in.asks)
		for j := range d.sessions {
			x := &d.sessions[j]
			s += fmt.Sprintf("  session %x: first %d next %d shown %d relay %d-%d cover %d sent %d broken %v blocked %v frozen %v upload %v\n",
				x.id[:4], x.first, x.next, x.shown, x.begin, x.relay, x.cover, x.sent, x.broken, x.blocked, x.frozen, x.upload)
		}
		for _, a := range in.log {
			s += fmt.Sprintf("  came %d: %x/%d state %d\n", a.Cursor, a.Session[:4], a.Seq, a.state)
		}
		for _, h := range in.held {
			s += fmt.Sprintf("  held %x/%d, after", h.head.Session[:4], h.head.Seq)
			for _, dep := range h.deps {
				s += fmt.Sprintf(" %x/%d", dep.Session[:4], dep.Seq)
			}
			s += "\n"
		}
	}
	return s
}

// Wants is how much others have from the relay that the first document lacks.
func (m *Machine) Wants() int { return len(m.docs[0].presence.wants) }

// Arrivals is how many entries of its relay's log the first document keeps.
func (m *Machine) Arrivals() int { return len(m.docs[0].inbox.log) }

// Sessions is how many sessions the first document knows.
func (m *Machine) Sessions() int { return len(m.docs[0].sessions) }

// Marks is how many stores of relays the first document remembers besides the one in use.
func (m *Machine) Marks() int { return len(m.docs[0].outbox.marks) }
