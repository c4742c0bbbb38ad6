package seal

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// maxForkRun is the most envelopes of one of the two runs of a proof. One is enough, but for a writer who leaves signatures bad.
const maxForkRun = 256

// Fork shows anybody who knows a document's id that a session of it signed two histories: two runs, each of which verifies, that say
// different things about one place of the session. It names no person, and it cannot be made without the session's key.
//
//	varint version | genesis 113 | certificate 96 | 2 × (varint n | n × (varint size | envelope))
type Fork struct {
	Session SessionID
	Seq     uint32 // the first place of which they disagree
	Runs    [2][]Envelope
}

// EncodeFork gives the bytes to keep. What is in them is for VerifyFork to judge.
func EncodeFork(genesis *Genesis, cert *Certificate, runs [2][][]byte) []byte {
	b := append([]byte{payloadVersion}, genesis.raw[:]...)
	b = append(b, cert.raw[:]...)
	for _, run := range runs {
		b = binary.AppendUvarint(b, uint64(len(run)))
		for _, e := range run {
			b = append(binary.AppendUvarint(b, uint64(len(e))), e...)
		}
	}
	return b
}

// VerifyFork judges a proof about a document. It takes no secret, but where a pack says something else than the envelopes it stands
// for: that is seen by who may read, and keys may be nil otherwise. ErrChain: the two runs can be of one history.
// Errors: also ErrCorrupt, ErrUnsupported, ErrWrongDocument, ErrSignature.
func VerifyFork(doc DocID, proof []byte, keys *Keys) (*Fork, error) {
	r := payloadReader{rest: proof}
	r.version()
	genesis, cert := r.take(GenesisSize), r.take(CertificateSize)
	if r.err != nil {
		return nil, r.err
	}
	g, err := ParseGenesisOf(doc, genesis)
	if err != nil {
		return nil, err
	}
	c, err := g.VerifyCertificate(cert)
	if err != nil {
		return nil, err
	}
	f := &Fork{Session: c.session}
	for i := range f.Runs {
		if f.Runs[i], err = r.run(); err != nil {
			return nil, err
		}
		if _, err := c.VerifyRun(nil, f.Runs[i]); err != nil {
			return nil, err
		}
	}
	if len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: bytes behind a proof", ErrCorrupt)
	}
	seq, found := disagree(f.Runs[0], f.Runs[1])
	if !found && keys != nil {
		seq, found, err = differ(keys, f.Runs)
	}
	if err == nil && !found {
		err = fmt.Errorf("%w: two runs of one history", ErrChain)
	}
	f.Seq = seq
	return f, err
}

// run reads a list of envelopes.
func (r *payloadReader) run() ([]Envelope, error) {
	n := r.varint()
	if n > maxForkRun {
		r.fail(ErrCorrupt, "a run of a proof that is too long")
	}
	var run []Envelope
	for range n {
		b := r.take(int(r.varint()))
		if r.err != nil {
			break
		}
		e, err := ParseEnvelope(b)
		if err != nil {
			return nil, err
		}
		run = append(run, e)
	}
	return run, r.err
}

// disagree finds the first place for which two runs name different hashes, or where two packs end that are not the same: a session
// packs up to a place once.
func disagree(a, b []Envelope) (seq uint32, found bool) {
	hashes := make(map[uint32]Hash)
	packs := make(map[uint32][]byte)
	for _, e := range a {
		if first := e.First(); first > 0 {
			hashes[first-1] = e.Prev
		}
		hashes[e.Seq] = e.Hash()
		if e.Kind == Pack {
			packs[e.Seq] = e.raw
		}
	}
	note := func(at uint32) {
		if !found || at < seq {
			seq, found = at, true
		}
	}
	for _, e := range b {
		if first := e.First(); first > 0 {
			if h, known := hashes[first-1]; known && h != e.Prev {
				note(first - 1)
			}
		}
		h, known := hashes[e.Seq]
		pack, isPack := packs[e.Seq]
		if known && h != e.Hash() || isPack && e.Kind == Pack && !bytes.Equal(pack, e.raw) {
			note(e.Seq)
		}
	}
	return seq, found
}

