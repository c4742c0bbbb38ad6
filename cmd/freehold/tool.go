package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
)

// tool is a command that works on documents.
type tool struct {
	name string
	// usage begins with how it is called.
	usage string
	// positional is how many arguments it takes.
	positional int
	declare    func(*flag.FlagSet) func(context.Context, *call) error
}

// call is one use of a tool.
type call struct {
	args          []string
	in            io.Reader
	out, problems io.Writer
}

// tools are all of them, in the order of the help.
func tools() []tool {
	return []tool{tokenTool, admitTool, backupTool, restoreTool, verifyTool, exportTool, importTool, inspectTool, relayCopyTool, relaySalvageTool}
}

func findTool(name string) (tool, bool) {
	for _, t := range tools() {
		if t.name == name {
			return t, true
		}
	}
	return tool{}, false
}

// run gives the exit code: 0 done, 1 failed, 2 called wrongly. What was given is never repeated: it may be a link.
func (t tool) run(args []string, in io.Reader, out, problems io.Writer) int {
	flags := flag.NewFlagSet(t.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	do := t.declare(flags)
	positional, err := interleaved(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, t.usage)
		return 0
	}
	if err == nil && len(positional) != t.positional {
		err = errors.New("not called like this; a link goes in quotes: shells take # for a comment")
	}
	if err != nil {
		return misused(t.name, err, t.usage, problems)
	}
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	said := &output{to: out}
	err = do(ctx, &call{positional, in, said, problems})
	if said.err != nil && (err == nil || errors.Is(err, errTold)) {
		err = said.err
	}
	if err != nil && !errors.Is(err, errTold) {
		fmt.Fprintf(problems, "freehold %s: %s\n", t.name, words(err))
	}
	if err != nil {
		return 1
	}
	return 0
}

// output remembers why it could not be written, so that no command passes for done of which the user has half the words.
type output struct {
	to  io.Writer
	err error
}

func (o *output) Write(b []byte) (n int, err error) {
	if o.err == nil {
		n, o.err = o.to.Write(b)
	}
	return n, o.err
}

// misused says what was wrong, how the command is called, and where there is more: a page of flags would bury it.
func misused(name string, err error, usage string, problems io.Writer) int {
	called, _, _ := strings.Cut(usage, "\n")
	fmt.Fprintf(problems, "freehold %s: %v\n  %s\n  freehold help %s says more\n", name, err, called, name)
	return 2
}

// errTold: the tool has said itself what is wrong.
var errTold = errors.New("told")

// interleaved reads flags wherever they stand, before or behind what they are about.
func interleaved(flags *flag.FlagSet, args []string) (positional []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return positional, nil
		}
		positional, args = append(positional, flags.Arg(0)), flags.Args()[1:]
	}
}

// link reads a link as it was given, or from the input where that is "-": what stands on a command line is in the shell's
// history, and anybody on the machine can see it. origin is the page that the link opens, if it is a whole URL.
func (c *call) link(text string) (link seal.Link, origin string, err error) {
	if text == "-" {
		text, err = bufio.NewReader(io.LimitReader(c.in, 4<<10)).ReadString('\n')
		if err != nil && (!errors.Is(err, io.EOF) || text == "") {
			return link, "", errors.New("no link came from the input")
		}
	}
	if link, err = seal.ParseLink(text); err != nil {
		return link, "", err
	}
	if u, bad := url.Parse(strings.TrimSpace(text)); bad == nil && u.Host != "" {
		origin = u.Scheme + "://" + u.Host
	}
	return link, origin, nil
}

// relayOf is where a link's document is: where the user says, else where the link says, else where the page is that it opens.
func relayOf(given string, link seal.Link, origin string) (client.Address, error) {
	for _, text := range []string{given, link.Relay, origin} {
		if text != "" {
			return client.ParseAddress(text)
		}
	}
	return client.Address{}, errors.New("the link names no relay: say which with --relay https://relay.example")
}

// count writes how many there are of what is named.
func count[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// amount writes a number of bytes for people.
func amount(bytes int64) string {
	switch {
	case bytes < 10_000:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 10_000_000:
		return fmt.Sprintf("%d kB", bytes/1000)
	}
	return fmt.Sprintf("%d MB", bytes/1_000_000)
}
