package simulator

import (
	"bytes"
	"slices"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
)

// judgeFork: whoever has one history of a session, and was given the other one by a relay, holds the proof and says so. Whom the relay did not give
// it hears of it from those who have it, or has it from none.
func (w *World) judgeFork() {
	id := w.cheater.id
	w.cheater.shown = map[*Device]history{}
	for _, d := range w.devices {
		w.cheater.shown[d] = w.cheater.in(d.stored())
	}
	for _, d := range w.devices {
		stored := d.read()
		isThere, isGiven, isFolded := false, false, false
		for _, r := range w.alive() {
			for _, h := range stored.covers {
				if h.Session != id {
					continue
				}
				entry, err := r.Envelope(w.cast.doc, seal.SessionID(id), h.Seq)
				must(err)
				if entry != nil {
					x := newStored(entry.Envelope)
					isFolded = isFolded || x.seq == h.Seq && x.hash != h.Hash && d.given[string(entry.Envelope)]
				}
			}
			for _, x := range stored.runs[id] {
				entry, err := r.Envelope(w.cast.doc, seal.SessionID(id), x.seq)
				must(err)
				if entry != nil && !bytes.Equal(entry.Envelope, x.bytes) {
					isThere, isGiven = true, isGiven || d.given[string(entry.Envelope)]
				}
			}
		}
		switch s := d.status(); {
		case isFolded && (s.Problem != sync.Forked || stored.proofs[id] == nil):
			d.fail(Unnoticed, "has another history of %x in its file than it was given, and ends as %+v", id[:4], s)
		case !isThere && (stored.proofs[id] == nil || s.Problem == sync.Forked):
		case s.Problem == sync.Forked && len(stored.proofs[id]) > 0:
			w.tally.Forks++
		case !isGiven && (s.Problem == sync.Divided || !w.isDivided(d)):
			w.tally.Forks++
			w.tally.Told++
		default:
			d.fail(Unnoticed, "has seen two histories of %x, and ends as %+v", id[:4], s)
		}
	}
	w.judgeBesideFork()
}

// judgeBesideFork: what others wrote is on every device all the same, and what is called sent is on a relay in a form that everybody takes. One
// thing may not be: see isOutOfReach. Where all have one history, or none, all of that is as in any other story.
func (w *World) judgeBesideFork() {
	here := w.onRelays()
	for _, d := range w.devices {
		w.tally.Compared++
		if at, lacks := w.lacks(d); lacks {
			d.fail(Lost, "lacks envelope %d of %x, which was durable somewhere", at.seq, at.session[:4])
		}
		d.judgeStatus(here)
		d.judgePresence()
		for _, other := range w.devices {
			if d.mayHaveMore() || other.mayHaveMore() {
				continue
			}
			if h := w.cheater.shown[d]; h != bothHistories && h == w.cheater.shown[other] && d.head(w.cheater.id) == other.head(w.cheater.id) && d.stored().Digest() != other.stored().Digest() {
				w.fail(Diverged, "%s and %s, with one history", d.name, other.name)
			}
		}
	}
}

// stored is what the next life would begin with. The page may still show the history of which the other one was stored first.
func (d *Device) stored() *crdt.Doc {
	stored := d.read()
	ready, _ := d.tail(stored)
	doc := d.file(stored)
	applyAll(doc, ready)
	return doc
}

// head is the last that a device has of a session.
func (d *Device) head(id sync.SessionID) (h sync.Head) {
	stored := d.read()
	ready, _ := d.tail(stored)
	for _, x := range furthest(headsOf(stored, ready), stored.claims) {
		if x.Session == id {
			h = sync.Head{Session: id, Seq: x.Seq}
			copy(h.Hash[:16], x.Hash[:16])
		}
	}
	return h
}

// areApart reports whether two devices have two histories of the cheater's session. Neither takes anything of a file of the other.
func (w *World) areApart(a, b *Device) bool { return a.histories()|b.histories() == bothHistories }

// isApart reports whether somebody has another history of the cheater's session than this device, be it in a file.
func (d *Device) isApart() bool {
	return d.world.cheat == Equivocation && slices.ContainsFunc(d.world.devices, func(other *Device) bool { return d.world.areApart(d, other) })
}

// tellsOfFork reports whether a device says that there are two histories. Whom nobody gave the other one singly knows of it by the snapshots that he
// refuses.
func (d *Device) tellsOfFork() bool {
	p := d.status().Problem
	return d.world.cheat == Equivocation && (p == sync.Forked || p == sync.Divided || p == sync.BadSnapshot && d.isApart())
}

// hearsNothing reports whether somebody has another history than this device, and may not have told it so: he only reads, or what he writes reaches the relay
// inside snapshots only. They refuse each other's, and of that each tells.
func (d *Device) hearsNothing() bool {
	return d.isApart() && (d.status().Problem == sync.BadSnapshot ||
		!slices.ContainsFunc(d.world.devices, func(other *Device) bool { return other.writable() && d.world.areApart(d, other) }))
}

