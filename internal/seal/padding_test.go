package seal

import (
	"bytes"
	"errors"
	"testing"
)

func TestPadding(t *testing.T) {
	last := 0
	for n := range 1 << 17 {
		p := padded(n)
		switch {
		case p <= n || p < padFloor:
			t.Fatalf("%d bytes pad to %d: no room for the marker", n, p)
		case p < last:
			t.Fatalf("%d bytes pad to %d, fewer bytes to %d", n, p, last)
		case n >= padFloor && float64(p) > 1.12*float64(n+1):
			t.Fatalf("%d bytes pad to %d: over 12 %% more", n, p)
		case padded(p-1) != p:
			t.Fatalf("%d is no length that its own content has", p)
		}
		last = p
	}
}

func TestUnpadAcceptsOnlyWhatPadMakes(t *testing.T) {
	for _, plain := range [][]byte{nil, {0}, {0x80}, {0x80, 0, 0}, bytes.Repeat([]byte{0}, 100), bytes.Repeat([]byte{0x80}, 31)} {
		if got, err := unpad(pad(plain)); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%x comes back as %x, %v", plain, got, err)
		}
	}
	long := append(pad([]byte("content")), make([]byte, 8)...)
	for name, b := range map[string][]byte{
		"empty": {}, "no marker": make([]byte, 32), "other marker": append(make([]byte, 31), 0x40), "short": {0x80}, "longer than needed": long,
	} {
		if _, err := unpad(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func paddingVectors() []paddingVector {
	var out []paddingVector
	for _, n := range []int{0, 1, 30, 31, 32, 33, 63, 64, 100, 127, 128, 1000, 4095, 4096, 5000, 65535, 65536, 1 << 20, 16<<20 - 1, 16 << 20} {
		out = append(out, paddingVector{n, padded(n)})
	}
	return out
}
