package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"
)

func TestBrokenChainsAreRefused(t *testing.T) {
	d := newDocument(t, 7)
	v := chainVectors(t, d)
	hash := Hash(v.Cases[1].After) // of envelope 1
	for _, c := range v.Cases {
		var head *Head
		if c.After != nil {
			head = &Head{c.AfterSeq, Hash(c.After)}
		}
		err := d.verify(head, raw(c.Run)...)
		if c.Accept && err != nil || !c.Accept && !errors.Is(err, ErrChain) {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	// What a hash alone does not tell.
	skipped, err := d.session.seal(Update, 5, hash, [4]byte{}, nil, []byte("five after one"))
	must(t, err)
	if err := d.verify(&Head{1, hash}, skipped); !errors.Is(err, ErrChain) {
		t.Errorf("seq skipped by its own writer: %v", err)
	}
	if err := d.verify(&Head{1<<32 - 1, hash}, skipped); !errors.Is(err, ErrChain) {
		t.Errorf("after the last possible seq: %v", err)
	}
}

// chainVectors are runs of one session, honest and not; its writer itself signed the forks.
func chainVectors(t *testing.T, d *document) chainVector {
	t.Helper()
	v := chainVector{Read: d.secrets[Read][:], Genesis: d.genesis.Bytes(), Doc: d.genesis.Doc().String(), Certificate: d.session.cert.Bytes()}
	seal := func(seq uint32, prev Hash, text string) (hexed, Hash) {
		b, err := d.session.seal(Update, seq, prev, [4]byte{}, nil, []byte(text))
		must(t, err)
		return b, Envelope{raw: b}.Hash()
	}
	e0, h0 := seal(0, d.session.cert.Hash(), "zero")
	e1, h1 := seal(1, h0, "one")
	e2, h2 := seal(2, h1, "two")
	e3, h3 := seal(3, h2, "three")
	fork1, forked := seal(1, h0, "another one")
	fork2, _ := seal(2, forked, "two on the fork")
	orphan, _ := seal(0, Hash{}, "zero after nothing")
	skipped, _ := seal(5, h3, "five after three")
	add := func(accept bool, name string, seq uint32, after *Hash, run ...hexed) {
		c := chainCase{Name: name, AfterSeq: seq, Run: append([]hexed{}, run...), Accept: accept}
		if after != nil {
			c.After = bytes.Clone(after[:])
		}
		v.Cases = append(v.Cases, c)
	}
	add(true, "whole", 0, nil, e0, e1, e2, e3)
	add(true, "continues", 1, &h1, e2, e3)
	add(true, "begins in the middle", 0, nil, e2, e3)
	add(true, "fork by itself", 0, nil, e0, fork1, fork2)
	add(false, "empty", 0, nil)
	add(false, "reordered", 0, nil, e0, e2, e1, e3)
	add(false, "dropped from the middle", 0, nil, e0, e1, e3)
	add(false, "repeated", 0, nil, e0, e0)
	add(false, "gap after the head", 0, &h0, e2, e3)
	add(false, "before the head", 2, &h2, e1)
	add(false, "fork after the head", 1, &h1, fork2)
	add(false, "fork inside", 0, nil, e0, e1, fork2)
	add(false, "seq 0 not after the certificate", 0, nil, orphan)
	add(false, "seq 0 after an envelope", 3, &h3, e0)
	add(false, "seq skipped by its own writer", 2, &h2, e3, skipped)
	renamed := bytes.Clone(e1)
	renamed[16] ^= 1
	add(false, "under the name of another session", 0, nil, d.resign(renamed))

	for _, c := range []struct {
		name    string
		content []byte
		accept  bool
	}{
		{"padded as it should be", pad([]byte("content")), true},
		{"padded more than needed", append(pad([]byte("content")), make([]byte, 4)...), false},
		{"padded less than the floor", []byte("content\x80"), false},
		{"no marker", make([]byte, padFloor), false},
		{"nothing", nil, false},
	} {
		b, err := d.session.sealPadded(Update, 0, d.session.cert.Hash(), [4]byte{}, nil, c.content)
		must(t, err)
		v.Contents = append(v.Contents, contentCase{c.name, b, c.accept})
	}
	return v
}

// resign makes the signature of a changed envelope good again: a writer can do that.
func (d *document) resign(b []byte) []byte {
	end := len(b) - ed25519.SignatureSize
	message := envelopeMessage(d.genesis.hash, b[:HeaderSize], sha256.Sum256(b[HeaderSize:end]))
	return append(b[:end:end], ed25519.Sign(d.session.key, message)...)
}

func TestOddContentIsRefused(t *testing.T) {
	d := newDocument(t, 7)
	for _, c := range chainVectors(t, d).Contents {
		if _, err := d.keys[Read].Open(c.Bytes); c.Accept && err != nil || !c.Accept && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

func raw(run []hexed) [][]byte {
	var out [][]byte
	for _, b := range run {
		out = append(out, b)
	}
	return out
}

// An envelope with a bad signature is held, not condemned: its writer may vouch for it with the next one.
func TestLaterSignatureVouchesForEarlier(t *testing.T) {
	d := newDocument(t, 1)
	unsigned := d.seal(t, "signed badly by its own writer")[0]
	unsigned[len(unsigned)-1] ^= 1
	d.session.prev = Envelope{raw: unsigned}.Hash()
	next := d.seal(t, "signed well")[0]
	if err := d.verify(nil, unsigned); !errors.Is(err, ErrSignature) {
		t.Errorf("by itself: %v", err)
	}
	must(t, d.verify(nil, unsigned, next))
}
