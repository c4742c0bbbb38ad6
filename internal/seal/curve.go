package seal

import (
	"crypto/ed25519"
	"encoding/hex"
)

// smallOrder holds the y coordinates, little-endian, of the eight points whose order divides the curve's cofactor.
// Under such a "key" anybody can sign: with the first of them, one signature fits every message.
var smallOrder = [...][keySize]byte{
	point("0100000000000000000000000000000000000000000000000000000000000000"), // order 1
	point("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), // order 2
	point("0000000000000000000000000000000000000000000000000000000000000000"), // order 4
	point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), // order 8
	point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), // order 8
}

// verify checks an Ed25519 signature by one rule on every machine. Implementations differ on points of small order
// and on coordinates beyond the field: of the 14 signatures in testdata/seal/weakkeys.json Go, Node 20 and Chromium
// accept all, Firefox 10, and the text of WebCrypto none. What one replica accepts and another refuses would split a
// document, so the key and the signature's point are held to the strictest reading.
func verify(key, message, signature []byte) bool {
	return strictPoint(key) && strictPoint(signature[:keySize]) && ed25519.Verify(key, message, signature)
}

// strictPoint reports whether an encoded point is canonical and not of small order. Whether it is on the curve at
// all is left to Ed25519 itself.
func strictPoint(b []byte) bool {
	y := [keySize]byte(b)
	y[keySize-1] &= 0x7f // the top bit is the sign of x
	for _, small := range smallOrder {
		if y == small {
			return false
		}
	}
	return !beyondField(y)
}

// beyondField reports whether y ≥ 2²⁵⁵ − 19. The field's prime is ed ff … ff 7f, low byte first.
func beyondField(y [keySize]byte) bool {
	for _, b := range y[1 : keySize-1] {
		if b != 0xff {
			return false
		}
	}
	return y[0] >= 0xed && y[keySize-1] == 0x7f
}

func point(text string) [keySize]byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return [keySize]byte(b)
}
