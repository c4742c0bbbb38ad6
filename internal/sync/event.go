package sync

// Event is something that happened outside. The caller reports each in the order in which it happened.
type Event interface{ event() }

// Relays says how many relays are configured; they are tried in turn. A change closes the connection.
type Relays struct{ Count uint32 }

// Lead says whether this vault is the one (of the tabs of its browser) that holds the relay connection.
type Lead struct{ Yes bool }

// LeaderState is the relay state of the vault that leads, for one that does not.
type LeaderState struct{ State RelayState }

// Pause closes every socket and keeps it closed, until Yes is false.
type Pause struct{ Yes bool }

// Wake says that the time of the Timer effect has come; early or late ones do no harm.
type Wake struct{}

// Online says that the network is likely back: a waiting retry happens at once.
type Online struct{}

// SocketOpen answers Connect.
type SocketOpen struct{ Conn Conn }

// SocketClosed says that the socket is gone, or never opened. Garbage: because of what came over it.
type SocketClosed struct {
	Conn    Conn
	Garbage bool
}

// Pong says that the relay answered Ping.
type Pong struct{ Conn Conn }

// DocOpen hands over a document with what the device has of it.
type DocOpen struct {
	Doc      Doc
	Writable bool
	Keyed    bool // genesis and keys are here; false for a joined document that never met its relay
	Content  bool // there is something to show: it was created here, or something of it arrived before
	Own      SessionID
	Prev     Hash   // hash of Own's certificate
	Snapshot uint32 // bytes of the device's snapshot, 0 when there is none
	Heads    []Stored
	Marks    []Mark      // newest first
	Frozen   []SessionID // that are remembered to have signed two histories; of which there is a proof, Proven tells
	Claims   []Head      // what merged snapshots say they have, beyond what is here
}

// Stored is what the device has of one session and the page was given: envelopes [First, Seq], and everything before First
// inside a snapshot. Stored envelopes that lack something their writers had seen follow in a Shared.
type Stored struct {
	Head
	First uint32
	Tail  uint32 // bytes of those envelopes
	Live  bool   // another tab of this device is writing it
	Hole  uint32 // how many before First are not here, nor in a snapshot but as somebody claims
}

// Mark is how far a relay's store and this device know each other.
type Mark struct {
	Relay  uint32 // index in the configured relays when it was last used, or any other number
	Store  StoreID
	Cursor Cursor // everything up to here is stored on the device
	Last   uint32 // bytes of the envelope that stands there, 0 where that is not known
	Log    Length
	Known  []Known
}

// Length is how much a relay's log grew since its last snapshot, and how large that is, in bytes.
type Length struct{ Tail, Snapshot uint32 }

// Known is what a relay has of a session: its envelopes up to Seq, or a snapshot that covers them.
type Known struct {
	Session SessionID
	Seq     uint32
}

// DocClose forgets a document. What is in flight for it is answered into the void.
type DocClose struct{ Doc Doc }

// DocKeyed answers CheckGenesis: the keys fit, and (when Writable) a session is ready.
type DocKeyed struct {
	Doc  Doc
	Own  SessionID
	Prev Hash
}

// DocRefused answers CheckGenesis: the keys do not fit, and the document stays closed to the relay; or the device could not
// keep the genesis, which is tried again.
type DocRefused struct {
	Doc     Doc
	Problem Problem
}

// Local is an edit of this vault's page: an update of the core, durable nowhere yet. To is the operation number after its last,
// More says that its change goes on in the next.
type Local struct {
	Doc  Doc
	Ref  Ref
	To   uint32
	More bool
}

// Sealed answers Seal.
type Sealed struct {
	Doc     Doc
	Size    uint32
	Hash    Hash
	Problem Problem
}

// StoreDone answers Store; a Problem means that no store on the device has the envelopes.
type StoreDone struct {
	Doc     Doc
	Job     Job
	Problem Problem
}

// Shared is envelopes of another tab, already durable on this device and taken from a trusted sender.
type Shared struct {
	Doc     Doc
	Whole   bool // the answer to Reread: everything the device has beyond the heads it named
	Live    bool // the sender writes these sessions itself; otherwise it had them from the relay
	Entries []SharedEntry
	Covers  []Head // of a Whole one: what the device's snapshot has beyond those heads; the page has that snapshot
}

// SharedEntry is one place in a session; Ref names its opened content, 0 when it has none. Of those in a pack only the last has a
// known hash, and only the first knows the one before it.
type SharedEntry struct {
	Ref  Ref
	Size uint32
	Head Head
	Prev Hash
	Deps []Head
	More bool // its change goes on in the session's next envelope
}

// SharedSnapshot says that another tab merged a snapshot into the device's copy; the page of this one has it too.
type SharedSnapshot struct {
	Doc    Doc
	Claims []Head // as in Merged
}

// Welcome answers Hello.
type Welcome struct {
	Conn    Conn
	Doc     Doc
	Store   StoreID
	Head    Cursor // end of the relay's log
	Genesis bool   // the relay has the document's genesis (and gave it)
}

// Batch is a piece of the relay's log, in its order.
type Batch struct {
	Conn    Conn
	Doc     Doc
	Entries []Entry
	UpTo    Cursor // where the piece ends: beyond the last entry where our own are left out
	More    bool   // further batches of the same reading follow
}

