package server

import (
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Log keeps documents. Its methods may be called from several goroutines; Commit is called from one at a time.
//
// Must: what Commit returned nil for is there after a power cut; what it returned an error for may be there or not.
// Must: nothing is shown, neither for reading nor for judging, that is not durable: not what is on its way, and not what
// a failed Commit left. It would be acknowledged and sent to others, and the next power cut would give its cursors to
// other envelopes.
// Must: an envelope may be 16 MiB long; a store whose rows are smaller keeps it in parts, which nobody above sees.
// Must: after a failed Commit reading goes on as before.
type Log interface {
	History
	// Room is the document as kept, the zero record when unknown.
	Room(seal.DocID) (RoomRecord, error)
	// Read gives the entries after a cursor in order, as many as fit limit bytes and wire.MaxRun, each session's first
	// with its certificate. next is the length of the envelope that follows them, 0 at the end: where the first one is
	// above the limit there are no entries, and the caller may come back with the memory for it.
	Read(doc seal.DocID, since wire.Cursor, limit int) (entries []wire.Entry, next int, err error)
	// Documents lists documents that are kept and not gone, in the order of their ids, after one.
	Documents(after seal.DocID, limit int) ([]seal.DocID, error)
	// Commit makes all the writes durable, in their order, or none.
	Commit([]*Write) error
	Close() error
}
