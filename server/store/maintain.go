package store

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// keepHouse makes checkpoints and lets go of what nobody has any more, when enough was written and from time to time. What fails is
// tried again the next time; appends say that the disk is full.
func (l *Log) keepHouse() {
	ticker := time.NewTicker(l.options.Every)
	defer ticker.Stop()
	for {
		select {
		case <-l.stopping:
			return
		case <-l.wake:
		case <-ticker.C:
		}
		err := l.Maintain()
		l.told(err)
		if err == nil {
			continue
		}
		select {
		case <-l.stopping:
			return
		case <-time.After(retryAfter):
		}
	}
}

// retryAfter keeps a disk that refuses from being asked with every append.
const retryAfter = time.Minute

// isCheckpointDue: enough was written. The caller holds writing.
func (l *Log) isCheckpointDue() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	due := l.options.CheckpointBytes
	if l.newest != nil {
		due = max(due, l.newest.size/2)
	}
	return l.since >= due
}

// Maintain rewrites segments of which less than half is in use, and those that have something of a deleted document, makes a checkpoint
// where one is due, and removes files that nobody needs.
func (l *Log) Maintain() error {
	if l.options.ReadOnly {
		return fs.ErrPermission
	}
	l.maintaining.Lock()
	defer l.maintaining.Unlock()
	if err := l.leaveDeleted(); err != nil {
		return err
	}
	// What one segment is too damaged to give keeps neither the others nor the checkpoint: without one the log and what memory holds
	// of it would grow for as long as the damage lasts.
	moved, erasing, failed := l.rewrite()
	if goesNoFurther(failed) {
		return failed
	}
	l.writing.Lock()
	due := l.isCheckpointDue()
	l.writing.Unlock()
	if !moved && !due && !erasing {
		return failed
	}
	if err := l.checkpoint(); err != nil {
		return errors.Join(failed, err)
	}
	// A segment stays as long as the checkpoint before may be needed. What was deleted must not wait for the next one.
	if erasing {
		return errors.Join(failed, l.checkpoint())
	}
	return failed
}

// leaveDeleted goes on in another segment where the one in use has something of a deleted document.
func (l *Log) leaveDeleted() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.RLock()
	erase := l.weights[l.active.number].erase
	l.mu.RUnlock()
	if !erase || l.broken != nil {
		return nil
	}
	return l.rotate()
}

// rewrite moves what is in use out of segments that are not worth keeping, and goes past one that cannot be read. moved: out of some
// of them; erasing: one that has nothing in use any more has something of a deleted document.
func (l *Log) rewrite() (moved, erasing bool, failed error) {
	l.mu.RLock()
	var from []*segment
	erase := make(map[*segment]bool)
	for number, s := range l.segments {
		w := l.weights[number]
		if s == l.active || !w.erase && 2*w.live >= s.end {
			continue
		}
		if w.live > 0 {
			from = append(from, s)
			erase[s] = w.erase
		} else {
			erasing = erasing || w.erase
		}
	}
	l.mu.RUnlock()
	slices.SortFunc(from, func(a, b *segment) int { return compare(a.number, b.number) })
	for _, s := range from {
		if err := l.empty(s); err != nil {
			failed = errors.Join(failed, err)
			if goesNoFurther(err) {
				break
			}
			continue
		}
		moved, erasing = true, erasing || erase[s]
	}
	return moved, erasing, failed
}

var errStopping = errors.New("store: stopping")

// goesNoFurther: the log takes nothing more for now, whichever segment it would come from.
func goesNoFurther(err error) bool {
	return errors.Is(err, errStopping) || errors.Is(err, ErrFull) || errors.Is(err, ErrBroken)
}

// moveBytes is how much is moved in one commit.
const moveBytes = 1 << 20

// empty moves everything that is in use out of a segment.
func (l *Log) empty(s *segment) error {
	docs, err := l.usersOf(s)
	if err != nil {
		return err
	}
	for _, id := range docs {
		for more := true; more; {
			select {
			case <-l.stopping:
				return errStopping
			default:
			}
			if more, err = l.move(id, s.number); err != nil {
				return err
			}
			time.Sleep(l.options.Pause)
		}
	}
	return nil
}

