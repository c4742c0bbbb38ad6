package main

import "encoding/binary"

// readSegments lays the active segments of memory 0 out as one image that begins at address base. The linker does not sort them.
func readSegments(body []byte) (base int, image []byte) {
	type segment struct {
		address int
		data    []byte
	}
	var segments []segment
	base, end := int(^uint32(0)), 0
	count, at := uvarint(body, 0)
	for range count {
		if body[at] != 0 || body[at+1] != 0x41 { // active, memory 0; i32.const
			panic("segment is not active with a constant address")
		}
		address, next := svarint(body, at+2)
		if body[next] != 0x0b { // end
			panic("address expression")
		}
		size, start := uvarint(body, next+1)
		at = start + int(size)
		segments = append(segments, segment{address, body[start:at]})
		base, end = min(base, address), max(end, address+int(size))
	}
	const most = 64 << 20 // far above any binary of ours: a wild address must not allocate
	if end-base > most {
		panic("data spread too wide")
	}
	image = make([]byte, end-base)
	for _, s := range segments {
		copy(image[s.address-base:], s.data)
	}
	return base, image
}

func svarint(b []byte, at int) (int, int) {
	var v int64
	for shift := 0; ; shift += 7 {
		c := b[at]
		at++
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if c&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return int(uint32(v)), at
		}
	}
}

func appendSvarint(b []byte, v int32) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// writeSegments cuts the image at runs of zeros, which memory holds already.
func writeSegments(base int, image []byte) []byte {
	const gap = 256 // tuned for brotli, to which a run of zeros costs less than a segment's address
	var body []byte
	count := uint64(0)
	for at := 0; at < len(image); {
		for at < len(image) && image[at] == 0 {
			at++
		}
		end, zeros := at, 0
		for i := at; i < len(image) && zeros < gap; i++ {
			if image[i] == 0 {
				zeros++
			} else {
				zeros, end = 0, i+1
			}
		}
		if end > at {
			body = append(body, 0, 0x41)
			body = appendSvarint(body, int32(base+at))
			body = append(body, 0x0b)
			body = binary.AppendUvarint(body, uint64(end-at))
			body = append(body, image[at:end]...)
			count++
		}
		at = max(end, at+1)
	}
	return append(binary.AppendUvarint(nil, count), body...)
}

// align makes the image begin at a multiple of 8, so that offsets in it are aligned as addresses are.
func align(base int, image []byte) (int, []byte) {
	pad := base % 8
	return base - pad, append(make([]byte, pad), image...)
}
