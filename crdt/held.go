package crdt

// held is what came and could not be applied yet, and the sessions that go no further.
//
// What becomes of a session depends on nothing but its updates and their order: they are judged one after the other.
// One that lacks a parent makes all behind it wait, or an update that overlaps with it could overtake it here and not
// elsewhere. One that leaves a gap is put aside until the gap has gone.
type held struct {
	sessions []*waiting
	updates  int
	bytes    int
	parts    int // bytes of parts of changes, which do not count among those
	// ended are the sessions of which nothing is taken any more, and why. Corrupt ones are written into files: a reader
	// that never sees the refused update, because a snapshot covers it, must not take what comes behind it either.
	ended map[SessionID]error
}

// waiting is the updates of one session that wait.
type waiting struct {
	id      SessionID
	parts   parts        // of the change that goes on with the next update
	updates []heldUpdate // in the order in which they came; those that leave a gap are first
	gaps    int          // how many those are
	bytes   int
	ahead   int // bytes of those among them that are parts of changes
	looked  Seq // how much of the session was here when they were judged
	// What the first one behind the gaps, or one whose gap has gone, lacks of its parents.
	sessions []SessionID
	lacks    []wireID
}

type heldUpdate struct {
	bytes []byte
	first Seq
	gap   bool
	more  bool // a part of a change, and not the last
}

// stuck reports whether the session waits for others, so that nothing of it may be judged.
func (s *waiting) stuck() bool { return s != nil && len(s.lacks) > 0 }

func (h *held) of(id SessionID) *waiting {
	for _, s := range h.sessions {
		if s.id == id {
			return s
		}
	}
	return nil
}

// hold keeps an update for later and gives ErrMissing, or ErrTooLarge when there is no room for it. With w, its decoder,
// it is the one that its session waits with.
func (h *held) hold(id SessionID, u heldUpdate, w *decoder, next Seq) error {
	s := h.of(id)
	isNew := s == nil
	if isNew {
		s = &waiting{id: id}
	}
	for i := range s.updates {
		if string(s.updates[i].bytes) == string(u.bytes) {
			return ErrMissing
		}
	}
	n := len(u.bytes)
	if len(s.updates) >= MaxHeldUpdates || h.updates >= heldSessions*MaxHeldUpdates || !h.hasRoom(s, n, u.more) {
		return tooLarge("no room to hold an update until what it follows is here")
	}
	if isNew {
		h.sessions = append(h.sessions, s)
	}
	u.bytes = append([]byte(nil), u.bytes...)
	s.updates = append(s.updates, u)
	h.updates++
	h.count(s, n, u.more)
	if u.gap {
		s.gaps++
	}
	if w != nil {
		s.sessions, s.lacks = w.sessions, w.parents
	}
	s.looked = next
	return ErrMissing
}

func (h *held) hasRoom(s *waiting, n int, part bool) bool {
	if part {
		return s.ahead+n <= MaxChangeBytes && h.parts+n <= heldSessions*MaxChangeBytes
	}
	return s.bytes+n <= MaxHeldBytes && h.bytes+n <= heldSessions*MaxHeldBytes
}

func (h *held) count(s *waiting, n int, part bool) {
	if part {
		s.ahead += n
		h.parts += n
	} else {
		s.bytes += n
		h.bytes += n
	}
}

// remove takes update i out.
func (h *held) remove(s *waiting, i int) {
	u := &s.updates[i]
	h.updates--
	h.count(s, -len(u.bytes), u.more)
	if i < s.gaps {
		s.gaps--
	}
	s.updates = append(s.updates[:i], s.updates[i+1:]...)
}

// end takes nothing of a session from now on.
func (h *held) end(id SessionID, why error) {
	if h.ended == nil {
		h.ended = make(map[SessionID]error)
	}
	if isCode(why, CodeCorrupt) {
		why = errEnded
	}
	h.ended[id] = why
	for i, s := range h.sessions {
		if s.id == id {
			h.drop(s)
			h.updates -= len(s.updates)
			h.bytes -= s.bytes
			h.parts -= s.ahead
			s.updates, s.gaps, s.lacks = nil, 0, nil
			h.sessions = append(h.sessions[:i:i], h.sessions[i+1:]...)
			return
		}
	}
}

var errEnded = &Error{CodeCorrupt, "session ended with an update that was refused"}

// release applies what has become ready, until nothing has, and reports whether there was anything.
func (d *Doc) release() (any bool) {
	for progress := true; progress; any = any || progress {
		progress = false
		waiting := d.held.sessions
		for _, s := range waiting {
			if d.ready(s) {
				progress = d.resume(s) || progress
			}
		}
		d.held.sessions = d.held.sessions[:0:0]
		for _, s := range waiting {
			if len(s.updates) > 0 || len(s.parts.updates) > 0 {
				d.held.sessions = append(d.held.sessions, s)
			}
		}
	}
	return any
}

// ready reports whether something that a session waits for has come. Nothing is decoded for that.
func (d *Doc) ready(s *waiting) bool {
	if s.stuck() {
		if s.lacks = d.graph.lacking(s.sessions, s.lacks); len(s.lacks) == 0 {
			return true
		}
	}
	return d.reach(s, d.graph.nextOf(&s.id)) > s.looked
}

// reach is how much of a session is here, the parts of a change that is not whole included.
func (d *Doc) reach(s *waiting, next Seq) Seq {
	if s == nil || len(s.parts.updates) == 0 {
		return next
	}
	if s.parts.end <= next {
		d.held.drop(s) // the change is here
	}
	return max(next, s.parts.end)
}

// resume goes on judging the updates of a session.
func (d *Doc) resume(s *waiting) (progress bool) {
	h := &d.held
	for {
		s.looked, s.lacks = d.reach(s, d.graph.nextOf(&s.id)), nil
		i := 0
		for i < s.gaps && s.updates[i].first > s.looked {
			i++
		}
		if i == len(s.updates) {
			return progress
		}
		u := &s.updates[i]
		var w decoder
		var first *decoder
		fresh, err := false, w.open(u.bytes)
		if err == nil {
			fresh, first, err = d.judge(s.id, s, &w)
		}
		switch {
		case err == errGap:
			u.gap = true
			s.gaps++
		case err == ErrMissing:
			s.sessions, s.lacks = first.sessions, d.graph.lacking(first.sessions, first.parents)
			return progress
		case err == nil || err == errPart || isCode(err, CodeTooLarge) || isCode(err, CodeTrimmed):
			progress = progress || fresh
			h.remove(s, i)
		default:
			h.end(s.id, err)
			return progress
		}
	}
}

// nextOf is how much of a session is here.
func (g *graph) nextOf(id *SessionID) Seq {
	if s, ok := g.index[*id]; ok {
		return g.sessions[s].next
	}
	return 0
}

// lacking gives an update's parents from the first one on that is not here.
func (g *graph) lacking(sessions []SessionID, parents []wireID) []wireID {
	for len(parents) > 0 && Seq(parents[0].seq) < g.nextOf(&sessions[parents[0].session-1]) {
		parents = parents[1:]
	}
	return parents
}

// resolve gives the listed parents of an update, which are here.
func (g *graph) resolve(w *decoder) []LV {
	parents := make([]LV, 0, len(w.parents)+1)
	for _, p := range w.parents {
		lv, _ := g.find(g.index[w.sessions[p.session-1]], Seq(p.seq))
		parents = append(parents, lv)
	}
	return parents
}
