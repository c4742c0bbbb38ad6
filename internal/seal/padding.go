package seal

import (
	"fmt"
	"math/bits"
)

// padFloor is the least length of padded content: most keystrokes look alike.
const padFloor = 32

// padded gives the length that content of n bytes is padded to. Padmé (Nikitin et al., PURBs, PoPETs 2019) rounds a
// length so that it tells at most O(log log n) bits, for at most 12 % more; the marker byte counts as content.
func padded(n int) int {
	n++ // the marker
	if n <= padFloor {
		return padFloor
	}
	exponent := bits.Len(uint(n)) - 1
	significant := bits.Len(uint(exponent))
	low := 1<<(exponent-significant) - 1
	return (n + low) &^ low
}

// pad appends the marker and zeros.
func pad(plain []byte) []byte {
	out := make([]byte, padded(len(plain)))
	copy(out, plain)
	out[len(plain)] = 0x80
	return out
}

// unpad takes them away again. It accepts only what pad makes, so content has one sealed form.
func unpad(b []byte) ([]byte, error) {
	end := len(b) - 1
	for end >= 0 && b[end] == 0 {
		end--
	}
	if end < 0 || b[end] != 0x80 || padded(end) != len(b) {
		return nil, fmt.Errorf("%w: padding", ErrCorrupt)
	}
	return b[:end], nil
}
