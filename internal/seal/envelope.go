package seal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const (
	tagSize = 16
	// MinEnvelopeSize is the length of the smallest update: padding makes empty content no shorter than 32 bytes.
	MinEnvelopeSize = HeaderSize + padFloor + tagSize + ed25519.SignatureSize
)

const envelopeLabel = "freehold/1 envelope\x00"

// Envelope is a sealed, signed piece of what a session says, cut into its parts. It aliases the bytes it was parsed
// from. Parsing proves nothing: see Certificate.VerifyRun and VerifyEphemeral.
//
//	 0 64  header
//	64  c  in clear: an attest's snapshot and verdict, a pack's first seq and end; else nothing
//	…   n  ciphertext and tag, n = header.Size
//	…  64  signature by the session key over label ‖ genesis hash ‖ header ‖ clear ‖ hash of the ciphertext
type Envelope struct {
	Header
	raw []byte
	// far is set where raw is a stand-in.
	far *Digest
}

// Digest is what judging an envelope takes of bytes that are not here.
type Digest struct {
	// Ciphertext is its hash, and Signature the envelope's: of no use, and not set, where the envelope was judged before.
	Ciphertext Hash
	Signature  [ed25519.SignatureSize]byte
	// Envelope is the hash of all of it.
	Envelope Hash
}

// Elsewhere is set by a program that leaves large envelopes outside of its memory: it finds what a stand-in stands for, or nil. A
// stand-in begins with the envelope's header, is shorter than that says, and is of a kind with nothing in clear. SECURITY: anybody may
// send what looks like one, so it finds those only that the program made itself. Set it once, before anything is parsed.
var Elsewhere func(standIn []byte) *Digest

// ParseEnvelope cuts b, which must be one whole envelope of a chained kind. Errors: ErrCorrupt, ErrUnsupported.
func ParseEnvelope(b []byte) (Envelope, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return Envelope{}, err
	}
	if !h.Kind.Chained() {
		return Envelope{}, fmt.Errorf("%w: kind %d in a chain", ErrUnsupported, h.Kind)
	}
	return parse(h, b)
}

// ParseEphemeral cuts b, which must be one whole ephemeral envelope. Errors: ErrCorrupt, ErrUnsupported.
func ParseEphemeral(b []byte) (Envelope, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return Envelope{}, err
	}
	if h.Kind != Ephemeral {
		return Envelope{}, fmt.Errorf("%w: kind %d as presence", ErrCorrupt, h.Kind)
	}
	return parse(h, b)
}

func parse(h Header, b []byte) (Envelope, error) {
	e := Envelope{Header: h, raw: b}
	if uint64(len(b)) < h.Length() && Elsewhere != nil && h.Kind.clear() == 0 {
		e.far = Elsewhere(b)
	}
	if e.far == nil && (len(b) < MinEnvelopeSize+h.Kind.clear() || uint64(len(b)) != h.Length()) {
		return Envelope{}, fmt.Errorf("%w: envelope of %d bytes announces %d of ciphertext", ErrCorrupt, len(b), h.Size)
	}
	switch h.Kind {
	case Attest:
		if verdict := e.clear()[attestClear-1]; verdict > byte(Objection) {
			return Envelope{}, fmt.Errorf("%w: verdict %d", ErrUnsupported, verdict)
		}
	case Pack:
		if e.First() >= h.Seq {
			return Envelope{}, fmt.Errorf("%w: pack of %d to %d", ErrCorrupt, e.First(), h.Seq)
		}
	}
	return e, nil
}

// Bytes are the whole envelope, not copied, or what stands in for it.
func (e Envelope) Bytes() []byte { return e.raw }

// Hash is what the next envelope of the session names as its predecessor: the SHA-256 of the whole envelope, signature
// included; of a pack, that of the last envelope it stands for.
func (e Envelope) Hash() Hash {
	if e.Kind == Pack {
		return Hash(e.clear()[4:packClear])
	}
	if e.far != nil {
		return e.far.Envelope
	}
	return sha256.Sum256(e.raw)
}

// First is the first seq that the envelope stands for: its own, unless it is a pack.
func (e Envelope) First() uint32 {
	if e.Kind == Pack {
		return binary.BigEndian.Uint32(e.clear())
	}
	return e.Seq
}

// Attested is the snapshot that an attest speaks about, and what it says.
func (e Envelope) Attested() (snapshot Hash, verdict Verdict) {
	c := e.clear()
	return Hash(c[:len(Hash{})]), Verdict(c[attestClear-1])
}

// Verdict is what an attest says about a snapshot.
type Verdict uint8

const (
	Sound     Verdict = 0 // it has all it claims to cover
	Objection Verdict = 1 // it lacks something, or says something else than the envelopes it covers
)

func (e Envelope) header() []byte { return e.raw[:HeaderSize] }
func (e Envelope) clear() []byte  { return e.raw[HeaderSize : HeaderSize+e.Kind.clear()] }

// open is header and clear part: what is authenticated and not encrypted.
func (e Envelope) open() []byte { return e.raw[:HeaderSize+e.Kind.clear()] }

func (e Envelope) ciphertext() []byte {
	return e.raw[HeaderSize+e.Kind.clear() : len(e.raw)-ed25519.SignatureSize]
}

// signed gives the hash of the ciphertext, and the signature.
func (e Envelope) signed() (ciphertext Hash, signature []byte) {
	if e.far != nil {
		return e.far.Ciphertext, e.far.Signature[:]
	}
	return sha256.Sum256(e.ciphertext()), e.raw[len(e.raw)-ed25519.SignatureSize:]
}

// envelopeMessage is what a session key signs; open is header and clear part. Hashing the ciphertext keeps it short,
// whatever was sealed.
func envelopeMessage(genesis Hash, open []byte, ciphertext Hash) []byte {
	message := make([]byte, 0, len(envelopeLabel)+len(genesis)+len(open)+len(ciphertext))
	message = append(message, envelopeLabel...)
	message = append(message, genesis[:]...)
	message = append(message, open...)
	return append(message, ciphertext[:]...)
}
