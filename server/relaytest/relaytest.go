// Package relaytest is the contract of a relay as a test: every home of the relay runs it, against an address.
//
//	relaytest.Run(t, relaytest.Home{URL: "http://127.0.0.1:7070"})
//
// It speaks docs/PROTOCOL.md over real sockets and plain requests and knows nothing of what is behind them. Documents are new
// in each run, so URL may be a relay that others use, too. Those that a home sets up besides are for refusals that need it: every code
// has a case. What an address cannot bring about is tested where it can be: damage, time that passes.
package relaytest

import (
	"flag"
	"math/rand/v2"
	"net/url"
	"testing"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

var seed = flag.Uint64("relayseed", 0, "repeat a run of relaytest")

// Home is a relay under test.
type Home struct {
	// URL is its address, with http or https.
	URL string
	// OneDocument: a socket carries one document only, which its address names. It is the only allowed difference.
	OneDocument bool
	// Impatient is the address of one more, which takes a device for dead after some seconds without a word.
	Impatient string
	// Strict is the address of one that keeps documents of StrictOwner alone and StrictBytes of each, and has StrictSockets (of each
	// document, where OneDocument).
	Strict string
	// Doomed is the address of one whose disk takes no more between Fill and Empty, and which Stop ends; it returns when that is over.
	Doomed            string
	Fill, Empty, Stop func()
	// Silent are refusals that this home never gives, because its runtime knows of their reason and it does not: the connection ends
	// without a word instead (a plain request is answered that it is busy), and nothing of what it was to answer was kept.
	Silent []wire.Code
}

// Run checks a relay.
func Run(t *testing.T, home Home) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-relayseed %d", s)
	c := &contract{home, rand.New(rand.NewPCG(s, 0))}
	for _, test := range []struct {
		name string
		run  func(*testing.T, *contract)
	}{
		{"frames/every frame has its answer", everyFrame},
		{"frames/every refusal", everyRefusal},
		{"frames/garbage and fuzz hurt nobody", garbage},
		{"frames/limits", frameLimits},
		{"log/order, idempotency and others", order},
		{"log/resume", resume},
		{"log/a stranger waits for the document", stranger},
		{"log/packs take a place", packs},
		{"log/snapshots, and what they cover", snapshots},
		{"log/a connection that breaks", broken},
		{"log/a slow reader", slowReader},
		{"log/credit", credit},
		{"log/appends have a rate", appendRate},
		{"log/a half-open socket", halfOpen},
		{"log/which documents of a list changed", sets},
		{"presence", presence},
		{"owner", owner},
		{"plain requests", plain},
		{"plain requests/wait", plainWait},
		{"plain requests/a page of another origin", foreignPage},
		{"plain requests/curl alone", curlAlone},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, c) })
	}
	if !home.OneDocument {
		t.Run("log/many documents on one socket", func(t *testing.T) { manyDocuments(t, c) })
	}
}

type contract struct {
	Home
	seeds *rand.Rand
}

// doc is a document that no relay has seen.
func (c *contract) doc(t *testing.T) *servertest.Doc { return servertest.NewDoc(t, c.seeds.Uint64()) }

// dial opens a socket for a document.
func (c *contract) dial(t *testing.T, doc *servertest.Doc) *servertest.Client {
	t.Helper()
	return servertest.DialFor(t, c.URL, doc.ID())
}

// founded is a socket that has brought a document.
func (c *contract) founded(t *testing.T, doc *servertest.Doc) *servertest.Client {
	t.Helper()
	device := c.dial(t, doc)
	device.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	return device
}

// name is what the relay is called in statements.
func (c *contract) name(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// say sends a frame.
func say(t *testing.T, device *servertest.Client, f wire.Frame) {
	t.Helper()
	if err := device.Say(f); err != nil {
		t.Fatal(err)
	}
}

// takes appends and expects the place of the last envelope.
func takes(t *testing.T, device *servertest.Client, a *wire.Append, cursor wire.Cursor) {
	t.Helper()
	say(t, device, a)
	ack := servertest.Await[*wire.Ack](device)
	if ack.Doc != a.Doc || ack.Req != a.Req || cursor > 0 && ack.Cursor != cursor {
		t.Fatalf("%+v, want cursor %d", ack, cursor)
	}
}

// refuses sends a frame and expects a code.
func refuses(t *testing.T, device *servertest.Client, f wire.Frame, code wire.Code) *wire.Error {
	t.Helper()
	say(t, device, f)
	e := servertest.Await[*wire.Error](device)
	if e.Code != code || e.Message == "" || e.Hint == "" {
		t.Fatalf("%+v, want %s", e, code)
	}
	return e
}

// alive expects that a connection still answers.
func alive(t *testing.T, device *servertest.Client) {
	t.Helper()
	say(t, device, &wire.Ping{})
	servertest.Await[*wire.Pong](device)
}
