//go:build wasip1

package main

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// A commit is a list of words: each change is its kind and then its arguments. A number takes two words, the low one first;
// bytes are an address and a length, so that nothing is copied on the way to the disk. The order matters as in server.Write.
const (
	changeGone      = 1 // –
	changeGenesis   = 2 // bytes
	changeSuccessor = 3 // bytes
	changeRetention = 4 // bytes
	changeSession   = 5 // id, certificate
	changeDrop      = 6 // number: cursor
	changeFloor     = 7 // session, number: seq, hash
	changePut       = 8 // number: cursor, session, number: first, number: seq, before, hash, envelope
)

type changes struct {
	words []uint32
	// held are the bytes that words point to.
	held [][]byte
}

func (c *changes) kind(k uint32) { c.words = append(c.words, k) }

func (c *changes) number(n uint64) { c.words = append(c.words, uint32(n), uint32(n>>32)) }

func (c *changes) bytes(b []byte) {
	c.held = append(c.held, b)
	c.words = append(c.words, uint32(address(b)), uint32(len(b)))
}

// Commit implements server.Log.
func (l *log) Commit(writes []*server.Write) error {
	var c changes
	for _, w := range writes {
		if w.Doc != l.doc {
			return fmt.Errorf("edge: a write of another document")
		}
		if err := c.add(w); err != nil {
			return err
		}
	}
	_, _, err := row(logCommit(l.id, unsafe.Pointer(unsafe.SliceData(c.words)), int32(len(c.words))), nil)
	runtime.KeepAlive(c.held)
	return err
}

func (c *changes) add(w *server.Write) error {
	if w.Gone {
		c.kind(changeGone)
		return nil
	}
	for kind, b := range map[uint32][]byte{changeGenesis: w.Genesis, changeSuccessor: w.Successor} {
		if b != nil {
			c.kind(kind)
			c.bytes(b)
		}
	}
	if w.Retention != nil {
		b, err := encodeRetention(*w.Retention)
		if err != nil {
			return err
		}
		c.kind(changeRetention)
		c.bytes(b)
	}
	if w.Cert != nil {
		c.kind(changeSession)
		c.bytes(w.Session[:])
		c.bytes(w.Cert)
	}
	for _, d := range w.Dropped {
		c.kind(changeDrop)
		c.number(uint64(d.Cursor))
	}
	for _, f := range w.Floors {
		c.kind(changeFloor)
		c.bytes(f.Session[:])
		c.number(uint64(f.Head.Seq))
		c.bytes(f.Head.Hash[:])
	}
	for _, part := range [][]wire.Entry{w.Packs, w.Entries} {
		for _, e := range part {
			if err := c.put(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *changes) put(entry wire.Entry) error {
	e, err := seal.ParseEnvelope(entry.Envelope)
	if err != nil {
		return err
	}
	hash := e.Hash()
	c.kind(changePut)
	c.number(uint64(entry.Cursor))
	c.bytes(e.Session[:])
	c.number(uint64(e.First()))
	c.number(uint64(e.Seq))
	c.bytes(e.Prev[:])
	c.bytes(hash[:])
	c.bytes(entry.Envelope)
	return nil
}
