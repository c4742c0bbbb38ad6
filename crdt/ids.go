package crdt

// SessionID names one writer's run: a tab or worker from its first edit to its end.
type SessionID [16]byte

// Seq counts the operations of one session, from 0 without gaps.
type Seq uint32

// ID is the name of an operation that every replica agrees on.
type ID struct {
	Session SessionID
	Seq     Seq
}

// LV is a local version: the dense number an operation has inside this replica. Every operation has a greater LV
// than all operations it causally follows. LVs never leave the replica except to its own view.
type LV uint32

// Kind says what a container or an entry holds.
type Kind uint8

// The kinds. KindValue is a register, not a container.
const (
	KindValue Kind = iota
	KindMap
	KindRecord
	KindList
	KindText
	KindCounter
	KindRichText
	KindTree
)

// kindEnd is the first number that is no kind.
const kindEnd = KindTree + 1

// known reports whether this version has the kind.
func (k Kind) known() bool { return k < kindEnd }

// Limits of the format. They are checked while input is taken apart, which takes memory of at most eight times its size
// and a mebibyte, before any of it is applied.
const (
	MaxUpdateOps    = 65536         // operations in one update
	MaxUpdateBytes  = 1 << 20       // bytes of one update
	MaxChangeBytes  = 64 << 20      // bytes of the updates that one change leaves in, each counting 64 more
	MaxValueBytes   = 64 << 10      // bytes of one register
	MaxKeyBytes     = 1024          // UTF-8 bytes of one key
	MaxDepth        = 64            // containers inside containers, and values inside values
	MaxHeldUpdates  = 1000          // updates of one session that wait for what they follow
	MaxHeldBytes    = 1 << 20       // and their bytes
	heldSessions    = 4             // so many sessions may hold as much as that; all together hold no more
	maxWaiting      = 4000          // sessions that wait; each is looked at whenever something comes
	MaxFileBytes    = 256 << 20     // bytes of a document file
	maxWrittenBytes = 128 << 20     // who writes here leaves the rest to what others wrote,
	maxTakenBytes   = 184 << 20     // what they wrote leaves room for one more change,
	maxMergedBytes  = 248 << 20     // and that for what a file says besides; see Doc.weight
	maxTextPosition = 1 << 30       // positions in a text stay below this
	maxLV           = 1<<31 - 256   // local versions stay below this; the tracker uses the upper half for other names
	maxMergedLV     = maxLV / 2     // merging a file leaves the rest to updates,
	maxAppliedLV    = maxLV / 4 * 3 // and these leave the rest to whoever writes here
	maxHeads        = 24_576        // branches at once: the names of so many parents fit an update
	maxCounter      = 1<<53 - 1     // what JavaScript counts exactly
)

// none is the index of nothing.
const none = ^uint32(0)

// compare orders sessions by their bytes. The order settles ties between concurrent operations on every replica alike.
func (s *SessionID) compare(t *SessionID) int {
	for i := range s {
		if s[i] != t[i] {
			return int(s[i]) - int(t[i])
		}
	}
	return 0
}

func (s *SessionID) less(t *SessionID) bool { return s.compare(t) < 0 }
