package wire

import "github.com/freehold-dev/freehold/internal/seal"

// Type is the first element of a frame. Devices send 1 to 15, relays 16 to 31, both send the rest.
type Type uint8

const (
	TypeHello       Type = 1
	TypeAppend      Type = 2
	TypeUnsubscribe Type = 3
	TypePing        Type = 4
	TypeDelete      Type = 5
	TypeSuccessor   Type = 6
	TypeCredit      Type = 7
	TypeCheck       Type = 8
	TypeWelcome     Type = 16
	TypeBatch       Type = 17
	TypeAck         Type = 18
	TypeError       Type = 19
	TypePong        Type = 20
	TypeChallenge   Type = 21
	TypeDone        Type = 22
	TypeChanged     Type = 23
	TypePresence    Type = 32
)

// Cursor is a place in a document's log on one relay. Cursors rise, may skip, begin at 1, and mean nothing to another
// store.
type Cursor uint64

// StoreID names one relay's disk. It is drawn when the store is made, so an emptied or swapped relay is noticed.
type StoreID [16]byte

// Frame is one message. The concrete types are those below, as pointers.
type Frame interface {
	Type() Type
	// fields lists pointers to the elements after the type, in their order on the wire: the one description that
	// encoding and decoding share.
	fields() []any
}

// Hello subscribes to a document and says how far the device has it.
type Hello struct {
	Doc seal.DocID
	// Genesis is the document's, or nil from a device that has only a link yet.
	Genesis []byte
	// Since is the last cursor that the device has stored, 0 for none. It counts only where Store matches.
	Since Cursor
	// Store is the store that Since belongs to, or nil.
	Store *StoreID
	// Proof answers the connection's Challenge with the document's fetch key.
	Proof []byte
}

// Append offers consecutive envelopes of one session: all are taken or none.
type Append struct {
	Doc seal.DocID
	// Req comes back in the Ack or Error.
	Req uint64
	// Cert is the session's certificate, or nil when this relay has acknowledged an envelope of it before.
	Cert      []byte
	Envelopes [][]byte
	// Covers may be set where the last envelope is a snapshot: what of the log it covers.
	Covers *Covers
}

// Covers says that a snapshot has everything in a store's log up to a cursor.
type Covers struct {
	_msgpack struct{} `msgpack:",as_array"`
	Store    StoreID
	UpTo     Cursor
}

// Delete asks a relay to forget the document, in the owner's name.
type Delete struct {
	Doc seal.DocID
	// Req comes back in the Done or Error.
	Req uint64
	// Signature is the owner's statement (seal.Keys.Delete).
	Signature []byte
}

// Successor tells where the document goes on, in the owner's name.
type Successor struct {
	Doc seal.DocID
	Req uint64
	// Statement is the owner's (seal.Keys.NameSuccessor).
	Statement []byte
}

// Credit says how much of what the relay sent on this connection is off the device's hands: stored, or let go of. Beyond
// CreditWindow of what is not, the relay sends nothing of a document.
type Credit struct {
	// Taken is the bytes of all binary messages from the connection's first, that one included.
	Taken uint64
}

// Check asks which documents of a set have another last cursor than the device knows of. The set is that of Doc, which lists them and which
// this connection has proved it may read.
type Check struct {
	Doc seal.DocID
	// Req comes back in the Changed or Error.
	Req uint64
	// Add are documents that the relay did not list as members.
	Add []Addition
	// Sums are those of the device's heads (SumsOf).
	Sums []byte
}

// Addition is a document that becomes a member of a set.
type Addition struct {
	_msgpack struct{} `msgpack:",as_array"`
	Doc      seal.DocID
	// Proof answers the connection's Challenge with the document's fetch key.
	Proof []byte
}

// Changed answers Check.
type Changed struct {
	Doc seal.DocID
	Req uint64
	// Parts has a bit for each part of the set whose sum is another one: the lowest for part 0. Where Heads has no room for all of them,
	// the others are told at the next Check.
	Parts uint64
	// Heads are all members of those parts.
	Heads []Head
}

// Head is a document and the last cursor of its log: 0 where nothing of it is left.
type Head struct {
	_msgpack struct{} `msgpack:",as_array"`
	Doc      seal.DocID
	Cursor   Cursor
}

// Done says that what a Delete or Successor asked is durable.
type Done struct {
	Doc seal.DocID
	Req uint64
}

// Presence carries one ephemeral envelope, to the relay and from it. It is not stored.
type Presence struct {
	Doc seal.DocID
	// Req comes back in an Error, and is nil from a relay. There is no answer to a Presence that was taken.
	Req *uint64
	// Cert is the session's certificate; to a relay, nil where it knows the session.
	Cert     []byte
	Envelope []byte
}

// Unsubscribe ends what Hello began.
type Unsubscribe struct{ Doc seal.DocID }

// Ping asks for a Pong: the application's own sign of life, since browsers do not show WebSocket's.
type Ping struct{}

// Challenge is the first frame of a connection. Who wants to read a document signs the nonce.
type Challenge struct {
	Nonce seal.Nonce
	Store StoreID
}

// Welcome answers Hello, and is sent again when the genesis or a successor becomes known. Batches follow until the device has all.
type Welcome struct {
	Doc   seal.DocID
	Store StoreID
	// Head is the last cursor of the log, 0 while it is empty.
	Head Cursor
	// Genesis is nil while nobody has brought the document to this relay.
	Genesis []byte
	// Successor is the owner's statement where the document goes on, or nil.
	Successor []byte
}

