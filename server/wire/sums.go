package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
)

// A set of documents is compared in parts, so that one document that changed does not cost the list of all.
const (
	// SetParts is how many there are. A document is in the part that the first four bits of its id number.
	SetParts = 16
	// PartDocs is the most documents in a part.
	PartDocs = 512
	sumSize  = 8
	// SumsSize is the length of the sums of all parts.
	SumsSize = SetParts * sumSize
)

// PartOf is the part of a document.
func PartOf(doc seal.DocID) int { return int(doc[0] >> 4) }

// SumsOf gives the sums of all parts, one after the other: of each the first 8 bytes of the SHA-256 of its heads in the order of their
// ids, each as id and 8 bytes of cursor, big-endian. heads may be in any order; each document is there once.
func SumsOf(heads []Head) []byte {
	sorted := slices.SortedFunc(slices.Values(heads), func(a, b Head) int { return bytes.Compare(a.Doc[:], b.Doc[:]) })
	var parts [SetParts][]byte
	for _, h := range sorted {
		part := &parts[PartOf(h.Doc)]
		*part = binary.BigEndian.AppendUint64(append(*part, h.Doc[:]...), uint64(h.Cursor))
	}
	sums := make([]byte, 0, SumsSize)
	for _, part := range parts {
		sum := sha256.Sum256(part)
		sums = append(sums, sum[:sumSize]...)
	}
	return sums
}

// Sum is that of one part.
func Sum(sums []byte, part int) []byte { return sums[part*sumSize:][:sumSize] }
