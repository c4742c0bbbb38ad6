package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// callTool calls a command in this process and gives its exit code and everything that it says.
func callTool(args ...string) (code int, out, problems string) {
	var o, p bytes.Buffer
	code = run(args, &o, &p)
	return code, o.String(), p.String()
}

func mustCall(t *testing.T, args ...string) (out string) {
	t.Helper()
	code, out, problems := callTool(args...)
	if code != 0 {
		t.Fatalf("freehold %s: exit %d\n%s%s", args[0], code, out, problems)
	}
	return out
}

// history writes what two sessions say in turns, with an envelope of every kind, and gives what the relay then has.
func history(t *testing.T, address string, doc *servertest.Doc) []wire.Entry {
	t.Helper()
	c := servertest.Dial(t, address)
	c.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	a, b := doc.NewSession(), doc.NewSession()
	certs := map[*servertest.Session][]byte{a: a.Cert, b: b.Cert}
	last := wire.Cursor(0)
	say := func(s *servertest.Session, envelopes ...[]byte) {
		t.Helper()
		if err := c.Say(&wire.Append{Doc: doc.ID(), Cert: certs[s], Envelopes: envelopes}); err != nil {
			t.Fatal(err)
		}
		last = servertest.Await[*wire.Ack](c).Cursor
	}
	for range 5 {
		say(a, a.Write("one says this"))
		say(b, b.Write("the other that"))
	}
	run := a.Run(40)
	say(a, run...)
	say(a, a.Pack(run))
	large := b.Snapshot(bytes.Repeat([]byte("a file of the core "), 10_000))
	say(b, large)
	say(a, a.Attest(large, seal.Sound))
	say(b, b.Write("and so on"))
	if err := c.Say(&wire.Successor{Doc: doc.ID(), Statement: doc.NameSuccessor(seal.DocID{7})}); err != nil {
		t.Fatal(err)
	}
	// Who listens is told as well, before or after.
	for f := c.Next(); ; f = c.Next() {
		if _, done := f.(*wire.Done); done || f == nil {
			break
		}
	}
	welcome, entries := servertest.Dial(t, address).Listen(doc, wire.Hello{})
	if welcome.Head != last || len(welcome.Successor) == 0 {
		t.Fatalf("%+v", welcome)
	}
	return entries
}

// same compares envelopes, whatever their cursors and order.
func same(t *testing.T, got, want []wire.Entry) {
	t.Helper()
	left := make(map[string]int)
	for _, e := range want {
		left[string(e.Envelope)]++
	}
	for _, e := range got {
		left[string(e.Envelope)]--
	}
	for _, n := range left {
		if n != 0 {
			t.Fatalf("%d entries, and not those of before: %d", len(got), len(want))
		}
	}
}

func TestBackupRestoresOntoAnEmptyRelay(t *testing.T) {
	p := start(t, t.TempDir())
	doc := servertest.NewDoc(t, 1)
	want := history(t, p.address, doc)
	dir := t.TempDir()
	mustCall(t, "backup", "--once", "--relay", p.address, doc.Link(seal.Read), dir)
	if out := mustCall(t, "verify", dir); !strings.Contains(out, "all is well") {
		t.Fatal(out)
	}
	// A second one adds nothing.
	before := folder(t, dir)
	mustCall(t, "backup", "--once", doc.Link(seal.Write), dir, "--relay", p.address)
	if !bytes.Equal(before, folder(t, dir)) {
		t.Fatal("a backup of nothing new wrote something")
	}
	p.kill()

	empty := start(t, t.TempDir())
	for range 2 { // what is there already does no harm
		if out := mustCall(t, "restore", dir, empty.address); !strings.Contains(out, fmt.Sprintf("%d of %d", len(want), len(want))) {
			t.Fatal(out)
		}
	}
	welcome, got := servertest.Dial(t, empty.address).Listen(doc, wire.Hello{})
	same(t, got, want)
	if len(welcome.Successor) == 0 {
		t.Error("where it goes on was lost")
	}
	// The backup goes on with the new relay, whose store is another, and has nothing twice.
	mustCall(t, "backup", "--once", "--relay", empty.address, doc.Link(seal.Read), dir)
	if out := mustCall(t, "verify", dir); strings.Count(out, doc.ID().String()) != 1 || !strings.Contains(out, "all is well") {
		t.Fatal(out)
	}
	if grown := len(folder(t, dir)) - len(before); grown > 200 {
		t.Errorf("%d bytes for nothing new", grown)
	}
}

