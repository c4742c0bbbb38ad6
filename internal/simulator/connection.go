package simulator

import (
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

func (d *hub) line(conn sync.Conn) *line {
	for _, l := range d.lines {
		if l.conn == conn {
			return l
		}
	}
	return nil
}

func (d *hub) put(conn sync.Conn, f wire.Frame) {
	if l := d.line(conn); l != nil {
		l.put(f)
	}
}

func (d *hub) hello(e sync.Hello) {
	l := d.line(e.Conn)
	if l == nil {
		return
	}
	w := d.world
	f := &wire.Hello{Doc: w.cast.doc, Genesis: w.cast.genesis, Since: wire.Cursor(e.Since), Proof: w.cast.fetcher.Prove(l.relay.name, l.nonce)}
	if e.Store != (sync.StoreID{}) {
		f.Store = (*wire.StoreID)(&e.Store)
	}
	d.greeted = nil
	l.put(f)
}

// append offers envelopes of one session; certificates always go along.
func (d *hub) append(conn sync.Conn, session sync.SessionID, envelopes [][]byte, covers *wire.Covers, isPack bool) {
	d.lastAsk++
	d.asked[d.lastAsk] = request{session, isPack}
	d.put(conn, &wire.Append{Doc: d.world.cast.doc, Req: d.lastAsk, Cert: d.certs[session], Envelopes: envelopes, Covers: covers})
}

// appendRun sends what the disks have of a run.
func (d *hub) appendRun(e sync.Append) {
	var run []stored
	next := e.From
	disks := d.read()
	for _, x := range disks.runs[e.Session] {
		if x.seq < e.From || x.first > e.To {
			continue
		}
		if len(run) == 0 && x.first > e.From || next > e.To {
			break
		}
		for len(run) > 0 && run[len(run)-1].seq >= x.first { // a pack may begin before what is here one by one
			run = run[:len(run)-1]
		}
		run = append(run, x)
		next = x.seq + 1
	}
	if next <= e.To || len(run) == 0 {
		first := e.To + 1
		if run := disks.runs[e.Session]; len(run) > 0 {
			first = min(first, max(run[0].first, e.From+1))
		}
		if nextOf(disks.covers)[e.Session] < first && !slices.Contains(disks.forked, e.Session) { // or another hub's history is the one that goes on
			d.fail(Broken, "S2: envelope %d of %x is sent and not durable", first-1, e.Session[:4])
		}
		d.later(func() { d.step(sync.Missing{Doc: d.doc, Session: e.Session, First: first}) })
		return
	}
	var envelopes [][]byte
	for _, x := range run {
		envelopes = append(envelopes, x.bytes)
	}
	d.append(e.Conn, e.Session, envelopes, nil, false)
}

// receive is one frame of a relay.
func (d *hub) receive(l *line, b []byte) {
	frame, err := wire.Decode(b)
	if err != nil {
		l.hangUp()
		d.step(sync.SocketClosed{Conn: l.conn, Garbage: true})
		return
	}
	l.came += len(b)
	size := len(b)
	if batch, ok := frame.(*wire.Batch); ok { // for envelopes the machine says when
		for _, e := range batch.Entries {
			size -= len(e.Envelope)
		}
	}
	l.took(size)
	switch f := frame.(type) {
	case *wire.Challenge:
		d.step(sync.SocketOpen{Conn: l.conn})
	case *wire.Pong:
		d.step(sync.Pong{Conn: l.conn})
	case *wire.Welcome:
		d.greeted = l
		d.pass()
		d.step(sync.Welcome{Conn: l.conn, Doc: d.doc, Store: sync.StoreID(f.Store), Head: sync.Cursor(f.Head), Genesis: f.Genesis != nil})
	case *wire.Batch:
		d.batch(l, f)
	case *wire.Ack:
		ask := d.asked[f.Req]
		delete(d.asked, f.Req)
		if ask.isPack {
			d.step(sync.Packed{Conn: l.conn, Doc: d.doc})
			return
		}
		d.step(sync.Ack{Conn: l.conn, Doc: d.doc, Session: sync.SessionID(f.Session), Seq: f.Seq, Cursor: sync.Cursor(f.Cursor)})
	case *wire.Error:
		d.refused(l, f)
	case *wire.Presence:
		d.hearPresence(l, f)
	case *wire.Done:
	default:
		d.fail(Broken, "a relay sends no such frame: %T", frame)
	}
}

func (d *hub) batch(l *line, b *wire.Batch) {
	ev := sync.Batch{Conn: l.conn, Doc: d.doc, UpTo: sync.Cursor(b.UpTo), More: b.More}
	certs := map[seal.SessionID][]byte{} // one counts for all of its session's: the envelope that it came with may be here already
	for _, x := range b.Entries {
		e, err := seal.ParseEnvelope(x.Envelope)
		if err != nil { // no relay that checks envelopes could have stored it
			d.world.noticed(d.Device, "garbage")
			for _, x := range ev.Entries {
				delete(d.refs, x.Ref)
			}
			l.hangUp()
			d.step(sync.SocketClosed{Conn: l.conn, Garbage: true})
			return
		}
		if x.Cert != nil {
			certs[e.Session] = x.Cert
		}
		d.given[string(x.Envelope)] = true
		entry := sync.Entry{
			Ref:    d.hold(&bytesOf{session: sync.SessionID(e.Session), seq: e.Seq, bytes: x.Envelope, cert: certs[e.Session]}),
			Cursor: sync.Cursor(x.Cursor), Kind: sync.Kind(e.Kind), Size: uint32(len(x.Envelope)) * sizeFactor,
			Session: sync.SessionID(e.Session), First: e.First(), Seq: e.Seq, Prev: sync.Hash(e.Prev), Covers: sync.Cursor(x.Covers),
		}
		if e.Kind == seal.Attest {
			about, verdict := e.Attested()
			entry.About, entry.Verdict = sync.Hash(about), sync.Verdict(verdict)
		}
		ev.Entries = append(ev.Entries, entry)
	}
	d.step(ev)
}

func (d *hub) refused(l *line, f *wire.Error) {
	var ask request
	if f.Req != nil {
		ask = d.asked[*f.Req]
		delete(d.asked, *f.Req)
	}
	p := problemOf(f.Code)
	if ask.isPack {
		d.step(sync.Packed{Conn: l.conn, Doc: d.doc, Problem: p})
		return
	}
	ev := sync.Refused{Conn: l.conn, Doc: d.doc, Session: ask.session, Problem: p, Retry: uint32(f.RetryAfter)}
	if f.Seq != nil {
		ev.Next = uint32(*f.Seq)
	}
	d.step(ev)
}

// problemOf is js/src/vault/problems.ts: relayCodeToNumber.
func problemOf(code wire.Code) sync.Problem {
	switch code {
	case wire.CodeStorage:
		return sync.RelayFull
	case wire.CodeQuota:
		return sync.RelayQuota
	case wire.CodeTooLarge:
		return sync.RelayTooLarge
	case wire.CodeBusy, wire.CodeStopping, wire.CodeNoSession:
		return sync.RelayBusy
	case wire.CodeGap:
		return sync.RelayGap
	case wire.CodeStale:
		return sync.RelayStale
	case wire.CodeFork, wire.CodeBadChain, wire.CodeBadSignature, wire.CodeBadCertificate, wire.CodeBadEnvelope:
		return sync.RelaySignature
	case wire.CodeUnproven, wire.CodeGone, wire.CodeNoRoom, wire.CodeBadGenesis:
		return sync.RelayRefused
	}
	return sync.RelayGarbage
}
