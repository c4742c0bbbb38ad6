package simulator

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server"
)

// place names an envelope.
type place struct {
	session sync.SessionID
	seq     uint32
}

// before orders places, so that of several that are missing the same one is told of whenever the story is told.
func (at place) before(other place) bool {
	c := bytes.Compare(at.session[:], other.session[:])
	return c < 0 || c == 0 && at.seq < other.seq
}

// promises are who is bound to have an envelope still: each device and relay on whose disk it was, until it lost its disk.
type promises map[place]map[any]bool

func (p promises) release(holder any) {
	for _, holders := range p {
		delete(holders, holder)
	}
}

// promised notes that an envelope is durable somewhere. A device that may only read cannot bring everything back, and is not counted on.
func (w *World) promised(holder any, envelope []byte) {
	if d, ok := holder.(*Device); ok && !d.writable() {
		return
	}
	e, err := seal.ParseEnvelope(envelope)
	must(err)
	if e.Kind == seal.Snapshot {
		return
	}
	for seq := e.First(); seq <= e.Seq; seq++ {
		at := place{sync.SessionID(e.Session), seq}
		if e.Kind == seal.Attest {
			w.verdicts[at] = true
		}
		if w.promises[at] == nil {
			w.promises[at] = map[any]bool{}
		}
		w.promises[at][holder] = true
	}
}

// letGo notes what a relay deleted. A snapshot that covers it has it, unless its writer is a bad compactor or says it in a format that nobody can read,
// and everybody who could have objected was gone for longer than a relay waits: then what nobody else has is gone. That has to be said all the same.
func (w *World) letGo(r *Relay, dropped []server.Dropped) {
	if w.cheat != BadCompactor && w.cheat != Newer || r.alone <= 30*24*time.Hour {
		return
	}
	for _, x := range dropped {
		at := place{sync.SessionID(x.Session), x.Seq}
		delete(w.promises[at], r)
		w.gone[at] = true
	}
}

func (w *World) releaseRelay(r *Relay) { w.promises.release(r) }

// durable is a device's word that an own edit is safe on it.
func (w *World) durable(d *Device, b *bytesOf) {
	if !w.promises[place{b.session, b.seq}][d] {
		d.fail(Broken, "S2: envelope %d is called durable and is not", b.seq)
	}
}

// applied looks at what became of an update that was shown.
func (w *World) applied(d *Device, c content, err error) {
	if err != nil && w.isForged() {
		w.cheater.victims[c.Session] = true
	}
	switch {
	case err == nil:
	case errors.Is(err, crdt.ErrMissing) && goesOn(c.update): // the rest of its change comes behind it
	case errors.Is(err, crdt.ErrMissing) && len(d.hubs) == 0: // a life begins in another order than things came in; nobody names what he had of a snapshot only
	case errors.Is(err, crdt.ErrMissing) && d.saysPartial(): // what it needs was asked for in vain; the core waits
	case errors.Is(err, crdt.ErrMissing) && w.cheat == BadCompactor: // a claim was taken for what its writer had seen; the core waits, and the digests will tell
	case w.cheater != nil && c.Session == w.cheater.id: // the same everywhere, or the digests will tell
	case w.cheat == Equivocation, w.isForged(): // it was written after what the session really said
	default:
		d.fail(Broken, "S8: update %d of %x was shown and does not apply: %v", c.Seq, c.Session[:4], err)
	}
}

// saysPartial reports whether a device says that something is missing.
func (d *Device) saysPartial() bool {
	return slices.ContainsFunc(d.hubs, func(h *hub) bool { return h.status.Content == sync.ContentPartial })
}

// merged looks at what became of a snapshot that the device has taken.
func (w *World) merged(d *Device, err error) {
	if err != nil && w.cheat != Equivocation && !w.isForged() {
		d.fail(Broken, "a snapshot was taken and does not merge: %v", err)
	}
}

// noticed counts what devices find out.
func (w *World) noticed(d *Device, what string) {
	if w.tally.Noticed == nil {
		w.tally.Noticed = map[string]int{}
	}
	w.tally.Noticed[what]++
	w.note("%s notices: %s", d.name, what)
}

