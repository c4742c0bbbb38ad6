package seal

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
)

// Rights is how far a link reaches. Each right includes the ones before it.
type Rights uint8

const (
	Read Rights = iota
	Write
	Owner
)

func (r Rights) String() string {
	switch r {
	case Read:
		return "read"
	case Write:
		return "write"
	case Owner:
		return "owner"
	}
	return fmt.Sprintf("rights(%d)", uint8(r))
}

// Secret is what a link carries.
type Secret [keySize]byte

// Format prints a placeholder for every verb, so no secret ends in a log.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "[secret]") }

// Labels of the key schedule. Each derives a value that cannot be turned back, so a right yields the lower ones and
// never a higher.
const (
	labelRootSign  = "freehold/1 root-sign"
	labelWrite     = "freehold/1 write 0"
	labelWriteSign = "freehold/1 write-sign"
	labelRead      = "freehold/1 read"
	labelFetchSign = "freehold/1 fetch-sign"
	labelCommit    = "freehold/1 key-commit"
	labelDoc       = "freehold/1 doc"
)

// Create begins a document: the owner's secret, from which everything else follows, and its public genesis.
func Create(random io.Reader) (Secret, *Genesis, error) {
	var owner, read Secret
	var keys []ed25519.PrivateKey
	for isTaken := false; !isTaken; {
		if _, err := io.ReadFull(random, owner[:]); err != nil {
			return Secret{}, nil, err
		}
		write, _ := Attenuate(owner, Owner, Write)
		read, _ = Attenuate(write, Write, Read)
		keys = []ed25519.PrivateKey{signingKey(owner, labelRootSign), signingKey(write, labelWriteSign), signingKey(read, labelFetchSign)}
		// WebKitGTK 2.50 imports no seed that begins with a zero byte, and nobody there could open the document.
		isTaken = !slices.ContainsFunc(keys, func(k ed25519.PrivateKey) bool { return k.Seed()[0] == 0 })
	}
	b := make([]byte, 0, GenesisSize)
	b = append(b, suite1)
	for _, k := range keys {
		b = append(b, publicKey(k)...)
	}
	b = append(b, commitment(read, b)...)
	genesis, err := ParseGenesis(b)
	return owner, genesis, err
}

// Attenuate gives the secret of a lower right (or the same). ErrRights when asked to climb.
func Attenuate(secret Secret, from, to Rights) (Secret, error) {
	if to > from || from > Owner {
		return Secret{}, fmt.Errorf("%w: %s from %s", ErrRights, to, from)
	}
	for ; from > to; from-- {
		label := labelWrite
		if from == Write {
			label = labelRead
		}
		secret = Secret(derive(secret[:], nil, label, keySize))
	}
	return secret, nil
}

// commitment ties the read secret to the rest of the genesis. It tells a wrong key from damaged bytes, and leaves a
// document one key: AES-GCM alone lets a sender craft a ciphertext that opens under two.
func commitment(read Secret, genesis []byte) []byte {
	return derive(read[:], genesis[:committed], labelCommit, commitSize)
}

func signingKey(secret Secret, label string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(derive(secret[:], nil, label, ed25519.SeedSize))
}

func publicKey(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// derive is HKDF-SHA256 (RFC 5869).
func derive(secret, salt []byte, label string, n int) []byte {
	out, err := hkdf.Key(sha256.New, secret, salt, label, n)
	if err != nil {
		panic(err) // only for n > 8160, and every n here is a constant
	}
	return out
}
