package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
)

var tokenTool = tool{
	name: "token", positional: 1, declare: declareToken,
	usage: `freehold token LINK: print the right to read a document from a relay over plain HTTP

  --relay HOST[:PORT]  the relay, if the link does not name it
  --for DURATION       how long it is valid (5m, at most 1h)

It opens nothing and asks nobody. LINK may be -, then it is read from the input:

  curl -H "Authorization: Bearer $(freehold token - < link.txt)" https://relay.example/v1/docs/$DOC
`,
}

func declareToken(flags *flag.FlagSet) func(context.Context, *call) error {
	relay := flags.String("relay", "", "")
	life := flags.Duration("for", 5*time.Minute, "")
	return func(_ context.Context, c *call) error {
		link, _, err := c.link(c.args[0])
		if err != nil {
			return err
		}
		text, err := tokenFor(link, *relay, *life, time.Now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.out, text)
		return err
	}
}

func tokenFor(link seal.Link, relay string, life time.Duration, now time.Time) (string, error) {
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
