package native

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// ErrInUse: another process has the folder open.
var ErrInUse = errors.New("native: the data folder is in use by another relay")

// ErrFull: the disk had no room for a commit. Nothing of it was kept; another may succeed later.
var ErrFull = errors.New("native: no room on the disk")

// ErrNewerFormat: the folder was written by a newer release. It is left as it was.
var ErrNewerFormat = errors.New("native: the data folder was written by a newer version")

// BoltLog is a Log in one file. The buckets, with integers big-endian so that keys sort by number:
//
//	meta   "format"             → 1
//	       "store"              → store id 16
//	docs   doc 20               → docRecord
//	certs  doc ‖ session 16     → certificate 96, and where its first envelopes are gone the last of those: seq 4 ‖ hash 32
//	log    doc ‖ cursor 8       → length of the document's log up to here 8 ‖ envelope
//	seqs   doc ‖ session ‖ seq 4 → cursor 8; of a pack its last seq
//
// A document's head and length are those of its last log record, a session's ends are its first and last seq: nothing is
// kept that has to be kept in step, but for how much of the length has gone.
type BoltLog struct {
	db    *bbolt.DB
	store wire.StoreID
	// update is db.Update; a test lets it fail as a disk does.
	update func(func(*bbolt.Tx) error) error
	// unsettled has the documents of a Commit that is not on disk, as they were before it. bbolt shows a transaction as
	// soon as its last page is written, before that is flushed, and goes on showing it when the flush fails: what
	// these documents have more than this is not shown. It is nil between commits, and stays after a failure
	// that is not a full disk: what the disk has of the file is then unknown (a second fsync may succeed without the
	// first one's pages), so nothing is written until a restart.
	unsettled atomic.Pointer[records]
}

// records are documents at one time.
type records map[seal.DocID]server.RoomRecord

var (
	metaBucket = []byte("meta")
	docsBucket = []byte("docs")
	certBucket = []byte("certs")
	logBucket  = []byte("log")
	seqBucket  = []byte("seqs")

	formatKey = []byte("format")
	storeKey  = []byte("store")
	format1   = []byte{1}
)

// FileName is the log's name in the data folder.
const FileName = "relay.db"

// OpenBoltLog opens the log in a folder, or makes both. Errors: ErrInUse, ErrNewerFormat, and those of the file system.
func OpenBoltLog(folder string) (*BoltLog, error) {
	// Sealed or not, who asks what and how much is nobody's business on a shared machine.
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(filepath.Join(folder, FileName), 0o600, &bbolt.Options{
		Timeout:      time.Second,
		FreelistType: bbolt.FreelistMapType,
	})
	if errors.Is(err, bbolt.ErrTimeout) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("native: open the log: %w", err)
	}
	l := &BoltLog{db: db, update: db.Update}
	// The file may show what a killed process wrote and did not flush. It will be acknowledged, so it must be on disk.
	if err := errors.Join(l.prepare(), db.Sync(), syncFolder(folder)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

// prepare reads the store's name and format, and gives them to a new file. An old one is not written to: a relay starts
// on a full disk.
func (l *BoltLog) prepare() error {
	isNew := false
	if err := l.db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if isNew = meta == nil; isNew {
			return nil
		}
		if !bytes.Equal(meta.Get(formatKey), format1) {
			return ErrNewerFormat
		}
		if id := meta.Get(storeKey); copy(l.store[:], id) != len(id) || len(id) != len(l.store) {
			return errors.New("native: damaged store id")
		}
		return nil
	}); err != nil || !isNew {
		return err
	}
	rand.Read(l.store[:])
	return l.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{metaBucket, docsBucket, certBucket, logBucket, seqBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(metaBucket)
		return errors.Join(meta.Put(formatKey, format1), meta.Put(storeKey, l.store[:]))
	})
}

