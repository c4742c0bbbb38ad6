package simulator

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

func (d *hub) seal(e sync.Seal) {
	b := d.ref(e.Ref)
	plain := seal.UpdatePayload{Deps: depsOf(e.Deps), Update: b.update}.Encode()
	envelope, err := d.session.Seal(seal.Update, plain)
	must(err)
	d.sealed(b, e.Seq, e.Prev, envelope)
}

func (d *hub) sealAttest(e sync.SealAttest) {
	b := d.ref(e.Ref)
	envelope, err := d.session.SealAttest(seal.Hash(e.About), seal.Verdict(e.Verdict), b.note)
	must(err)
	if e.Verdict == sync.Objection {
		d.world.noticed(d.Device, "bad snapshot")
	}
	d.sealed(b, e.Seq, e.Prev, envelope)
}

func (d *hub) sealed(b *bytesOf, seq uint32, prev sync.Hash, envelope []byte) {
	e, err := seal.ParseEnvelope(envelope)
	must(err)
	if e.Seq != seq || sync.Hash(e.Prev) != prev {
		d.fail(Broken, "S1: the machine thinks that its session stands at %d after %x, and it is at %d after %x", seq, prev[:4], e.Seq, e.Prev[:4])
	}
	b.bytes, b.seq = envelope, seq
	d.step(sync.Sealed{Doc: d.doc, Size: uint32(len(envelope)) * sizeFactor, Hash: sync.Hash(e.Hash())})
}

// store writes to both disks, and flushes each some time later: between the two a crash may take it.
func (d *hub) store(e sync.Store) {
	r := record{certs: map[sync.SessionID][]byte{}}
	for _, ref := range e.Refs {
		b := d.ref(ref)
		r.envelopes = append(r.envelopes, newStored(b.bytes))
		if cert := d.certs[b.session]; !d.kept[b.session] && cert != nil {
			r.certs[b.session] = cert
		}
	}
	var written []*disk
	for _, disk := range d.disks {
		if disk.full {
			disk.behind = true
			continue
		}
		disk.records = append(disk.records, r)
		written = append(written, disk)
	}
	d.later(func() {
		if len(written) == 0 {
			d.step(sync.StoreDone{Doc: d.doc, Job: e.Job, Problem: sync.DeviceFull})
			return
		}
		for _, disk := range written {
			disk.flush()
		}
		d.keepAgain()
		for s := range r.certs {
			d.kept[s] = true
		}
		for _, x := range r.envelopes {
			d.world.promised(d.Device, x.bytes)
		}
		d.step(sync.StoreDone{Doc: d.doc, Job: e.Job})
	})
}

// open verifies and decrypts as much of a run as is good, from its beginning.
func (d *hub) open(e sync.Open) {
	if e.Kind == sync.KindSnapshot {
		d.openSnapshot(e)
		return
	}
	done := sync.Opened{Doc: d.doc, Job: e.Job}
	cert := d.certs[e.Session]
	var run []seal.Envelope
	for _, r := range e.Refs {
		b := d.ref(r)
		if cert == nil {
			cert = b.cert
		}
		p, err := seal.ParseEnvelope(b.bytes)
		must(err)
		run = append(run, p)
	}
	hashes, why := d.verify(cert, run)
	var all [][]content
	for i := range hashes {
		all = append(all, d.opened(run[i].Bytes()))
	}
	if d.isForked(e.Session, e.Next, all) {
		done.Problem = sync.Forked
		d.step(done)
		return
	}
	for i, contents := range all {
		item := sync.OpenedItem{Hash: sync.Hash(hashes[i])}
		for _, c := range contents {
			ref := e.Refs[i]
			switch {
			case len(c.update) == 0:
				ref = 0
			case len(contents) > 1:
				ref = d.hold(&bytesOf{session: c.Session, seq: c.Seq, update: c.update})
			default:
				d.ref(ref).update = c.update
			}
			item.Contents = append(item.Contents, sync.OpenedContent{Ref: ref, Deps: c.deps, More: goesOn(c.update)})
		}
		done.Items = append(done.Items, item)
	}
	if len(all) > 0 {
		d.certs[e.Session] = cert
	}
	if len(all) < len(e.Refs) {
		done.Problem = sync.Forged
		if errors.Is(why, seal.ErrUnsupported) {
			done.Problem = sync.NewerFormat
		}
		d.world.noticed(d.Device, "does not open")
	}
	d.step(done)
}

