package layers

import (
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/freehold-dev/freehold"

// pure is what the deciding packages must do without: effects, time, chance, and what would make the wasm heavy.
var pure = []string{
	"crypto", "encoding", "fmt", "io", "log", "math/rand", "net", "os", "reflect", "runtime/debug", "sync", "syscall", "time", "unsafe",
}

// rule says what a package may import of ours and what it must not import of the standard library. A name covers
// what is below it.
type rule struct {
	ours   []string
	banned []string
	// alone: nothing from other modules either.
	alone bool
}

// rules has every package. crdt and internal/sync decide, wasm translates, seal and server are native.
var rules = map[string]rule{
	"crdt":                   {banned: pure, alone: true},
	"internal/sync":          {banned: pure, alone: true},
	"wasm":                   {ours: []string{"crdt", "internal/sync"}, banned: slices.DeleteFunc(slices.Clone(pure), func(s string) bool { return s == "unsafe" }), alone: true},
	"internal/seal":          {banned: []string{"net", "os", "syscall"}, alone: true},
	"internal/model":         {alone: true}, // the oracle of tests: shares no code with what it judges
	"internal/reader":        {},            // reads files with FORMAT.md alone: shares no code with what wrote them
	"internal/layers":        {alone: true},
	"internal/simulator":     {ours: []string{"crdt", "internal/seal", "internal/sync", "server", "server/wire"}, banned: []string{"net", "os", "syscall"}, alone: true},
	"internal/tools/mutants": {alone: true},
	"internal/script":        {ours: []string{"crdt"}, alone: true},
	"internal/script/tape":   {ours: []string{"internal/script"}, alone: true},
	"internal/strip":         {alone: true},
	"internal/client":        {ours: []string{"internal/seal", "server/wire"}, banned: []string{"os", "log"}},
	"internal/rebuild":       {ours: []string{"crdt", "internal/backup", "internal/seal"}, banned: []string{"net", "os", "log"}, alone: true},
	"internal/backup":        {ours: []string{"internal/seal", "server/wire"}, banned: []string{"net", "log"}},
	"server/wire":            {ours: []string{"internal/seal", "internal/sync"}, banned: []string{"net", "os", "syscall"}},
	"server/meter":           {banned: []string{"net", "os", "syscall"}, alone: true},
	"server":                 {ours: []string{"internal/seal", "internal/sync", "server/meter", "server/wire"}, banned: []string{"net", "os", "syscall"}},
	"server/httpapi":         {ours: []string{"internal/seal", "server"}, banned: []string{"os", "syscall"}},
	"server/native":          {ours: []string{"internal/seal", "internal/sync", "server", "server/meter", "server/wire"}},
	"server/edge/reactor":    {ours: []string{"internal/seal", "server"}, banned: []string{"net", "os", "syscall"}},
	"server/edge/routes":     {ours: []string{"internal/seal", "server"}, banned: []string{"os", "syscall"}},
	"server/store":           {ours: []string{"internal/seal", "server", "server/wire"}, banned: []string{"net"}},
	"server/logtest":         {ours: []string{"internal/seal", "server"}},
	"server/relaytest":       {ours: []string{"internal/seal", "server/servertest", "server/wire"}},
	"server/servertest":      {ours: []string{"internal/client", "internal/seal", "server"}},
	"web":                    {alone: true},
	"cmd/freehold":           {ours: []string{"crdt", "internal/backup", "internal/client", "internal/rebuild", "internal/seal", "server", "web"}},
}

// forTests are modules that only tests use.
var forTests = []string{"github.com/tetratelabs/wazero"}

// skipped are directories without Go packages of ours.
var skipped = []string{".git", ".ci", "node_modules", "build", "dist", "testdata", "data", "js", "bench", "docs"}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// goFiles lists the Go files of each package below dir, tests left out, whatever their build tags.
func goFiles(dir string) (map[string][]string, error) {
	out := map[string][]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != dir && slices.Contains(skipped, entry.Name()) {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			rel, err := filepath.Rel(dir, filepath.Dir(name))
			if err != nil {
				return err
			}
			out[filepath.ToSlash(rel)] = append(out[filepath.ToSlash(rel)], name)
		}
		return nil
	})
	return out, err
}

func covers(names []string, imported string) bool {
	for _, name := range names {
		if imported == name || strings.HasPrefix(imported, name+"/") {
			return true
		}
	}
	return false
}

// violations reports every forbidden import below dir, every package without a rule and every rule without a package.
func violations(dir string, rules map[string]rule) ([]string, error) {
	packages, err := goFiles(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for name, files := range packages {
		r, ok := rules[name]
		if !ok {
			out = append(out, fmt.Sprintf("%s has no rule: say in internal/layers what it may import", name))
			continue
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				return nil, err
			}
			for _, spec := range parsed.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return nil, err
				}
				if reason := r.forbids(imported); reason != "" {
					out = append(out, fmt.Sprintf("%s: %s imports %s: %s", filepath.Base(file), name, imported, reason))
				}
			}
		}
	}
	for name := range rules {
		if packages[name] == nil {
			out = append(out, fmt.Sprintf("rule for %s, which is no package", name))
		}
	}
	slices.Sort(out)
	return out, nil
}

// forbids says why a package with this rule must not import something, or nothing.
func (r rule) forbids(imported string) string {
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		if !covers(r.ours, ours) {
			return "another layer"
		}
		return ""
	}
	first, _, _ := strings.Cut(imported, "/")
	if strings.Contains(first, ".") {
		if r.alone {
			return "another module"
		}
		if covers(forTests, imported) {
			return "for tests only"
		}
		return ""
	}
	if covers(r.banned, imported) {
		return "not in this layer"
	}
	return ""
}

