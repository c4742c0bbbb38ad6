package sync_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// disk is what survives a crash of a device.
type disk struct {
	sessions []sync.SessionID // in the order in which they were met
	runs     map[sync.SessionID][]*envelope
	covers   map[sync.SessionID]sync.Head
	folded   []int // operations inside the snapshot
	size     uint32
	marks    []sync.Mark
}

// next is the number after a session's last envelope here.
func (d *disk) next(s sync.SessionID) uint32 {
	if run := d.runs[s]; len(run) > 0 {
		return run[len(run)-1].seq + 1
	}
	if c, ok := d.covers[s]; ok {
		return c.Seq + 1
	}
	return 0
}

func (d *disk) meet(s sync.SessionID) {
	if !slices.Contains(d.sessions, s) {
		d.sessions = append(d.sessions, s)
	}
}

// store appends what continues its session; the order and the hash are checked, for the machine must have done so before.
func (d *disk) store(t *testing.T, e *envelope) {
	if e.seq < d.next(e.session) {
		return
	}
	if e.seq != d.next(e.session) {
		t.Fatalf("S5: envelope %d of a session that ends at %d was stored", e.seq, d.next(e.session))
	}
	d.meet(e.session)
	d.runs[e.session] = append(d.runs[e.session], e)
}

// ops is everything on it, but for changes whose last part is not.
func (d *disk) ops() []int {
	all := slices.Clone(d.folded)
	for _, s := range d.sessions {
		for _, e := range d.runs[s] {
			if !d.unfinished(e) {
				all = union(all, e.ops)
			}
		}
	}
	return all
}

// unfinished reports whether an envelope is a part of a change whose last part is not on it.
func (d *disk) unfinished(e *envelope) bool {
	for _, x := range d.runs[e.session] {
		if x.seq >= e.seq && !x.more {
			return false
		}
	}
	return e.seq < d.next(e.session) && e.more
}

// isHalf reports whether a head is in the middle of a change whose end is not here.
func (d *disk) isHalf(h sync.Head) bool {
	return slices.ContainsFunc(d.runs[h.Session], func(e *envelope) bool { return e.seq == h.Seq && d.unfinished(e) })
}

// ready splits the envelopes into those that have all that their writers had seen, in order, and the others.
func (d *disk) ready() (ready, waiting []*envelope) {
	at := map[sync.SessionID]int{}
	next := map[sync.SessionID]uint32{}
	for s, c := range d.covers {
		next[s] = c.Seq + 1
	}
	for moved := true; moved; {
		moved = false
		for _, s := range d.sessions {
			run := d.runs[s]
			for end := at[s]; end < len(run); end++ {
				e := run[end]
				if slices.ContainsFunc(e.deps, func(h sync.Head) bool { return next[h.Session] <= h.Seq && !d.isHalf(h) }) {
					break
				}
				if !e.more { // a change is ready when all of it is
					ready, next[s], moved = append(ready, run[at[s]:end+1]...), e.seq+1, true
					at[s] = end + 1
				}
			}
		}
	}
	for _, s := range d.sessions {
		waiting = append(waiting, d.runs[s][at[s]:]...)
	}
	return ready, waiting
}

// headsOf gives the ends of sessions, in a fixed order.
func headsOf(covers map[sync.SessionID]sync.Head, run []*envelope) []sync.Head {
	heads := map[sync.SessionID]sync.Head{}
	for s, c := range covers {
		heads[s] = c
	}
	for _, e := range run {
		heads[e.session] = sync.Head{Session: e.session, Seq: e.seq, Hash: e.hash()}
	}
	all := slices.Collect(maps.Values(heads))
	slices.SortFunc(all, func(a, b sync.Head) int { return bytes.Compare(a.Session[:], b.Session[:]) })
	return all
}

// cover makes the snapshot cover these heads and drops the envelopes before them.
func (d *disk) cover(heads []sync.Head) {
	for _, h := range heads {
		d.meet(h.Session)
		if c, ok := d.covers[h.Session]; ok && c.Seq >= h.Seq {
			continue
		}
		d.covers[h.Session] = h
		run := d.runs[h.Session]
		for len(run) > 0 && run[0].seq <= h.Seq {
			run = run[1:]
		}
		d.runs[h.Session] = run
	}
	d.size = uint32(100 * len(d.folded))
}

// held is the bytes behind a Ref.
type held struct {
	*envelope
	to uint32
}