// judgeLie lets everybody come to rest while the relay lies, and again when it does so no more. Where somebody then lacks what another
// one has and no device says that anything is wrong, the lie was not found out. In the end the relay gets a new disk, which brings all back:
// a lie can hold back and never destroy.
func (w *World) judgeLie() {
	w.settle(90)
	w.judgeViews(goesOnNow)
	w.note("the relay is honest")
	w.liar.honest()
	w.settle(120)
	if !w.judgeViews(isOver) {
		return
	}
	w.note("the relay gets a new disk")
	w.promises.release(w.liar)
	w.liar.empty()
}

// When a lie is judged.
const (
	goesOnNow = "while it goes on"
	isOver    = "when it is over"
)

// judgeViews counts a lie by what it does and whether somebody says so. It reports whether some device lacks something.
func (w *World) judgeViews(when string) bool {
	differ, known := w.views()
	if differ && !known && w.somebodySends() {
		w.awaitSnapshots()
		differ, known = w.views()
	}
	c := &w.tally.Lies[w.lie]
	if when == goesOnNow {
		c = &w.tally.Lying[w.lie]
	}
	c.Told++
	switch {
	case !differ:
		c.Harmless++
	case known:
		c.Detected++
	default:
		c.Undetected++
		if !w.lie.unseen() || when == isOver {
			w.fail(Unnoticed, "%s, %s", lieNames[w.lie], when)
		}
	}
	return differ
}

// views reports whether some device lacks what another one has, and whether somebody says that anything is wrong.
func (w *World) views() (differ, known bool) {
	for _, d := range w.devices {
		_, lacks := w.lacks(d)
		differ = differ || lacks || !bytes.Equal(d.page.HeadsBytes(), w.devices[0].page.HeadsBytes())
		known = known || (w.lie == NoAcks || !d.writable()) && d.status().Unsent > 0 // a reader cannot bring what only a snapshot would
		known = known || d.status().Problem != sync.NoProblem || d.status().Content != sync.ContentComplete || d.status().State != sync.RelayLive
	}
	return differ, known
}

// somebodySends reports whether a device that writes says that the relay lacks something of it.
func (w *World) somebodySends() bool {
	return slices.ContainsFunc(w.devices, func(d *Device) bool { return d.writable() && d.status().Unsent > 0 })
}

// awaitSnapshots gives those who say so the time that they may take: where a chain cannot go on, as on a relay that went back, only snapshots
// bring what is new, and the longest pause between two is 64 minutes. What is missing when they were heard is missing.
func (w *World) awaitSnapshots() {
	for minutes := 0; minutes < 70 && w.somebodySends(); minutes++ {
		w.pass(60)
	}
	w.settle(90)
}

// isForged reports whether a snapshot put words in somebody's mouth.
func (w *World) isForged() bool { return w.cheat == BadCompactor && len(w.cheater.victims) > 0 }

// judgeCompactor: words that a snapshot puts in the mouth of somebody else stay where they were believed, but not unnoticed, and the sessions of others
// are whole all the same. Where everybody was gone for too long, those who lack something say so. It reports whether anything of that sort came about.
func (w *World) judgeCompactor() bool {
	differ, objects, told := false, false, len(w.gone) > 0
	for _, d := range w.devices {
		s := d.status()
		objects = objects || s.Problem == sync.BadSnapshot
		if _, lacks := w.lacks(d); lacks && s.Problem == sync.NoProblem {
			told = false
		}
		differ = differ || d.page.Digest() != w.devices[0].page.Digest()
	}
	if differ && !objects && !told {
		w.fail(Unnoticed, "a bad snapshot was believed, and nobody objects")
	}
	if differ {
		w.tally.Objected++
		w.judgeOthers()
	}
	return differ
}

// judgeOthers: whoever has less than others of a session in whose mouth nobody put words says that something is wrong.
func (w *World) judgeOthers() {
	most := map[crdt.SessionID]crdt.Seq{}
	for _, d := range w.devices {
		for _, h := range d.page.Heads() {
			most[h.Session] = max(most[h.Session], h.Next)
		}
	}
	there := w.onRelays()
	for _, d := range w.devices {
		here := map[crdt.SessionID]crdt.Seq{}
		for _, h := range d.page.Heads() {
			here[h.Session] = h.Next
		}
		for id, next := range most {
			if here[id] < next && !w.cheater.victims[sync.SessionID(id)] && d.status().Problem == sync.NoProblem {
				d.fail(Diverged, "has %d operations of %x and others %d", here[id], id[:4], next)
			}
		}
		if at, lacks := w.lacks(d); lacks && d.status().Problem == sync.NoProblem {
			d.fail(Lost, "lacks envelope %d of %x, which was durable somewhere", at.seq, at.session[:4])
		}
		if d.status().Problem == sync.NoProblem {
			d.judgeStatus(there)
		}
	}
}

