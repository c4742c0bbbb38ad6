package seal

import "fmt"

// Head is where a session stands: its last envelope.
type Head struct {
	Seq  uint32
	Hash Hash
}

// VerifyRun proves that consecutive envelopes were written by this session, in this order, and continue it at head.
// It needs no secret: it is the whole of what a blind relay checks, except sizes and quotas. The last envelope's
// hash and seq are the session's new head.
//
// One signature is enough. Every envelope contains the hash of the one before it, signature included, so the last
// signature vouches for all of them. The reverse matters too: an envelope whose own signature is bad stands once a
// later one of its chain verifies.
//
// head is nil where nothing of the session is known: then the run may begin at any seq, except that seq 0 always
// follows the certificate. Errors: ErrChain, ErrSignature. The hashes are those of the envelopes.
func (c *Certificate) VerifyRun(head *Head, run []Envelope) ([]Hash, error) {
	if len(run) == 0 {
		return nil, fmt.Errorf("%w: empty run", ErrChain)
	}
	hashes := make([]Hash, len(run))
	for i, e := range run {
		if err := c.follows(head, e.Header); err != nil {
			return nil, err
		}
		hashes[i] = e.Hash()
		head = &Head{e.Seq, hashes[i]}
	}
	last := run[len(run)-1]
	if !verify(c.key(), envelopeMessage(c.genesis, last.header(), last.ciphertext()), last.signature()) {
		return nil, fmt.Errorf("%w: envelope %d of session %s", ErrSignature, last.Seq, c.session)
	}
	return hashes, nil
}

// follows checks that h is the next envelope of the session after head (nil: unknown).
func (c *Certificate) follows(head *Head, h Header) error {
	if h.Session != c.session {
		return fmt.Errorf("%w: envelope of session %s in a run of %s", ErrChain, h.Session, c.session)
	}
	if h.Seq == 0 && h.Prev != c.hash {
		return fmt.Errorf("%w: envelope 0 of session %s does not follow its certificate", ErrChain, c.session)
	}
	if head == nil {
		return nil
	}
	// In 64 bits: after the last possible seq there is no next one.
	if uint64(h.Seq) != uint64(head.Seq)+1 {
		return fmt.Errorf("%w: envelope %d of session %s after %d", ErrChain, h.Seq, c.session, head.Seq)
	}
	if h.Prev != head.Hash {
		return fmt.Errorf("%w: envelope %d of session %s follows another %d", ErrChain, h.Seq, c.session, head.Seq)
	}
	return nil
}
