package sync

// placesKept bounds what is remembered of the relay's log, per document.
const placesKept = 4096

// places is where in the relay's log envelopes stand, as far as this life met them, the newest last. It tells a snapshot that says
// it has all up to a place from one that leaves something before it out (S13).
type places struct{ log []place }

type place struct {
	at      Cursor
	session SessionID
	seq     uint32
}

func (p *places) note(at Cursor, id SessionID, seq uint32) {
	if at == 0 {
		return
	}
	if len(p.log) == placesKept {
		p.log = append(p.log[:0], p.log[placesKept/2:]...)
	}
	p.log = append(p.log, place{at, id, seq})
}

// find gives what stands at a place, nil where that is not remembered.
func (p *places) find(at Cursor) *place {
	for i := len(p.log) - 1; i >= 0; i-- {
		if p.log[i].at == at {
			return &p.log[i]
		}
	}
	return nil
}

// forget is for another log, or the same one put back.
func (p *places) forget() { p.log = nil }

// isStale reports whether something stands at or before a cursor that these heads do not cover.
func (p *places) isStale(upTo Cursor, covers []Head) bool {
	if upTo == 0 {
		return false
	}
	next := make(map[SessionID]uint32, len(covers))
	for _, h := range covers {
		next[h.Session] = h.Seq + 1
	}
	for _, x := range p.log {
		if x.at <= upTo && x.seq >= next[x.session] {
			return true
		}
	}
	return false
}
