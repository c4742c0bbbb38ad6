package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"

	"github.com/freehold-dev/freehold/internal/seal"
)

// checkpoint is a file that has every document as it was at one position of the log, so that opening reads only what came
// after, and memory need not hold what nobody asks for.
//
//	  0  7  "FHsidx\0"
//	  7  1  version, 1
//	  8  …  blocks
//	  …     directory, by id: doc 20 │ offset of its block 8 │ length 4, 0 where the document is gone
//	  …     segments, by number: number 4 │ bytes of envelopes that documents have in it 8 │ to be rewritten 1
//	-44  8  offset of the directory
//	-36  8  count of documents
//	-28  4  count of segments
//	-24  4  position: segment
//	-20  8           offset in it
//	-12  8           number of the next frame
//	 -4  4  CRC32C over the salt, and everything from the directory on
type checkpoint struct {
	name      string
	number    uint32
	file      File
	size      int64
	directory []byte
	segments  map[uint32]weight
	position  position
}

// position is where a log goes on.
type position struct {
	segment uint32
	offset  int64
	frame   uint64
}

// weight is what of a segment is in use.
type weight struct {
	live int64
	// erase: it has what must not stay.
	erase bool
}

const (
	checkpointMagic = "FHsidx\x00"
	checkpointTail  = 44
	directoryEntry  = 32
	segmentEntry    = 13
)

func checkpointName(number uint32) string { return fmt.Sprintf("%08d.index", number) }

// openCheckpoint reads a checkpoint's directory. Errors: ErrDamaged, ErrFormat.
func openCheckpoint(disk Disk, salt salt, number uint32) (*checkpoint, error) {
	c := &checkpoint{name: checkpointName(number), number: number, segments: make(map[uint32]weight)}
	var err error
	if c.file, err = disk.Open(c.name); err != nil {
		return nil, err
	}
	if err := c.read(salt); err != nil {
		return nil, errors.Join(err, c.file.Close())
	}
	return c, nil
}

func (c *checkpoint) read(salt salt) (err error) {
	if c.size, err = c.file.Size(); err != nil {
		return err
	}
	if c.size < 8+checkpointTail {
		return damaged(c.name, c.size, "too short")
	}
	head, tail := make([]byte, 8), make([]byte, checkpointTail)
	if _, err := c.file.ReadAt(head, 0); err != nil {
		return err
	}
	if string(head[:7]) == checkpointMagic && head[7] > version1 {
		return ErrFormat
	}
	if _, err := c.file.ReadAt(tail, c.size-checkpointTail); err != nil {
		return err
	}
	t := cutter{b: tail}
	at, docs, segments := t.uint64(), t.uint64(), t.uint32()
	c.position = position{t.uint32(), int64(t.uint64()), t.uint64()}
	// The sum of all lengths is that of the file, or something is not as it was written.
	if at < 8 || at > uint64(c.size) || docs > uint64(c.size) ||
		at+docs*directoryEntry+uint64(segments)*segmentEntry+checkpointTail != uint64(c.size) {
		return damaged(c.name, c.size-checkpointTail, "its tail does not fit it")
	}
	all := make([]byte, uint64(c.size)-at)
	if _, err := c.file.ReadAt(all, int64(at)); err != nil {
		return err
	}
	if string(head[:7]) != checkpointMagic || salt.checksum(all[:len(all)-4]) != binary.BigEndian.Uint32(all[len(all)-4:]) {
		return damaged(c.name, int64(at), "the checksum does not fit")
	}
	c.directory = all[: docs*directoryEntry : docs*directoryEntry]
	if p := c.position; p.segment == 0 || p.offset < segmentHeader || p.frame == 0 {
		return damaged(c.name, c.size-24, "no place in a log")
	}
	for i := 1; i < c.docs(); i++ {
		if before, id := c.id(i-1), c.id(i); bytes.Compare(before[:], id[:]) >= 0 {
			return damaged(c.name, int64(at)+int64(i*directoryEntry), "the directory is not in order")
		}
	}
	for s := (cutter{b: all[docs*directoryEntry : len(all)-checkpointTail]}); s.at < len(s.b); {
		number := s.uint32()
		c.segments[number] = weight{int64(s.uint64()), s.byte() != 0}
	}
	return nil
}

