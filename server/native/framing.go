package native

// framing follows a stream of WebSocket frames, as far as it takes to know how long each message is going to be before anybody makes
// room for it. SECURITY: the library makes room for a whole frame when it has read the header.
type framing struct {
	// above is how long a message may be without a grant, and limit is what no frame may have: that is refused by the library, at the
	// header.
	above, limit uint64

	// header is how many bytes of a header came, of which length bytes follow the second, and then a mask of four, if masked.
	header, lengthBytes int
	opcode              byte
	masked              bool
	length              uint64
	// left is how much of a frame's payload is to come.
	left uint64
	// message is how long the message under way is, with all of the frame under way.
	message uint64
	granted bool
}

const (
	// opcodes of data are below this one; 0 goes on with a message.
	opcodeControl = 8
	maskBytes     = 4
)

// pass gives how many of the bytes may be passed on. Where that is not all, the next byte would complete a header that makes a message
// longer than what goes without a grant: the same bytes pass after grant.
func (f *framing) pass(b []byte) int {
	for i := 0; i < len(b); {
		if f.left > 0 {
			skipped := min(f.left, uint64(len(b)-i))
			f.left -= skipped
			i += int(skipped)
			continue
		}
		if !f.next(b[i]) {
			return i
		}
		i++
	}
	return len(b)
}

// grant lets the message under way be longer.
func (f *framing) grant() { f.granted = true }

// next takes one byte of a header; false, with nothing changed, where that needs a grant.
func (f *framing) next(c byte) bool {
	length, known := f.length, false
	switch {
	case f.header == 0:
		f.opcode = c & 0x0f
		if f.opcode != 0 && f.opcode < opcodeControl {
			f.message, f.granted = 0, false
		}
		f.header, f.length, f.lengthBytes = 1, 0, 0
		return true
	case f.header == 1:
		f.masked = c&0x80 != 0
		switch c & 0x7f {
		case 126:
			f.lengthBytes = 2
		case 127:
			f.lengthBytes = 8
		default:
			length, known = uint64(c&0x7f), true
		}
	case f.header <= 1+f.lengthBytes:
		length = f.length<<8 | uint64(c)
		known = f.header == 1+f.lengthBytes
	}
	if known && f.opcode < opcodeControl && length <= f.limit {
		if f.message+length > f.above && !f.granted {
			return false
		}
		f.message += length
	}
	f.header++
	f.length = length
	end := 2 + f.lengthBytes
	if f.masked {
		end += maskBytes
	}
	if f.header >= end {
		f.header, f.left = 0, f.length
	}
	return true
}
