package seal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
)

const (
	tagSize = 16
	// MinEnvelopeSize is the length of the smallest envelope: padding makes empty content no shorter than 32 bytes.
	MinEnvelopeSize = HeaderSize + padFloor + tagSize + ed25519.SignatureSize
)

const envelopeLabel = "freehold/1 envelope\x00"

// Envelope is a sealed, signed piece of a session's chain, cut into its parts. It aliases the bytes it was parsed
// from. Parsing proves nothing: see Certificate.VerifyRun.
//
//	 0 64  header
//	64  n  ciphertext and tag, n = header.Size
//	…  64  signature by the session key over label ‖ genesis hash ‖ header ‖ hash of the ciphertext
type Envelope struct {
	Header
	raw []byte
}

// ParseEnvelope cuts b, which must be one whole envelope of a chained kind. Errors: ErrCorrupt, ErrUnsupported.
func ParseEnvelope(b []byte) (Envelope, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return Envelope{}, err
	}
	if !h.Kind.Chained() {
		return Envelope{}, fmt.Errorf("%w: kind %d in a chain", ErrUnsupported, h.Kind)
	}
	if len(b) < MinEnvelopeSize || uint64(len(b)) != HeaderSize+uint64(h.Size)+ed25519.SignatureSize {
		return Envelope{}, fmt.Errorf("%w: envelope of %d bytes announces %d of ciphertext", ErrCorrupt, len(b), h.Size)
	}
	return Envelope{h, b}, nil
}

// Bytes are the whole envelope, not copied.
func (e Envelope) Bytes() []byte { return e.raw }

// Hash is what the next envelope of the session names as its predecessor. It covers the signature.
func (e Envelope) Hash() Hash { return sha256.Sum256(e.raw) }

func (e Envelope) header() []byte     { return e.raw[:HeaderSize] }
func (e Envelope) ciphertext() []byte { return e.raw[HeaderSize : len(e.raw)-ed25519.SignatureSize] }
func (e Envelope) signature() []byte  { return e.raw[len(e.raw)-ed25519.SignatureSize:] }

// envelopeMessage is what a session key signs. Hashing the ciphertext keeps it 180 bytes, whatever was sealed.
func envelopeMessage(genesis Hash, header, ciphertext []byte) []byte {
	sum := sha256.Sum256(ciphertext)
	message := make([]byte, 0, len(envelopeLabel)+len(genesis)+len(header)+len(sum))
	message = append(message, envelopeLabel...)
	message = append(message, genesis[:]...)
	message = append(message, header...)
	return append(message, sum[:]...)
}
