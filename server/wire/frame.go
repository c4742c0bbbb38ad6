package wire

import "github.com/freehold-dev/freehold/internal/seal"

// Type is the first element of a frame. Devices send 1 to 15, relays 16 and up.
type Type uint8

const (
	TypeHello       Type = 1
	TypeAppend      Type = 2
	TypeUnsubscribe Type = 3
	TypePing        Type = 4
	TypeWelcome     Type = 16
	TypeBatch       Type = 17
	TypeAck         Type = 18
	TypeError       Type = 19
	TypePong        Type = 20
	TypeChallenge   Type = 21
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

// Welcome answers Hello, and is sent again when the genesis becomes known. Batches follow until the device has all.
type Welcome struct {
	Doc   seal.DocID
	Store StoreID
	// Head is the last cursor of the log, 0 while it is empty.
	Head Cursor
	// Genesis is nil while nobody has brought the document to this relay.
	Genesis []byte
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

// Entry is one envelope in a log.
type Entry struct {
	_msgpack struct{} `msgpack:",as_array"`
	Cursor   Cursor
	Envelope []byte
	// Cert is given with each session's first envelope in a Batch that catches up, and with a session's very first.
	Cert []byte
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

func (f *Hello) fields() []any       { return []any{&f.Doc, &f.Genesis, &f.Since, &f.Store, &f.Proof} }
func (f *Append) fields() []any      { return []any{&f.Doc, &f.Req, &f.Cert, &f.Envelopes} }
func (f *Unsubscribe) fields() []any { return []any{&f.Doc} }
func (f *Ping) fields() []any        { return nil }
func (f *Welcome) fields() []any     { return []any{&f.Doc, &f.Store, &f.Head, &f.Genesis} }
func (f *Batch) fields() []any       { return []any{&f.Doc, &f.Entries, &f.UpTo, &f.More} }
func (f *Ack) fields() []any         { return []any{&f.Doc, &f.Req, &f.Session, &f.Seq, &f.Cursor} }
func (f *Error) fields() []any {
	return []any{&f.Doc, &f.Req, &f.Code, &f.Message, &f.Hint, &f.RetryAfter, &f.Seq}
}
func (f *Pong) fields() []any      { return nil }
func (f *Challenge) fields() []any { return []any{&f.Nonce, &f.Store} }

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
	}
	return nil
}