// device runs a machine and carries out its effects. Results come back later, in any order: pending holds them.
type device struct {
	t        *testing.T
	name     string
	rand     *rand.Rand
	relay    *toyRelay
	disk     *disk
	machine  *sync.Machine
	runs     uint32 // how often it was started
	own      sync.SessionID
	doc      sync.Doc
	refs     map[sync.Ref]*held
	lastRef  sync.Ref
	pending  []func()
	toRelay  []func() // on the wire, in order
	toHere   []func()
	conn     sync.Conn
	open     bool
	greeted  bool
	read     sync.Cursor // how far the relay has sent
	timer    int64
	shown    []int
	merged   []int // shown because a snapshot brought it
	ops      uint32
	writable bool
	uploads  int // snapshots sealed in this life
	status   sync.Status
	durable  []int // operations said to be durable
	begun    []int // the same, of a change that is not all durable
	broken   bool  // the disk takes nothing
	doings   int   // effects that were more than a sign of life
	clock    *int64
	words    uint32            // of presence
	said     sync.PresenceCame // the last of them that the relay has
}

func (d *device) step(ev sync.Event) {
	for _, e := range slices.Clone(d.machine.Step(*d.clock, ev)) {
		d.run(e)
	}
}

// start begins a life: memory is new, the disk is as it was.
func (d *device) start(relays uint32) {
	d.runs++
	d.doc++
	d.machine = sync.New(uint64(d.rand.Uint32()))
	d.own = sync.SessionID{}
	if d.writable {
		d.own = sync.SessionID{d.name[0], byte(d.runs)}
	}
	d.refs, d.pending, d.toRelay, d.toHere = map[sync.Ref]*held{}, nil, nil, nil
	d.uploads, d.begun, d.words = 0, nil, 0
	d.open, d.timer, d.ops, d.status = false, 0, 0, sync.Status{}
	ready, waiting := d.disk.ready()
	d.shown = slices.Clone(d.disk.folded)
	for _, e := range ready {
		d.shown = union(d.shown, e.ops)
	}
	d.merged = slices.Clone(d.disk.folded)
	d.step(sync.Relays{Count: relays})
	d.step(sync.Lead{Yes: true})
	open := sync.DocOpen{Doc: d.doc, Writable: d.writable, Keyed: true, Content: true, Own: d.own, Prev: certHash(d.own), Snapshot: d.disk.size, Marks: slices.Clone(d.disk.marks)}
	for _, h := range headsOf(d.disk.covers, ready) {
		first := h.Seq + 1
		if run := d.disk.runs[h.Session]; len(run) > 0 {
			first = run[0].seq
		}
		open.Heads = append(open.Heads, sync.Stored{Head: h, First: first, Tail: (h.Seq + 1 - first) * envelopeSize})
	}
	d.step(open)
	rest := sync.Shared{Doc: d.doc, Whole: true}
	for _, e := range waiting {
		d.lastRef++
		d.refs[d.lastRef] = &held{envelope: e}
		rest.Entries = append(rest.Entries, sync.SharedEntry{Ref: d.lastRef, Size: envelopeSize, Head: sync.Head{Session: e.session, Seq: e.seq, Hash: e.hash()}, Deps: e.deps, More: e.more})
	}
	d.step(rest)
}

// edit is a key press, or a change so large that it leaves in parts, of one operation each.
func (d *device) edit(first, parts int) {
	if !d.writable {
		return
	}
	for op := first; op < first+parts; op++ {
		d.ops++
		d.shown = append(d.shown, op)
		d.lastRef++
		e := &envelope{session: d.own, ops: []int{op}, needs: slices.Clone(d.shown[:len(d.shown)-1]), more: op < first+parts-1}
		d.refs[d.lastRef] = &held{e, d.ops}
		d.step(sync.Local{Doc: d.doc, Ref: d.lastRef, To: d.ops, More: e.more})
	}
}

func (d *device) later(f func()) { d.pending = append(d.pending, f) }

func (d *device) ref(r sync.Ref) *held {
	h := d.refs[r]
	if h == nil {
		d.t.Fatalf("%s: ref %d is not held", d.name, r)
	}
	return h
}

