package store

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// record is a server.Write in a payload, or envelopes that were moved:
//
//	doc 20 │ flags 1 │ session 16
//	│ genesis 113, if so │ successor 84, if so │ certificate 96, if so │ retention, if so
//	│ count 4 of dropped: cursor 8 │ session 16 │ seq 4
//	│ count 4 of floors:  session 16 │ seq 4 │ hash 32
//	│ count 4 of packs:   cursor 8 │ length 4 │ envelope
//	│ count 4 of entries: the same
//
// retention is counted 8 │ seen 8 (Unix seconds, 0 for no time) │ pinned until 8 │ count 2 of snapshots: cursor 8 │ covers 8 │
// session 16 │ hash 32 │ came at 8 │ sound 1, objected 2. Times but for what was seen are counted seconds.
type record struct {
	server.Write
	// moved: the entries are there already, and are here from now on.
	moved bool
	// packsAt and entriesAt are where the envelopes are in the payload.
	packsAt, entriesAt []int
}

const (
	flagGone = 1 << iota
	flagGenesis
	flagSuccessor
	flagCert
	flagRetention
	flagMoved
)

// recordLimit is at least as much as a write's record takes.
func recordLimit(w *server.Write) int {
	n := 512 + 28*len(w.Dropped) + 52*len(w.Floors)
	if w.Retention != nil {
		n += 73 * len(w.Retention.Snapshots)
	}
	for _, part := range [][]wire.Entry{w.Packs, w.Entries} {
		for _, e := range part {
			n += 12 + len(e.Envelope)
		}
	}
	return n
}

func appendRecord(b []byte, w *server.Write, moved bool) []byte {
	flags := bit(flagGone, w.Gone) | bit(flagGenesis, w.Genesis != nil) | bit(flagSuccessor, w.Successor != nil) |
		bit(flagCert, w.Cert != nil) | bit(flagRetention, w.Retention != nil) | bit(flagMoved, moved)
	b = append(append(b, w.Doc[:]...), flags)
	b = append(append(append(append(b, w.Session[:]...), w.Genesis...), w.Successor...), w.Cert...)
	if w.Retention != nil {
		b = appendRetention(b, *w.Retention)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(w.Dropped)))
	for _, d := range w.Dropped {
		b = binary.BigEndian.AppendUint64(b, uint64(d.Cursor))
		b = binary.BigEndian.AppendUint32(append(b, d.Session[:]...), d.Seq)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(w.Floors)))
	for _, f := range w.Floors {
		b = binary.BigEndian.AppendUint32(append(b, f.Session[:]...), f.Head.Seq)
		b = append(b, f.Head.Hash[:]...)
	}
	for _, part := range [][]wire.Entry{w.Packs, w.Entries} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		for _, e := range part {
			b = binary.BigEndian.AppendUint64(b, uint64(e.Cursor))
			b = binary.BigEndian.AppendUint32(b, uint32(len(e.Envelope)))
			b = append(b, e.Envelope...)
		}
	}
	return b
}

func bit(flag byte, set bool) byte {
	if set {
		return flag
	}
	return 0
}

func appendRetention(b []byte, r server.Retention) []byte {
	b = appendTime(appendCounted(b, r.Clock.Counted), r.Clock.Seen)
	b = appendCounted(b, r.PinnedUntil)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Snapshots)))
	for _, s := range r.Snapshots {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(s.Cursor)), uint64(s.Covers))
		b = appendCounted(append(append(b, s.Session[:]...), s.Hash[:]...), s.At)
		b = append(b, bit(1, s.Sound)|bit(2, s.Objected))
	}
	return b
}

func appendCounted(b []byte, d time.Duration) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(d/time.Second))
}

