package main

import "encoding/binary"

// readBodies gives the function bodies of a code section.
func readBodies(section []byte) [][]byte {
	count, at := uvarint(section, 0)
	out := make([][]byte, count)
	for i := range out {
		size, start := uvarint(section, at)
		at = start + int(size)
		out[i] = section[start:at:at]
	}
	return out
}

func writeBodies(bodies [][]byte) []byte {
	out := binary.AppendUvarint(nil, uint64(len(bodies)))
	for _, b := range bodies {
		out = binary.AppendUvarint(out, uint64(len(b)))
		out = append(out, b...)
	}
	return out
}

// mentions walks over the instructions of a body and reports what they mention: functions that are called, and numbers,
// which may be addresses of data or of functions. A number that a load or store follows is reported with its offset too.
func mentions(body []byte, call func(function int), number func(n int)) {
	groups, at := uvarint(body, 0)
	for range groups {
		_, at = uvarint(body, at)
		at++ // type
	}
	last, fresh := 0, false // the number that the instruction before pushed
	for at < len(body) {
		op := body[at]
		at++
		pushed := fresh
		fresh = false
		switch {
		case op == 0x02, op == 0x03, op == 0x04: // block, loop, if
			_, at = svarint(body, at)
		case op == 0x0c, op == 0x0d, op >= 0x20 && op <= 0x24, op == 0x3f, op == 0x40: // br, br_if, locals and globals, memory
			_, at = uvarint(body, at)
		case op == 0x0e: // br_table
			var n uint64
			n, at = uvarint(body, at)
			for range n + 1 {
				_, at = uvarint(body, at)
			}
		case op == 0x10:
			var f uint64
			f, at = uvarint(body, at)
			call(int(f))
		case op == 0x11: // call_indirect
			_, at = uvarint(body, at)
			_, at = uvarint(body, at)
		case op >= 0x28 && op <= 0x3e: // loads and stores
			var offset uint64
			_, at = uvarint(body, at)
			offset, at = uvarint(body, at)
			if pushed {
				number(last + int(offset))
			}
		case op == 0x41, op == 0x42:
			last, at = svarint(body, at)
			number(last)
			fresh = true
		case op == 0x43:
			at += 4
		case op == 0x44:
			at += 8
		case op == 0xfc:
			var sub uint64
			sub, at = uvarint(body, at)
			switch {
			case sub <= 7: // saturating conversions
			case sub == 10: // memory.copy
				at += 2
			case sub == 11: // memory.fill
				at++
			default:
				panic("unknown instruction")
			}
		case op <= 0x01, op == 0x05, op == 0x0b, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4: // nothing follows
		default:
			panic("unknown instruction")
		}
	}
}