// verify gives the hashes of the longest beginning of a run that its session vouches for.
func (d *hub) verify(raw []byte, run []seal.Envelope) ([]seal.Hash, error) {
	cert, why := d.world.certificate(raw)
	if why != nil {
		return nil, why
	}
	for n := len(run); n > 0; n-- {
		hashes, err := d.world.verifyRun(cert, run[:n])
		if err == nil {
			return hashes, why
		}
		why = err
	}
	return nil, why
}

// isForked reports whether a pack says something else than what is here of the same places: nothing behind it contains its bytes.
func (d *hub) isForked(session sync.SessionID, next uint32, all [][]content) bool {
	packed := map[uint32]content{}
	for _, contents := range all {
		for _, c := range contents {
			if len(contents) > 1 && c.Seq < next {
				packed[c.Seq] = c
			}
		}
	}
	if len(packed) == 0 {
		return false
	}
	for _, e := range d.read().runs[session] {
		for _, c := range d.opened(e.bytes) {
			if other, both := packed[c.Seq]; both && isRead(c) && isRead(other) && (!bytes.Equal(c.update, other.update) || !slices.Equal(c.deps, other.deps)) {
				return true
			}
		}
	}
	return false
}

// isRead reports whether a place says something that this version understands, so that it can be compared.
func isRead(c content) bool { return !bytes.Equal(c.update, seal.Unknown) }

// openSnapshot leaves to check what its writer signed and cannot be read.
func (d *hub) openSnapshot(e sync.Open) {
	b := d.ref(e.Refs[0])
	done := sync.Opened{Doc: d.doc, Job: e.Job}
	p, err := seal.ParseEnvelope(b.bytes)
	must(err)
	hashes, err := d.verify(b.cert, []seal.Envelope{p})
	switch {
	case errors.Is(err, seal.ErrUnsupported):
		done.Problem = sync.NewerFormat
	case err != nil:
		done.Problem = sync.Forged
		d.world.noticed(d.Device, "does not open")
	default:
		item := sync.OpenedItem{Hash: sync.Hash(hashes[0])}
		if b.snapshot, b.unread = d.readSnapshot(b.bytes); b.unread == nil {
			item.Contents = []sync.OpenedContent{{Ref: e.Refs[0], Deps: headsOfDeps(b.snapshot.Covers)}}
		}
		done.Items = []sync.OpenedItem{item}
	}
	d.step(done)
}

func (d *Device) readSnapshot(envelope []byte) (*seal.SnapshotPayload, error) {
	plain, err := d.keys.Open(envelope)
	if err != nil {
		return nil, err
	}
	payload, err := seal.DecodeSnapshot(plain)
	return &payload, err
}

// check compares a snapshot with what is here (js/src/vault/compaction.ts: check).
func (d *hub) check(e sync.Check) {
	payload, err := d.ref(e.Ref).snapshot, d.ref(e.Ref).unread
	done := sync.Checked{Doc: d.doc, Job: e.Job}
	answer := func(v sync.Verdict, note string) {
		done.Verdict = v
		if v != sync.Undecided && d.isPage() && d.session != nil {
			done.Ref = d.hold(&bytesOf{session: d.own, note: note})
		}
		d.step(done)
	}
	var theirs *crdt.Doc
	if err == nil {
		theirs, err = crdt.Load(payload.File)
	}
	if errors.Is(err, crdt.ErrNewerFormat) || errors.Is(err, seal.ErrUnsupported) {
		delete(d.refs, e.Ref)
		done.Verdict, done.Problem = sync.Undecided, sync.NewerFormat
		d.step(done)
		return
	}
	if err != nil || theirs.Digest() != payload.Digest {
		answer(sync.Refuted, "A snapshot is not what its writer signed for.")
		return
	}
	stored := d.read()
	ready, _ := d.tail(stored)
	covered := map[sync.SessionID]uint32{}
	for _, h := range payload.Covers {
		covered[sync.SessionID(h.Session)] = h.Seq + 1
	}
	ours, other, both := d.file(stored), d.file(stored), must1(crdt.Load(payload.File))
	_, mixed := both.Merge(ours.Save())
	stuck := applyAll(ours, ready)
	for _, c := range ready {
		try(other, c)
		try(both, c)
		if c.Seq >= covered[c.Session] {
			try(theirs, c)
		}
	}
	// Who is first with an operation is believed. Where the order shows, it says something else than the envelopes do.
	if _, err := other.Merge(payload.File); mixed != nil || err != nil || other.Digest() != both.Digest() {
		answer(sync.Refuted, "It says something else than the envelopes that it covers.")
		return
	}
	done.News = ours.Digest() != both.Digest()
	isOther := slices.ContainsFunc(headsOf(stored, ready), func(h sync.Head) bool {
		return h.Hash != sync.Hash{} && slices.ContainsFunc(payload.Covers, func(x seal.Dep) bool {
			return sync.SessionID(x.Session) == h.Session && x.Seq == h.Seq && x.Hash != [16]byte{} && x.Hash != [16]byte(h.Hash[:16])
		})
	})
	isBehind := slices.ContainsFunc(furthest(stored.covers, stored.claims), func(h sync.Head) bool { return h.Seq >= covered[h.Session] })
	isUnread := slices.ContainsFunc(ready, func(c content) bool {
		at, is := stuck[c.Session]
		return is && c.Seq >= at && c.Seq < covered[c.Session]
	})
	switch {
	case e.Stale:
		answer(sync.Objection, "It says that it covers the relay's log and leaves envelopes out.")
	case isOther:
		answer(sync.Objection, "It covers another history of a session.")
	case theirs.Digest() == both.Digest() && !isUnread:
		answer(sync.Sound, "")
	case isBehind, isUnread:
		answer(sync.Undecided, "")
	default:
		answer(sync.Objection, "It lacks something that it says it covers, or has it otherwise.")
	}
}

