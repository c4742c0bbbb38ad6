package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
)

// place names an envelope.
type place struct {
	session sync.SessionID
	seq     uint32
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
		if w.promises[at] == nil {
			w.promises[at] = map[any]bool{}
		}
		w.promises[at][holder] = true
	}
}

func (w *World) releaseRelay(r *Relay) { w.promises.release(r) }

// durable is a device's word that an own edit is safe on it.
func (w *World) durable(d *Device, b *bytesOf) {
	if !w.promises[place{b.session, b.seq}][d] {
		d.fail("S2: envelope %d is called durable and is not", b.seq)
	}
}

// applied looks at what became of an update that was shown.
func (w *World) applied(d *Device, c content, err error) {
	switch {
	case err == nil:
	case errors.Is(err, crdt.ErrMissing) && goesOn(c.update): // the rest of its change comes behind it
	default:
		d.fail("S8: update %d of %x was shown and does not apply: %v", c.Seq, c.Session[:4], err)
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
	w.settle(120)
	w.judgeViews("while it goes on")
	w.note("the relay is honest")
	for _, r := range w.relays {
		r.honest()
	}
	w.settle(300)
	if !w.judgeViews("when it is over") {
		return
	}
	w.note("the relay gets a new disk")
	for _, r := range w.relays {
		w.promises.release(r)
		r.empty()
	}
}

// judgeViews counts a lie by what it does and whether somebody says so. It reports whether some device lacks something.
func (w *World) judgeViews(when string) bool {
	differ, known := false, false
	for _, d := range w.devices {
		_, lacks := w.lacks(d)
		differ = differ || lacks || !bytes.Equal(d.page.HeadsBytes(), w.devices[0].page.HeadsBytes())
		known = known || d.status.Problem != sync.NoProblem || d.status.Content != sync.ContentComplete
	}
	c := &w.tally.Lies[w.lie]
	if when == "while it goes on" {
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
		w.note("nobody knows %s: %s", when, lieNames[w.lie])
	}
	return differ
}

// judge compares what everybody has in the end.
func (w *World) judge() {
	want := w.devices[0].page.Digest()
	for _, d := range w.devices {
		if d.page.Digest() != want {
			panic(fmt.Sprintf("%s and %s have different documents", w.devices[0].name, d.name))
		}
		d.judgeStatus()
		if n := len(d.refs); n > 0 && !d.waits() {
			d.fail("still holds %d refs", n)
		}
		if at, lacks := w.lacks(d); lacks {
			d.fail("lacks envelope %d of %x, which was durable somewhere", at.seq, at.session[:4])
		}
	}
}

// judgeStatus: in peace everybody has everything and says so.
func (d *Device) judgeStatus() {
	s := d.status
	if s.Content == sync.ContentPartial && (s.Problem == sync.Incomplete || s.Problem == sync.Forged) && d.lacksTheLost() {
		d.world.tally.Orphans++
		s.Content, s.Problem = sync.ContentComplete, sync.NoProblem
	}
	if s.Content != sync.ContentComplete || s.State != sync.RelayLive || !d.world.mayStay(s.Problem) || d.writable() && s.Unsent != 0 {
		d.fail("ends as %+v", d.status)
	}
}

// mayStay reports whether a problem may be told for good. A relay that lies makes an honest device believe that its snapshot has more of
// the log than it has.
func (w *World) mayStay(p sync.Problem) bool {
	return p == sync.NoProblem || p == sync.BadSnapshot && w.lie != NoLie
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

// lacks reports whether a device is without something that somebody is bound to have, and gives it.
func (w *World) lacks(d *Device) (place, bool) {
	stored := d.read()
	ready, waiting := d.tail(stored)
	next := nextOf(headsOf(stored, ready))
	for at, holders := range w.promises {
		if len(holders) == 0 || next[at.session] > at.seq {
			continue
		}
		if slices.ContainsFunc(waiting, func(c content) bool { return c.Session == at.session && c.Seq <= at.seq }) {
			continue // a part of a change whose end nobody has
		}
		return at, true
	}
	return place{}, false
}
