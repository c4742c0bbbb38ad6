package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

func TestAddresses(t *testing.T) {
	for text, want := range map[string][2]string{
		"https://Relay.example":      {"https://relay.example", "relay.example"},
		"https://relay.example:443/": {"https://relay.example", "relay.example"},
		"http://relay.example:8080":  {"http://relay.example:8080", "relay.example:8080"},
		"wss://relay.example":        {"https://relay.example", "relay.example"},
		"relay.example:8443":         {"https://relay.example:8443", "relay.example:8443"},
		"localhost:7070":             {"http://localhost:7070", "localhost:7070"},
		"127.0.0.1:80":               {"http://127.0.0.1", "127.0.0.1"},
		"[::1]:7070":                 {"http://[::1]:7070", "[::1]:7070"},
		"10.0.0.1":                   {"https://10.0.0.1", "10.0.0.1"},
	} {
		a, err := client.ParseAddress(text)
		if err != nil || a.String() != want[0] || a.Name() != want[1] {
			t.Errorf("%s: %s %s %v", text, a, a.Name(), err)
		}
	}
	for _, text := range []string{"", "https://", "ftp://relay.example", "https://relay.example/path", "https://u:p@relay.example", "relay.example?x=1", ":7070", "https://relay.example/#1w.key", servertest.NewDoc(t, 1).Link(seal.Read)} {
		if a, err := client.ParseAddress(text); !errors.Is(err, client.ErrAddress) {
			t.Errorf("%q: %v %v", text, a, err)
		}
	}
}

// read dials, says hello and takes frames until there is an error.
func read(t *testing.T, address string, keys link, hello wire.Hello) error {
	t.Helper()
	relay, err := client.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := client.Dial(t.Context(), relay, keys.doc)
	if err != nil {
		return err
	}
	defer conn.Close()
	hello.Doc = keys.doc
	log, _, err := conn.Read(t.Context(), keys.fetcher, hello)
	for err == nil {
		_, err = log.Next(t.Context())
	}
	return err
}

type link struct {
	doc     seal.DocID
	fetcher *seal.Fetcher
}

func linkTo(t *testing.T, doc *servertest.Doc) link {
	t.Helper()
	l, err := seal.ParseLink(doc.Link(seal.Read))
	if err != nil {
		t.Fatal(err)
	}
	f, err := seal.NewFetcher(l.Doc, l.Rights, l.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return link{l.Doc, f}
}

// A relay that lies about the shape of things is told from one that cannot be reached, and nothing of what it says is taken.
func TestImpostors(t *testing.T) {
	doc, other := servertest.NewDoc(t, 1), servertest.NewDoc(t, 2)
	id := doc.ID()
	welcome := &wire.Welcome{Doc: id, Head: 9, Genesis: doc.Genesis()}
	entry := func(at wire.Cursor) wire.Entry {
		return wire.Entry{Cursor: at, Envelope: doc.NewSession().Write("x")}
	}
	batch := func(upTo wire.Cursor, more bool, entries ...wire.Entry) *wire.Batch {
		return &wire.Batch{Doc: id, Entries: append([]wire.Entry{}, entries...), UpTo: upTo, More: more}
	}
	for name, frames := range map[string][]wire.Frame{
		"a welcome to another document": {&wire.Welcome{Doc: other.ID()}},
		"a welcome to another store":    {&wire.Welcome{Doc: id, Store: wire.StoreID{1}}},
		"another document's genesis":    {&wire.Welcome{Doc: id, Genesis: other.Genesis()}},
		"a batch before the welcome":    {batch(1, false, entry(1))},
		"another document's batch":      {welcome, &wire.Batch{Doc: other.ID(), Entries: []wire.Entry{}}},
		"cursors that fall":             {welcome, batch(3, false, entry(3), entry(2))},
		"a cursor twice":                {welcome, batch(2, false, entry(2)), batch(2, false, entry(2))},
		"an end before the last entry":  {welcome, batch(1, false, entry(2))},
		"batches that go nowhere":       {welcome, batch(0, true)},
		"an answer to nothing":          {welcome, &wire.Ack{Doc: id}},
	} {
		var said [][]byte
		for _, f := range frames {
			said = append(said, servertest.Encode(t, f))
		}
		if err := read(t, servertest.Impostor(t, said...), linkTo(t, doc), wire.Hello{}); !errors.Is(err, client.ErrGarbage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bytes := range map[string][]byte{"no frame": []byte("hello"), "half a frame": servertest.Encode(t, welcome)[:40]} {
		if err := read(t, servertest.Impostor(t, bytes), linkTo(t, doc), wire.Hello{}); !errors.Is(err, client.ErrGarbage) || !errors.Is(err, wire.ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refusal := servertest.Encode(t, &wire.Error{Doc: &id, Code: wire.CodeGone, Message: "it\x1b[2J is", Hint: "gone"})
	err := read(t, servertest.Impostor(t, refusal), linkTo(t, doc), wire.Hello{})
	if refused := (*client.Refused)(nil); !errors.As(err, &refused) || refused.Code != wire.CodeGone {
		t.Errorf("a refusal: %v", err)
	}
	if strings.Contains(err.Error(), "\x1b") {
		t.Error("a relay can steer the terminal")
	}
}

// What answers and is no relay is not taken for one.
func TestNoRelay(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>")) }))
	defer page.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(page.URL, http.StatusTemporaryRedirect))
	defer elsewhere.Close()
	doc := servertest.NewDoc(t, 1)
	for _, address := range []string{page.URL, elsewhere.URL} {
		relay, err := client.ParseAddress(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Dial(t.Context(), relay); err == nil {
			t.Error("a page greeted as a relay")
		}
		if err := relay.Found(t.Context(), doc.ID(), doc.Genesis()); !errors.Is(err, client.ErrGarbage) {
			t.Errorf("a page took a genesis: %v", err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	relay, err := client.ParseAddress(page.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Dial(gone, relay); !errors.Is(err, context.Canceled) {
		t.Errorf("dialled when nobody waits: %v", err)
	}
}
