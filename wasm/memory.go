//go:build wasip1

package main

import "unsafe"

// Memory shared with the host. Input is written to scratch before a call; output is left where the call made it, and
// the header says where that is. The collector does not move things, and these variables keep them alive.
var (
	in     = make([]byte, 64<<10)
	header [16]uint32
	out    []byte
)

// maxScratch is far above every limit of the formats.
const maxScratch = 512 << 20

//go:wasmexport scratch
func scratch(n int32) int32 {
	if n < 0 || n > maxScratch {
		return 0
	}
	if int(n) > len(in) {
		size := len(in)
		for size < int(n) {
			size *= 2
		}
		in = make([]byte, size)
	}
	return address(in)
}

//go:wasmexport header
func headerExport() int32 { return int32(uintptr(unsafe.Pointer(&header))) }

// input gives the first n bytes of scratch memory; false when there are not so many.
func input(n int32) ([]byte, bool) {
	if n < 0 || int(n) > len(in) {
		return nil, false
	}
	return in[:n:n], true
}

// give makes b the output.
func give(b []byte) {
	out = b
	header[0], header[1] = uint32(address(b)), uint32(len(b))
}

// say makes a message the output.
func say(message string) { give([]byte(message)) }

func address(b []byte) int32 { return int32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