func appendTime(b []byte, t time.Time) []byte {
	n := int64(0)
	if !t.IsZero() {
		n = t.Unix()
	}
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

var errShort = errors.New("store: cut short")

// cutter takes fields off the front of bytes. After the first that is not there, all are zero.
type cutter struct {
	b   []byte
	at  int
	err error
}

func (c *cutter) take(n int) []byte {
	if c.err != nil || n < 0 || len(c.b)-c.at < n {
		c.err = errShort
		return nil
	}
	c.at += n
	return c.b[c.at-n : c.at : c.at]
}

func (c *cutter) byte() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cutter) uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cutter) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cutter) uint64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (c *cutter) varint() uint64 {
	if c.err != nil {
		return 0
	}
	v, n := binary.Uvarint(c.b[c.at:])
	if n <= 0 {
		c.err = errShort
		return 0
	}
	c.at += n
	return v
}

// count reads how many items of at least a size follow, so that nothing is made room for that is not there.
func (c *cutter) count(n uint64, size int) int {
	if c.err != nil || n > uint64((len(c.b)-c.at)/size) {
		c.err = errShort
		return 0
	}
	return int(n)
}

func (c *cutter) doc() (id seal.DocID)         { copy(id[:], c.take(len(id))); return id }
func (c *cutter) session() (id seal.SessionID) { copy(id[:], c.take(len(id))); return id }
func (c *cutter) hash() (h seal.Hash)          { copy(h[:], c.take(len(h))); return h }

func (c *cutter) time() time.Time {
	if n := int64(c.uint64()); n != 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}

// counted is a time of a Steady clock. One that no clock can show is none that was written.
func (c *cutter) counted() time.Duration {
	n := c.uint64()
	if n > uint64(math.MaxInt64/time.Second) {
		c.err = errShort
		return 0
	}
	return time.Duration(n) * time.Second
}

func (c *cutter) retention() (r server.Retention) {
	r.Clock = server.Steady{Counted: c.counted(), Seen: c.time()}
	r.PinnedUntil = c.counted()
	for range c.count(uint64(c.uint16()), 73) {
		s := server.Snapshot{Cursor: wire.Cursor(c.uint64()), Covers: wire.Cursor(c.uint64()), Session: c.session(), Hash: c.hash(), At: c.counted()}
		flags := c.byte()
		s.Sound, s.Objected = flags&1 != 0, flags&2 != 0
		r.Snapshots = append(r.Snapshots, s)
	}
	return r
}

func (c *cutter) entries() (entries []wire.Entry, at []int) {
	for range c.count(uint64(c.uint32()), 12) {
		cursor, size := wire.Cursor(c.uint64()), c.uint32()
		at = append(at, c.at)
		entries = append(entries, wire.Entry{Cursor: cursor, Envelope: c.take(int(size))})
	}
	return entries, at
}

// parseRecords reads a payload. What it gives aliases the payload.
func parseRecords(payload []byte, each func(*record) error) error {
	for c := (&cutter{b: payload}); c.at < len(payload); {
		r := &record{}
		r.Doc = c.doc()
		flags := c.byte()
		r.Gone, r.moved = flags&flagGone != 0, flags&flagMoved != 0
		r.Session = c.session()
		if flags&flagGenesis != 0 {
			r.Genesis = c.take(seal.GenesisSize)
		}
		if flags&flagSuccessor != 0 {
			r.Successor = c.take(seal.SuccessorSize)
		}
		if flags&flagCert != 0 {
			r.Cert = c.take(seal.CertificateSize)
		}
		if flags&flagRetention != 0 {
			retention := c.retention()
			r.Retention = &retention
		}
		for range c.count(uint64(c.uint32()), 28) {
			r.Dropped = append(r.Dropped, server.Dropped{Cursor: wire.Cursor(c.uint64()), Session: c.session(), Seq: c.uint32()})
		}
		for range c.count(uint64(c.uint32()), 52) {
			r.Floors = append(r.Floors, server.Floor{Session: c.session(), Head: seal.Head{Seq: c.uint32(), Hash: c.hash()}})
		}
		r.Packs, r.packsAt = c.entries()
		r.Entries, r.entriesAt = c.entries()
		if c.err != nil {
			return c.err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}
