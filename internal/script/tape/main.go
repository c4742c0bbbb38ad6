// Command tape runs scripts on the Go package and prints, as JSON, every call of the core that they made and what it
// answered: {"script name": [call, …], …}. Another host that is given the same calls must answer the same bytes. A number in
// place of a file is the seed of a random script.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/freehold-dev/freehold/internal/script"
)

func main() {
	tapes := map[string][]script.Call{}
	for _, name := range os.Args[1:] {
		var text []byte
		seed, err := strconv.ParseInt(name, 10, 64)
		if err == nil {
			text = []byte(script.Random(seed))
		} else {
			text, err = os.ReadFile(name)
		}
		if err == nil {
			var calls []script.Call
			if calls, err = tape(string(text)); err == nil {
				tapes[filepath.Base(name)] = calls
				continue
			}
		}
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(tapes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func tape(text string) ([]script.Call, error) {
	f, err := script.Parse(text)
	if err != nil {
		return nil, err
	}
	t := &script.Tape{Host: &script.Native{}}
	if now, wrong := f.Run(t); now == "" {
		return nil, wrong
	}
	return t.Calls, nil
}
