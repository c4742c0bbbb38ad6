package sync

// Milliseconds.
const (
	openWithin  = 15_000 // a socket that takes longer to open is given up
	quietFor    = 25_000 // after so long without a frame the relay is asked for one
	answerFor   = 10_000 // and has so long to answer
	steadyAfter = 5_000  // a connection that lasted so long was a good one: the next pause is the shortest again
)

// RelayState is what the person is told about the relay.
type RelayState uint8

const (
	RelayNone       RelayState = 0 // none is configured
	RelayOffline    RelayState = 1
	RelayConnecting RelayState = 2
	RelayLive       RelayState = 3
)

type socket uint8

const (
	socketNone socket = iota
	socketOpening
	socketOpen
)

// connection is the one socket to one of the relays. Times are absolute, 0 means none.
type connection struct {
	relays   uint32
	leads    bool
	paused   bool
	leader   RelayState // of the vault that leads, when this one does not
	socket   socket
	id       Conn
	relay    uint32 // index of the one in use
	failures uint32 // in a row
	since    int64  // when the socket opened
	retryAt  int64
	pingAt   int64
	deadAt   int64 // no sign of life until then: closed
	problem  Problem
}

func (c *connection) wanted(docs int) bool { return c.leads && !c.paused && c.relays > 0 && docs > 0 }

// live reports whether frames of this connection count.
func (c *connection) live(id Conn) bool { return c.socket == socketOpen && c.id == id }

func (c *connection) due() int64 {
	if c.socket == socketNone {
		return c.retryAt
	}
	return earliest(c.pingAt, c.deadAt)
}

func (m *Machine) takeConnection(ev Event) {
	c := &m.conn
	switch e := ev.(type) {
	case Relays:
		c.relays = e.Count
		m.hangUp()
	case Lead:
		c.leads = e.Yes
	case LeaderState:
		c.leader = e.State
	case Pause:
		c.paused = e.Yes
		c.failures, c.retryAt = 0, 0
	case Online:
		c.failures, c.retryAt = 0, 0
	case SocketOpen:
		if c.socket != socketOpening || c.id != e.Conn {
			return
		}
		c.socket, c.since, c.deadAt, c.pingAt = socketOpen, m.now, 0, m.now+quietFor
		for _, isOpen := range [...]bool{true, false} { // what a page has open goes before what is synced behind it
			for i := range m.docs {
				if d := &m.docs[i]; (d.own != noSession) == isOpen {
					m.hello(d)
				}
			}
		}
	case SocketClosed:
		if c.socket == socketNone || c.id != e.Conn {
			return
		}
		m.lost(e.Garbage)
		if e.Garbage {
			c.problem = RelayGarbage
		}
	case Pong:
		m.heard(e.Conn)
		return
	}
	m.touchAll()
}

// heard notes a frame and reports whether it belongs to the connection in use.
func (m *Machine) heard(id Conn) bool {
	if !m.conn.live(id) {
		return false
	}
	m.conn.pingAt, m.conn.deadAt = m.now+quietFor, 0
	return true
}

// connect opens, watches or closes the socket as the state wants it (S11).
func (m *Machine) connect() {
	c := &m.conn
	if !c.wanted(len(m.docs)) {
		m.hangUp()
		return
	}
	switch {
	case c.socket != socketNone && c.deadAt != 0 && m.now >= c.deadAt:
		m.emit(Disconnect{c.id})
		m.lost(true)
		m.touchAll()
	case c.socket == socketOpen && m.now >= c.pingAt:
		c.pingAt, c.deadAt = m.now+quietFor, m.now+answerFor
		m.emit(Ping{c.id})
	}
	if c.socket == socketNone && m.now >= c.retryAt {
		c.id++
		c.socket, c.relay, c.retryAt = socketOpening, c.failures%c.relays, 0
		c.deadAt, c.pingAt = m.now+openWithin, 0
		m.emit(Connect{c.id, c.relay})
		m.touchAll()
	}
}

// hangUp closes the socket at our wish: no failure, no pause.
func (m *Machine) hangUp() {
	c := &m.conn
	if c.socket != socketNone {
		m.emit(Disconnect{c.id})
		m.reset()
		m.touchAll()
	}
	c.retryAt = 0
}

// lost takes note of a connection that ended against our wish, and plans the next.
func (m *Machine) lost(failed bool) {
	c := &m.conn
	if c.socket == socketOpen && !failed && m.now-c.since >= steadyAfter {
		c.failures = 0
	}
	m.reset()
	c.problem = NoProblem
	c.retryAt = m.now + m.random.pause(c.failures)
	c.failures++
}

func (m *Machine) reset() {
	m.conn.socket, m.conn.pingAt, m.conn.deadAt = socketNone, 0, 0
	for i := range m.docs {
		m.docs[i].disconnected()
	}
}
