package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/server/wire"
)

var relaySalvageTool = tool{
	name: "relay-salvage", positional: 2, declare: declareRelaySalvage,
	usage: `freehold relay-salvage FROM TO: make a relay's data folder of what can be read of a damaged one

The relay must not be running. FROM stays as it is; TO must be new or empty. TO gets every envelope that is
whole and signed, and a name of its own, so that devices bring what it lacks. What is damaged and
what is known to be lost is said, and the exit code is then 1. Do not throw FROM away
before devices have come.

A relay takes no session in which something is missing: what lies behind a gap is kept in TO/apart. When devices
have brought what is between, or cannot, freehold restore TO/apart/1 RELAY brings it, then apart/2 and so on.

  freehold relay-salvage data rescued
  freehold serve --data rescued
`,
}

// apartName is the folder for what a relay does not take yet: backups, one for each gap.
const apartName = "apart"

func declareRelaySalvage(*flag.FlagSet) func(context.Context, *call) error {
	return func(_ context.Context, c *call) error {
		to := c.args[1]
		report, err := store.Salvage(c.args[0], to, func(p store.Piece) error {
			return keepApart(filepath.Join(to, apartName, strconv.Itoa(p.Number)), p)
		}, admissionsName)
		if err != nil {
			return err
		}
		fmt.Fprintln(c.out, storeLine(report.Holdings))
		tell := func(what string, lines []string, all int) {
			for _, line := range lines {
				fmt.Fprintf(c.out, "  %s %s\n", what, line)
			}
			if more := all - len(lines); more > 0 {
				fmt.Fprintf(c.out, "  %s and %d more\n", what, more)
			}
		}
		tell("BAD", report.Damage, report.Damages)
		tell("LOST", report.Lost, report.Losses)
		if report.Apart > 0 {
			fmt.Fprintf(c.out, "  %d envelopes behind a gap in their sessions are in %s\n", report.Apart, filepath.Join(to, apartName))
		}
		if report.Damages+report.Losses > 0 {
			fmt.Fprintln(c.out, "  devices bring what they have of the rest")
			return errTold
		}
		fmt.Fprintln(c.out, "  nothing was damaged")
		return nil
	}
}

// keepApart adds a piece to a backup of its document.
func keepApart(dir string, p store.Piece) (err error) {
	f, err := backup.Open(dir, p.Doc)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Begin(&wire.Welcome{Genesis: p.Genesis, Successor: p.Successor}); err != nil {
		return err
	}
	_, err = f.Keep(wire.StoreID(p.Entries[0].Envelope[16:32]), 0, &wire.Batch{Entries: p.Entries, UpTo: wire.Cursor(len(p.Entries))})
	return err
}