// Batch is a stretch of the log.
type Batch struct {
	Doc     seal.DocID
	Entries []Entry
	// UpTo is the cursor to resume from once the entries are stored. It may be beyond the last entry: what this
	// connection appended itself is not sent back.
	UpTo Cursor
	// More is true when the log goes on beyond UpTo and another Batch follows.
	More bool
}

// sizeAtMost is how long it is in bytes, or less.
func (b *Batch) sizeAtMost() int {
	// Heads and numbers in their longest form.
	n := 64
	for _, e := range b.Entries {
		n += 32 + len(e.Envelope) + len(e.Cert)
	}
	return n
}

// Entry is one envelope in a log.
type Entry struct {
	_msgpack struct{} `msgpack:",as_array"`
	Cursor   Cursor
	Envelope []byte
	// Cert is given with each session's first envelope in a Batch that catches up, and with a session's very first.
	Cert []byte
	// Covers is up to where a snapshot says that it covers this log, else 0.
	Covers Cursor
}

// Ack says that an Append is on the relay's disk, up to and with Seq. Cursor is that envelope's place.
type Ack struct {
	Doc     seal.DocID
	Req     uint64
	Session seal.SessionID
	Seq     uint32
	Cursor  Cursor
}

// Error refuses. Doc and Req are nil where the frame could not be read that far.
type Error struct {
	Doc  *seal.DocID
	Req  *uint64
	Code Code
	// Message says what happened, Hint what to do about it; both for people.
	Message string
	Hint    string
	// RetryAfter in milliseconds: 0 means that the same frame will be refused again.
	RetryAfter uint64
	// Seq is set by CodeGap and CodeStale: the seq to go on from.
	Seq *uint64
}

// Pong answers Ping.
type Pong struct{}

func (*Hello) Type() Type       { return TypeHello }
func (*Append) Type() Type      { return TypeAppend }
func (*Unsubscribe) Type() Type { return TypeUnsubscribe }
func (*Ping) Type() Type        { return TypePing }
func (*Welcome) Type() Type     { return TypeWelcome }
func (*Batch) Type() Type       { return TypeBatch }
func (*Ack) Type() Type         { return TypeAck }
func (*Error) Type() Type       { return TypeError }
func (*Pong) Type() Type        { return TypePong }
func (*Challenge) Type() Type   { return TypeChallenge }
func (*Delete) Type() Type      { return TypeDelete }
func (*Successor) Type() Type   { return TypeSuccessor }
func (*Done) Type() Type        { return TypeDone }
func (*Presence) Type() Type    { return TypePresence }
func (*Credit) Type() Type      { return TypeCredit }
func (*Check) Type() Type       { return TypeCheck }
func (*Changed) Type() Type     { return TypeChanged }

func (f *Hello) fields() []any       { return []any{&f.Doc, &f.Genesis, &f.Since, &f.Store, &f.Proof} }
func (f *Append) fields() []any      { return []any{&f.Doc, &f.Req, &f.Cert, &f.Envelopes, &f.Covers} }
func (f *Unsubscribe) fields() []any { return []any{&f.Doc} }
func (f *Ping) fields() []any        { return nil }
func (f *Welcome) fields() []any     { return []any{&f.Doc, &f.Store, &f.Head, &f.Genesis, &f.Successor} }
func (f *Batch) fields() []any       { return []any{&f.Doc, &f.Entries, &f.UpTo, &f.More} }
func (f *Ack) fields() []any         { return []any{&f.Doc, &f.Req, &f.Session, &f.Seq, &f.Cursor} }
func (f *Error) fields() []any {
	return []any{&f.Doc, &f.Req, &f.Code, &f.Message, &f.Hint, &f.RetryAfter, &f.Seq}
}
func (f *Pong) fields() []any      { return nil }
func (f *Challenge) fields() []any { return []any{&f.Nonce, &f.Store} }
func (f *Delete) fields() []any    { return []any{&f.Doc, &f.Req, &f.Signature} }
func (f *Successor) fields() []any { return []any{&f.Doc, &f.Req, &f.Statement} }
func (f *Credit) fields() []any    { return []any{&f.Taken} }
func (f *Check) fields() []any     { return []any{&f.Doc, &f.Req, &f.Add, &f.Sums} }
func (f *Changed) fields() []any   { return []any{&f.Doc, &f.Req, &f.Parts, &f.Heads} }
func (f *Done) fields() []any      { return []any{&f.Doc, &f.Req} }
func (f *Presence) fields() []any  { return []any{&f.Doc, &f.Req, &f.Cert, &f.Envelope} }

// blank gives an empty frame of a type, or nil.
func blank(t Type) Frame {
	switch t {
	case TypeHello:
		return &Hello{}
	case TypeAppend:
		return &Append{}
	case TypeUnsubscribe:
		return &Unsubscribe{}
	case TypePing:
		return &Ping{}
	case TypeWelcome:
		return &Welcome{}
	case TypeBatch:
		return &Batch{}
	case TypeAck:
		return &Ack{}
	case TypeError:
		return &Error{}
	case TypePong:
		return &Pong{}
	case TypeChallenge:
		return &Challenge{}
	case TypeDelete:
		return &Delete{}
	case TypeSuccessor:
		return &Successor{}
	case TypeCredit:
		return &Credit{}
	case TypeCheck:
		return &Check{}
	case TypeChanged:
		return &Changed{}
	case TypeDone:
		return &Done{}
	case TypePresence:
		return &Presence{}
	}
	return nil
}