// differ finds the first place to which two runs give different contents.
func differ(keys *Keys, runs [2][]Envelope) (seq uint32, found bool, err error) {
	contents := make(map[uint32][]byte)
	for i, run := range runs {
		for _, e := range run {
			all, err := keys.contents(e)
			if err != nil {
				return 0, false, err
			}
			for j, c := range all {
				at := e.First() + uint32(j)
				if i == 0 {
					contents[at] = c
				} else if other, known := contents[at]; known && !bytes.Equal(other, c) && (!found || at < seq) {
					seq, found = at, true
				}
			}
		}
	}
	return seq, found, nil
}

// contents opens an update, or a pack, which has one for each of its places; nothing of other kinds. What does not decrypt, or is no pack,
// says nothing in any of its places. Errors: ErrUnsupported; ErrCorrupt for a pack of more places than bytes, before anything is made for them.
func (k *Keys) contents(e Envelope) ([][]byte, error) {
	if e.Kind != Update && e.Kind != Pack {
		return nil, nil
	}
	if e.Seq-e.First() >= e.Size {
		return nil, fmt.Errorf("%w: a pack of %d to %d in %d bytes", ErrCorrupt, e.First(), e.Seq, e.Size)
	}
	places := int(e.Seq-e.First()) + 1
	plain, err := k.open(e)
	contents := [][]byte{plain}
	if e.Kind == Pack && err == nil {
		var p PackPayload
		p, err = DecodePack(plain)
		contents = p.Contents
	}
	switch {
	case errors.Is(err, ErrUnsupported):
		return nil, err
	case err != nil, len(contents) != places:
		return make([][]byte, places), nil
	}
	return contents, nil
}

// ProveFork gives the proof that what came contradicts what is here; nil when it does not, or when one of the two is not signed.
// Both are envelopes of the session, in any order and with gaps: only runs are compared, each envelope of which follows the one before
// it. keys are for packs, and may be nil.
func ProveFork(genesis *Genesis, cert *Certificate, here, came []Envelope, keys *Keys) []byte {
	mine := runsOf(here)
	for _, b := range runsOf(came) {
		for _, a := range mine {
			if proof := proveFork(genesis, cert, [2][]Envelope{a, b}, keys); proof != nil {
				return proof
			}
		}
	}
	return nil
}

// runsOf parts envelopes of a session into runs that follow the chain.
func runsOf(envelopes []Envelope) (runs [][]Envelope) {
	type end struct {
		next uint32
		hash Hash
	}
	byEnd := map[end]int{}
	sorted := slices.SortedStableFunc(slices.Values(envelopes), func(a, b Envelope) int { return cmp.Compare(a.First(), b.First()) })
	for _, e := range sorted {
		before := end{e.First(), e.Prev}
		i, goesOn := byEnd[before]
		if goesOn {
			delete(byEnd, before)
			runs[i] = append(runs[i], e)
		} else {
			i = len(runs)
			runs = append(runs, []Envelope{e})
		}
		byEnd[end{e.Seq + 1, e.Hash()}] = i
	}
	return runs
}

// proveFork gives the proof that two runs contradict each other, or nil.
func proveFork(genesis *Genesis, cert *Certificate, both [2][]Envelope, keys *Keys) []byte {
	b := both[1]
	first, last := b[0].First(), b[len(b)-1].Seq
	var near []Envelope
	for _, e := range both[0] {
		if e.Seq+1 >= first && e.First() <= last+1 {
			near = append(near, e)
		}
	}
	seq, found := disagree(near, b)
	if !found && keys != nil {
		var err error
		if seq, found, err = differ(keys, [2][]Envelope{near, b}); err != nil {
			return nil
		}
	}
	if !found {
		return nil
	}
	var runs [2][][]byte
	for i, run := range both {
		if runs[i] = cert.signedFrom(run, seq); runs[i] == nil {
			return nil
		}
	}
	return EncodeFork(genesis, cert, runs)
}

// signedFrom gives the shortest run from a place on that verifies, mostly one envelope; nil for none.
func (c *Certificate) signedFrom(run []Envelope, seq uint32) (out [][]byte) {
	for len(run) > 0 && run[0].Seq < seq {
		run = run[1:]
	}
	for n := range run[:min(len(run), maxForkRun)] {
		out = append(out, run[n].raw)
		if _, err := c.VerifyRun(nil, run[:n+1]); err == nil {
			return out
		}
	}
	return nil
}
