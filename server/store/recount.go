package store

import (
	"errors"
	"io/fs"

	"github.com/freehold-dev/freehold/internal/seal"
)

var errEnough = errors.New("store: read far enough")

// recount makes a document anew whose block in the newest checkpoint is damaged: as the checkpoint before has it, and with what the
// log says from there on, which is kept as long as that checkpoint. Where this is damaged, too, it gives all of the damage.
func (l *Log) recount(id seal.DocID, newest *checkpoint, damage error) (*document, error) {
	l.told(damage)
	l.mu.RLock()
	earlier, lost := l.earlier, l.lost[id]
	l.mu.RUnlock()
	if lost != nil {
		return nil, lost
	}
	d, err := l.recounted(id, earlier, newest.position)
	if err == nil {
		return d, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.newest != newest {
		return nil, fs.ErrClosed
	}
	// Once for each checkpoint: it takes reading all of the log since the one before.
	if l.lost == nil {
		l.lost = make(map[seal.DocID]error)
	}
	l.lost[id] = errors.Join(damage, err)
	return nil, l.lost[id]
}

// recounted is a document as the log has it at a position, beginning with a checkpoint, nil for none.
func (l *Log) recounted(id seal.DocID, earlier *checkpoint, to position) (*document, error) {
	d, err := earlier.document(id)
	if err != nil {
		return nil, err
	}
	if d == nil {
		d = &document{}
	}
	at := position{1, segmentHeader, 1}
	if earlier != nil {
		at = earlier.position
	}
	for at.segment <= to.segment {
		if d, at, err = l.recountSegment(id, d, at, to); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// recountSegment goes on from a position to the end of its segment, or to another position.
func (l *Log) recountSegment(id seal.DocID, d *document, from, to position) (*document, position, error) {
	l.mu.RLock()
	s := l.segments[from.segment]
	l.mu.RUnlock()
	if s == nil {
		return nil, from, damaged(segmentName(from.segment), 0, "missing")
	}
	reader := &segment{number: s.number, file: s.file}
	next, err := reader.frames(l.identity.salt, from.offset, from.frame, func(payload []byte, at int64) error {
		if s.number == to.segment && at > to.offset {
			return errEnough
		}
		return parseRecords(payload, func(r *record) (err error) {
			if r.Doc == id {
				d, err = d.with(r, s.number, at, func(uint32, int64) {})
			}
			return err
		})
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	end := reader.size
	if s.number == to.segment {
		end = to.offset
	}
	if err == nil && reader.end < end {
		err = damaged(s.name(), reader.end, "a write there cannot be read")
	}
	return d, position{from.segment + 1, segmentHeader, next}, err
}

// told passes on where something is damaged, once.
func (l *Log) told(err error) {
	if l.options.Report == nil || !errors.Is(err, ErrDamaged) {
		return
	}
	text := where(err)
	l.reporting.Lock()
	defer l.reporting.Unlock()
	if l.reported == nil {
		l.reported = make(map[string]bool)
	}
	// Enough to see what happened.
	if !l.reported[text] && len(l.reported) < maxProblems {
		l.reported[text] = true
		l.options.Report(text)
	}
}