// checkpoints are those that a log has open, the newest first.
func (l *Log) checkpoints() (all []*checkpoint) {
	for _, c := range []*checkpoint{l.newest, l.earlier} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

func (c *checkpoint) docs() int { return len(c.directory) / directoryEntry }

func (c *checkpoint) id(i int) (id seal.DocID) {
	copy(id[:], c.directory[i*directoryEntry:])
	return id
}

// place says where the i-th document's block is.
func (c *checkpoint) place(i int) (offset int64, length int) {
	e := c.directory[i*directoryEntry+len(seal.DocID{}):]
	return int64(binary.BigEndian.Uint64(e)), int(binary.BigEndian.Uint32(e[8:]))
}

// seek is which document is the first from an id on.
func (c *checkpoint) seek(id seal.DocID) int {
	return sort.Search(c.docs(), func(i int) bool {
		return bytes.Compare(c.directory[i*directoryEntry:][:len(id)], id[:]) >= 0
	})
}

// document reads one, nil where there is none. A nil checkpoint has none.
func (c *checkpoint) document(id seal.DocID) (*document, error) {
	if c == nil {
		return nil, nil
	}
	i := c.seek(id)
	if i == c.docs() || c.id(i) != id {
		return nil, nil
	}
	return c.load(i)
}

func (c *checkpoint) load(i int) (*document, error) {
	offset, length := c.place(i)
	if length == 0 {
		return &document{gone: true}, nil
	}
	block, err := c.block(offset, length)
	if err != nil {
		return nil, err
	}
	d, err := parseBlock(block)
	if err != nil {
		return nil, c.rotten(offset)
	}
	return d, nil
}

func (c *checkpoint) rotten(offset int64) error {
	return damaged(c.name, offset, "the document there cannot be read")
}

func (c *checkpoint) block(offset int64, length int) ([]byte, error) {
	if offset < 8 || offset+int64(length) > c.size {
		return nil, damaged(c.name, offset, "no place for a document")
	}
	b := make([]byte, length)
	_, err := c.file.ReadAt(b, offset)
	return b, err
}

// writeCheckpoint writes the documents of before, nil for none, as changed since, and opens what it wrote. mend gives a document whose block
// in before is damaged, or nil. Nothing is there under its name before it is whole and durable.
func writeCheckpoint(disk Disk, salt salt, number uint32, before *checkpoint, changed map[seal.DocID]*document, mend func(seal.DocID, error) *document, segments map[uint32]weight, at position) (*checkpoint, error) {
	const unfinished = "index.unfinished"
	file, err := disk.Create(unfinished)
	if err != nil {
		return nil, err
	}
	w := &checkpointWriter{file: file, mend: mend, buffer: append([]byte(checkpointMagic), version1)}
	if err := w.all(before, changed); err == nil {
		w.finish(salt, segments, at)
	} else {
		w.err = errors.Join(w.err, err)
	}
	if err := errors.Join(w.err, file.Close()); err != nil {
		return nil, errors.Join(err, disk.Remove(unfinished))
	}
	if err := errors.Join(disk.Rename(unfinished, checkpointName(number)), disk.Sync()); err != nil {
		return nil, err
	}
	return openCheckpoint(disk, salt, number)
}

// checkpointWriter writes from front to back.
type checkpointWriter struct {
	file      File
	mend      func(seal.DocID, error) *document
	buffer    []byte
	flushed   int64
	directory []byte
	err       error
}

// all writes documents in the order of their ids.
func (w *checkpointWriter) all(before *checkpoint, changed map[seal.DocID]*document) error {
	ids := slices.SortedFunc(maps.Keys(changed), func(a, b seal.DocID) int { return bytes.Compare(a[:], b[:]) })
	old, docs := 0, 0
	if before != nil {
		docs = before.docs()
	}
	for _, id := range ids {
		for ; old < docs && bytes.Compare(before.directory[old*directoryEntry:][:len(id)], id[:]) < 0; old++ {
			if err := w.carry(before, old); err != nil {
				return err
			}
		}
		if old < docs && before.id(old) == id {
			old++
		}
		from := len(w.buffer)
		if d := changed[id]; !d.gone {
			w.buffer = appendBlock(w.buffer, d)
		}
		w.enter(id, from)
	}
	for ; old < docs; old++ {
		if err := w.carry(before, old); err != nil {
			return err
		}
	}
	return nil
}

// carry takes a block over: mended where it is damaged, and where it cannot be, as it is. Its document is not served then, and the
// segments in which it has something stay.
func (w *checkpointWriter) carry(before *checkpoint, i int) error {
	offset, length := before.place(i)
	from := len(w.buffer)
	if length > 0 {
		block, err := before.block(offset, length)
		if err != nil {
			return err
		}
		var mended *document
		if !isWhole(block) {
			mended = w.mend(before.id(i), before.rotten(offset))
		}
		switch {
		case mended == nil:
			w.buffer = append(w.buffer, block...)
		case !mended.gone:
			w.buffer = appendBlock(w.buffer, mended)
		}
	}
	w.enter(before.id(i), from)
	return nil
}

// enter notes that a document's block is what the buffer has from an index on.
func (w *checkpointWriter) enter(id seal.DocID, from int) {
	w.directory = append(w.directory, id[:]...)
	w.directory = binary.BigEndian.AppendUint64(w.directory, uint64(w.flushed+int64(from)))
	w.directory = binary.BigEndian.AppendUint32(w.directory, uint32(len(w.buffer)-from))
	if len(w.buffer) >= 1<<20 {
		w.flush()
	}
}

func (w *checkpointWriter) flush() {
	if w.err == nil {
		_, w.err = w.file.WriteAt(w.buffer, w.flushed)
	}
	w.flushed += int64(len(w.buffer))
	w.buffer = w.buffer[:0]
}

func (w *checkpointWriter) finish(salt salt, segments map[uint32]weight, at position) {
	w.flush()
	b := w.directory
	for _, number := range slices.Sorted(maps.Keys(segments)) {
		s := segments[number]
		b = binary.BigEndian.AppendUint32(b, number)
		b = binary.BigEndian.AppendUint64(b, uint64(s.live))
		b = append(b, bit(1, s.erase))
	}
	b = binary.BigEndian.AppendUint64(b, uint64(w.flushed))
	b = binary.BigEndian.AppendUint64(b, uint64(len(w.directory)/directoryEntry))
	b = binary.BigEndian.AppendUint32(b, uint32(len(segments)))
	b = binary.BigEndian.AppendUint32(b, at.segment)
	b = binary.BigEndian.AppendUint64(b, uint64(at.offset))
	b = binary.BigEndian.AppendUint64(b, at.frame)
	w.buffer = binary.BigEndian.AppendUint32(b, salt.checksum(b))
	w.flush()
	if w.err == nil {
		w.err = w.file.Sync()
	}
}
