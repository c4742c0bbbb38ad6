package native

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// framing takes apart the stream of WebSocket frames that a device sends (RFC 6455, section 5). It holds what came of a message and
// no more. SECURITY: how long a message is going to be is known from the header, and one that is going to be long waits for a grant
// there, however it is cut into frames.
type framing struct {
	// header are the first bytes of a frame, came how many of them there are.
	header [maxHeader]byte
	came   uint8
	// open: the header is complete, and left is how much of the payload is to come.
	open bool
	fin  bool
	// opcode is the frame's, and of the opcode of the message under way, 0 where there is none.
	opcode, of byte
	// room is how long the message under way was granted to become.
	room   int
	masked int
	left   int
	// message is what came of the message under way, control of a control frame.
	message, control []byte
}

const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10

	maskBytes  = 4
	maxHeader  = 2 + 8 + maskBytes
	maxControl = 125
)

// closeCode is why a connection ends, 0 where it goes on.
type closeCode uint16

const (
	closeNormal   closeCode = 1000
	closeGoing    closeCode = 1001
	closeProtocol closeCode = 1002
	closeBadText  closeCode = 1007
	closeTooLarge closeCode = 1009
)

// found is what a stream came to.
type found uint8

const (
	// foundNothing: everything was taken, and more must come.
	foundNothing found = iota
	foundMessage
	foundControl
	// foundLong: the message under way needs a grant, of size bytes at least.
	foundLong
	// foundWrong: the stream cannot go on.
	foundWrong
)

// framed is the next thing in a stream.
type framed struct {
	found   found
	opcode  byte
	payload []byte
	size    int
	code    closeCode
}

// next goes on with a stream, and gives what is left of it behind what it found. Messages above short bytes need a grant, and none is
// above limit. The payload may be a part of b, which it changes.
func (f *framing) next(b []byte, short, limit int) (framed, []byte) {
	if !f.open {
		n, code := f.readHeader(b, limit)
		if b = b[n:]; code != 0 {
			return framed{found: foundWrong, code: code}, b
		}
		if !f.open {
			return framed{}, b
		}
	}
	isControl := f.opcode >= opClose
	if size := len(f.message) + f.left; !isControl && size > max(short, f.room) {
		return framed{found: foundLong, size: size}, b
	}
	part, rest := b[:min(f.left, len(b))], b[min(f.left, len(b)):]
	f.unmask(part)
	f.left -= len(part)
	held := &f.message
	if isControl {
		held = &f.control
	}
	whole := f.left == 0 && (f.fin || isControl)
	if !whole || len(*held) > 0 {
		*held = append(*held, part...)
		part = *held
	}
	if f.left == 0 {
		f.open, f.came = false, 0
	}
	if !whole {
		return framed{}, rest
	}
	*held = nil
	if isControl {
		return framed{found: foundControl, opcode: f.opcode, payload: part}, rest
	}
	of := f.of
	f.of, f.room = 0, 0
	return framed{found: foundMessage, opcode: of, payload: part}, rest
}

// grant lets the message under way become as long as room, and allocates what is known of it.
func (f *framing) grant(room int) {
	f.room = room
	f.message = slices.Grow(f.message, f.left)
}

// atRest reports whether nothing is under way.
func (f *framing) atRest() bool { return f.came == 0 && f.of == 0 }

// readHeader takes the bytes of a header, and says how many those were. The frame is open when there are all.
func (f *framing) readHeader(b []byte, limit int) (n int, code closeCode) {
	for {
		need := f.headerBytes()
		took := copy(f.header[f.came:need], b[n:])
		n += took
		if f.came += uint8(took); int(f.came) < need {
			return n, 0
		}
		if need == f.headerBytes() {
			return n, f.begin(limit)
		}
	}
}

// headerBytes is how long the header is, as far as is known.
func (f *framing) headerBytes() int {
	// Without a mask no more is needed to refuse it.
	if f.came < 2 || f.header[1]&0x80 == 0 {
		return 2
	}
	switch f.header[1] & 0x7f {
	case 126:
		return 2 + 2 + maskBytes
	case 127:
		return 2 + 8 + maskBytes
	}
	return 2 + maskBytes
}

// begin opens the frame whose header came.
func (f *framing) begin(limit int) closeCode {
	first, second := f.header[0], f.header[1]
	length := uint64(second & 0x7f)
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(f.header[2:]))
	case 127:
		length = binary.BigEndian.Uint64(f.header[2:])
	}
	f.fin, f.opcode = first&0x80 != 0, first&0x0f
	switch {
	case first&0x70 != 0 || second&0x80 == 0:
		// No extension was agreed on, and a device masks.
		return closeProtocol
	case f.opcode >= opClose:
		if f.opcode > opPong || !f.fin || length > maxControl {
			return closeProtocol
		}
	case f.opcode > opBinary || (f.opcode == opContinuation) != (f.of != 0):
		return closeProtocol
	case length > uint64(limit) || len(f.message)+int(length) > limit:
		return closeTooLarge
	case f.opcode != opContinuation:
		f.of = f.opcode
	}
	f.open, f.left, f.masked = true, int(length), 0
	return 0
}

// unmask takes the mask off the next bytes of the payload.
func (f *framing) unmask(b []byte) {
	var key [8]byte
	mask := f.header[f.headerBytes()-maskBytes:]
	for i := range key {
		key[i] = mask[(f.masked+i)%maskBytes]
	}
	f.masked += len(b)
	for word := binary.LittleEndian.Uint64(key[:]); len(b) >= len(key); b = b[len(key):] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
	}
	for i := range b {
		b[i] ^= key[i]
	}
}

// appendHeader writes the header of a whole message or control frame behind b.
func appendHeader(b []byte, opcode byte, size int) []byte {
	b = append(b, 0x80|opcode)
	switch {
	case size <= maxControl:
		return append(b, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
}

// goodbye is what a close frame says.
func goodbye(code closeCode, why string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), why...)
}

// answerTo is the close frame that answers a device's: the same code, where that is one.
func answerTo(payload []byte) []byte {
	if len(payload) == 0 {
		return nil
	}
	if len(payload) >= 2 {
		if !utf8.Valid(payload[2:]) {
			return goodbye(closeBadText, "")
		}
		switch code := binary.BigEndian.Uint16(payload); {
		case code >= 1000 && code < 1015 && code != 1004 && code != 1005 && code != 1006, code >= 3000 && code < 5000:
			return bytes.Clone(payload[:2])
		}
	}
	return goodbye(closeProtocol, "")
}
