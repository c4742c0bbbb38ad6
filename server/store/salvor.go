package store

import (
	"cmp"
	"maps"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// salvor brings what a wreck has into a new log, document by document. Cursors are given out anew, in their old order; what
// snapshots cover is left behind: the store keeps everything until the next one.
type salvor struct {
	*wreck
	log   *Log
	apart func(Piece) error
	// writes are the next commit.
	writes []*server.Write
	size   int
}

// salvageBytes is how much is brought in one commit.
const salvageBytes = 4 << 20

func (v *salvor) all() error {
	ids := slices.SortedFunc(maps.Keys(v.docs), func(a, b seal.DocID) int { return slices.Compare(a[:], b[:]) })
	for _, id := range ids {
		if err := v.document(id, v.docs[id]); err != nil {
			return err
		}
	}
	return v.commit()
}

// kept is an envelope that is brought, with the certificate of its session.
type kept struct {
	find
	session seal.SessionID
	cert    *seal.Certificate
}

func (v *salvor) document(id seal.DocID, d *remains) error {
	switch {
	case d.gone:
		v.report.Deleted++
		return v.add(&server.Write{Doc: id, Gone: true}, 0)
	case d.genesis == nil:
		v.lost("document %v: its beginning, without which nothing of it can be verified", id)
		return nil
	}
	v.report.Documents++
	if _, err := d.genesis.VerifySuccessor(d.successor); err != nil {
		d.successor = nil
	}
	if err := v.add(&server.Write{Doc: id, Genesis: d.genesis.Bytes(), Successor: d.successor}, 0); err != nil {
		return err
	}
	var all []kept
	for _, session := range slices.SortedFunc(maps.Keys(d.sessions), func(a, b seal.SessionID) int { return slices.Compare(a[:], b[:]) }) {
		s := d.sessions[session]
		cert := d.certificate(s)
		if cert == nil {
			v.lost("document %v, session %v: its certificate, without which nothing of it can be verified", id, session)
			continue
		}
		parts, err := v.parts(cert, s)
		if err != nil {
			return err
		}
		v.missed(id, session, s, parts)
		if len(parts) == 0 {
			// A relay knows a session by what it has, or by what it let go of.
			if s.floor != nil {
				v.report.Sessions++
				if err := v.add(&server.Write{Doc: id, Session: session, Cert: cert.Bytes(), Floors: []server.Floor{{Session: session, Head: *s.floor}}}, 0); err != nil {
					return err
				}
			}
			continue
		}
		v.report.Sessions++
		chosen := d.choose(parts)
		for _, f := range parts[chosen] {
			all = append(all, kept{f, session, cert})
		}
		if err := v.leave(id, d, cert, slices.Delete(parts, chosen, chosen+1)); err != nil {
			return err
		}
	}
	return v.bring(id, all)
}

// choose is the last part of a session before which nothing is missing that a snapshot does not have: what is behind the others no
// reader could show.
func (d *remains) choose(parts [][]find) (chosen int) {
	for i := 1; i < len(parts); i++ {
		at := parts[i][0].cursor
		covered := false
		for snapshot, covers := range d.covers {
			covered = covered || at > 0 && covers+1 >= at && d.has(snapshot)
		}
		if !covered {
			break
		}
		chosen = i
	}
	return chosen
}

// has reports whether the envelope at a cursor was found.
func (d *remains) has(cursor wire.Cursor) bool {
	for _, s := range d.sessions {
		if slices.ContainsFunc(s.finds, func(f find) bool { return f.cursor == cursor && f.kind == seal.Snapshot }) {
			return true
		}
	}
	return false
}

// bring writes envelopes in the order in which they came; those of which nobody knows it are the last.
func (v *salvor) bring(id seal.DocID, all []kept) error {
	slices.SortStableFunc(all, func(a, b kept) int { return cmp.Compare(a.cursor-1, b.cursor-1) })
	known := make(map[seal.SessionID]bool)
	var w *server.Write
	size := 0
	for i, k := range all {
		b, err := v.envelope(k.place)
		if err != nil {
			return err
		}
		if w == nil || w.Session != k.session || size > moveBytes {
			if err := v.add(w, size); err != nil {
				return err
			}
			w, size = &server.Write{Doc: id, Session: k.session}, 0
			if !known[k.session] {
				w.Cert, known[k.session] = k.cert.Bytes(), true
			}
		}
		w.Entries = append(w.Entries, wire.Entry{Cursor: wire.Cursor(i + 1), Envelope: b})
		size += len(b)
		v.report.Envelopes++
		v.report.Bytes += int64(len(b))
	}
	return v.add(w, size)
}

// add takes a write, nil for none, into the next commit.
func (v *salvor) add(w *server.Write, size int) error {
	if w != nil {
		v.writes, v.size = append(v.writes, w), v.size+size
	}
	if v.size < salvageBytes && len(v.writes) < wire.MaxRun {
		return nil
	}
	return v.commit()
}

func (v *salvor) commit() error {
	if len(v.writes) == 0 {
		return nil
	}
	err := v.log.Commit(v.writes)
	v.writes, v.size = nil, 0
	return err
}

// leave gives what joins nothing.
func (v *salvor) leave(id seal.DocID, d *remains, cert *seal.Certificate, parts [][]find) error {
	for i, part := range parts {
		piece := Piece{Doc: id, Genesis: d.genesis.Bytes(), Successor: d.successor, Number: i + 1}
		for _, f := range part {
			b, err := v.envelope(f.place)
			if err != nil {
				return err
			}
			piece.Entries = append(piece.Entries, wire.Entry{Cursor: wire.Cursor(len(piece.Entries) + 1), Envelope: b, Cert: cert.Bytes()})
		}
		v.report.Apart += len(part)
		if err := v.apart(piece); err != nil {
			return err
		}
	}
	return nil
}

// parts are what is proven to be a session's, in order, divided where something is missing; not what was let go of.
func (v *salvor) parts(cert *seal.Certificate, s *remnant) (parts [][]find, err error) {
	// The longest first, packs before what they stand for, and those whose place is known.
	slices.SortStableFunc(s.finds, func(a, b find) int {
		return cmp.Or(cmp.Compare(a.first, b.first), -cmp.Compare(a.seq, b.seq), cmp.Compare(a.cursor-1, b.cursor-1))
	})
	var part []find
	end := func() error {
		proven, err := v.proven(cert, part)
		if len(proven) > 0 && (s.floor == nil || proven[len(proven)-1].seq > s.floor.Seq) {
			parts = append(parts, proven)
		}
		part = nil
		return err
	}
	for _, f := range s.finds {
		if n := len(part); n > 0 {
			last := part[n-1]
			if f.first <= last.seq || uint64(f.first) == uint64(last.seq)+1 && f.prev != last.hash {
				continue
			}
			if uint64(f.first) > uint64(last.seq)+1 {
				if err := end(); err != nil {
					return nil, err
				}
			}
		}
		part = append(part, f)
	}
	return parts, end()
}

// proven is how far a part is vouched for: by the signature of its last envelope, which contains the hashes of all before it, and that of
// every pack.
func (v *salvor) proven(cert *seal.Certificate, part []find) ([]find, error) {
	if len(part) == 0 || part[0].first == 0 && part[0].prev != cert.Hash() {
		return nil, nil
	}
	for i, f := range part {
		if f.kind != seal.Pack {
			continue
		}
		if signed, err := v.isSigned(cert, f); err != nil {
			return nil, err
		} else if !signed {
			part = part[:i]
			break
		}
	}
	for n := len(part); n > 0; n-- {
		if signed, err := v.isSigned(cert, part[n-1]); signed || err != nil {
			return part[:n], err
		}
	}
	return nil, nil
}

func (v *salvor) isSigned(cert *seal.Certificate, f find) (bool, error) {
	b, err := v.envelope(f.place)
	if err != nil {
		return false, err
	}
	e, err := seal.ParseEnvelope(b)
	if err != nil {
		return false, err
	}
	_, unsigned := cert.VerifyRun(nil, []seal.Envelope{e})
	return unsigned == nil, nil
}

// missed says what of a session there must have been.
func (v *salvor) missed(id seal.DocID, session seal.SessionID, s *remnant, parts [][]find) {
	report := func(from, to uint64) { v.lost("document %v, session %v: envelopes %d to %d", id, session, from, to) }
	next, known := uint64(0), false
	switch {
	case s.floor != nil:
		next, known = uint64(s.floor.Seq)+1, true
	case len(s.claims) > 0:
		next, known = uint64(s.claims[0]), true
	}
	for _, part := range parts {
		if first := uint64(part[0].first); known && first > next {
			report(next, first-1)
		}
		next, known = uint64(part[len(part)-1].seq)+1, true
	}
	if n := len(s.claims); n > 0 && uint64(s.claims[n-1]) >= next {
		report(max(next, uint64(s.claims[0])), uint64(s.claims[n-1]))
	}
}

// envelope reads one again.
func (w *wreck) envelope(p place) ([]byte, error) {
	b := make([]byte, p.size)
	if _, err := w.segments[p.segment].file.ReadAt(b, int64(p.offset)); err != nil {
		return nil, err
	}
	return b, p.check(b)
}
