package store

import (
	"bytes"
	"maps"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

func (w *wreck) remains(id seal.DocID) *remains {
	d := w.docs[id]
	if d == nil {
		d = &remains{covers: make(map[wire.Cursor]wire.Cursor), sessions: make(map[seal.SessionID]*remnant)}
		w.docs[id] = d
	}
	return d
}

// learn takes what a document's id and its genesis vouch for.
func (d *remains) learn(id seal.DocID, genesis, successor []byte) {
	if d.genesis == nil && genesis != nil {
		d.genesis, _ = seal.ParseGenesisOf(id, genesis)
	}
	if d.successor == nil {
		d.successor = bytes.Clone(successor)
	}
}

func (d *remains) session(id seal.SessionID) *remnant {
	s := d.sessions[id]
	if s == nil {
		s = &remnant{}
		d.sessions[id] = s
	}
	return s
}

func (s *remnant) admit(cert []byte) {
	for _, known := range s.certs {
		if bytes.Equal(known, cert) {
			return
		}
	}
	s.certs = append(s.certs, bytes.Clone(cert))
}

// certificate is that of a session which a writer of the document signed, nil where there is none.
func (d *remains) certificate(s *remnant) *seal.Certificate {
	if d.genesis == nil {
		return nil
	}
	for _, b := range s.certs {
		if cert, err := d.genesis.VerifyCertificate(b); err == nil {
			return cert
		}
	}
	return nil
}

// raise: what is up to a head was let go of.
func (s *remnant) raise(floor *seal.Head) {
	if floor != nil && (s.floor == nil || floor.Seq > s.floor.Seq) {
		s.floor = floor
	}
}

// keep notes an envelope that lies at an offset of a segment.
func (d *remains) keep(segment uint32, offset int64, entry wire.Entry) {
	e, err := seal.ParseEnvelope(entry.Envelope)
	if err != nil {
		return
	}
	p := place{entry.Cursor, segment, uint32(offset), uint32(len(entry.Envelope)), checksum(entry.Envelope)}
	s := d.session(e.Session)
	s.finds = append(s.finds, find{p, e.Kind, e.First(), e.Seq, e.Prev, e.Hash()})
}

// readCheckpoints takes every document that is whole in any of them, and from the newest what envelopes there must be.
// What they need and is not there is missing.
func (w *wreck) readCheckpoints(numbers []uint32) error {
	var newest *checkpoint
	for _, number := range slices.Backward(numbers) {
		c, err := openCheckpoint(w.disk, w.salt, number)
		if err != nil {
			w.damage(err)
			continue
		}
		if newest == nil {
			newest = c
		}
		for i := range c.docs() {
			w.block(c, i)
		}
		if err := c.file.Close(); err != nil {
			return err
		}
	}
	for number := range slices.Max(slices.Collect(maps.Keys(w.segments))) {
		if w.segments[number+1] == nil && (newest == nil || newest.needs(number+1)) {
			w.damage(damaged(segmentName(number+1), 0, "missing"))
		}
	}
	return nil
}

// needs reports whether a log that begins with the checkpoint reads a segment.
func (c *checkpoint) needs(number uint32) bool {
	return number >= c.position.segment || c.segments[number].live > 0
}

func (w *wreck) block(c *checkpoint, i int) {
	d := w.remains(c.id(i))
	block, err := c.load(i)
	if err != nil {
		w.damage(err)
		return
	}
	if block.gone {
		d.gone = true
		return
	}
	d.learn(c.id(i), block.genesis, block.successor)
	for _, s := range block.retention.Snapshots {
		d.covers[s.Cursor] = s.Covers
	}
	for _, s := range block.sessions {
		r := d.session(s.id)
		r.admit(s.cert)
		r.raise(s.floor)
		if d.claimed {
			continue
		}
		for _, end := range s.ends {
			r.claims = append(r.claims, end.seq)
		}
	}
	d.claimed = true
	for _, p := range block.places {
		if slices.ContainsFunc(w.torn, func(t tear) bool { return t.has(p.segment, int64(p.offset)) }) {
			w.cursors[spot{p.segment, p.offset}] = p.cursor
		}
	}
}
