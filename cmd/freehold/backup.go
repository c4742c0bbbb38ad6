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

var backupTool = tool{
	name: "backup", positional: 2, declare: declareBackup,
	usage: `freehold backup LINK DIR: keep a document as its relay has it, and go on keeping what comes

  --once             stop when everything is here
  --relay ADDRESS    the relay, if the link does not name it

A read link is enough. What is kept is sealed: without the link nobody can read it. DIR takes any
number of documents; a backup that was interrupted goes on where it was. With the link of a home, as
a device gives it to add another, every document of that home is kept, once a minute if it goes on,
all from the relay that has the home. LINK may be -, then it is read from the input and does not
stay in the shell's history:

  freehold backup --once - backups < link.txt
`,
}

func declareBackup(flags *flag.FlagSet) func(context.Context, *call) error {
	once := flags.Bool("once", false, "")
	at := flags.String("relay", "", "")
	return func(ctx context.Context, c *call) error {
		link, origin, err := c.link(c.args[0])
		if err != nil {
			return err
		}
		relay, err := relayOf(*at, link, origin)
		if err != nil {
			return err
		}
		b := &backupCall{call: c, dir: c.args[1]}
		return b.keepHome(ctx, link, relay, *once, betweenRounds)
	}
}

// backupCall is one use of freehold backup.
type backupCall struct {
	call *call
	dir  string
}

// keeper copies one document from a relay into a folder.
type keeper struct {
	call    *call
	relay   client.Address
	fetcher *seal.Fetcher
	folder  *backup.Folder
	kept    int
	// caughtUp hears when everything is here; an error ends the following.
	caughtUp func() error
}

func newKeeper(c *call, relay client.Address, link seal.Link, dir string) (*keeper, error) {
	fetcher, err := seal.NewFetcher(link.Doc, link.Rights, link.Secret)
	if err != nil {
		return nil, err
	}
	folder, err := backup.Open(dir, link.Doc)
	if err != nil {
		return nil, err
	}
	if !folder.Whole() {
		fmt.Fprintln(c.problems, "This backup is damaged; what is missing is asked for again. freehold verify tells more.")
	}
	return &keeper{call: c, relay: relay, fetcher: fetcher, folder: folder}, nil
}

// errNothing: nobody brought the document to that relay.
var errNothing = errors.New("this relay has nothing of the document: is it the right one? Nothing was changed")

const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// keep follows the document until it is complete, if that is asked for, or until ctx ends.
func (k *keeper) keep(ctx context.Context, once bool) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		before := k.kept
		err := k.follow(ctx, once)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil && once:
			return errors.New("interrupted; the same command goes on from here")
		case ctx.Err() != nil:
			return nil
		case once || !worthTrying(err):
			return err
		}
		if k.kept > before {
			pause = firstPause
		}
		fmt.Fprintf(k.call.problems, "%v\nTrying again in %v.\n", err, pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// worthTrying reports whether the same may succeed later.
func worthTrying(err error) bool {
	if refused := (*client.Refused)(nil); errors.As(err, &refused) {
		return refused.RetryAfter > 0
	}
	return errors.Is(err, client.ErrEnded) || errors.Is(err, client.ErrUnreachable)
}

// follow is one connection.
func (k *keeper) follow(ctx context.Context, once bool) error {
	conn, err := client.Dial(ctx, k.relay, k.folder.Doc)
	if err != nil {
		return err
	}
	defer conn.Close()
	store := conn.Challenge.Store
	since := k.folder.Resume(store)
	log, welcome, err := conn.Read(ctx, k.fetcher, wire.Hello{Doc: k.folder.Doc, Since: since, Store: &store})
	if err != nil {
		return err
	}
	if once && welcome.Genesis == nil {
		return errNothing
	}
	if welcome.Genesis == nil {
		fmt.Fprintf(k.call.problems, "%s: nobody has brought it to this relay yet; waiting\n", k.folder.Doc)
	}
	if err := k.folder.Begin(welcome); err != nil {
		return err
	}
	told := -1
	for {
		at := log.At()
		f, err := log.Next(ctx)
		if err != nil {
			return err
		}
		switch f := f.(type) {
		case *wire.Welcome:
			err = k.folder.Begin(f)
		case *wire.Batch:
			var kept int
			kept, err = k.folder.Keep(store, at, f)
			if k.kept += kept; err != nil || f.More {
				break
			}
			if told != k.kept && k.folder.Genesis != nil {
				told = k.kept
				size, _ := k.folder.Size()
				fmt.Fprintf(k.call.problems, "%s: up to date, %d envelopes in all (%s), %d of them new\n", k.folder.Doc, len(k.folder.Entries), amount(size), k.kept)
				if k.caughtUp != nil {
					err = k.caughtUp()
				}
			}
			if once && err == nil {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}
