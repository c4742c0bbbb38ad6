package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// payloadVersion starts the content of every envelope; a reader refuses others.
const payloadVersion = 0

const depHashSize = 16

// Dep names an envelope of another session that this one was written after.
type Dep struct {
	Session SessionID
	Seq     uint32
	Hash    [depHashSize]byte // the first bytes of its hash
}

// UpdatePayload is the content of an update: operations, and what their writer had seen.
//
//	varint version | varint n | n × (session 16 | varint seq | hash 16) | the core's update
type UpdatePayload struct {
	Deps   []Dep // ascending by session, each session once
	Update []byte
}

// SnapshotPayload is the content of a snapshot: a file of the core, and the envelopes it makes unnecessary.
//
//	varint version | parent 32 | varint n | n × (session 16 | varint seq | hash 16) | digest 16 | the core's file
type SnapshotPayload struct {
	Parent Hash     // of the snapshot envelope before it, or zero
	Covers []Dep    // ascending by session, each session once: its last covered envelope
	Digest [16]byte // of the core's state
	File   []byte
}

// Encode gives the bytes to seal. Deps are written in ascending order; naming a session twice is the caller's
// mistake, and DecodeUpdate refuses it.
func (p UpdatePayload) Encode() []byte {
	b := appendDeps([]byte{payloadVersion}, p.Deps)
	return append(b, p.Update...)
}

// DecodeUpdate reads what Encode wrote; Update aliases b. Errors: ErrCorrupt, ErrUnsupported.
func DecodeUpdate(b []byte) (UpdatePayload, error) {
	r := payloadReader{rest: b}
	r.version()
	deps := r.deps()
	return UpdatePayload{deps, r.rest}, r.err
}

// Encode gives the bytes to seal, as UpdatePayload.Encode does.
func (p SnapshotPayload) Encode() []byte {
	b := append([]byte{payloadVersion}, p.Parent[:]...)
	b = appendDeps(b, p.Covers)
	b = append(b, p.Digest[:]...)
	return append(b, p.File...)
}

// DecodeSnapshot reads what Encode wrote; File aliases b. Errors: ErrCorrupt, ErrUnsupported.
func DecodeSnapshot(b []byte) (SnapshotPayload, error) {
	r := payloadReader{rest: b}
	r.version()
	var p SnapshotPayload
	copy(p.Parent[:], r.take(len(p.Parent)))
	p.Covers = r.deps()
	copy(p.Digest[:], r.take(len(p.Digest)))
	p.File = r.rest
	return p, r.err
}

func appendDeps(b []byte, deps []Dep) []byte {
	sorted := slices.SortedFunc(slices.Values(deps), func(x, y Dep) int { return bytes.Compare(x.Session[:], y.Session[:]) })
	b = binary.AppendUvarint(b, uint64(len(sorted)))
	for _, d := range sorted {
		b = append(b, d.Session[:]...)
		b = binary.AppendUvarint(b, uint64(d.Seq))
		b = append(b, d.Hash[:]...)
	}
	return b
}

// payloadReader takes fields off the front; after the first failure it gives zeros and keeps the error.
type payloadReader struct {
	rest []byte
	err  error
}

func (r *payloadReader) fail(err error, what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", err, what)
	}
	r.rest = nil
}

func (r *payloadReader) take(n int) []byte {
	if len(r.rest) < n {
		r.fail(ErrCorrupt, "content ends early")
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

// varint reads an unsigned LEB128 number of at most 32 bits in its shortest form.
func (r *payloadReader) varint() uint32 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > math.MaxUint32 || n > 1 && r.rest[n-1] == 0 {
		r.fail(ErrCorrupt, "number in content")
		return 0
	}
	r.rest = r.rest[n:]
	return uint32(v)
}

func (r *payloadReader) version() {
	if v := r.varint(); r.err == nil && v != payloadVersion {
		r.fail(ErrUnsupported, "content version")
	}
}

func (r *payloadReader) deps() []Dep {
	const least = len(SessionID{}) + 1 + depHashSize
	n := r.varint()
	if uint64(n)*uint64(least) > uint64(len(r.rest)) { // before anything is allocated
		r.fail(ErrCorrupt, "more heads than bytes")
		return nil
	}
	deps := make([]Dep, 0, n)
	for range n {
		var d Dep
		copy(d.Session[:], r.take(len(d.Session)))
		d.Seq = r.varint()
		copy(d.Hash[:], r.take(len(d.Hash)))
		if i := len(deps) - 1; i >= 0 && bytes.Compare(deps[i].Session[:], d.Session[:]) >= 0 {
			r.fail(ErrCorrupt, "heads out of order")
		}
		if r.err != nil {
			return nil
		}
		deps = append(deps, d)
	}
	return deps
}
