package server_test

import (
	"fmt"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// keeper is a device with a list, which asks about a set.
type keeper struct {
	*line
	list  *servertest.Doc
	heads map[seal.DocID]wire.Cursor
	req   uint64
}

func newKeeper(t *testing.T, relay *server.Relay, list *servertest.Doc) *keeper {
	k := &keeper{line: dial(t, relay), list: list, heads: make(map[seal.DocID]wire.Cursor)}
	k.listen(list, wire.Hello{Genesis: list.Genesis()})
	return k
}

// ask checks what it knows, with documents more.
func (k *keeper) ask(add ...*servertest.Doc) {
	k.t.Helper()
	k.req++
	f := &wire.Check{Doc: k.list.ID(), Req: k.req, Add: []wire.Addition{}}
	for _, doc := range add {
		f.Add = append(f.Add, wire.Addition{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
	}
	var heads []wire.Head
	for doc, cursor := range k.heads {
		heads = append(heads, wire.Head{Doc: doc, Cursor: cursor})
	}
	f.Sums = wire.SumsOf(heads)
	k.say(f)
}

// learn asks, and takes over what it is told; it gives the documents of which that is news.
func (k *keeper) learn(add ...*servertest.Doc) (news []seal.DocID) {
	k.t.Helper()
	k.ask(add...)
	changed := takeOne[*wire.Changed](k.line)
	if changed.Doc != k.list.ID() || changed.Req != k.req {
		k.t.Fatalf("answer %+v to question %d", changed, k.req)
	}
	for _, h := range changed.Heads {
		if changed.Parts&(1<<wire.PartOf(h.Doc)) == 0 {
			k.t.Fatalf("%v is in a part that is not named", h.Doc)
		}
		if known, ok := k.heads[h.Doc]; !ok || known != h.Cursor {
			news = append(news, h.Doc)
		}
		k.heads[h.Doc] = h.Cursor
	}
	return news
}

func (k *keeper) refused(want wire.Code, add ...*servertest.Doc) {
	k.t.Helper()
	k.ask(add...)
	if e := takeOne[*wire.Error](k.line); e.Code != want || e.Req == nil || *e.Req != k.req {
		k.t.Fatalf("%+v, want %s", e, want)
	}
}

// written brings a document with so many envelopes.
func written(t *testing.T, relay *server.Relay, seed uint64, n int) (*servertest.Doc, *servertest.Session) {
	doc := servertest.NewDoc(t, seed)
	s := doc.NewSession()
	author := dial(t, relay)
	author.listen(doc, wire.Hello{Genesis: doc.Genesis()})
	if n > 0 {
		author.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(n)})
		author.take()
	}
	author.peer.Close()
	return doc, s
}

func TestASetTellsWhatChanged(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		k := newKeeper(t, relay, servertest.NewDoc(t, 1))
		var docs []*servertest.Doc
		var sessions []*servertest.Session
		for i := range 40 {
			doc, s := written(t, relay, uint64(10+i), 1+i%3)
			docs, sessions = append(docs, doc), append(sessions, s)
		}
		if got := k.learn(docs...); len(got) != len(docs) {
			t.Fatalf("told of %d, want all %d", len(got), len(docs))
		}
		for i, doc := range docs {
			if got := k.heads[doc.ID()]; got != wire.Cursor(1+i%3) {
				t.Fatalf("document %d ends at %d", i, got)
			}
		}
		if got := k.learn(); len(got) > 0 {
			t.Fatalf("told of %d without a change", len(got))
		}
		// One of them grows while nobody of this connection listens to it.
		author := dial(t, relay)
		author.say(&wire.Append{Doc: docs[7].ID(), Cert: sessions[7].Cert, Envelopes: sessions[7].Run(2)})
		author.take()
		if got := k.learn(); len(got) != 1 || got[0] != docs[7].ID() || k.heads[docs[7].ID()] != 4 {
			t.Fatalf("told of %v", got)
		}
		// What is deleted has no head any more.
		author.say(&wire.Delete{Doc: docs[8].ID(), Signature: docs[8].Delete(testName)})
		takeOne[*wire.Done](author)
		if got := k.learn(); len(got) != 1 || got[0] != docs[8].ID() || k.heads[docs[8].ID()] != 0 {
			t.Fatalf("told of %v", got)
		}
		// Another device of the same list finds the set as it is, and may add to it.
		other := newKeeper(t, relay, k.list)
		if got := other.learn(); len(got) != len(docs) {
			t.Fatalf("the other one is told of %d", len(got))
		}
		more, _ := written(t, relay, 99, 5)
		other.learn(more)
		if got := k.learn(); len(got) != 1 || got[0] != more.ID() || k.heads[more.ID()] != 5 {
			t.Fatalf("told of %v", got)
		}
	})
}

