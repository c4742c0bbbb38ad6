package seal

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"math"
)

// Session writes one run of envelopes. Its private key exists in memory only: a process that restarts, or is
// restored from a backup, begins a new session, so no (session, seq) is ever sealed twice. Not for concurrent use.
type Session struct {
	keys   *Keys
	cert   *Certificate
	key    ed25519.PrivateKey
	random io.Reader
	next   uint64
	prev   Hash
}

// NewSession makes a key pair and certifies it. random feeds it, and every nonce later. ErrRights for a reader.
func (k *Keys) NewSession(random io.Reader) (*Session, error) {
	if k.rights < Write {
		return nil, fmt.Errorf("%w: a read link cannot begin a session", ErrRights)
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, err
	}
	key := ed25519.NewKeyFromSeed(seed)
	public := publicKey(key)
	signature := ed25519.Sign(k.write, certificateMessage(k.genesis.hash, public))
	cert, err := k.genesis.VerifyCertificate(append(public, signature...))
	if err != nil {
		return nil, err
	}
	return &Session{keys: k, cert: cert, key: key, random: random, prev: cert.Hash()}, nil
}

// Certificate is what others need to verify the session.
func (s *Session) Certificate() *Certificate { return s.cert }

// Seal makes the session's next envelope. The caller stores the bytes before it sends them, and sends the same bytes
// again after a failure: there is no second envelope for one seq.
func (s *Session) Seal(kind Kind, plain []byte) ([]byte, error) {
	if s.next > math.MaxUint32 {
		return nil, errors.New("seal: the session is full")
	}
	var salt [4]byte
	if _, err := io.ReadFull(s.random, salt[:]); err != nil {
		return nil, err
	}
	b, err := s.seal(kind, uint32(s.next), s.prev, salt, plain)
	if err != nil {
		return nil, err
	}
	s.next++
	s.prev = Envelope{raw: b}.Hash()
	return b, nil
}

// seal is Seal with everything given; the same arguments give the same bytes in every implementation.
func (s *Session) seal(kind Kind, seq uint32, prev Hash, salt [4]byte, plain []byte) ([]byte, error) {
	return s.sealPadded(kind, seq, prev, salt, pad(plain))
}

func (s *Session) sealPadded(kind Kind, seq uint32, prev Hash, salt [4]byte, content []byte) ([]byte, error) {
	aead, err := s.keys.cipher(kind, s.cert.session)
	if err != nil {
		return nil, err
	}
	size := len(content) + tagSize
	if uint64(size) > math.MaxUint32 {
		return nil, errors.New("seal: content over 4 GiB")
	}
	h := Header{kind, seq, uint32(size), salt, s.cert.session, prev}
	b := h.append(make([]byte, 0, HeaderSize+size+ed25519.SignatureSize))
	header := b[:HeaderSize:HeaderSize]
	b = aead.Seal(b, nonce(h), content, s.keys.associated(header))
	message := envelopeMessage(s.keys.genesis.hash, header, b[HeaderSize:])
	return append(b, ed25519.Sign(s.key, message)...), nil
}
