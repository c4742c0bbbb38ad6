//go:build wasip1

package main

import "github.com/freehold-dev/freehold/internal/sync"

// machines are the open sync machines; a handle is an index plus one.
var machines []*sync.Machine

// effects is the buffer that every step writes its output to.
var effects []byte

// seedSize is what sync_new reads: a little-endian number that draws the jitter of pauses.
const seedSize = 8

//go:wasmexport sync_new
func syncNew(n int32) (result int32) {
	defer guard(&result)
	if dead {
		return codePanic
	}
	b, ok := input(n)
	if !ok || n != seedSize {
		return fail(errInput)
	}
	seed := uint64(0)
	for i := range b {
		seed |= uint64(b[i]) << (8 * i)
	}
	machines = append(machines, sync.New(seed))
	give(nil)
	return int32(len(machines))
}

//go:wasmexport sync_step
func syncStep(h, n int32) (result int32) {
	defer guard(&result)
	if dead {
		return codePanic
	}
	if h < 1 || int(h) > len(machines) || machines[h-1] == nil {
		say("no such machine")
		return codeBadHandle
	}
	b, ok := input(n)
	if !ok {
		return fail(errInput)
	}
	packed, count, err := machines[h-1].StepPacked(b, effects[:0])
	if err != nil {
		return fail(err)
	}
	effects = packed
	give(effects)
	return int32(count)
}

//go:wasmexport sync_free
func syncFree(h int32) (result int32) {
	defer guard(&result)
	if dead {
		return codePanic
	}
	if h >= 1 && int(h) <= len(machines) {
		machines[h-1] = nil
	}
	give(nil)
	return 0
}
