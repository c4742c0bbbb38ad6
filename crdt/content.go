package crdt

// The content of a file is what was ever typed into its texts. Most of it still stands in them, and is not written
// twice: content is literal bytes and copies of stretches of the texts.

const (
	copyHash   = 16 // bits of the table that finds far copies
	copyWindow = 8  // bytes that are hashed
	copyNear   = 12 // shortest copy that goes on where the one before ended
	copyFar    = 24 // shortest copy from elsewhere
)

// putContent writes content with copies out of texts. Together they are no longer than texts, so that taking them
// apart takes no more memory than the file has bytes.
func putContent(content, texts []byte) []byte {
	if len(content) == 0 {
		return nil
	}
	var lengths, steps, literals []byte
	var table [1 << copyHash]uint32 // one more than a place in texts, where such a hash is
	stride := 1 + len(texts)>>(copyHash-1)
	for i := 0; i+copyWindow <= len(texts); i += stride {
		if at := &table[hash8(texts[i:])]; *at == 0 {
			*at = uint32(i) + 1
		}
	}
	budget := len(texts)
	done, end := 0, 0 // of content what is written, of texts where the last copy ended
	for i := 0; i+copyNear <= len(content) && budget >= copyNear; {
		from, n := end, match(content[i:], texts[end:])
		if n < copyNear {
			from, n = -1, 0
			if i+copyWindow <= len(content) {
				from = int(table[hash8(content[i:])]) - 1
			}
			back := 0
			if from >= 0 {
				back = matchBack(content[done:i], texts[:from])
				n = match(content[i:], texts[from:]) + back
			}
			if n < copyFar {
				i++
				continue
			}
			i, from = i-back, from-back
		}
		n = min(n, budget)
		lengths = putVarint(putVarint(lengths, uint64(i-done)), uint64(n))
		steps = putZigzag(steps, int64(from)-int64(end))
		literals = append(literals, content[done:i]...)
		i += n
		done, end = i, from+n
		budget -= n
	}
	literals = append(literals, content[done:]...)
	return putBytes(putBytes(putBytes(nil, lengths), steps), literals)
}

// match tells how long a and b begin alike.
func match(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// matchBack tells how long a and b end alike.
func matchBack(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// hash8 is a hash of copyHash bits of the first eight bytes.
func hash8(b []byte) uint32 {
	v := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
	return uint32(v * 0x9e3779b97f4a7c15 >> (64 - copyHash))
}

// contentReader goes through content that putContent wrote.
type contentReader struct {
	lengths, steps reader
	literals       []byte
	texts, end     int
	left           int // bytes that may still be copied
}

func newContentReader(r reader, texts int) contentReader {
	c := contentReader{texts: texts, left: texts}
	c.lengths.in, c.steps.in = r.bytes(MaxFileBytes), r.bytes(MaxFileBytes)
	c.literals = r.bytes(MaxFileBytes)
	c.lengths.bad = r.bad
	return c
}

// next gives how many literal bytes come and then which of the texts are copied; more is false at the end.
func (c *contentReader) next() (literal, from, n int, more, ok bool) {
	if c.lengths.done() {
		return 0, 0, 0, false, !c.lengths.bad && c.steps.left() == 0
	}
	literal, n = int(c.lengths.u32(MaxFileBytes)), int(c.lengths.u32(MaxFileBytes))
	at := int64(c.end) + c.steps.zigzag()
	if c.lengths.bad || c.steps.bad || literal > len(c.literals) || n > c.left || at < 0 || at > int64(c.texts-n) {
		return 0, 0, 0, false, false
	}
	c.literals = c.literals[literal:]
	c.left -= n
	c.end = int(at) + n
	return literal, int(at), n, true, true
}

// contentSize checks content and gives how long it is when taken apart.
func contentSize(r reader, texts int) (size int, ok bool) {
	c := newContentReader(r, texts)
	for {
		literal, _, n, more, ok := c.next()
		if !ok || !more {
			return size + len(c.literals), ok
		}
		size += literal + n
	}
}

// takeContent gives back what putContent was given; contentSize has checked it.
func takeContent(in, texts []byte) []byte {
	if len(in) == 0 {
		return nil
	}
	size, _ := contentSize(reader{in: in}, len(texts))
	out := make([]byte, 0, size)
	c := newContentReader(reader{in: in}, len(texts))
	for {
		literals := c.literals
		literal, from, n, more, _ := c.next()
		if !more {
			return append(out, literals...)
		}
		out = append(append(out, literals[:literal]...), texts[from:from+n]...)
	}
}