// syncFolder makes the file's name as durable as its content.
func syncFolder(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Store implements server.Log.
func (l *BoltLog) Store() wire.StoreID { return l.store }

// Close implements server.Log.
func (l *BoltLog) Close() error { return l.db.Close() }

// Commit implements server.Log. Errors: ErrFull, after which it may be tried again; after any other nothing is written
// until a restart.
func (l *BoltLog) Commit(writes []*server.Write) error {
	if l.unsettled.Load() != nil {
		return errors.New("native: the log takes nothing more after a failed write; restart the relay")
	}
	before := make(records)
	for _, w := range writes {
		if _, have := before[w.Doc]; have {
			continue
		}
		record, err := l.Room(w.Doc)
		if err != nil {
			return err
		}
		before[w.Doc] = record
	}
	l.unsettled.Store(&before)
	err := l.update(func(tx *bbolt.Tx) error {
		for _, w := range writes {
			if err := put(tx, w); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err == nil:
		l.unsettled.Store(nil)
	case isFull(err):
		l.unsettled.Store(nil)
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// settled gives a document as it was before the Commit that is not on disk; ok is false where there is none of it. Ask
// within a transaction: one that sees the Commit finds it here until it is durable.
func (l *BoltLog) settled(doc seal.DocID) (record server.RoomRecord, ok bool) {
	if before := l.unsettled.Load(); before != nil {
		record, ok = (*before)[doc]
	}
	return record, ok
}

// last is the highest cursor of a document that may be shown.
func (l *BoltLog) last(doc seal.DocID) wire.Cursor {
	if record, ok := l.settled(doc); ok {
		return record.Head
	}
	return wire.MaxInteger
}

// isFull: the file could not take a page, and what it has is as it was.
func isFull(err error) bool {
	// bbolt makes the file longer before it writes the first page, and drops the cause when that fails.
	if strings.HasPrefix(err.Error(), "file resize error") {
		return true
	}
	// Only a refused write. A refused fsync leaves open what the disk has, whatever its reason.
	var failed *fs.PathError
	return errors.As(err, &failed) && failed.Op == "write" &&
		(errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG))
}

func put(tx *bbolt.Tx, w *server.Write) error {
	docs, certs, log, seqs := tx.Bucket(docsBucket), tx.Bucket(certBucket), tx.Bucket(logBucket), tx.Bucket(seqBucket)
	if w.Gone {
		for _, b := range []*bbolt.Bucket{certs, log, seqs} {
			if err := deleteAll(b, w.Doc[:]); err != nil {
				return err
			}
		}
		return docs.Put(w.Doc[:], goneRecord)
	}
	// Keys mostly come at the end of a document's range: fuller pages, fewer of them.
	log.FillPercent = 0.9
	_, length := end(log, w.Doc)
	if err := putDoc(docs, log, w); err != nil {
		return err
	}
	if w.Cert != nil {
		if err := certs.Put(sessionKey(w.Doc, w.Session), w.Cert); err != nil {
			return err
		}
	}
	for _, gone := range w.Dropped {
		if err := errors.Join(log.Delete(logKey(w.Doc, gone.Cursor)), seqs.Delete(seqKey(w.Doc, gone.Session, gone.Seq))); err != nil {
			return err
		}
	}
	for _, floor := range w.Floors {
		key := sessionKey(w.Doc, floor.Session)
		cert := certs.Get(key)
		if len(cert) < seal.CertificateSize {
			return errors.New("native: a floor of an unknown session")
		}
		value := binary.BigEndian.AppendUint32(bytes.Clone(cert[:seal.CertificateSize]), floor.Head.Seq)
		if err := certs.Put(key, append(value, floor.Head.Hash[:]...)); err != nil {
			return err
		}
	}
	keep := func(e wire.Entry) error {
		h, err := seal.ParseHeader(e.Envelope)
		if err != nil {
			return err
		}
		value := append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(e.Envelope)), length), e.Envelope...)
		cursor := binary.BigEndian.AppendUint64(nil, uint64(e.Cursor))
		return errors.Join(log.Put(logKey(w.Doc, e.Cursor), value), seqs.Put(seqKey(w.Doc, w.Session, h.Seq), cursor))
	}
	for _, e := range w.Packs {
		if err := keep(e); err != nil {
			return err
		}
	}
	for _, e := range w.Entries {
		length += uint64(len(e.Envelope))
		if err := keep(e); err != nil {
			return err
		}
	}
	return nil
}

// putDoc brings the document's own record up to a write. The log still has what is dropped.
func putDoc(docs, log *bbolt.Bucket, w *server.Write) error {
	var d docRecord
	if w.Genesis == nil {
		if w.Cert == nil && w.Successor == nil && w.Retention == nil && len(w.Dropped) == 0 {
			return nil
		}
		var err error
		if d, err = parseDoc(docs.Get(w.Doc[:])); err != nil {
			return err
		}
	} else {
		d.genesis = w.Genesis
	}
	if w.Cert != nil {
		d.sessions++
	}
	if w.Successor != nil {
		d.successor = w.Successor
	}
	if w.Retention != nil {
		d.retention = *w.Retention
	}
	for _, gone := range w.Dropped {
		cursor := binary.BigEndian.AppendUint64(nil, uint64(gone.Cursor))
		envelope := envelopeAt(log, w.Doc, cursor)
		if envelope == nil {
			return errors.New("native: dropped what is not there")
		}
		d.released += int64(len(envelope))
	}
	for _, e := range w.Packs {
		d.released -= int64(len(e.Envelope))
	}
	return docs.Put(w.Doc[:], d.bytes())
}
