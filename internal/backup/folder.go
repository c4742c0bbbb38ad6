package backup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// ErrInUse: another process adds to this backup.
var ErrInUse = errors.New("backup: another backup is writing here")

// ErrForeign: the relay gave something that is not of the document, or no envelope at all. Nothing of that batch was kept.
var ErrForeign = errors.New("backup: not of this document")

const (
	// blockBytes is where a block ends: what one damaged byte may cost.
	blockBytes = 16 << 10
	// segmentBytes is where a file ends. Those before the last never change, which copying programs like.
	segmentBytes = 64 << 20
)

// Folder is a document's backup, to be added to by one process at a time.
type Folder struct {
	*Contents
	lock *os.File
	file *os.File
	// certified are the sessions whose certificates are in the open file: each stands for itself.
	certified map[seal.SessionID]bool
	// limit is segmentBytes but in tests.
	limit int64
}

// Open begins or goes on with the backup of a document. Errors: ErrInUse, ErrNewer, those of the file system.
func Open(dir string, doc seal.DocID) (*Folder, error) {
	to := filepath.Join(dir, doc.String())
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(to, "lock"))
	if err != nil {
		return nil, err
	}
	c, err := Read(dir, doc)
	if errors.Is(err, ErrNone) {
		c, err = nothing(dir, doc), nil
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Folder{Contents: c, lock: lock, limit: segmentBytes}, nil
}

// Close gives the folder to others. Everything that was kept is on disk already.
func (f *Folder) Close() error {
	err := f.lock.Close()
	if f.file != nil {
		err = errors.Join(f.file.Close(), err)
	}
	return err
}

// Resume is where to go on in the log of a store.
func (f *Folder) Resume(store wire.StoreID) wire.Cursor { return f.covered[store] }

// Begin takes what a welcome says for good: the genesis, which is of this document, and the successor.
func (f *Folder) Begin(w *wire.Welcome) error {
	if f.Genesis == nil && w.Genesis != nil {
		genesis, err := seal.ParseGenesisOf(f.Doc, w.Genesis)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrForeign, err)
		}
		f.Genesis = genesis
	}
	if w.Successor == nil || f.Genesis == nil || string(w.Successor) == string(f.Successor) {
		return nil
	}
	if _, err := f.Genesis.VerifySuccessor(w.Successor); err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	f.Successor = w.Successor
	if err := f.write(appendFrame(nil, successorFrame, w.Successor)); err != nil {
		return err
	}
	return f.file.Sync()
}

// Keep adds a batch that follows a cursor of a store. When it returns, what was not here yet is on disk. Errors: ErrForeign,
// those of the file system; after one of those the folder has to be opened again.
func (f *Folder) Keep(store wire.StoreID, from wire.Cursor, batch *wire.Batch) (kept int, err error) {
	switch {
	case f.Genesis == nil && len(batch.Entries) > 0:
		return 0, fmt.Errorf("%w: envelopes before a genesis", ErrForeign)
	case f.Genesis == nil:
		return 0, nil // nobody has brought the document yet
	}
	// Everything is looked at before anything is written.
	for _, e := range batch.Entries {
		if err := f.admit(e); err != nil {
			return 0, err
		}
	}
	next := block{store: store, from: from}
	size := 0
	flush := func(upTo wire.Cursor) error {
		if upTo == next.from {
			return nil
		}
		next.upTo = upTo
		if err := f.append(next); err != nil {
			return err
		}
		next, size = block{store: store, from: upTo}, 0
		return nil
	}
	before := from
	for _, e := range batch.Entries {
		if f.has(e.Envelope) {
			before = e.Cursor
			continue
		}
		if size > 0 && size+len(e.Envelope) > blockBytes {
			if err := flush(before); err != nil {
				return kept, err
			}
		}
		next.entries = append(next.entries, e)
		size += len(e.Envelope)
		before = e.Cursor
		kept++
	}
	if err := flush(batch.UpTo); err != nil {
		return kept, err
	}
	if f.file == nil {
		return kept, nil
	}
	return kept, f.file.Sync()
}