// Entry is one envelope of it. Prev is what its header names as the hash before it. First is Seq, but for a pack, which stands
// for the envelopes First to Seq. Covers is up to where in the log a snapshot says that it has everything, or 0; About and
// Verdict are what an attest says.
type Entry struct {
	Ref     Ref
	Cursor  Cursor
	Kind    Kind
	Size    uint32
	Session SessionID
	First   uint32
	Seq     uint32
	Prev    Hash
	Covers  Cursor
	About   Hash
	Verdict Verdict
}

// Opened answers Open: a result per envelope, as far as verification went. A Problem is about the next one.
type Opened struct {
	Doc     Doc
	Job     Job
	Items   []OpenedItem
	Problem Problem
}

// OpenedItem is an envelope's hash and what it stands for: an update or snapshot one content, a pack one for each of its
// places, an attest or session info none. An update or a pack that verifies and cannot be read has what stands for it in each place (docs/SYNC.md). A snapshot
// that verifies and cannot be read has none: that its writer answers for, and Check says so.
type OpenedItem struct {
	Hash     Hash
	Contents []OpenedContent
}

// OpenedContent is an update with the heads its writer had seen (for a snapshot: the heads it covers). Its ref is the envelope's own,
// but for those of a pack.
type OpenedContent struct {
	Ref  Ref
	Deps []Head
	More bool // its change goes on in the session's next
}

// Proven says what Compare found: a session signed two histories, and the device has the proof. Bare: of one of them a file has the content
// and the device the hash alone, so it knows, and has nothing to show others.
type Proven struct {
	Doc     Doc
	Session SessionID
	Bare    bool
}

// Checked answers Check. Ref is what an objection says, 0 for none. News: it has something that is not here.
type Checked struct {
	Doc     Doc
	Job     Job
	Verdict Verdict
	Ref     Ref
	News    bool
	Problem Problem
}

// Merged answers Merge: the snapshot is part of the device's copy (durable), or it could not be.
type Merged struct {
	Doc     Doc
	Job     Job
	Size    uint32 // bytes of the device's new snapshot
	Claims  []Head // all that the snapshot says it covers
	Problem Problem
}

// Ack says that the relay has a session's envelopes up to Seq durably, that one at Cursor.
type Ack struct {
	Conn    Conn
	Doc     Doc
	Session SessionID
	Seq     uint32
	Cursor  Cursor
}

// Refused says that the relay did not take a request about a document. Session is zero when it is about the document as a whole.
type Refused struct {
	Conn    Conn
	Doc     Doc
	Session SessionID
	Problem Problem
	Retry   uint32 // milliseconds that the relay asks to wait; 0: it does not say
	Next    uint32 // for RelayGap and RelayStale: the sequence number to go on from
}

// Packed answers Pack: the relay has it, or it stays without.
type Packed struct {
	Conn    Conn
	Doc     Doc
	Problem Problem
}

// Missing says that the device no longer has a session's envelopes below First (a checkpoint took them in).
type Missing struct {
	Doc     Doc
	Session SessionID
	First   uint32
}

// RelayHas says what the vault that leads learnt about the relay; Other: what was learnt about another relay of this home.
type RelayHas struct {
	Doc    Doc
	Other  bool
	Reset  bool // the relay lost what it had before
	Known  []Known
	Waived []Known // as in Learnt
}

// SnapshotSealed answers MakeSnapshot: an envelope of a fresh session, its number 0, and the heads that it covers; or a Problem.
type SnapshotSealed struct {
	Doc     Doc
	Ref     Ref
	Size    uint32
	Hash    Hash
	Session SessionID
	Covers  []Head
	Problem Problem
}

// Checkpointed answers Checkpoint. Covers is how far the device's snapshot reaches now: not beyond what its core does not take.
type Checkpointed struct {
	Doc     Doc
	Size    uint32
	Covers  []Known
	Problem Problem
}

// PresenceSet says that the page says something new about itself; the caller keeps it.
type PresenceSet struct{ Doc Doc }

// PresenceSealed answers SealPresence, sealed or not.
type PresenceSealed struct{ Doc Doc }

// PresenceCame is the word of another session, which signed it. Conn is 0 when it came by way of another tab; Near says that it is
// that tab's own. Left: it is the last.
type PresenceCame struct {
	Conn    Conn
	Doc     Doc
	Near    bool
	Session SessionID
	Seq     uint32
	Heads   []Head
	Ref     Ref // what it says of itself
	Left    bool
}

func (Relays) event()         {}
func (Lead) event()           {}
func (LeaderState) event()    {}
func (Pause) event()          {}
func (Wake) event()           {}
func (Online) event()         {}
func (SocketOpen) event()     {}
func (SocketClosed) event()   {}
func (Pong) event()           {}
func (DocOpen) event()        {}
func (DocClose) event()       {}
func (DocKeyed) event()       {}
func (DocRefused) event()     {}
func (Local) event()          {}
func (Sealed) event()         {}
func (StoreDone) event()      {}
func (Shared) event()         {}
func (SharedSnapshot) event() {}
func (Welcome) event()        {}
func (Batch) event()          {}
func (Opened) event()         {}
func (Proven) event()         {}
func (Checked) event()        {}
func (Merged) event()         {}
func (Ack) event()            {}
func (Refused) event()        {}
func (Packed) event()         {}
func (Missing) event()        {}
func (RelayHas) event()       {}
func (SnapshotSealed) event() {}
func (Checkpointed) event()   {}
func (PresenceSet) event()    {}
func (PresenceSealed) event() {}
func (PresenceCame) event()   {}
