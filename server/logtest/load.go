package logtest

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// Load writes to a log what a relay of many documents does, without keys: a log looks at headers only. One document is one
// session, and who writes next is drawn.
type Load struct {
	t                       testing.TB
	random                  *rand.Rand
	genesis, cert, envelope []byte
	docs                    []loadDoc
}

type loadDoc struct {
	id      seal.DocID
	session seal.SessionID
	next    uint32
}

// NewLoad is the load of so many documents; the same seed makes the same one.
func NewLoad(t testing.TB, seed uint64, docs int) *Load {
	doc := servertest.NewDoc(t, seed)
	s := doc.NewSession()
	l := &Load{t: t, random: rand.New(rand.NewPCG(seed, 0)), genesis: doc.Genesis(), cert: s.Cert,
		envelope: s.Write("what somebody types in a moment, sealed"), docs: make([]loadDoc, docs)}
	for i := range l.docs {
		d := &l.docs[i]
		for at := 0; at < len(d.id); at += 4 {
			binary.BigEndian.PutUint32(d.id[at:], l.random.Uint32())
		}
		copy(d.session[:], d.id[:])
	}
	return l
}

// Docs are the documents' ids.
func (l *Load) Docs() (ids []seal.DocID) {
	for _, d := range l.docs {
		ids = append(ids, d.id)
	}
	return ids
}

// Commit writes so many appends of a run each, all in one commit, each of another document where there are enough.
func (l *Load) Commit(log server.Log, appends, run int) {
	l.t.Helper()
	var writes []*server.Write
	for range appends {
		writes = append(writes, l.Write(run)...)
	}
	if err := log.Commit(writes); err != nil {
		l.t.Fatal(err)
	}
}

// Write is one append of a run.
func (l *Load) Write(run int) []*server.Write {
	d := &l.docs[l.random.IntN(len(l.docs))]
	w := &server.Write{Doc: d.id, Session: d.session}
	if d.next == 0 {
		w.Genesis, w.Cert = l.genesis, l.cert
	}
	for range run {
		e := append([]byte(nil), l.envelope...)
		binary.BigEndian.PutUint32(e[4:], d.next)
		copy(e[16:], d.session[:])
		d.next++
		w.Entries = append(w.Entries, wire.Entry{Cursor: wire.Cursor(d.next), Envelope: e})
	}
	return []*server.Write{w}
}

// Fill writes so many envelopes.
func (l *Load) Fill(log server.Log, envelopes int) {
	l.t.Helper()
	const run, appends = 4, 2500
	for done := 0; done < envelopes; done += run * appends {
		l.Commit(log, appends, run)
	}
}
