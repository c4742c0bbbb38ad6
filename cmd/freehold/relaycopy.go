package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/freehold-dev/freehold/server/store"
)

var relayCopyTool = tool{
	name: "relay-copy", positional: 2, declare: declareRelayCopy,
	usage: `freehold relay-copy FROM TO: copy a relay's data folder, also while the relay runs

TO must be new or empty. The copy has all that was acknowledged when it began, the list of admissions where there is
one, and a name of its own, so that devices compare it with what they have and bring what it lacks. Going back to it is the same command:
stop the relay, move its folder away, and copy back.

  freehold relay-copy data /backup/monday
  freehold verify /backup/monday
  freehold relay-copy /backup/monday data
`,
}

func declareRelayCopy(*flag.FlagSet) func(context.Context, *call) error {
	return func(_ context.Context, c *call) error {
		bytes, err := store.Copy(c.args[0], c.args[1], admissionsName)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "copied %s\n", amount(bytes))
		return nil
	}
}
