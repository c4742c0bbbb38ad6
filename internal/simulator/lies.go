package simulator

import (
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// Lie is what a relay may do that no honest one does.
type Lie int

const (
	NoLie Lie = iota
	Rollback
	HideSession
	HideTail
	HideAll
	HideTailOfAll
	ForkViews
	NoAcks
	FalseAcks
	lieCount
)

var lieNames = [lieCount]string{
	Rollback: "the relay goes back to an older state under its old name", HideSession: "one session is held back from one device",
	HideTail: "the newest of everybody is held back from one device", HideAll: "everything is held back from one device",
	HideTailOfAll: "the newest of everybody is held back from everybody", ForkViews: "two groups of devices are shown two histories",
	NoAcks: "one device hears of nothing that it is stored", FalseAcks: "one device hears that it is stored, and nothing is",
}

// unseen: while the lie goes on nobody can know, because nobody sees anything else. Every other one is found out while it goes on, and
// what is left of this one when it is over.
func (l Lie) unseen() bool { return l == HideTailOfAll || l == ForkViews }

// lie is the one that a relay tells.
type lie struct {
	kind    Lie
	victim  *Device
	session seal.SessionID
	after   wire.Cursor
	twin    *Relay // what the other group sees
	group   map[*Device]bool
}

// tell begins to lie.
func (r *Relay) tell(kind Lie) {
	w := r.world
	r.commit(false)
	record, err := r.log.Room(w.cast.doc)
	must(err)
	r.lie = lie{kind: kind, victim: w.devices[w.rand.IntN(len(w.devices))], after: record.Head}
	if kind == NoAcks || kind == FalseAcks {
		r.lie.victim = w.devices[w.rand.IntN(2)] // one that writes
	}
	w.note("%s lies: %s (%s)", r.name, lieNames[kind], r.lie.victim.name)
	switch kind {
	case Rollback:
		if n := len(r.written); n > 1 {
			r.rollback(1 + w.rand.IntN(n-1))
		}
	case HideSession:
		entries, _, err := r.log.Read(w.cast.doc, 0, 1<<20)
		must(err)
		var others []seal.SessionID
		for _, e := range entries {
			if p, err := seal.ParseEnvelope(e.Envelope); err == nil && sync.SessionID(p.Session) != r.lie.victim.own {
				others = append(others, p.Session)
			}
		}
		for _, d := range w.devices {
			if d != r.lie.victim && d.writable() {
				others = append(others, seal.SessionID(d.own))
			}
		}
		r.lie.session = others[w.rand.IntN(len(others))]
	case HideAll:
		r.lie.after = 0
	case ForkViews:
		twin := newRelay(w, r.name)
		log := server.NewMemoryLog(r.log.Store())
		must(log.Commit(r.written))
		twin.log, twin.written = log, slices.Clone(r.written)
		r.lie.twin, r.lie.group = twin, map[*Device]bool{}
		for i, d := range w.devices {
			if i > 0 && (i == 1 || w.rand.IntN(2) == 0) {
				r.lie.group[d] = true
			}
		}
		for _, l := range slices.Clone(r.lines) {
			if r.lie.group[l.device] {
				l.cut()
			}
		}
	}
}

// honest ends the lie.
func (r *Relay) honest() {
	twin := r.lie.twin
	r.lie = lie{}
	if twin != nil {
		r.world.promises.release(twin)
		twin.reopen(twin.log, nil)
	}
	for _, l := range slices.Clone(r.lines) {
		l.cut()
	}
}

// facing is the relay that a device talks to under this name.
func (r *Relay) facing(d *Device) *Relay {
	if r.lie.group[d] {
		return r.lie.twin
	}
	return r
}

// head is where the log ends, as far as a device is told.
func (r *Relay) head(d *Device, head wire.Cursor) wire.Cursor {
	switch {
	case r.lie.kind == HideTailOfAll, (r.lie.kind == HideTail || r.lie.kind == HideAll) && r.lie.victim == d:
		return min(head, r.lie.after)
	}
	return head
}

// falseAck says that it has what it throws away.
func (r *Relay) falseAck(f *wire.Append) wire.Frame {
	last, err := seal.ParseEnvelope(f.Envelopes[len(f.Envelopes)-1])
	must(err)
	record, err := r.log.Room(f.Doc)
	must(err)
	return &wire.Ack{Doc: f.Doc, Req: f.Req, Session: last.Session, Seq: last.Seq, Cursor: record.Head + wire.Cursor(len(f.Envelopes))}
}

// hides reports whether a device is not to see an entry.
func (r *Relay) hides(d *Device, e wire.Entry) bool {
	if r.lie.kind != HideSession || r.lie.victim != d {
		return false
	}
	p, err := seal.ParseEnvelope(e.Envelope)
	must(err)
	return p.Session == r.lie.session
}

// mutes reports whether a device is not to see the presence of others.
func (r *Relay) mutes() bool { return r.lie.kind == HideTailOfAll }
