package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/freehold-dev/freehold/internal/seal"
)

// shape is what one element must look like. Shapes nest three deep and are all in this file, so following them cannot
// go deeper than they do, whatever was received.
type shape struct {
	form form
	// min and max bound a uint's value, a bin's or text's length, an array's count.
	min, max uint64
	optional bool
	// each is the shape of every item of a list.
	each *shape
	// row is the shape of each element of a fixed array.
	row []shape
}

type form uint8

const (
	formUint form = iota
	formBool
	formBin
	formText
	formList
	formRow
)

func bin(size uint64) shape       { return shape{form: formBin, min: size, max: size} }
func binOf(min, max uint64) shape { return shape{form: formBin, min: min, max: max} }
func integer(max uint64) shape    { return shape{form: formUint, max: max} }
func text() shape                 { return shape{form: formText, max: maxText} }
func boolean() shape              { return shape{form: formBool} }
func row(elements ...shape) shape { return shape{form: formRow, row: elements} }
func list(each shape) shape       { return shape{form: formList, max: MaxRun, each: &each} }
func or(s shape) shape            { s.optional = true; return s }

var (
	doc      = bin(uint64(len(seal.DocID{})))
	session  = bin(uint64(len(seal.SessionID{})))
	store    = bin(uint64(len(StoreID{})))
	genesis  = bin(seal.GenesisSize)
	goesOn   = bin(uint64(seal.SuccessorSize))
	cert     = bin(seal.CertificateSize)
	proof    = bin(seal.ProofSize)
	nonce    = bin(uint64(len(seal.Nonce{})))
	envelope = binOf(seal.MinEnvelopeSize, MaxSnapshot)
	presence = binOf(seal.MinEnvelopeSize, MaxPresence)
	number   = integer(MaxInteger)
	seq      = integer(1<<32 - 1)
	place    = shape{form: formUint, min: 1, max: MaxInteger} // a cursor at which there is something
	kind     = integer(255)
	sums     = bin(SumsSize)
)

// shapes has one row per frame type, the type included.
var shapes = map[Type]shape{
	TypeHello:       row(kind, doc, or(genesis), number, or(store), or(proof)),
	TypeAppend:      row(kind, doc, number, or(cert), list(envelope), or(row(store, number))),
	TypeUnsubscribe: row(kind, doc),
	TypePing:        row(kind),
	TypeWelcome:     row(kind, doc, store, number, or(genesis), or(goesOn)),
	TypeBatch:       row(kind, doc, list(row(place, envelope, or(cert), number)), number, boolean()),
	TypeAck:         row(kind, doc, number, session, seq, number),
	TypeError:       row(kind, or(doc), or(number), text(), text(), text(), integer(MaxRetryAfter), or(seq)),
	TypePong:        row(kind),
	TypeChallenge:   row(kind, nonce, store),
	TypeDelete:      row(kind, doc, number, proof),
	TypeSuccessor:   row(kind, doc, number, goesOn),
	TypeCredit:      row(kind, number),
	TypeCheck:       row(kind, doc, number, list(row(doc, proof)), sums),
	TypeChanged:     row(kind, doc, number, integer(1<<SetParts-1), list(row(doc, number))),
	TypeDone:        row(kind, doc, number),
	TypePresence:    row(kind, doc, or(number), or(cert), presence),
}

// check reads one element of shape s off b and returns what follows it.
func (s *shape) check(b []byte) ([]byte, error) {
	if s.optional && len(b) > 0 && b[0] == 0xc0 {
		return b[1:], nil
	}
	switch s.form {
	case formBool:
		if len(b) == 0 || b[0] != 0xc2 && b[0] != 0xc3 {
			return nil, fmt.Errorf("%w: expected a boolean", ErrFrame)
		}
		return b[1:], nil
	case formUint:
		n, rest, ok := readUint(b)
		if !ok || n < s.min || n > s.max {
			return nil, fmt.Errorf("%w: expected an integer from %d to %d", ErrFrame, s.min, s.max)
		}
		return rest, nil
	case formBin:
		return s.checkBytes(b, 0xc4, 0, 0, "bytes")
	case formText:
		return s.checkBytes(b, 0xd9, 0xa0, 0xe0, "text")
	case formList:
		return s.checkList(b)
	default:
		return s.checkRow(b)
	}
}

// checkBytes reads a run of bytes whose length follows tag (one byte), tag+1 (two) or tag+2 (four), or is inside the
// tag itself where tag&mask == fix.
func (s *shape) checkBytes(b []byte, tag, fix, mask byte, name string) ([]byte, error) {
	n, rest, ok := uint64(0), []byte(nil), false
	switch {
	case len(b) == 0:
	case mask != 0 && b[0]&mask == fix:
		n, rest, ok = uint64(b[0]&^mask), b[1:], true
	case b[0] >= tag && b[0] <= tag+2:
		n, rest, ok = readBig(b[1:], 1<<(b[0]-tag))
	}
	if !ok || n < s.min || n > s.max || n > uint64(len(rest)) {
		return nil, fmt.Errorf("%w: expected %d to %d bytes of %s", ErrFrame, s.min, s.max, name)
	}
	return rest[n:], nil
}

func (s *shape) checkList(b []byte) ([]byte, error) {
	n, b, ok := readCount(b)
	// Every item takes a byte at least, so a count beyond what is left is a lie.
	if !ok || n > s.max || n > uint64(len(b)) {
		return nil, fmt.Errorf("%w: expected a list of at most %d", ErrFrame, s.max)
	}
	for range n {
		var err error
		if b, err = s.each.check(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (s *shape) checkRow(b []byte) ([]byte, error) {
	n, b, ok := readCount(b)
	if !ok || n != uint64(len(s.row)) {
		return nil, fmt.Errorf("%w: expected an array of %d", ErrFrame, len(s.row))
	}
	for i := range s.row {
		var err error
		if b, err = s.row[i].check(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// readUint reads MessagePack's unsigned forms.
func readUint(b []byte) (n uint64, rest []byte, ok bool) {
	switch {
	case len(b) == 0:
		return 0, nil, false
	case b[0] < 0x80:
		return uint64(b[0]), b[1:], true
	case b[0] >= 0xcc && b[0] <= 0xcf:
		return readBig(b[1:], 1<<(b[0]-0xcc))
	}
	return 0, nil, false
}

// readCount reads the head of an array.
func readCount(b []byte) (n uint64, rest []byte, ok bool) {
	switch {
	case len(b) == 0:
		return 0, nil, false
	case b[0]&0xf0 == 0x90:
		return uint64(b[0] & 0x0f), b[1:], true
	case b[0] == 0xdc || b[0] == 0xdd:
		return readBig(b[1:], 2<<(b[0]-0xdc))
	}
	return 0, nil, false
}

// readBig reads a big-endian integer of 1, 2, 4 or 8 bytes.
func readBig(b []byte, size int) (n uint64, rest []byte, ok bool) {
	if len(b) < size {
		return 0, nil, false
	}
	var word [8]byte
	copy(word[8-size:], b[:size])
	return binary.BigEndian.Uint64(word[:]), b[size:], true
}
