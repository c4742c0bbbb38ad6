package main

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/freehold-dev/freehold/server/servertest"
)

// What the operating notes, the unit and the image name is there: flags, variables, metrics. And the notes leave none out.
func TestOperatingNotes(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	notes := read("docs/OPERATING.md")
	flags, _ := serveFlags()
	known := map[string]bool{"FREEHOLD_TEST_AS_COMMAND": true}
	flags.VisitAll(func(f *flag.Flag) {
		known[variable(f.Name)] = true
		if !strings.Contains(notes, "--"+f.Name) {
			t.Errorf("the notes do not say what --%s is", f.Name)
		}
	})
	for _, name := range []string{"docs/OPERATING.md", "deploy/freehold.service", "deploy/Dockerfile"} {
		for _, found := range regexp.MustCompile(`FREEHOLD_\w+`).FindAllString(read(name), -1) {
			if !known[found] {
				t.Errorf("%s names %s, which is no setting", name, found)
			}
		}
	}

	p := start(t, t.TempDir(), "--metrics", "127.0.0.1:0")
	port := p.says(regexp.MustCompile(`msg=metrics port=(\d+)`))
	_, page := servertest.Request(t, "GET", "http://127.0.0.1:"+port[1]+"/metrics", nil)
	metric := regexp.MustCompile(`\b(?:freehold|go)_[a-z_]+\b`)
	there := make(map[string]bool)
	for _, found := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(string(page), -1) {
		there[found[1]] = true
		if !strings.Contains(notes, found[1]) {
			t.Errorf("the notes do not name %s", found[1])
		}
	}
	for _, found := range metric.FindAllString(notes, -1) {
		if !there[found] {
			t.Errorf("the notes name %s, which is not there", found)
		}
	}
}
