package server_test

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// seen are the envelopes of presence in what came; anything else fails.
func seen(l *line) (envelopes [][]byte) {
	l.t.Helper()
	got := l.take()
	for _, f := range got {
		p, ok := f.(*wire.Presence)
		if !ok || p.Req != nil || len(p.Cert) != seal.CertificateSize {
			l.t.Fatalf("got %v, want presence only", describe(got))
		}
		envelopes = append(envelopes, p.Envelope)
	}
	return envelopes
}

func same(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func TestPresenceReachesTheOthersAndWhoComesLater(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, log *gatedLog) {
		doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
		ada, bob, eve := dial(t, relay), dial(t, relay), dial(t, relay)
		ada.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		bob.listen(doc, wire.Hello{})
		eve.listen(other, wire.Hello{Genesis: other.Genesis()})
		a, b := doc.NewSession(), doc.NewSession()
		first, second := a.Presence("here"), a.Presence("and here")
		ada.say(&wire.Presence{Doc: doc.ID(), Cert: a.Cert, Envelope: first})
		if got := seen(bob); !same(got, [][]byte{first}) {
			t.Fatalf("bob saw %d", len(got))
		}
		// The relay knows the session by now.
		ada.say(&wire.Presence{Doc: doc.ID(), Envelope: second})
		if got := seen(bob); !same(got, [][]byte{second}) {
			t.Fatalf("bob saw %d", len(got))
		}
		bobs := b.Presence("me too")
		bob.say(&wire.Presence{Doc: doc.ID(), Cert: b.Cert, Envelope: bobs})
		if got := seen(ada); !same(got, [][]byte{bobs}) {
			t.Fatalf("ada saw %d", len(got))
		}
		// What is older, or repeated, is passed over.
		bob.say(&wire.Presence{Doc: doc.ID(), Cert: a.Cert, Envelope: first})
		bob.say(&wire.Presence{Doc: doc.ID(), Cert: a.Cert, Envelope: second})
		if got := append(seen(ada), seen(bob)...); len(got) > 0 {
			t.Fatalf("%d repeated", len(got))
		}
		late := dial(t, relay)
		late.say(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
		got := late.take()
		if len(got) != 4 || got[1].Type() != wire.TypeBatch ||
			!bytes.Equal(got[2].(*wire.Presence).Envelope, second) || !bytes.Equal(got[3].(*wire.Presence).Envelope, bobs) {
			t.Fatalf("who came later got %v", describe(got))
		}
		if got := eve.take(); len(got) > 0 {
			t.Fatalf("another document got %v", describe(got))
		}
		if record, err := log.Room(doc.ID()); err != nil || record.Head != 0 || record.Sessions != 0 {
			t.Fatalf("stored: %+v, %v", record, err)
		}
	})
}

// Who leaves takes his presence along, however he leaves.
func TestPresenceEndsWithItsConnection(t *testing.T) {
	for name, leave := range map[string]func(*line, *servertest.Doc){
		"unsubscribes": func(l *line, doc *servertest.Doc) { l.say(&wire.Unsubscribe{Doc: doc.ID()}) },
		"is cut off":   func(l *line, _ *servertest.Doc) { l.peer.Close() },
		"says hello anew": func(l *line, doc *servertest.Doc) {
			l.say(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
				doc := servertest.NewDoc(t, 1)
				ada, bob := dial(t, relay), dial(t, relay)
				ada.listen(doc, wire.Hello{Genesis: doc.Genesis()})
				bob.listen(doc, wire.Hello{})
				a, b := doc.NewSession(), doc.NewSession()
				ada.say(&wire.Presence{Doc: doc.ID(), Cert: a.Cert, Envelope: a.Presence("here")})
				// One session that ada brought first and bob last is bob's.
				ada.say(&wire.Presence{Doc: doc.ID(), Cert: b.Cert, Envelope: b.Presence("over ada")})
				moved := b.Presence("over bob")
				bob.say(&wire.Presence{Doc: doc.ID(), Cert: b.Cert, Envelope: moved})
				leave(ada, doc)
				late := dial(t, relay)
				late.say(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
				got := late.take()
				if len(got) != 3 || !bytes.Equal(got[2].(*wire.Presence).Envelope, moved) {
					t.Fatalf("got %v", describe(got))
				}
				bob.peer.Close()
				if n := relay.PresenceBytes(); n != 0 {
					t.Fatalf("%d bytes stay when all are gone", n)
				}
			})
		})
	}
}

