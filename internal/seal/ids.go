package seal

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// DocID names a document and commits to its genesis: the first 20 bytes of the genesis' hash.
type DocID [20]byte

// SessionID names one writer's run: the first 16 bytes of the hash of its public key.
type SessionID [16]byte

var (
	// Lower case and no padding, so an id is also a DNS label and a file name.
	docText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	// Strict refuses set bits after the last byte: one text per value.
	urlText = base64.RawURLEncoding.Strict()
)

// String gives the 32 characters of the id.
func (d DocID) String() string { return docText.EncodeToString(d[:]) }

// ParseDocID reads the 32 characters back.
func ParseDocID(text string) (DocID, error) {
	var id DocID
	// 160 bits are exactly 32 characters: no unused bits that could differ. The length is checked first
	// because the decoder skips line breaks.
	if len(text) != docText.EncodedLen(len(id)) {
		return id, fmt.Errorf("%w: a document id has 32 characters, not %d", ErrCorrupt, len(text))
	}
	if n, err := docText.Decode(id[:], []byte(text)); err != nil || n != len(id) {
		return DocID{}, fmt.Errorf("%w: foreign character in a document id", ErrCorrupt)
	}
	return id, nil
}

// String gives the 22 characters of the id.
func (s SessionID) String() string { return urlText.EncodeToString(s[:]) }
