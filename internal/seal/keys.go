package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
)

const nonceSize = 12

// Keys are a document's keys, as far as a link reaches.
type Keys struct {
	genesis *Genesis
	rights  Rights
	content []byte             // K_doc: every content key derives from it
	write   ed25519.PrivateKey // nil without the right
	root    ed25519.PrivateKey // likewise
}

// Unlock derives the keys of a document from a link's secret. ErrWrongKey if the secret belongs to another document,
// or to another right than the link claims.
func Unlock(genesis *Genesis, rights Rights, secret Secret) (*Keys, error) {
	read, err := Attenuate(secret, rights, Read)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(commitment(read, genesis.raw[:]), genesis.commit()) {
		return nil, fmt.Errorf("%w: not the %s secret of %s", ErrWrongKey, rights, genesis.Doc())
	}
	k := &Keys{
		genesis: genesis,
		rights:  rights,
		content: derive(read[:], genesis.hash[:], labelDoc, keySize),
	}
	if !bytes.Equal(publicKey(signingKey(read, labelFetchSign)), genesis.fetchKey()) {
		return nil, fmt.Errorf("%w: %s names another fetch key", ErrWrongKey, genesis.Doc())
	}
	if rights >= Write {
		write, _ := Attenuate(secret, rights, Write)
		k.write = signingKey(write, labelWriteSign)
		if !bytes.Equal(publicKey(k.write), genesis.writeKey()) {
			return nil, fmt.Errorf("%w: %s names another write key", ErrWrongKey, genesis.Doc())
		}
	}
	if rights == Owner {
		k.root = signingKey(secret, labelRootSign)
		if !bytes.Equal(publicKey(k.root), genesis.rootKey()) {
			return nil, fmt.Errorf("%w: %s names another root key", ErrWrongKey, genesis.Doc())
		}
	}
	return k, nil
}

// Genesis is the document's public beginning.
func (k *Keys) Genesis() *Genesis { return k.genesis }

// Rights is how far these keys reach.
func (k *Keys) Rights() Rights { return k.rights }

// Open decrypts one envelope of a chain. It does not verify who wrote it: Certificate.VerifyRun does.
// Errors: ErrCorrupt (also for an envelope of another document), ErrUnsupported.
func (k *Keys) Open(b []byte) ([]byte, error) {
	e, err := ParseEnvelope(b)
	if err != nil {
		return nil, err
	}
	return k.open(e)
}

// OpenEphemeral decrypts presence, as Open does; Certificate.VerifyEphemeral proves the author.
func (k *Keys) OpenEphemeral(b []byte) ([]byte, error) {
	e, err := ParseEphemeral(b)
	if err != nil {
		return nil, err
	}
	return k.open(e)
}

func (k *Keys) open(e Envelope) ([]byte, error) {
	aead, err := k.cipher(e.Kind, e.Session)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonce(e.Header), e.ciphertext(), k.associated(e.open()))
	if err != nil {
		return nil, fmt.Errorf("%w: envelope %d of session %s does not decrypt", ErrCorrupt, e.Seq, e.Session)
	}
	return unpad(plain)
}

// cipher makes the content cipher of one kind in one session. Kinds and sessions share no key, so nothing sealed for
// one opens as another and their nonces need not differ.
func (k *Keys) cipher(kind Kind, session SessionID) (cipher.AEAD, error) {
	label, ok := contentLabels[kind]
	if !ok {
		return nil, fmt.Errorf("%w: content of kind %d", ErrUnsupported, kind)
	}
	block, err := aes.NewCipher(derive(k.content, session[:], label, keySize))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

var contentLabels = map[Kind]string{
	Update:      "freehold/1 update",
	Snapshot:    "freehold/1 snapshot",
	Ephemeral:   "freehold/1 ephemeral",
	SessionInfo: "freehold/1 session-info",
	Attest:      "freehold/1 attest",
	Pack:        "freehold/1 pack",
}

// associated is what the cipher authenticates besides the content: the document, the whole header, what is in clear.
func (k *Keys) associated(open []byte) []byte {
	return append(bytes.Clone(k.genesis.hash[:]), open...)
}

// nonce is salt ‖ 0000 ‖ seq. The seq never repeats in a session. The salt covers the one way a session could live
// twice, a cloned machine.
func nonce(h Header) []byte {
	out := make([]byte, 0, nonceSize)
	out = append(out, h.Salt[:]...)
	out = append(out, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint32(out, h.Seq)
}
