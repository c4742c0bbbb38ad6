package seal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
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
	// Presence has a lane of its own: its seqs count by themselves and its key is another.
	nextEphemeral uint64
	// packed is the seq behind the last pack: two packs of one seq could meet in a nonce.
	packed uint64
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
	if !kind.Chained() {
		return nil, fmt.Errorf("%w: kind %d in a chain", ErrUnsupported, kind)
	}
	salt, err := s.salt(s.next)
	if err != nil {
		return nil, err
	}
	b, err := s.seal(kind, uint32(s.next), s.prev, salt, nil, plain)
	if err != nil {
		return nil, err
	}
	s.advance(b)
	return b, nil
}

// SealAttest makes the session's next envelope of what somebody found who checked a snapshot. reason is for people, empty
// when it is sound.
func (s *Session) SealAttest(snapshot Hash, verdict Verdict, reason string) ([]byte, error) {
	salt, err := s.salt(s.next)
	if err != nil {
		return nil, err
	}
	clear := append(snapshot[:], byte(verdict))
	b, err := s.seal(Attest, uint32(s.next), s.prev, salt, clear, NotePayload{reason}.Encode())
	if err != nil {
		return nil, err
	}
	s.advance(b)
	return b, nil
}

// SealEphemeral seals presence. It is outside the chain and names the session's head at this moment, so whoever sees it can tell
// whether a relay shows him the same history.
func (s *Session) SealEphemeral(plain []byte) ([]byte, error) {
	salt, err := s.salt(s.nextEphemeral)
	if err != nil {
		return nil, err
	}
	b, err := s.seal(Ephemeral, uint32(s.nextEphemeral), s.prev, salt, nil, plain)
	if err == nil {
		s.nextEphemeral++
	}
	return b, err
}

// SealPack puts the session's own updates [first, last] into one envelope that takes their place on a relay. before is what the
// first of them names as its predecessor, end the hash of the last one; plain is a PackPayload. Packs of a session must end one
// behind the other.
func (s *Session) SealPack(first, last uint32, before, end Hash, plain []byte) ([]byte, error) {
	if first >= last || uint64(last) >= s.next || uint64(last) < s.packed {
		return nil, fmt.Errorf("seal: no pack of %d to %d in a session of %d, packed up to %d", first, last, s.next, s.packed)
	}
	salt, err := s.salt(uint64(last))
	if err != nil {
		return nil, err
	}
	clear := append(binary.BigEndian.AppendUint32(nil, first), end[:]...)
	b, err := s.seal(Pack, last, before, salt, clear, plain)
	if err == nil {
		s.packed = uint64(last) + 1
	}
	return b, err
}

func (s *Session) advance(b []byte) {
	s.next++
	s.prev = sha256.Sum256(b)
}

func (s *Session) salt(seq uint64) (salt [4]byte, err error) {
	if seq > math.MaxUint32 {
		return salt, errors.New("seal: the session is full")
	}
	_, err = io.ReadFull(s.random, salt[:])
	return salt, err
}

// seal is Seal with everything given; the same arguments give the same bytes in every implementation.
func (s *Session) seal(kind Kind, seq uint32, prev Hash, salt [4]byte, clear, plain []byte) ([]byte, error) {
	return s.sealPadded(kind, seq, prev, salt, clear, pad(plain))
}

func (s *Session) sealPadded(kind Kind, seq uint32, prev Hash, salt [4]byte, clear, content []byte) ([]byte, error) {
	if len(clear) != kind.clear() {
		return nil, fmt.Errorf("seal: kind %d with %d bytes in clear", kind, len(clear))
	}
	aead, err := s.keys.cipher(kind, s.cert.session)
	if err != nil {
		return nil, err
	}
	size := len(content) + tagSize
	if uint64(size) > math.MaxUint32 {
		return nil, errors.New("seal: content over 4 GiB")
	}
	h := Header{kind, seq, uint32(size), salt, s.cert.session, prev}
	b := append(h.append(make([]byte, 0, HeaderSize+len(clear)+size+ed25519.SignatureSize)), clear...)
	open := b[:len(b):len(b)]
	b = aead.Seal(b, nonce(h), content, s.keys.associated(open))
	message := envelopeMessage(s.keys.genesis.hash, open, sha256.Sum256(b[len(open):]))
	return append(b, ed25519.Sign(s.key, message)...), nil
}
