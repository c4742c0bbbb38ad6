package sync

// How much may be with the relay unacknowledged (S4): envelopes of a document, and appends of one session. What is written while so
// many appends are on the way goes together in the next: relays count appends, and an envelope each would keep whoever writes quicker
// than they allow at their pace for as long as he writes.
const (
	Window  = 32
	Appends = 4
)

// lastAgain is how large the last envelope may be, in bytes, to be read once more with each Hello (S9): a pack of some hundred key presses, but no paste
// of a book, nor the list of a home with a thousand documents.
const lastAgain = 16 << 10

// marksKept is how many stores are remembered besides the one in use. A relay may name another with each Welcome.
const marksKept = 16

// outbox is what the relay has, lacks and is being sent.
type outbox struct {
	mark       Mark   // of the store in use; Known stands in the sessions
	marks      []Mark // of the others
	top        Cursor // how far that store's log went, as far as this life heard
	subscribed bool   // Hello was sent on this connection
	welcomed   bool
	blocked    bool // the relay refused the document, until the next connection
	markMoved  bool
	reset      bool   // another store came into use, and it was not said yet
	era        uint32 // counts the stores, and how often one was put back: what was read of an earlier one says nothing of this one
	holdUntil  int64  // a passing refusal
	refusals   uint32
	parent     Hash // of the last snapshot that has all that it covers, zeros where none is known
	upload     upload
	counted    counted
}

// recall takes up what is known of the store that a relay was last seen with.
func (o *outbox) recall(d *document, relay uint32) {
	if o.mark.Store != (StoreID{}) && o.mark.Relay == relay {
		return
	}
	for i := range o.marks {
		if o.marks[i].Relay == relay {
			o.use(d, o.marks[i].Store)
			return
		}
	}
}

// use makes a store the one in question: a known one goes on where it was, a new one begins with nothing (S9).
func (o *outbox) use(d *document, store StoreID) {
	if o.mark.Store == store && store != (StoreID{}) {
		return
	}
	if o.mark.Store != (StoreID{}) {
		if n := len(o.marks); n >= marksKept {
			o.marks = o.marks[n+1-marksKept:]
		}
		o.marks = append(o.marks, o.current(d))
		o.reset = true
	}
	o.mark, o.top, o.parent = Mark{Store: store}, 0, Hash{}
	o.forgetLog()
	o.era++
	d.presence.wants = nil
	d.places.forget()
	d.packing.end()
	for i := range d.sessions {
		s := &d.sessions[i]
		s.forgetRelay()
		s.told, s.broken = true, false
	}
	for i := range o.marks {
		if o.marks[i].Store == store {
			o.mark = o.marks[i]
			if o.counted.none { // it was remembered with what counted then
				o.mark.Cursor, o.mark.Known = 0, nil
			}
			d.places.blur(o.mark.Cursor)
			o.marks = append(o.marks[:i], o.marks[i+1:]...)
			for _, k := range o.mark.Known {
				s := d.session(k.Session)
				s.recall(k.Seq + 1)
				s.told = true
			}
			o.mark.Known = nil
			break
		}
	}
}

// current is the mark with what the sessions know.
func (o *outbox) current(d *document) Mark {
	m := o.mark
	if at := d.rereadFrom(); at != 0 {
		m.Cursor = min(m.Cursor, at-1)
	}
	m.Known = nil
	for i := range d.sessions {
		if s := &d.sessions[i]; s.said() > 0 && !s.upload {
			m.Known = append(m.Known, Known{s.id, s.said() - 1})
		}
	}
	return m
}

// passed moves the cursor to the end of an envelope of that size, or learns the size of the one that it stands at.
func (o *outbox) passed(c Cursor, size uint32) {
	if c > o.mark.Cursor || c == o.mark.Cursor && size > o.mark.Last {
		o.mark.Cursor, o.mark.Last, o.markMoved = c, size, true
	}
}

