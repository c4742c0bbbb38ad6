package sync

import "slices"

// trust is what counts as seen.
type trust uint8

const (
	trustShown   trust = iota // what is shown
	trustClaims               // what snapshots are said to have, when nothing else brings anything on
	trustWriters              // whatever they name: the relay was asked for it in vain
)

// show gives the page what its writers' knowledge allows: first what they had seen, then what they wrote (S8). What nobody brings stops nobody
// for ever: the core knows what needs what. But that it is missing is said as long as it is, and who has no relay to ask is told that another one was.
func (m *Machine) show(d *document) {
	refs := append(d.ready(trustShown), d.ready(trustClaims)...)
	refs = append(refs, d.ready(trustWriters)...)
	if len(refs) > 0 {
		d.content = true
		m.emit(Show{d.id, refs})
	}
}

// ready takes what can be shown out of what is held, in order.
func (d *document) ready(by trust) (refs []Ref) {
	in := &d.inbox
	for progress := true; progress; {
		progress = false
		kept := in.held[:0]
		for i, h := range in.held {
			s := d.session(h.head.Session)
			switch {
			case h.head.Seq < s.shown: // its session went on behind it; the snapshot for that may have brought it
				refs = appendRef(refs, h.ref)
				progress = true
			case h.head.Seq == s.shown && (by < trustWriters || d.isWaived(s)) && d.isReady(in.held[i:], by):
				if by == trustWriters && s.waived <= h.head.Seq {
					s.waived = h.head.Seq + 1
					in.waived = append(in.waived, Known{s.id, h.head.Seq})
				}
				s.shown, s.seen = h.head.Seq+1, h.head.Hash
				refs = appendRef(refs, h.ref)
				progress = true
			default:
				kept = append(kept, h)
			}
		}
		in.held = kept
	}
	return refs
}

// showLate gives the page what came of a hole. Whatever of it a snapshot brought changes nothing, and the core has the rest wait for what it needs.
func (m *Machine) showLate(d *document, refs []Ref) {
	if len(refs) > 0 {
		m.emit(Show{d.id, refs})
	}
}

// isWaived reports whether the next of a session is shown whatever it names: that was asked for in vain, here or by a hub or tab that has a relay.
func (d *document) isWaived(s *session) bool {
	if d.outbox.subscribed {
		return d.inbox.asks >= maxAsks && !d.inbox.reading
	}
	return s.shown < s.waived
}

// isReady reports whether everything that the writer of the first envelope had seen is shown: of the whole change, whose other
// parts stand behind it.
func (d *document) isReady(held []held, by trust) bool {
	next := held[0].head
	for i := range held {
		h := &held[i]
		if h.head.Session != next.Session || h.head.Seq != next.Seq {
			continue
		}
		if h.head.Seq >= d.lookup(next.Session).claim.next && !d.hasSeen(h.deps, by) { // what a snapshot brought waits for nothing
			return false
		}
		if !h.more {
			return true
		}
		next.Seq++
	}
	return false
}

// hasSeen reports whether all of these are shown. Nobody sees half a change: who names the middle of one was told by a bad snapshot.
func (d *document) hasSeen(deps []Head, by trust) bool {
	for i := range deps {
		switch s := d.lookup(deps[i].Session); {
		case s.hasShown(deps[i].Seq), by >= trustClaims && s != nil && s.isClaimed(deps[i]) && d.hasAllTo(deps[i]):
		case by < trustWriters || s != nil && s.next > deps[i].Seq: // what is here has its turn
			return false
		default:
			d.inbox.miss(deps[i])
		}
	}
	return true
}

// hasShown reports whether an envelope is shown, or is the middle of a change of which nobody sees anything yet.
func (s *session) hasShown(seq uint32) bool {
	return s != nil && (s.shown > seq || s.whole <= seq && seq < s.next)
}

// missedKept bounds what is remembered of what never came: any of it is enough to say so.
const missedKept = 64

func (in *inbox) miss(h Head) {
	if len(in.missed) < missedKept && !slices.Contains(in.missed, h) {
		in.missed = append(in.missed, h)
	}
}

// misses reports whether something is shown although what its writer had seen never came.
func (d *document) misses() bool {
	in := &d.inbox
	before := len(in.missed)
	in.missed = slices.DeleteFunc(in.missed, func(h Head) bool {
		s := d.lookup(h.Session)
		return s.hasShown(h.Seq) || s != nil && s.isClaimed(h) // a snapshot may have brought it
	})
	if len(in.missed) < before { // what no file took for the lack of it, one may take now
		for i := range d.sessions {
			d.sessions[i].stuck = false
		}
	}
	return len(in.missed) > 0
}