// isOutOfReach reports whether a fork keeps an envelope from somebody. It, or one that leads up to it, is in files only, whoever has it there has one history
// of the cheater's session with it, and others, who have the other one, take nothing of his file. He must say that it is not on the relay, and who lacks it
// that there are two histories.
func (w *World) isOutOfReach(at place, from *Device) bool {
	if !from.tellsOfFork() {
		return false
	}
	return !slices.ContainsFunc(w.devices, func(d *Device) bool {
		return d.writable() && w.promises[at][d] && !d.hearsNothing() && !(d.isApart() && d.status().Unsent > 0 && d.isFolded(at))
	})
}

// isFolded reports whether an envelope, or one before it in its session, is in files only: in no journal, and on no relay as far as a device is shown
// that, so that it cannot go on there.
func (d *Device) isFolded(at place) bool {
	var shown []*Relay
	for _, r := range d.world.alive() {
		shown = append(shown, r.facing(d))
	}
	single := d.world.on(shown).envelopes
	for _, other := range d.world.devices {
		for _, x := range other.read().runs[at.session] {
			for seq := x.first; seq <= x.seq; seq++ {
				single[place{at.session, seq}] = true
			}
		}
	}
	for seq := range at.seq + 1 {
		if !single[place{at.session, seq}] {
			return true
		}
	}
	return false
}

// isDivided reports whether another device has another history of the cheater's session than this one, and can say so: who only reads says nothing.
func (w *World) isDivided(d *Device) bool {
	mine := d.read().runs[w.cheater.id]
	return slices.ContainsFunc(w.devices, func(other *Device) bool {
		return other.writable() && slices.ContainsFunc(other.read().runs[w.cheater.id], func(x stored) bool {
			return slices.ContainsFunc(mine, func(y stored) bool { return x.seq == y.seq && x.hash != y.hash })
		})
	})
}

// isRefused reports whether somebody takes nothing of a snapshot: it has another history of the cheater's session.
func (w *World) isRefused(covers []sync.Head) bool {
	return w.cheater != nil && slices.ContainsFunc(w.devices, func(d *Device) bool { return d.histories()|w.cheater.of(covers) == bothHistories })
}

// history is which of a cheater's two something is of: none where they are still one, or both.
type history uint8

const bothHistories = 1 | 2

// of gives the histories that heads of the cheater's session are of.
func (c *cheater) of(heads []sync.Head) (h history) {
	for _, x := range heads {
		if x.Session == c.id {
			h |= c.histories[[16]byte(x.Hash[:16])]
		}
	}
	return h
}

// histories is what a device has of the cheater's.
func (d *Device) histories() history {
	c, stored := d.world.cheater, d.read()
	h := c.of(stored.covers) | c.of(stored.claims) | c.shown[d]
	for _, x := range stored.runs[c.id] {
		h |= c.histories[[16]byte(x.hash[:16])]
	}
	return h
}

// in gives which history a document has. A file that came before a session's own envelopes is believed, and what it said that it has is forgotten once
// those are here: they may be of the other one.
func (c *cheater) in(doc *crdt.Doc) (h history) {
	for i, written := range []*crdt.Doc{c.doc, c.other} {
		ours, theirs := must1(crdt.Load(doc.Save())), must1(crdt.Load(written.Save()))
		_, err := ours.Merge(written.Save())
		_, mixed := theirs.Merge(doc.Save())
		if err != nil || mixed != nil || ours.Digest() != theirs.Digest() { // who is first with an operation is believed
			h |= bothHistories &^ (1 << i)
		}
	}
	return h
}

// note remembers which history an envelope is of.
func (c *cheater) note(envelope []byte, of history) {
	if envelope != nil {
		x := newStored(envelope)
		c.histories[[16]byte(x.hash[:16])] = of
	}
}

// lacksTheForked reports whether what a device lacks of the cheater's session is only with those who met two histories of it: they give nothing of it
// to anybody any more, and what names it stays incomplete for who has none of it.
func (d *Device) lacksTheForked(there *onRelays) bool {
	w := d.world
	if w.cheat != Equivocation {
		return false
	}
	next, lacks := d.end(w.cheater.id), false
	if there.envelopes[place{w.cheater.id, next}] {
		return false
	}
	for _, other := range w.devices {
		if other.end(w.cheater.id) > next {
			if other.status().Problem != sync.Forked {
				return false
			}
			lacks = true
		}
	}
	return lacks
}

// end is how much of a session a device has, also of what waits for something else.
func (d *Device) end(id sync.SessionID) uint32 {
	stored := d.read()
	ready, waiting := d.tail(stored)
	return nextOf(furthest(headsOf(stored, slices.Concat(ready, waiting)), stored.claims))[id]
}
