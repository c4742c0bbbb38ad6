package sync

// Pauses between attempts double from first to longest; each is drawn from the upper half of its range, so that the
// devices of a relay that came back do not all arrive at once.
const (
	firstPause   = 250
	longestPause = 15_000
)

// random is xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016).
type random uint64

func newRandom(seed uint64) random {
	if seed == 0 {
		seed = 0x9e3779b97f4a7c15 // a state of zero would stay zero
	}
	return random(seed)
}

func (r *random) next() uint64 {
	x := uint64(*r)
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*r = random(x)
	return x * 0x2545f4914f6cdd1d
}

// pause gives the milliseconds to wait after the given number of failures in a row.
func (r *random) pause(failures uint32) int64 {
	full := int64(longestPause)
	if failures < 16 {
		full = min(full, firstPause<<failures)
	}
	half := full / 2
	return half + int64(r.next()%uint64(full-half+1))
}
