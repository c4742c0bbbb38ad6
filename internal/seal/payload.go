package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
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

// NotePayload is the content of an attest (why somebody objects) and of a session info (who is behind the session).
//
//	varint version | UTF-8
type NotePayload struct {
	Text string
}

// MaxHeads is the most sessions of which one content may name the last envelope.
const MaxHeads = 1 << 16

// MaxNote is the most bytes of a note.
const MaxNote = 1024

// Encode gives the bytes to seal.
func (p NotePayload) Encode() []byte { return append([]byte{payloadVersion}, p.Text...) }

// DecodeNote reads what Encode wrote. Errors: ErrCorrupt (also for a text that is too long or not UTF-8), ErrUnsupported.
func DecodeNote(b []byte) (NotePayload, error) {
	r := payloadReader{rest: b}
	r.version()
	if len(r.rest) > MaxNote || !utf8.Valid(r.rest) {
		r.fail(ErrCorrupt, "note")
	}
	return NotePayload{string(r.rest)}, r.err
}

// PresencePayload is the content of an ephemeral envelope: what its writer had of every session, and what it says.
//
//	varint version | varint n | n × (session 16 | varint seq | hash 16) | the state, opaque here
type PresencePayload struct {
	Heads []Dep // ascending by session, each session once: the last envelope of each
	State []byte
}

// Encode gives the bytes to seal, as UpdatePayload.Encode does.
func (p PresencePayload) Encode() []byte {
	return append(appendDeps([]byte{payloadVersion}, p.Heads), p.State...)
}

// DecodePresence reads what Encode wrote; State aliases b. Errors: ErrCorrupt, ErrUnsupported.
func DecodePresence(b []byte) (PresencePayload, error) {
	p, err := DecodeUpdate(b)
	return PresencePayload{p.Deps, p.Update}, err
}

// PackPayload is the content of a pack: that of each update it stands for, in order.
//
//	varint version | varint n | n × (varint size | content)
type PackPayload struct {
	Contents [][]byte
}

// Encode gives the bytes to seal.
func (p PackPayload) Encode() []byte {
	b := binary.AppendUvarint([]byte{payloadVersion}, uint64(len(p.Contents)))
	for _, c := range p.Contents {
		b = append(binary.AppendUvarint(b, uint64(len(c))), c...)
	}
	return b
}

// DecodePack reads what Encode wrote; the contents alias b. Errors: ErrCorrupt, ErrUnsupported.
func DecodePack(b []byte) (PackPayload, error) {
	r := payloadReader{rest: b}
	r.version()
	n := r.varint()
	if uint64(n) > uint64(len(r.rest)) { // before anything is allocated
		r.fail(ErrCorrupt, "more contents than bytes")
		return PackPayload{}, r.err
	}
	contents := make([][]byte, 0, n)
	for range n {
		contents = append(contents, r.take(int(r.varint())))
	}
	if len(r.rest) > 0 {
		r.fail(ErrCorrupt, "bytes behind a pack")
	}
	return PackPayload{contents}, r.err
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
	if n > MaxHeads || uint64(n)*uint64(least) > uint64(len(r.rest)) { // before anything is allocated
		r.fail(ErrCorrupt, "more heads than bytes, or than there may be")
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
