package native

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// docRecord is a document as the docs bucket has it. Integers are big-endian.
//
//	  0 113  genesis
//	113   4  count of sessions
//
// and, where any of it is set,
//
//	117   8  released: what the log's records say of its length beyond what it has
//	125   8  nothing goes before, Unix seconds
//	133   1  has a successor
//	134  84  the successor's statement, if so
//	  …  73  each snapshot: cursor 8 │ covers 8 │ session 16 │ hash 32 │ came at 8 │ sound 1, objected 2
//
// A deleted document has the one byte 0.
type docRecord struct {
	genesis   []byte
	sessions  uint32
	released  int64
	successor []byte
	retention server.Retention
}

const snapshotSize = 73

var (
	goneRecord = []byte{0}
	errRecord  = errors.New("native: damaged document record")
)

// parseDoc reads a record. It aliases b.
func parseDoc(b []byte) (d docRecord, err error) {
	if len(b) < seal.GenesisSize+4 {
		return d, errRecord
	}
	d.genesis, b = b[:seal.GenesisSize], b[seal.GenesisSize:]
	d.sessions, b = binary.BigEndian.Uint32(b), b[4:]
	if len(b) == 0 {
		return d, nil
	}
	if len(b) < 17 || b[16] == 1 && len(b) < 17+seal.SuccessorSize {
		return d, errRecord
	}
	d.released, d.retention.PinnedUntil = int64(binary.BigEndian.Uint64(b)), instant(b[8:])
	has, b := b[16] == 1, b[17:]
	if has {
		d.successor, b = b[:seal.SuccessorSize], b[seal.SuccessorSize:]
	}
	if len(b)%snapshotSize != 0 {
		return d, errRecord
	}
	for ; len(b) > 0; b = b[snapshotSize:] {
		d.retention.Snapshots = append(d.retention.Snapshots, server.Snapshot{
			Cursor: wire.Cursor(binary.BigEndian.Uint64(b)), Covers: wire.Cursor(binary.BigEndian.Uint64(b[8:])),
			Session: seal.SessionID(b[16:32]), Hash: seal.Hash(b[32:64]), At: instant(b[64:]),
			Sound: b[72]&1 != 0, Objected: b[72]&2 != 0,
		})
	}
	return d, nil
}

func (d docRecord) bytes() []byte {
	b := binary.BigEndian.AppendUint32(append([]byte(nil), d.genesis...), d.sessions)
	if d.released == 0 && d.successor == nil && d.retention.PinnedUntil.IsZero() && len(d.retention.Snapshots) == 0 {
		return b
	}
	b = seconds(binary.BigEndian.AppendUint64(b, uint64(d.released)), d.retention.PinnedUntil)
	if d.successor == nil {
		b = append(b, 0)
	} else {
		b = append(append(b, 1), d.successor...)
	}
	for _, s := range d.retention.Snapshots {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(s.Cursor)), uint64(s.Covers))
		b = seconds(append(append(b, s.Session[:]...), s.Hash[:]...), s.At)
		flags := byte(0)
		if s.Sound {
			flags |= 1
		}
		if s.Objected {
			flags |= 2
		}
		b = append(b, flags)
	}
	return b
}

// instant reads Unix seconds, 0 for no time.
func instant(b []byte) time.Time {
	if n := int64(binary.BigEndian.Uint64(b)); n != 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}

func seconds(b []byte, t time.Time) []byte {
	n := int64(0)
	if !t.IsZero() {
		n = t.Unix()
	}
	return binary.BigEndian.AppendUint64(b, uint64(n))
}
