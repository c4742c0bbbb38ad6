package sync

// Effect is something the caller must do. Effects of one step are carried out in their order; those that name a result
// event are answered by exactly one of it, whenever it is ready.
type Effect interface{ effect() }

// Connect opens a socket to a relay: SocketOpen or SocketClosed.
type Connect struct {
	Conn  Conn
	Relay uint32
}

// Disconnect closes the socket; no answer.
type Disconnect struct{ Conn Conn }

// Timer asks for a Wake at a time, in place of the one asked for before. 0: none is needed.
type Timer struct{ At int64 }

// Ping asks the relay for a sign of life: Pong.
type Ping struct{ Conn Conn }

// Hello subscribes to a document and asks for its log since a cursor: Welcome, then Batch while there is more and as it grows.
type Hello struct {
	Conn  Conn
	Doc   Doc
	Since Cursor
	Store StoreID // the store that the cursor belongs to; zero when none is known
}

// Credit says that so many more bytes of envelopes that came in Batches are stored, or let go of, or wait for nothing but what did not
// come: the relay may send as much again.
type Credit struct {
	Conn Conn
	Doc  Doc
	Size uint32
}

// Leave ends a subscription.
type Leave struct {
	Conn Conn
	Doc  Doc
}

// CheckGenesis checks the genesis that came with Welcome and makes keys: DocKeyed or DocRefused.
type CheckGenesis struct{ Doc Doc }

// Seal makes the next own envelope of the bytes of Ref: Sealed.
type Seal struct {
	Doc  Doc
	Ref  Ref
	Seq  uint32
	Prev Hash
	Deps []Head
}

// SealAttest makes the next own envelope an attest about a snapshot, with the note of Ref: Sealed.
type SealAttest struct {
	Doc     Doc
	Ref     Ref
	Seq     uint32
	Prev    Hash
	About   Hash
	Verdict Verdict
}

// Store makes envelopes durable on the device: StoreDone. The refs are those of Seal or of the Batch.
type Store struct {
	Doc  Doc
	Job  Job
	Refs []Ref
}

// Durable says that an own envelope is on the device: the page is told, and other tabs get it.
type Durable struct {
	Doc Doc
	Ref Ref
	Seq uint32
}

// NotDurable says that the device could not take an own envelope. It is kept, and stored again later.
type NotDurable struct {
	Doc     Doc
	Ref     Ref
	Problem Problem
}

// Open verifies a run of one session's consecutive envelopes and decrypts each: Opened.
type Open struct {
	Doc     Doc
	Job     Job
	Kind    Kind
	Session SessionID
	Next    uint32 // what is here of the session: of a pack that begins before it the two are compared
	Refs    []Ref
}

// Compare takes envelopes of sessions of which something else is or may be here in their place, and lets go of them. Where two of
// one place verify, both are kept as the proof: Proven. Nothing else is answered. Of Session (zero: of none) two of the device's own
// hubs or tabs stored one history each: the device has both.
type Compare struct {
	Doc     Doc
	Session SessionID
	Refs    []Ref
}

// KeepForked has the device remember that a session signed two histories, until a proof takes the place of that, and tells its other hubs and
// tabs. No answer.
type KeepForked struct {
	Doc     Doc
	Session SessionID
}

// Spread gives opened and stored envelopes of the relay to other tabs.
type Spread struct {
	Doc  Doc
	Refs []Ref
}

// Show gives opened envelopes to the page, in this order, and lets go of them.
type Show struct {
	Doc  Doc
	Refs []Ref
}

// Reread asks for what the device has beyond the heads known here, because an envelope of another tab was missed: Shared.
type Reread struct {
	Doc   Doc
	Heads []Known
}

// Drop lets go of refs that are not needed.
type Drop struct{ Refs []Ref }

// Check compares an opened snapshot with what the device has of the same envelopes: Checked. Stale: it says that it has all up to a
// place in the relay's log, and does not name what is known to stand before that place.
type Check struct {
	Doc   Doc
	Job   Job
	Ref   Ref
	Stale bool
}

// Merge makes an opened snapshot part of the device's copy and shows it: Merged.
type Merge struct {
	Doc Doc
	Job Job
	Ref Ref
}

// Append sends stored envelopes [From, To] of a session: Ack (of any seq up to To), Refused or Missing.
type Append struct {
	Conn     Conn
	Doc      Doc
	Session  SessionID
	From, To uint32
}

// Pack seals own envelopes [From, To], which the relay has, as one and sends it: Packed.
type Pack struct {
	Conn     Conn
	Doc      Doc
	From, To uint32
}

// MakeSnapshot seals the device's copy, as far as it is shown, in a fresh session, naming exactly what is in it, and the snapshot before it
// (zeros: not known): SnapshotSealed.
type MakeSnapshot struct {
	Doc    Doc
	Parent Hash
	Shown  []Known
}

// Upload sends a sealed snapshot, which has everything up to Covers in that store's log: Ack of its session, or Refused.
type Upload struct {
	Conn   Conn
	Doc    Doc
	Ref    Ref
	Store  StoreID
	Covers Cursor
}

// Learnt says what the relay is now known to have: other tabs are told, and bytes kept for sending may go.
type Learnt struct {
	Doc    Doc
	Reset  bool // what was said before does not hold any more
	Known  []Known
	Waived []Known // up to where sessions are shown although something that they name was asked for in vain
}

// MarkChanged is what to remember about a relay for the next start; the newest is enough, and none is needed.
type MarkChanged struct {
	Doc  Doc
	Mark Mark
}

// Checkpoint merges the snapshot, and of the tail what is shown, into a new one said to cover these envelopes as far as they are in it, then
// cuts: Checkpointed. What is in the journal beyond may still be lost with it, and a file that had it would show what nobody else ever gets.
type Checkpoint struct {
	Doc    Doc
	Covers []Known
	Shown  []Known
}

// SealPresence seals what the page says of itself, with these heads, behind the own envelope Head, and gives it to the other tabs
// and, when Conn is not 0, to the relay: PresenceSealed. Nobody needs it to arrive.
type SealPresence struct {
	Conn  Conn
	Doc   Doc
	Head  Hash
	Heads []Head
}

// ShowPresence tells the page what another session says of itself, and lets go of it; 0: it is gone.
type ShowPresence struct {
	Doc     Doc
	Session SessionID
	Ref     Ref
}

// StatusChanged is a document's status, when it is not the one said last.
type StatusChanged struct {
	Doc    Doc
	Status Status
}

func (Connect) effect()       {}
func (Disconnect) effect()    {}
func (Timer) effect()         {}
func (Ping) effect()          {}
func (Hello) effect()         {}
func (Leave) effect()         {}
func (Credit) effect()        {}
func (CheckGenesis) effect()  {}
func (Seal) effect()          {}
func (SealAttest) effect()    {}
func (Store) effect()         {}
func (Durable) effect()       {}
func (NotDurable) effect()    {}
func (Open) effect()          {}
func (Compare) effect()       {}
func (KeepForked) effect()    {}
func (Spread) effect()        {}
func (Show) effect()          {}
func (Reread) effect()        {}
func (Drop) effect()          {}
func (Check) effect()         {}
func (Merge) effect()         {}
func (Append) effect()        {}
func (Pack) effect()          {}
func (MakeSnapshot) effect()  {}
func (Upload) effect()        {}
func (Learnt) effect()        {}
func (MarkChanged) effect()   {}
func (Checkpoint) effect()    {}
func (SealPresence) effect()  {}
func (ShowPresence) effect()  {}
func (StatusChanged) effect() {}
