package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// segment is one file of the log.
type segment struct {
	number uint32
	file   File
	// end is behind the last whole frame, size that of the file when it was read.
	end, size int64
	// finished: nothing more is written to it.
	finished bool
}

func segmentName(number uint32) string { return fmt.Sprintf("%08d.log", number) }

func (s *segment) name() string { return segmentName(s.number) }

// numberOf reads the number in a file's name.
func numberOf(name, ending string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, ending)
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), ok && err == nil && n > 0 && fmt.Sprintf("%08d", n) == digits
}

// createSegment makes one that is durable, or none.
func createSegment(disk Disk, salt salt, number uint32) (*segment, error) {
	s := &segment{number: number, end: segmentHeader}
	var err error
	if s.file, err = disk.Create(s.name()); err != nil {
		return nil, err
	}
	if _, err = s.file.WriteAt(salt.segmentHeader(number), 0); err == nil {
		if err = s.file.Sync(); err == nil {
			err = disk.Sync()
		}
	}
	if err != nil {
		// What stays of it is found and made again.
		_, _ = s.file.Close(), disk.Remove(s.name())
		return nil, err
	}
	return s, nil
}

// hasHeader reports whether the file begins as this segment does.
func (s *segment) hasHeader(salt salt) (bool, error) {
	b := make([]byte, segmentHeader)
	if n, err := s.file.ReadAt(b, 0); err != nil && (!errors.Is(err, io.EOF) || n == len(b)) {
		return false, err
	}
	if string(b[:7]) == segmentMagic && b[7] > version1 {
		return false, ErrFormat
	}
	return bytes.Equal(b, salt.segmentHeader(s.number)), nil
}

// frames reads frames from an offset on, the first of which has a number, until one is not whole. It gives the number that is
// next, and sets end. each gets a payload and where it is; it may keep nothing of it.
func (s *segment) frames(salt salt, offset int64, number uint64, each func(payload []byte, at int64) error) (uint64, error) {
	var err error
	if s.size, err = s.file.Size(); err != nil {
		return 0, err
	}
	in := &window{file: s.file, size: s.size}
	for {
		s.end = offset
		head, err := in.read(offset, frameHeader)
		if err != nil {
			return 0, err
		}
		found, length, sum, ok := salt.parseFrame(head)
		if !ok || found != number {
			return number, nil
		}
		payload, err := in.read(offset+frameHeader, length)
		if err != nil {
			return 0, err
		}
		if len(payload) < length || checksum(payload) != sum {
			return number, nil
		}
		if err := each(payload, offset+frameHeader); err != nil {
			return 0, err
		}
		offset += frameHeader + int64(length)
		number++
	}
}

// beyond looks for a later frame behind the end: then what is there is not a write that was cut short, since none begins
// before the one before it is durable.
func (s *segment) beyond(salt salt, number uint64) (at int64, found bool, err error) {
	in := &window{file: s.file, size: s.size}
	for at = s.end + 1; at+frameHeader <= s.size; at++ {
		head, err := in.read(at, frameHeader)
		if err != nil {
			return 0, false, err
		}
		// A header is as rare as its four bytes of checksum; the number makes it more so.
		if n, _, _, ok := salt.parseFrame(head); ok && n >= number && n-number < 1<<32 {
			return at, true, nil
		}
	}
	return 0, false, nil
}

// window reads a file from front to back in large pieces.
type window struct {
	file File
	size int64
	from int64
	b    []byte
}

const windowSize = 1 << 20

// read gives bytes, fewer at the end. They are good until the next read.
func (w *window) read(at int64, n int) ([]byte, error) {
	n = int(min(int64(n), max(0, w.size-at)))
	if at >= w.from && at+int64(n) <= w.from+int64(len(w.b)) {
		return w.b[at-w.from:][:n], nil
	}
	size := int(min(int64(max(n, windowSize)), w.size-at))
	if cap(w.b) < size {
		w.b = make([]byte, size)
	}
	w.b, w.from = w.b[:size], at
	if _, err := w.file.ReadAt(w.b, at); err != nil && !errors.Is(err, io.EOF) {
		w.b = w.b[:0]
		return nil, err
	}
	return w.b[:n], nil
}

// firstFrame reads the number of a segment's first frame.
func (s *segment) firstFrame(salt salt) (uint64, error) {
	head := make([]byte, frameHeader)
	if _, err := s.file.ReadAt(head, segmentHeader); err != nil {
		return 0, err
	}
	number, _, _, ok := salt.parseFrame(head)
	if !ok {
		return 0, damaged(s.name(), segmentHeader, "a write there cannot be read")
	}
	return number, nil
}
