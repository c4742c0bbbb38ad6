package seal

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
)

// labelAdmit is an operator's; the other statements are a document's own.
const labelAdmit = "freehold/1 admit\x00"

const admissionSize = len(DocID{}) + 8 + 1 + ed25519.SignatureSize

// Admission is what a relay's operator says: this document may be kept, until a time (Unix seconds), in one of the operator's
// classes. It names nobody.
type Admission struct {
	Doc    DocID
	Expiry uint64
	Class  uint8
}

// Text signs it, in base64url: id 20 │ expiry 8 │ class 1 │ signature 64.
func (a Admission) Text(operator ed25519.PrivateKey) string {
	b := append(a.Doc[:], a.terms()...)
	return urlText.EncodeToString(append(b, ed25519.Sign(operator, a.Doc.statement(labelAdmit, a.terms()))...))
}

// ParseAdmission reads what Text wrote. ErrCorrupt; ErrSignature where it is not this operator's.
func ParseAdmission(text string, operator ed25519.PublicKey) (Admission, error) {
	b, err := urlText.DecodeString(text)
	if err != nil || len(b) != admissionSize {
		return Admission{}, fmt.Errorf("%w: admission", ErrCorrupt)
	}
	rest := b[len(DocID{}):]
	a := Admission{DocID(b[:len(DocID{})]), binary.BigEndian.Uint64(rest), rest[8]}
	if !verify(operator, a.Doc.statement(labelAdmit, a.terms()), rest[9:]) {
		return Admission{}, fmt.Errorf("%w: not admitted by this operator", ErrSignature)
	}
	return a, nil
}

func (a Admission) terms() []byte {
	return append(binary.BigEndian.AppendUint64(nil, a.Expiry), a.Class)
}

// ParseKey reads a public key in base64url, such as an operator's or a document's root key. ErrCorrupt.
func ParseKey(text string) (ed25519.PublicKey, error) {
	b, err := urlText.DecodeString(text)
	if err != nil || len(b) != keySize || !strictPoint(b) {
		return nil, fmt.Errorf("%w: public key", ErrCorrupt)
	}
	return b, nil
}

// KeyText writes what ParseKey reads.
func KeyText(key ed25519.PublicKey) string { return urlText.EncodeToString(key) }

// Root is the key of the document's owner.
func (g *Genesis) Root() ed25519.PublicKey { return append([]byte(nil), g.rootKey()...) }

// RootOf is the key of the owner whose link this is. ErrRights below owner.
func RootOf(link Link) (ed25519.PublicKey, error) {
	if link.Rights != Owner {
		return nil, fmt.Errorf("%w: only the owner's link tells the root key", ErrRights)
	}
	return publicKey(signingKey(link.Secret, labelRootSign)), nil
}