// locked runs one at a time: what it read of the disks is what it replaces there.
func (d *Device) locked(run func(unlock func())) {
	d.later(func() {
		if d.isLocked {
			d.locked(run)
			return
		}
		d.isLocked = true
		run(func() { d.isLocked = false })
	})
}

// problemOfCore is js/src/vault/problems.ts: errorToNumber.
func problemOfCore(err error) sync.Problem {
	switch {
	case errors.Is(err, crdt.ErrNewerFormat):
		return sync.NewerFormat
	case errors.Is(err, crdt.ErrCorrupt):
		return sync.Forged
	}
	return sync.DeviceLost
}

// built is the snapshots, and of the tail what is shown, as one file, and what of the tail is in it.
func (d *Device) built(stored held, shown []sync.Known) (file *crdt.Doc, taken []content, stuck map[sync.SessionID]uint32) {
	next := map[sync.SessionID]uint32{}
	for _, k := range shown {
		next[k.Session] = k.Seq + 1
	}
	ready, _ := d.tail(stored)
	ready = slices.DeleteFunc(ready, func(c content) bool { return c.Seq >= next[c.Session] })
	file = d.file(stored)
	stuck = beforeGaps(applyAll(file, ready), ready, nextOf(stored.covers))
	taken = prefixOf(ready, stuck)
	claimed := nextOf(stored.claims) // what another hub just takes of it is on the relay, and in the file's covers in any case
	for _, c := range taken {
		if c.Seq >= claimed[c.Session] && !slices.ContainsFunc(d.disks, func(x *disk) bool { return x.isFlushed(c.Head) }) {
			d.fail(Broken, "S12: a file has envelope %d of %x, which the device may still lose", c.Seq, c.Session[:4])
		}
	}
	return file, taken, stuck
}

func (d *hub) merge(e sync.Merge, unlock func()) {
	payload := d.ref(e.Ref).snapshot
	delete(d.refs, e.Ref)
	stored := d.read()
	theirs, err := crdt.Load(payload.File)
	if err == nil && theirs.Digest() != payload.Digest {
		err = crdt.ErrCorrupt
	}
	var file *crdt.Doc
	if err == nil {
		file = d.file(stored)
		_, err = file.Merge(payload.File)
	}
	if err != nil {
		unlock()
		d.step(sync.Merged{Doc: d.doc, Job: e.Job, Problem: problemOfCore(err)})
		return
	}
	claims := slices.DeleteFunc(headsOfDeps(payload.Covers), func(h sync.Head) bool { return h.Session == d.own })
	saved := file.Save()
	d.save(stored, saved, nil, claims, func(p sync.Problem) {
		if p == sync.NoProblem {
			d.merged(payload.File, claims)
		} else {
			claims = nil
		}
		unlock()
		d.step(sync.Merged{Doc: d.doc, Job: e.Job, Size: uint32(len(saved)) * sizeFactor, Claims: claims, Problem: p})
	})
}

