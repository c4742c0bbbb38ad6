package native

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// frameOf is a masked frame of so many bytes.
func frameOf(first byte, size int) []byte {
	b := []byte{first}
	switch {
	case size < 126:
		b = append(b, 0x80|byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(size))
	}
	return append(b, make([]byte, maskBytes+size)...)
}

// However a stream is cut into pieces, the grant is asked for at the same byte: the last of the length that makes a message long.
func TestFramingAsksBeforeTheLengthIsKnown(t *testing.T) {
	const fin, text, binaryData, more, ping = 0x80, 1, 2, 0, 9
	var stream []byte
	var asks []int
	add := func(first byte, size int, asked bool) {
		frame := frameOf(first, size)
		if asked {
			header := len(frame) - size - maskBytes
			asks = append(asks, len(stream)+header-1)
		}
		stream = append(stream, frame...)
	}
	add(fin|binaryData, 0, false)
	add(fin|binaryData, 100, false)
	add(fin|text, 1000, false)
	add(fin|binaryData, 1001, true)
	add(fin|binaryData, 70_000, true)
	add(binaryData, 600, false)
	add(fin|ping, 120, false)
	add(more, 400, false)
	add(more, 1, true)
	add(fin|ping, 0, false)
	add(fin|more, 2000, false) // granted already
	add(fin|binaryData, 1000, false)
	add(binaryData, 999, false)
	add(fin|more, 100, true)
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		f := framing{above: 1000, limit: 1 << 20}
		var got []int
		at := 0
		for at < len(stream) {
			piece := stream[at:min(len(stream), at+1+random.IntN(1+random.IntN(3000)))]
			n := f.pass(piece)
			if at += n; n < len(piece) {
				got = append(got, at)
				if f.pass(stream[at:]) != 0 {
					t.Fatal("it passes without a grant")
				}
				f.grant()
			}
		}
		if len(got) != len(asks) {
			t.Fatalf("asked at %v, want %v", got, asks)
		}
		for i := range got {
			if got[i] != asks[i] {
				t.Fatalf("asked at %v, want %v", got, asks)
			}
		}
	}
	// What no frame may have is for the library to refuse, and takes no turn.
	f := framing{above: 1000, limit: 1 << 20}
	if n := f.pass([]byte{0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}); n != 14 {
		t.Fatalf("%d bytes passed", n)
	}
}
