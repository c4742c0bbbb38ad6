package crdt

// A change that is too much for one update leaves as continued parts: updates of which each but the last says that
// more of the change follows. A reader keeps them encoded until the last is here, and then applies all or none.

// partCost is what keeping a part takes besides its bytes. It counts, or nothing would bound how many there are.
const partCost = 64

// changed is a change of the writing session that not all has left of: operations [from, to).
type changed struct{ from, to Seq }

// note remembers which operations are one change. Those of a single one cannot be cut.
func (w *writer) note(from, to Seq) {
	if to-from > 1 {
		w.changes = append(w.changes, changed{from, to})
	}
}

// inside gives the change that a cut in front of an operation would go through; false when there is none.
func (w *writer) inside(seq Seq) (changed, bool) {
	lo, hi := 0, len(w.changes)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if w.changes[mid].to <= seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(w.changes) && w.changes[lo].from < seq {
		return w.changes[lo], true
	}
	return changed{}, false
}

// left forgets the changes before seq, which have gone out.
func (w *writer) left(seq Seq) {
	w.drained = seq
	n := 0
	for n < len(w.changes) && w.changes[n].to <= seq {
		n++
	}
	if n > 0 {
		w.changes = append(w.changes[:0], w.changes[n:]...)
	}
}

// leaves reports whether the writing session's operations from seq on, one change, fit MaxChangeBytes when they leave
// in parts. The estimate is the encoding itself, a little longer than it will be: it names every container in full.
// Little that was done needs no estimate.
func (d *Doc) leaves(seq Seq, runs, content, values int) bool {
	const enough = MaxChangeBytes * 7 / 16
	if data := 3*(len(d.log.content)-content) + len(d.log.values) - values; data < enough {
		n := len(d.log.runs) - runs + 1
		if n*(MaxDepth*(MaxKeyBytes+rowCost)+partCost) < enough || n*d.longestRun() < enough {
			return true
		}
	}
	next := d.graph.sessions[d.writer.session].next
	for size := 0; seq < next; {
		e := d.encode(d.writer.session, seq)
		seq = e.run(next)
		if size += e.size() + 2*partCost; size > MaxChangeBytes {
			return false
		}
	}
	return true
}

// rowCost is the most that a row of a container table takes besides a key.
const rowCost = 32

// longestRun is the most that a run takes besides text and values: its key, and rows for all containers around it.
func (d *Doc) longestRun() int {
	key, depth := 0, 0
	for _, name := range d.keys.names {
		key = max(key, len(name))
	}
	for i := range d.containers {
		depth = max(depth, int(d.containers[i].depth))
	}
	return (depth+1)*(key+rowCost) + partCost
}

// parts are what is here of a change whose last part is not, or is not judged yet.
type parts struct {
	updates [][]byte
	bytes   int
	end     Seq // the number behind them
}

// keep adds a part. ErrCorrupt: the change is larger than one may be; ErrTooLarge: there is no room here.
func (h *held) keep(id SessionID, w *decoder) error {
	s := h.of(id)
	n := len(w.r.in) + partCost
	if h.parts+n > heldSessions*MaxChangeBytes || s == nil && len(h.sessions) >= maxWaiting {
		return tooLarge("no room to keep a part until its change is whole")
	}
	if s == nil {
		s = &waiting{id: id}
		h.sessions = append(h.sessions, s)
	}
	p := &s.parts
	p.updates = append(p.updates, append([]byte(nil), w.r.in...))
	p.bytes += n
	p.end = w.end()
	h.parts += n
	return errPart
}

// drop lets the parts of a session go.
func (h *held) drop(s *waiting) {
	h.parts -= s.parts.bytes
	s.parts = parts{}
}

// errPart says that an update is kept because more of its change follows.
var errPart = &Error{CodeMissing, "the rest of its change is not here"}
