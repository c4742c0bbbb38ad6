package sync

import "slices"

// countedKept is how many snapshots are remembered with all that they cover. Of one before those it is only known what the relay has for it.
const countedKept = 4

// counted are the snapshots on the relay that count as what they cover (S9): those that are known to be good, and that nobody objects to. Who does has a reason
// to take nothing of it: somebody whose session has two histories gave him the other one.
type counted struct {
	list []covering
	met  map[Hash]bool // by this life, whether they count or not, but for those that are not remembered any more
	none bool          // two histories are known of, and somebody objects to something: who has the other one takes nothing of any that is made here
	// all of the log is to be read once more, and was: what is in it one by one counts, whatever somebody objects to
	readAgain, wasRead bool
}

type covering struct {
	about    Hash
	sessions []SessionID
	within   []within // of each
}

// within is how far snapshots have a session, exclusive.
type within struct {
	here uint32 // as much of it as was here when they came
	all  uint32 // as they say: beyond that it is their word
}

func (x *within) add(y within) { *x = within{max(x.here, y.here), max(x.all, y.all)} }

// cross believes their word up to where the session goes on.
func (x *within) cross(next uint32) { x.here = max(x.here, min(next, x.all)) }

// count takes what a snapshot covers as being on the relay.
func (d *document) count(about Hash, heads []Head) {
	c := &d.outbox.counted
	isRefused := c.none || d.attests.said[about] == Objection
	x := covering{about: about}
	for _, h := range heads {
		if s := d.lookup(h.Session); s != nil { // of too many, not all are known
			s.learnSnapshot(h.Seq+1, !isRefused)
			x.sessions, x.within = append(x.sessions, h.Session), append(x.within, within{min(h.Seq+1, s.next), h.Seq + 1})
		}
	}
	c.meet(about)
	if isRefused {
		return
	}
	c.forget(about) // it may be read once more
	c.list = append(c.list, x)
	if len(c.list) > countedKept {
		first := c.list[0]
		d.each(first, func(s *session, x within) { s.base.add(x) })
		delete(c.met, first.about)
		c.forget(first.about)
	}
}

// each goes through what a snapshot covers.
func (d *document) each(x covering, do func(*session, within)) {
	for i, id := range x.sessions {
		if s := d.lookup(id); s != nil {
			do(s, x.within[i])
		}
	}
}

// forget takes one from the list. It reports whether that had it.
func (c *counted) forget(about Hash) bool {
	before := len(c.list)
	c.list = slices.DeleteFunc(c.list, func(x covering) bool { return x.about == about })
	return len(c.list) < before
}

// meet remembers a snapshot of which this life knows whether it counts.
func (c *counted) meet(about Hash) {
	if c.met == nil {
		c.met = map[Hash]bool{}
	}
	c.met[about] = true
}

// contest no longer counts a snapshot that somebody objects to. One that an earlier life may have counted takes all with it that is known of earlier lives.
func (d *document) contest(about Hash) {
	c := &d.outbox.counted
	switch {
	case c.forget(about):
		d.recount()
	case !c.met[about]:
		d.doubt()
	}
}

// hear takes notice of an objection that is here already and comes once more: from a log of which an earlier life did not remember that it read it, or
// to a snapshot that this life counts. Of other tabs and hubs only the envelope came.
func (d *document) hear(e *Entry) {
	if e.Kind != KindAttest || e.Verdict != Objection {
		return
	}
	d.attests.note(e.About, e.Verdict)
	if since := d.inbox.since; since > 0 && e.Cursor > since || d.outbox.counted.met[e.About] {
		d.contest(e.About)
	}
}

// contestAll counts no snapshot any more once two histories are known of, and one was objected to, by whomever.
func (d *document) contestAll() {
	if c := &d.outbox.counted; !c.none && d.issues.hasFork() && d.attests.objected {
		c.none, c.list = true, nil
		d.doubt()
	}
}

// doubt forgets what is known of earlier lives. In which form the relay has that nobody knows, until the log is read once more.
func (d *document) doubt() {
	if c := &d.outbox.counted; !c.wasRead {
		c.readAgain, c.wasRead = true, true
	}
	for i := range d.sessions {
		d.sessions[i].base = within{}
	}
	d.recount()
}

// recount takes back what the relay was said to have inside snapshots, but for those that count. What is here one by one goes up like that, and of the rest
// nobody is told that it is there.
func (d *document) recount() {
	for i := range d.sessions {
		s := &d.sessions[i]
		s.cover = s.base
	}
	for _, x := range d.outbox.counted.list {
		d.each(x, func(s *session, x within) { s.cover.add(x) })
	}
	d.outbox.reset, d.outbox.markMoved = true, true
}

// readAgain reads all of the log once more, when nothing of it is read or worked on: before that is told what no longer counts, since who crashes over it
// has the objection, and takes no more notice of it.
func (m *Machine) readAgain(d *document) {
	c := &d.outbox.counted
	if !c.readAgain || !d.outbox.welcomed || d.inbox.reading || d.inbox.work.stage != stageWaiting {
		return
	}
	c.readAgain = false
	d.outbox.mark.Cursor = 0
	for i := range d.sessions {
		if s := &d.sessions[i]; s.upload { // snapshots, too
			s.next = 0
		}
	}
	m.subscribe(d)
}
