package seal

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// suite1 is SHA-256, HKDF-SHA256, AES-256-GCM and Ed25519: the one set that is native in Go and in every engine.
// A document has one suite for life, so nothing can be negotiated down.
const suite1 = 1

// GenesisSize is the length of an encoded genesis.
const GenesisSize = 1 + 3*keySize + commitSize

const (
	keySize    = 32 // an Ed25519 public key, and every secret
	commitSize = 16
	// committed is the part of the genesis that salts the key commitment: all but the commitment itself.
	committed = GenesisSize - commitSize
)

// Genesis is the public beginning of a document. The document's id is its hash, so whoever holds the id can check
// the keys, and nobody can change them.
//
//	 0  1  suite
//	 1 32  root key    signs what only the owner may do
//	33 32  write key   signs session certificates
//	65 32  fetch key   proves the right to download
//	97 16  commitment  to the read secret
type Genesis struct {
	raw  [GenesisSize]byte
	hash Hash
}

// ParseGenesis reads the 113 bytes. Errors: ErrCorrupt, ErrUnsupported.
func ParseGenesis(b []byte) (*Genesis, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: empty genesis", ErrCorrupt)
	}
	if b[0] != suite1 {
		return nil, fmt.Errorf("%w: suite %d", ErrUnsupported, b[0])
	}
	if len(b) != GenesisSize {
		return nil, fmt.Errorf("%w: genesis of %d bytes", ErrCorrupt, len(b))
	}
	g := &Genesis{raw: [GenesisSize]byte(b), hash: sha256.Sum256(b)}
	for _, key := range [][]byte{g.rootKey(), g.writeKey(), g.fetchKey()} {
		if !strictPoint(key) {
			return nil, fmt.Errorf("%w: genesis names a weak key", ErrCorrupt)
		}
	}
	return g, nil
}

// ParseGenesisOf is ParseGenesis for a document that is already known by its id. Errors: also ErrWrongDocument.
func ParseGenesisOf(doc DocID, b []byte) (*Genesis, error) {
	g, err := ParseGenesis(b)
	if err != nil {
		return nil, err
	}
	if g.Doc() != doc {
		return nil, fmt.Errorf("%w: genesis of %s offered for %s", ErrWrongDocument, g.Doc(), doc)
	}
	return g, nil
}

// Bytes gives a copy of the 113 bytes.
func (g *Genesis) Bytes() []byte { return bytes.Clone(g.raw[:]) }

// Doc is the id of the document that begins here.
func (g *Genesis) Doc() DocID { return DocID(g.hash[:len(DocID{})]) }

func (g *Genesis) rootKey() []byte  { return g.raw[1:33] }
func (g *Genesis) writeKey() []byte { return g.raw[33:65] }
func (g *Genesis) fetchKey() []byte { return g.raw[65:97] }
func (g *Genesis) commit() []byte   { return g.raw[committed:] }
