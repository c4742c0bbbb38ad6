package store

import "github.com/freehold-dev/freehold/internal/seal"

// overlay is what a frame makes of the log, before anybody sees it.
type overlay struct {
	log     *Log
	segment uint32
	docs    map[seal.DocID]*document
	live    map[uint32]int64
	erase   map[uint32]bool
}

func (l *Log) overlay(segment uint32) *overlay {
	return &overlay{l, segment, make(map[seal.DocID]*document), make(map[uint32]int64), make(map[uint32]bool)}
}

// apply reads a payload that lies at an offset of the segment.
func (o *overlay) apply(payload []byte, offset int64) error {
	return parseRecords(payload, func(r *record) error {
		d := o.docs[r.Doc]
		if d == nil {
			var err error
			if d, err = o.log.document(r.Doc); err != nil {
				return err
			}
			if d == nil {
				d = &document{}
			}
		}
		if r.Gone {
			for _, number := range d.traces {
				o.erase[number] = true
			}
		}
		next, err := d.with(r, o.segment, offset, func(segment uint32, size int64) { o.live[segment] += size })
		if err != nil {
			return err
		}
		o.docs[r.Doc] = next
		return nil
	})
}

// publish shows what an overlay has.
func (l *Log) publish(o *overlay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, d := range o.docs {
		l.changed[id] = d
	}
	for number, size := range o.live {
		w := l.weights[number]
		w.live += size
		l.weights[number] = w
	}
	for number := range o.erase {
		if l.segments[number] != nil {
			w := l.weights[number]
			w.erase = true
			l.weights[number] = w
		}
	}
}
