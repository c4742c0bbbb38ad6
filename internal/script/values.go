package script

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// pack reads a value as scripts write it and gives its MessagePack.
func pack(text string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(text, "bytes:"); ok {
		b, err := hex.DecodeString(digits)
		if err != nil || len(b) > 255 {
			return nil, errUsage
		}
		return append([]byte{0xc4, byte(len(b))}, b...), nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		return nil, fmt.Errorf("%s is no value", text)
	}
	return packValue(nil, v), nil
}

func packValue(out []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(out, 0xc0)
	case bool:
		if v {
			return append(out, 0xc3)
		}
		return append(out, 0xc2)
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			if n >= 0 && n < 128 {
				return append(out, byte(n))
			}
			return binary.BigEndian.AppendUint64(append(out, 0xd3), uint64(n))
		}
		x, _ := v.Float64()
		return binary.BigEndian.AppendUint64(append(out, 0xcb), math.Float64bits(x))
	case string:
		return append(packHead(out, 0xa0, 32, 0xda, len(v)), v...)
	case []any:
		out = packHead(out, 0x90, 16, 0xdc, len(v))
		for _, x := range v {
			out = packValue(out, x)
		}
	case map[string]any:
		out = packHead(out, 0x80, 16, 0xde, len(v))
		for _, key := range sorted(v) {
			out = packValue(packValue(out, key), v[key])
		}
	}
	return out
}

func packHead(out []byte, small byte, below int, large byte, n int) []byte {
	if n < below {
		return append(out, small|byte(n))
	}
	return append(out, large, byte(n>>8), byte(n))
}

// unpack writes a MessagePack value down as scripts write it.
func unpack(in []byte) string {
	var b strings.Builder
	if rest := unpackValue(&b, in); rest == nil || len(rest) > 0 {
		return fmt.Sprintf("msgpack:%x", in)
	}
	return b.String()
}

func unpackValue(b *strings.Builder, in []byte) []byte {
	if len(in) == 0 {
		return nil
	}
	tag, in := in[0], in[1:]
	size := func(n int) int {
		v := 0
		for _, x := range in[:n] {
			v = v<<8 | int(x)
		}
		in = in[n:]
		return v
	}
	text := func(n int) []byte {
		quoted, _ := json.Marshal(string(in[:n]))
		b.Write(quoted)
		return in[n:]
	}
	row := func(n int, pairs bool) []byte {
		open, shut := byte('['), byte(']')
		if pairs {
			open, shut = '{', '}'
		}
		b.WriteByte(open)
		for i := 0; i < n && in != nil; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			in = unpackValue(b, in)
			if pairs && in != nil {
				b.WriteByte(':')
				in = unpackValue(b, in)
			}
		}
		b.WriteByte(shut)
		return in
	}
	switch {
	case tag < 0x80:
		fmt.Fprint(b, tag)
	case tag < 0x90:
		return row(int(tag&15), true)
	case tag < 0xa0:
		return row(int(tag&15), false)
	case tag < 0xc0:
		return text(int(tag & 31))
	case tag == 0xc0:
		b.WriteString("null")
	case tag == 0xc2, tag == 0xc3:
		fmt.Fprint(b, tag == 0xc3)
	case tag == 0xc4:
		n := size(1)
		fmt.Fprintf(b, "bytes:%x", in[:n])
		return in[n:]
	case tag == 0xcb:
		fmt.Fprint(b, math.Float64frombits(binary.BigEndian.Uint64(in)))
		return in[8:]
	case tag == 0xd3:
		fmt.Fprint(b, int64(binary.BigEndian.Uint64(in)))
		return in[8:]
	case tag == 0xda:
		return text(size(2))
	case tag == 0xdc:
		return row(size(2), false)
	case tag == 0xde:
		return row(size(2), true)
	case tag >= 0xe0:
		fmt.Fprint(b, int8(tag))
	default:
		return nil
	}
	return bytes.Clone(append([]byte{}, in...))
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
