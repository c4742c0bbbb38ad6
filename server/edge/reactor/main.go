//go:build wasip1

// Command reactor is the relay inside Durable Objects: server.Relay over a log that JavaScript keeps in SQLite. One instance
// serves all objects of an isolate; server/edge/worker/reactor.ts is its other half, function for function.
//
// Every export is a turn: it returns when all that it began has ended. JavaScript numbers relays and connections. A panic ends
// the program; JavaScript then takes a new instance and opens everything again from what is stored.
package main

import (
	"maps"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
)

// main never runs: a reactor is only initialised.
func main() {}

// relays has one of each open object.
var relays = map[int32]*server.Relay{}

// tasks are what the turn began.
var tasks sync.WaitGroup

// turn runs an export to its end. The result is 0, or the length of an error that is the output.
func turn(do func() error) int32 {
	give(nil)
	err := do()
	tasks.Wait()
	remember()
	clear(digests)
	if len(in) > keptScratch {
		in = make([]byte, keptScratch)
	}
	if err != nil {
		give([]byte(err.Error()))
		return int32(len(out))
	}
	return 0
}

// relay_open begins the relay of a document, of which it keeps so many bytes, 0 for the usual limit, and takes so many appends a second of
// one socket, 0 for any number. The input is its id, and behind that whose documents are kept: root keys with blanks between them, none for everybody's.
//
//go:wasmexport relay_open
func relayOpen(h int32, size, rate float64, n int32) int32 {
	return turn(func() error {
		b := input(n)
		doc := seal.DocID(b[:len(seal.DocID{})])
		home := server.Home{Start: tasks.Go, Only: &doc, HasRoom: func(waits bool) bool { return memoryRoom(h, waits) != 0 }}
		if listed := strings.Fields(string(b[len(doc):])); len(listed) > 0 {
			kept, err := parseOwners(listed)
			if err != nil {
				return err
			}
			home.Admission = kept
		}
		log, err := openLog(h, doc)
		if err != nil {
			return err
		}
		limits := limits()
		if size > 0 {
			limits.DocBytes = int64(size)
		}
		limits.AppendsPerSecond, limits.AppendBurst = rate, burst(4*rate)
		limits.DocAppendsPerSecond, limits.DocAppendBurst = 10*rate, burst(40*rate)
		relays[h] = server.NewRelayAt(home, log, limits, time.Now, nil)
		return nil
	})
}

// burst is how many appends may come at once: one at least, where there is an end to them.
func burst(n float64) float64 {
	if n == 0 {
		return 0
	}
	return max(1, n)
}

// relay_close forgets a relay and its connections; JavaScript goes on with them in another.
//
//go:wasmexport relay_close
func relayClose(h int32) int32 {
	return turn(func() error {
		delete(relays, h)
		maps.DeleteFunc(sockets, func(_ int32, s *socket) bool { return s.relay == h })
		return nil
	})
}

// relay_sweep lets go of what snapshots cover.
//
//go:wasmexport relay_sweep
func relaySweep(h int32) int32 {
	return turn(func() error {
		if refusal := relays[h].Sweep(); refusal != nil {
			return refusal
		}
		return nil
	})
}

// limits suit an isolate of 128 MB, which other objects share.
func limits() server.Limits {
	l := server.DefaultLimits()
	l.ConnectionDocs = 1
	l.PresenceBytes = 1 << 20
	return l
}

// memory_room says whether a document may say something large now. Where not and a reader waits for it, relay_look is called when there is room.
//
//go:wasmimport freehold memory_room
func memoryRoom(h int32, waits bool) int32

// relay_look has readers ask again who wait for memory.
//
//go:wasmexport relay_look
func relayLook(h int32) int32 {
	return turn(func() error {
		relays[h].Look()
		return nil
	})
}

// Memory shared with JavaScript: input is written to scratch before a call, output is left where the call made it. The collector
// does not move things, and these variables keep them alive.
var (
	in     = make([]byte, keptScratch)
	out    []byte
	header [2]uint32
)

// keptScratch is how much scratch memory stays between turns.
const keptScratch = 64 << 10

// scratch gives the address of so many bytes for the next call's input.
//
//go:wasmexport scratch
func scratch(n int32) int32 {
	if int(n) > len(in) {
		in = make([]byte, n)
	}
	return address(in)
}

// header gives where address and length of the output are.
//
//go:wasmexport header
func headerExport() int32 { return int32(uintptr(unsafe.Pointer(&header))) }

func input(n int32) []byte { return in[:n:n] }

func give(b []byte) {
	out = b
	header[0], header[1] = uint32(address(b)), uint32(len(b))
}

func address(b []byte) int32 { return int32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
