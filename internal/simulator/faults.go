package simulator

import (
	"slices"

	"github.com/freehold-dev/freehold/internal/sync"
)

// Fault is something that goes wrong.
type Fault int

const (
	Cut Fault = iota
	Crash
	Torn
	StoreFull
	StoreWiped
	BothWiped
	Backup
	RelayCrash
	RelayFull
	faultCount
)

var faultNames = [faultCount]string{
	Cut: "a connection breaks", Crash: "a device crashes", Torn: "… with what was not flushed lost or out of order", StoreFull: "a store takes nothing",
	StoreWiped: "one store of a device is wiped", BothWiped: "both are", Backup: "a device is restored from an old backup",
	RelayCrash: "the relay crashes", RelayFull: "the relay's disk takes nothing",
}

// fault has something happen to a device or its relay, if this story has it.
func (w *World) fault(d *Device) {
	f := Fault(w.rand.IntN(int(faultCount)))
	if !w.faults[f] {
		return
	}
	r := w.relays[w.rand.IntN(len(w.relays))]
	hit := func(format string, args ...any) {
		w.tally.Faults[f]++
		w.note(format, args...)
	}
	switch f {
	case Cut:
		if len(d.lines) == 0 {
			return
		}
		hit("%s is cut off", d.name)
		d.lines[w.rand.IntN(len(d.lines))].cut()
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
		d.disks = []*disk{newDisk(), newDisk()}
		w.promises.release(d)
		d.start()
	case Backup:
		if w.rand.IntN(2) == 0 {
			d.backup = []*disk{d.disks[0].clone(), d.disks[1].clone()}
			return
		}
		hit("%s is restored from a backup", d.name)
		d.disks = []*disk{d.backup[0].clone(), d.backup[1].clone()}
		w.promises.release(d)
		d.start()
		d.promiseAll()
	case RelayCrash:
		hit("%s crashes", r.name)
		r.crash()
	case RelayFull:
		r.full = !r.full
		if r.full {
			hit("the disk of %s is full", r.name)
		}
	case Torn:
	}
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

// peace ends every fault.
func (w *World) peace() {
	for _, r := range w.relays {
		r.full, r.down = false, false
		r.commit(false)
	}
	clear(w.parted)
	for _, d := range w.devices {
		for _, disk := range d.disks {
			disk.full = false
		}
		for _, l := range slices.Clone(d.lines) {
			l.cut()
		}
		d.step(sync.Pause{})
		d.step(sync.Online{})
	}
}
