package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"fmt"
	"math/big"
	"slices"
	"testing"
)

// weakVectors are signatures that Go's Ed25519 accepts and ours must not.
func weakVectors() []weakVector {
	var weak [][]byte // every encoding of a point of small order
	for _, y := range smallOrder {
		for _, sign := range []byte{0, 0x80} {
			b := y
			b[keySize-1] |= sign
			weak = append(weak, b[:])
		}
	}
	beyond := bytes.Repeat([]byte{0xff}, keySize) // p + 1, another way to write 1
	beyond[0], beyond[keySize-1] = 0xee, 0x7f

	var out []weakVector
	for _, key := range append(slices.Clone(weak), beyond) {
		message, signature, ok := forge(key, weak)
		if ok { // x = 0 has no other sign: such a key is no point at all
			out = append(out, weakVector{"anybody can sign for this key", key, message, signature})
		}
	}
	for _, one := range [][]byte{smallOrder[0][:], beyond} {
		out = append(out, oneSignsAll(one))
	}
	return append(out, smallOrderSignature())
}

// oneSignsAll is an ordinary signature under a key of order 1: R = S·B, whatever the message. Nothing but the key
// gives it away.
func oneSignsAll(one []byte) weakVector {
	nonce := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	s := new(big.Int).Mod(scalar(nonce), groupOrder)
	return weakVector{"the key is the neutral point", one, []byte("any message"), signatureOf(publicKey(nonce), s)}
}

// forge signs without any private key: with S = 0, a signature is valid when R = −hash·key, and in a group of eight
// that happens by trying.
func forge(key []byte, points [][]byte) (message, signature []byte, ok bool) {
	for i := range 100 {
		message = fmt.Appendf(nil, "message %d", i)
		for _, r := range points {
			signature = append(bytes.Clone(r), make([]byte, keySize)...)
			if ed25519.Verify(key, message, signature) {
				return message, signature, true
			}
		}
	}
	return nil, nil, false
}

// smallOrderSignature is made with an honest key and R = the neutral point, which WebCrypto's text forbids: S = hash·a.
func smallOrderSignature() weakVector {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	message := []byte("signed without a nonce")
	r := smallOrder[0][:]
	hash := sha512.Sum512(slices.Concat(r, publicKey(key), message))
	s := new(big.Int).Mul(littleEndian(hash[:]), scalar(key))
	return weakVector{"small order in the signature", hexed(publicKey(key)), message, signatureOf(r, s.Mod(s, groupOrder))}
}

// groupOrder is that of the base point: 2²⁵² + 27742317777372353535851937790883648493.
var groupOrder, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)

// scalar is the secret number behind an Ed25519 key (RFC 8032 §5.1.5).
func scalar(key ed25519.PrivateKey) *big.Int {
	digest := sha512.Sum512(key.Seed())
	digest[0] &= 0xf8
	digest[31] = digest[31]&0x3f | 0x40
	return littleEndian(digest[:32])
}

func signatureOf(r []byte, s *big.Int) []byte {
	low := s.FillBytes(make([]byte, keySize))
	slices.Reverse(low)
	return slices.Concat(r, low)
}

func littleEndian(b []byte) *big.Int {
	b = bytes.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

func TestWeakKeysAreRefused(t *testing.T) {
	vectors := weakVectors()
	if len(vectors) < 8 {
		t.Fatalf("only %d forgeries: the test lost its teeth", len(vectors))
	}
	for _, v := range vectors {
		if !ed25519.Verify(ed25519.PublicKey(v.Key), v.Message, v.Signature) {
			t.Errorf("%s: Go refuses it by itself under %x", v.Why, v.Key)
		}
		if verify(v.Key, v.Message, v.Signature) {
			t.Errorf("%s: accepted under %x", v.Why, v.Key)
		}
	}
}

func TestStrictPointAcceptsHonestKeys(t *testing.T) {
	random := source(3)
	for range 1000 {
		seed := make([]byte, ed25519.SeedSize)
		random.Read(seed)
		if key := publicKey(ed25519.NewKeyFromSeed(seed)); !strictPoint(key) {
			t.Fatalf("refused %x", key)
		}
	}
}
