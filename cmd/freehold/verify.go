package main

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
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
signed, or exists in two versions. The exit code is 0 when all is well, 1 when not.

A relay may go on with its folder meanwhile.

  freehold verify backups
  freehold verify data
`,
}

func declareVerify(flags *flag.FlagSet) func(context.Context, *call) error {
	opens := flags.String("link", "", "")
	return func(_ context.Context, c *call) error {
		// Before anything is said to be well: who asks about content is not answered without it.
		var link *seal.Link
		if *opens != "" {
			l, _, err := c.link(*opens)
			if err != nil {
				return err
			}
			link = &l
		}
		if store.IsStore(c.args[0]) {
			if link != nil {
				return errors.New("a relay's data folder is checked without a link; give one for a backup")
			}
			return verifyStore(c, c.args[0])
		}
		docs, err := backup.Documents(c.args[0])
		if err != nil {
			return err
		}
		if link != nil && !slices.Contains(docs, link.Doc) {
			return fmt.Errorf("this backup has no document %s, which the link is of", link.Doc)
		}
		ok := true
		for _, doc := range docs {
			good, err := verify(c, c.args[0], doc)
			if err != nil {
				return fmt.Errorf("document %s: %w", doc, err)
			}
			ok = ok && good
		}
		if link != nil {
			good, err := verifyContent(c, c.args[0], *link)
			if err != nil {
				return err
			}
			ok = ok && good
		}
		if !ok {
			return errTold
		}
		return nil
	}
}

// verifyContent opens one document and says what its state is called: two backups of one state have the same digest.
func verifyContent(c *call, dir string, link seal.Link) (ok bool, err error) {
	to := *c
	to.problems = c.out
	result, bad, err := open(&to, dir, link)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(c.out, "content of %s: %d operations, %d snapshots that are what they say, digest %x\n", link.Doc, result.Doc.Size().Operations, result.Snapshots, result.Doc.Digest())
	return !bad, nil
}

func verify(c *call, dir string, doc seal.DocID) (ok bool, err error) {
	contents, err := backup.Read(dir, doc)
	if err != nil {
		return false, err
	}
	report, err := contents.Verify()
	if err != nil {
		return false, err
	}
	size, files := contents.Size()
	fmt.Fprintf(c.out, "document %s: %s of %s in %s, %s\n", doc, count(len(contents.Entries), "envelope"), count(len(report.Sessions), "session"), count(files, "file"), amount(size))
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(report.Sessions) > 0 {
		fmt.Fprintln(table, "\tsession\tenvelopes\tfrom\tto\tbytes\t")
	}
	for _, s := range report.Sessions {
		word := "ok"
		if len(s.Problems()) > 0 {
			word = "BAD"
		}
		fmt.Fprintf(table, "\t%s\t%d\t%d\t%d\t%d\t  %s\n", s.ID, s.Envelopes, s.First, s.Last, s.Bytes, word)
	}
	if err := table.Flush(); err != nil {
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
	if ok {
		fmt.Fprintln(c.out, "  all is well")
	} else {
		fmt.Fprintln(c.out, "  freehold backup asks the relay again for what is missing; freehold restore leaves out what is bad")
	}
	return ok, nil
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