func (o *outbox) disconnected(d *document) {
	o.subscribed, o.welcomed, o.blocked = false, false, false
	o.holdUntil, o.refusals = 0, 0
	o.upload.blocked = false
	if o.upload.stage == stageStoring { // sent or not, it goes again: it has one name and is taken once
		o.upload.stage = stageFailed
	}
	for i := range d.sessions {
		d.sessions[i].blocked = false
	}
	d.rewind()
}

// rewind forgets what was sent and not acknowledged.
func (d *document) rewind() {
	for i := range d.sessions {
		d.sessions[i].sent = 0
	}
}

// hello subscribes, if there is a connection and the document may.
func (m *Machine) hello(d *document) {
	if m.conn.socket == socketOpen && !d.refused {
		d.outbox.recall(d, m.conn.relay)
		m.subscribe(d)
	}
}

func (m *Machine) subscribe(d *document) {
	m.restart(d)
	d.touched = true
	d.outbox.subscribed, d.outbox.welcomed = true, false
	m.emit(Hello{m.conn.id, d.id, d.outbox.overlap(), d.outbox.mark.Store})
}

// overlap is the cursor to read on from: the last envelope comes once more. A relay that was put back, and has grown beyond the cursor since, has
// another one there. Where a snapshot is the last, or something else that is large, it would be too much to ask for.
func (o *outbox) overlap() Cursor {
	if o.mark.Cursor > 0 && o.mark.Log.Tail > 0 && o.mark.Last <= lastAgain {
		return o.mark.Cursor - 1
	}
	return o.mark.Cursor
}

func (m *Machine) welcome(e Welcome) {
	d := m.find(e.Doc)
	if !m.heard(e.Conn) || d == nil || !d.outbox.subscribed {
		return
	}
	o := &d.outbox
	if m.conn.problem != NoProblem {
		m.conn.problem = NoProblem
		m.touchAll()
	}
	if !d.keyed {
		if e.Genesis {
			m.emit(CheckGenesis{d.id})
		}
		m.before(d, e)
		return
	}
	asked := o.mark
	o.use(d, e.Store)
	if asked.Store == e.Store && e.Head < max(o.mark.Cursor, o.top) {
		m.putBack(d)
		return
	}
	o.mark.Relay = m.conn.relay
	if asked.Store != e.Store && o.mark.Cursor != 0 { // it read from the beginning for us, and we know a later place
		m.subscribe(d)
		return
	}
	if asked.Store != e.Store {
		d.inbox.since = 0
	}
	o.welcomed, o.top = true, e.Head
	d.presence.say(m.now) // a new subscription: nobody who comes later would hear of us
	d.inbox.end = e.Head
	if d.inbox.received >= e.Head || o.mark.Cursor >= e.Head {
		d.inbox.reading = false
	}
	d.pass()
}

// putBack begins anew with a relay that was put back to an earlier state: nothing known of it holds.
func (m *Machine) putBack(d *document) {
	o := &d.outbox
	o.mark.Cursor, o.mark.Log, o.top, o.parent = 0, Length{}, 0, Hash{}
	o.forgetLog()
	o.reset = true
	o.era++
	d.places.forget()
	for i := range d.sessions {
		d.sessions[i].forgetRelay()
	}
	m.subscribe(d)
}

// isOther reports whether an envelope that stands where everything was read is not what this life met there, or, where that is not known any more, not here.
func (d *document) isOther(e *Entry) bool {
	if e.Cursor > d.inbox.since || !e.Kind.chains() {
		return false
	}
	if x := d.places.find(e.Cursor); x != nil {
		return x.session != e.Session || x.seq < e.First || x.seq > e.Seq // a pack may have taken its place
	}
	s := d.lookup(e.Session)
	return s == nil || e.Seq >= s.next && !s.frozen && !s.upload
}

// helloAgain asks once more for a document for which the relay had no time, or which it could not read on (S10).
func (m *Machine) helloAgain(d *document) {
	if o := &d.outbox; o.subscribed && !o.welcomed && o.holdUntil != 0 && m.now >= o.holdUntil {
		o.holdUntil = 0
		m.subscribe(d)
	}
}

