package simulator

import (
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

// line is one connection. Frames travel as bytes, up to the relay and down to the device, each way in its order; a relay that lies
// (and a network that is no TCP) may do otherwise.
type line struct {
	device   *Device
	hub      *hub
	relay    *Relay
	conn     sync.Conn
	nonce    seal.Nonce
	up, down [][]byte
	closed   bool
	reader   *reader
	// bytes of messages that reached the device, those it took, those it said that it took, and those of which the relay knows it
	came, taken, told, credit int
	word                      *wire.Presence // the newest that the device said on it
}

// reader is a subscription: how far the device was given the log.
type reader struct {
	since                  wire.Cursor
	welcomed, named, begun bool
}

func (d *hub) connect(conn sync.Conn, r *Relay) {
	l := &line{device: d.Device, hub: d, relay: r, conn: conn}
	_, _ = d.world.source.Read(l.nonce[:])
	d.lines = append(d.lines, l)
	r.lines = append(r.lines, l)
	l.send(&wire.Challenge{Nonce: l.nonce, Store: r.Store()})
}

// send is the relay's.
func (l *line) send(f wire.Frame) {
	if !l.closed {
		l.down = append(l.down, encode(f))
	}
}

// creditWindow and creditStep are smaller than wire.CreditWindow, as everything in a story is.
const (
	creditWindow = 4 << 10
	creditStep   = creditWindow / 4
)

// took counts what is off the device's hands, and says so now and then (js/src/wire/socket.ts).
func (l *line) took(size int) {
	if l.taken += size; l.taken-l.told >= creditStep {
		l.told = l.taken
		l.put(&wire.Credit{Taken: uint64(l.taken)})
	}
}

// isOpen reports whether the device took enough for the relay to say more.
func (l *line) isOpen() bool {
	n := l.came - l.credit
	for _, b := range l.down {
		n += len(b)
	}
	return n < creditWindow
}

// put is the device's.
func (l *line) put(f wire.Frame) {
	if !l.closed {
		l.up = append(l.up, encode(f))
	}
}

func encode(f wire.Frame) []byte {
	b, err := wire.Encode(f)
	must(err)
	return b
}

// hangUp ends it at the device's wish.
func (l *line) hangUp() {
	l.closed, l.up, l.down = true, nil, nil
	l.relay.lines = slices.DeleteFunc(l.relay.lines, func(x *line) bool { return x == l })
	l.hub.lines = slices.DeleteFunc(l.hub.lines, func(x *line) bool { return x == l })
}

// cut ends it without a word; the device hears of it.
func (l *line) cut() {
	if l.closed {
		return
	}
	l.hangUp()
	l.hub.step(sync.SocketClosed{Conn: l.conn})
}

// feed gives a reader what comes next in the log.
func (r *Relay) feed(l *line) {
	doc, s := r.world.cast.doc, l.reader
	if s == nil || l.closed {
		return
	}
	record, err := r.log.Room(doc)
	must(err)
	head := r.head(l.device, record.Head)
	if !s.welcomed || !s.named && record.Genesis != nil {
		s.welcomed, s.named = true, record.Genesis != nil
		l.send(&wire.Welcome{Doc: doc, Store: r.Store(), Head: head, Genesis: record.Genesis})
	}
	isNew := !s.begun
	for !s.begun || s.since < head && l.isOpen() {
		limit := 256 + r.world.rand.IntN(2048)
		entries, next, err := r.log.Read(doc, s.since, limit)
		must(err)
		if len(entries) == 0 && next > 0 {
			entries, next, err = r.log.Read(doc, s.since, next)
			must(err)
		}
		b := &wire.Batch{Doc: doc, Entries: []wire.Entry{}, UpTo: s.since}
		for _, e := range entries {
			if e.Cursor > head {
				next = 0
				break
			}
			b.UpTo = e.Cursor
			if r.hides(l.device, e) {
				continue
			}
			if !s.begun || r.by[e.Cursor] != l {
				b.Entries = append(b.Entries, e)
			}
		}
		s.since, s.begun, b.More = b.UpTo, true, next > 0
		l.send(b)
		if next == 0 {
			break
		}
	}
	if isNew {
		r.introduce(l)
	}
}

func (r *Relay) feedAll() {
	for _, l := range slices.Clone(r.lines) {
		if l.reader != nil && l.reader.begun {
			r.feed(l)
		}
	}
}
