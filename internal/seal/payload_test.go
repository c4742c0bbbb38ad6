package seal

import (
	"bytes"
	"encoding/binary"
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

func allPayloadVectors() payloadVectors {
	dep := func(session byte, seq uint32) Dep {
		d := Dep{Seq: seq}
		for i := range d.Session {
			d.Session[i] = session
			d.Hash[i] = ^session
		}
		return d
	}
	var v payloadVectors
	for _, p := range []UpdatePayload{
		{},
		{nil, []byte("operations")},
		{[]Dep{dep(1, 0), dep(2, 127), dep(3, 128), dep(0xfe, 1<<32-1)}, []byte("operations")},
	} {
		v.Updates = append(v.Updates, updateVector{depVectors(p.Deps), p.Update, p.Encode()})
	}
	for _, p := range []SnapshotPayload{
		{},
		{Hash{1, 2, 3}, []Dep{dep(7, 300)}, [16]byte{9: 9}, []byte("file")},
	} {
		v.Snapshots = append(v.Snapshots, snapshotVector{p.Parent[:], depVectors(p.Covers), p.Digest[:], p.File, p.Encode()})
	}
	one := UpdatePayload{Deps: []Dep{dep(5, 5)}}.Encode()
	two := UpdatePayload{Deps: []Dep{dep(5, 5), dep(6, 6)}}.Encode()
	backwards := bytes.Join([][]byte{two[:2], two[2+33:], two[2 : 2+33]}, nil)
	twice := bytes.Join([][]byte{{0, 2}, one[2:], one[2:]}, nil)
	v.Refuse = []refusedPayload{
		{"nothing", Update, []byte{}, false},
		{"version 1", Update, []byte{1, 0}, true},
		{"version in a longer form than needed", Update, []byte{0x80, 0, 0}, false},
		{"no count", Update, []byte{0}, false},
		{"count that never ends", Update, []byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, false},
		{"count over 32 bits", Update, []byte{0, 0x80, 0x80, 0x80, 0x80, 0x10}, false},
		{"more heads than bytes", Update, []byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f}, false},
		{"seq over 32 bits", Update, slices.Concat([]byte{0, 1}, make([]byte, 16), []byte{0x80, 0x80, 0x80, 0x80, 0x10}, make([]byte, 16)), false},
		{"seq over 35 bits", Update, slices.Concat([]byte{0, 1}, make([]byte, 16), []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, make([]byte, 16)), false},
		{"head cut short", Update, one[:len(one)-1], false},
		{"heads out of order", Update, backwards, false},
		{"a session twice", Update, twice, false},
		{"snapshot without a parent", Snapshot, make([]byte, 32), false},
		{"snapshot without a digest", Snapshot, make([]byte, 1+32+1+15), false},
		{"version 3", Snapshot, append([]byte{3}, make([]byte, 64)...), true},
	}
	return v
}

func depVectors(deps []Dep) []depVector {
	out := []depVector{}
	for _, d := range deps {
		out = append(out, depVector{d.Session.String(), d.Seq, bytes.Clone(d.Hash[:])})
	}
	return out
}

func TestHeadsHaveAnEnd(t *testing.T) {
	heads := make([]Dep, MaxHeads+1)
	for i := range heads {
		binary.BigEndian.PutUint32(heads[i].Session[:], uint32(i))
	}
	if p, err := DecodeSnapshot(SnapshotPayload{Covers: heads[:MaxHeads]}.Encode()); err != nil || len(p.Covers) != MaxHeads {
		t.Fatal(len(p.Covers), err)
	}
	if _, err := DecodeSnapshot(SnapshotPayload{Covers: heads}.Encode()); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
}
