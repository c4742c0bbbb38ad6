package simulator

import (
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/internal/sync"
	"github.com/freehold-dev/freehold/server/wire"
)

// sayPresence seals what this session has, and gives it to the relay (js/src/vault/presence.ts). Its page says nothing of itself.
func (d *hub) sayPresence(e sync.SealPresence) {
	plain := seal.PresencePayload{Heads: depsOf(e.Heads), State: []byte{0x80}}.Encode()
	envelope, err := d.session.SealEphemeral(plain)
	must(err)
	d.world.signed[signedKey(d.session.Certificate(), envelope)] = true
	word := &wire.Presence{Doc: d.world.cast.doc, Cert: d.certs[d.own], Envelope: envelope}
	d.tell(func(other *hub) {
		other.word = word
		other.pass()
		other.takePresence(0, true, word)
	})
	d.put(e.Conn, word)
	d.world.tally.Words++
	d.step(sync.PresenceSealed{Doc: d.doc})
}

// pass gives the relay the page's word.
func (d *hub) pass() {
	if d.word != nil && d.greeted != nil {
		d.greeted.put(d.word)
	}
}

// hearPresence is a word from the relay, for the other hubs as well.
func (d *hub) hearPresence(l *line, f *wire.Presence) {
	d.tell(func(other *hub) { other.takePresence(0, false, f) })
	d.takePresence(l.conn, false, f)
}

// takePresence opens a word. What is not what it says to be is as if it never came.
func (d *hub) takePresence(conn sync.Conn, near bool, f *wire.Presence) {
	e, err := seal.ParseEphemeral(f.Envelope)
	if err != nil {
		return
	}
	cert, err := d.world.certificate(f.Cert)
	if err != nil || !d.world.isSigned(cert, e) {
		return
	}
	p := d.world.word(d.keys, f.Envelope)
	if p == nil {
		return
	}
	ref := d.hold(&bytesOf{session: sync.SessionID(e.Session), seq: e.Seq, update: p.State})
	d.step(sync.PresenceCame{Conn: conn, Near: near, Doc: d.doc, Session: sync.SessionID(e.Session), Seq: e.Seq, Heads: headsOfDeps(p.Heads), Ref: ref})
}

// present passes an ephemeral envelope on to the other readers, and keeps it for who comes while its line is there.
func (r *Relay) present(l *line, f *wire.Presence) {
	e, err := seal.ParseEphemeral(f.Envelope)
	if err != nil || l.reader == nil {
		return
	}
	cert, refusal := r.enter().Certificate(r, f.Cert, e.Session)
	if refusal != nil || !r.world.isSigned(cert, e) {
		return // nobody waits for an answer
	}
	l.word = &wire.Presence{Doc: f.Doc, Cert: cert.Bytes(), Envelope: f.Envelope}
	for _, other := range r.lines {
		if other != l && other.reader != nil && other.reader.begun && !r.mutes() {
			other.send(l.word)
		}
	}
}

// introduce tells who begins to listen who is there.
func (r *Relay) introduce(l *line) {
	for _, other := range r.lines {
		if other != l && other.word != nil && !r.mutes() {
			l.send(other.word)
		}
	}
}
