package main

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/store"
)

var verifyTool = tool{
	name: "verify", positional: 1, declare: declareVerify,
	usage: `freehold verify DIR: check a backup or a relay's data folder, byte by byte and signature by signature

  --link LINK        of one of the documents: open it too, and compare every snapshot with
                     what its writer said of it; - reads the link from the input

It says which files are damaged, and of each writer's session whether something is missing, was not
signed, or exists in two versions. A relay lets go of what a snapshot covers; that it does is sealed,
so without the link that is the relay's word, and counted. The exit code is 0 when nothing is wrong,
1 otherwise; all is well when nothing rests on anybody's word, and no file was changed, either.

A relay may go on with its folder meanwhile.

  freehold verify backups
  freehold verify data
`,
}

func declareVerify(flags *flag.FlagSet) func(context.Context, *call) error {
	opens := linkOption(flags)
	return func(_ context.Context, c *call) error {
		if store.IsStore(c.args[0]) {
			if *opens != "" {
				return errors.New("a relay's data folder is checked without a link; give one for a backup")
			}
			return verifyStore(c, c.args[0])
		}
		docs, link, err := c.documents(*opens)
		if err != nil {
			return err
		}
		ok := true
		for _, doc := range docs {
			good, err := verify(c, doc, link)
			if err != nil {
				return fmt.Errorf("document %s: %w", doc, err)
			}
			ok = ok && good
		}
		if !ok {
			return errTold
		}
		return nil
	}
}

// verify checks one document, and opens it if the link is of it.
func verify(c *call, doc seal.DocID, link *seal.Link) (ok bool, err error) {
	kept, err := readKept(c.args[0], doc, link)
	if err != nil {
		return false, err
	}
	contents, report := kept.contents, kept.report
	size, files := contents.Size()
	fmt.Fprintf(c.out, "document %s: %s of %s in %s, %s\n", doc, count(len(contents.Entries), "envelope"), count(len(report.Sessions), "session"), count(files, "file"), amount(size))
	if err := sessionTable(c.out, report); err != nil {
		return false, err
	}
	for _, d := range contents.Damage {
		if d.Healed {
			fmt.Fprintf(c.out, "  %s; nothing is lost by it\n", d)
		} else {
			fmt.Fprintf(c.out, "  BAD %s\n", d)
		}
	}
	for _, h := range contents.Holes {
		fmt.Fprintf(c.out, "  BAD %s\n", h)
	}
	for _, s := range report.Sessions {
		for _, line := range s.Problems() {
			fmt.Fprintf(c.out, "  BAD session %s %s\n", s.ID, line)
		}
		for _, g := range s.Gaps(backup.Claimed) {
			fmt.Fprintf(c.out, "  session %s: %s are in a snapshot, by a relay's word\n", s.ID, g)
		}
		for _, g := range s.Gaps(backup.Covered) {
			fmt.Fprintf(c.out, "  session %s: %s are in a snapshot\n", s.ID, g)
		}
	}
	if report.Unreadable > 0 {
		fmt.Fprintf(c.out, "  BAD %d envelopes were made by a newer version: they are kept, and cannot be checked here\n", report.Unreadable)
	}
	if contents.Successor != nil {
		if next, err := contents.Genesis.VerifySuccessor(contents.Successor); err == nil {
			fmt.Fprintf(c.out, "  its owner made it go on as document %s\n", next)
		}
	}
	ok = contents.Whole() && report.OK() && contents.Genesis != nil
	if kept.Result != nil {
		ok = kept.sayContent(c.out) && ok
	}
	switch missing := report.Claimed(); {
	case !ok:
		fmt.Fprintln(c.out, "  freehold backup asks the relay again for what is missing; freehold restore leaves out what is bad")
	case missing > 0:
		fmt.Fprintf(c.out, "  what is here is whole and signed; what is missing (%s) is in snapshots by a relay's word only: verify with --link to be sure\n", count(missing, "envelope"))
	case slices.ContainsFunc(contents.Damage, func(d backup.Damage) bool { return !d.Torn }):
		fmt.Fprintln(c.out, "  nothing is missing; but a file was changed since it was written: look at the disk, and make another backup")
	default:
		fmt.Fprintln(c.out, "  all is well")
	}
	return ok, nil
}

func sessionTable(out io.Writer, report backup.Report) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(report.Sessions) > 0 {
		fmt.Fprintln(table, "\tsession\tenvelopes\tfrom\tto\tbytes\t")
	}
	for _, s := range report.Sessions {
		word := "ok"
		switch {
		case len(s.Problems()) > 0:
			word = "BAD"
		case len(s.Gaps(backup.Claimed)) > 0:
			word = "not known"
		}
		fmt.Fprintf(table, "\t%s\t%d\t%d\t%d\t%d\t  %s\n", s.ID, s.Envelopes, s.First, s.Last, s.Bytes, word)
	}
	return table.Flush()
}

// sayContent says what the document's state is called: two backups of one state have the same digest.
func (k *keptDoc) sayContent(out io.Writer) (ok bool) {
	problems := k.contentProblems()
	for _, line := range problems {
		fmt.Fprintf(out, "  BAD %s\n", line)
	}
	fmt.Fprintf(out, "  content: %d operations, %d snapshots that are what they say, digest %x\n", k.Doc.Size().Operations, k.Snapshots, k.Doc.Digest())
	return len(problems) == 0
}

// verifyStore checks a relay's data folder.
func verifyStore(c *call, path string) error {
	report, err := store.Verify(path)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.out, storeLine(report.Holdings))
	for _, problem := range report.Problems {
		fmt.Fprintf(c.out, "  BAD %s\n", problem)
	}
	if more := report.Wrong - len(report.Problems); more > 0 {
		fmt.Fprintf(c.out, "  BAD and %d more\n", more)
	}
	if report.Wrong > 0 {
		fmt.Fprintln(c.out, "  freehold relay-salvage makes a folder of what is not damaged; devices bring the rest")
		return errTold
	}
	fmt.Fprintln(c.out, "  all is well")
	return nil
}

func storeLine(h store.Holdings) string {
	return fmt.Sprintf("relay store %s: %s (%d deleted), %s, %s, %s", base64.RawURLEncoding.EncodeToString(h.Store[:]),
		count(h.Documents, "document"), h.Deleted, count(h.Sessions, "session"), count(h.Envelopes, "envelope"), amount(h.Bytes))
}