// judge compares what everybody has in the end.
func (w *World) judge() {
	if w.cheat == Equivocation {
		w.judgeFork()
		return
	}
	if w.cheat == BadCompactor && w.cheater.snapshots > 0 {
		w.tally.BadCompactors++
	}
	if (w.isForged() || len(w.gone) > 0) && w.judgeCompactor() {
		return
	}
	want := w.devices[0].page.Digest()
	here := w.onRelays()
	for _, d := range w.devices {
		w.tally.Compared++
		if d.page.Digest() != want && !d.mayHaveMore() {
			w.fail(Diverged, "%s and %s", w.devices[0].name, d.name)
		}
		d.judgeStatus(here)
		d.judgePresence()
		for _, h := range d.hubs {
			// What is sealed for a relay that died waits for it.
			if n := len(h.refs); n > 0 && !w.relays[h.place].dead && h.status.Content == sync.ContentComplete && !d.waits() {
				d.fail(Broken, "still holds %d refs of relay %d", n, h.place)
			}
		}
		if at, lacks := w.lacks(d); lacks {
			d.fail(Lost, "lacks envelope %d of %x, which was durable somewhere", at.seq, at.session[:4])
		}
	}
	if w.cheat == BadCompactor && w.cheater.snapshots > 0 {
		w.tally.Restored++
	}
}

// mayHaveMore reports whether a device is excused for what others lack: who may only read has more than they where only a snapshot could bring it to them, or
// a relay that died, and says that it does.
func (d *Device) mayHaveMore() bool { return !d.writable() && d.saysMore() }

// saysMore reports whether a device says that it has more than some relay that is there.
func (d *Device) saysMore() bool {
	return d.status().Unsent > 0 || slices.ContainsFunc(d.hubs, func(h *hub) bool { return h.status.State == sync.RelayLive && h.status.Behind > 0 })
}

// judgeStatus: in peace everybody has everything and says so.
func (d *Device) judgeStatus(there *onRelays) {
	s := d.status()
	if at, lacks := d.unsent(there); lacks && s.Unsent == 0 && !d.mayHaveMore() {
		d.fail(Misled, "says that envelope %d of %x is on the relay, which has it in no form", at.seq, at.session[:4])
	} else if d.isApart() || d.world.cheater != nil && d.world.cheater.objects {
		s.Unsent = 0 // what is only in a file with one history: somebody takes nothing of that; or says so of any file
	} else if !lacks && (d.world.isHostile() || d.lacksTheForked(there) || d.lacksTheLost()) {
		s.Unsent = 0 // what is left is the cheater's, or waits for what is lost: no file has it, and nothing leads up to it on the relay
	}
	// Who objects to a snapshot is told of that, whatever else he waits for.
	isMissing := s.Problem == sync.Incomplete || s.Problem == sync.Forged || s.Problem == sync.BadSnapshot && d.world.mayStay(s.Problem)
	if s.Content == sync.ContentPartial && isMissing && d.lacksTheLost() {
		d.world.tally.Orphans++
		s.Content, s.Problem = sync.ContentComplete, sync.NoProblem
	}
	if d.world.lie == FalseAcks && s.Problem == sync.Incomplete { // it went with the device that wrote it and believed the relay; that others say so is right
		s.Content, s.Problem = sync.ContentComplete, sync.NoProblem
	}
	if isMissing && d.isAnythingLost() { // somebody, who may be gone, said that there is more, and there was; until that comes, what did not verify is told as well
		s.Content, s.Problem = sync.ContentComplete, sync.NoProblem
	}
	if d.world.isHostile() { // what the cheater did cannot be taken: it is asked for in vain
		switch s.Problem {
		case sync.Incomplete, sync.NewerFormat, sync.Forged:
			s.Content, s.Problem = sync.ContentComplete, sync.NoProblem
		}
	}
	if s.Problem == sync.Incomplete && d.lacksTheForked(there) {
		s.Content, s.Problem = sync.ContentComplete, sync.NoProblem
	}
	if d.tellsOfFork() { // who wrote behind the other history waits for it
		s.Content, s.Problem = sync.ContentComplete, sync.NoProblem
	}
	if s.Content != sync.ContentComplete || s.State != sync.RelayLive || !d.world.mayStay(s.Problem) || d.writable() && s.Unsent != 0 {
		d.fail(Misled, "ends as %+v", d.status())
	}
}

