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
	came := map[sync.SessionID][]seal.Envelope{}
	if e.Session != (sync.SessionID{}) {
		came[e.Session] = nil
	}
	for _, r := range e.Refs {
		p, err := seal.ParseEnvelope(d.ref(r).bytes)
		must(err)
		came[sync.SessionID(p.Session)] = append(came[sync.SessionID(p.Session)], p)
		delete(d.refs, r)
	}
	sessions := slices.SortedFunc(maps.Keys(came), func(a, b sync.SessionID) int { return bytes.Compare(a[:], b[:]) })
	d.later(func() {
		for _, s := range sessions {
			d.prove(s, came[s])
		}
	})
}

// prove holds what came of a session, and what is on the disks beside its run, against the run. Where they contradict each other both are kept.
func (d *hub) prove(s sync.SessionID, came []seal.Envelope) {
	stored := d.read()
	cert, err := d.world.certificate(d.certs[s])
	if err != nil || len(stored.proofs[s]) > 0 {
		return
	}
	known := map[string]bool{}
	var here []seal.Envelope
	for _, x := range stored.runs[s] {
		here = append(here, must1(seal.ParseEnvelope(x.bytes)))
		known[string(x.bytes)] = true
	}
	for _, x := range written(s, d.disks...) {
		came = append(came, must1(seal.ParseEnvelope(x.bytes)))
	}
	came = slices.DeleteFunc(came, func(c seal.Envelope) bool { return known[string(c.Bytes())] })
	proof := seal.ProveFork(d.keys.Genesis(), cert, here, came, d.keys)
	if proof == nil {
		if stored.proofs[s] == nil && stored.contradicts(cert, came) {
			d.step(sync.Proven{Doc: d.doc, Session: s, Bare: true})
		}
		return
	}
	if _, err := seal.VerifyFork(d.world.cast.doc, proof, d.keys); err != nil {
		d.fail(Broken, "a proof of a fork is none: %v", err)
	}
	d.keep(s, proof)
	d.world.noticed(d.Device, "fork")
	d.step(sync.Proven{Doc: d.doc, Session: s})
	d.tell(func(other *hub) { other.step(sync.Proven{Doc: other.doc, Session: s}) })
}

// contradicts reports whether something else came for the last place of a session that the snapshots cover: of that its hash is left.
func (h *held) contradicts(cert *seal.Certificate, came []seal.Envelope) bool {
	return slices.ContainsFunc(came, func(c seal.Envelope) bool {
		if !slices.ContainsFunc(h.covers, func(x sync.Head) bool {
			return x.Session == sync.SessionID(c.Session) && x.Seq == c.Seq && !x.Hash.Same(sync.Hash(c.Hash()))
		}) {
			return false
		}
		_, err := cert.VerifyRun(nil, []seal.Envelope{c})
		return err == nil
	})
}

// keepForked remembers that a session forked, and tells the other hubs.
func (d *hub) keepForked(s sync.SessionID) {
	d.world.noticed(d.Device, "fork without a proof")
	d.tell(func(other *hub) { other.step(sync.Proven{Doc: other.doc, Session: s, Bare: true}) })
	d.keep(s, []byte{})
}

// keep writes a proof, or without one that a session forked. What no disk takes is tried again with the next envelopes that one took.
func (d *Device) keep(s sync.SessionID, proof []byte) {
	if len(proof) == 0 && d.unkept[s] != nil {
		proof = d.unkept[s]
	}
	d.unkept[s] = proof
	for _, disk := range d.disks {
		if disk.full {
			continue
		}
		delete(d.unkept, s)
		if len(proof) > 0 || disk.proofs[s] == nil {
			disk.proofs[s] = proof
		}
	}
}

// keepAgain is for when a disk took something.
func (d *Device) keepAgain() {
	for s, proof := range maps.Clone(d.unkept) {
		d.keep(s, proof)
	}
}

// frozen lists the sessions that forked.
func (h *held) frozen() []sync.SessionID {
	return slices.SortedFunc(maps.Keys(h.proofs), func(a, b sync.SessionID) int { return bytes.Compare(a[:], b[:]) })
}
