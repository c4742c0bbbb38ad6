package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
)

// CertificateSize is the length of an encoded certificate.
const CertificateSize = keySize + ed25519.SignatureSize

const certificateLabel = "freehold/1 session\x00"

// Certificate admits a session to a document: a writer signed the session's public key. To hold one is to know that
// it was verified.
//
//	 0 32  session public key
//	32 64  signature by the write key over label ‖ genesis hash ‖ epoch ‖ session public key
type Certificate struct {
	raw     [CertificateSize]byte
	hash    Hash
	session SessionID
	genesis Hash
}

// VerifyCertificate checks that a writer of this document admitted the session.
// Errors: ErrCorrupt, ErrSignature (also for a certificate of another document).
func (g *Genesis) VerifyCertificate(b []byte) (*Certificate, error) {
	if len(b) != CertificateSize {
		return nil, fmt.Errorf("%w: certificate of %d bytes", ErrCorrupt, len(b))
	}
	key, signature := b[:keySize], b[keySize:]
	if !strictPoint(key) {
		return nil, fmt.Errorf("%w: certificate of a weak key", ErrSignature)
	}
	if !verify(g.writeKey(), certificateMessage(g.hash, key), signature) {
		return nil, fmt.Errorf("%w: session not admitted by a writer of %s", ErrSignature, g.Doc())
	}
	return &Certificate{[CertificateSize]byte(b), sha256.Sum256(b), sessionOf(key), g.hash}, nil
}

// Session is the id that the certified key has.
func (c *Certificate) Session() SessionID { return c.session }

// Hash is what the session's first envelope names as its predecessor.
func (c *Certificate) Hash() Hash { return c.hash }

// Bytes gives a copy of the 96 bytes.
func (c *Certificate) Bytes() []byte { return bytes.Clone(c.raw[:]) }

func (c *Certificate) key() []byte { return c.raw[:keySize] }

// CertifiedSession is the session that a certificate is of, whoever signed it: b must be as long as one.
func CertifiedSession(b []byte) SessionID { return sessionOf(b[:keySize]) }

func sessionOf(key []byte) SessionID {
	sum := sha256.Sum256(key)
	return SessionID(sum[:len(SessionID{})])
}

// certificateMessage is what the write key signs. The two zero bytes are the key epoch, 0 in this release.
func certificateMessage(genesis Hash, key []byte) []byte {
	message := make([]byte, 0, len(certificateLabel)+len(genesis)+2+len(key))
	message = append(message, certificateLabel...)
	message = append(message, genesis[:]...)
	message = append(message, 0, 0)
	return append(message, key...)
}
