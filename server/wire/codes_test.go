package wire_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/freehold-dev/freehold/server/wire"
)

// Codes has every constant, and the table in PROTOCOL.md each with its status.
func TestCodes(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared, listed []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, value := range spec.Values {
				text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				declared = append(declared, text)
			}
		}
		return true
	})
	statuses := map[string]bool{}
	for _, code := range wire.Codes() {
		listed = append(listed, string(code))
		statuses[fmt.Sprintf("%s %d", code, code.Status())] = true
	}
	slices.Sort(declared)
	slices.Sort(listed)
	if !slices.Equal(declared, listed) {
		t.Errorf("declared %v, listed %v", declared, listed)
	}
	protocol, err := os.ReadFile("../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (\\d{3}) \\|").FindAllSubmatch(protocol, -1)
	for _, row := range rows {
		if told := fmt.Sprintf("%s %s", row[1], row[2]); !statuses[told] {
			t.Errorf("PROTOCOL.md has %s", told)
		}
	}
	if len(rows) != len(listed) {
		t.Errorf("%d rows in PROTOCOL.md for %d codes", len(rows), len(listed))
	}
}
