package crdt

// chunkUnits is the room of a chunk in UTF-16 units.
const chunkUnits = 256

// ropes holds the units of all texts of a document in chunks. Each text is one tree of the sequence, its elements are
// chunks, a chunk weighs the units in it.
//
// Typing hits the same chunk again and again, so the last one is remembered and its weight in the tree is brought up
// to date only when another chunk is wanted.
type ropes struct {
	seq   sequence
	texts []text
	units []uint16 // chunk i has units[i*chunkUnits:][:size[i]]
	size  []uint16
	free  []uint32

	hot struct {
		text, chunk uint32 // none: nothing remembered
		start       uint32 // position of the chunk's first unit
		grown       uint32 // what the tree does not know yet, wrapping
	}
	tail []uint16 // scratch of spill
}

// text is one text container's state.
type text struct {
	root   uint32
	length uint32
	points uint32 // root of its anchors and embeds, none when there are none
}

func (r *ropes) addText() uint32 {
	if len(r.texts) == 0 {
		r.hot.text = none
	}
	r.texts = append(r.texts, text{root: none, points: none})
	return uint32(len(r.texts) - 1)
}

// dropText takes back the newest text, which must be empty.
func (r *ropes) dropText() {
	r.cool()
	last := len(r.texts) - 1
	if root := r.texts[last].root; root != none {
		r.dropChunk(uint32(last), r.seq.first(root))
	}
	r.texts = r.texts[:last]
}

func (r *ropes) addChunk(t, after uint32) uint32 {
	var c uint32
	if n := len(r.free); n > 0 {
		c = r.free[n-1]
		r.free = r.free[:n-1]
	} else {
		c = uint32(len(r.size))
		r.size = append(r.size, 0)
		var fresh [chunkUnits]uint16
		r.units = append(r.units, fresh[:]...)
	}
	r.size[c] = 0
	r.texts[t].root = r.seq.insertAfter(r.texts[t].root, after, c, weight{})
	return c
}

func (r *ropes) dropChunk(t, c uint32) {
	r.texts[t].root = r.seq.remove(r.texts[t].root, c)
	r.free = append(r.free, c)
}

// settle tells the tree what it does not know yet.
func (r *ropes) settle() {
	if r.hot.text != none && r.hot.grown != 0 {
		r.seq.add(r.hot.chunk, weight{r.hot.grown})
		r.hot.grown = 0
	}
}

// cool forgets the remembered chunk.
func (r *ropes) cool() {
	if len(r.texts) > 0 {
		r.settle()
		r.hot.text = none
	}
}

// locate makes the chunk around pos the remembered one and gives the offset of pos in it. The chunk holds the unit
// at pos, or, with gap set, may also end there.
func (r *ropes) locate(t, pos uint32, gap bool) uint32 {
	if r.hot.text == t && pos >= r.hot.start {
		off, size := pos-r.hot.start, uint32(r.size[r.hot.chunk])
		if off < size || gap && off == size {
			return off
		}
	}
	r.settle()
	root := r.texts[t].root
	chunk, off := none, uint32(0)
	if gap && pos > 0 { // prefer to append to the chunk that ends at pos
		chunk, off = r.seq.find(root, 0, pos-1)
		off++
	} else {
		chunk, off = r.seq.find(root, 0, pos)
		if chunk == none && gap {
			chunk = r.seq.first(root)
		}
	}
	r.hot.text, r.hot.chunk, r.hot.start = t, chunk, pos-off
	return off
}

// insert puts units at pos, which must be at most the length.
func (r *ropes) insert(t, pos uint32, units []uint16) {
	if len(units) == 0 {
		return
	}
	if r.texts[t].root == none {
		r.addChunk(t, none)
	}
	off := r.locate(t, pos, true)
	c := r.hot.chunk
	size, n := int(r.size[c]), len(units)
	r.texts[t].length += uint32(n)
	if size+n > chunkUnits {
		r.spill(t, int(off), units)
		return
	}
	base := r.units[int(c)*chunkUnits:][: size+n : size+n]
	if int(off) < size {
		copy(base[int(off)+n:], base[off:size])
	}
	if n == 1 {
		base[off] = units[0]
	} else {
		copy(base[off:], units)
	}
	r.size[c] = uint16(size + n)
	r.hot.grown += uint32(n)
}

