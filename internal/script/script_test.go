package script

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the scripts print now into them; then read the difference")

// scripts gives all scripts by name.
func scripts(t *testing.T) map[string]string {
	names, err := filepath.Glob("../../testdata/scripts/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	out := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(text)
	}
	return out
}

// Every script prints what it says it prints.
func TestScripts(t *testing.T) {
	for name, text := range scripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			f, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			now, wrong := f.Run(&Native{})
			if now == "" {
				t.Fatal(wrong)
			}
			if *update {
				if err := os.WriteFile(name, []byte(now), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if wrong != nil {
				t.Fatal(wrong)
			}
		})
	}
}

// Random scripts run, and their replicas agree.
func TestRandomScripts(t *testing.T) {
	for seed := range int64(50) {
		f, err := Parse(Random(seed))
		if err != nil {
			t.Fatal(err)
		}
		now, wrong := f.Run(&Native{})
		if now == "" {
			t.Fatalf("seed %d: %v", seed, wrong)
		}
		if _, shown, _ := strings.Cut(now, "----\n"); strings.Count(shown, "ann, ")+strings.Count(shown, "bob, ")+strings.Count(shown, "cem, ") != 4 || strings.Contains(shown, "refuses an update") {
			t.Fatalf("seed %d: replicas differ:\n%s", seed, now)
		}
	}
}

// A script that says something wrong fails, and one that cannot be read says where.
func TestScriptsGoRed(t *testing.T) {
	for text, want := range map[string]string{
		"peers a=1\nshow\n----\na:\n  x: 1\n": "line 1: peers a=1",
		"peers a=1\na: set\n----\n":           "line 2: a: set: cannot be read",
		"peers a=1\nb: set . k 1\n----\n":     "no peer b",
		"peers a=1\n\n----\n":                 "line 2: a step without ----",
		"peers a=1\n":                         "a step without ----",
		"peers a=1\na: set . k 1; insert . 0 \"x\"\nshow\n----\nrefused, invalid: not a text, or a torn command\na:\n  nothing\n": "",
	} {
		f, err := Parse(text)
		if err == nil {
			_, err = f.Run(&Native{})
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
