package sync

import "slices"

const (
	presenceLife = 30_000 // milliseconds after its last word that somebody counts as here
	peersKept    = 256    // sessions that are remembered per document, here or gone
	wantsKept    = 64     // envelopes that others have and this device lacks
)

// peer is another session that says it has the document open.
type peer struct {
	id    SessionID
	seq   uint32 // of its newest word; older ones come again with every reading
	until int64  // it counts as here before; 0: it is gone
	near  bool   // in another tab of this device
	saw   uint32 // how much of our own session it has
}

// isHere reports whether somebody like that is here.
func (p *presence) isHere(like func(*peer) bool) bool {
	return slices.ContainsFunc(p.peers, func(x peer) bool { return x.until != 0 && like(&x) })
}

// expiry is when the next of them is gone.
func (p *presence) expiry() (at int64) {
	for i := range p.peers {
		at = earliest(at, p.peers[i].until)
	}
	return at
}

// expire tells the page who has not been heard of for too long.
func (p *presence) expire(m *Machine, doc Doc) {
	for i := range p.peers {
		if x := &p.peers[i]; x.until != 0 && m.now >= x.until {
			x.until = 0
			m.emit(ShowPresence{doc, x.id, 0})
		}
	}
}

// meet gives the record of a session and whether it is a new one; nil when there is no room. Who is gone makes room, and who wrote nothing does
// for who did: a session that only speaks costs its maker nothing.
func (m *Machine) meet(d *document, id SessionID, near bool) (x *peer, isNew bool) {
	p := &d.presence
	if i := slices.IndexFunc(p.peers, func(x peer) bool { return x.id == id }); i >= 0 {
		return &p.peers[i], false
	}
	if len(p.peers) < peersKept {
		p.peers = append(p.peers, peer{id: id})
		return &p.peers[len(p.peers)-1], true
	}
	i := slices.IndexFunc(p.peers, func(x peer) bool { return x.until == 0 })
	if i < 0 && (near || d.wrote(id)) {
		i = slices.IndexFunc(p.peers, func(x peer) bool { return !x.near && !d.wrote(x.id) })
	}
	if i < 0 {
		return nil, false
	}
	if p.peers[i].until != 0 {
		m.emit(ShowPresence{d.id, p.peers[i].id, 0})
	}
	p.peers = append(slices.Delete(p.peers, i, i+1), peer{id: id})
	return &p.peers[len(p.peers)-1], true
}

// wrote reports whether something of a session is here.
func (d *document) wrote(id SessionID) bool {
	s := d.lookup(id)
	return s != nil && s.next > 0
}

// presenceCame takes the newest word of a session (S16).
func (m *Machine) presenceCame(e PresenceCame) {
	d := m.find(e.Doc)
	if e.Conn != 0 && !m.heard(e.Conn) || d == nil || e.Session == d.own {
		m.drop(appendRef(nil, e.Ref))
		return
	}
	x, isNew := m.meet(d, e.Session, e.Near)
	if x == nil || !isNew && e.Seq <= x.seq {
		m.drop(appendRef(nil, e.Ref))
		if x == nil && !e.Near { // what it has is true whether it is shown or not
			d.compare(&peer{id: e.Session}, e.Heads)
		}
		return
	}
	wasHere := x.until != 0
	x.seq, x.until, x.near = e.Seq, m.now+presenceLife, e.Near
	if e.Left {
		x.until = 0
		m.drop(appendRef(nil, e.Ref))
		if wasHere {
			m.emit(ShowPresence{d.id, x.id, 0})
		}
		return
	}
	if !wasHere { // it may not know that we are here; not everybody answers in one moment
		d.presence.say(m.now + int64(m.random.next()%headsPause))
	}
	m.emit(ShowPresence{d.id, x.id, e.Ref})
	if !e.Near { // a tab of this device is not another device
		d.compare(x, e.Heads)
	}
}

// compare holds what somebody else has against what is here (S17).
func (d *document) compare(x *peer, heads []Head) {
	for _, h := range heads {
		s := d.lookup(h.Session)
		switch {
		case s != nil && (s.upload || s.frozen):
		case s == nil || h.Seq >= s.next:
			if h.Session != d.own && !d.isMet(h, x.id) { // nobody has more of it than its writer
				d.want(h)
			}
		case !s.hashAt(h.Seq).agrees(h.Hash):
			d.divided()
		case h.Session == d.own:
			x.saw = max(x.saw, h.Seq+1)
		}
	}
}

// isMet reports whether what somebody names and is not here came inside a snapshot. Nobody but the session itself knows that it has more than
// that: where it says otherwise, the snapshot's writer may have made up what is said to be in it.
func (d *document) isMet(h Head, by SessionID) bool {
	s := d.lookup(h.Session)
	return s != nil && s.isClaimed(h) && (by != h.Session || h.Seq+1 == s.claim.next)
}

// divided notes that somebody names another envelope in the place of one that is here. Either they were shown something else, or it is not
// true: a word costs nothing and proves nothing to others, not even of the session that says it of itself. What goes on from here is taken.
func (d *document) divided() {
	if d.issues.session != Forked { // graver than a bad snapshot, which may well be of those who have the other one
		d.issues.session = Divided
	}
}

// want remembers what the relay has, for somebody named it, and did not give here.
func (d *document) want(h Head) {
	p := &d.presence
	i := slices.IndexFunc(p.wants, func(w Head) bool { return w.Session == h.Session })
	switch {
	case i >= 0 && h.Seq > p.wants[i].Seq:
		p.wants[i] = h
	case i < 0 && len(p.wants) < wantsKept:
		p.wants = append(p.wants, h)
	}
}

// wantedNext takes note of what was wanted and is here now.
func (m *Machine) wantedNext(d *document) {
	p := &d.presence
	before := len(p.wants)
	p.wants = slices.DeleteFunc(p.wants, func(w Head) bool {
		s := d.lookup(w.Session)
		if s == nil || !s.frozen && s.next <= w.Seq && !d.isMet(w, noSession) {
			return false
		}
		if !s.frozen && s.next > w.Seq && !s.hashAt(w.Seq).agrees(w.Hash) {
			d.divided()
		}
		return true
	})
	if before > 0 && len(p.wants) == 0 {
		d.pass()
	}
}

// isBehind reports whether somebody has from the relay what is not here.
func (d *document) isBehind() bool { return len(d.presence.wants) > 0 }