// isAnythingLost reports whether something beyond what this device has was on some disk, and is on none any more, or stays there for having nothing in it.
func (d *Device) isAnythingLost() bool {
	stored := d.read()
	ready, waiting := d.tail(stored)
	next := nextOf(headsOf(stored, append(ready, waiting...)))
	for at, holders := range d.world.promises {
		if at.seq >= next[at.session] && (len(holders) == 0 || d.world.isLastWord(at)) {
			return true
		}
	}
	return false
}

// judgePresence: in peace everybody knows who is there. Who of them has what he wrote is said of envelopes only: what reached the others inside
// snapshots they do not vouch for.
func (d *Device) judgePresence() {
	others := uint32(0)
	for _, x := range d.world.devices {
		if x != d && x.writable() {
			others++
		}
	}
	if s := d.status(); s.Peers != others || s.Seen > others || s.Peer > s.Device {
		d.fail(Misled, "is among %d others and ends as %+v", others, s)
	}
}

// isHostile reports whether somebody writes what this version does not take.
func (w *World) isHostile() bool { return w.cheat == Newer || w.cheat == Mutation }

// mayStay reports whether a problem may be told for good. A relay that lies makes an honest device believe that its snapshot has more of
// the log than it has.
func (w *World) mayStay(p sync.Problem) bool {
	switch p {
	case sync.NoProblem:
		return true
	case sync.BadSnapshot:
		return w.lie != NoLie || w.cheat == BadCompactor
	}
	return false
}

// lacksTheLost reports whether what it waits for went with the only disk that had it, after something that names it had got away.
func (d *Device) lacksTheLost() bool {
	stored := d.read()
	ready, waiting := d.tail(stored)
	next := nextOf(headsOf(stored, ready))
	for _, c := range waiting {
		next[c.Session] = max(next[c.Session], c.Seq+1) // it waits for something else itself
	}
	lost := false
	for at, holders := range d.world.promises {
		lost = lost || len(holders) > 0 && d.world.isHeadless(at, next[at.session])
	}
	for _, c := range waiting {
		for _, h := range c.deps {
			for seq := next[h.Session]; seq <= h.Seq; seq++ {
				if len(d.world.promises[place{h.Session, seq}]) > 0 {
					return false
				}
				lost = true
			}
		}
	}
	return lost
}

// waits reports whether a change of somebody who died over it waits for ever.
func (d *Device) waits() bool {
	_, waiting := d.tail(d.read())
	return len(waiting) > 0
}

// lacks reports whether a device is without something that somebody is bound to have, and gives the first of it.
func (w *World) lacks(d *Device) (first place, lacks bool) {
	stored := d.read()
	ready, waiting := d.tail(stored)
	next := nextOf(furthest(headsOf(stored, ready), stored.claims)) // whether what is claimed is there, the digests tell
	for at, holders := range w.promises {
		w.tally.LookedFor++
		if len(holders) == 0 || next[at.session] > at.seq || w.isCheaters(at) {
			continue
		}
		if slices.ContainsFunc(waiting, func(c content) bool { return c.Session == at.session && c.Seq <= at.seq }) || w.isHalf(at) {
			continue // a part of a change whose end nobody has
		}
		if w.isHeadless(at, next[at.session]) || w.isLastWord(at) {
			continue
		}
		if w.isOutOfReach(at, d) {
			w.tally.OutOfReach++
			continue
		}
		if !lacks || at.before(first) {
			first, lacks = at, true
		}
	}
	return first, lacks
}

// isEverywhere reports whether every device has an envelope, in whatever form.
func (w *World) isEverywhere(at place) bool {
	return !slices.ContainsFunc(w.devices, func(d *Device) bool {
		stored := d.read()
		ready, _ := d.tail(stored)
		return nextOf(furthest(headsOf(stored, ready), stored.claims))[at.session] <= at.seq
	})
}

