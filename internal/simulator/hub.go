package simulator

import (
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

// hub is what a device has for one relay: a machine and what that holds (js/src/vault/hub.ts). The first one's serves the page. What
// the others do, another tab would do: each says what it made durable, took and learnt, and hears the same of the others.
type hub struct {
	*Device
	place   int
	machine *sync.Machine
	doc     sync.Doc
	refs    map[sync.Ref]*bytesOf
	lastRef sync.Ref
	certs   map[sync.SessionID][]byte
	kept    map[sync.SessionID]bool // certificates that a disk has
	lines   []*line
	greeted *line // the one on which the relay welcomed it
	asked   map[uint64]request
	lastAsk uint64
	timer   int64
	status  sync.Status
	told    []func()       // what the other hubs said, in its order
	word    *wire.Presence // the page's newest, of another hub: the relay gets it when it comes back
}

// request is what was asked of a relay: an answer names it by its number.
type request struct {
	session sync.SessionID
	isPack  bool
}

// bytesOf is what stands behind a ref.
type bytesOf struct {
	session  sync.SessionID
	seq      uint32
	bytes    []byte
	cert     []byte
	update   []byte
	note     string
	to       uint32
	snapshot *seal.SnapshotPayload
	unread   error // why a snapshot that verifies has none
}

func newHub(d *Device, place int) *hub {
	return &hub{
		Device: d, place: place, doc: sync.Doc(d.lives), machine: sync.New(d.world.rand.Uint64()), refs: map[sync.Ref]*bytesOf{},
		certs: map[sync.SessionID][]byte{}, kept: map[sync.SessionID]bool{}, asked: map[uint64]request{},
	}
}

// isPage reports whether the page's edits go through it.
func (d *hub) isPage() bool { return d.place == 0 }

func (d *hub) step(ev sync.Event) {
	for _, e := range slices.Clone(d.machine.Step(d.now(), ev)) {
		d.run(e)
	}
}

// start opens the document with what the disks have.
func (d *hub) start(stored held, ready, waiting []content) {
	for s, cert := range stored.certs {
		d.certs[s], d.kept[s] = cert, true
	}
	d.step(sync.Relays{Count: 1})
	d.step(sync.Lead{Yes: true})
	size := 0
	for _, s := range stored.snapshots {
		size += len(s.file)
	}
	open := sync.DocOpen{Doc: d.doc, Writable: d.writable(), Keyed: true, Content: true, Snapshot: uint32(size) * sizeFactor, Marks: cloneMarks(stored.marks)}
	if d.isPage() && d.session != nil {
		cert := d.session.Certificate()
		d.certs[d.own] = cert.Bytes()
		open.Own, open.Prev = d.own, sync.Hash(cert.Hash())
	}
	for i := range open.Marks {
		if m := &open.Marks[i]; int(m.Relay) == d.place {
			m.Relay = 0 // in its list of one
		} else {
			m.Relay = noRelay
		}
	}
	covered := nextOf(stored.covers)
	for _, h := range headsOf(stored, ready) {
		s := sync.Stored{Head: h, First: h.Seq + 1}
		next, hole := covered[h.Session], uint32(1<<32-1)
		for _, e := range stored.runs[h.Session] {
			if e.seq > h.Seq {
				break
			}
			if next == covered[h.Session] || e.first > next {
				s.First, s.Tail = e.first, 0
			}
			if e.first > next {
				hole = min(hole, next)
			}
			next = e.seq + 1
			s.Tail += uint32(len(e.bytes)) * sizeFactor
		}
		s.Hole = s.First - min(s.First, hole)
		open.Heads = append(open.Heads, s)
	}
	open.Claims = stored.claims
	open.Frozen = stored.frozen()
	d.step(open)
	for _, s := range open.Frozen {
		if len(stored.proofs[s]) > 0 {
			d.step(sync.Proven{Doc: d.doc, Session: s})
		}
	}
	d.share(waiting, false, true)
	if !d.isPage() {
		return
	}
	for _, s := range stored.forked { // a crash came before the proof
		d.later(func() { d.prove(s, nil) })
	}
	if len(d.hubs) == 1 {
		return
	}
	elsewhere := sync.RelayHas{Doc: d.doc, Other: true}
	for _, m := range stored.marks {
		if int(m.Relay) != d.place {
			elsewhere.Known = append(elsewhere.Known, m.Known...)
		}
	}
	d.step(elsewhere)
}

// noRelay is the place of a relay that a hub does not talk to.
const noRelay = 1 << 20

func (d *hub) hold(b *bytesOf) sync.Ref {
	d.lastRef++
	d.refs[d.lastRef] = b
	return d.lastRef
}

func (d *hub) ref(r sync.Ref) *bytesOf {
	b := d.refs[r]
	if b == nil {
		d.fail(Broken, "ref %d is not held", r)
	}
	return b
}

// tell says something to the other hubs of this device.
func (d *hub) tell(said func(*hub)) {
	for _, other := range d.hubs {
		if other != d {
			other.told = append(other.told, func() { said(other) })
		}
	}
}

// spread tells what this hub made durable: own envelopes, or those of its relay.
func (d *hub) spread(refs []sync.Ref, live bool) {
	if len(d.hubs) == 1 {
		return
	}
	certs := map[sync.SessionID][]byte{}
	var all []content
	for _, r := range refs {
		b := d.ref(r)
		all = append(all, d.opened(b.bytes)...)
		certs[b.session] = d.certs[b.session]
	}
	d.tell(func(other *hub) {
		for s, cert := range certs {
			other.certs[s], other.kept[s] = cert, true
		}
		other.share(all, live, false)
	})
}

// share takes what is durable here and came by another way than this hub's relay; covers are of the device's snapshot.
func (d *hub) share(contents []content, live, whole bool, covers ...sync.Head) {
	e := sync.Shared{Doc: d.doc, Live: live, Whole: whole, Covers: covers}
	for _, c := range contents {
		ref := sync.Ref(0)
		if len(c.update) > 0 {
			ref = d.hold(&bytesOf{session: c.Session, seq: c.Seq, update: c.update})
		}
		e.Entries = append(e.Entries, sync.SharedEntry{Ref: ref, Size: uint32(c.size) * sizeFactor, Head: c.Head, Prev: c.prev, Deps: c.deps, More: goesOn(c.update)})
	}
	d.step(e)
}

// reread gives what the disks have beyond what the machine knows. What is written after they were read comes by another way.
func (d *hub) reread(e sync.Reread) {
	next := map[sync.SessionID]uint32{}
	for _, k := range e.Heads {
		next[k.Session] = k.Seq + 1
	}
	stored := d.read()
	ready, waiting := d.tail(stored)
	for s, cert := range stored.certs {
		d.certs[s], d.kept[s] = cert, true
	}
	covers := slices.DeleteFunc(slices.Clone(stored.covers), func(h sync.Head) bool { return h.Seq < next[h.Session] })
	beyond := slices.DeleteFunc(slices.Concat(ready, waiting), func(c content) bool { return c.Seq < next[c.Session] })
	d.later(func() {
		if len(covers) > 0 && d.isPage() {
			_, err := d.page.Merge(d.file(stored).Save())
			d.world.merged(d.Device, err)
		}
		d.share(beyond, false, true, covers...)
	})
}

// merged tells the page and the other hubs of a snapshot that is part of the device's copy now.
func (d *hub) merged(file []byte, claims []sync.Head) {
	show := func() {
		_, err := d.page.Merge(file)
		d.world.merged(d.Device, err)
	}
	if d.isPage() {
		show()
	}
	d.tell(func(other *hub) {
		if other.isPage() {
			show()
		}
		other.step(sync.SharedSnapshot{Doc: other.doc, Claims: claims})
	})
}

func (d *hub) run(effect sync.Effect) {
	switch effect.(type) {
	case sync.Ping, sync.Timer, sync.Credit, sync.SealPresence, sync.ShowPresence, sync.Drop: // a word that came by both relays is dropped once
	case sync.Connect: // a relay that died is tried for ever
	default:
		d.doings++
	}
	switch e := effect.(type) {
	case sync.Connect:
		r := d.world.relays[d.place].facing(d.Device)
		if d.world.parted[d.Device] {
			return // it gives up by itself
		}
		if r.dead {
			d.later(func() { d.step(sync.SocketClosed{Conn: e.Conn}) })
			return
		}
		d.doings++
		d.connect(e.Conn, r)
	case sync.Disconnect:
		if l := d.line(e.Conn); l != nil {
			l.hangUp()
		}
	case sync.Timer:
		d.timer = e.At
	case sync.Ping:
		d.put(e.Conn, &wire.Ping{})
	case sync.Hello:
		d.hello(e)
	case sync.Credit:
		if l := d.line(e.Conn); l != nil {
			l.took(int(e.Size) / sizeFactor)
		}
	case sync.Leave:
		d.put(e.Conn, &wire.Unsubscribe{Doc: d.world.cast.doc})
	case sync.Seal:
		d.later(func() { d.seal(e) })
	case sync.SealAttest:
		d.later(func() { d.sealAttest(e) })
	case sync.Store:
		d.later(func() { d.store(e) })
	case sync.Durable:
		d.world.durable(d.Device, d.ref(e.Ref))
		d.spread([]sync.Ref{e.Ref}, true)
		delete(d.refs, e.Ref)
	case sync.Open:
		d.later(func() { d.open(e) })
	case sync.Show:
		for _, r := range e.Refs {
			b := d.ref(r)
			if d.isPage() {
				d.apply(content{Head: sync.Head{Session: b.session, Seq: b.seq}, update: b.update})
			}
			delete(d.refs, r)
		}
	case sync.Drop:
		for _, r := range e.Refs {
			d.ref(r)
			delete(d.refs, r)
		}
	case sync.Compare:
		d.compare(e)
	case sync.KeepForked:
		d.keepForked(e.Session)
	case sync.Check:
		d.later(func() { d.check(e) })
	case sync.Merge:
		d.locked(func(unlock func()) { d.merge(e, unlock) })
	case sync.MakeSnapshot:
		d.later(func() { d.makeSnapshot(e) })
	case sync.Upload:
		b := d.ref(e.Ref)
		d.append(e.Conn, b.session, [][]byte{b.bytes}, &wire.Covers{Store: wire.StoreID(e.Store), UpTo: wire.Cursor(e.Covers)}, false)
	case sync.Append:
		d.appendRun(e)
	case sync.Pack:
		d.later(func() { d.pack(e) })
	case sync.Checkpoint:
		d.locked(func(unlock func()) { d.checkpoint(e, unlock) })
	case sync.MarkChanged:
		mark := e.Mark
		mark.Relay = uint32(d.place)
		for _, disk := range d.disks {
			if !disk.behind && !disk.full {
				disk.marks = slices.DeleteFunc(disk.marks, func(m sync.Mark) bool { return m.Store == mark.Store })
				disk.marks = slices.Insert(disk.marks, 0, mark)
			}
		}
	case sync.StatusChanged:
		d.status = e.Status
	case sync.Spread:
		d.spread(e.Refs, false)
	case sync.Reread:
		d.later(func() { d.reread(e) })
	case sync.Learnt:
		if e.Reset {
			d.world.noticed(d.Device, "a relay that lost something")
		}
		d.tell(func(other *hub) {
			other.step(sync.RelayHas{Doc: other.doc, Other: true, Reset: e.Reset, Known: e.Known, Waived: e.Waived})
		})
	case sync.CheckGenesis, sync.NotDurable:
	case sync.SealPresence:
		d.later(func() { d.sayPresence(e) })
	case sync.ShowPresence:
		delete(d.refs, e.Ref)
	default:
		d.fail(Broken, "effect %T", effect)
	}
}
