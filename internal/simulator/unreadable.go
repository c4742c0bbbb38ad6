package simulator

import (
	"crypto/ed25519"
	"crypto/sha256"
	"math/rand/v2"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// spoiler is what a cheater has who writes what nobody can read.
type spoiler struct {
	signer ed25519.PrivateKey // of its session
	said   [][]byte
}

// signer is the key that a session draws first from this source.
func signer(seed [32]byte) ed25519.PrivateKey {
	key := make([]byte, ed25519.SeedSize)
	_, _ = rand.NewChaCha8(seed).Read(key)
	return ed25519.NewKeyFromSeed(key)
}

// unreadable writes what every relay takes and nobody can read: updates and packs, well signed, whose content does not decrypt or does not
// decode, between some that are as they should be.
func (c *cheater) unreadable(r *Relay) {
	switch c.world.rand.IntN(4) {
	case 0:
		c.give(r, c.sealed(c.edit(r)))
	case 1:
		c.give(r, c.sealed(c.junk()))
	case 2: // what follows it was sealed behind another one, which a pack does not show
		bad := c.garbled(c.sealed(c.edit(r)))
		c.give(r, bad)
		e, err := seal.ParseEnvelope(bad)
		must(err)
		c.give(r, c.pack(r, func(seal.Hash) seal.Hash { return e.Hash() }))
	case 3:
		c.give(r, c.pack(r, func(before seal.Hash) seal.Hash { return before }))
	}
}

// give brings a relay an envelope, and what leads up to it.
func (c *cheater) give(r *Relay, envelope []byte) {
	c.said = append(c.said, envelope)
	if c.putAll(r, &wire.Append{Doc: c.world.cast.doc, Cert: c.session.Certificate().Bytes(), Envelopes: c.said}) {
		c.world.tally.Cheats[Unreadable]++
	}
}

func (c *cheater) sealed(plain []byte) []byte {
	envelope, err := c.session.Seal(seal.Update, plain)
	must(err)
	return envelope
}

// pack seals a run that nobody else gets. What the first names as its predecessor is said otherwise.
func (c *cheater) pack(r *Relay, before func(seal.Hash) seal.Hash) []byte {
	var p seal.PackPayload
	var run []seal.Envelope
	for range 2 + c.world.rand.IntN(3) {
		plain := c.edit(r)
		e, err := seal.ParseEnvelope(c.sealed(plain))
		must(err)
		p.Contents, run = append(p.Contents, plain), append(run, e)
	}
	how := c.world.rand.IntN(5)
	switch how {
	case 0: // one of them
		p.Contents[c.world.rand.IntN(len(run))] = c.junk()
	case 1:
		p.Contents = p.Contents[1:]
	}
	plain := p.Encode()
	if how == 2 {
		plain = c.junk()
	}
	first, last := run[0], run[len(run)-1]
	envelope, err := c.session.SealPack(first.Seq, last.Seq, before(first.Prev), last.Hash(), plain)
	must(err)
	if how == 3 {
		return c.garbled(envelope)
	}
	return envelope
}

// edit is the content of its next one.
func (c *cheater) edit(r *Relay) []byte {
	if p := c.next(r, c.doc); p != nil {
		return p.Encode()
	}
	return c.junk()
}

// junk is of this version and no content: more heads than there are bytes, or none at all.
func (c *cheater) junk() []byte {
	junk := make([]byte, c.world.rand.IntN(60))
	_, _ = c.world.source.Read(junk)
	return slices.Concat([]byte{0, 0xff, 0xff, 0xff, 0x0f}, junk)[:c.world.rand.IntN(5+len(junk))]
}

// garbled changes the ciphertext and signs it again (docs/ENVELOPE.md).
func (c *cheater) garbled(envelope []byte) []byte {
	e, err := seal.ParseEnvelope(envelope)
	must(err)
	end := len(envelope) - ed25519.SignatureSize
	open := envelope[:end-int(e.Size)]
	ciphertext := slices.Clone(envelope[len(open):end])
	ciphertext[c.world.rand.IntN(len(ciphertext))] ^= 1 << c.world.rand.IntN(8)
	genesis, digest := sha256.Sum256(c.world.cast.genesis), sha256.Sum256(ciphertext)
	message := slices.Concat([]byte("freehold/1 envelope\x00"), genesis[:], open, digest[:])
	return slices.Concat(open, ciphertext, ed25519.Sign(c.signer, message))
}
