package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/servertest"
)

// Whoever calls wrongly reads what happened and what to do, and no name of a package.
func TestFailuresSayWhatToDo(t *testing.T) {
	link := servertest.NewDoc(t, 1).Link(seal.Read)
	empty, missing := t.TempDir(), filepath.Join(t.TempDir(), "missing")
	text := filepath.Join(t.TempDir(), "note.txt")
	if err := os.WriteFile(text, []byte("words"), 0o600); err != nil {
		t.Fatal(err)
	}
	const nobody = "http://127.0.0.1:1"
	for _, c := range []struct {
		says string
		args []string
	}{
		{"in quotes", []string{"export", "nonsense"}},
		{"in quotes", []string{"backup", "nonsense", empty}},
		{"in quotes", []string{"token", "nonsense"}},
		{"in quotes", []string{"token"}},
		{"in quotes", []string{"inspect", "nonsense"}},
		{"in quotes", []string{"admit", "--key", text, "nonsense"}},
		{"in quotes", []string{"verify", "--link", "nonsense", empty}},
		{"--relay", []string{"export", strings.Split(link, "#")[len(strings.Split(link, "#"))-1]}},
		{"whether it runs", []string{"export", "--relay", nobody, link}},
		{"https://relay.example", []string{"export", "--relay", "ftp://there", link}},
		{"freehold backup wrote", []string{"restore", empty, nobody}},
		{"how its name is written", []string{"restore", missing, nobody}},
		{"how its name is written", []string{"import", missing, nobody}},
		{"export --as archive", []string{"import", text, nobody}},
		{"how its name is written", []string{"relay-copy", missing, empty}},
		{"--listen", []string{"serve", "--listen", "192.0.2.1:7", "--data", empty}},
		{"how its name is written", []string{"serve", "--listen", "127.0.0.1:0", "--owners", missing, "--data", empty}},
		{"how its name is written", []string{"serve", "--listen", "127.0.0.1:0", "--tls-cert", missing, "--tls-key", missing, "--data", empty}},
	} {
		code, out, problems := callTool(c.args...)
		if code == 0 || out != "" || !strings.Contains(problems, c.says) || !strings.HasPrefix(problems, "freehold "+c.args[0]+": ") {
			t.Errorf("freehold %q: exit %d, printed %q, said %q", c.args, code, out, problems)
		}
		if inside := regexp.MustCompile(`(^|: )(backup|client|crdt|native|seal|server|store|wire): [a-z]`).FindString(strings.TrimPrefix(problems, "freehold "+c.args[0]+": ")); inside != "" {
			t.Errorf("freehold %q names what is inside: %q", c.args, problems)
		}
	}
}

// Each command has a help of its own, and the short one says nothing of flags.
func TestHelp(t *testing.T) {
	all := mustCall(t, "help")
	if strings.Contains(all, "--") || len(strings.Split(all, "\n")) > 24 {
		t.Errorf("the overview is no overview:\n%s", all)
	}
	for _, found := range regexp.MustCompile(`(?m)^  freehold ([a-z-]+)`).FindAllStringSubmatch(all, -1) {
		command := found[1]
		if command == "version" || command == "help" {
			continue
		}
		help := mustCall(t, "help", command)
		if !strings.HasPrefix(help, "freehold "+command+" ") || strings.Contains(help, "software you own") {
			t.Errorf("help %s:\n%s", command, help)
		}
		if asked := mustCall(t, command, "--help"); asked != help {
			t.Errorf("%s --help:\n%s", command, asked)
		}
		if code, _, problems := callTool(command, "--bogus"); code != 2 || !strings.HasSuffix(problems, "freehold help "+command+" says more\n") || !strings.Contains(problems, strings.SplitAfter(help, "\n")[0]) {
			t.Errorf("%s --bogus: exit %d\n%s", command, code, problems)
		}
	}
}

// A link that cannot open anything is refused before anything is called well.
func TestVerifyReadsTheLinkFirst(t *testing.T) {
	data := t.TempDir()
	p := start(t, data)
	doc := servertest.NewDoc(t, 1)
	history(t, p.address, doc)
	dir := t.TempDir()
	mustCall(t, "backup", "--once", "--relay", p.address, doc.Link(seal.Read), dir)
	if out := mustCall(t, "verify", dir); !strings.Contains(out, "all is well") || !strings.Contains(out, "go on as document "+seal.DocID{7}.String()) {
		t.Error(out)
	}
	for _, link := range []string{"nonsense", servertest.NewDoc(t, 2).Link(seal.Read)} {
		if code, out, problems := callTool("verify", "--link", link, dir); code != 1 || out != "" || problems == "" {
			t.Errorf("exit %d, %q, %q", code, out, problems)
		}
	}
	if code, out, problems := callTool("verify", "--link", doc.Link(seal.Read), data); code != 1 || out != "" || !strings.Contains(problems, "without a link") {
		t.Errorf("exit %d, %q, %q", code, out, problems)
	}
	for _, tool := range []string{"verify", "restore"} { // a script's variable that nobody set
		if code, out, problems := callTool(tool, "--link", "", dir, p.address); code == 0 || out != "" || !strings.Contains(problems, "a link is missing") {
			t.Errorf("%s: exit %d, %q, %q", tool, code, out, problems)
		}
	}
}

// What a file has twice may be damaged once. Nothing is missing, and the disk is not well.
func TestVerifyTellsOfDamageThatTookNothing(t *testing.T) {
	p := start(t, t.TempDir())
	doc := servertest.NewDoc(t, 1)
	history(t, p.address, doc)
	dir := t.TempDir()
	mustCall(t, "backup", "--once", "--relay", p.address, doc.Link(seal.Read), dir)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.segment"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	bytes, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	bytes[10] ^= 1
	if err := os.WriteFile(files[0], bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := mustCall(t, "verify", dir); !strings.Contains(out, "nothing is lost by it") || strings.Contains(out, "all is well") {
		t.Error(out)
	}
}
