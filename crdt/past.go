package crdt

import (
	"cmp"
	"slices"
)

// past is what a file holds of its operations besides those that still count. It stays encoded until somebody needs
// one of them: a concurrent edit that has to be walked from there, a merge, a look at the history. Opening, typing and
// following what others do need none.
//
// So the log may have gaps below from. Those below cut are for good: SaveShallow left the operations there out.
type past struct {
	cut  LV
	from LV // operations from cut up to here are in the segments; cut when there are none left to be taken apart

	// Once walked, merging an operation that follows all below floor looks at nothing below floor, which is in the log.
	walked bool
	floor  LV

	segments []byte // columns, as in the file
	count    int    // of segments
	content  []byte // what they inserted, see putContent
	texts    []byte // the texts of the file, one behind the other
	units    uint32 // of content
	values   valueRange

	// last is each session's last operation on each container, in rising order, where it no longer counts: updates name
	// containers by them.
	last []lastOperation
	// containers and keys are how many of the document's the segments may name. They keep their numbers in the file.
	containers, keys int
}

// maxSegments is how many segments a file may get before they are made one.
const maxSegments = 16

var (
	errTrimmed = &Error{CodeTrimmed, "needs operations that a shallow file left out"}
	errDamaged = &Error{CodeTrimmed, "needs operations that the file has damaged"}
)

// valueRange is where the values of the segments are among those of the log.
type valueRange struct{ at, size uint32 }

type lastOperation struct {
	lv LV
	c  uint32
}

// need makes sure that the operations from lv on are in the log. ErrTrimmed: they are not to be had.
func (d *Doc) need(lv LV) error {
	switch p := &d.past; {
	case lv < p.cut:
		return errTrimmed
	case lv < p.from:
		return d.recall()
	}
	return nil
}

// needConcurrent makes sure of what merging an operation with these parents may look at.
func (d *Doc) needConcurrent(parents []LV) error {
	p := &d.past
	if p.from == 0 || p.walked && d.graph.completeBelow(parents) >= p.floor {
		return nil
	}
	base, region := d.graph.base(d.graph.frontier, parents, nil)
	if n := len(region); n > 0 {
		if err := d.need(region[n-1].from); err != nil {
			return err
		}
	}
	floor := LV(0)
	for _, lv := range base {
		floor = max(floor, lv+1)
	}
	if !p.walked || floor < p.floor {
		p.walked, p.floor = true, floor
	}
	return nil
}

// containerOf tells which container an operation is on.
func (d *Doc) containerOf(lv LV) (uint32, error) {
	p := &d.past
	if lv < p.from {
		last, ok := slices.BinarySearchFunc(p.last, lv, func(o lastOperation, lv LV) int { return cmp.Compare(o.lv, lv) })
		if ok {
			return p.last[last].c, nil
		}
		if i := d.log.at(lv); i < len(d.log.runs) && d.log.runs[i].lv <= lv && lv < d.log.runs[i].end() {
			return d.log.runs[i].c, nil
		}
		if err := d.need(lv); err != nil {
			return 0, err
		}
	}
	return d.log.runs[d.log.at(lv)].c, nil
}

// recall takes the past apart and puts it into the log. It may come in the middle of a transaction. Where the past is
// not what it should be, though its checksums are right, the document goes on without it, and keeps it as it is.
func (d *Doc) recall() error {
	p, l := &d.past, &d.log
	if p.from == p.cut {
		return nil
	}
	plain := takeContent(p.content, p.texts)
	content, ok := takeUnits(make([]uint16, 0, len(plain)), plain)
	if !ok || uint32(len(content)) != p.units {
		return errDamaged
	}
	old, ok := d.takeSegments()
	if !ok {
		return errDamaged
	}
	all, ok := d.interleave(old, content)
	if !ok {
		return errDamaged
	}
	u := &d.undo
	if more := len(all) - len(l.runs); more > 0 {
		u.runs += more
		if last := all[u.runs-1]; u.runs == more || last.lv != u.lastRun.lv {
			u.lastRun = last
		}
	}
	if u.runs > 0 && all[u.runs-1].lv == u.lastRun.lv {
		u.lastRun.ref = all[u.runs-1].ref // where its unit is in the content was not known
	}
	u.content += len(content)
	l.runs, l.content, l.base = all, append(content, l.content...), 0
	p.from = p.cut
	p.segments, p.count, p.content, p.texts, p.units, p.values = nil, 0, nil, nil, 0, valueRange{}
	return nil
}

