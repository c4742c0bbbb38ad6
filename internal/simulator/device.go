package simulator

import (
	"slices"
	"strings"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

// sizeFactor is how much larger sizes are said to be than they are.
const sizeFactor = 16

// Device is one device of one person. Its disks outlive a crash, its life does not.
type Device struct {
	world  *World
	name   string
	rights seal.Rights
	keys   *seal.Keys
	disks  []*disk
	backup []*disk // as they were some time ago
	lives  int
	life
}

// life is what is in memory.
type life struct {
	machine  *sync.Machine
	page     *crdt.Doc
	session  *seal.Session
	own      sync.SessionID
	doc      sync.Doc
	refs     map[sync.Ref]*bytesOf
	lastRef  sync.Ref
	certs    map[sync.SessionID][]byte
	kept     map[sync.SessionID]bool // certificates that a disk has
	pending  []func()                // what takes time, and ends in any order
	lines    []*line
	asked    map[uint64]request
	lastAsk  uint64
	timer    int64
	base     int64 // its clock began then
	skipped  int64 // milliseconds that its clock was ahead of itself, after a long sleep
	status   sync.Status
	doings   int  // effects that were more than a sign of life
	isLocked bool // a snapshot is being made
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
}

func newDevice(w *World, name string, rights seal.Rights) *Device {
	d := &Device{world: w, name: name, rights: rights, keys: w.cast.keys[rights], disks: []*disk{newDisk(), newDisk()}}
	d.backup = []*disk{newDisk(), newDisk()}
	d.start()
	return d
}

func (d *Device) writable() bool { return d.rights >= seal.Write }

func (d *Device) now() int64 { return d.world.now - d.base + d.skipped }

func (d *Device) step(ev sync.Event) {
	for _, e := range slices.Clone(d.machine.Step(d.now(), ev)) {
		d.run(e)
	}
}

func (d *Device) later(f func()) { d.pending = append(d.pending, f) }

// start begins a life with what the disks have.
func (d *Device) start() {
	for _, l := range slices.Clone(d.lines) {
		l.hangUp()
	}
	d.lives++
	d.life = life{
		machine: sync.New(d.world.rand.Uint64()), doc: d.doc + 1, lastRef: d.lastRef, refs: map[sync.Ref]*bytesOf{}, certs: map[sync.SessionID][]byte{},
		kept: map[sync.SessionID]bool{}, asked: map[uint64]request{}, base: d.world.now - int64(d.world.rand.IntN(1_000_000)),
	}
	repair(d.disks)
	stored := d.read()
	d.page = d.file(stored)
	ready, waiting := d.tail(stored)
	for _, c := range ready {
		d.apply(c)
	}
	for s, cert := range stored.certs {
		d.certs[s], d.kept[s] = cert, true
	}
	if d.writable() {
		var err error
		d.session, err = d.keys.NewSession(d.world.source)
		must(err)
		cert := d.session.Certificate()
		d.own = sync.SessionID(cert.Session())
		d.certs[d.own] = cert.Bytes()
		must(d.page.Begin(crdt.SessionID(d.own)))
	}
	d.step(sync.Relays{Count: uint32(len(d.world.relays))})
	d.step(sync.Lead{Yes: true})
	size := 0
	for _, s := range stored.snapshots {
		size += len(s.file)
	}
	open := sync.DocOpen{Doc: d.doc, Writable: d.writable(), Keyed: true, Content: true, Own: d.own, Snapshot: uint32(size) * sizeFactor, Marks: cloneMarks(stored.marks)}
	if d.session != nil {
		open.Prev = sync.Hash(d.session.Certificate().Hash())
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
	rest := sync.Shared{Doc: d.doc, Whole: true}
	for _, c := range waiting {
		ref := sync.Ref(0)
		if len(c.update) > 0 {
			ref = d.hold(&bytesOf{session: c.Session, seq: c.Seq, update: c.update})
		}
		rest.Entries = append(rest.Entries, sync.SharedEntry{Ref: ref, Size: uint32(c.size) * sizeFactor, Head: c.Head, Deps: c.deps, More: goesOn(c.update)})
	}
	d.step(rest)
}

func (d *Device) hold(b *bytesOf) sync.Ref {
	d.lastRef++
	d.refs[d.lastRef] = b
	return d.lastRef
}

func (d *Device) ref(r sync.Ref) *bytesOf {
	b := d.refs[r]
	if b == nil {
		d.fail(Broken, "ref %d is not held", r)
	}
	return b
}

// goesOn reports whether an update's change goes on in the session's next.
func goesOn(update []byte) bool { return len(update) > 0 && update[0]&0x80 != 0 }

// edit lets the person do something.
func (d *Device) edit() {
	if !d.writable() {
		return
	}
	must(d.page.Edit(d.world.someEdit))
	d.world.tally.Edits++
	d.drain()
}

// paste is a change so large that it leaves in parts.
func (d *Device) paste() {
	if !d.writable() {
		return
	}
	must(d.page.Edit(func(tx *crdt.Tx) error {
		tx.Root().Text("body").Append(strings.Repeat("x", crdt.MaxUpdateOps+100))
		return tx.Err()
	}))
	d.world.tally.Pastes++
	d.drain()
}

// drain hands what the page has new to the vault, an update at a time.
func (d *Device) drain() {
	for {
		update, n := d.page.Update()
		if n == 0 {
			return
		}
		to := uint32(d.page.Size().Next) - uint32(d.page.Size().Undrained)
		ref := d.hold(&bytesOf{session: d.own, update: update, to: to})
		d.step(sync.Local{Doc: d.doc, Ref: ref, To: to, More: goesOn(update)})
	}
}

// apply gives the page an update.
func (d *Device) apply(c content) {
	if len(c.update) == 0 {
		return
	}
	_, _, err := d.page.Apply(crdt.SessionID(c.Session), c.update)
	d.world.applied(d, c, err)
}

func (d *Device) run(effect sync.Effect) {
	switch effect.(type) {
	case sync.Ping, sync.Timer, sync.SealPresence, sync.ShowPresence, sync.Checkpoint: // the last is tried for ever where something newer is stored
	default:
		d.doings++
	}
	switch e := effect.(type) {
	case sync.Connect:
		r := d.world.relays[e.Relay].facing(d)
		if d.world.parted[d] {
			return // it gives up by itself
		}
		if r.down {
			d.later(func() { d.step(sync.SocketClosed{Conn: e.Conn}) })
			return
		}
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
	case sync.Leave:
		d.put(e.Conn, &wire.Unsubscribe{Doc: d.world.cast.doc})
	case sync.Seal:
		d.later(func() { d.seal(e) })
	case sync.SealAttest:
		d.later(func() { d.sealAttest(e) })
	case sync.Store:
		d.later(func() { d.store(e) })
	case sync.Durable:
		d.world.durable(d, d.ref(e.Ref))
		delete(d.refs, e.Ref)
	case sync.Open:
		d.later(func() { d.open(e) })
	case sync.Show:
		for _, r := range e.Refs {
			b := d.ref(r)
			d.apply(content{Head: sync.Head{Session: b.session, Seq: b.seq}, update: b.update})
			delete(d.refs, r)
		}
	case sync.Drop:
		for _, r := range e.Refs {
			d.ref(r)
			delete(d.refs, r)
		}
	case sync.Compare:
		d.compare(e)
	case sync.Check:
		d.later(func() { d.check(e) })
	case sync.Merge:
		d.locked(func(unlock func()) { d.merge(e, unlock) })
	case sync.MakeSnapshot:
		d.later(func() { d.makeSnapshot(e.Parent) })
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
		for _, disk := range d.disks {
			if !disk.behind && !disk.full {
				disk.marks = slices.DeleteFunc(disk.marks, func(m sync.Mark) bool { return m.Store == e.Mark.Store })
				disk.marks = slices.Insert(disk.marks, 0, e.Mark)
			}
		}
	case sync.StatusChanged:
		d.status = e.Status
	case sync.CheckGenesis, sync.NotDurable, sync.Spread, sync.Reread:
	case sync.Learnt:
		if e.Reset {
			d.world.noticed(d, "a relay that lost something")
		}
	case sync.SealPresence:
		d.later(func() { d.sayPresence(e) })
	case sync.ShowPresence:
		delete(d.refs, e.Ref)
	default:
		d.fail(Broken, "effect %T", effect)
	}
}
