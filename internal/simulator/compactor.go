package simulator

import (
	"bytes"
	"slices"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

// compactor is what a cheater does with snapshots.
type compactor struct {
	snapshots int
	objects   bool                    // to what is good, or was never made
	victims   map[sync.SessionID]bool // in whose mouth one of them puts words
}

// How a snapshot lies.
const (
	leavesOut    = iota // envelopes, at random, that it says it covers
	makesUp             // words in the mouth of somebody else
	hidesAll            // sessions, of which it says nothing, at random
	claimsMore          // of sessions than was written
	opensNowhere        // signed, and nothing that anybody can read
	isOlder             // all in it goes together, as an older state of the document did
	howMany
)

// compact shares a snapshot of what a relay has that is not what it says.
func (c *cheater) compact(r *Relay) {
	w := c.world
	all, heads := c.log(r)
	if len(all) < 2 || c.snapshots > 3 {
		return
	}
	ways := howMany
	if w.cheat == Newer { // it cannot be read, and is not what its writer lies with
		ways = claimsMore
	}
	how := w.rand.IntN(ways)
	if how == isOlder {
		if w.rand.IntN(2) == 0 {
			c.reload()
		}
		c.older(r, c.someHonest(all))
		return
	}
	doc := crdt.New()
	for _, x := range all {
		if w.rand.IntN(4) > 0 { // and none that follows it
			try(doc, x)
		}
	}
	file, digest := doc.Save(), doc.Digest()
	switch how {
	case makesUp:
		victim := all[0].Session
		c.victims[victim] = true
		forged := crdt.New()
		must(forged.Begin(crdt.SessionID(victim)))
		must(forged.Edit(func(tx *crdt.Tx) error {
			tx.Root().Text("body").Insert(0, "never said")
			return tx.Err()
		}))
		for _, x := range all {
			if x.Session != victim {
				try(forged, x)
			}
		}
		file, digest = forged.Save(), forged.Digest()
	case hidesAll:
		heads = slices.DeleteFunc(heads, func(sync.Head) bool { return w.rand.IntN(2) == 0 })
	case claimsMore:
		for i := range heads {
			if w.rand.IntN(2) == 0 {
				continue
			}
			heads[i].Seq += 1 + w.rand.Uint32N(5)
			if w.rand.IntN(2) == 0 {
				_, _ = w.source.Read(heads[i].Hash[:])
			}
		}
	}
	if w.cheat == Newer {
		file = bytes.Clone(file)
		file[8] = 2
	}
	if w.rand.IntN(8) == 0 {
		digest[0] ^= 1
	}
	plain := seal.SnapshotPayload{Covers: depsOf(heads), Digest: digest, File: file}.Encode()
	switch {
	case how == opensNowhere:
		plain = plain[:1+w.rand.IntN(32)]
	case w.cheat == Newer && w.rand.IntN(2) == 0:
		plain[0] = 1 // the version of the content
	}
	w.note("a bad snapshot, way %d", how)
	c.share(r, plain, 0)
}

// share gives a relay a snapshot that says it covers the log, but for so many places.
func (c *cheater) share(r *Relay, plain []byte, before wire.Cursor) {
	w := c.world
	record, err := r.log.Room(w.cast.doc)
	must(err)
	session, err := c.keys.NewSession(w.source)
	must(err)
	envelope, err := session.Seal(seal.Snapshot, plain)
	must(err)
	c.snapshots++
	if c.put(r, session.Certificate().Bytes(), envelope, &wire.Covers{Store: r.Store(), UpTo: record.Head - min(record.Head, before)}) {
		w.tally.Cheats[w.cheat]++
	}
}

// object says, as somebody who wrote nothing else, that a snapshot is bad: one that is there, or that nobody made.
func (c *cheater) object(r *Relay) {
	w := c.world
	var about seal.Hash
	_, _ = w.source.Read(about[:])
	entries, _, err := r.log.Read(w.cast.doc, 0, 1<<30)
	must(err)
	for _, e := range entries {
		if p, err := seal.ParseEnvelope(e.Envelope); err == nil && p.Kind == seal.Snapshot && w.rand.IntN(3) > 0 {
			about = p.Hash()
		}
	}
	session, err := c.keys.NewSession(w.source)
	must(err)
	envelope, err := session.SealAttest(about, seal.Objection, "It is not to my liking.")
	must(err)
	w.note("somebody objects to %x", about[:4])
	if c.put(r, session.Certificate().Bytes(), envelope, nil) {
		c.objects = true
		w.tally.Objections++
	}
}

// someHonest picks what is to be left out.
func (c *cheater) someHonest(all []content) place {
	x := all[c.world.rand.IntN(len(all))]
	return place{x.Session, x.Seq}
}

// older shares what the document was, or might have been, before an envelope: without that and all that was written after it. Its file and its heads go
// together, and it names nothing of what it leaves out; only that it says it has the log, or most of it, is a lie.
func (c *cheater) older(r *Relay, from place) {
	w := c.world
	all, _ := c.log(r)
	kept := without(all, from)
	doc := crdt.New()
	for { // what leads up to some of it, the relay may have let go of
		stuck := applyAll(doc, kept)
		if len(stuck) == 0 {
			break
		}
		doc, kept = crdt.New(), prefixOf(kept, stuck)
	}
	var heads []sync.Head
	for _, x := range kept {
		heads = furthest(heads, []sync.Head{x.Head})
	}
	w.note("a snapshot without %x from %d on: %d of %d", from.session[:4], from.seq, len(kept), len(all))
	plain := seal.SnapshotPayload{Covers: depsOf(heads), Digest: doc.Digest(), File: doc.Save()}.Encode()
	c.share(r, plain, [...]wire.Cursor{0, 0, 1, wire.Cursor(w.rand.IntN(5))}[w.rand.IntN(4)])
}

// without is a log without an envelope and all that was written after it.
func without(all []content, from place) (kept []content) {
	next := map[sync.SessionID]uint32{from.session: from.seq} // of each session the first that is left out
	isLeftOut := func(h sync.Head) bool {
		first, is := next[h.Session]
		return is && h.Seq >= first
	}
	for n := -1; n != len(kept); { // an envelope may stand before one that it names
		n = len(kept)
		kept = kept[:0:0]
		for _, x := range all {
			switch {
			case isLeftOut(x.Head):
			case slices.ContainsFunc(x.deps, isLeftOut):
				next[x.Session] = x.Seq
			default:
				kept = append(kept, x)
			}
		}
	}
	return kept
}

// reload begins a new life of every device: what an earlier one knew of a relay's log it does not know.
func (c *cheater) reload() {
	c.world.note("everybody is loaded anew")
	for _, d := range c.world.devices {
		d.crash()
	}
}

// erase tries, in peace and with everybody there, to have a relay let go of something that is in no snapshot: two that lie as well as anybody can,
// each right after everybody was loaded anew, and a week. Then somebody loses a device and has all from the relay.
func (c *cheater) erase() {
	w, r := c.world, c.world.alive()[0]
	for range 91 { // what was objected to before holds the log no more
		w.pass(2)
		r.age()
	}
	d := w.devices[0] // one that writes: the relay may have let go of all else
	must(d.page.Edit(func(tx *crdt.Tx) error {
		tx.Root().Counter("count").Add(1)
		return tx.Err()
	}))
	d.drain()
	w.settle(30)
	all, _ := c.log(r)
	if len(all) == 0 { // a session that it cannot go on with reaches it in snapshots only
		return
	}
	from := c.someHonest(all)
	for range 2 {
		c.nothing(r)
		w.settle(30)
		c.reload()
		w.settle(30)
		c.older(r, from)
		w.settle(60)
	}
	for range 8 {
		w.pass(60)
		r.age()
	}
	d = w.devices[w.rand.IntN(len(w.devices))]
	w.note("%s has new disks", d.name)
	d.replace(newDisk(), newDisk())
}

// nothing writes an envelope with nothing in it: devices read the last one of the log again, and it is this.
func (c *cheater) nothing(r *Relay) {
	session, err := c.keys.NewSession(c.world.source)
	must(err)
	envelope, err := session.Seal(seal.Update, seal.UpdatePayload{}.Encode())
	must(err)
	c.put(r, session.Certificate().Bytes(), envelope, nil)
}
