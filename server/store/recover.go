package store

import (
	"errors"
	"slices"
)

// recover reads what the folder has: the newest checkpoint that is whole, and the log behind it.
func (l *Log) recover() error {
	names, err := l.disk.List()
	if err != nil {
		return err
	}
	var checkpoints []uint32
	last := uint32(0)
	for _, name := range names {
		if number, ok := numberOf(name, ".index"); ok {
			checkpoints = append(checkpoints, number)
		}
		if number, ok := numberOf(name, ".log"); ok {
			if err := l.openSegment(number); err != nil {
				return err
			}
			last = max(last, number)
		}
	}
	slices.Sort(checkpoints)
	if err := l.openCheckpoints(checkpoints); err != nil {
		return err
	}
	at := position{1, segmentHeader, 1}
	if l.newest != nil {
		at = l.newest.position
		for number, w := range l.newest.segments {
			if l.segments[number] != nil {
				l.weights[number] = w
			} else if w.live > 0 {
				return damaged(segmentName(number), 0, "missing")
			}
		}
	}
	if last, err = l.dropUnbegun(last, at); err != nil {
		return err
	}
	return l.replay(at, last)
}

func (l *Log) openSegment(number uint32) (err error) {
	s := &segment{number: number}
	if s.file, err = l.disk.Open(s.name()); err != nil {
		return err
	}
	l.segments[number] = s
	s.size, err = s.file.Size()
	s.end = s.size
	return err
}

// openCheckpoints opens the newest two that are whole. One that is not is passed over: what it had is in those before it and in
// the log, of which everything is kept that came after the one before.
func (l *Log) openCheckpoints(numbers []uint32) error {
	for _, number := range slices.Backward(numbers) {
		c, err := openCheckpoint(l.disk, l.identity.salt, number)
		if errors.Is(err, ErrDamaged) {
			l.passed = append(l.passed, err)
			l.told(err)
			continue
		}
		if err != nil {
			return err
		}
		if l.newest != nil {
			l.earlier = c
			return nil
		}
		l.newest = c
	}
	return nil
}

// dropUnbegun lets go of a last segment that has no header: a life ended while it was made. It gives the last one that has.
func (l *Log) dropUnbegun(last uint32, at position) (uint32, error) {
	s := l.segments[last]
	if s == nil || last <= at.segment {
		return last, nil
	}
	begun, err := s.hasHeader(l.identity.salt)
	if err != nil || begun {
		return last, err
	}
	s.end = 0
	if _, found, err := s.beyond(l.identity.salt, 0); err != nil || found {
		return 0, errors.Join(err, damaged(s.name(), 0, "does not begin as it should"))
	}
	delete(l.segments, last)
	if err := s.file.Close(); err != nil || l.options.ReadOnly {
		return last - 1, err
	}
	return last - 1, l.disk.Remove(s.name())
}

// replay reads the log from a position to its end.
func (l *Log) replay(at position, last uint32) error {
	l.frame = at.frame
	lastFrame := at.offset
	for number, offset := at.segment, at.offset; number <= last || number == at.segment; number, offset = number+1, segmentHeader {
		s := l.segments[number]
		if s == nil {
			return damaged(segmentName(number), 0, "missing")
		}
		begun, err := s.hasHeader(l.identity.salt)
		if err != nil {
			return err
		}
		if !begun || s.size < offset {
			return damaged(s.name(), min(s.size, offset), "does not begin as it should, or is too short")
		}
		lastFrame = offset
		l.frame, err = s.frames(l.identity.salt, offset, l.frame, func(payload []byte, at int64) error {
			lastFrame = at - frameHeader
			next := l.overlay(number)
			if err := next.apply(payload, at); err != nil {
				return errors.Join(damaged(s.name(), at, "a write that does not fit"), err)
			}
			l.publish(next)
			return nil
		})
		if err != nil {
			return err
		}
		if s.end < s.size && number < last {
			return damaged(s.name(), s.end, "a write there cannot be read, and there are later ones")
		}
		l.since += s.end - offset
		l.active = s
	}
	return l.cut(lastFrame)
}

// cut cuts off a write that was cut short, and makes sure that the disk has what is shown from here on: a process may have written the last
// frame, or begun the segment, and not flushed it. It is written again, since it may also have failed to flush it: then the system takes it for flushed.
func (l *Log) cut(lastFrame int64) error {
	s := l.active
	if s.end < s.size {
		if _, found, err := s.beyond(l.identity.salt, l.frame); err != nil || found {
			return errors.Join(err, damaged(s.name(), s.end, "a write there cannot be read, and there is a later one"))
		}
	}
	if l.options.ReadOnly {
		return nil
	}
	if s.end < s.size {
		if err := s.file.Truncate(s.end); err != nil {
			return err
		}
	}
	if s.end == segmentHeader {
		lastFrame = 0
	}
	if b := make([]byte, s.end-lastFrame); len(b) > 0 {
		if _, err := s.file.ReadAt(b, lastFrame); err != nil {
			return err
		}
		// On a full disk there may be no room for what is there already, where a file system writes elsewhere what it changes.
		if _, err := s.file.WriteAt(b, lastFrame); err != nil && !isFull(err) {
			return err
		}
	}
	return errors.Join(s.file.Sync(), l.disk.Sync())
}
