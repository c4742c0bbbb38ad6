package seal

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestPayloadVectors(t *testing.T) {
	v := allPayloadVectors()
	for _, u := range v.Updates {
		p, err := DecodeUpdate(u.Bytes)
		must(t, err)
		slices.Reverse(p.Deps) // the encoder sorts
		if !bytes.Equal(p.Update, u.Update) || !bytes.Equal(p.Encode(), u.Bytes) || len(p.Deps) != len(u.Deps) {
			t.Errorf("%x comes back as %x", u.Bytes, p.Encode())
		}
	}
	for _, s := range v.Snapshots {
		p, err := DecodeSnapshot(s.Bytes)
		must(t, err)
		if !bytes.Equal(p.File, s.File) || !bytes.Equal(p.Encode(), s.Bytes) || len(p.Covers) != len(s.Covers) {
			t.Errorf("%x comes back as %x", s.Bytes, p.Encode())
		}
	}
	for _, r := range v.Refuse {
		_, err := DecodeUpdate(r.Bytes)
		if r.Kind == Snapshot {
			_, err = DecodeSnapshot(r.Bytes)
		}
		want := ErrCorrupt
		if r.Newer {
			want = ErrUnsupported
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", r.Why, err, want)
		}
	}
}
