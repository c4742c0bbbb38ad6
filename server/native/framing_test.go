package native

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// frameOf is a masked frame, and where in it the header ends.
func frameOf(first byte, payload []byte) (frame []byte, headerEnd int) {
	b := []byte{first}
	switch size := len(payload); {
	case size < 126:
		b = append(b, 0x80|byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(size))
	}
	mask := [maskBytes]byte{1, 20, 133, 254}
	b = append(b, mask[:]...)
	headerEnd = len(b)
	for i, c := range payload {
		b = append(b, c^mask[i%maskBytes])
	}
	return b, headerEnd
}

const (
	fin   = 0x80
	above = 1000
	limit = 100_000
)

// stream is what a device sends, and what has to be found in it.
type stream struct {
	bytes  []byte
	random *rand.Rand
	want   []string
	// asks are where the header ends that needs a grant.
	asks []int
}

func (s *stream) add(first byte, payload []byte, asks bool) {
	b, headerEnd := frameOf(first, payload)
	if asks {
		s.asks = append(s.asks, len(s.bytes)+headerEnd)
	}
	s.bytes = append(s.bytes, b...)
}

func (s *stream) payload(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(s.random.Uint32())
	}
	return b
}

func (s *stream) finds(opcode byte, payload []byte) {
	s.want = append(s.want, fmt.Sprintf("%d %x", opcode, payload))
}

// message adds one, in fragments with pings and pongs between them.
func (s *stream) message(opcode byte, sizes ...int) {
	var whole []byte
	granted := false
	for i, size := range sizes {
		first, part := opcode, s.payload(size)
		if i > 0 {
			first = opContinuation
			word := s.payload(s.random.IntN(maxControl + 1))
			kind := byte(opPing + s.random.IntN(2))
			s.add(fin|kind, word, false)
			s.finds(kind, word)
		}
		if i == len(sizes)-1 {
			first |= fin
		}
		whole = append(whole, part...)
		asks := !granted && len(whole) > above
		granted = granted || asks
		s.add(first, part, asks)
	}
	s.finds(opcode, whole)
}

// However a stream is cut into pieces, the same is found in it, and a grant asked for at the same bytes.
func TestFramingFindsTheSameInAnyPieces(t *testing.T) {
	s := &stream{random: rand.New(rand.NewPCG(1, 2))}
	for _, sizes := range [][]int{{0}, {100}, {125}, {126}, {1000}, {1001}, {70_000}, {600, 400, 1}, {2, 2000, 3000}, {0, 0, 0}, {999, 100}, {100_000}, {50_000, 50_000}, {7}} {
		s.message(opBinary, sizes...)
		s.message(opText, sizes...)
	}
	for range 300 {
		var f framing
		var found []string
		var asks []int
		for at := 0; at < len(s.bytes); {
			b := bytes.Clone(s.bytes[at:min(len(s.bytes), at+1+s.random.IntN(1+s.random.IntN(9000)))])
			end := at + len(b)
			for len(b) > 0 {
				var next framed
				next, b = f.next(b, above, limit)
				switch next.found {
				case foundMessage, foundControl:
					found = append(found, fmt.Sprintf("%d %x", next.opcode, next.payload))
				case foundLong:
					if len(f.message) > above || cap(f.message) > 2*above {
						t.Fatalf("%d bytes, room for %d, without a grant", len(f.message), cap(f.message))
					}
					asks = append(asks, end-len(b))
					if again, rest := f.next(b, above, limit); again.found != foundLong || len(rest) != len(b) {
						t.Fatal("it goes on without a grant")
					}
					f.grant(limit)
				case foundWrong:
					t.Fatalf("wrong: %d", next.code)
				}
			}
			at = end
		}
		if !f.atRest() {
			t.Fatal("something is under way after the end")
		}
		if fmt.Sprint(asks) != fmt.Sprint(s.asks) {
			t.Fatalf("asked at %v, want %v", asks, s.asks)
		}
		if len(found) != len(s.want) {
			t.Fatalf("%d found, want %d", len(found), len(s.want))
		}
		for i := range found {
			if found[i] != s.want[i] {
				t.Fatalf("number %d: %.60s, want %.60s", i, found[i], s.want[i])
			}
		}
	}
}

// What RFC 6455 forbids a device ends the connection at its header, before anything of it is kept.
func TestFramingRefuses(t *testing.T) {
	masked := func(first, second byte, more ...byte) []byte {
		return append(append([]byte{first, 0x80 | second}, more...), 0, 0, 0, 0)
	}
	fragment := masked(opBinary, 0)
	for name, c := range map[string]struct {
		stream []byte
		code   closeCode
	}{
		"no mask":                        {[]byte{fin | opBinary, 0}, closeProtocol},
		"a reserved bit":                 {masked(fin|0x40|opBinary, 0), closeProtocol},
		"a reserved opcode":              {masked(fin|3, 0), closeProtocol},
		"a reserved control opcode":      {masked(fin|11, 0), closeProtocol},
		"a ping in fragments":            {masked(opPing, 0), closeProtocol},
		"a long ping":                    {masked(fin|opPing, 126, 0, 126), closeProtocol},
		"a continuation of nothing":      {masked(fin|opContinuation, 0), closeProtocol},
		"a message in another":           {append(fragment, masked(fin|opBinary, 0)...), closeProtocol},
		"a message above the limit":      {masked(fin|opBinary, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa1), closeTooLarge},
		"the longest length":             {masked(fin|opBinary, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), closeTooLarge},
		"fragments that exceed together": {append(append(masked(opBinary, 1), 'x'), masked(fin|opContinuation, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0)...), closeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var f framing
			b := c.stream
			var got framed
			for len(b) > 0 && got.found != foundWrong {
				got, b = f.next(b, above, limit)
			}
			if got.found != foundWrong || got.code != c.code {
				t.Fatalf("%+v", got)
			}
			if cap(f.message) > 64 {
				t.Fatalf("room for %d bytes", cap(f.message))
			}
		})
	}
}

func TestCloseIsAnswered(t *testing.T) {
	for payload, want := range map[string]string{
		"": "", "\x03\xe8": "\x03\xe8", "\x03\xe9gone": "\x03\xe9", "\x0f\xa1": "\x0f\xa1",
		"\x03": "\x03\xea", "\x03\xed": "\x03\xea", "\x03\xee": "\x03\xea", "\x00\x00": "\x03\xea", "\x13\x88": "\x03\xea", "\x07\xd0": "\x03\xea",
		"\x03\xe8\xff": "\x03\xef",
	} {
		if got := string(answerTo([]byte(payload))); got != want {
			t.Errorf("%x: %x, want %x", payload, got, want)
		}
	}
}
