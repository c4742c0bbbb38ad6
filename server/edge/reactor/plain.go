//go:build wasip1

package main

import (
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/wire"
)

// relay_ask answers a frame without a connection; the output is the answer. The input is the document's id, the name of
// nameLength bytes under which it was asked for, and the frame.
//
//go:wasmexport relay_ask
func relayAsk(h, nameLength, n int32) int32 {
	return turn(func() error {
		b := input(n)
		doc, b := seal.DocID(b[:len(seal.DocID{})]), b[len(seal.DocID{}):]
		return giveFrame(relays[h].Ask(nil, string(b[:nameLength]), doc, b[nameLength:]))
	})
}

// relay_read gives a Batch of what follows a cursor. The input is the document's id.
//
//go:wasmexport relay_read
func relayRead(h int32, since float64, n int32) int32 {
	return turn(func() error {
		doc := seal.DocID(input(n))
		var frame wire.Frame
		batch, lease, refusal := relays[h].Read(doc, wire.Cursor(since), server.Receiver{})
		defer lease.Release()
		if frame = batch; refusal != nil {
			frame = refusal.Frame(&doc, nil)
		}
		return giveFrame(frame)
	})
}

func giveFrame(f wire.Frame) error {
	b, err := wire.Encode(f)
	give(b)
	return err
}