// admit checks that an envelope is one, and that a writer of the document admitted its session. Kinds of a newer release are
// taken as they are.
func (f *Folder) admit(e wire.Entry) error {
	if _, err := seal.ParseEnvelope(e.Envelope); err != nil && !errors.Is(err, seal.ErrUnsupported) {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	id, ok := sessionOf(e.Envelope)
	if ok && f.Certificates[id] != nil {
		return nil
	}
	cert, err := f.Genesis.VerifyCertificate(e.Cert)
	if err != nil {
		return fmt.Errorf("%w: an envelope of a session that no writer admitted: %w", ErrForeign, err)
	}
	if cert.Session() != id {
		return fmt.Errorf("%w: an envelope with the certificate of another session", ErrForeign)
	}
	f.Certificates[id] = cert
	return nil
}

// sessionOf is whose envelope it is: at the same place in every kind, also those of a newer release. A document's suite is one
// for life.
func sessionOf(envelope []byte) (id seal.SessionID, ok bool) {
	if len(envelope) < seal.HeaderSize || envelope[0] != suite {
		return id, false
	}
	return seal.SessionID(envelope[16:32]), true
}

const suite = 1

// append writes one block and notes what is in it.
func (f *Folder) append(k block) error {
	if err := f.roll(); err != nil {
		return err
	}
	for _, e := range k.entries {
		if id, _ := sessionOf(e.Envelope); !f.certified[id] {
			f.certified[id] = true
			k.certificates = append(k.certificates, f.Certificates[id].Bytes())
		}
	}
	payload := k.encode()
	number, at := f.end()
	if err := f.write(appendFrame(nil, blockFrame, payload)); err != nil {
		return err
	}
	return f.take(number, blockFrame, payload, at+frameHead)
}

func (f *Folder) end() (number int, at int64) {
	s := f.segments[len(f.segments)-1]
	return s.number, s.size
}

// write adds to the open file.
func (f *Folder) write(b []byte) error {
	if err := f.roll(); err != nil {
		return err
	}
	f.segments[len(f.segments)-1].size += int64(len(b))
	_, err := f.file.Write(b)
	return err
}

// roll makes sure that a file is open that may be added to. Nothing is ever written behind something torn, and nothing is
// cut away: what looks torn may be what somebody can still mend.
func (f *Folder) roll() error {
	last := segment{}
	if n := len(f.segments); n > 0 {
		last = f.segments[n-1]
	}
	if f.file != nil && last.size < f.limit {
		return nil
	}
	if f.file != nil {
		if err := errors.Join(f.file.Sync(), f.file.Close()); err != nil {
			return err
		}
		f.file = nil
	} else if last.clean && last.size < f.limit {
		file, err := os.OpenFile(filepath.Join(f.dir, fileName(last.number)), os.O_WRONLY|os.O_APPEND, 0)
		f.file, f.certified = file, make(map[seal.SessionID]bool)
		return err
	}
	file, err := os.OpenFile(filepath.Join(f.dir, fileName(last.number+1)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f.file, f.certified = file, make(map[seal.SessionID]bool)
	f.segments = append(f.segments, segment{number: last.number + 1, clean: true})
	head := binary.LittleEndian.AppendUint32(nil, formatVersion)
	head = binary.LittleEndian.AppendUint32(head, uint32(last.number+1))
	head = appendFrame(nil, segmentFrame, append(head, f.Genesis.Bytes()...))
	head = append(head, head...) // twice: without the genesis nothing of the file can be proven
	f.segments[len(f.segments)-1].size = int64(len(head))
	if _, err := file.Write(head); err != nil {
		return err
	}
	return errors.Join(file.Sync(), syncFolder(f.dir), syncFolder(filepath.Dir(f.dir)))
}
