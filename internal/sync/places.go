package sync

import (
	"cmp"
	"slices"
)

// placesKept bounds what is remembered of the relay's log, per document.
const placesKept = 4096

// places is where in the relay's log envelopes stand, in order, as far as this life met them. It tells a snapshot that says it has all up
// to a place from one that leaves something before it out (S13).
type places struct {
	log []place
	// hazy is the place at or before which all else stands that the relay is known to have: what an earlier life met, what is only in a
	// snapshot, what was let go of here.
	hazy Cursor
}

// place is that of an envelope, or of a pack of them.
type place struct {
	at         Cursor
	session    SessionID
	first, seq uint32
}

func (p *places) note(at Cursor, id SessionID, first, seq uint32) {
	if at == 0 {
		return
	}
	if len(p.log) == placesKept {
		p.blur(p.log[placesKept/2-1].at)
		p.log = append(p.log[:0], p.log[placesKept/2:]...)
	}
	x := place{at, id, first, seq}
	if i, known := p.search(at); known {
		p.log[i] = x
	} else {
		p.log = slices.Insert(p.log, i, x)
	}
}

// blur notes that something stands at or before a place, and nobody here knows where.
func (p *places) blur(at Cursor) { p.hazy = max(p.hazy, at) }

// find gives what stands at a place, nil where that is not remembered.
func (p *places) find(at Cursor) *place {
	if i, known := p.search(at); known {
		return &p.log[i]
	}
	return nil
}

func (p *places) search(at Cursor) (int, bool) {
	return slices.BinarySearchFunc(p.log, at, func(x place, at Cursor) int { return cmp.Compare(x.at, at) })
}

// forget is for another log, or the same one put back.
func (p *places) forget() { p.log, p.hazy = nil, 0 }

// omission is what a snapshot leaves out that says it has the relay's log up to a cursor.
type omission uint8

const (
	omitsNothing omission = iota
	mayOmit               // it does not name something that the relay has, which may stand behind that cursor
	omits                 // something before it
)

// omission holds what a snapshot covers against what the relay is known to have. Of a session the first that is not named decides: a relay
// lets go of none that is behind it.
func (d *document) omission(upTo Cursor, covers []Head) omission {
	if upTo == 0 {
		return omitsNothing
	}
	next := nextBySession(covers)
	isBehind := map[SessionID]bool{}
	for i := range d.places.log {
		switch x := &d.places.log[i]; {
		case x.seq < next[x.session]:
		case x.at <= upTo:
			return omits
		case x.first <= next[x.session]:
			isBehind[x.session] = true
		}
	}
	found := omitsNothing
	for i := range d.sessions {
		s := &d.sessions[i]
		unnamed := next[s.id]
		if s.upload || s.known() <= unnamed || isBehind[s.id] {
			continue
		}
		// Between Hello and the end of what it asked for it may turn out to stand behind the cursor; of what is not here nothing is known.
		if upTo >= d.places.hazy && !d.inbox.catching && unnamed < s.next {
			return omits
		}
		found = mayOmit
	}
	return found
}
