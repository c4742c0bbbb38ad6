package crdt

import (
	"math"
	"slices"
)

// Values are what JSON can say, and bytes: nil, bool, numbers, string, []byte, []any and map[string]any. They are kept as
// MessagePack, the same bytes for the same value on every device.
//
// JSON has one kind of number: a whole one of at most 53 bits is an int64 when it is read, whatever it was; every other
// float64 is one again, −0 too. An int64 is kept exactly (JavaScript reads the nearest number). NaN and the infinities,
// integers above that and strings that are not UTF-8 are ErrInvalid. What is of other makers and none of this reads as nil.

const exactFloat = 1<<53 - 1

// packValue appends a value as MessagePack.
func packValue(out []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(out, packedNil), nil
	case bool:
		if v {
			return append(out, 0xc3), nil
		}
		return append(out, 0xc2), nil
	case int:
		return packInteger(out, int64(v)), nil
	case int8:
		return packInteger(out, int64(v)), nil
	case int16:
		return packInteger(out, int64(v)), nil
	case int32:
		return packInteger(out, int64(v)), nil
	case int64:
		return packInteger(out, v), nil
	case uint8:
		return packInteger(out, int64(v)), nil
	case uint16:
		return packInteger(out, int64(v)), nil
	case uint32:
		return packInteger(out, int64(v)), nil
	case uint:
		return packUnsigned(out, uint64(v))
	case uint64:
		return packUnsigned(out, v)
	case float32:
		return packFloat(out, float64(v))
	case float64:
		return packFloat(out, v)
	case string:
		if !validText([]byte(v)) {
			return out, invalid("string is not UTF-8")
		}
		return append(packHead(out, len(v), 0xa0, 32, 0xd9, 0xda), v...), nil
	case []byte:
		return append(packHead(out, len(v), 0, 0, 0xc4, 0xc5), v...), nil
	case []any:
		if depth == MaxDepth {
			return out, tooLarge("value nested too deep")
		}
		out = packHead(out, len(v), 0x90, 16, 0, 0xdc)
		for _, x := range v {
			var err error
			if out, err = packValue(out, x, depth+1); err != nil {
				return out, err
			}
		}
		return out, nil
	case map[string]any:
		if depth == MaxDepth {
			return out, tooLarge("value nested too deep")
		}
		out = packHead(out, len(v), 0x80, 16, 0, 0xde)
		for _, key := range keysOf(v) {
			var err error
			if out, err = packValue(out, key, depth+1); err == nil {
				out, err = packValue(out, v[key], depth+1)
			}
			if err != nil {
				return out, err
			}
		}
		return out, nil
	}
	return out, invalid("value of a type that a document does not keep")
}

func keysOf(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// packHead writes the shortest head for n: small for fewer than below, one with a byte (arrays and maps have none) or two,
// or the one behind that, with four.
func packHead(out []byte, n int, small byte, below int, one, two byte) []byte {
	switch {
	case n < below:
		return append(out, small|byte(n))
	case n < 1<<8 && one != 0:
		return append(out, one, byte(n))
	case n < 1<<16:
		return append(out, two, byte(n>>8), byte(n))
	}
	return packBig(append(out, two+1), uint64(n), 4)
}

// packBig appends the lowest n bytes of v, the greatest first.
func packBig(out []byte, v uint64, n int) []byte {
	for n--; n >= 0; n-- {
		out = append(out, byte(v>>(8*n)))
	}
	return out
}

func packUnsigned(out []byte, v uint64) ([]byte, error) {
	if v > math.MaxInt64 {
		return out, invalid("integer beyond 63 bits")
	}
	return packInteger(out, int64(v)), nil
}

// packInteger writes the shortest form.
func packInteger(out []byte, v int64) []byte {
	u := uint64(v)
	switch {
	case v >= -32 && v < 128:
		return append(out, byte(v))
	case v >= 0 && v < 1<<8:
		return packBig(append(out, 0xcc), u, 1)
	case v >= 0 && v < 1<<16:
		return packBig(append(out, 0xcd), u, 2)
	case v >= 0 && v < 1<<32:
		return packBig(append(out, 0xce), u, 4)
	case v >= 0:
		return packBig(append(out, 0xcf), u, 8)
	case v >= -1<<7:
		return packBig(append(out, 0xd0), u, 1)
	case v >= -1<<15:
		return packBig(append(out, 0xd1), u, 2)
	case v >= -1<<31:
		return packBig(append(out, 0xd2), u, 4)
	}
	return packBig(append(out, 0xd3), u, 8)
}

func packFloat(out []byte, v float64) ([]byte, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return out, invalid("number that JSON has not")
	}
	if v == math.Trunc(v) && math.Abs(v) <= exactFloat && !(v == 0 && math.Signbit(v)) {
		return packInteger(out, int64(v)), nil
	}
	return packBig(append(out, 0xcb), math.Float64bits(v), 8), nil
}

