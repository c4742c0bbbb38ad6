package simulator

import (
	"bytes"
	"maps"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
)

// compare looks what came for a place that is here (js/src/vault/forks.ts): where it says something else, both are kept.
func (d *hub) compare(e sync.Compare) {
	byFirst := map[sync.SessionID][]seal.Envelope{}
	for _, r := range e.Refs {
		p, err := seal.ParseEnvelope(d.ref(r).bytes)
		must(err)
		byFirst[sync.SessionID(p.Session)] = append(byFirst[sync.SessionID(p.Session)], p)
		delete(d.refs, r)
	}
	sessions := slices.SortedFunc(maps.Keys(byFirst), func(a, b sync.SessionID) int { return bytes.Compare(a[:], b[:]) })
	d.later(func() {
		for _, s := range sessions {
			if proof := d.prove(s, byFirst[s]); proof != nil {
				d.keepProof(s, proof)
			}
		}
	})
}

// prove compares each envelope, and the run that those behind it make with it.
func (d *hub) prove(s sync.SessionID, came []seal.Envelope) []byte {
	stored := d.read()
	cert, err := d.world.certificate(d.certs[s])
	if err != nil || stored.proofs[s] != nil {
		return nil
	}
	known := map[string]bool{}
	var here []seal.Envelope
	for _, x := range stored.runs[s] {
		p, err := seal.ParseEnvelope(x.bytes)
		must(err)
		here = append(here, p)
		known[string(x.bytes)] = true
	}
	came = slices.DeleteFunc(came, func(c seal.Envelope) bool { return known[string(c.Bytes())] })
	slices.SortStableFunc(came, func(a, b seal.Envelope) int { return int(a.Seq) - int(b.Seq) })
	for i := range came {
		run := came[i : i+1]
		for _, next := range came[i+1:] {
			if next.First() == run[len(run)-1].Seq+1 {
				run = append(run[:len(run):len(run)], next)
			}
		}
		if proof := seal.ProveFork(d.keys.Genesis(), cert, here, run, d.keys); proof != nil {
			return proof
		}
	}
	return nil
}

func (d *hub) keepProof(s sync.SessionID, proof []byte) {
	if _, err := seal.VerifyFork(d.world.cast.doc, proof, d.keys); err != nil {
		d.fail(Broken, "a proof of a fork is none: %v", err)
	}
	for _, disk := range d.disks {
		if !disk.full {
			disk.proofs[s] = proof
		}
	}
	d.world.noticed(d.Device, "fork")
	d.step(sync.Proven{Doc: d.doc, Session: s})
	d.tell(func(other *hub) { other.step(sync.Proven{Doc: other.doc, Session: s}) })
}

// frozen lists the sessions of which a proof is kept.
func (h *held) frozen() []sync.SessionID {
	return slices.SortedFunc(maps.Keys(h.proofs), func(a, b sync.SessionID) int { return bytes.Compare(a[:], b[:]) })
}