func (d *device) run(effect sync.Effect) {
	switch effect.(type) {
	case sync.Ping, sync.Timer, sync.SealPresence, sync.ShowPresence:
	default:
		d.doings++
	}
	switch e := effect.(type) {
	case sync.Connect:
		d.conn, d.open, d.greeted, d.toRelay, d.toHere = e.Conn, true, false, nil, nil
		d.said = sync.PresenceCame{}
		d.toHere = append(d.toHere, func() { d.step(sync.SocketOpen{Conn: e.Conn}) })
	case sync.Disconnect:
		d.open, d.toRelay, d.toHere = false, nil, nil
	case sync.Timer:
		d.timer = e.At
	case sync.Ping:
		d.toRelay = append(d.toRelay, func() { d.toHere = append(d.toHere, func() { d.step(sync.Pong{Conn: e.Conn}) }) })
	case sync.Hello:
		d.toRelay = append(d.toRelay, func() { d.hello(e) })
	case sync.Leave, sync.CheckGenesis, sync.Learnt, sync.Spread, sync.Reread:
	case sync.Seal:
		d.later(func() {
			h := d.ref(e.Ref)
			h.seq, h.prev, h.deps = e.Seq, e.Prev, e.Deps
			d.step(sync.Sealed{Doc: d.doc, Size: envelopeSize, Hash: h.hash()})
		})
	case sync.SealAttest:
		d.later(func() {
			h := d.ref(e.Ref)
			h.seq, h.prev, h.about, h.verdict = e.Seq, e.Prev, e.About, e.Verdict
			d.step(sync.Sealed{Doc: d.doc, Size: envelopeSize, Hash: h.hash()})
		})
	case sync.Check:
		d.later(func() { d.check(e) })
	case sync.Store:
		d.later(func() {
			if d.broken {
				d.step(sync.StoreDone{Doc: d.doc, Job: e.Job, Problem: sync.DeviceFull})
				return
			}
			for _, r := range e.Refs {
				x := d.ref(r).envelope
				for _, part := range x.parts {
					d.disk.store(d.t, part)
				}
				if x.kind != sync.KindPack {
					d.disk.store(d.t, x)
				}
			}
			d.step(sync.StoreDone{Doc: d.doc, Job: e.Job})
		})
	case sync.Durable:
		h := d.ref(e.Ref)
		if d.begun = append(d.begun, h.ops...); !h.more {
			d.durable, d.begun = append(d.durable, d.begun...), nil
		}
		delete(d.refs, e.Ref)
	case sync.NotDurable:
	case sync.Open:
		d.later(func() { d.openRun(e) })
	case sync.Compare:
		for _, r := range e.Refs {
			delete(d.refs, r)
		}
	case sync.Show:
		last := map[sync.SessionID]*envelope{}
		for _, r := range e.Refs {
			h := d.ref(r)
			last[h.session] = h.envelope
			for _, op := range h.needs {
				// Who believed a bad snapshot has less than it thinks, until somebody brings the rest; the core waits.
				if !slices.Contains(d.shown, op) && d.relay.compacted == 0 {
					d.t.Fatalf("%s: S8: operation %v was shown before %d, which its writer had seen\n%s", d.name, h.ops, op, d.machine.Dump())
				}
			}
			for _, op := range h.ops { // a snapshot may hold more than it says it covers; the core passes over what it has
				if slices.Contains(d.shown, op) && !slices.Contains(d.merged, op) {
					d.t.Fatalf("%s: S5: operation %d was shown twice", d.name, op)
				}
			}
			d.shown = union(d.shown, h.ops)
			delete(d.refs, r)
		}
		for _, x := range last {
			if x.more {
				d.t.Fatalf("%s: S8: operation %v was shown without the rest of its change\n%s", d.name, x.ops, d.machine.Dump())
			}
		}
	case sync.Drop:
		for _, r := range e.Refs {
			d.ref(r)
			delete(d.refs, r)
		}
	case sync.Merge:
		d.later(func() {
			h := d.ref(e.Ref)
			delete(d.refs, e.Ref)
			ready, _ := d.disk.ready()
			for _, x := range ready {
				d.disk.folded = union(d.disk.folded, x.ops)
			}
			d.disk.folded = union(d.disk.folded, h.ops)
			covers := slices.DeleteFunc(slices.Clone(h.deps), func(c sync.Head) bool { return c.Session == d.own }) // its chain has to go on
			d.disk.cover(covers)
			d.shown, d.merged = union(d.shown, h.ops), union(d.merged, h.ops)
			d.step(sync.Merged{Doc: d.doc, Job: e.Job, Size: d.disk.size, Covers: covers})
		})
	case sync.Append:
		d.append(e)
	case sync.MakeSnapshot:
		d.later(func() {
			ready, _ := d.disk.ready()
			up := &envelope{session: sync.SessionID{d.name[0], byte(d.runs), 1, byte(d.uploads)}, kind: sync.KindSnapshot}
			up.deps, up.ops = headsOf(d.disk.covers, ready), slices.Clone(d.disk.folded)
			for _, e := range ready {
				up.ops = union(up.ops, e.ops)
			}
			if d.broken {
				d.step(sync.SnapshotSealed{Doc: d.doc, Problem: sync.DeviceLost})
				return
			}
			up.prev = certHash(up.session)
			d.uploads++
			d.lastRef++
			d.refs[d.lastRef] = &held{envelope: up}
			d.step(sync.SnapshotSealed{Doc: d.doc, Ref: d.lastRef, Session: up.session, Covers: up.deps})
		})
	case sync.Upload:
		up := d.ref(e.Ref).envelope
		up.covers = e.Covers
		d.send(sync.Append{Conn: e.Conn, Session: up.session}, []*envelope{up})
	case sync.Pack:
		run := d.disk.runs[d.own]
		from := slices.IndexFunc(run, func(x *envelope) bool { return x.seq == e.From })
		if from < 0 { // a checkpoint took some of it in
			d.later(func() { d.step(sync.Packed{Conn: e.Conn, Doc: d.doc, Problem: sync.DeviceLost}) })
			return
		}
		p := &envelope{session: d.own, seq: e.To, kind: sync.KindPack, prev: run[from].prev, parts: slices.Clone(run[from : from+int(e.To-e.From)+1])}
		d.toRelay = append(d.toRelay, func() {
			done := sync.Packed{Conn: e.Conn, Doc: d.doc}
			if !d.relay.pack(p) {
				done.Problem = sync.RelayFull
			} else {
				d.relay.packed++
			}
			d.toHere = append(d.toHere, func() { d.step(done) })
		})
	case sync.SealPresence:
		d.words++
		word := sync.PresenceCame{Session: d.own, Seq: d.words, Heads: e.Heads}
		d.later(func() {
			d.step(sync.PresenceSealed{Doc: d.doc})
			if d.open && d.conn == e.Conn {
				d.toRelay = append(d.toRelay, func() { d.relay.pass(d, word) })
			}
		})
	case sync.ShowPresence:
	case sync.MarkChanged:
		d.disk.marks = slices.DeleteFunc(d.disk.marks, func(m sync.Mark) bool { return m.Store == e.Mark.Store })
		d.disk.marks = slices.Insert(d.disk.marks, 0, e.Mark)
	case sync.Checkpoint:
		d.later(func() { d.checkpoint(e) })
	case sync.StatusChanged:
		d.status = e.Status
	default:
		d.t.Fatalf("effect %T", effect)
	}
}

