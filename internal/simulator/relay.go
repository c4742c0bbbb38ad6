package simulator

import (
	"slices"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// Relay is a relay: the room that ships over a log in memory, and who listens. It differs from server.Relay in what that has for
// many connections at once: locks, a committing goroutine, readers in memory.
type Relay struct {
	world *World
	name  string
	log   *server.MemoryLog
	room  *server.Room
	// written are the writes of the log from its birth on, for going back to an earlier one.
	written []*server.Write
	// decided is what the room took and the disk has not; answers go out after it.
	decided []decision
	lines   []*line
	// by is who brought what on a line that is open: it is not sent back.
	by   map[wire.Cursor]*line
	full bool
	busy bool // it refuses some appends for now
	dead bool
	skew time.Duration // of its clock
	// alone is for how long it ran with nobody there who could object.
	alone time.Duration
	lie   lie
}

type decision struct {
	write  *server.Write // nil: only waits for what is before it
	from   *line
	answer func(error) wire.Frame
}

func newRelay(w *World, name string) *Relay {
	r := &Relay{world: w, name: name}
	r.empty()
	return r
}

// empty gives it a new disk.
func (r *Relay) empty() {
	var store wire.StoreID
	_, _ = r.world.source.Read(store[:])
	r.reopen(server.NewMemoryLog(store), nil)
}

// die ends it. Whoever talks to it hears nothing any more.
func (r *Relay) die() {
	r.empty()
	r.dead = true
}

// reopen starts it on a log. What was decided and not written is gone, and so are all connections.
func (r *Relay) reopen(log *server.MemoryLog, written []*server.Write) {
	for _, l := range slices.Clone(r.lines) {
		l.cut()
	}
	r.log, r.written, r.room, r.decided, r.by = log, written, nil, nil, map[wire.Cursor]*line{}
}

// rollback puts its disk back to how it was n writes ago, under its old name.
func (r *Relay) rollback(n int) {
	written := r.written[:len(r.written)-n]
	log := server.NewMemoryLog(r.log.Store())
	must(log.Commit(written))
	r.world.releaseRelay(r)
	r.reopen(log, slices.Clone(written))
	for _, w := range written {
		r.promise(w)
	}
}

func (r *Relay) now() time.Time { return time.UnixMilli(r.world.now).Add(epoch + r.skew) }

// epoch is when stories begin.
const epoch = 50 * 365 * 24 * time.Hour

func (r *Relay) enter() *server.Room {
	if r.room == nil {
		record, err := r.log.Room(r.world.cast.doc)
		must(err)
		r.room, err = server.NewRoom(r.world.cast.doc, record, server.DefaultLimits())
		must(err)
	}
	return r.room
}

// Store, Session, Size and Envelope are the room's history: what is decided counts, as in server.place.
func (r *Relay) Store() wire.StoreID { return r.log.Store() }

func (r *Relay) Session(doc seal.DocID, id seal.SessionID) (*server.SessionRecord, error) {
	return r.log.Session(doc, id)
}

func (r *Relay) Size(doc seal.DocID, upTo wire.Cursor) (int64, error) { return r.log.Size(doc, upTo) }

func (r *Relay) Envelope(doc seal.DocID, id seal.SessionID, seq uint32) (*wire.Entry, error) {
	for i := len(r.decided) - 1; i >= 0; i-- {
		w := r.decided[i].write
		if w == nil {
			continue
		}
		coming := slices.Concat(w.Packs, w.Entries)
		for j := len(coming) - 1; j >= 0; j-- {
			if e, err := seal.ParseEnvelope(coming[j].Envelope); err == nil && e.Session == id && e.First() <= seq && seq <= e.Seq {
				return &coming[j], nil
			}
		}
	}
	return r.log.Envelope(doc, id, seq)
}

// receive is one frame of a device.
func (r *Relay) receive(l *line, frame wire.Frame) {
	doc := r.world.cast.doc
	switch f := frame.(type) {
	case *wire.Hello:
		if f.Genesis != nil {
			write, refusal := r.enter().Found(f.Genesis)
			if refusal != nil {
				l.send(refusal.Frame(&doc, nil))
				return
			}
			r.decide(decision{write: write})
			r.commit(false)
		}
		record, err := r.log.Room(doc)
		must(err)
		if record.Genesis != nil {
			g, err := seal.ParseGenesis(record.Genesis)
			must(err)
			if g.VerifyFetch(r.name, l.nonce, f.Proof) != nil {
				l.send(server.Unproven(nil).Frame(&doc, nil))
				return
			}
		}
		l.reader = &reader{since: f.Since}
		if f.Store == nil || *f.Store != r.Store() || f.Since > record.Head {
			l.reader.since = 0
		}
		r.feed(l)
	case *wire.Append:
		r.append(l, f)
	case *wire.Unsubscribe:
		l.reader = nil
	case *wire.Ping:
		l.send(&wire.Pong{})
	case *wire.Credit:
		if int(f.Taken) > l.came {
			l.device.fail(Broken, "it took %d bytes of %d that came", f.Taken, l.came)
		}
		l.credit = int(f.Taken)
		r.feed(l)
	case *wire.Presence:
		r.present(l, f)
	default:
		panic("a device sends no such frame")
	}
}

func (r *Relay) append(l *line, f *wire.Append) {
	if r.lie.victim == l.device && r.lie.kind == FalseAcks {
		l.send(r.falseAck(f))
		return
	}
	if r.busy && r.world.rand.IntN(2) == 0 {
		l.send(server.Busy().Frame(&f.Doc, &f.Req))
		return
	}
	taken, refusal := r.enter().Append(r, r.now(), f)
	if refusal != nil {
		l.send(refusal.Frame(&f.Doc, &f.Req))
		return
	}
	r.decide(decision{taken.Write, l, func(err error) wire.Frame {
		if err != nil {
			return &wire.Error{Doc: &f.Doc, Req: &f.Req, Code: wire.CodeStorage, Message: "The disk refused.", RetryAfter: 100}
		}
		if r.lie.victim == l.device && r.lie.kind == NoAcks {
			return nil
		}
		return &wire.Ack{Doc: f.Doc, Req: f.Req, Session: taken.Session, Seq: taken.Seq, Cursor: taken.Cursor}
	}})
	if r.world.rand.IntN(3) > 0 {
		r.commit(r.full)
	}
}

func (r *Relay) decide(d decision) { r.decided = append(r.decided, d) }

// commit makes what is decided durable and answers, or loses it: then the room goes, too.
func (r *Relay) commit(fails bool) {
	decided := r.decided
	r.decided = nil
	var writes []*server.Write
	for _, d := range decided {
		if d.write != nil {
			writes = append(writes, d.write)
		}
	}
	var err error
	if fails && len(writes) > 0 {
		err = errDisk
		r.room = nil
	} else {
		r.write(writes)
	}
	for _, d := range decided {
		if err == nil && d.write != nil && d.from != nil && !d.from.closed {
			for _, e := range d.write.Entries {
				r.by[e.Cursor] = d.from
			}
		}
		if d.answer == nil {
			continue
		}
		if answer := d.answer(err); answer != nil {
			d.from.send(answer)
		}
	}
	if err == nil {
		r.feedAll()
	}
}

// write makes writes durable.
func (r *Relay) write(writes []*server.Write) {
	must(r.log.Commit(writes))
	for _, w := range writes {
		r.written = append(r.written, w)
		r.promise(w)
	}
}

// promise notes that an envelope is on the relay's disk.
func (r *Relay) promise(w *server.Write) {
	for _, e := range slices.Concat(w.Packs, w.Entries) {
		r.world.promised(r, e.Envelope)
	}
}

// crash loses what is decided, or a part of it, and every connection.
func (r *Relay) crash() {
	var writes []*server.Write
	for _, d := range r.decided {
		if d.write != nil {
			writes = append(writes, d.write)
		}
	}
	if n := len(writes); n > 0 {
		r.write(writes[:r.world.rand.IntN(n+1)])
	}
	r.reopen(r.log, r.written)
}

// age lets a day pass, at the end of which it sweeps.
func (r *Relay) age() {
	r.skew += 24 * time.Hour
	r.alone += 24 * time.Hour
	if slices.ContainsFunc(r.lines, func(l *line) bool { return l.device.writable() && !r.world.parted[l.device] }) {
		r.alone = 0
	}
	r.sweep()
}

// sweep counts the time and lets go of what retention allows, where the disk takes anything.
func (r *Relay) sweep() {
	if r.full {
		return
	}
	r.commit(false)
	if write := r.enter().Look(r.now()); write != nil {
		r.write([]*server.Write{write})
	}
	doc := r.world.cast.doc
	for since := wire.Cursor(0); ; {
		entries, next, err := r.log.Read(doc, since, 64<<10)
		must(err)
		if len(entries) == 0 {
			return
		}
		write, refusal := r.enter().Sweep(r, r.now(), entries)
		if refusal != nil {
			panic(refusal)
		}
		if write != nil {
			r.write([]*server.Write{write})
			r.world.tally.Swept += len(write.Dropped)
			r.world.letGo(r, write.Dropped)
		}
		since = entries[len(entries)-1].Cursor
		if next == 0 {
			return
		}
	}
}