// isCheaters reports whether an envelope is one that devices need not take, or not all of them the same.
func (w *World) isCheaters(at place) bool {
	return w.cheater != nil && at.session == w.cheater.id && w.cheat != BadCompactor && w.cheat != Unreadable
}

// isHeadless reports whether nobody has any more what leads up to an envelope: a relay may get back the middle of a session.
func (w *World) isHeadless(at place, next uint32) bool {
	for seq := next; seq < at.seq; seq++ {
		if len(w.promises[place{at.session, seq}]) == 0 {
			return true
		}
	}
	return false
}

// isLastWord reports whether an envelope has no content, as what is said of a snapshot, and none stands behind it that somebody is bound to have. Where its
// chain cannot go on, no snapshot is made for it.
func (w *World) isLastWord(at place) bool {
	for x, holders := range w.promises {
		if x.session == at.session && x.seq >= at.seq && len(holders) > 0 && !w.verdicts[x] {
			return false
		}
	}
	return true
}

// isHalf reports whether whoever has an envelope has it as a part of a change whose end nobody has: no snapshot brings it to others.
func (w *World) isHalf(at place) bool {
	for _, d := range w.devices {
		_, waiting := d.tail(d.read())
		if slices.ContainsFunc(waiting, func(c content) bool { return c.Session == at.session && c.Seq == at.seq }) {
			return true
		}
	}
	return false
}

// onRelays is what the relays have: envelopes, and what the snapshots reach that this version can read.
type onRelays struct {
	envelopes map[place]bool
	covered   map[sync.SessionID]uint32
	// refused is what is in snapshots of which somebody takes nothing.
	refused map[sync.SessionID]uint32
}

func (w *World) onRelays() *onRelays { return w.on(w.alive()) }

func (w *World) on(relays []*Relay) *onRelays {
	there := &onRelays{envelopes: map[place]bool{}}
	var heads, refused []sync.Head
	for _, r := range relays {
		entries, _, err := r.log.Read(w.cast.doc, 0, 1<<30)
		must(err)
		objected := map[seal.Hash]bool{}
		for _, e := range entries {
			p := must1(seal.ParseEnvelope(e.Envelope))
			if p.Kind == seal.Attest {
				about, verdict := p.Attested()
				objected[about] = objected[about] || verdict == seal.Objection
			}
		}
		for _, e := range entries {
			p, err := seal.ParseEnvelope(e.Envelope)
			must(err)
			if p.Kind == seal.Snapshot && objected[p.Hash()] {
				continue
			}
			if p.Kind == seal.Snapshot {
				if covers := w.coveredBy(e.Envelope); w.isRefused(covers) {
					refused = furthest(refused, covers)
				} else {
					heads = furthest(heads, covers)
				}
				continue
			}
			for seq := p.First(); seq <= p.Seq; seq++ {
				there.envelopes[place{sync.SessionID(p.Session), seq}] = true
			}
		}
	}
	there.covered, there.refused = nextOf(heads), nextOf(refused)
	return there
}

// coveredBy is what a snapshot has, if it is what its writer signed for.
func (w *World) coveredBy(envelope []byte) []sync.Head {
	plain, err := w.cast.keys[seal.Read].Open(envelope)
	must(err)
	payload, err := seal.DecodeSnapshot(plain)
	if err != nil {
		return nil
	}
	if file, err := crdt.Load(payload.File); err != nil || file.Digest() != payload.Digest {
		return nil
	}
	return headsOfDeps(payload.Covers)
}

// unsent reports whether a device has something of an honest session that the relays have in no form, and gives the first of it. Half a change is in
// no snapshot.
func (d *Device) unsent(there *onRelays) (first place, has bool) {
	stored := d.read()
	ready, _ := d.tail(stored)
	next := nextOf(headsOf(stored, ready))
	for at := range d.world.promises {
		if d.world.isCheaters(at) || d.world.gone[at] {
			continue
		}
		if at.seq < next[at.session] && !there.envelopes[at] && there.covered[at.session] <= at.seq && !d.world.isHalf(at) && !d.world.isLastWord(at) &&
			!(there.refused[at.session] > at.seq && (d.world.isEverywhere(at) || d.hearsNothing())) { // who refuses it does not need it, or nobody says so
			if !has || at.before(first) {
				first, has = at, true
			}
		}
	}
	return first, has
}
