package backup

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/freehold-dev/freehold/server/wire"
)

// A frame is that of docs/STORAGE.md, little-endian: mark 2 │ type 1 │ version 1 │ length 4 │ CRC-32C 4 │ payload.
const (
	frameHead    = 12
	frameVersion = 0
	// maxPayload is a block with one snapshot in it.
	maxPayload = wire.MaxSnapshot + 4<<10
)

type frameType byte

// Types go on from those of STORAGE.md, so that no file is taken for another.
const (
	segmentFrame   frameType = 16
	blockFrame     frameType = 17
	successorFrame frameType = 18
)

var (
	frameMark  = []byte("Fr")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func appendFrame(to []byte, t frameType, payload []byte) []byte {
	head := append(bytes.Clone(frameMark), byte(t), frameVersion)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(payload)))
	to = append(to, head...)
	to = binary.LittleEndian.AppendUint32(to, checksum(head, payload))
	return append(to, payload...)
}

func checksum(head, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}

// nextFrame finds the first valid frame of b: skipped bytes are before it. payload is nil when there is none.
func nextFrame(b []byte) (skipped int, t frameType, payload, rest []byte) {
	for at := 0; ; at++ {
		found := bytes.Index(b[at:], frameMark)
		if found < 0 {
			return len(b), 0, nil, nil
		}
		at += found
		if t, payload, ok := frameAt(b[at:]); ok {
			return at, t, payload, b[at+frameHead+len(payload):]
		}
	}
}

// frameAt reads the frame that b begins with. Types and lengths that cannot be are passed over before anything is summed.
func frameAt(b []byte) (t frameType, payload []byte, ok bool) {
	if len(b) < frameHead || !bytes.HasPrefix(b, frameMark) || b[2] < byte(segmentFrame) || b[2] > byte(successorFrame) || b[3] != frameVersion {
		return 0, nil, false
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n > maxPayload || uint64(n) > uint64(len(b)-frameHead) {
		return 0, nil, false
	}
	payload = b[frameHead : frameHead+int(n)]
	return frameType(b[2]), payload, checksum(b[:8], payload) == binary.LittleEndian.Uint32(b[8:])
}
