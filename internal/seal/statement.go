package seal

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"strings"
)

// What is signed besides envelopes: statements to a relay, and the owner's to everybody. Each is bound to the document by
// its id and to one purpose by its label, so none can be taken for another.

const (
	labelFetch     = "freehold/1 fetch\x00"
	labelToken     = "freehold/1 token\x00"
	labelDelete    = "freehold/1 delete\x00"
	labelSuccessor = "freehold/1 successor\x00"
)

// MaxTokenLife is how long a token may be valid, in seconds.
const MaxTokenLife = 3600

// SuccessorSize is the length of a successor statement.
const SuccessorSize = len(DocID{}) + ed25519.SignatureSize

// ProofSize is the length of an answer to a challenge.
const ProofSize = ed25519.SignatureSize

const tokenSize = 8 + ed25519.SignatureSize

// Nonce is a relay's challenge: random, used for one connection.
type Nonce [32]byte

// Fetcher is the right to download a document's ciphertext. A link is enough for it: who meets a document for the first time
// gets the genesis in exchange.
type Fetcher struct {
	doc DocID
	key ed25519.PrivateKey
}

// NewFetcher derives the right from a link's secret.
func NewFetcher(doc DocID, rights Rights, secret Secret) (*Fetcher, error) {
	read, err := Attenuate(secret, rights, Read)
	if err != nil {
		return nil, err
	}
	return &Fetcher{doc, signingKey(read, labelFetchSign)}, nil
}

// Prove answers a relay's challenge: whoever asks holds a link. relay is the host name, with a port if it has one, under which
// the relay was reached, so that another relay cannot pass the question on.
func (f *Fetcher) Prove(relay string, nonce Nonce) []byte {
	return ed25519.Sign(f.key, f.doc.statement(labelFetch, nonce[:], []byte(strings.ToLower(relay))))
}

// VerifyFetch checks the answer. ErrSignature.
func (g *Genesis) VerifyFetch(relay string, nonce Nonce, proof []byte) error {
	return g.verifyStatement(g.fetchKey(), proof, labelFetch, nonce[:], []byte(strings.ToLower(relay)))
}

// Token is the right to download over plain HTTP until a time (Unix seconds), in base64url: expiry 8 │ signature 64.
func (f *Fetcher) Token(relay string, expiry uint64) string {
	b := binary.BigEndian.AppendUint64(nil, expiry)
	signature := ed25519.Sign(f.key, f.doc.statement(labelToken, b, []byte(strings.ToLower(relay))))
	return urlText.EncodeToString(append(b, signature...))
}

// VerifyToken checks a token at a time (Unix seconds). ErrCorrupt; ErrRights when it has expired or is valid for too
// long; ErrSignature.
func (g *Genesis) VerifyToken(relay, token string, now uint64) error {
	b, err := urlText.DecodeString(token)
	if err != nil || len(b) != tokenSize {
		return fmt.Errorf("%w: token", ErrCorrupt)
	}
	if expiry := binary.BigEndian.Uint64(b); expiry <= now || expiry-now > MaxTokenLife {
		return fmt.Errorf("%w: the token has expired, or lives for more than an hour", ErrRights)
	}
	return g.verifyStatement(g.fetchKey(), b[8:], labelToken, b[:8], []byte(strings.ToLower(relay)))
}

// Delete says that a relay is to delete the document. ErrRights below owner.
func (k *Keys) Delete(relay string) ([]byte, error) {
	if k.root == nil {
		return nil, fmt.Errorf("%w: only the owner's link deletes", ErrRights)
	}
	return ed25519.Sign(k.root, k.genesis.Doc().statement(labelDelete, []byte(strings.ToLower(relay)))), nil
}

// VerifyDelete checks that the owner wants it. ErrSignature.
func (g *Genesis) VerifyDelete(relay string, signature []byte) error {
	return g.verifyStatement(g.rootKey(), signature, labelDelete, []byte(strings.ToLower(relay)))
}

// NameSuccessor says that the document goes on as another one: successor's id 20 │ signature 64. ErrRights below owner.
func (k *Keys) NameSuccessor(successor DocID) ([]byte, error) {
	if k.root == nil {
		return nil, fmt.Errorf("%w: only the owner's link names a successor", ErrRights)
	}
	return append(successor[:], ed25519.Sign(k.root, k.genesis.Doc().statement(labelSuccessor, successor[:]))...), nil
}

// VerifySuccessor reads what NameSuccessor wrote. ErrCorrupt, ErrSignature.
func (g *Genesis) VerifySuccessor(b []byte) (DocID, error) {
	if len(b) != SuccessorSize {
		return DocID{}, fmt.Errorf("%w: successor of %d bytes", ErrCorrupt, len(b))
	}
	successor := DocID(b[:len(DocID{})])
	return successor, g.verifyStatement(g.rootKey(), b[len(successor):], labelSuccessor, successor[:])
}

// statement is label ‖ document id ‖ parts. At most one part of a statement has no fixed length, and it is the last.
func (d DocID) statement(label string, parts ...[]byte) []byte {
	message := append([]byte(label), d[:]...)
	for _, p := range parts {
		message = append(message, p...)
	}
	return message
}

func (g *Genesis) verifyStatement(key, signature []byte, label string, parts ...[]byte) error {
	if len(signature) != ed25519.SignatureSize || !verify(key, g.Doc().statement(label, parts...), signature) {
		return fmt.Errorf("%w: statement %q about %s", ErrSignature, strings.TrimSuffix(label, "\x00"), g.Doc())
	}
	return nil
}
