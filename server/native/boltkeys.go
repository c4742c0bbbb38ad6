package native

import (
	"bytes"
	"encoding/binary"

	"go.etcd.io/bbolt"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// end gives the cursor of a document's last record and the length of its log, zero for an empty one.
func end(log *bbolt.Bucket, doc seal.DocID) (wire.Cursor, uint64) {
	k, v := lastOf(log.Cursor(), doc[:])
	if len(k) != len(doc)+8 || len(v) < 8 {
		return 0, 0
	}
	return cursorOf(k[len(doc):]), binary.BigEndian.Uint64(v)
}

// lastOf finds the last key that begins with prefix, nil if none does.
func lastOf(c *bbolt.Cursor, prefix []byte) (k, v []byte) {
	beyond := bytes.Clone(prefix)
	// The next prefix in order: one higher. Ids are hashes; that all bytes are 0xff does not happen, and then the
	// end of the bucket is right.
	i := len(beyond) - 1
	for ; i >= 0; i-- {
		beyond[i]++
		if beyond[i] != 0 {
			break
		}
	}
	if k, _ = c.Seek(beyond); k == nil || i < 0 {
		k, v = c.Last()
	} else {
		k, v = c.Prev()
	}
	if !bytes.HasPrefix(k, prefix) {
		return nil, nil
	}
	return k, v
}

func envelopeAt(log *bbolt.Bucket, doc seal.DocID, cursor []byte) []byte {
	if len(cursor) != 8 {
		return nil
	}
	if v := log.Get(append(doc[:len(doc):len(doc)], cursor...)); len(v) > 8 {
		return v[8:]
	}
	return nil
}

// cursorOf reads a cursor as it is kept, 0 where it is none.
func cursorOf(b []byte) wire.Cursor {
	if len(b) != 8 {
		return 0
	}
	return wire.Cursor(binary.BigEndian.Uint64(b))
}

func sessionKey(doc seal.DocID, id seal.SessionID) []byte {
	return append(doc[:len(doc):len(doc)], id[:]...)
}

func seqKey(doc seal.DocID, id seal.SessionID, seq uint32) []byte {
	return binary.BigEndian.AppendUint32(sessionKey(doc, id), seq)
}

func logKey(doc seal.DocID, cursor wire.Cursor) []byte {
	return binary.BigEndian.AppendUint64(doc[:len(doc):len(doc)], uint64(cursor))
}

// floorSize is what a certificate's record has more where a session's first envelopes are gone.
const floorSize = 4 + len(seal.Hash{})

// deleteAll deletes every key that begins with a prefix.
func deleteAll(b *bbolt.Bucket, prefix []byte) error {
	c := b.Cursor()
	// A deletion moves the cursor in ways that are not promised: it is placed again.
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Seek(prefix) {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}