// sendNext fills the window (S4), or has a snapshot made for a relay that lacks what no envelope here holds (S9).
func (m *Machine) sendNext(d *document) {
	o := &d.outbox
	if !o.welcomed || o.blocked || o.counted.readAgain || d.inbox.reading || len(d.inbox.log) > 0 && d.inbox.work.stage != stageWaiting || m.now < o.holdUntil {
		return
	}
	o.holdUntil = 0
	if m.uploadNext(d) {
		return
	}
	if d.isAllThere() { // what was refused came there by another way
		d.issues.send = NoProblem
		return
	}
	room := uint32(Window)
	for i := range d.sessions {
		s := &d.sessions[i]
		room -= min(room, s.pending())
	}
	for i := range d.sessions {
		s := &d.sessions[i]
		from, to := s.run(room, d.goesOn(s))
		if from == to {
			continue
		}
		room -= to - from
		s.sent, s.appends = to, append(s.appends, to)
		m.emit(Append{m.conn.id, d.id, s.id, from, to - 1})
	}
}

// goesOn reports whether somebody on this device still writes a session.
func (d *document) goesOn(s *session) bool { return s.live || s.id == d.own }

func (d *document) isAllThere() bool {
	for i := range d.sessions {
		if s := &d.sessions[i]; !s.upload && s.there(d.goesOn(s)) < s.end() {
			return false
		}
	}
	return true
}

func (m *Machine) ack(e Ack) {
	d := m.find(e.Doc)
	if !m.heard(e.Conn) || d == nil {
		return
	}
	o := &d.outbox
	o.refusals, o.markMoved, o.top = 0, true, max(o.top, e.Cursor)
	if e.Cursor == o.mark.Cursor+1 { // it is stored here, and a relay that is put back to before it must not go unnoticed
		o.passed(e.Cursor, d.sizeAt(e.Session, e.Seq))
	}
	if o.upload.isUpload(e.Session) {
		m.uploaded(d)
		d.places.blur(e.Cursor)
	} else if s := d.lookup(e.Session); s != nil && s.next > 0 {
		to := min(e.Seq, s.next-1)
		from := to // a pack may have gone up in the place of what was asked for: it has that, and goes on behind it
		switch {
		case s.leadsUp():
			if s.sent > 0 { // somebody else may have led up to it further since
				from = min(to, s.sent-1)
			}
			s.sent = 0 // the one before is next
		case s.relay == 0:
			from = min(to, s.start())
		}
		before, known := s.relay, s.known()
		s.learnRun(from, to)
		n := uint32(1) // a session's first goes alone, and so does what leads up to it
		if before > 0 {
			n = max(n, s.relay-before)
		}
		o.mark.Log.grew(n, s.tail/max(s.next-s.first, 1))
		d.places.note(e.Cursor, e.Session, e.Seq, e.Seq)
		if s.known() > known+1 { // where the others of the run stand it does not say
			d.places.blur(e.Cursor)
		}
	}
	if !d.isBlocked() {
		d.issues.send = NoProblem
	}
}

// sizeAt gives the bytes of an envelope of ours that was sent, 0 where they are not known.
func (d *document) sizeAt(id SessionID, seq uint32) uint32 {
	if s := d.lookup(id); s != nil && seq+1 == s.next {
		return s.size
	}
	return 0
}

func (d *document) isBlocked() bool {
	for i := range d.sessions {
		if d.sessions[i].blocked {
			return true
		}
	}
	return d.outbox.blocked || d.outbox.upload.blocked
}