// hasAllTo reports whether nothing of a session up to a head is still to come from the relay: a reading that its connection ended brings no more.
func (d *document) hasAllTo(h Head) bool {
	in := &d.inbox
	return !(in.reading && d.outbox.subscribed) && !slices.ContainsFunc(in.log, func(a arrival) bool { return a.state != arrivalDone && a.Session == h.Session && a.First <= h.Seq })
}

// noteSeen learns from what a foreign session had seen how far it has our own.
func (d *document) noteSeen(id SessionID, deps []Head) {
	s := d.lookup(id)
	if d.own == noSession || s == nil || s.live {
		return // a tab of this device is not another device
	}
	own := d.lookup(d.own)
	for _, h := range deps {
		if h.Session == d.own && h.Seq < own.next && own.hashAt(h.Seq).agrees(h.Hash) { // nobody has seen what is not written yet
			s.saw = max(s.saw, h.Seq+1)
			d.saw = max(d.saw, s.saw)
		}
	}
}

// sawOf gives how much of our own session a peer has, by what it says and by what it wrote.
func (d *document) sawOf(x *peer) uint32 {
	if s := d.lookup(x.id); s != nil {
		return max(s.saw, x.saw)
	}
	return x.saw
}

// shared takes envelopes of another tab: durable already, and opened by somebody who has the keys.
func (m *Machine) shared(e Shared) {
	d := m.find(e.Doc)
	if d == nil {
		for i := range e.Entries {
			m.drop(appendRef(nil, e.Entries[i].Ref))
		}
		return
	}
	if e.Whole {
		d.rereading = false
		d.goOnFromFile(e.Covers)
	}
	isMissed := false // something before what came
	var late []Ref
	for _, x := range e.Entries {
		if x.Head.Session == d.own { // read from the store before its writing was answered: that tells (S1)
			m.drop(appendRef(nil, x.Ref))
			continue
		}
		s := d.session(x.Head.Session)
		isOther := !s.follows(x.Head.Seq, x.Prev, x.Head)
		if isOther && !s.frozen { // two relays, and each showed this device another history: neither gets longer
			d.freeze(x.Head.Session)
			m.emit(Compare{Doc: d.id, Session: x.Head.Session})
		}
		if isOther || s.frozen && !e.Whole {
			m.drop(appendRef(nil, x.Ref))
			continue
		}
		at := Entry{Session: x.Head.Session, First: x.Head.Seq, Seq: x.Head.Seq, Prev: x.Prev}
		if e.Whole && s.goesOnBehind(&at) { // another tab went on there
			d.cross(s, &at)
		}
		if s.holes.at(x.Head.Seq) {
			late = appendRef(late, x.Ref)
			s.holes.fill(&at)
			continue
		}
		if x.Head.Seq == s.next {
			s.store(x.Head.Hash, x.Size, x.More, x.Ref == 0)
			s.live = s.live || e.Live
			d.inbox.tryAgain(x.Head.Session)
			d.inbox.held = append(d.inbox.held, held{x.Ref, x.Head, x.Deps, x.More})
			d.noteSeen(x.Head.Session, x.Deps)
			if e.Whole {
				d.restFiles(m.now)
			}
			continue
		}
		m.drop(appendRef(nil, x.Ref))
		isMissed = isMissed || x.Head.Seq > s.next && !e.Whole
	}
	if e.Whole { // what came while it was read may have been stored after
		isMissed, d.missedMore = d.missedMore, false
	}
	if isMissed && d.rereading {
		d.missedMore = true
	} else if isMissed {
		d.rereading = true
		m.emit(Reread{d.id, d.have()})
	}
	m.showLate(d, late)
	m.show(d)
}

// goOnFromFile goes on behind what another tab's checkpoint took in before its envelopes were read here.
func (d *document) goOnFromFile(covers []Head) {
	for _, h := range covers {
		if s := d.session(h.Session); h.Session != d.own && h.Seq >= s.next && !s.frozen && !s.upload {
			s.goOnFrom(h.Seq+1, h.Hash)
			s.first, s.tail, d.content = s.next, 0, true
			d.inbox.tryAgain(h.Session)
		}
	}
}

// have lists the stored end of every session.
func (d *document) have() []Known {
	var all []Known
	for i := range d.sessions {
		if s := &d.sessions[i]; s.next > 0 && !s.upload {
			all = append(all, Known{s.id, s.next - 1})
		}
	}
	return all
}
