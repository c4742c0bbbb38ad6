package store

import (
	"encoding/binary"
	"hash/crc32"
)

// A segment is a header and frames, one for each commit. All integers are big-endian.
//
//	 0  7  "FHstore"[:3] ‖ "log" and a zero: "FHslog\0"
//	 7  1  version, 1
//	 8  4  number of the segment
//	12  4  CRC32C over the store's salt and bytes 0 to 11
//
// A frame:
//
//	 0  8  number of the frame, counted through all segments from 1
//	 8  4  length n of the payload
//	12  4  CRC32C of the payload
//	16  4  CRC32C over the store's salt and bytes 0 to 15
//	20  n  payload
//
// The salt is known to nobody but the disk: who writes envelopes cannot write what looks like a frame.
const (
	segmentMagic  = "FHslog\x00"
	segmentHeader = 16
	frameHeader   = 20
	version1      = 1
)

// maxPayload is longer than any commit of a relay: a group of the committer and the largest append behind it. Nothing longer is written, since it
// could not be read.
const maxPayload = 256 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// salt makes the checksums of headers the store's own.
type salt [8]byte

func (s salt) checksum(b []byte) uint32 { return crc32.Update(checksum(s[:]), castagnoli, b) }

func (s salt) segmentHeader(number uint32) []byte {
	b := append([]byte(segmentMagic), version1)
	b = binary.BigEndian.AppendUint32(b, number)
	return binary.BigEndian.AppendUint32(b, s.checksum(b))
}

// sealFrame fills in the header of a frame whose payload is in place.
func (s salt) sealFrame(frame []byte, number uint64) {
	binary.BigEndian.PutUint64(frame, number)
	binary.BigEndian.PutUint32(frame[8:], uint32(len(frame)-frameHeader))
	binary.BigEndian.PutUint32(frame[12:], checksum(frame[frameHeader:]))
	binary.BigEndian.PutUint32(frame[16:], s.checksum(frame[:16]))
}

// parseFrame reads a header; ok is false where there is none.
func (s salt) parseFrame(b []byte) (number uint64, length int, sum uint32, ok bool) {
	if len(b) < frameHeader || binary.BigEndian.Uint32(b[16:]) != s.checksum(b[:16]) {
		return 0, 0, 0, false
	}
	n := binary.BigEndian.Uint32(b[8:])
	return binary.BigEndian.Uint64(b), int(n), binary.BigEndian.Uint32(b[12:]), n <= maxPayload
}

// saltOf is a salt with which bytes have a checksum. There are many, and all of them give everything the same checksums: what a salt
// does is to bring the checksum into a state of 32 bits, and four bytes can bring it into any.
func saltOf(b []byte, sum uint32) (s salt) {
	state := ^sum
	for i := len(b) - 1; i >= 0; i-- {
		at := undo[state>>24]
		state = (state^castagnoli[at])<<8 | uint32(at^b[i])
	}
	// Which entries of the table led here, of four unknown bytes behind four zeros.
	var path [4]byte
	for i, back := 3, state; i >= 0; i-- {
		path[i] = undo[back>>24]
		back = (back ^ castagnoli[path[i]]) << 8
	}
	forth := ^checksum(s[:4])
	for i, at := range path {
		s[4+i] = at ^ byte(forth)
		forth = castagnoli[at] ^ forth>>8
	}
	return s
}

// undo finds an entry of the checksum's table by its highest byte.
var undo = func() (at [256]byte) {
	for i, entry := range castagnoli {
		at[entry>>24] = byte(i)
	}
	return at
}()
