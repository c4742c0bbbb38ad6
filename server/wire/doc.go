// Package wire is the language between a device and a relay: frames, their limits and their error codes.
//
//	bytes, err := wire.Encode(&wire.Append{Doc: doc, Req: 1, Cert: cert, Envelopes: run})
//	frame, err := wire.Decode(bytes)   // a *Hello, *Append, … or ErrFrame
//
// A frame is one MessagePack array that begins with its type. Its shape is fixed: Decode walks the bytes against that
// shape before the MessagePack library sees them, so nesting, lengths and counts are bounded by the table in shape.go
// and not by the sender (v5 follows nested arrays by recursion; a few megabytes of 0x91 end the process otherwise).
//
// docs/PROTOCOL.md is the specification, js/src/wire/wire.ts the twin, testdata/wire the vectors that both read.
//
// Caveats. Decode copies: a frame does not alias the bytes it came from. Encode does not judge; only Decode does.
package wire
