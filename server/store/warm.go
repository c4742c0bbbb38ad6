package store

import "github.com/freehold-dev/freehold/internal/seal"

// warm are documents as a checkpoint has them, in memory. Where they become too many, all are forgotten: those that are asked for
// come back.
type warm struct {
	limit, size int
	docs        map[seal.DocID]*document
}

func (w *warm) add(id seal.DocID, d *document) {
	n := d.weight()
	if w.docs == nil || w.size+n > w.limit {
		w.docs, w.size = make(map[seal.DocID]*document), 0
	}
	w.forget(id)
	w.docs[id] = d
	w.size += n
}

func (w *warm) forget(id seal.DocID) {
	if d := w.docs[id]; d != nil {
		w.size -= d.weight()
		delete(w.docs, id)
	}
}
