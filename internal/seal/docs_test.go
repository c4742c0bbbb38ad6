package seal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The example in docs/ENVELOPE.md is the vector that it says it is.
func TestDocumentedExample(t *testing.T) {
	page, err := os.ReadFile("../../docs/ENVELOPE.md")
	must(t, err)
	_, section, found := strings.Cut(string(page), "\n## Example\n")
	if !found {
		t.Fatal("docs/ENVELOPE.md lost its example")
	}
	_, section, _ = strings.Cut(section, "```\n")
	section, _, _ = strings.Cut(section, "```\n")

	file, err := os.ReadFile(filepath.Join(vectorsDir, "document.json"))
	must(t, err)
	var document struct {
		Envelopes []map[string]any `json:"envelopes"`
	}
	var value map[string]any
	must(t, json.Unmarshal(file, &document))
	must(t, json.Unmarshal(file, &value))
	for name, v := range document.Envelopes[1] {
		value[name] = v
	}

	checked := 0
	for _, entry := range strings.Split(strings.ReplaceAll(section, "\n   ", " "), "\n") {
		fields := strings.Fields(entry)
		if len(fields) == 0 {
			continue
		}
		if shown := strings.Join(fields[1:], ""); shown != fmt.Sprint(value[fields[0]]) {
			t.Errorf("%s is %v, not %s", fields[0], value[fields[0]], shown)
		}
		checked++
	}
	if checked < 15 {
		t.Errorf("only %d values compared", checked)
	}
}
