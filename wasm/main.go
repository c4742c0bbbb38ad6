//go:build wasip1

// Command wasm is the reactor: crdt and internal/sync for JavaScript and any other WASI host, as docs/BOUNDARY.md
// describes. It translates and decides nothing.
package main

import "github.com/freehold-dev/freehold/crdt"

// abiVersion is raised when docs/BOUNDARY.md changes in a way that old JavaScript would not understand.
const abiVersion = 1

// Codes of the boundary that crdt does not have.
const (
	codePanic     int32 = -6
	codeBadHandle int32 = -7
)

// main never runs: a reactor is only initialised.
func main() {}

//go:wasmexport abi_version
func abiVersionExport() int32 { return abiVersion }

// dead is set by the first panic. What the instance holds may be half changed, so it answers nothing any more.
var dead bool

// guard recovers a panic of the export that defers it and makes its result codePanic.
func guard(result *int32) {
	if p := recover(); p != nil {
		dead = true
		*result = codePanic
		say(panicText(p))
	}
}

// panicText describes a panic without package fmt.
func panicText(p any) string {
	switch v := p.(type) {
	case error:
		return "panic: " + v.Error()
	case string:
		return "panic: " + v
	}
	return "panic"
}

// fail hands out an error's message and gives its code.
func fail(err error) int32 {
	if e, ok := err.(*crdt.Error); ok {
		if e.Code == crdt.CodeMissing {
			give(nil)
		} else {
			say(e.Reason)
		}
		return int32(e.Code)
	}
	say(err.Error())
	return int32(crdt.CodeInvalid)
}
