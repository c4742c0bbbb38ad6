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
// later one of its chain verifies. A pack is not in the hashes of what follows it, so its own signature is verified too.
//
// head is nil where nothing of the session is known: then the run may begin at any seq, except that seq 0 always
// follows the certificate. Errors: ErrChain, ErrSignature. The hashes are those of the envelopes.
func (c *Certificate) VerifyRun(head *Head, run []Envelope) ([]Hash, error) {
	if len(run) == 0 {
		return nil, fmt.Errorf("%w: empty run", ErrChain)
	}
	hashes := make([]Hash, len(run))
	for i, e := range run {
		if err := c.follows(head, e); err != nil {
			return nil, err
		}
		hashes[i] = e.Hash()
		head = &Head{e.Seq, hashes[i]}
		if e.Kind == Pack || i == len(run)-1 {
			if err := c.signed(e); err != nil {
				return nil, err
			}
		}
	}
	return hashes, nil
}

// VerifyEphemeral proves that an ephemeral envelope was written by this session. That the named head is one of the
// session's is for those who know its chain. Errors: ErrChain, ErrSignature.
func (c *Certificate) VerifyEphemeral(e Envelope) error {
	if e.Session != c.session || e.Kind != Ephemeral {
		return fmt.Errorf("%w: kind %d of session %s as presence of %s", ErrChain, e.Kind, e.Session, c.session)
	}
	return c.signed(e)
}

func (c *Certificate) signed(e Envelope) error {
	ciphertext, signature := e.signed()
	if !verify(c.key(), envelopeMessage(c.genesis, e.open(), ciphertext), signature) {
		return fmt.Errorf("%w: envelope %d of session %s", ErrSignature, e.Seq, c.session)
	}
	return nil
}

// follows checks that e is the next envelope of the session after head (nil: unknown).
func (c *Certificate) follows(head *Head, e Envelope) error {
	h, first := e.Header, e.First()
	if h.Session != c.session {
		return fmt.Errorf("%w: envelope of session %s in a run of %s", ErrChain, h.Session, c.session)
	}
	if first == 0 && h.Prev != c.hash {
		return fmt.Errorf("%w: envelope 0 of session %s does not follow its certificate", ErrChain, c.session)
	}
	if head == nil {
		return nil
	}
	// In 64 bits: after the last possible seq there is no next one.
	if uint64(first) != uint64(head.Seq)+1 {
		return fmt.Errorf("%w: envelope %d of session %s after %d", ErrChain, first, c.session, head.Seq)
	}
	if h.Prev != head.Hash {
		return fmt.Errorf("%w: envelope %d of session %s follows another %d", ErrChain, h.Seq, c.session, head.Seq)
	}
	return nil
}
