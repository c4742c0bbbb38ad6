//go:build wasip1

package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"unsafe"

	"github.com/freehold-dev/freehold/internal/seal"
)

// A large envelope stays in JavaScript (worker/blobs.ts), since linear memory never shrinks. What comes here is a stand-in, which is good
// for one turn: the header, and a number that JavaScript knows it by.

// blob_find gives the number of the blob that n bytes stand in for, and its length; -1 where JavaScript did not make them.
//
//go:wasmimport freehold blob_find
func blobFind(standIn unsafe.Pointer, n int32, size unsafe.Pointer) int32

// blob_hash writes the envelope's hash where that is known, and 0 where it is not.
//
//go:wasmimport freehold blob_hash
func blobHash(blob int32, to unsafe.Pointer) int32

//go:wasmimport freehold blob_read
func blobRead(blob, from int32, to unsafe.Pointer, n int32)

func init() { seal.Elsewhere = elsewhere }

// digests are those of the turn.
var digests = map[int32]*seal.Digest{}

// part is what is read of a blob at a time.
var part [32 << 10]byte

func elsewhere(standIn []byte) *seal.Digest {
	var size int32
	blob := blobFind(unsafe.Pointer(unsafe.SliceData(standIn)), int32(len(standIn)), unsafe.Pointer(&size))
	if blob < 0 {
		return nil
	}
	if d := digests[blob]; d != nil {
		return d
	}
	d := &seal.Digest{}
	digests[blob] = d
	if blobHash(blob, unsafe.Pointer(&d.Envelope)) != 0 {
		return d
	}
	envelope, ciphertext := sha256.New(), sha256.New()
	end := size - ed25519.SignatureSize
	for at := int32(0); at < size; at += int32(len(part)) {
		b := part[:min(int32(len(part)), size-at)]
		blobRead(blob, at, unsafe.Pointer(&part), int32(len(b)))
		envelope.Write(b)
		if from, to := max(at, seal.HeaderSize), min(at+int32(len(b)), end); from < to {
			ciphertext.Write(b[from-at : to-at])
		}
	}
	envelope.Sum(d.Envelope[:0])
	ciphertext.Sum(d.Ciphertext[:0])
	blobRead(blob, end, unsafe.Pointer(&d.Signature), int32(len(d.Signature)))
	return d
}