// spill inserts units at off of the remembered chunk although they do not fit: what follows moves on to new chunks.
func (r *ropes) spill(t uint32, off int, units []uint16) {
	r.settle()
	c := r.hot.chunk
	r.hot.text = none
	size := int(r.size[c])
	r.tail = append(r.tail[:0], r.units[int(c)*chunkUnits+off:][:size-off]...)
	r.size[c] = uint16(off)
	room := chunkUnits
	if len(r.tail) > 0 {
		room = chunkUnits * 3 / 4 // in the middle leave space for more
	}
	known := size
	for _, part := range [2][]uint16{units, r.tail} {
		for len(part) > 0 {
			have := int(r.size[c])
			if have >= room {
				r.seq.add(c, weight{uint32(have - known)})
				c, have, known = r.addChunk(t, c), 0, 0
			}
			n := copy(r.units[int(c)*chunkUnits+have:][:room-have], part)
			r.size[c] = uint16(have + n)
			part = part[n:]
		}
	}
	r.seq.add(c, weight{uint32(int(r.size[c]) - known)})
}

// remove takes n units away at pos and appends them to out. pos+n must be at most the length.
func (r *ropes) remove(t, pos, n uint32, out []uint16) []uint16 {
	for n > 0 {
		off := r.locate(t, pos, false)
		c := r.hot.chunk
		size := uint32(r.size[c])
		k := min(n, size-off)
		chunk := r.units[int(c)*chunkUnits:][:size]
		out = append(out, chunk[off:off+k]...)
		copy(chunk[off:], chunk[off+k:])
		r.size[c] = uint16(size - k)
		r.hot.grown -= k
		r.texts[t].length -= k
		n -= k
		if size-k < chunkUnits/8 {
			r.shrink(t, c)
		}
	}
	return out
}

// shrink joins the small chunk c with the one behind it, or drops it when it is empty.
func (r *ropes) shrink(t, c uint32) {
	next := r.seq.next(c)
	size := int(r.size[c])
	if size == 0 {
		r.cool()
		r.dropChunk(t, c)
		return
	}
	if next == none || size+int(r.size[next]) > chunkUnits/2 {
		return
	}
	r.cool()
	n := copy(r.units[int(c)*chunkUnits+size:], r.units[int(next)*chunkUnits:][:r.size[next]])
	r.size[c] += uint16(n)
	r.seq.add(c, weight{uint32(n)})
	r.dropChunk(t, next)
}

// unit gives the unit at pos, which must be inside the text.
func (r *ropes) unit(t, pos uint32) uint16 {
	off := r.locate(t, pos, false)
	return r.units[r.hot.chunk*chunkUnits+off]
}

// insertNear is insert where typing mostly is: inside the remembered chunk, with room in it and no surrogate in front.
// It gives false, having done nothing, when it is not so.
func (r *ropes) insertNear(t, pos uint32, units []uint16) bool {
	if r.hot.text != t || pos < r.hot.start {
		return false
	}
	c, off := r.hot.chunk, int(pos-r.hot.start)
	size, n := int(r.size[c]), len(units)
	if off > size || off == 0 && pos > 0 || size+n > chunkUnits {
		return false
	}
	chunk := r.units[int(c)*chunkUnits:][:chunkUnits]
	if off > 0 && isHigh(chunk[off-1]) {
		return false
	}
	if off < size {
		copy(chunk[off+n:], chunk[off:size])
	}
	for _, u := range units {
		chunk[off] = u
		off++
	}
	r.size[c] = uint16(size + n)
	r.hot.grown += uint32(n)
	r.texts[t].length += uint32(n)
	return true
}

// removeNear is remove under the same conditions, if enough stays in the chunk and nothing removed is a surrogate.
func (r *ropes) removeNear(t, pos, n uint32, out []uint16) ([]uint16, bool) {
	if r.hot.text != t || pos < r.hot.start {
		return out, false
	}
	c, off := r.hot.chunk, pos-r.hot.start
	size := uint32(r.size[c])
	if off+n > size || size-n < chunkUnits/8 {
		return out, false
	}
	chunk := r.units[int(c)*chunkUnits:][:size]
	for _, u := range chunk[off : off+n] {
		if u&0xf800 == 0xd800 {
			return out[:0], false
		}
		out = append(out, u)
	}
	if off+n < size {
		copy(chunk[off:], chunk[off+n:])
	}
	r.size[c] = uint16(size - n)
	r.hot.grown -= n
	r.texts[t].length -= n
	return out, true
}

// splits reports whether pos lies between the two halves of a surrogate pair.
func (r *ropes) splits(t, pos uint32) bool {
	if pos == 0 || pos >= r.texts[t].length {
		return false
	}
	// Looking from the left first keeps the chunk that typing at pos will use.
	return isHigh(r.unit(t, pos-1)) && isLow(r.unit(t, pos))
}

// read appends the units [from, to) to out. to must be at most the length.
func (r *ropes) read(t, from, to uint32, out []uint16) []uint16 {
	if from >= to {
		return out
	}
	r.settle()
	c, off := r.seq.find(r.texts[t].root, 0, from)
	for n := to - from; n > 0; off = 0 {
		k := min(n, uint32(r.size[c])-off)
		out = append(out, r.units[c*chunkUnits+off:][:k]...)
		n -= k
		c = r.seq.next(c)
	}
	return out
}
