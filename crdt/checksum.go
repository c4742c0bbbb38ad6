package crdt

// crcTable is the table of CRC-32C (Castagnoli, polynomial 0x1edc6f41, reflected), eight bytes at a time.
var crcTable = makeCRC()

func makeCRC() (t [8][256]uint32) {
	for i := range t[0] {
		c := uint32(i)
		for k := 0; k < 8; k++ {
			c = c>>1 ^ 0x82f63b78&-(c&1)
		}
		t[0][i] = c
	}
	for i := range t[0] {
		for k := 1; k < 8; k++ {
			t[k][i] = t[k-1][i]>>8 ^ t[0][byte(t[k-1][i])]
		}
	}
	return t
}

// checksum is CRC-32C.
func checksum(b []byte) uint32 {
	t := &crcTable
	c := ^uint32(0)
	for len(b) >= 8 {
		c ^= uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		c = t[7][byte(c)] ^ t[6][byte(c>>8)] ^ t[5][byte(c>>16)] ^ t[4][c>>24] ^
			t[3][b[4]] ^ t[2][b[5]] ^ t[1][b[6]] ^ t[0][b[7]]
		b = b[8:]
	}
	for _, x := range b {
		c = c>>8 ^ t[0][byte(c)^x]
	}
	return ^c
}