// unpackValue reads a value that skipValue has passed.
func unpackValue(in []byte) any {
	r := reader{in: in}
	return r.unpack()
}

func (r *reader) unpack() any {
	b := r.byte()
	switch {
	case b < 0x80:
		return int64(b)
	case b >= 0xe0:
		return int64(int8(b))
	case b < 0x90:
		return r.unpackMap(int(b & 15))
	case b < 0xa0:
		return r.unpackArray(int(b & 15))
	case b < 0xc0:
		return string(r.take(int(b & 31)))
	}
	switch b {
	case 0xc2, 0xc3:
		return b == 0xc3
	case 0xc4, 0xc5, 0xc6:
		return append([]byte{}, r.take(r.big(1<<(b-0xc4)))...)
	case 0xc7, 0xc8, 0xc9:
		r.take(1 + r.big(1<<(b-0xc7)))
	case 0xca:
		return wholeNumber(float64(math.Float32frombits(uint32(r.bits(4)))))
	case 0xcb:
		return wholeNumber(math.Float64frombits(r.bits(8)))
	case 0xcc, 0xcd, 0xce, 0xcf:
		if v := r.bits(1 << (b - 0xcc)); v <= math.MaxInt64 {
			return int64(v)
		} else {
			return float64(v)
		}
	case 0xd0:
		return int64(int8(r.bits(1)))
	case 0xd1:
		return int64(int16(r.bits(2)))
	case 0xd2:
		return int64(int32(r.bits(4)))
	case 0xd3:
		return int64(r.bits(8))
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		r.take(1 + 1<<(b-0xd4))
	case 0xd9, 0xda, 0xdb:
		return string(r.take(r.big(1 << (b - 0xd9))))
	case 0xdc, 0xdd:
		return r.unpackArray(r.big(2 << (b - 0xdc)))
	case 0xde, 0xdf:
		return r.unpackMap(r.big(2 << (b - 0xde)))
	}
	return nil
}

// wholeNumber makes an int64 of a float64 that is one, however it was written.
func wholeNumber(v float64) any {
	if v == math.Trunc(v) && math.Abs(v) <= exactFloat && !(v == 0 && math.Signbit(v)) {
		return int64(v)
	}
	return v
}

// bits reads n bytes, the greatest first.
func (r *reader) bits(n int) (v uint64) {
	for _, b := range r.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (r *reader) unpackArray(n int) any {
	row := make([]any, 0, n)
	for range n {
		row = append(row, r.unpack())
	}
	return row
}

// unpackMap reads a map; what has other keys than strings is none.
func (r *reader) unpackMap(n int) any {
	m := make(map[string]any, n)
	strings := true
	for range n {
		key, ok := r.unpack().(string)
		v := r.unpack()
		m[key] = v
		strings = strings && ok
	}
	if !strings {
		return nil
	}
	return m
}
