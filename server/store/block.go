package store

import (
	"bytes"
	"encoding/binary"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// A block is a document in a checkpoint. Varints are unsigned LEB128.
//
//	flags 1: genesis 2, successor 4 │ genesis 113, if so │ successor 84, if so
//	│ varint head │ retention, as in a record
//	│ varint count of envelopes, by cursor: varint cursor, less the one before │ varint segment │ varint offset
//	                                        │ varint size │ CRC32C of the envelope 4
//	│ varint count of sessions, by id: session 16 │ certificate 96 │ has a floor 1 │ seq 4 and hash 32, if so
//	                                   │ varint count of its envelopes, by seq: varint seq, less the one before
//	                                                                            │ varint which of the above
//	│ varint count of segments that ever had something of it: varint number, less the one before
//	│ CRC32C of all before 4
func appendBlock(b []byte, d *document) []byte {
	start := len(b)
	b = append(b, bit(flagGenesis, d.genesis != nil)|bit(flagSuccessor, d.successor != nil))
	b = append(append(b, d.genesis...), d.successor...)
	b = binary.AppendUvarint(b, uint64(d.head))
	b = appendRetention(b, d.retention)
	b = binary.AppendUvarint(b, uint64(len(d.places)))
	before := wire.Cursor(0)
	for _, p := range d.places {
		b = binary.AppendUvarint(b, uint64(p.cursor-before))
		b = binary.AppendUvarint(b, uint64(p.segment))
		b = binary.AppendUvarint(b, uint64(p.offset))
		b = binary.AppendUvarint(b, uint64(p.size))
		b = binary.BigEndian.AppendUint32(b, p.sum)
		before = p.cursor
	}
	b = binary.AppendUvarint(b, uint64(len(d.sessions)))
	for _, s := range d.sessions {
		b = append(append(b, s.id[:]...), s.cert...)
		b = append(b, bit(1, s.floor != nil))
		if s.floor != nil {
			b = binary.BigEndian.AppendUint32(b, s.floor.Seq)
			b = append(b, s.floor.Hash[:]...)
		}
		b = binary.AppendUvarint(b, uint64(len(s.ends)))
		seq := uint32(0)
		for _, e := range s.ends {
			i, _ := d.index(e.cursor)
			b = binary.AppendUvarint(b, uint64(e.seq-seq))
			b = binary.AppendUvarint(b, uint64(i))
			seq = e.seq
		}
	}
	b = binary.AppendUvarint(b, uint64(len(d.traces)))
	trace := uint32(0)
	for _, number := range d.traces {
		b = binary.AppendUvarint(b, uint64(number-trace))
		trace = number
	}
	return binary.BigEndian.AppendUint32(b, checksum(b[start:]))
}

// isWhole reports whether a block is as it was written.
func isWhole(b []byte) bool {
	return len(b) >= 4 && checksum(b[:len(b)-4]) == binary.BigEndian.Uint32(b[len(b)-4:])
}

// parseBlock reads a block.
func parseBlock(b []byte) (*document, error) {
	if !isWhole(b) {
		return nil, errShort
	}
	c := &cutter{b: b[:len(b)-4]}
	d := &document{}
	flags := c.byte()
	if flags&flagGenesis != 0 {
		d.genesis = bytes.Clone(c.take(seal.GenesisSize))
	}
	if flags&flagSuccessor != 0 {
		d.successor = bytes.Clone(c.take(seal.SuccessorSize))
	}
	d.head = wire.Cursor(c.varint())
	d.retention = c.retention()
	if n := c.count(c.varint(), 8); n > 0 {
		d.places = make([]place, n)
	}
	before := wire.Cursor(0)
	for i := range d.places {
		p := &d.places[i]
		before += wire.Cursor(c.varint())
		*p = place{before, uint32(c.varint()), uint32(c.varint()), uint32(c.varint()), c.uint32()}
		d.used += int64(p.size)
	}
	sessions := c.count(c.varint(), len(seal.SessionID{})+seal.CertificateSize+2)
	for range sessions {
		s := &session{id: c.session(), cert: bytes.Clone(c.take(seal.CertificateSize))}
		if c.byte() != 0 {
			s.floor = &seal.Head{Seq: c.uint32(), Hash: c.hash()}
		}
		if n := c.count(c.varint(), 2); n > 0 {
			s.ends = make([]end, n)
		}
		seq := uint32(0)
		for i := range s.ends {
			seq += uint32(c.varint())
			at := c.varint()
			if at >= uint64(len(d.places)) {
				return nil, errShort
			}
			s.ends[i] = end{seq, d.places[at].cursor}
		}
		d.sessions = append(d.sessions, s)
	}
	trace := uint32(0)
	for range c.count(c.varint(), 1) {
		trace += uint32(c.varint())
		d.traces = append(d.traces, trace)
	}
	if c.err == nil && c.at != len(c.b) {
		c.err = errShort
	}
	return d, c.err
}
