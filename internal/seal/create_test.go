package seal

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// passedOver is an owner's secret whose write key has a seed that begins with a zero byte; js/test/unit/seal-vectors.test.ts has it too.
const passedOver = "0000000000000000000000000000000000000000000000000000000000000009"

func TestCreatePassesOverSeedsThatBeginWithZero(t *testing.T) {
	bad, err := hex.DecodeString(passedOver)
	if err != nil {
		t.Fatal(err)
	}
	good := bytes.Repeat([]byte{7}, 32)
	secret, _, err := Create(bytes.NewReader(append(bad, good...)))
	if err != nil || !bytes.Equal(secret[:], good) {
		t.Fatalf("%x %v", secret, err)
	}
}