func (d *device) openRun(e sync.Open) {
	done := sync.Opened{Doc: d.doc, Job: e.Job}
	for i, r := range e.Refs {
		h := d.ref(r)
		if h.forged || i > 0 && h.prev != d.ref(e.Refs[i-1]).hash() {
			done.Problem = sync.Forged
			break
		}
		item := sync.OpenedItem{Hash: h.hash()}
		for _, part := range h.parts {
			d.lastRef++
			d.refs[d.lastRef] = &held{envelope: part}
			item.Contents = append(item.Contents, sync.OpenedContent{Ref: d.lastRef, Deps: part.deps, More: part.more})
		}
		if h.kind == sync.KindUpdate || h.kind == sync.KindSnapshot {
			item.Contents = []sync.OpenedContent{{Ref: r, Deps: h.deps, More: h.more}}
		}
		done.Items = append(done.Items, item)
	}
	d.step(done)
}

// check compares a snapshot with what the disk has of the same envelopes.
func (d *device) check(e sync.Check) {
	snapshot := d.ref(e.Ref).envelope
	done := sync.Checked{Doc: d.doc, Job: e.Job}
	next := map[sync.SessionID]uint32{}
	for _, h := range snapshot.deps {
		next[h.Session] = h.Seq + 1
	}
	// What is here beyond what it covers is no fault of it. The device's own file may hold more than it says it covers.
	ready, _ := d.disk.ready()
	here, beyond := slices.Clone(d.disk.folded), slices.Clone(snapshot.ops)
	for _, x := range ready {
		here = union(here, x.ops)
		if x.seq >= next[x.session] {
			beyond = union(beyond, x.ops)
		}
	}
	whole := union(here, snapshot.ops)
	done.News = len(whole) > len(here)
	if len(beyond) < len(whole) || e.Stale {
		done.Verdict = sync.Objection
		for s, c := range d.disk.covers {
			if c.Seq >= next[s] && !e.Stale {
				done.Verdict = sync.Undecided
			}
		}
	}
	if done.Verdict != sync.Undecided {
		d.lastRef++
		d.refs[d.lastRef] = &held{envelope: &envelope{session: d.own, kind: sync.KindAttest}}
		done.Ref = d.lastRef
	}
	d.step(done)
}

