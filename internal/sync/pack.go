package sync

// A pack costs a seal and its contents once more, and saves each envelope of its run header, padding and signature.
const (
	packLeast    = 32      // fewer are not worth it
	packMost     = 256     // so many are packed although their writer goes on
	packQuiet    = 2_000   // milliseconds without an edit after which fewer are
	packEnvelope = 4 << 10 // bytes of an envelope of which its own make little
	packBytes    = 512 << 10
)

// packing folds the own session on the relay, so that typing does not cost it an envelope per keystroke for ever (S14).
type packing struct {
	first   uint32   // what is before it is packed, or stays as it is
	sizes   []uint32 // of the own envelopes from first on, 0 for what is not to be packed
	to      uint32   // end of the run that is on its way, exclusive; 0: none
	quietAt int64
	blocked bool // the relay refused one, until the next connection
}

// note takes an own envelope in that is stored.
func (p *packing) note(size uint32, isUpdate bool, now int64) {
	if !isUpdate || size > packEnvelope {
		size = 0
	}
	p.sizes = append(p.sizes, size)
	p.quietAt = now + packQuiet
}

// pass lets go of everything before next: it is packed, or stays as it is.
func (p *packing) pass(next uint32) {
	p.sizes = append(p.sizes[:0], p.sizes[next-p.first:]...)
	p.first = next
}

// run is how many of the first n make a pack, or how many are in the way of one.
func (p *packing) run(n uint32) (packed, passed uint32) {
	bytes := uint32(0)
	for i := range min(n, packMost) {
		if p.sizes[i] == 0 || bytes+p.sizes[i] > packBytes {
			if i < packLeast {
				return 0, max(i, 1)
			}
			return i, 0
		}
		bytes += p.sizes[i]
	}
	return min(n, packMost), 0
}

// packNext has the next run packed when that pays.
func (m *Machine) packNext(d *document) {
	p := &d.packing
	s := d.lookup(d.own)
	if s == nil || p.to != 0 || p.blocked || !d.outbox.welcomed || d.outbox.blocked || s.blocked || s.frozen || s.begin > p.first {
		return
	}
	for {
		n := min(s.relay, s.next) - min(s.relay, s.next, p.first)
		packed, passed := p.run(n)
		if passed > 0 {
			p.pass(p.first + passed)
			continue
		}
		if packed < packLeast || packed == n && n < packMost && m.now < p.quietAt {
			return
		}
		p.to = p.first + packed
		m.emit(Pack{m.conn.id, d.id, p.first, p.to - 1})
		return
	}
}

// packed ends a run, whatever became of it: another pack with the same end cannot be sealed, and what is single may stay so.
func (m *Machine) packed(e Packed) {
	d := m.find(e.Doc)
	if !m.heard(e.Conn) || d == nil || d.packing.to == 0 {
		return
	}
	d.packing.end()
	d.packing.blocked = e.Problem != NoProblem && !e.Problem.passing() && !e.Problem.ofDevice()
}

func (p *packing) end() {
	if p.to != 0 {
		p.pass(p.to)
		p.to = 0
	}
}

// disconnected: whether the relay took the pack is not known, and does not matter.
func (p *packing) disconnected() {
	p.end()
	p.blocked = false
}

// due is when a run may be long enough to be packed.
func (p *packing) due() int64 {
	if len(p.sizes) < packLeast {
		return 0
	}
	return p.quietAt
}
