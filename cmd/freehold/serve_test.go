package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

func TestCalledWrongly(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "freehold serve [flags]"},
		{[]string{"sreve"}, 2, "there is no such command"},
		{[]string{"serve", "--lisent", "x"}, 2, "flag provided but not defined"},
		{[]string{"serve", "here"}, 2, `what is "here"?`},
		{[]string{"serve", "--listen", "nowhere", "--data", t.TempDir()}, 1, "missing port"},
		{[]string{"serve", "--help"}, 0, "--origin"},
		{[]string{"token"}, 2, "a link goes in quotes"},
		{[]string{"token", "https://app.example/#1r.nonsense"}, 1, "bad link"},
		{[]string{"help"}, 0, "freehold version"},
		{[]string{"version"}, 0, "freehold " + version},
	} {
		var out, problems bytes.Buffer
		if code := run(c.args, &out, &problems); code != c.code || !strings.Contains(out.String()+problems.String(), c.says) {
			t.Errorf("%q: exit %d, %s%s", c.args, code, &out, &problems)
		}
	}
}

// What matters is not buried under a page of flags.
func TestMisuseIsAFewLines(t *testing.T) {
	for _, args := range [][]string{{"serve", "--lisent", "x"}, {"backup", "one"}, {"admit"}, {"sreve"}} {
		var out, problems bytes.Buffer
		if code := run(args, &out, &problems); code != 2 || out.Len() > 0 || strings.Count(problems.String(), "\n") > 3 || !strings.Contains(problems.String(), "freehold help") {
			t.Errorf("%q: exit %d, %s%s", args, code, &out, &problems)
		}
	}
}

func TestServeThatCannotListenLeavesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	folder := filepath.Join(t.TempDir(), "data")
	var out, problems bytes.Buffer
	if code := run([]string{"serve", "--listen", taken.Addr().String(), "--data", folder}, &out, &problems); code != 1 || !strings.Contains(problems.String(), "listens there already") {
		t.Fatalf("exit %d: %s", code, &problems)
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s: %v", folder, err)
	}
}

func TestServeGreetsAndStops(t *testing.T) {
	folder := t.TempDir()
	began := time.Now()
	p := start(t, folder)
	t.Logf("greeted after %v", time.Since(began).Round(time.Millisecond))
	port := p.address[strings.LastIndex(p.address, ":")+1:]
	if want := "App http://localhost:" + port + " · second device http://127.0.0.1:" + port + " · Ctrl-C stops only the relay\n"; !strings.Contains(p.text(), want) {
		t.Fatalf("greeting: %s", p.text())
	}
	// Both names reach it, and somebody who is connected is told.
	c := servertest.Dial(t, "http://localhost:"+port)
	if code := p.stop(); code != 0 {
		t.Fatalf("exit %d: %s", code, p.text())
	}
	if f := c.Next(); f != nil {
		t.Fatalf("%+v", f)
	}
	if !strings.Contains(p.text(), "Relay stopped. Open pages go on without it.") {
		t.Fatalf("farewell: %s", p.text())
	}
}

func TestSecondRelayOnOneFolder(t *testing.T) {
	folder := t.TempDir()
	start(t, folder)
	var out, problems bytes.Buffer
	if code := run([]string{"serve", "--listen", "127.0.0.1:0", "--data", folder}, &out, &problems); code != 1 || !strings.Contains(problems.String(), "in use") {
		t.Fatalf("exit %d: %s", code, &problems)
	}
}

// answerTo passes over batches.
func answerTo(c *servertest.Client) wire.Frame {
	for {
		f := c.Next()
		if _, batch := f.(*wire.Batch); !batch {
			return f
		}
	}
}

