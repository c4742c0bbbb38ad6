package seal

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
)

// Kind says what an envelope carries.
type Kind uint8

const (
	Update      Kind = 0 // operations
	Snapshot    Kind = 1 // a file of the core that covers earlier envelopes
	Ephemeral   Kind = 2 // presence: never stored, a lane of its own
	SessionInfo Kind = 3 // who is behind a session
	Attest      Kind = 4 // "I checked that snapshot"
	Auth        Kind = 5 // membership, of a later release
	Pack        Kind = 6 // a session's own run of envelopes in one
)

// Chained reports whether envelopes of this kind take a place in their session's chain. A blind relay keeps those
// without understanding them.
func (k Kind) Chained() bool {
	return k <= Pack && k != Ephemeral && k != Auth
}

// Sizes of what an envelope says in clear between header and ciphertext, because a relay acts on it.
const (
	attestClear = 33 // hash of a snapshot 32 │ verdict 1
	packClear   = 36 // first seq 4 │ hash of the last envelope 32
)

// clear is how many bytes of that a kind has.
func (k Kind) clear() int {
	switch k {
	case Attest:
		return attestClear
	case Pack:
		return packClear
	}
	return 0
}

// HeaderSize is the length of an envelope's header.
const HeaderSize = 64

// Header is what everybody can read of an envelope. Integers are big-endian.
//
//	 0  1  suite, 1
//	 1  1  kind
//	 2  2  key epoch, 0
//	 4  4  seq, from 0 in each session
//	 8  4  size of the ciphertext with its tag
//	12  4  random salt of the nonce
//	16 16  session
//	32 32  prev: hash of the envelope before it in the session, or of the certificate
type Header struct {
	Kind    Kind
	Seq     uint32
	Size    uint32
	Salt    [4]byte
	Session SessionID
	Prev    Hash
}

// Length is how long an envelope with this header is.
func (h Header) Length() uint64 {
	return HeaderSize + uint64(h.Kind.clear()) + uint64(h.Size) + ed25519.SignatureSize
}

// ParseHeader reads the first 64 bytes of b. Errors: ErrCorrupt when there are fewer, ErrUnsupported.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, fmt.Errorf("%w: header of %d bytes", ErrCorrupt, len(b))
	}
	if b[0] != suite1 {
		return Header{}, fmt.Errorf("%w: suite %d", ErrUnsupported, b[0])
	}
	if b[1] > byte(Pack) {
		return Header{}, fmt.Errorf("%w: kind %d", ErrUnsupported, b[1])
	}
	if epoch := binary.BigEndian.Uint16(b[2:]); epoch != 0 {
		return Header{}, fmt.Errorf("%w: key epoch %d", ErrUnsupported, epoch)
	}
	return Header{
		Kind:    Kind(b[1]),
		Seq:     binary.BigEndian.Uint32(b[4:]),
		Size:    binary.BigEndian.Uint32(b[8:]),
		Salt:    [4]byte(b[12:16]),
		Session: SessionID(b[16:32]),
		Prev:    Hash(b[32:64]),
	}, nil
}

// append writes the 64 bytes of h after b.
func (h Header) append(b []byte) []byte {
	b = append(b, suite1, byte(h.Kind), 0, 0)
	b = binary.BigEndian.AppendUint32(b, h.Seq)
	b = binary.BigEndian.AppendUint32(b, h.Size)
	b = append(b, h.Salt[:]...)
	b = append(b, h.Session[:]...)
	return append(b, h.Prev[:]...)
}