// takeSegments gives the runs of all segments in rising order.
func (d *Doc) takeSegments() ([]opRun, bool) {
	p := &d.past
	n, operations, units := 0, uint64(0), uint64(0)
	count := func(r *opRun) {
		operations += uint64(r.n)
		if r.inserts() {
			units += uint64(r.n)
		}
	}
	if !d.eachPast(func(r *opRun) { count(r); n++ }) {
		return nil, false
	}
	for i := range d.log.runs {
		if r := d.log.runs[i]; r.lv >= p.cut && r.lv < p.from {
			r.n = uint32(min(r.end(), p.from) - r.lv)
			count(&r)
		}
	}
	if operations != uint64(p.from-p.cut) || units != uint64(p.units) {
		return nil, false // before room is made
	}
	runs := make([]opRun, 0, n)
	d.eachPast(func(r *opRun) { runs = append(runs, *r) })
	if p.count > 1 {
		sortFunc(runs, func(a, b opRun) int { return cmp.Compare(a.lv, b.lv) })
	}
	return runs, true
}

// eachPast visits the runs of the segments; false when they are not what they should be.
func (d *Doc) eachPast(visit func(r *opRun)) bool {
	p := &d.past
	r := reader{in: p.segments}
	values := reader{in: d.log.values[:p.values.at+p.values.size], at: int(p.values.at)}
	var run opRun
	var err error
	for range p.count {
		o := columnReader{d: d, values: values}
		o.open(&r)
		for !o.tags.done() {
			if run, err = o.read(); err != nil || run.kind.lasts() || run.lv < p.cut {
				return false
			}
			visit(&run)
		}
		if !o.finish() {
			return false
		}
		values = o.values
	}
	return !r.bad && r.left() == 0 && values.left() == 0
}

// interleave puts old runs between those of the log. Together they must be all operations from cut up to from.
func (d *Doc) interleave(old []opRun, content []uint16) ([]opRun, bool) {
	p, g, runs := &d.past, &d.graph, d.log.runs
	all := oplog{runs: make([]opRun, 0, len(old)+len(runs))}
	deleted := make([]uint64, len(g.sessions))
	next, units, e := p.cut, uint32(0), 0
	for len(old) > 0 || len(runs) > 0 {
		var r opRun
		isOld := len(runs) == 0 || len(old) > 0 && old[0].lv < runs[0].lv
		if isOld {
			r, old = old[0], old[1:]
		} else {
			r, runs = runs[0], runs[1:]
		}
		if r.lv >= p.cut && (r.lv < next || r.lv > next && next < p.from) || isOld && r.end() > p.from {
			return nil, false
		}
		next = max(next, r.end())
		if r.inserts() && r.lv >= p.cut && r.lv < p.from {
			if r.n > p.units-units || r.kind.isPoint() && content[units] != objectUnit {
				return nil, false
			}
			r.ref = units
			units += r.n
		}
		if !isOld {
			all.runs = append(all.runs, r)
			continue
		}
		for g.entries[e].end() <= r.lv {
			e++
		}
		if r.kind == opTextDelete || r.kind == opTextErase {
			deleted[g.entries[e].session] += uint64(r.n)
		}
		all.add(r, g.entries[e].lv)
	}
	if next < p.from || units != p.units {
		return nil, false
	}
	for _, n := range deleted {
		// What finds nothing to delete is logged as nothing, and nobody deletes one unit twice.
		if p.cut == 0 && n > uint64(units) {
			return nil, false
		}
	}
	return all.runs, true
}
