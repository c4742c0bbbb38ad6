package sync

// Doc is the number by which the caller and the machine know an open document; the caller chooses it and never reuses it.
type Doc uint32

// Ref names bytes that the caller holds for the machine; the caller chooses it and never reuses it. 0 is no bytes.
type Ref uint32

// Job names a piece of work handed to the caller, until its result comes back.
type Job uint32

// Conn numbers the attempts to connect, so that an event of an older socket is told from one of the newest.
type Conn uint32

// SessionID is one writer's run: the first 16 bytes of the SHA-256 of its public key.
type SessionID [16]byte

// Hash is the SHA-256 of an envelope, or, before a session's first, of its certificate. Where only a dependency names the
// envelope, the last 16 bytes are not known and are zero; comparisons use the first 16.
type Hash [32]byte

// Same reports whether both name the same envelope, as far as both are known.
func (h Hash) Same(o Hash) bool { return [16]byte(h[:16]) == [16]byte(o[:16]) }

// agrees reports whether both may be the hash of one envelope: zeros say nothing.
func (h Hash) agrees(o Hash) bool { return h.Same(Hash{}) || o.Same(Hash{}) || h.Same(o) }

// StoreID is what a relay's store was born with; another value means that the relay lost or changed its store.
type StoreID [16]byte

// Cursor is a position in a relay's log of one document. Opaque and rising; 0 is the beginning.
type Cursor uint64

// Kind is the kind of an envelope, as in its header.
type Kind uint8

// The kinds that are stored and replayed; others are passed over.
const (
	KindUpdate      Kind = 0
	KindSnapshot    Kind = 1
	KindSessionInfo Kind = 3
	KindAttest      Kind = 4
	KindPack        Kind = 6
)

// chains reports whether envelopes of this kind follow each other in a session. A snapshot is the one envelope of its own.
func (k Kind) chains() bool {
	return k == KindUpdate || k == KindSessionInfo || k == KindAttest || k == KindPack
}

// Verdict is what a device finds that compares a snapshot with what it has.
type Verdict uint8

const (
	Sound     Verdict = 0 // it has all that it says it has, as far as that is here
	Objection Verdict = 1 // it lacks something, or has it otherwise
	Undecided Verdict = 2 // what is here cannot be compared with it
	Refuted   Verdict = 3 // it says something else than what is here, or than its writer signed for: nothing of it is taken
)

// Head names the last envelope of a session that somebody has.
type Head struct {
	Session SessionID
	Seq     uint32
	Hash    Hash
}
