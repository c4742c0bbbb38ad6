package sync_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/freehold-dev/freehold/internal/sync"
)

// FuzzStepPacked steps one machine with any bytes: a sequence of events, each behind its length. Whatever they say, it
// neither panics nor gives more than it got.
func FuzzStepPacked(f *testing.F) {
	event := func(fields ...byte) []byte { return append([]byte{byte(len(fields) + 1), 1}, fields...) }
	zeros := func(head []byte, n int) []byte { return append(head, make([]byte, n)...) }
	open := zeros([]byte{10, 1, 1, 1, 1}, 16+32+3)
	open[5] = 7 // its own session
	var script []byte
	for _, e := range [][]byte{{1, 1}, {2, 1}, open, {7, 1}, zeros([]byte{19, 1, 1}, 18), {14, 1, 9, 1}, zeros([]byte{15, 1, 9}, 33), {16, 1, 1, 0}} {
		script = append(script, event(e...)...)
	}
	f.Add(script)
	f.Add(append(script, event(zeros([]byte{20, 1, 1, 1, 3, 3, 0, 9, 8}, 48+3)...)...))
	f.Add(append(script, event(4, 1)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := sync.New(1)
		var out []byte
		for now := uint64(1); len(b) > 0; now += 997 {
			n := min(int(b[0]), len(b)-1)
			packed, rest := b[1:1+n], b[1+n:]
			b = rest
			if len(packed) > 0 {
				packed = append(binary.AppendUvarint(nil, now), packed[1:]...) // a clock that does not run backwards
			}
			effects, count, err := m.StepPacked(packed, out[:0])
			if err != nil && (!errors.Is(err, sync.ErrPacked) || count != 0 || len(effects) != 0) {
				t.Fatalf("%v with %d effects", err, count)
			}
			if len(effects) > 1<<16 {
				t.Fatalf("%d bytes of effects", len(effects))
			}
			out = effects
		}
	})
}

func TestStepPackedRefusesWhatItDoesNotRead(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":            {},
		"no event":           {1},
		"an unknown event":   {1, 99},
		"an event cut short": {1, 19, 1, 1},
		"bytes left over":    {1, 5, 0},
		"a number too large": {1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"more than there is": append([]byte{1, 26, 1, 0, 0}, 0xff, 0xff, 3),
	} {
		if _, n, err := sync.New(1).StepPacked(b, nil); !errors.Is(err, sync.ErrPacked) || n != 0 {
			t.Errorf("%s: %d effects, %v", name, n, err)
		}
	}
}
