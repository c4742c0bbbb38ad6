package crdt

// reader takes bytes apart. After the first failure every read gives zero and bad stays set, so a decoder may
// read several fields and check once.
type reader struct {
	in  []byte
	at  int
	bad bool
}

func (r *reader) left() int  { return len(r.in) - r.at }
func (r *reader) done() bool { return r.at >= len(r.in) || r.bad }

func (r *reader) byte() byte {
	if r.at >= len(r.in) {
		r.bad = true
		return 0
	}
	b := r.in[r.at]
	r.at++
	return b
}

// take gives the next n bytes without copying them.
func (r *reader) take(n int) []byte {
	if n < 0 || n > r.left() {
		r.bad = true
		r.at = len(r.in)
		return nil
	}
	b := r.in[r.at : r.at+n : r.at+n]
	r.at += n
	return b
}

// varint reads unsigned LEB128 of at most ten bytes.
func (r *reader) varint() uint64 {
	if r.at < len(r.in) && r.in[r.at] < 0x80 {
		r.at++
		return uint64(r.in[r.at-1])
	}
	var v uint64
	for shift := uint(0); shift < 70; shift += 7 {
		b := r.byte()
		if shift == 63 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	r.bad = true
	return 0
}

// u32 reads a varint that must be at most max.
func (r *reader) u32(max uint32) uint32 {
	v := r.varint()
	if v > uint64(max) {
		r.bad = true
		return 0
	}
	return uint32(v)
}

func (r *reader) zigzag() int64 {
	v := r.varint()
	return int64(v>>1) ^ -int64(v&1)
}

// bytes reads a varint length of at most max and that many bytes.
func (r *reader) bytes(max int) []byte {
	n := r.varint()
	if n > uint64(max) {
		r.bad = true
		return nil
	}
	return r.take(int(n))
}

// bytesOf reads n bytes.
func (r *reader) bytesOf(n uint64) []byte { return r.take(int(min(n, MaxFileBytes+1))) }

func (r *reader) session() (s SessionID) {
	copy(s[:], r.take(len(s)))
	return s
}

// The put functions are kept out of line: copied into every encoder they made the wasm 12 KB larger (brotli), and what is done for
// each key press writes its bytes itself.

//go:noinline
func putVarint(out []byte, v uint64) []byte {
	for v >= 0x80 {
		out = append(out, byte(v)|0x80)
		v >>= 7
	}
	return append(out, byte(v))
}

//go:noinline
func putU32(out []byte, v uint32) []byte { return putVarint(out, uint64(v)) }

//go:noinline
func putZigzag(out []byte, v int64) []byte {
	return putVarint(out, uint64(v<<1)^uint64(v>>63))
}

//go:noinline
func putBytes(out, b []byte) []byte {
	return append(putVarint(out, uint64(len(b))), b...)
}

//go:noinline
func putString(out []byte, s string) []byte {
	return append(putVarint(out, uint64(len(s))), s...)
}
