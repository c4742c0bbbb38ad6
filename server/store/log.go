package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// Log is a server.Log of segments that all documents share.
//
// Locks, outer before inner: maintaining (one checkpoint or rewriting at a time) · writing (one commit at a time) · mu (what
// readers see, held for moments and never over a disk).
type Log struct {
	disk     Disk
	options  Options
	lock     io.Closer
	identity identity

	maintaining sync.Mutex

	writing sync.Mutex
	active  *segment
	frame   uint64
	buffer  []byte
	// broken is why nothing more is written.
	broken error
	// since is how much was written since the last checkpoint.
	since int64

	mu       sync.RWMutex
	segments map[uint32]*segment
	weights  map[uint32]weight
	// A document is what changed has of it, or else frozen (of which a checkpoint is being made), or else the checkpoint. warm has some
	// of those that the checkpoint has.
	changed, frozen map[seal.DocID]*document
	newest, earlier *checkpoint
	warm            warm
	// passed is what is wrong with checkpoints that opening passed over.
	passed []error
	// lost are documents that the newest checkpoint has and nothing can give, and why.
	lost   map[seal.DocID]error
	closed bool

	wake     chan struct{}
	stopping chan struct{}
	stopped  sync.WaitGroup

	reporting sync.Mutex
	reported  map[string]bool
}

// Options are a log's measures. The zero value of each is its default.
type Options struct {
	// SegmentBytes is where a segment ends, CheckpointBytes how much may be written before there is a checkpoint; where the
	// checkpoint is larger than twice that, half of it.
	SegmentBytes, CheckpointBytes int64
	// WarmBytes bounds the documents in memory that the checkpoint has.
	WarmBytes int
	// Every is how often the log looks for what to let go of; negative is never, but for when it is told to.
	Every time.Duration
	// Pause comes between two steps of rewriting, so that appends have the disk.
	Pause time.Duration
	// Random draws the name of a new store.
	Random io.Reader
	// Report hears once where something is damaged, in a text that names no document.
	Report func(where string)
	// ReadOnly opens a log that may be in use by a relay, as it is at that moment. Nothing is written and nothing is locked.
	ReadOnly bool
}