// The last word of who leaves at once reaches those who were there, however slow, and nobody who comes later.
func TestTheLastWordIsPassedOn(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		ada, bob, stranger := dial(t, relay), dial(t, relay), dial(t, relay)
		ada.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		bob.listen(doc, wire.Hello{})
		stranger.say(&wire.Hello{Doc: doc.ID()}) // who may not read keeps nothing here
		a := doc.NewSession()
		release := bob.stall()
		bob.say(&wire.Ping{})
		ada.say(&wire.Presence{Doc: doc.ID(), Cert: a.Cert, Envelope: a.Presence("here")})
		last := a.Presence("goodbye")
		ada.say(&wire.Presence{Doc: doc.ID(), Cert: a.Cert, Envelope: last})
		ada.say(&wire.Unsubscribe{Doc: doc.ID()})
		late := dial(t, relay)
		late.say(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
		if got := late.take(); len(got) != 2 {
			t.Fatalf("who came later got %v", describe(got))
		}
		release()
		got := bob.take()
		if p, ok := got[len(got)-1].(*wire.Presence); !ok || !bytes.Equal(p.Envelope, last) {
			t.Fatalf("bob got %v", describe(got))
		}
		if n := relay.PresenceBytes(); n != 0 {
			t.Fatalf("%d bytes stay when it was given to all", n)
		}

		// A reader that is stuck keeps no more than so much, and nothing when it is gone.
		release = bob.stall()
		bob.say(&wire.Ping{})
		for range 100 {
			s := doc.NewSession()
			ada.say(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
			ada.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("x")})
			ada.say(&wire.Unsubscribe{Doc: doc.ID()})
			time.Sleep(time.Second) // of the test's clock: presence has a rate
		}
		if n := relay.PresenceBytes(); n < 60*176 || n > 65*200 {
			t.Fatalf("%d bytes wait for one reader", n)
		}
		bob.peer.Close()
		late.peer.Close()
		release()
		synctest.Wait()
		if n := relay.PresenceBytes(); n != 0 {
			t.Fatalf("%d bytes stay when all are gone", n)
		}
	})
}

func TestPresenceIsRefused(t *testing.T) {
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	s, stranger := doc.NewSession(), other.NewSession()
	good := s.Presence("here")
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		frame *wire.Presence
		code  wire.Code
	}{
		"of a document that one does not listen to": {&wire.Presence{Doc: other.ID(), Cert: stranger.Cert, Envelope: stranger.Presence("x")}, wire.CodeUnproven},
		"of an unknown session":                     {&wire.Presence{Doc: doc.ID(), Envelope: good}, wire.CodeNoSession},
		"of another document's session":             {&wire.Presence{Doc: doc.ID(), Cert: stranger.Cert, Envelope: stranger.Presence("x")}, wire.CodeBadCertificate},
		"with another session's certificate":        {&wire.Presence{Doc: doc.ID(), Cert: doc.NewSession().Cert, Envelope: good}, wire.CodeBadCertificate},
		"with a changed head":                       {&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: flip(40)}, wire.CodeBadSignature},
		"with a changed seq":                        {&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: flip(7)}, wire.CodeBadSignature},
		"with changed content":                      {&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: flip(70)}, wire.CodeBadSignature},
		"with a changed signature":                  {&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: flip(len(good) - 1)}, wire.CodeBadSignature},
		"that is an update":                         {&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Write("x")}, wire.CodeBadEnvelope},
		"cut short":                                 {&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: good[:len(good)-1]}, wire.CodeBadFrame},
		"longer than it says":                       {&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: append(bytes.Clone(good), 0)}, wire.CodeBadEnvelope},
		"above the limit":                           {&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence(string(make([]byte, wire.MaxPresence)))}, wire.CodeBadFrame},
	} {
		t.Run(name, func(t *testing.T) {
			withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
				writer, reader := dial(t, relay), dial(t, relay)
				writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
				reader.listen(doc, wire.Hello{})
				req := uint64(7)
				c.frame.Req = &req
				writer.say(c.frame)
				e := takeOne[*wire.Error](writer)
				if e.Code != c.code || e.Hint == "" || c.code != wire.CodeBadFrame && (e.Req == nil || *e.Req != 7) {
					t.Fatalf("%+v", e)
				}
				if got := reader.take(); len(got) > 0 {
					t.Fatalf("passed on: %v", describe(got))
				}
				// It took nobody's place.
				writer.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: good})
				if got := seen(reader); !same(got, [][]byte{good}) {
					t.Fatalf("then %d", len(got))
				}
			})
		})
	}
}

