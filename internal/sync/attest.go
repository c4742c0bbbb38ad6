package sync

// attestsWaiting bounds what is to be said at once: a writer who floods a document with snapshots fills no memory.
const attestsWaiting = 16

// attests is what this device says about the snapshots of others: about each at most once, and only what nobody said yet (S13).
type attests struct {
	queue    []attest
	said     map[Hash]Verdict // the gravest, by snapshot
	objected bool             // to some snapshot, by whomever
}

type attest struct {
	ref     Ref // the note
	about   Hash
	verdict Verdict
}

// noteAttest remembers what a stored envelope says about a snapshot. The word of its own writer counts for nothing, but that is
// for the relay to judge: to repeat an attest does no harm.
func (d *document) noteAttest(e *Entry) {
	if s := d.lookup(e.Session); s != nil && e.Kind == KindAttest && e.Verdict == Objection { // it knows better what there is of it
		s.claim = claim{}
	}
	if e.Kind == KindAttest {
		d.attests.note(e.About, e.Verdict)
		if e.Verdict == Objection {
			d.contest(e.About)
		}
	}
}

func (a *attests) note(about Hash, v Verdict) {
	if a.said == nil {
		a.said = map[Hash]Verdict{}
	}
	a.said[about] = max(a.said[about], v)
	a.objected = a.objected || v == Objection
}

// attest has an attest sealed behind the edits, if this device may write and it is news. A session that reaches the relay only inside
// snapshots praises nobody's: two of them would answer each other's for ever.
func (m *Machine) attest(d *document, about Hash, v Verdict, note Ref) {
	a := &d.attests
	a.objected = a.objected || v == Objection
	if said, known := a.said[about]; d.own == noSession || note == 0 || known && said >= v || len(a.queue) == attestsWaiting || v == Sound && !d.lookup(d.own).joins() {
		m.drop(appendRef(nil, note))
		return
	}
	a.note(about, v)
	a.queue = append(a.queue, attest{note, about, v})
}

// takeAttest moves the next attest to the edits when none is waiting: never between the parts of a change.
func (d *document) takeAttest() {
	o, a := &d.outgoing, &d.attests
	if s := d.lookup(d.own); len(o.queue) > 0 || len(a.queue) == 0 || s.whole != s.next {
		return
	}
	next := a.queue[0]
	a.queue = append(a.queue[:0], a.queue[1:]...)
	o.queue = append(o.queue, edit{ref: next.ref, to: o.device, attest: &next})
}
