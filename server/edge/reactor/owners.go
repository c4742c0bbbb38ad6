//go:build wasip1

package main

import (
	"fmt"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
)

// owners are those whose documents are kept, by their root keys.
type owners map[string]bool

// parseOwners reads their keys. One that is none is the operator's mistake, and nothing is let in by it.
func parseOwners(listed []string) (owners, error) {
	kept := make(owners, len(listed))
	for i, text := range listed {
		key, err := seal.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("edge: entry %d of OWNERS is no key", i+1)
		}
		kept[string(key)] = true
	}
	return kept, nil
}

// Grant implements server.Admission.
func (o owners) Grant(g *seal.Genesis, _ time.Time) (bytes int64, ok bool) {
	return 0, o[string(g.Root())]
}
