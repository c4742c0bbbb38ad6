package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
)

// token prints the right to read a document from a relay over plain HTTP. It opens nothing and asks nobody.
func token(args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	flags.SetOutput(problems)
	flags.Usage = func() { fmt.Fprint(problems, usage) }
	relay := flags.String("relay", "", "")
	life := flags.Duration("for", 5*time.Minute, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() != 1 {
		fmt.Fprintf(problems, "freehold token: give one link, in quotes: shells take # for a comment\n\n%s", usage)
		return 2
	}
	text, err := tokenFor(flags.Arg(0), *relay, *life, time.Now())
	if err != nil {
		fmt.Fprintf(problems, "freehold token: %v\n", err)
		return 1
	}
	fmt.Fprintln(out, text)
	return 0
}

func tokenFor(text, relay string, life time.Duration, now time.Time) (string, error) {
	link, err := seal.ParseLink(text)
	if err != nil {
		return "", err
	}
	if relay == "" {
		relay = link.Relay
	}
	if relay == "" {
		return "", errors.New("the link names no relay: say which with --relay HOST[:PORT]")
	}
	if life < time.Second || life > seal.MaxTokenLife*time.Second {
		return "", errors.New("a token lives between a second and an hour")
	}
	fetcher, err := seal.NewFetcher(link.Doc, link.Rights, link.Secret)
	if err != nil {
		return "", err
	}
	return fetcher.Token(relay, uint64(now.Add(life).Unix())), nil
}
