package sync

import (
	"cmp"
	"slices"
)

// Bounds of what is kept although it cannot be taken yet.
const (
	keptLength = 4096
	keptBytes  = 8 << 20
)

// The same while something is worked on, and the rest has its turn behind it: as much again as a relay that heeds its credit gives meanwhile, which
// is a window and one message beyond it.
const (
	comingLength = 3 * keptLength
	comingBytes  = keptBytes + 20<<20
)

// strangersKept bounds what did not verify of sessions of which nothing is here: a relay makes them up at no cost, and each is looked at again with
// whatever is opened.
const strangersKept = 256

// gonePlaces is how many sessions are remembered of which something was let go; the first of them has all of it read again.
const gonePlaces = 256

// packedMost is the most envelopes that a pack may stand for, as relays have it (R1). What stands for more is passed over: of what is
// opened, each takes a place in memory.
const packedMost = 4096

// maxAsks is how often what cannot be taken is asked for on one connection (S7).
const maxAsks = 5

// inbox is the way of the relay's envelopes to the device and the page.
//
// log holds what came and is not done, in the relay's order. Its front holds the cursor (S6), whether it waits, is worked on or
// failed. What failed is kept and tried again when more of its session comes or is stored, and asked for again as well (S7). One
// run at a time is worked on. held are stored envelopes whose writer had seen something that is not here yet (S8).
type inbox struct {
	log      []arrival
	since    Cursor // where the reading began
	received Cursor // the last that came since Hello
	end      Cursor // of the relay's log, at Welcome
	reading  bool   // between Hello and the end of what it asked for
	catching bool   // between Hello and the moment when all of that was taken
	work     work
	held     []held
	missed   []Head  // named by what is shown, and asked for in vain
	waived   []Known // what was shown all the same, and not told yet
	retryAt  int64   // store again
	tries    uint32
	askAt    int64
	asks     uint32
	owed     uint32 // bytes of envelopes for which the relay got no credit yet
}

// arrival is an entry of the relay's log and what became of it. All behind it up to upTo is done.
type arrival struct {
	Entry
	state arrivalState
	upTo  Cursor
}

type arrivalState uint8

const (
	arrivalWaiting arrivalState = iota
	arrivalWorked
	arrivalDone
	arrivalFailed // did not open, or nothing here leads up to it; its bytes are kept
	arrivalGone   // the same, but only another reading brings its bytes back
)

func (a *arrival) isKept() bool { return a.state == arrivalWaiting || a.state == arrivalFailed }

// held is an envelope that is stored but not shown.
type held struct {
	ref  Ref
	head Head
	deps []Head
	more bool // its change goes on in the session's next
}

func (m *Machine) batch(e Batch) {
	d := m.find(e.Doc)
	if !m.heard(e.Conn) {
		m.dropEntries(e.Entries)
		return
	}
	if d != nil && !d.keyed && !d.refused { // what waits for keys has bounds of its own
		m.credit(e.Doc, sizeOf(e.Entries))
		m.before(d, e)
		return
	}
	// Before Welcome it belongs to an earlier reading: the cursor would pass what the new one is to bring. That brings this as well.
	if d == nil || !d.keyed || !d.outbox.welcomed {
		m.credit(e.Doc, sizeOf(e.Entries))
		m.dropEntries(e.Entries)
		return
	}
	in := &d.inbox
	in.owed += sizeOf(e.Entries)
	slices.SortStableFunc(e.Entries, func(a, b Entry) int { return cmp.Compare(a.Cursor, b.Cursor) }) // or the cursor would pass one that fails
	if slices.ContainsFunc(e.Entries, func(x Entry) bool { return d.isOther(&x) }) {
		m.dropEntries(e.Entries)
		m.putBack(d)
		return
	}
	var came []SessionID
	var unused []Ref
	for _, entry := range e.Entries {
		a := arrival{Entry: entry, upTo: entry.Cursor}
		if entry.Seq-entry.First >= packedMost {
			a.state = arrivalDone
			unused = append(unused, entry.Ref)
		}
		in.log = append(in.log, a)
		in.received = max(in.received, entry.Cursor)
		came = append(came, entry.Session)
	}
	m.drop(unused)
	if e.UpTo > in.received || len(e.Entries) == 0 {
		in.log = append(in.log, arrival{state: arrivalDone, upTo: e.UpTo})
		in.received = max(in.received, e.UpTo)
	}
	in.tryAgain(came...)
	d.outbox.top = max(d.outbox.top, in.received)
	if !e.More && in.received >= in.end {
		in.reading = false
	}
	m.letGo(d, comingLength, comingBytes)
	d.pass()
}