// What one may not read one learns nothing about, and what is not kept here is no member.
func TestASetHasOnlyWhatMayBeRead(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		list := servertest.NewDoc(t, 1)
		k := newKeeper(t, relay, list)
		foreign, _ := written(t, relay, 2, 3)
		stranger := servertest.NewDoc(t, 3)
		k.say(&wire.Check{Doc: list.ID(), Sums: wire.SumsOf(nil), Add: []wire.Addition{
			{Doc: foreign.ID(), Proof: stranger.Prove(testName, testNonce)},
			{Doc: foreign.ID(), Proof: foreign.Prove("another.example", testNonce)},
			{Doc: foreign.ID(), Proof: foreign.Prove(testName, seal.Nonce{9})},
			{Doc: stranger.ID(), Proof: stranger.Prove(testName, testNonce)},
		}})
		if changed := takeOne[*wire.Changed](k.line); changed.Parts != 0 || len(changed.Heads) > 0 {
			t.Fatalf("%+v", changed)
		}
		// The list itself has to be one's own, on this connection.
		eve := &keeper{line: dial(t, relay), list: list}
		eve.refused(wire.CodeUnproven)
		eve.say(&wire.Hello{Doc: list.ID(), Proof: stranger.Prove(testName, testNonce)})
		takeOne[*wire.Error](eve.line)
		eve.refused(wire.CodeUnproven, foreign)
		k.say(&wire.Unsubscribe{Doc: list.ID()})
		k.refused(wire.CodeUnproven)
	})
}

// A set is memory: all together have an end, and who asked last keeps his.
func TestSetsAreBounded(t *testing.T) {
	limits := server.DefaultLimits()
	limits.SetMembers = 10
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		var docs []*servertest.Doc
		for i := range 6 {
			doc, _ := written(t, relay, uint64(10+i), 1)
			docs = append(docs, doc)
		}
		a, b, c := newKeeper(t, relay, servertest.NewDoc(t, 1)), newKeeper(t, relay, servertest.NewDoc(t, 2)), newKeeper(t, relay, servertest.NewDoc(t, 3))
		a.learn(docs[:4]...)
		b.learn(docs[:4]...)
		a.learn()
		c.learn(docs[2:]...)
		if n := relay.SetMembers(); n != 8 {
			t.Fatalf("%d members, want those of two sets", n)
		}
		b.ask()
		if changed := takeOne[*wire.Changed](b.line); changed.Parts == 0 || len(changed.Heads) > 0 {
			t.Fatalf("the set that was asked about longest ago is still here: %+v", changed)
		}
		if got := a.learn(); len(got) > 0 || len(a.heads) != 4 {
			t.Fatalf("a's set: %v", got)
		}
		// What left with a set and is in others still moves.
		author := dial(t, relay)
		s := docs[2].NewSession()
		author.say(&wire.Append{Doc: docs[2].ID(), Cert: s.Cert, Envelopes: s.Run(1)})
		author.take()
		if got := fmt.Sprint(a.learn(), c.learn()); got != fmt.Sprint([]seal.DocID{docs[2].ID()}, []seal.DocID{docs[2].ID()}) {
			t.Fatalf("told of %v", got)
		}
	})
}

func TestChecksHaveARate(t *testing.T) {
	limits := server.DefaultLimits()
	limits.ChecksPerSecond, limits.CheckBurst = 1, 2
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		k := newKeeper(t, relay, servertest.NewDoc(t, 1))
		k.learn()
		k.learn()
		k.refused(wire.CodeBusy)
	})
}
