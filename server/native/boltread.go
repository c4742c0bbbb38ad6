package native

import (
	"bytes"
	"encoding/binary"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// Documents implements server.Log.
func (l *BoltLog) Documents(after seal.DocID, limit int) (docs []seal.DocID, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(docsBucket).Cursor()
		for k, v := c.Seek(after[:]); k != nil && len(docs) < limit; k, v = c.Next() {
			if len(k) == len(after) && !bytes.Equal(k, after[:]) && !bytes.Equal(v, goneRecord) {
				docs = append(docs, seal.DocID(k))
			}
		}
		return nil
	})
	return docs, err
}

// Room implements server.Log.
func (l *BoltLog) Room(doc seal.DocID) (record server.RoomRecord, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		if before, ok := l.settled(doc); ok {
			record = before
			return nil
		}
		b := tx.Bucket(docsBucket).Get(doc[:])
		if record.Gone = bytes.Equal(b, goneRecord); b == nil || record.Gone {
			return nil
		}
		d, err := parseDoc(b)
		if err != nil {
			return err
		}
		cursor, length := end(tx.Bucket(logBucket), doc)
		record = server.RoomRecord{
			Genesis:   bytes.Clone(d.genesis),
			Successor: bytes.Clone(d.successor),
			Head:      cursor,
			Used:      int64(length) - d.released,
			Sessions:  int(d.sessions),
			Retention: d.retention,
		}
		return nil
	})
	return record, err
}

// Session implements server.History.
func (l *BoltLog) Session(doc seal.DocID, id seal.SessionID) (record *server.SessionRecord, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		cert := bytes.Clone(tx.Bucket(certBucket).Get(sessionKey(doc, id)))
		if cert == nil {
			return nil
		}
		if len(cert) != seal.CertificateSize && len(cert) != seal.CertificateSize+floorSize {
			return errors.New("native: damaged certificate record")
		}
		cert, floor := cert[:seal.CertificateSize], cert[seal.CertificateSize:]
		prefix, seqs, head := sessionKey(doc, id), tx.Bucket(seqBucket).Cursor(), l.last(doc)
		k, last := lastOf(seqs, prefix)
		for k != nil && cursorOf(last) > head {
			if k, last = seqs.Prev(); !bytes.HasPrefix(k, prefix) {
				k = nil
			}
		}
		switch {
		case k == nil && len(floor) > 0:
			record = server.EmptySession(cert, seal.Head{Seq: binary.BigEndian.Uint32(floor), Hash: seal.Hash(floor[4:])})
			return nil
		case k == nil:
			return nil
		}
		_, first := seqs.Seek(prefix)
		for cursorOf(first) > head {
			_, first = seqs.Next()
		}
		log := tx.Bucket(logBucket)
		a, b := envelopeAt(log, doc, first), envelopeAt(log, doc, last)
		if a == nil || b == nil {
			return errors.New("native: a session without its envelopes")
		}
		record, err = server.NewSessionRecord(cert, a, b)
		return err
	})
	return record, err
}

// Envelope implements server.History.
func (l *BoltLog) Envelope(doc seal.DocID, id seal.SessionID, seq uint32) (entry *wire.Entry, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		k, cursor := tx.Bucket(seqBucket).Cursor().Seek(seqKey(doc, id, seq))
		if !bytes.HasPrefix(k, sessionKey(doc, id)) || cursorOf(cursor) > l.last(doc) {
			return nil
		}
		envelope := envelopeAt(tx.Bucket(logBucket), doc, cursor)
		if envelope == nil {
			return errors.New("native: a seq without its envelope")
		}
		entry, err = server.Standing(&wire.Entry{Cursor: cursorOf(cursor), Envelope: bytes.Clone(envelope)}, seq)
		return err
	})
	return entry, err
}

// Size implements server.History.
func (l *BoltLog) Size(doc seal.DocID, upTo wire.Cursor) (size int64, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(logBucket).Cursor()
		for k, v := c.Seek(doc[:]); bytes.HasPrefix(k, doc[:]) && cursorOf(k[len(doc):]) <= upTo; k, v = c.Next() {
			size += int64(len(v)) - 8
		}
		return nil
	})
	return size, err
}

// Read implements server.Log.
func (l *BoltLog) Read(doc seal.DocID, since wire.Cursor, limit int) (entries []wire.Entry, next int, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		var page server.Page
		certs, c, head := tx.Bucket(certBucket), tx.Bucket(logBucket).Cursor(), l.last(doc)
		var d docRecord
		if b := tx.Bucket(docsBucket).Get(doc[:]); b != nil && !bytes.Equal(b, goneRecord) {
			if d, err = parseDoc(b); err != nil {
				return err
			}
		}
		for k, v := c.Seek(logKey(doc, since+1)); bytes.HasPrefix(k, doc[:]); k, v = c.Next() {
			if len(k) != len(doc)+8 || len(v) < 8 {
				return errors.New("native: damaged log record")
			}
			cursor, envelope := cursorOf(k[len(doc):]), v[8:]
			if cursor > head {
				break
			}
			if page.Full(limit, len(envelope)) {
				next = len(envelope)
				break
			}
			id, err := server.SessionOf(envelope)
			if err != nil {
				return err
			}
			page.Add(wire.Entry{Cursor: cursor, Envelope: bytes.Clone(envelope)}, id, d.retention, func() []byte {
				cert := bytes.Clone(certs.Get(sessionKey(doc, id)))
				return cert[:min(len(cert), seal.CertificateSize)]
			})
		}
		entries = page.Entries
		return nil
	})
	return entries, next, err
}
