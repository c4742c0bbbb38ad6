package crdt

// packedNil is the MessagePack value nil.
const packedNil = 0xc0

// skipValue checks that in starts with one whole MessagePack value, at most MaxDepth deep, and gives its length.
// It keeps its own stack, so depth costs no call frames. Strings must be UTF-8.
func skipValue(in []byte) (int, bool) {
	var open [MaxDepth]uint64 // values still to come at each level
	depth := 0
	r := reader{in: in}
	for {
		b := r.byte()
		var inner uint64 // values inside this one
		isContainer := false
		switch {
		case r.bad:
			return 0, false
		case b < 0x80 || b >= 0xe0 || b == 0xc0 || b == 0xc2 || b == 0xc3: // fixint, nil, booleans
		case b < 0x90:
			inner, isContainer = 2*uint64(b&15), true
		case b < 0xa0:
			inner, isContainer = uint64(b&15), true
		case b < 0xc0:
			if !validText(r.take(int(b & 31))) {
				return 0, false
			}
		case b == 0xc1: // never used by the format
			return 0, false
		case b <= 0xc6: // bin 8, 16, 32
			r.take(r.big(1 << (b - 0xc4)))
		case b <= 0xc9: // ext 8, 16, 32: a type byte follows the length
			n := r.big(1 << (b - 0xc7))
			r.byte()
			r.take(n)
		case b == 0xca || b == 0xce || b == 0xd2:
			r.take(4)
		case b == 0xcb || b == 0xcf || b == 0xd3:
			r.take(8)
		case b == 0xcc || b == 0xd0:
			r.take(1)
		case b == 0xcd || b == 0xd1:
			r.take(2)
		case b >= 0xd4 && b <= 0xd8: // fixext 1, 2, 4, 8, 16
			r.take(1 + 1<<(b-0xd4))
		case b <= 0xdb: // str 8, 16, 32
			if !validText(r.take(r.big(1 << (b - 0xd9)))) {
				return 0, false
			}
		case b <= 0xdd: // array 16, 32
			inner, isContainer = uint64(r.big(2<<(b-0xdc))), true
		default: // map 16, 32
			inner, isContainer = 2*uint64(r.big(2<<(b-0xde))), true
		}
		if r.bad || inner > uint64(r.left()) {
			return 0, false
		}
		if isContainer {
			if depth == MaxDepth {
				return 0, false
			}
			open[depth] = inner
			depth++
		} else if depth > 0 {
			open[depth-1]--
		}
		for depth > 0 && open[depth-1] == 0 {
			depth--
			if depth > 0 {
				open[depth-1]--
			}
		}
		if depth == 0 {
			return r.at, true
		}
	}
}

// big reads an n-byte big-endian length, as MessagePack has them.
func (r *reader) big(n int) int {
	v := 0
	for _, b := range r.take(n) {
		v = v<<8 | int(b)
	}
	if v < 0 || v > MaxValueBytes { // int has 32 bits in some builds; nothing longer fits anyway
		r.bad = true
		return 0
	}
	return v
}

// validText reports whether b is strict UTF-8.
func validText(b []byte) bool {
	for i := 0; i < len(b); {
		if b[i] < 0x80 {
			i++
			continue
		}
		j := i
		for j < len(b) && b[j] >= 0x80 {
			j++
		}
		units, ok := takeUnits(nil, b[i:j])
		if !ok || !wellFormed(units) || len(putUnits(nil, units)) != j-i {
			return false
		}
		i = j
	}
	return true
}

// str reads a MessagePack string in its shortest form.
func (r *reader) str() []byte {
	n, least := 0, 0
	switch b := r.byte(); {
	case b >= 0xa0 && b < 0xc0:
		n = int(b & 31)
	case b == 0xd9:
		n, least = r.big(1), 32
	case b == 0xda:
		n, least = r.big(2), 256
	default:
		r.bad = true
	}
	if n < least || r.bad {
		r.bad = true
		return nil
	}
	return r.take(n)
}

// putStr writes one; it is no longer than a key may be.
func putStr(out []byte, s []byte) []byte {
	switch n := len(s); {
	case n < 32:
		out = append(out, 0xa0|byte(n))
	case n < 256:
		out = append(out, 0xd9, byte(n))
	default:
		out = append(out, 0xda, byte(n>>8), byte(n))
	}
	return append(out, s...)
}