func TestLayers(t *testing.T) {
	found, err := violations(root(t), rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// The check sees each kind of violation.
func TestLayersGoRed(t *testing.T) {
	dir := t.TempDir()
	write := func(pkg, file, source string) {
		if err := os.MkdirAll(filepath.Join(dir, pkg), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, pkg, file), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("crdt", "a.go", "package crdt\nimport \"fmt\"\n")
	write("crdt", "tagged.go", "//go:build never\n\npackage crdt\nimport \"math/rand/v2\"\n")
	write("crdt", "ok_test.go", "package crdt\nimport \"testing\"\n")
	write("server", "a.go", "package server\nimport _ \""+module+"/crdt\"\n")
	write("wasm", "a.go", "package main\nimport _ \"github.com/vmihailenco/msgpack/v5\"\n")
	write("stray", "a.go", "package stray\n")
	write("cmd", "a.go", "package main\nimport _ \"github.com/tetratelabs/wazero/api\"\n")
	found, err := violations(dir, map[string]rule{
		"crdt": {banned: pure}, "server": {ours: []string{"internal/seal"}}, "wasm": {alone: true}, "gone": {}, "cmd": {},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a.go: cmd imports github.com/tetratelabs/wazero/api: for tests only",
		"a.go: crdt imports fmt: not in this layer",
		"a.go: server imports " + module + "/crdt: another layer",
		"a.go: wasm imports github.com/vmihailenco/msgpack/v5: another module",
		"rule for gone, which is no package",
		"stray has no rule: say in internal/layers what it may import",
		"tagged.go: crdt imports math/rand/v2: not in this layer",
	}
	if !slices.Equal(found, want) {
		t.Fatalf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
}

// heavy must not be linked into the page's wasm, by whatever way: each costs more than all of ours together.
var heavy = []string{
	"compress", "crypto", "encoding", "fmt", "io", "log", "math/big", "math/rand", "net", "os", "reflect", "runtime/debug", "syscall", "time",
}

// linked follows the imports of the package in dir for the reactor's target and gives, for each package, one that
// imports it.
func linked(dir string, find func(imported string) string) (map[string]string, error) {
	target := build.Default
	target.GOOS, target.GOARCH, target.CgoEnabled, target.Compiler = "wasip1", "wasm", false, "gc"
	by := map[string]string{}
	type step struct{ name, dir string }
	for todo := []step{{"the reactor", dir}}; len(todo) > 0; {
		at := todo[0]
		todo = todo[1:]
		pkg, err := target.ImportDir(at.dir, 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at.name, err)
		}
		for _, imported := range pkg.Imports {
			if _, known := by[imported]; known || imported == "unsafe" {
				continue
			}
			by[imported] = at.name
			if found := find(imported); found != "" {
				todo = append(todo, step{imported, found})
			}
		}
	}
	return by, nil
}

// find gives the directory of a package of ours or of the standard library, nothing for others.
func find(root string) func(string) string {
	std := filepath.Join(build.Default.GOROOT, "src")
	return func(imported string) string {
		if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
			return filepath.Join(root, filepath.FromSlash(ours))
		}
		for _, dir := range []string{filepath.Join(std, imported), filepath.Join(std, "vendor", imported)} {
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				return dir
			}
		}
		return ""
	}
}

// tooMuch names what is linked and must not be.
func tooMuch(by map[string]string) []string {
	var out []string
	for imported, from := range by {
		first, _, _ := strings.Cut(imported, "/")
		foreign := strings.Contains(first, ".") && !strings.HasPrefix(imported, module+"/")
		if foreign || covers(heavy, imported) {
			out = append(out, fmt.Sprintf("%s links %s", from, imported))
		}
	}
	slices.Sort(out)
	return out
}

func TestReactorLinksNothingHeavy(t *testing.T) {
	by, err := linked(filepath.Join(root(t), "wasm"), find(root(t)))
	if err != nil {
		t.Fatal(err)
	}
	if by["runtime"] == "" || by[path.Join(module, "crdt")] == "" {
		t.Fatal("the imports were not followed")
	}
	for _, v := range tooMuch(by) {
		t.Error(v)
	}
}

// The check sees what comes in through a package of ours or the standard library.
func TestReactorGoesRed(t *testing.T) {
	dir := t.TempDir()
	for name, source := range map[string]string{
		"wasm/main.go": "package main\nimport _ \"" + module + "/inner\"\n",
		"inner/a.go":   "package inner\nimport _ \"errors\"\nimport _ \"sort\"\nimport _ \"example.org/x\"\n",
		"inner/b.go":   "//go:build wasip1\n\npackage inner\nimport _ \"encoding/hex\"\n",
		"inner/c.go":   "//go:build linux\n\npackage inner\nimport _ \"net/http\"\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	by, err := linked(filepath.Join(dir, "wasm"), find(dir))
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Join(tooMuch(by), "\n")
	for _, want := range []string{
		module + "/inner links encoding/hex", module + "/inner links example.org/x", "encoding/hex links fmt", "fmt links reflect",
	} {
		if !strings.Contains(found, want) {
			t.Errorf("not found: %s\nin\n%s", want, found)
		}
	}
	if strings.Contains(found, "net/http") {
		t.Error("a file for another system was followed")
	}
}
