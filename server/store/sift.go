package store

import (
	"crypto/sha256"
	"errors"
	"io"
	"slices"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// sifter looks through what is no frame for what proves itself, wherever it begins: a genesis by its document's id, a certificate by
// the document's writers, an envelope by its session's signature. That a document was deleted proves nothing, and stays unseen.
type sifter struct {
	*wreck
	// wanted are sessions of which something is here, certs what may be certificates of those that have none.
	wanted map[seal.SessionID]bool
	certs  []candidate
	// tries are how many more documents may be asked whether a certificate is of theirs.
	tries int
}

// candidate may be a certificate, perhaps of one of some documents.
type candidate struct {
	session seal.SessionID
	cert    []byte
	docs    []*remains
}

// maxTries takes a minute.
const maxTries = 1 << 20

func (w *wreck) sift() error {
	s := &sifter{wreck: w, wanted: make(map[seal.SessionID]bool), tries: maxTries}
	for _, d := range w.docs {
		for id := range d.sessions {
			s.wanted[id] = true
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
func (s *sifter) beginnings(_ tear, b []byte) {
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

func (s *sifter) certificates(_ tear, b []byte) {
	for at := 0; at+seal.CertificateSize <= len(b); at++ {
		cert := b[at : at+seal.CertificateSize]
		id := seal.CertifiedSession(cert)
		if !s.wanted[id] {
			continue
		}
		c := candidate{session: id, cert: cert}
		// A record begins with its document, and may have a genesis and a successor before the certificate.
		for _, back := range []int{0, seal.GenesisSize, seal.SuccessorSize, seal.GenesisSize + seal.SuccessorSize} {
			if from := at - idOffset - back; from >= 0 && s.docs[seal.DocID(b[from:][:len(seal.DocID{})])] != nil {
				c.docs = append(c.docs, s.docs[seal.DocID(b[from:][:len(seal.DocID{})])])
			}
		}
		s.certs = append(s.certs, c)
	}
}

// admit gives certificates to the documents whose writers signed them: those named with them, those that know the session, or any.
func (s *sifter) admit() {
	for _, c := range s.certs {
		docs := c.docs
		for _, d := range s.docs {
			if d.sessions[c.session] != nil {
				docs = append(docs, d)
			}
		}
		isOf := func(d *remains) bool { return d.admits(c.session, c.cert) }
		if slices.ContainsFunc(docs, isOf) {
			continue
		}
		for _, d := range s.docs {
			if s.tries--; s.tries < 0 || isOf(d) {
				break
			}
		}
	}
	s.certs = nil
}

// admits takes a certificate that a writer of the document signed.
func (d *remains) admits(id seal.SessionID, cert []byte) bool {
	if d.genesis == nil {
		return false
	}
	if _, err := d.genesis.VerifyCertificate(cert); err != nil {
		return false
	}
	d.session(id).admit(cert)
	return true
}

func (s *sifter) envelopes(t tear, b []byte) {
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

func (s *sifter) admitted() map[seal.SessionID][]admitted {
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