// folder is all segments, one behind the other.
func folder(t *testing.T, dir string) (all []byte) {
	t.Helper()
	for _, name := range segments(t, dir) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*", "*.segment"))
	if err != nil || len(names) == 0 {
		t.Fatal("no files", err)
	}
	return names
}

// A link that came through the input is in nobody's sight, and no link is ever said.
func TestLinkFromTheInput(t *testing.T) {
	p := start(t, t.TempDir())
	doc := servertest.NewDoc(t, 1)
	history(t, p.address, doc)
	link := doc.Link(seal.Read)
	dir := t.TempDir()
	c := exec.Command(os.Args[0], "backup", "--once", "-", dir)
	c.Env = append(os.Environ(), asCommand+"=1")
	c.Stdin = strings.NewReader("http://" + strings.TrimPrefix(p.address, "http://") + "/#" + link + "\n")
	said, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	secret := strings.Split(link, ".")[2]
	for _, args := range [][]string{
		{"backup", "--once", "--relay", p.address, link, dir},
		{"backup", "--once", link, dir},
		{"backup", link + "x", dir},
		{"backup", link},
		{"backup", "--onc", link, dir},
		{"verify", link},
		{"restore", dir, link},
		{"restore", link, p.address},
		{"backup", "--once", "--relay", link, link, dir},
	} {
		_, out, problems := callTool(args...)
		said = append(said, out+problems...)
	}
	if bytes.Contains(said, []byte(secret)) {
		t.Fatalf("a secret was said:\n%s", said)
	}
	if bytes.Contains(folder(t, dir), []byte(secret)) {
		t.Fatal("a secret is in the backup")
	}
}

// Everything that somebody can get wrong says what to do, and has the exit code that scripts go by.
func TestToolsSayWhatIsWrong(t *testing.T) {
	p := start(t, t.TempDir())
	doc, dir := servertest.NewDoc(t, 1), t.TempDir()
	link := doc.Link(seal.Read)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no relay":              {[]string{"backup", "--once", link, dir}, 1, "--relay"},
		"no link":               {[]string{"backup", "--once", "nonsense", dir}, 1, "bad link"},
		"too few":               {[]string{"backup", link}, 2, "in quotes"},
		"unknown flag":          {[]string{"backup", "--twice", link, dir}, 2, "twice"},
		"nothing there":         {[]string{"backup", "--once", "--relay", p.address, link, dir}, 1, "is it the right one"},
		"nobody there":          {[]string{"backup", "--once", "--relay", "127.0.0.1:1", link, dir}, 1, "cannot reach"},
		"no address":            {[]string{"restore", dir, "ftp://x"}, 1, "https://relay.example"},
		"no backup":             {[]string{"verify", t.TempDir()}, 1, "has nothing of a document"},
		"no folder":             {[]string{"verify", filepath.Join(dir, "none")}, 1, "no such file"},
		"help":                  {[]string{"help", "backup"}, 0, "A read link is enough"},
		"help of a command":     {[]string{"restore", "--help"}, 0, "No link is needed"},
		"help of everything":    {[]string{"help"}, 0, "freehold backup LINK DIR"},
		"restore without files": {[]string{"restore", t.TempDir(), p.address}, 1, "has nothing of a document"},
	} {
		code, out, problems := callTool(c.args...)
		if code != c.code || !strings.Contains(out+problems, c.says) {
			t.Errorf("%s: exit %d: %s%s", name, code, out, problems)
		}
	}
}