// refused turns a refusal into a pause, a new place to go on from, or something not tried again on this connection (S10).
func (m *Machine) refused(e Refused) {
	d := m.find(e.Doc)
	if !m.heard(e.Conn) || d == nil {
		return
	}
	o := &d.outbox
	s := d.lookup(e.Session)
	isUpload := o.upload.isUpload(e.Session)
	switch {
	case e.Problem.passing():
		d.issues.send = e.Problem
		o.holdUntil = m.now + int64(e.Retry) + m.random.pause(o.refusals) // it gives many the same pause
		o.refusals++
		if isUpload {
			o.upload.stage = stageFailed
		}
		if e.Session == noSession { // it ends the subscription, or the answer to Hello
			o.welcomed = false
		}
		d.rewind()
	case isUpload:
		d.issues.send = e.Problem
		m.endUpload(&o.upload)
		o.upload.blocked = true
	case s == nil:
		d.issues.send = e.Problem
		o.blocked = true
	case e.Problem == RelayGap && 0 < e.Next && e.Next < max(s.relay, s.cover.here) && e.Next >= s.first && e.Next != s.relay: // it ends earlier than we thought
		s.begin, s.relay, s.sent = min(s.begin, e.Next-1), e.Next, 0
	case e.Problem == RelayGap && e.Next == s.relay && (s.sent == 0 && s.relay > 0 || m.now < o.holdUntil): // sent right behind what was refused for now: all of that goes again
	case e.Problem == RelayGap && e.Next == s.relay && s.sent > s.relay: // what was sent before it got lost, or was refused
		s.sent = 0
		o.holdUntil = m.now + m.random.pause(o.refusals)
		o.refusals++
	case e.Problem == RelayStale && 0 < e.Next && e.Next <= s.next && (s.relay == 0 || e.Next < s.begin): // it begins later than we thought
		s.begin, s.relay, s.sent = e.Next, max(s.relay, e.Next), 0 // whether it still has that one it does not say
	case e.Problem == RelayGap || e.Problem == RelayStale:
		s.broken = true
	default:
		d.issues.send = e.Problem
		s.blocked = true
	}
}

// missing notes that a checkpoint, of this tab or another, took envelopes in.
func (m *Machine) missing(e Missing) {
	d := m.find(e.Doc)
	if d == nil {
		return
	}
	if s := d.lookup(e.Session); s != nil {
		s.first, s.sent = max(s.first, min(e.First, s.next)), 0
	}
}

func (m *Machine) relayHas(e RelayHas) {
	d := m.find(e.Doc)
	if d == nil {
		return
	}
	if e.Other && !d.presence.elsewhere {
		d.presence.elsewhere = true
		d.presence.say(m.now)
	}
	if e.Reset && !e.Other {
		d.outbox.counted.list, d.outbox.counted.met = nil, nil
	}
	for i := range d.sessions {
		switch {
		case e.Reset && e.Other:
			d.sessions[i].other = 0
		case e.Reset:
			d.sessions[i].forgetRelay()
		}
	}
	for _, k := range e.Known {
		s := d.session(k.Session)
		if e.Other {
			s.other = max(s.other, k.Seq+1)
			continue
		}
		told := s.told
		s.recall(k.Seq + 1)
		s.told = told
	}
	for _, k := range e.Waived {
		s := d.session(k.Session)
		s.waived = max(s.waived, k.Seq+1)
	}
}

// tellKnown passes on what the relay is newly known to have, and what it was asked for in vain.
func (m *Machine) tellKnown(d *document) {
	o, in := &d.outbox, &d.inbox
	var news []Known
	for i := range d.sessions {
		if s := &d.sessions[i]; (!s.told || o.reset) && !s.upload && s.said() > 0 {
			news = append(news, Known{s.id, s.said() - 1})
		}
		d.sessions[i].told = true
	}
	if len(news) > 0 || o.reset || len(in.waived) > 0 {
		m.emit(Learnt{d.id, o.reset, news, in.waived})
	}
	o.reset, in.waived = false, nil
	// What failed holds the cursor, but what the relay acknowledged is worth keeping all the same; not once per run of a long reading.
	if o.markMoved && !in.reading && in.work.stage == stageWaiting && o.mark.Store != (StoreID{}) {
		o.markMoved = false
		m.emit(MarkChanged{d.id, o.current(d)})
	}
}