func (d *device) checkpoint(e sync.Checkpoint) {
	ready, _ := d.disk.ready()
	for _, x := range ready {
		d.disk.folded = union(d.disk.folded, x.ops)
	}
	var heads []sync.Head
	for _, k := range e.Covers {
		for _, x := range d.disk.runs[k.Session] {
			if x.seq <= k.Seq && !slices.Contains(ready, x) {
				d.t.Fatalf("%s: S12: a checkpoint covers envelope %d, which is not in its file", d.name, x.seq)
			}
			if x.seq == k.Seq {
				heads = append(heads, sync.Head{Session: k.Session, Seq: k.Seq, Hash: x.hash()})
			}
		}
	}
	d.disk.cover(heads)
	d.step(sync.Checkpointed{Doc: d.doc, Size: d.disk.size, Covers: e.Covers})
}

// append puts envelopes on the wire, checking that they are durable here.
func (d *device) append(e sync.Append) {
	var run []*envelope
	first := e.From
	for seq := e.From; seq <= e.To; seq++ {
		var x *envelope
		for _, y := range d.disk.runs[e.Session] {
			if y.seq == seq {
				x = y
			}
		}
		if x == nil {
			if cover, ok := d.disk.covers[e.Session]; !ok || cover.Seq < seq {
				d.t.Fatalf("%s: S2: envelope %d is sent and not durable", d.name, seq)
			}
			first = seq + 1
			continue
		}
		run = append(run, x)
	}
	if first > e.From {
		d.later(func() { d.step(sync.Missing{Doc: d.doc, Session: e.Session, First: first}) })
		return
	}
	d.send(e, run)
}

func (d *device) send(e sync.Append, run []*envelope) {
	d.toRelay = append(d.toRelay, func() {
		problem, goOn := d.relay.append(run)
		cursor := d.relay.place(run[len(run)-1])
		d.toHere = append(d.toHere, func() {
			if problem != sync.NoProblem {
				d.step(sync.Refused{Conn: e.Conn, Doc: d.doc, Session: e.Session, Problem: problem, Retry: 100, Next: goOn})
				return
			}
			d.step(sync.Ack{Conn: e.Conn, Doc: d.doc, Session: e.Session, Seq: e.To, Cursor: cursor})
		})
	})
}

// hello is the relay's side of it.
func (d *device) hello(e sync.Hello) {
	r := d.relay
	r.genesis = true
	d.read = e.Since
	if e.Store != r.store || e.Since > r.head() {
		d.read = 0
	}
	d.greeted = true
	head := r.head()
	d.toHere = append(d.toHere, func() { d.step(sync.Welcome{Conn: e.Conn, Doc: d.doc, Store: r.store, Head: head, Genesis: true}) })
	d.feed(true)
	for _, other := range r.devices {
		if other != d && other.open {
			d.hear(other)
		}
	}
}

// hear is what another said last on its way here; some of it is lost.
func (d *device) hear(from *device) {
	word := from.said
	if !d.open || !d.greeted || word.Seq == 0 || d.relay.lossy && d.rand.IntN(5) == 0 {
		return
	}
	word.Conn, word.Doc = d.conn, d.doc
	d.toHere = append(d.toHere, func() { d.step(word) })
}

// feed sends the next piece of the log to the device.
func (d *device) feed(always bool) {
	entries, upTo, more := d.relay.since(d.read, 1+d.rand.IntN(4))
	if len(entries) == 0 && !always {
		return
	}
	d.read = upTo
	conn := d.conn
	deliver := func() {
		b := sync.Batch{Conn: conn, Doc: d.doc, UpTo: upTo, More: more}
		for _, e := range entries {
			d.lastRef++
			d.refs[d.lastRef] = &held{envelope: e.envelope}
			b.Entries = append(b.Entries, sync.Entry{Ref: d.lastRef, Cursor: e.cursor, Kind: e.kind, Size: envelopeSize, Session: e.session, First: e.first(), Seq: e.seq, Prev: e.prev,
				About: e.about, Verdict: e.verdict, Covers: e.covers})
		}
		if d.rand.IntN(4) == 0 { // the order within a piece says nothing
			d.rand.Shuffle(len(b.Entries), func(i, j int) { b.Entries[i], b.Entries[j] = b.Entries[j], b.Entries[i] })
		}
		d.step(b)
	}
	d.toHere = append(d.toHere, deliver)
	if d.rand.IntN(5) == 0 { // a relay may repeat itself
		d.toHere = append(d.toHere, deliver)
	}
}

// cut ends the connection without a word.
func (d *device) cut() {
	if d.open {
		d.open, d.toRelay, d.toHere = false, nil, nil
		d.step(sync.SocketClosed{Conn: d.conn})
	}
}

func union(a, b []int) []int {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}