// What people write is in no byte that the relay stores or says. The control: a document sealed with nothing would be
// found, since the same search finds the session's certificate, which is stored as it is.
func TestRelayHasNothingToRead(t *testing.T) {
	const canary = "the heron eats at noon"
	folder := t.TempDir()
	p := start(t, folder)
	doc := servertest.NewDoc(t, 1)
	s := doc.NewSession()
	c := servertest.Dial(t, p.address)
	c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	for range 20 {
		if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: [][]byte{s.Write(strings.Repeat(canary, 40))}}); err != nil {
			t.Fatal(err)
		}
		if _, ok := answerTo(c).(*wire.Ack); !ok {
			t.Fatal("not acknowledged")
		}
	}
	if code := p.stop(); code != 0 {
		t.Fatalf("exit %d", code)
	}
	found := map[string]int{canary: strings.Count(p.text(), canary), string(s.Cert): 0}
	if err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for text := range found {
			found[text] += bytes.Count(b, []byte(text))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if found[canary] != 0 {
		t.Fatalf("found %d times", found[canary])
	}
	if found[string(s.Cert)] == 0 {
		t.Fatal("the search finds nothing at all")
	}
	said := strings.ReplaceAll(p.text(), p.address, "")
	for _, id := range []string{doc.ID().String(), s.ID.String(), "127.0.0.1"} {
		if strings.Contains(said, id) {
			t.Fatalf("the log names %q: %s", id, said)
		}
	}
}

// A relay that is told to stop while people write ends by itself, and whatever it acknowledged is there.
func TestStopUnderLoad(t *testing.T) {
	folder := t.TempDir()
	p := start(t, folder, "--append-burst", "0")
	const writers = 3
	var (
		docs     [writers]*servertest.Doc
		mu       sync.Mutex
		promised []acked
		writing  sync.WaitGroup
	)
	enough := make(chan struct{})
	for i := range docs {
		docs[i] = servertest.NewDoc(t, uint64(i))
		c := servertest.Dial(t, p.address)
		c.Listen(docs[i], wire.Hello{Genesis: docs[i].Genesis()})
		writing.Go(func() {
			writeUntilGone(c, docs[i], func(a acked) {
				mu.Lock()
				defer mu.Unlock()
				a.doc = i
				if promised = append(promised, a); len(promised) == 100 {
					close(enough)
				}
			})
		})
	}
	<-enough
	if code := p.stop(); code != 0 {
		t.Fatalf("exit %d: %s", code, p.text())
	}
	writing.Wait()
	p = start(t, folder)
	for i, doc := range docs {
		_, entries := servertest.Dial(t, p.address).Listen(doc, wire.Hello{})
		there := make(map[wire.Cursor][]byte)
		for _, e := range entries {
			there[e.Cursor] = e.Envelope
		}
		for _, a := range promised {
			if a.doc == i && !bytes.Equal(there[a.cursor], a.envelope) {
				t.Fatalf("document %d: what was acknowledged at cursor %d is not there", i, a.cursor)
			}
		}
	}
	t.Logf("%d acknowledged before the end", len(promised))
}

// A relay that meets damage refuses what is damaged and says where, once, in the log and in a number, and names no document.
func TestDamageIsSaid(t *testing.T) {
	folder := t.TempDir()
	p := start(t, folder, "--metrics", "127.0.0.1:0")
	watch := "http://127.0.0.1:" + p.says(regexp.MustCompile(`msg=metrics port=(\d+)`))[1]
	doc := servertest.NewDoc(t, 1)
	c := servertest.Dial(t, p.address)
	c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	s := doc.NewSession()
	run := s.Run(2)
	if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: s.Cert, Envelopes: run}); err != nil {
		t.Fatal(err)
	}
	servertest.Await[*wire.Ack](c)
	log := filepath.Join(folder, "00000001.log")
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, run[1])+80] ^= 1
	write(t, log, b)
	for range 2 {
		c := servertest.Dial(t, p.address)
		if err := c.Say(c.Hello(doc, wire.Hello{})); err != nil {
			t.Fatal(err)
		}
		servertest.Expect[*wire.Welcome](c)
		if refusal := servertest.Expect[*wire.Error](c); refusal.Code != wire.CodeStorage {
			t.Fatalf("%+v", refusal)
		}
	}
	p.says(regexp.MustCompile(`storage is damaged.* where="00000001.log at byte \d+: the envelope`))
	if _, page := servertest.Request(t, "GET", watch+"/metrics", nil); !strings.Contains(string(page), "\nfreehold_storage_damaged_total 1\n") {
		t.Errorf("%s", page)
	}
	if strings.Contains(p.text(), doc.ID().String()) || strings.Count(p.text(), "storage is damaged") != 1 {
		t.Errorf("log: %s", p.text())
	}
}
