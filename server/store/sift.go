package store

import (
	"crypto/sha256"
	"errors"
	"io"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// sifter looks through what is no frame for what proves itself, wherever it begins: a genesis by its document's id, a certificate by
// the document's writers, an envelope by its session's signature. That a document was deleted proves nothing, and stays unseen.
type sifter struct {
	*wreck
	// wanted are sessions of which something is here and perhaps no certificate, certs what may be one.
	wanted map[seal.SessionID]bool
	certs  map[seal.SessionID][][]byte
}

func (w *wreck) sift() error {
	s := sifter{w, make(map[seal.SessionID]bool), make(map[seal.SessionID][][]byte)}
	for _, d := range w.docs {
		for id, r := range d.sessions {
			if len(r.certs) == 0 {
				s.wanted[id] = true
			}
		}
	}
	// What names a session or a document comes before what belongs to one.
	for _, look := range []func(tear, []byte){s.beginnings, s.certificates, s.envelopes} {
		for _, t := range w.torn {
			b := make([]byte, t.to-t.from)
			if _, err := t.file.ReadAt(b, t.from); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			look(t, b)
		}
		s.admit()
	}
	return nil
}

// headerAt reads an envelope's header, where there is one and the whole envelope may be there.
func headerAt(b []byte) (h seal.Header, ok bool) {
	h, err := seal.ParseHeader(b)
	return h, err == nil && h.Kind.Chained() && h.Length() <= uint64(len(b))
}

// idOffset is how far behind its document's id a genesis lies in a record.
const idOffset = len(seal.DocID{}) + 1 + len(seal.SessionID{})

// beginnings finds genesis and what sessions there are. A genesis says nothing of itself: its document must be known, or be named before it.
func (s sifter) beginnings(_ tear, b []byte) {
	for at := range b {
		if h, ok := headerAt(b[at:]); ok {
			s.wanted[h.Session] = true
		}
		if len(b)-at < seal.GenesisSize {
			continue
		}
		sum := sha256.Sum256(b[at : at+seal.GenesisSize])
		id := seal.DocID(sum[:len(seal.DocID{})])
		if s.docs[id] != nil || at >= idOffset && id == seal.DocID(b[at-idOffset:][:len(id)]) {
			s.remains(id).learn(id, b[at:at+seal.GenesisSize], nil)
		}
	}
}

func (s sifter) certificates(_ tear, b []byte) {
	for at := 0; at+seal.CertificateSize <= len(b); at++ {
		cert := b[at : at+seal.CertificateSize]
		if id := seal.CertifiedSession(cert); s.wanted[id] {
			s.certs[id] = append(s.certs[id], cert)
		}
	}
}

// admit gives certificates to the documents whose writers signed them.
func (s sifter) admit() {
	for id, certs := range s.certs {
		for _, cert := range certs {
			for _, d := range s.docs {
				if d.genesis == nil {
					continue
				}
				if _, err := d.genesis.VerifyCertificate(cert); err == nil {
					d.session(id).admit(cert)
				}
			}
		}
	}
	clear(s.certs)
}

func (s sifter) envelopes(t tear, b []byte) {
	certs := s.admitted()
	for at := 0; at < len(b); at++ {
		h, ok := headerAt(b[at:])
		if !ok {
			continue
		}
		for _, a := range certs[h.Session] {
			raw := b[at : at+int(h.Length())]
			e, err := seal.ParseEnvelope(raw)
			if err != nil {
				break
			}
			if _, err := a.cert.VerifyRun(nil, []seal.Envelope{e}); err == nil {
				offset := t.from + int64(at)
				a.doc.keep(t.number, offset, wire.Entry{Cursor: s.cursors[spot{t.number, uint32(offset)}], Envelope: raw})
				at += len(raw) - 1
				break
			}
		}
	}
}

// admitted is a certificate that a document's writers signed.
type admitted struct {
	doc  *remains
	cert *seal.Certificate
}

func (s sifter) admitted() map[seal.SessionID][]admitted {
	all := make(map[seal.SessionID][]admitted)
	for _, d := range s.docs {
		for id, r := range d.sessions {
			if !s.wanted[id] {
				continue
			}
			if cert := d.certificate(r); cert != nil {
				all[id] = append(all[id], admitted{d, cert})
			}
		}
	}
	return all
}