func (o Options) orDefaults() Options {
	set := func(v *int64, to int64) {
		if *v == 0 {
			*v = to
		}
	}
	set(&o.SegmentBytes, 64<<20)
	set(&o.CheckpointBytes, 64<<20)
	if o.WarmBytes == 0 {
		o.WarmBytes = 64 << 20
	}
	if o.Every == 0 {
		o.Every = time.Hour
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return o
}

// Open opens the log in a folder, or makes both. Errors: ErrInUse, ErrFormat, ErrDamaged, and those of the file system.
func Open(path string) (*Log, error) { return OpenWith(path, Defaults()) }

// Defaults are the options of Open.
func Defaults() Options { return Options{Pause: 20 * time.Millisecond} }

// OpenWith is Open with other measures.
func OpenWith(path string, o Options) (*Log, error) {
	// Sealed or not, who asks what and how much is nobody's business on a shared machine.
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	// The folder's own name, as durable as what is in it.
	if err := syncFolder(filepath.Dir(filepath.Clean(path))); err != nil {
		return nil, err
	}
	lock, err := lockFolder(path)
	if err != nil {
		return nil, err
	}
	l, err := OpenOn(folder{path}, o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	l.lock = lock
	return l, nil
}

// View opens the log in a folder for reading, whether a relay has it open or not. Errors: fs.ErrNotExist where there is none, ErrFormat, ErrDamaged.
func View(path string) (*Log, error) {
	const attempts = 5
	for range attempts - 1 {
		l, err := OpenOn(folder{path}, Options{ReadOnly: true})
		// The relay may let go of a file between its being listed and opened.
		if !errors.Is(err, fs.ErrNotExist) || !IsStore(path) {
			return l, err
		}
	}
	return OpenOn(folder{path}, Options{ReadOnly: true})
}

// IsStore reports whether a folder is a relay's, of this version or another.
func IsStore(path string) bool {
	for _, name := range []string{identityName, boltName} {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			return true
		}
	}
	return false
}

// OpenOn is Open on any disk, which nobody else uses.
func OpenOn(disk Disk, o Options) (*Log, error) {
	l := newLog(disk, o)
	var err error
	l.identity, err = readIdentity(disk)
	switch {
	case err == nil:
		err = l.recover()
	case errors.Is(err, fs.ErrNotExist) && !o.ReadOnly:
		if err = l.begin(); err == nil {
			err = l.identity.write(disk)
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	if l.options.Every > 0 && !o.ReadOnly {
		l.stopped.Go(l.keepHouse)
	}
	return l, nil
}

func newLog(disk Disk, o Options) *Log {
	l := &Log{disk: disk, options: o.orDefaults(), segments: make(map[uint32]*segment), weights: make(map[uint32]weight),
		changed: make(map[seal.DocID]*document), wake: make(chan struct{}, 1), stopping: make(chan struct{})}
	l.warm.limit = l.options.WarmBytes
	return l
}

// begin makes an empty store, all but the file that makes it one.
func (l *Log) begin() (err error) {
	if err := isFree(l.disk); err != nil {
		return err
	}
	if l.identity, err = newIdentity(l.options.Random); err != nil {
		return err
	}
	if l.active, err = createSegment(l.disk, l.identity.salt, 1); err != nil {
		return err
	}
	l.segments[1], l.frame = l.active, 1
	return nil
}

// Store implements server.History.
func (l *Log) Store() wire.StoreID { return l.identity.id }

// Commit implements server.Log. Errors: ErrFull, after which it may be tried again; after any other failure of the disk nothing
// is written until the log is opened again, and Commit says ErrBroken. ErrTooLong for what no relay commits at once.
func (l *Log) Commit(writes []*server.Write) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	size := 0
	for _, w := range writes {
		size += recordLimit(w)
	}
	if size > maxPayload {
		return fmt.Errorf("%w: %d bytes", ErrTooLong, size)
	}
	l.buffer = append(l.buffer[:0], make([]byte, frameHeader)...)
	for _, w := range writes {
		l.buffer = appendRecord(l.buffer, w, false)
	}
	err := l.append()
	// A rare large commit need not be remembered.
	if cap(l.buffer) > 4<<20 {
		l.buffer = nil
	}
	return err
}

// append writes the frame in the buffer and shows what it brings when that is durable. The caller holds writing.
func (l *Log) append() error {
	if l.broken != nil {
		return l.broken
	}
	if l.options.ReadOnly {
		return fs.ErrPermission
	}
	if l.active.finished || l.active.end > segmentHeader && l.active.end+int64(len(l.buffer)) > l.options.SegmentBytes {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	l.identity.salt.sealFrame(l.buffer, l.frame)
	// What is shown is read from what is written, here as after a restart.
	next := l.overlay(l.active.number)
	if err := next.apply(l.buffer[frameHeader:], l.active.end+frameHeader); err != nil {
		return err
	}
	if _, err := l.active.file.WriteAt(l.buffer, l.active.end); err != nil {
		return l.undo(err, isFull(err))
	}
	if err := l.active.file.Sync(); err != nil {
		return l.undo(err, false)
	}
	l.active.end += int64(len(l.buffer))
	l.since += int64(len(l.buffer))
	l.frame++
	l.publish(next)
	if l.isCheckpointDue() {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// undo takes back a write that failed. Where it cannot, or where a flush failed, nothing is written any more: the system may
// have dropped the pages, and a second flush would succeed without them. That they are cut off all the same keeps whoever opens
// the file next from believing in pages that only the system's memory has.
func (l *Log) undo(failure error, again bool) error {
	if err := l.active.file.Truncate(l.active.end); err != nil {
		failure, again = errors.Join(failure, err), false
	}
	if again {
		return fmt.Errorf("%w: %w", ErrFull, failure)
	}
	l.broken = ErrBroken
	return fmt.Errorf("%w: %w", ErrBroken, failure)
}

// rotate begins another segment. The caller holds writing.
func (l *Log) rotate() error {
	// The cut of a write that was taken back may not be on the disk, and behind a finished segment there must be nothing.
	if err := l.active.file.Sync(); err != nil {
		return l.undo(err, false)
	}
	// Where the next one cannot be made some of it may be on the disk all the same, and then a write here that is cut short would
	// look like damage.
	l.active.finished = true
	next, err := createSegment(l.disk, l.identity.salt, l.active.number+1)
	if err != nil {
		if isFull(err) {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
		// Its name may be on the disk or not; the segment before it is as it was.
		return fmt.Errorf("store: begin a segment: %w", err)
	}
	l.mu.Lock()
	l.segments[next.number], l.active = next, next
	l.mu.Unlock()
	return nil
}

// Close implements server.Log.
func (l *Log) Close() error {
	close(l.stopping)
	l.stopped.Wait()
	l.writing.Lock()
	worthIt := l.since > 1<<20 && l.broken == nil
	l.writing.Unlock()
	if worthIt {
		// Where it fails the next life reads more of the log.
		_ = l.Checkpoint()
	}
	return l.closeFiles()
}

func (l *Log) closeFiles() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	var err error
	for _, s := range l.segments {
		err = errors.Join(err, s.file.Close())
	}
	for _, c := range l.checkpoints() {
		err = errors.Join(err, c.file.Close())
	}
	if l.lock != nil {
		err = errors.Join(err, l.lock.Close())
	}
	return err
}