// creditNext gives the relay credit for what came, but for what is worked on or has its turn after that. What waits for something that did not come is
// no part of it: the relay could not send that, and letGo bounds it.
func (m *Machine) creditNext(d *document) {
	in := &d.inbox
	kept := uint32(0)
	if in.work.stage != stageWaiting {
		for i := range in.log {
			if a := &in.log[i]; a.state <= arrivalWorked {
				kept += a.Size
			}
		}
	}
	if free := in.owed - min(in.owed, kept); free > 0 {
		in.owed -= free
		m.credit(d.id, free)
	}
}

func sizeOf(entries []Entry) (size uint32) {
	for i := range entries {
		size += entries[i].Size
	}
	return size
}

func (m *Machine) credit(id Doc, size uint32) {
	if size > 0 {
		m.emit(Credit{m.conn.id, id, size})
	}
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

// tryAgain has what failed of these sessions wait again: a later envelope may vouch for it, or what leads up to it came.
func (in *inbox) tryAgain(sessions ...SessionID) {
	var again map[SessionID]bool
	for i := range in.log {
		a := &in.log[i]
		if a.state != arrivalFailed {
			continue
		}
		if again == nil {
			again = make(map[SessionID]bool, len(sessions))
			for _, id := range sessions {
				again[id] = true
			}
		}
		if again[a.Session] {
			a.state = arrivalWaiting
		}
	}
}

// mark sets the state of entries that are still in the log, and gives the others; a new Hello may have emptied it.
func (d *document) mark(entries []Entry, state arrivalState) (others []Entry) {
	j := 0
	log := d.inbox.log
next:
	for i := range entries {
		for k := range log { // a run is mostly in order: go on from where the one before was found
			if a := &log[(j+k)%len(log)]; a.Ref == entries[i].Ref && a.state == arrivalWorked {
				a.state = state
				j = (j + k + 1) % len(log)
				continue next
			}
		}
		others = append(others, entries[i])
	}
	return others
}

// pass takes what is done out of the log. The cursor moves over it as soon as nothing before it is left (S6).
func (d *document) pass() {
	in := &d.inbox
	busy := 0
	for busy < len(in.log) && in.log[busy].state != arrivalDone {
		busy++
	}
	left := in.log[:busy]
	for _, a := range in.log[busy:] {
		switch n := len(left); {
		case a.state != arrivalDone:
			left = append(left, a)
		case n > 0:
			left[n-1].upTo = max(left[n-1].upTo, a.upTo)
		default:
			size := a.Size
			if a.upTo > a.Cursor {
				size = 0 // another one stands at the end
			}
			d.outbox.passed(a.upTo, size)
		}
	}
	in.log = left
	if len(in.log) == 0 && !in.reading && d.outbox.subscribed { // all that the relay has is here
		d.content, in.catching = d.content || !d.outbox.upload.unread.lacks || len(d.allShown()) > 0, false
		d.issues.read = d.outbox.upload.unread.problem() // whatever it gave before, this was good; whether something else is missing, askAgain says
		if !d.lacks() && !d.isBehind() {
			in.asks, in.askAt = 0, 0
		}
	}
}

// keepLast leaves one failed envelope with a number, the last that came, in the place of the first: a relay that repeats itself
// with other bytes each time makes no more work than one that does not.
func (m *Machine) keepLast(d *document, failed *Entry) {
	var first *arrival
	for i := range d.inbox.log {
		a := &d.inbox.log[i]
		if a.state != arrivalFailed || a.Session != failed.Session || a.Kind != failed.Kind || a.Seq != failed.Seq {
			continue
		}
		if first == nil {
			first = a
			continue
		}
		m.drop([]Ref{first.Ref})
		first.Entry, a.state = a.Entry, arrivalDone
	}
}

// letGo drops what is kept beyond the bounds: first what is farthest from its turn, so that each reading brings a session on.
func (m *Machine) letGo(d *document, length int, bytes uint64) {
	in := &d.inbox
	var kept []*arrival
	size := uint64(0)
	for i := range in.log {
		if a := &in.log[i]; a.isKept() {
			kept = append(kept, a)
			size += uint64(a.Size)
		}
	}
	if len(kept) <= length && size <= bytes {
		return
	}
	slices.SortStableFunc(kept, func(a, b *arrival) int { return cmp.Compare(d.distance(b), d.distance(a)) })
	var refs []Ref
	for n := 0; len(kept)-n > length || size > bytes; n++ {
		a := kept[n]
		a.state = arrivalGone
		size -= uint64(a.Size)
		refs = append(refs, a.Ref)
	}
	m.drop(refs)
	in.foldGone()
}

// letGoStrangers drops what there is too much of, but for the last to come: what vouches for it stands right behind it.
func (m *Machine) letGoStrangers(d *document) {
	in := &d.inbox
	var refs []Ref
	kept := 0
	for i := len(in.log) - 1; i >= 0; i-- {
		a := &in.log[i]
		if a.state != arrivalFailed || d.lookup(a.Session) != nil {
			continue
		}
		if kept++; kept > strangersKept {
			a.state = arrivalGone
			refs = append(refs, a.Ref)
		}
	}
	if len(refs) > 0 {
		m.drop(refs)
		in.foldGone()
	}
}

// foldGone has the first of a session that is gone stand for all that is gone of it, up to the last; and of too many sessions the first ones for all.
func (in *inbox) foldGone() {
	first := map[SessionID]*arrival{}
	for i := range in.log {
		a := &in.log[i]
		if a.state != arrivalGone {
			continue
		}
		switch f := first[a.Session]; {
		case f != nil:
			f.Seq, a.state = max(f.Seq, a.Seq), arrivalDone
		case len(first) == gonePlaces:
			a.state = arrivalDone
		default:
			first[a.Session] = a
		}
	}
}

// isGone reports whether something of the session was let go.
func (in *inbox) isGone(id SessionID) bool {
	return slices.ContainsFunc(in.log, func(a arrival) bool { return a.state == arrivalGone && a.Session == id })
}

// distance is how many of its session have to come before it.
func (d *document) distance(a *arrival) uint32 {
	if s := d.lookup(a.Session); s != nil {
		return a.Seq - min(a.Seq, s.next)
	}
	return a.Seq
}

// askAgain plans and sends a new Hello when something could not be taken, or is named by what was taken and did not come (S7).
func (m *Machine) askAgain(d *document) {
	in := &d.inbox
	broken, waiting := in.isBroken(), d.isWaiting()
	if !broken && !waiting || in.work.stage != stageWaiting || !d.outbox.subscribed {
		return
	}
	if in.asks >= maxAsks {
		if d.issues.read == NoProblem {
			d.issues.read = Incomplete
		}
		m.show(d)
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
	if in.asks > 1 || !broken || d.isClaimNeeded() { // what is missing may be before the cursor: read all of it
		d.outbox.mark.Cursor = 0
	}
	m.subscribe(d)
}

// isBroken reports whether the relay gave all that it has, and something of it could not be taken.
func (in *inbox) isBroken() bool { return len(in.log) > 0 && !in.reading }

// isCatchingUp reports whether the first reading is under way, and no snapshot is near that is to be compared with all before it.
func (in *inbox) isCatchingUp() bool {
	return in.catching && in.asks == 0 && !slices.ContainsFunc(in.log, func(a arrival) bool { return a.Kind == KindSnapshot && a.isKept() })
}

// isPartial reports whether something could not be taken; while it is tried once more, that it was asked for tells.
func (in *inbox) isPartial() bool {
	return len(in.log) > 0 && (in.log[0].state >= arrivalFailed || in.asks > 0 || in.askAt != 0)
}

// isWaiting reports whether all that the relay has was taken, and something, or somebody, names envelopes that were not among it.
func (d *document) isWaiting() bool {
	return len(d.inbox.log) == 0 && !d.inbox.reading && (d.lacks() || d.isBehind())
}

// restart lets go of what came on an earlier reading; work in flight goes on and counts when it ends.
func (m *Machine) restart(d *document) {
	in := &d.inbox
	var refs []Ref
	for i := range in.log {
		if in.log[i].isKept() {
			refs = append(refs, in.log[i].Ref)
		}
	}
	m.drop(refs)
	in.log = in.log[:0]
	in.since, in.received, in.reading, in.catching = d.outbox.mark.Cursor, 0, true, true
}
