package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// ErrFrame: the bytes are not one frame of this protocol. The message says where they differ, never what they hold.
var ErrFrame = errors.New("wire: bad frame")

// Encoded is a frame with its bytes, for whoever sends one to many.
type Encoded struct {
	Frame
	Bytes []byte
}

// Encode writes a frame in MessagePack's shortest forms.
func Encode(f Frame) ([]byte, error) {
	if e, ok := f.(*Encoded); ok {
		return e.Bytes, nil
	}
	fields := f.fields()
	var out bytes.Buffer
	if b, ok := f.(*Batch); ok {
		out.Grow(b.sizeAtMost()) // a buffer that doubles may be twice as large, for as long as nobody takes the frame
	}
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.Reset(&out)
	// v5 writes every 64-bit integer in nine bytes otherwise.
	enc.UseCompactInts(true)
	if err := errors.Join(enc.EncodeArrayLen(1+len(fields)), enc.EncodeUint(uint64(f.Type())), enc.EncodeMulti(fields...)); err != nil {
		return nil, fmt.Errorf("wire: encode frame %d: %w", f.Type(), err)
	}
	return out.Bytes(), nil
}

// Decode reads exactly one frame. Every error is ErrFrame.
func Decode(b []byte) (Frame, error) {
	if len(b) > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFrame, len(b), MaxFrame)
	}
	t, err := Peek(b)
	if err != nil {
		return nil, err
	}
	s, known := shapes[t]
	if !known {
		return nil, fmt.Errorf("%w: unknown type %d", ErrFrame, t)
	}
	rest, err := s.check(b)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes after its end", ErrFrame, len(rest))
	}
	return decodeChecked(t, b)
}

// Peek reads the type of what may be a frame.
func Peek(b []byte) (Type, error) {
	if n, rest, ok := readCount(b); ok && n > 0 {
		if t, _, ok := readUint(rest); ok && t <= 255 {
			return Type(t), nil
		}
	}
	return 0, fmt.Errorf("%w: not an array that begins with a type", ErrFrame)
}

// decodeChecked hands bytes of a known good shape to the library.
func decodeChecked(t Type, b []byte) (Frame, error) {
	f := blank(t)
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	dec.Reset(bytes.NewReader(b))
	// Every length is known to be true: an envelope gets its memory once, where the library would grow it a megabyte at a time.
	dec.DisableAllocLimit(true)
	if _, err := dec.DecodeArrayLen(); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFrame, err)
	}
	var head uint8
	if err := dec.DecodeMulti(append([]any{&head}, f.fields()...)...); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFrame, err)
	}
	return f, nil
}
