package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// planted are the mutants, this list and no other.
var planted = []string{
	"tie-break-by-arrival-order", "dependency-skipped", "surrogate-pair-split-by-remote-insert", "mark-grows-at-wrong-end",
	"cycle-check-off", "move-duplicates-an-item", "lamport-not-raised-on-receive", "delete-of-run-off-by-one-at-span-border",
	"run-append-across-session-border", "retreat-leaves-deleted-count", "checksum-not-checked", "limit-checked-after-allocation", "frozen-session-stops-others",
}

// Every patch still applies, so that `make mutants` fails for no other reason than tests that notice nothing; and what it
// names exists.
func TestPatchesApply(t *testing.T) {
	const folder = "../../../testdata/mutants"
	files, err := filepath.Glob(folder + "/*.patch")
	if err != nil || len(files) != len(planted) {
		t.Errorf("%d patches, %d mutants are planned", len(files), len(planted))
	}
	tests := testNames(t)
	touched := regexp.MustCompile(`(?m)^\+\+\+ b/(.*)$`)
	for _, name := range planted {
		m, err := read(filepath.Join(folder, name+".patch"))
		if err != nil {
			t.Error(err)
			continue
		}
		text, _ := os.ReadFile(m.file)
		changed := touched.FindAllStringSubmatch(string(text), -1)
		if len(changed) == 0 {
			t.Errorf("%s changes nothing", m.name)
		}
		for _, c := range changed {
			if strings.HasSuffix(c[1], "_test.go") {
				t.Errorf("%s changes the test %s", m.name, c[1])
			}
			// Reading it tells the test cache that it matters.
			if _, err := os.ReadFile("../../../" + c[1]); err != nil {
				t.Error(err)
			}
		}
		for _, test := range m.tests {
			if top, _, _ := strings.Cut(test[1], "/"); !tests[test[0]+" "+top] {
				t.Errorf("%s: there is no test %s in %s", m.name, top, test[0])
			}
		}
		cmd := exec.Command("git", "apply", "--check", filepath.Join("testdata/mutants", name+".patch"))
		cmd.Dir = "../../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s no longer applies, make it anew: %s", m.name, out)
		}
	}
}

// testNames lists the tests of the packages that mutants are for.
func testNames(t *testing.T) map[string]bool {
	out := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, pkg := range []string{"./crdt", "./internal/script", "./internal/simulator"} {
		files, err := filepath.Glob("../../../" + pkg + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
				out[pkg+" "+m[1]] = true
			}
		}
	}
	return out
}
