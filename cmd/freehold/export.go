package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/freehold-dev/freehold/internal/rebuild"
	"github.com/freehold-dev/freehold/internal/seal"
)

var exportTool = tool{
	name: "export", positional: 1, declare: declareExport,
	usage: `freehold export LINK: print a document's content, which the link opens

  --as FORMAT        json (everything; the default), markdown (to read), or archive (a file
                     with all of its history, for freehold import)
  --from DIR         read it from a backup and ask no relay
  --relay ADDRESS    the relay, if the link does not name it

LINK may be -, then it is read from the input. Nothing is stored on this machine but what you
store yourself:

  freehold export --as markdown - < link.txt > note.md
  freehold export --from backups --as archive - < link.txt > note.freehold
`,
}

func declareExport(flags *flag.FlagSet) func(context.Context, *call) error {
	as := flags.String("as", "json", "")
	from := flags.String("from", "", "")
	at := flags.String("relay", "", "")
	return func(ctx context.Context, c *call) error {
		write, ok := map[string]func(io.Writer, *rebuild.Result) error{
			"json":     func(w io.Writer, r *rebuild.Result) error { return all(w, append(r.Doc.JSON(), '\n')) },
			"markdown": func(w io.Writer, r *rebuild.Result) error { return all(w, []byte(markdown(r.Doc.Value()))) },
			"archive":  func(w io.Writer, r *rebuild.Result) error { return all(w, r.Doc.Save()) },
		}[*as]
		if !ok {
			return errors.New("--as is json, markdown or archive")
		}
		link, origin, err := c.link(c.args[0])
		if err != nil {
			return err
		}
		dir := *from
		if dir == "" {
			// What comes is sealed until it is in memory.
			if dir, err = os.MkdirTemp("", "freehold-export-"); err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			if err := fetch(ctx, c, *at, link, origin, dir); err != nil {
				return err
			}
		}
		kept, err := readKept(dir, link.Doc, &link)
		if err != nil {
			return err
		}
		problems := kept.problems()
		for _, line := range problems {
			fmt.Fprintln(c.problems, line)
		}
		if err := write(c.out, kept.Result); err != nil {
			return err
		}
		if len(problems) > 0 {
			fmt.Fprintln(c.problems, "This is everything that could be read; the lines above say what is missing.")
			return errTold
		}
		return nil
	}
}

// fetch keeps a document once.
func fetch(ctx context.Context, c *call, at string, link seal.Link, origin, dir string) error {
	relay, err := relayOf(at, link, origin)
	if err != nil {
		return err
	}
	quiet := *c
	quiet.problems = io.Discard
	k, err := newKeeper(&quiet, relay, link, dir)
	if err != nil {
		return err
	}
	return errors.Join(k.keep(ctx, true), k.folder.Close())
}

func all(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}
