package script

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test, target, script and mutant that docs/TESTING.md names exists, and every script and mutant is named.
func TestTestingPageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/TESTING.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, pattern := range []string{"*_test.go", "../../crdt/*_test.go", "../sync/*_test.go", "../simulator/*_test.go", "../tools/mutants/*_test.go"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				known[m[1]] = true
			}
		}
	}
	stories := map[string]bool{}
	for _, pattern := range []string{"../../testdata/scripts/*.txt", "../../testdata/mutants/*.patch"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			stories[strings.TrimSuffix(filepath.Base(file), ".patch")] = true
		}
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		name := m[1]
		named[name] = true
		top, story, sub := strings.Cut(name, "/")
		switch {
		case regexp.MustCompile(`^(Test|Fuzz)\w+$`).MatchString(top) && (!known[top] || sub && !stories[story+".txt"]),
			strings.HasSuffix(name, ".txt") && !strings.Contains(name, "*") && !stories[name]:
			t.Errorf("docs/TESTING.md names %s, which is not there", name)
		}
	}
	for story := range stories {
		if !named[story] && !named["TestScripts/"+strings.TrimSuffix(story, ".txt")] {
			t.Errorf("docs/TESTING.md does not name %s", story)
		}
	}
}
