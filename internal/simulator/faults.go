package simulator

import (
	"slices"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

// Fault is something that goes wrong.
type Fault int

const (
	Cut Fault = iota
	Drop
	Delay
	Duplicate
	Reorder
	Partition
	Crash
	Torn
	StoreFull
	StoreWiped
	BothWiped
	Backup
	RelayCrash
	RelayFull
	RelayBusy
	RelayEmptied
	RelaySwapped
	RelayDies
	RelayClock
	Days
	DeviceClock
	Flip
	Foreign
	faultCount
)

var faultNames = [faultCount]string{
	Cut: "a connection breaks", Drop: "a frame is lost", Delay: "nothing moves for a while", Duplicate: "a frame comes twice",
	Reorder: "frames, or what is in one, come in another order", Partition: "a device is cut off from every relay", Crash: "a device crashes", Torn: "… with what was not flushed lost or out of order", StoreFull: "a store takes nothing",
	StoreWiped: "one store of a device is wiped", BothWiped: "both are", Backup: "a device is restored from an old backup",
	RelayCrash: "the relay crashes", RelayFull: "the relay's disk takes nothing", RelayBusy: "the relay has no time for some appends", RelayEmptied: "the relay loses its disk",
	RelaySwapped: "the relay gets the disk of another one, with a part of the document", RelayDies: "one of two relays dies for good", RelayClock: "the relay's clock jumps, up to ten years either way", Days: "days pass, 10 to 40",
	DeviceClock: "a device wakes up ten years later", Flip: "a byte of an envelope is changed on its way", Foreign: "an envelope of another document comes",
}

// fault has something happen to a device or its relay, if this story has it.
func (w *World) fault(d *Device) {
	if len(w.faults) == 0 {
		return
	}
	f := w.faults[w.rand.IntN(len(w.faults))]
	relays := w.alive()
	r := relays[w.rand.IntN(len(relays))]
	hit := func(format string, args ...any) {
		w.tally.Faults[f]++
		w.note(format, args...)
	}
	switch f {
	case Cut:
		lines := d.lines()
		if len(lines) == 0 {
			return
		}
		hit("%s is cut off", d.name)
		lines[w.rand.IntN(len(lines))].cut()
	case Drop, Duplicate, Reorder, Flip, Foreign:
		w.interfere(f, d)
	case Delay:
		hit("%s has to wait", d.name)
		w.parted[d] = true
		w.until = append(w.until, ending{w.now + int64(w.rand.IntN(5_000)), d})
	case Partition:
		hit("%s is cut off from every relay", d.name)
		w.parted[d] = true
		w.until = append(w.until, ending{w.now + int64(w.rand.IntN(60_000)), d})
	case Crash:
		hit("%s crashes", d.name)
		d.crash()
	case StoreFull:
		disk := d.disks[w.rand.IntN(2)]
		disk.full = !disk.full
		if disk.full {
			hit("a store of %s is full", d.name)
		}
	case StoreWiped:
		// The other one may lack what only this one took: then it is as with both.
		i := w.rand.IntN(2)
		if d.disks[1-i].behind || d.disks[1-i].full {
			return
		}
		hit("store %d of %s is wiped", i, d.name)
		d.disks[i] = newDisk()
		d.crash()
	case BothWiped:
		if w.rand.IntN(4) > 0 {
			return
		}
		hit("%s is wiped", d.name)
		d.replace(newDisk(), newDisk())
	case Backup:
		if w.rand.IntN(2) == 0 {
			d.backup = []*disk{d.disks[0].clone(), d.disks[1].clone()}
			return
		}
		hit("%s is restored from a backup", d.name)
		d.replace(d.backup[0].clone(), d.backup[1].clone())
		d.promiseAll()
	case RelayCrash:
		hit("%s crashes", r.name)
		r.crash()
	case RelayFull:
		r.full = !r.full
		if r.full {
			hit("the disk of %s is full", r.name)
		}
	case RelayBusy:
		r.busy = !r.busy
		if r.busy {
			hit("%s has little time", r.name)
		}
	case RelayEmptied:
		if w.rand.IntN(3) == 0 {
			hit("%s is emptied", r.name)
			w.promises.release(r)
			r.empty()
		}
	case RelaySwapped:
		if w.rand.IntN(3) == 0 {
			hit("%s has another disk", r.name)
			r.swap()
		}
	case RelayDies:
		if len(relays) < 2 || w.lie != NoLie && r == w.liar || w.rand.IntN(4) > 0 {
			return
		}
		hit("%s dies", r.name)
		w.promises.release(r)
		r.die()
	case RelayClock:
		r.skew = time.Duration(w.rand.Int64N(2*int64(tenYears))) - tenYears
		hit("the clock of %s is off by %d days", r.name, r.skew/(24*time.Hour))
		r.sweep()
	case Days:
		days := 10 + w.rand.IntN(31)
		hit("%s runs for %d days", r.name, days)
		// The first minutes stand for the first day, in which whoever is there does what there is to do.
		for seconds := 120; days > 0; days, seconds = days-1, 2 {
			w.pass(seconds)
			r.age()
		}
	case DeviceClock:
		d.skipped += tenYears.Milliseconds()
		hit("%s wakes up later", d.name)
		d.tellAll(sync.Wake{})
	case Torn:
	}
}

// alive are the relays that did not die.
func (w *World) alive() (relays []*Relay) {
	for _, r := range w.relays {
		if !r.dead {
			relays = append(relays, r)
		}
	}
	return relays
}

// crash ends a life without a word.
func (d *Device) crash() {
	for _, disk := range d.disks {
		torn, overtaken := disk.crash(d.world.rand)
		if torn > 0 {
			d.world.tally.Faults[Torn]++
		}
		d.world.tally.Overtaken += overtaken
	}
	d.start()
}

// promiseAll notes what the disks have.
func (d *Device) promiseAll() {
	stored := d.read()
	for _, s := range stored.sessions {
		for _, e := range stored.runs[s] {
			d.world.promised(d, e.bytes)
		}
	}
}

const tenYears = 10 * 365 * 24 * time.Hour

// ending is when a device is no longer cut off.
type ending struct {
	at     int64
	device *Device
}

// reunite ends partitions whose time is over.
func (w *World) reunite() {
	w.until = slices.DeleteFunc(w.until, func(e ending) bool {
		over := w.now >= e.at
		if over {
			delete(w.parted, e.device)
		}
		return over
	})
}

// interfere does something to a frame on its way. A batch that is lost or overtaken is no fault of a network, which has streams,
// but a lie of a relay.
func (w *World) interfere(f Fault, d *Device) {
	lines := d.lines()
	if len(lines) == 0 {
		return
	}
	l := lines[w.rand.IntN(len(lines))]
	queue := &l.down
	if w.rand.IntN(2) == 0 && f != Flip && f != Foreign {
		queue = &l.up
	}
	if len(*queue) == 0 {
		return
	}
	i := w.rand.IntN(len(*queue))
	frame, err := wire.Decode((*queue)[i])
	must(err)
	if _, isCredit := frame.(*wire.Credit); isCredit {
		return
	}
	batch, isBatch := frame.(*wire.Batch)
	switch {
	case f == Drop && !isBatch:
		*queue = slices.Delete(*queue, i, i+1)
	case f == Duplicate:
		*queue = slices.Insert(*queue, i, (*queue)[i])
	case f == Reorder && isBatch && len(batch.Entries) > 1:
		w.rand.Shuffle(len(batch.Entries), func(i, j int) { batch.Entries[i], batch.Entries[j] = batch.Entries[j], batch.Entries[i] })
		(*queue)[i] = encode(batch)
	case f == Reorder && i > 0 && !isBatch:
		(*queue)[i-1], (*queue)[i] = (*queue)[i], (*queue)[i-1]
	case f == Flip && isBatch && len(batch.Entries) > 0:
		e := &batch.Entries[w.rand.IntN(len(batch.Entries))]
		e.Envelope[w.rand.IntN(len(e.Envelope))] ^= 1 << w.rand.IntN(8)
		(*queue)[i] = encode(batch)
	case f == Foreign && isBatch && batch.UpTo > 0: // no envelope is at cursor 0
		batch.Entries = append(batch.Entries, w.foreign(max(batch.UpTo, 1)))
		(*queue)[i] = encode(batch)
	default:
		return
	}
	w.tally.Faults[f]++
	w.note("%s: %s", d.name, faultNames[f])
}

// foreign is an envelope of another document, whose session may be one of this.
func (w *World) foreign(at wire.Cursor) wire.Entry {
	s, err := w.cast.other.NewSession(w.source)
	must(err)
	b, err := s.Seal(seal.Update, seal.UpdatePayload{Update: []byte{0}}.Encode())
	must(err)
	return wire.Entry{Cursor: at, Envelope: b, Cert: s.Certificate().Bytes()}
}

// swap gives the relay another disk that has a part of the document: a prefix of its log, or one envelope out of the middle of a session.
func (r *Relay) swap() {
	w, written := r.world, r.written
	entries, _, err := r.log.Read(w.cast.doc, 0, 1<<30)
	must(err)
	w.promises.release(r)
	r.empty()
	if len(written) == 0 {
		return
	}
	r.write(written[:1]) // the genesis
	if w.rand.IntN(2) == 0 {
		part := written[1:]
		r.write(part[:w.rand.IntN(len(part)+1)])
		return
	}
	certs := map[seal.SessionID][]byte{}
	var middle []seal.Envelope
	for _, e := range entries {
		p, err := seal.ParseEnvelope(e.Envelope)
		must(err)
		if e.Cert != nil {
			certs[p.Session] = e.Cert
		}
		if p.Seq > 0 && p.Kind == seal.Update {
			middle = append(middle, p)
		}
	}
	if len(middle) == 0 {
		return
	}
	one := middle[w.rand.IntN(len(middle))]
	taken, refusal := r.enter().Append(r, r.now(), &wire.Append{Doc: w.cast.doc, Cert: certs[one.Session], Envelopes: [][]byte{one.Bytes()}})
	if refusal != nil {
		panic(refusal)
	}
	r.decide(decision{write: taken.Write})
	r.commit(false)
}

// peace ends every fault.
func (w *World) peace() {
	w.note("peace")
	for _, r := range w.relays {
		r.full, r.busy = false, false
		r.commit(false)
		if twin := r.lie.twin; twin != nil {
			twin.commit(false)
		}
	}
	clear(w.parted)
	w.until = nil
	for _, d := range w.devices {
		for _, disk := range d.disks {
			disk.full = false
		}
		for _, l := range d.lines() {
			l.cut()
		}
		d.tellAll(sync.Pause{})
		d.tellAll(sync.Online{})
	}
}
