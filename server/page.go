package server

import (
	"fmt"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// Page collects the entries of one Batch, with each session's certificate at its first envelope.
type Page struct {
	Entries []wire.Entry
	size    int
	given   map[seal.SessionID]bool
}

// Full reports whether an envelope of this size belongs on the next page.
func (p *Page) Full(limit, size int) bool {
	return p.size+size > limit || len(p.Entries) == wire.MaxRun
}

// Add puts an entry on the page, with what it covers. cert is asked for at the session's first envelope only.
func (p *Page) Add(e wire.Entry, id seal.SessionID, retention Retention, cert func() []byte) {
	e.Covers = retention.Covers(e.Cursor)
	if !p.given[id] {
		if p.given == nil {
			p.given = make(map[seal.SessionID]bool)
		}
		p.given[id] = true
		e.Cert = cert()
	}
	p.Entries = append(p.Entries, e)
	p.size += len(e.Envelope)
}

// SessionOf reads whose envelope this is.
func SessionOf(envelope []byte) (seal.SessionID, error) {
	h, err := seal.ParseHeader(envelope)
	if err != nil {
		return seal.SessionID{}, fmt.Errorf("server: stored envelope: %w", err)
	}
	return h.Session, nil
}