func (d *hub) checkpoint(e sync.Checkpoint, unlock func()) {
	stored := d.read()
	file, taken, stuck := d.built(stored, e.Shown)
	in := nextOf(headsOf(stored, taken))
	var covers []sync.Head
	for _, k := range e.Covers {
		next := k.Seq + 1
		if at, is := stuck[k.Session]; is {
			next = min(next, at)
		}
		// The history that goes on on the disks may be another than the one that is shown, and what is shown although something was asked for in
		// vain waits in the file.
		if len(stored.forked) > 0 || d.saysPartial() {
			next = min(next, in[k.Session])
		}
		for _, x := range stored.runs[k.Session] {
			if x.seq+1 == next {
				if in[k.Session] < next {
					d.fail(Broken, "S12: a checkpoint covers envelope %d of %x, which is not in its file", k.Seq, k.Session[:4])
				}
				p, err := seal.ParseEnvelope(x.bytes)
				must(err)
				covers = append(covers, sync.Head{Session: k.Session, Seq: x.seq, Hash: sync.Hash(p.Hash())})
			}
		}
	}
	saved := file.Save()
	d.world.tally.Checkpoints++
	d.save(stored, saved, covers, nil, func(p sync.Problem) {
		unlock()
		var known []sync.Known
		for _, h := range furthest(stored.covers, covers) {
			known = append(known, sync.Known{Session: h.Session, Seq: h.Seq})
		}
		d.step(sync.Checkpointed{Doc: d.doc, Size: uint32(len(saved)) * sizeFactor, Covers: known, Problem: p})
	})
}

// save puts a snapshot on one disk after the other: a crash may come between.
func (d *Device) save(stored held, file []byte, covers, claims []sync.Head, done func(sync.Problem)) {
	s := snapshot{1, file, furthest(stored.covers, covers), nil}
	covered := nextOf(s.covers)
	s.claims = slices.DeleteFunc(furthest(stored.claims, claims), func(h sync.Head) bool { return h.Seq < covered[h.Session] })
	for _, x := range stored.snapshots {
		s.generation = max(s.generation, x.generation+1)
	}
	certs := maps.Clone(stored.certs)
	p := sync.DeviceFull
	var next func(disks []*disk)
	next = func(disks []*disk) {
		if len(disks) == 0 {
			done(p)
			return
		}
		if disks[0].full {
			disks[0].behind = true
		} else {
			disks[0].putSnapshot(s, certs)
			p = sync.NoProblem
		}
		d.later(func() { next(disks[1:]) })
	}
	next(d.disks)
}

func (d *hub) makeSnapshot(e sync.MakeSnapshot) {
	stored := d.read()
	file, taken, _ := d.built(stored, e.Shown)
	heads := furthest(headsOf(stored, taken), stored.claims)
	session, envelope := sealSnapshot(d.world, d.keys, e.Parent, file, heads)
	id := sync.SessionID(session.Session())
	d.certs[id] = session.Bytes()
	d.world.tally.Snapshots++
	ref := d.hold(&bytesOf{session: id, bytes: envelope})
	d.step(sync.SnapshotSealed{Doc: d.doc, Ref: ref, Size: uint32(len(envelope)) * sizeFactor, Hash: sha256.Sum256(envelope), Session: id, Covers: heads})
}

// sealSnapshot makes the one envelope of a session of its own.
func sealSnapshot(w *World, keys *seal.Keys, parent sync.Hash, file *crdt.Doc, heads []sync.Head) (*seal.Certificate, []byte) {
	session, err := keys.NewSession(w.source)
	must(err)
	envelope, err := session.Seal(seal.Snapshot, seal.SnapshotPayload{Parent: seal.Hash(parent), Covers: depsOf(heads), Digest: file.Digest(), File: file.Save()}.Encode())
	must(err)
	return session.Certificate(), envelope
}

// pack seals own envelopes [From, To] as one.
func (d *hub) pack(e sync.Pack) {
	var run []stored
	for _, x := range d.read().runs[d.own] {
		if e.From <= x.first && x.seq <= e.To {
			run = append(run, x)
		}
	}
	if len(run) != int(e.To-e.From)+1 { // a checkpoint took some of it in
		d.step(sync.Packed{Conn: e.Conn, Doc: d.doc, Problem: sync.DeviceLost})
		return
	}
	var p seal.PackPayload
	for _, x := range run {
		plain, err := d.keys.Open(x.bytes)
		must(err)
		p.Contents = append(p.Contents, plain)
	}
	first, err := seal.ParseEnvelope(run[0].bytes)
	must(err)
	last, err := seal.ParseEnvelope(run[len(run)-1].bytes)
	must(err)
	envelope, err := d.session.SealPack(e.From, e.To, first.Prev, last.Hash(), p.Encode())
	must(err)
	d.world.tally.Packs++
	d.append(e.Conn, d.own, [][]byte{envelope}, (*wire.Covers)(nil), true)
}

var errDisk = fmt.Errorf("the disk refused")