// Without a proof there is no presence either, and none is given.
func TestPresenceNeedsTheRightToRead(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		early, thief, writer := dial(t, relay), dial(t, relay), dial(t, relay)
		s := doc.NewSession()
		early.listen(doc, wire.Hello{})
		early.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("before the document")})
		if e := takeOne[*wire.Error](early); e.Code != wire.CodeNoRoom {
			t.Fatalf("%+v", e)
		}
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		early.take()
		thief.say(&wire.Hello{Doc: doc.ID()})
		thief.take()
		thief.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("over a thief")})
		if e := takeOne[*wire.Error](thief); e.Code != wire.CodeUnproven {
			t.Fatalf("%+v", e)
		}
		writer.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("x")})
		if got := seen(early); len(got) != 1 {
			t.Fatalf("%d", len(got))
		}
		if got := thief.take(); len(got) > 0 {
			t.Fatalf("the thief got %v", describe(got))
		}
	})
}

// A reader that is stuck costs one envelope of each session, gets what is kept first, and then the newest presence only.
func TestPresenceIsDroppedFirstForASlowReader(t *testing.T) {
	withRelay(t, server.DefaultLimits(), func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		writer, slow := dial(t, relay), dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		slow.listen(doc, wire.Hello{})
		s := doc.NewSession()
		release := slow.stall()
		var last []byte
		for i := range 50 {
			last = s.Presence(strconv.Itoa(i))
			writer.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: last})
			// The first gets stuck in its Send, alone.
			synctest.Wait()
			writer.say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: s.Run(1)})
			synctest.Wait()
			if n := relay.PresenceBytes(); n > 300 {
				t.Fatalf("%d bytes of presence after %d", n, i+1)
			}
		}
		release()
		got, entries, presences := slow.take(), 0, 0
		for i, f := range got {
			switch f := f.(type) {
			case *wire.Batch:
				entries += len(f.Entries)
			case *wire.Presence:
				presences++
				// The first was in its Send when it got stuck.
				if i > 0 && (i != len(got)-1 || !bytes.Equal(f.Envelope, last)) {
					t.Fatalf("presence as frame %d of %d", i, len(got))
				}
			}
		}
		if entries != 50 || presences > 2 {
			t.Fatalf("%d entries and %d presences", entries, presences)
		}
	})
}

func TestPresenceIsBounded(t *testing.T) {
	limits := server.DefaultLimits()
	limits.PresenceSessions, limits.PresenceBytes = 3, 1000
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		writer, other, reader := dial(t, relay), dial(t, relay), dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		other.listen(doc, wire.Hello{})
		// Of each connection the sessions that spoke last.
		var said [][]byte
		for range 5 {
			s := doc.NewSession()
			said = append(said, s.Presence("x"))
			writer.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: said[len(said)-1]})
		}
		s := doc.NewSession()
		one := s.Presence("of another connection")
		other.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: one})
		reader.listen(nil, wire.Hello{Doc: servertest.NewDoc(t, 9).ID()})
		reader.say(&wire.Hello{Doc: doc.ID(), Proof: doc.Prove(testName, testNonce)})
		got := reader.take()[2:]
		for i, want := range append(said[2:], one) {
			if p, ok := got[i].(*wire.Presence); !ok || !bytes.Equal(p.Envelope, want) {
				t.Fatalf("%v", describe(got))
			}
		}
		// All of it together stays below the limit: four are 704 bytes, a fifth fits, a sixth does not.
		other.take()
		for i := range 2 {
			s := doc.NewSession()
			other.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("more")})
			if got := other.take(); (i == 1) != (len(got) == 1) {
				t.Fatalf("number %d: %v", 5+i, describe(got))
			} else if i == 1 && got[0].(*wire.Error).Code != wire.CodeBusy {
				t.Fatalf("%v", describe(got))
			}
		}
	})
}

func TestPresenceHasARate(t *testing.T) {
	limits := server.DefaultLimits()
	limits.PresencePerSecond, limits.PresenceBurst = 10, 5
	withRelay(t, limits, func(t *testing.T, relay *server.Relay, _ *gatedLog) {
		doc := servertest.NewDoc(t, 1)
		writer := dial(t, relay)
		writer.listen(doc, wire.Hello{Genesis: doc.Genesis()})
		s := doc.NewSession()
		say := func() []wire.Frame {
			writer.say(&wire.Presence{Doc: doc.ID(), Cert: s.Cert, Envelope: s.Presence("x")})
			return writer.take()
		}
		for i := range 5 {
			if got := say(); len(got) > 0 {
				t.Fatalf("number %d: %v", i, describe(got))
			}
		}
		got := say()
		if len(got) != 1 || got[0].(*wire.Error).Code != wire.CodeBusy || got[0].(*wire.Error).RetryAfter != 100 {
			t.Fatalf("%v", describe(got))
		}
		time.Sleep(100 * time.Millisecond)
		if got := say(); len(got) > 0 {
			t.Fatalf("after the pause: %v", describe(got))
		}
		if got := say(); len(got) != 1 {
			t.Fatalf("right after it: %v", describe(got))
		}
	})
}
