package simulator

import (
	"strings"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
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
	given  map[string]bool // envelopes that a relay gave it since it has these disks
	life
}

// life is what is in memory.
type life struct {
	page     *crdt.Doc
	session  *seal.Session
	own      sync.SessionID
	hubs     []*hub                    // one for each relay
	pending  []func()                  // what takes time, and ends in any order
	base     int64                     // its clock began then
	skipped  int64                     // milliseconds that its clock was ahead of itself, after a long sleep
	doings   int                       // effects that were more than a sign of life
	isLocked bool                      // a snapshot is being made
	unkept   map[sync.SessionID][]byte // proofs, and that sessions forked, which no disk took
}

func newDevice(w *World, name string, rights seal.Rights) *Device {
	d := &Device{world: w, name: name, rights: rights, keys: w.cast.keys[rights], disks: []*disk{newDisk(), newDisk()}, given: map[string]bool{}}
	d.backup = []*disk{newDisk(), newDisk()}
	d.start()
	return d
}

// replace gives it other disks: what it had and was given is no concern any more.
func (d *Device) replace(disks ...*disk) {
	d.disks, d.given = disks, map[string]bool{}
	d.world.promises.release(d)
	d.start()
}

func (d *Device) writable() bool { return d.rights >= seal.Write }

func (d *Device) now() int64 { return d.world.now - d.base + d.skipped }

func (d *Device) later(f func()) { d.pending = append(d.pending, f) }

// lines are its connections.
func (d *Device) lines() (all []*line) {
	for _, h := range d.hubs {
		all = append(all, h.lines...)
	}
	return all
}

// tellAll gives an event to every machine.
func (d *Device) tellAll(ev sync.Event) {
	for _, h := range d.hubs {
		h.step(ev)
	}
}

// status is what the person is told (js/src/vault/document.ts: status).
func (d *Device) status() sync.Status {
	if len(d.hubs) == 0 { // its life has just begun
		return sync.Status{}
	}
	s := d.hubs[0].status
	for _, h := range d.hubs[1:] {
		s.State = max(s.State, h.status.State)
		if s.Problem == sync.NoProblem && h.status.State == sync.RelayLive { // what a relay gave that is gone is no concern any more
			s.Problem = h.status.Problem
		}
	}
	return s
}

// start begins a life with what the disks have.
func (d *Device) start() {
	for _, l := range d.lines() {
		l.hangUp()
	}
	d.lives++
	d.life = life{base: d.world.now - int64(d.world.rand.IntN(1_000_000)), unkept: map[sync.SessionID][]byte{}}
	repair(d.disks)
	stored := d.read()
	d.page = d.file(stored)
	ready, waiting := d.tail(stored)
	for _, c := range ready {
		d.apply(c)
	}
	if d.writable() {
		var err error
		d.session, err = d.keys.NewSession(d.world.source)
		must(err)
		d.own = sync.SessionID(d.session.Certificate().Session())
		must(d.page.Begin(crdt.SessionID(d.own)))
	}
	for place := range d.world.relays {
		d.hubs = append(d.hubs, newHub(d, place))
	}
	for _, h := range d.hubs {
		h.start(stored, ready, waiting)
	}
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
	h := d.hubs[0]
	for {
		update, n := d.page.Update()
		if n == 0 {
			return
		}
		to := uint32(d.page.Size().Next) - uint32(d.page.Size().Undrained)
		ref := h.hold(&bytesOf{session: d.own, update: update, to: to})
		h.step(sync.Local{Doc: h.doc, Ref: ref, To: to, More: goesOn(update)})
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
