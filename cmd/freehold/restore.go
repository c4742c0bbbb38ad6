package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

var restoreTool = tool{
	name: "restore", positional: 2, declare: declareRestore,
	usage: `freehold restore DIR RELAY: bring the documents of a backup to a relay that has lost them

  --link LINK        of one of the documents: where envelopes are missing in the middle of a session,
                     see whether a snapshot has them, and bring what is behind them

What the relay gets is what another relay gave, and it verifies everything itself. No link is needed;
but without it a session ends where something of it is missing, for good on that relay, even if a
snapshot has that. What is damaged is left out and named; what the relay has already stays as it is,
so the same may be done again. Links go on working where devices find this relay. LINK may be -,
then it is read from the input.

  freehold restore backups https://relay.example
`,
}

func declareRestore(flags *flag.FlagSet) func(context.Context, *call) error {
	opens := linkOption(flags)
	return func(ctx context.Context, c *call) error {
		relay, err := client.ParseAddress(c.args[1])
		if err != nil {
			return err
		}
		docs, link, err := c.documents(*opens)
		if err != nil {
			return err
		}
		whole := true
		for _, doc := range docs {
			complete, err := restore(ctx, c, doc, link, relay)
			if err != nil {
				return fmt.Errorf("document %s: %w", doc, err)
			}
			whole = whole && complete
		}
		if !whole {
			fmt.Fprintln(c.problems, "Not everything could be restored. Devices that still have the rest bring it when they connect.")
			return errTold
		}
		return nil
	}
}

// restore brings one document, which it opens if the link is of it. It reports whether all of it arrived, be it in a snapshot.
func restore(ctx context.Context, c *call, doc seal.DocID, link *seal.Link, relay client.Address) (whole bool, err error) {
	kept, err := readKept(c.args[0], doc, link)
	if err != nil {
		return false, err
	}
	contents, report := kept.contents, kept.report
	for _, d := range contents.Damage {
		if !d.Healed {
			fmt.Fprintf(c.problems, "%s: %s\n", doc, d)
		}
	}
	for _, h := range contents.Holes {
		fmt.Fprintf(c.problems, "%s: %s\n", doc, h)
	}
	if contents.Genesis == nil {
		fmt.Fprintf(c.problems, "%s: none of its files can be read\n", doc)
		return false, nil
	}
	runs, left := contents.Plan(report)
	if err := patiently(ctx, func() error { return relay.Found(ctx, doc, contents.Genesis.Bytes()) }); err != nil {
		return false, err
	}
	restored := 0
	refused := make(map[seal.SessionID]error)
	for _, run := range runs {
		if refused[run.Session] != nil {
			left[run.Session] += len(run.Entries)
			continue
		}
		err := send(ctx, relay, contents, run)
		if r := (*client.Refused)(nil); errors.As(err, &r) && ofTheSession(r.Code) {
			refused[run.Session] = err
			left[run.Session] += len(run.Entries)
			continue
		}
		if err != nil {
			return false, err
		}
		restored += len(run.Entries)
	}
	if contents.Successor != nil {
		if err := patiently(ctx, func() error { return relay.Succeed(ctx, doc, contents.Successor) }); err != nil {
			return false, err
		}
	}
	fmt.Fprintf(c.out, "%s: %d of %d envelopes restored\n", doc, restored, len(contents.Entries))
	whole = contents.Whole() && report.Unreadable == 0
	for _, s := range report.Sessions {
		if left[s.ID] == 0 {
			continue
		}
		whole = false
		fmt.Fprintf(c.problems, "%s: session %s: %d of %d envelopes left out\n", doc, s.ID, left[s.ID], s.Envelopes)
		for _, line := range s.Problems() {
			fmt.Fprintf(c.problems, "    it %s\n", line)
		}
		for _, g := range s.Gaps(backup.Claimed) {
			if g.First < s.First {
				continue // before all of it, and no reason to leave anything out
			}
			fmt.Fprintf(c.problems, "    %s are in a snapshot by a relay's word: on an empty relay, and with --link, what is behind goes if that is so\n", g)
		}
		if refused[s.ID] != nil {
			fmt.Fprintf(c.problems, "    %v\n", refused[s.ID])
		}
	}
	if rest := len(contents.Entries) - restored; whole && rest > 0 {
		fmt.Fprintf(c.out, "%s: the other %d are in a snapshot\n", doc, rest)
	}
	return whole, nil
}

// send brings one run.
func send(ctx context.Context, relay client.Address, contents *backup.Contents, run backup.Run) error {
	a := &wire.Append{Doc: contents.Doc, Cert: contents.Certificates[run.Session].Bytes()}
	for _, i := range run.Entries {
		b, err := contents.Envelope(contents.Entries[i])
		if err != nil {
			return err
		}
		a.Envelopes = append(a.Envelopes, b)
	}
	return patiently(ctx, func() error { _, err := relay.Append(ctx, a); return err })
}

// ofTheSession reports whether a refusal is about one session, so that others may be taken.
func ofTheSession(code wire.Code) bool {
	switch code {
	case wire.CodeBadEnvelope, wire.CodeBadCertificate, wire.CodeBadSignature, wire.CodeBadChain, wire.CodeFork, wire.CodeGap, wire.CodeStale, wire.CodeTooLarge:
		return true
	}
	return false
}

// attempts is how often a relay is asked that is busy.
const attempts = 8

// patiently does something again while the relay says that it may succeed later, and a minute later at most.
func patiently(ctx context.Context, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		refused := (*client.Refused)(nil)
		if !errors.As(err, &refused) || refused.RetryAfter == 0 || n == attempts {
			return err
		}
		select {
		case <-time.After(min(time.Duration(min(refused.RetryAfter, 1<<20))*time.Millisecond, lastPause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
