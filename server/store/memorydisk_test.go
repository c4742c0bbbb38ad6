package store_test

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/freehold-dev/freehold/server/store"
)

// memoryDisk is a disk that can lose its power: then of what was not flushed any part may be there, sector by sector, and of the
// names not made durable the first few. It can fail at one operation of those that change something.
type memoryDisk struct {
	random *rand.Rand
	names  map[string]*memoryFile
	// durable are the names that a power cut leaves, changes those that came since, in their order.
	durable map[string]*memoryFile
	changes []func(map[string]*memoryFile)
	// operations counts what changes something. At the one numbered failAt, failure happens, and at so many after it; where it is errCut, at all.
	operations, failAt, more int
	failure                  error
	// failed says what the operation was that failed.
	failed string
	// forgets: names that could not be made durable are not made so by another flush. No file system with a journal is like that.
	forgets bool
	// read counts bytes.
	read atomic.Int64
}

// errCut is the power's.
var errCut = errors.New("no power")

// sector is the smallest piece of a write that is there as a whole.
const sector = 512

type memoryFile struct {
	disk *memoryDisk
	// content is what a reader sees, durable what the disk has, pending what a flush brings there, in its order.
	content, durable []byte
	pending          []func([]byte) []byte
	closed           bool
	// bad is a byte that the disk cannot read, 0 for none.
	bad int
}

func newMemoryDisk(random *rand.Rand) *memoryDisk {
	return &memoryDisk{random: random, names: make(map[string]*memoryFile), durable: make(map[string]*memoryFile)}
}

// step counts an operation and says whether it fails.
func (d *memoryDisk) step(what string) error {
	d.operations++
	if d.failAt == 0 || d.operations < d.failAt || d.operations > d.failAt+d.more && !errors.Is(d.failure, errCut) {
		return nil
	}
	if d.operations == d.failAt {
		d.failed = what
	}
	return &fs.PathError{Op: what, Path: "file", Err: d.failure}
}

// cut takes the power away and gives it back. Whoever had files open has them no more.
func (d *memoryDisk) cut() {
	for _, change := range d.changes[:d.random.IntN(len(d.changes)+1)] {
		change(d.durable)
	}
	d.changes, d.failAt = nil, 0
	for name, old := range d.durable {
		for _, write := range old.pending {
			if d.random.IntN(2) == 0 {
				old.durable = write(old.durable)
			}
		}
		old.closed = true
		d.durable[name] = &memoryFile{disk: d, durable: old.durable, content: slices.Clone(old.durable)}
	}
	d.names = maps.Clone(d.durable)
}

func (d *memoryDisk) rename(change func(map[string]*memoryFile)) {
	change(d.names)
	d.changes = append(d.changes, change)
}

func (d *memoryDisk) List() ([]string, error) { return slices.Collect(maps.Keys(d.names)), nil }

func (d *memoryDisk) Open(name string) (store.File, error) {
	if f := d.names[name]; f != nil {
		return &handle{file: f}, nil
	}
	return nil, fs.ErrNotExist
}

func (d *memoryDisk) Create(name string) (store.File, error) {
	if err := d.step("create"); err != nil {
		return nil, err
	}
	f := &memoryFile{disk: d}
	d.rename(func(names map[string]*memoryFile) { names[name] = f })
	return &handle{file: f}, nil
}

func (d *memoryDisk) Rename(from, to string) error {
	if err := d.step("rename"); err != nil {
		return err
	}
	f := d.names[from]
	d.rename(func(names map[string]*memoryFile) {
		delete(names, from)
		names[to] = f
	})
	return nil
}

func (d *memoryDisk) Remove(name string) error {
	if err := d.step("remove"); err != nil {
		return err
	}
	if d.names[name] == nil {
		return fs.ErrNotExist
	}
	d.rename(func(names map[string]*memoryFile) { delete(names, name) })
	return nil
}

// Sync where it fails forgets what was to be flushed, if the disk is such a one.
func (d *memoryDisk) Sync() error {
	if err := d.step("sync names"); err != nil {
		if d.forgets {
			d.changes = nil
		}
		return err
	}
	for _, change := range d.changes {
		change(d.durable)
	}
	d.changes = nil
	return nil
}

// handle is an open file.
type handle struct {
	file   *memoryFile
	closed bool
}

func (h *handle) check() error {
	if h.closed || h.file.closed {
		return fs.ErrClosed
	}
	return nil
}

func (h *handle) ReadAt(b []byte, at int64) (int, error) {
	if err := h.check(); err != nil {
		return 0, err
	}
	if at >= int64(len(h.file.content)) {
		return 0, io.EOF
	}
	if bad := int64(h.file.bad); bad > 0 && at <= bad && bad < at+int64(len(b)) {
		return 0, syscall.EIO
	}
	n := copy(b, h.file.content[at:])
	h.file.disk.read.Add(int64(n))
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, at int64) (int, error) {
	if err := h.check(); err != nil {
		return 0, err
	}
	err := h.file.disk.step("write")
	if err != nil {
		b = b[:h.file.disk.random.IntN(len(b)+1)]
	}
	b = slices.Clone(b)
	for from := 0; from < len(b); {
		n := min(len(b)-from, sector-int(at+int64(from))%sector)
		piece, offset := b[from:from+n], at+int64(from)
		write := func(content []byte) []byte {
			if missing := int(offset) + len(piece) - len(content); missing > 0 {
				content = append(content, make([]byte, missing)...)
			}
			copy(content[offset:], piece)
			return content
		}
		h.file.content = write(h.file.content)
		h.file.pending = append(h.file.pending, write)
		from += n
	}
	return len(b), err
}

func (h *handle) Truncate(size int64) error {
	if err := h.check(); err != nil {
		return err
	}
	if err := h.file.disk.step("truncate"); err != nil {
		return err
	}
	cut := func(content []byte) []byte { return content[:min(size, int64(len(content)))] }
	h.file.content = cut(h.file.content)
	h.file.pending = append(h.file.pending, cut)
	return nil
}

// Sync where it fails is what it is on Linux: what was to be flushed is taken for flushed, and a second flush succeeds.
func (h *handle) Sync() error {
	if err := h.check(); err != nil {
		return err
	}
	if err := h.file.disk.step("sync"); err != nil {
		if errors.Is(err, syscall.EIO) {
			h.file.pending = nil
		}
		return err
	}
	for _, write := range h.file.pending {
		h.file.durable = write(h.file.durable)
	}
	h.file.pending = nil
	return nil
}

func (h *handle) Size() (int64, error) { return int64(len(h.file.content)), h.check() }

func (h *handle) Close() error {
	err := h.check()
	h.closed = true
	return err
}

// clone is another disk with the same files.
func (d *memoryDisk) clone() *memoryDisk {
	to := newMemoryDisk(d.random)
	for name, f := range d.names {
		to.names[name] = &memoryFile{disk: to, content: slices.Clone(f.content), durable: slices.Clone(f.content)}
	}
	to.durable = maps.Clone(to.names)
	return to
}
