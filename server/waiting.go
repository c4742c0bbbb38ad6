package server

import "slices"

// waiting are the readers for whom there was no memory. Those of one connection wait in a queue: it sends one message at a time, and may
// have a thousand of them. The first is told when there is room, and stays until it asks; when it has what it waited for, or wants
// it no more, the next one asks.
type waiting map[any]*queue

type queue struct {
	readers []*Subscription
	// of is whose leases it waits for: those of its own caller, or nil for all.
	of *Caller
}

// line is the queue's key: the connection, or a reader without one.
func (w waiting) line(s *Subscription) any {
	if s.by != nil {
		return s.by
	}
	return s
}

func (w waiting) add(s *Subscription, of *Caller) {
	key := w.line(s)
	q := w[key]
	if q == nil {
		q = &queue{}
		w[key] = q
	}
	q.of = of
	q.readers = append(q.readers, s)
}

// remove reports whether it was there.
func (w waiting) remove(s *Subscription) bool {
	key := w.line(s)
	q := w[key]
	if q == nil {
		return false
	}
	i := slices.Index(q.readers, s)
	if i < 0 {
		return false
	}
	if q.readers = slices.Delete(q.readers, i, i+1); len(q.readers) == 0 {
		delete(w, key)
	}
	return true
}

// after is who comes next after a reader, none while that waits itself.
func (w waiting) after(s *Subscription) []*Subscription {
	q := w[w.line(s)]
	if q == nil || slices.Contains(q.readers, s) {
		return nil
	}
	return q.readers[:1:1]
}

// told are the first of each queue that waits for room, where there is some, or for what a caller has given back.
func (w waiting) told(room bool, of *Caller) (first []*Subscription) {
	for _, q := range w {
		if q.of == nil && room || q.of != nil && q.of == of {
			first = append(first, q.readers[0])
		}
	}
	return first
}
