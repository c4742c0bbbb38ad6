package backup

import (
	"encoding/binary"
	"errors"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// block is a stretch of a relay's log: everything that the store gave with cursors above from and up to upTo, but for what
// the backup had already.
//
//	store 16 │ from 8 │ up to 8 │ n 4 │ n × certificate 96 │ m 4 │ m × (cursor 8 │ covers 8 │ size 4 │ envelope)
type block struct {
	store        wire.StoreID
	from, upTo   wire.Cursor
	certificates [][]byte
	entries      []wire.Entry
}

const (
	blockFixed = len(wire.StoreID{}) + 8 + 8
	entryFixed = 8 + 8 + 4
)

func (k block) encode() []byte {
	b := append([]byte(nil), k.store[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(k.from))
	b = binary.LittleEndian.AppendUint64(b, uint64(k.upTo))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(k.certificates)))
	for _, c := range k.certificates {
		b = append(b, c...)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(k.entries)))
	for _, e := range k.entries {
		b = binary.LittleEndian.AppendUint64(b, uint64(e.Cursor))
		b = binary.LittleEndian.AppendUint64(b, uint64(e.Covers))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Envelope)))
		b = append(b, e.Envelope...)
	}
	return b
}

var errBlock = errors.New("backup: a block that cannot be")

// decodeBlock reads what encode wrote; it aliases b. Counts are held against what is left before anything is made of them.
func decodeBlock(b []byte) (k block, err error) {
	take := func(n int) []byte {
		if err != nil || n < 0 || n > len(b) {
			err, b = errBlock, nil
			return make([]byte, max(0, min(n, blockFixed)))
		}
		out := b[:n]
		b = b[n:]
		return out
	}
	number := func() uint64 { return binary.LittleEndian.Uint64(take(8)) }
	count := func(each int) int {
		n := binary.LittleEndian.Uint32(take(4))
		if uint64(n)*uint64(each) > uint64(len(b)) {
			err = errBlock
			return 0
		}
		return int(n)
	}
	copy(k.store[:], take(len(k.store)))
	k.from, k.upTo = wire.Cursor(number()), wire.Cursor(number())
	for range count(seal.CertificateSize) {
		k.certificates = append(k.certificates, take(seal.CertificateSize))
	}
	for range count(entryFixed) {
		e := wire.Entry{Cursor: wire.Cursor(number()), Covers: wire.Cursor(number())}
		e.Envelope = take(int(binary.LittleEndian.Uint32(take(4))))
		k.entries = append(k.entries, e)
	}
	if err == nil && (len(b) > 0 || k.upTo < k.from) {
		err = errBlock
	}
	return k, err
}
