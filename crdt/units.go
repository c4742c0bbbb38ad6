package crdt

// Texts are UTF-16 units inside and UTF-8 in files and updates. A unit that is half of no pair, which only a hostile
// or torn writer makes, is written as its own three bytes, so the way there and back never loses anything.

func isHigh(u uint16) bool { return u&0xfc00 == 0xd800 }
func isLow(u uint16) bool  { return u&0xfc00 == 0xdc00 }

// wellFormed reports whether every surrogate is half of a pair.
func wellFormed(units []uint16) bool {
	for i := 0; i < len(units); i++ {
		u := units[i]
		if u&0xf800 != 0xd800 {
			continue
		}
		if isLow(u) || i+1 == len(units) || !isLow(units[i+1]) {
			return false
		}
		i++
	}
	return true
}

// putUnits appends units as UTF-8.
func putUnits(out []byte, units []uint16) []byte {
	for i := 0; i < len(units); i++ {
		u := units[i]
		switch {
		case u < 0x80:
			out = append(out, byte(u))
		case u < 0x800:
			out = append(out, 0xc0|byte(u>>6), 0x80|byte(u&0x3f))
		case isHigh(u) && i+1 < len(units) && isLow(units[i+1]):
			c := 0x10000 + uint32(u&0x3ff)<<10 + uint32(units[i+1]&0x3ff)
			out = append(out, 0xf0|byte(c>>18), 0x80|byte(c>>12&0x3f), 0x80|byte(c>>6&0x3f), 0x80|byte(c&0x3f))
			i++
		default:
			out = append(out, 0xe0|byte(u>>12), 0x80|byte(u>>6&0x3f), 0x80|byte(u&0x3f))
		}
	}
	return out
}

// takeUnits appends the units of UTF-8 in to out; false when in is not what putUnits could have written
// (overlong, beyond Unicode, torn).
func takeUnits(out []uint16, in []byte) ([]uint16, bool) {
	for i := 0; i < len(in); {
		b := in[i]
		if b < 0x80 {
			out = append(out, uint16(b))
			i++
			continue
		}
		n := 0
		switch {
		case b>>5 == 6:
			n = 2
		case b>>4 == 14:
			n = 3
		case b>>3 == 30:
			n = 4
		default:
			return out, false
		}
		if i+n > len(in) {
			return out, false
		}
		c := uint32(b) & (0x7f >> n)
		for _, t := range in[i+1 : i+n] {
			if t>>6 != 2 {
				return out, false
			}
			c = c<<6 | uint32(t&0x3f)
		}
		i += n
		switch n {
		case 2:
			if c < 0x80 {
				return out, false
			}
			out = append(out, uint16(c))
		case 3:
			if c < 0x800 {
				return out, false
			}
			out = append(out, uint16(c))
		case 4:
			if c < 0x10000 || c > 0x10ffff {
				return out, false
			}
			c -= 0x10000
			out = append(out, 0xd800|uint16(c>>10), 0xdc00|uint16(c&0x3ff))
		}
	}
	return out, true
}

// validKey reports whether b is strict UTF-8 (no surrogates) within the limit.
func validKey(b []byte) bool {
	if len(b) > MaxKeyBytes {
		return false
	}
	ascii := true
	for _, c := range b {
		if c >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		return true
	}
	units, ok := takeUnits(nil, b)
	// A surrogate written as three bytes decodes but is not UTF-8; written back as a pair it would change.
	return ok && wellFormed(units) && len(putUnits(nil, units)) == len(b)
}