// usersOf lists the documents that ever had something in a segment.
func (l *Log) usersOf(s *segment) ([]seal.DocID, error) {
	seen := make(map[seal.DocID]bool)
	first, err := s.firstFrame(l.identity.salt)
	if err != nil {
		return nil, err
	}
	// A segment of its own, since frames sets the end.
	reader := &segment{number: s.number, file: s.file}
	if _, err := reader.frames(l.identity.salt, segmentHeader, first, func(payload []byte, _ int64) error {
		return parseRecords(payload, func(r *record) error {
			if len(r.Entries)+len(r.Packs) > 0 {
				seen[r.Doc] = true
			}
			return nil
		})
	}); err != nil {
		return nil, err
	}
	if reader.end != s.end {
		return nil, damaged(s.name(), reader.end, "a write there cannot be read")
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b seal.DocID) int { return slices.Compare(a[:], b[:]) }), nil
}

// move writes envelopes of a document once more that lie in a segment; more says that it has others there.
func (l *Log) move(id seal.DocID, segment uint32) (more bool, err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	d, err := l.document(id)
	if err != nil || d == nil {
		return false, err
	}
	w := &server.Write{Doc: id}
	size := 0
	for _, p := range d.places {
		if p.segment != segment {
			continue
		}
		if size += int(p.size); size > moveBytes && len(w.Entries) > 0 {
			more = true
			break
		}
		envelope, err := l.envelope(p)
		if err != nil {
			return false, err
		}
		w.Entries = append(w.Entries, wire.Entry{Cursor: p.cursor, Envelope: envelope})
	}
	if len(w.Entries) == 0 {
		return false, nil
	}
	l.buffer = appendRecord(append(l.buffer[:0], make([]byte, frameHeader)...), w, true)
	return more, l.append()
}

// Checkpoint makes a checkpoint, so that opening the log reads nothing of what is before it.
func (l *Log) Checkpoint() error {
	if l.options.ReadOnly {
		return fs.ErrPermission
	}
	l.maintaining.Lock()
	defer l.maintaining.Unlock()
	return l.checkpoint()
}

// checkpoint: the caller holds maintaining.
func (l *Log) checkpoint() error {
	l.writing.Lock()
	l.mu.Lock()
	at := position{l.active.number, l.active.end, l.frame}
	changed, weights, before := l.changed, maps.Clone(l.weights), l.newest
	for id, d := range changed {
		changed[id] = d.forget(l.segments)
	}
	l.frozen, l.changed = changed, make(map[seal.DocID]*document)
	since := l.since
	l.since = 0
	l.mu.Unlock()
	l.writing.Unlock()

	number := uint32(1)
	if before != nil {
		number = before.number + 1
	}
	next, err := writeCheckpoint(l.disk, l.identity.salt, number, before, changed, func(id seal.DocID, damage error) *document {
		d, err := l.recount(id, before, damage)
		if err != nil {
			return nil
		}
		return d
	}, weights, at)
	if err != nil {
		l.thaw(changed, since)
		return err
	}
	l.mu.Lock()
	unneeded := l.earlier
	l.earlier, l.newest, l.frozen, l.lost = before, next, nil, nil
	for id, d := range changed {
		if l.changed[id] == nil {
			l.warm.forget(id)
			l.warm.add(id, d)
		}
	}
	l.mu.Unlock()
	if unneeded != nil {
		err = errors.Join(unneeded.file.Close(), l.disk.Remove(unneeded.name))
	}
	return errors.Join(err, l.removeSegments())
}

// thaw puts back what a checkpoint was to have that could not be made.
func (l *Log) thaw(docs map[seal.DocID]*document, since int64) {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.since += since
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, d := range docs {
		if l.changed[id] == nil {
			l.changed[id] = d
		}
	}
	l.frozen = nil
}

// removeSegments removes those of which neither checkpoint has anything, and which neither needs to be brought up to the end of the log.
func (l *Log) removeSegments() (err error) {
	for _, s := range l.unneeded() {
		err = errors.Join(err, s.file.Close(), l.disk.Remove(s.name()))
	}
	return err
}

// unneeded takes them out of the log.
func (l *Log) unneeded() (segments []*segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.earlier == nil {
		return nil
	}
	for number, s := range l.segments {
		if number < l.earlier.position.segment && l.earlier.segments[number].live == 0 && l.newest.segments[number].live == 0 && l.weights[number].live == 0 {
			delete(l.segments, number)
			delete(l.weights, number)
			segments = append(segments, s)
		}
	}
	return segments
}
