// Command freehold is the relay and the tools around it in one binary.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

const usage = `freehold: software you own, not rent

  freehold serve [flags]       serve the app and a relay that cannot read what it carries
  freehold token LINK          print the right to read a document from a relay with curl
  freehold admit LINK          sign, as a relay's operator, that it may keep a document
  freehold backup LINK DIR     keep a document, sealed as it is, and go on keeping what comes
  freehold restore DIR RELAY   bring what was kept to a relay that has lost it
  freehold verify DIR          check what was kept, or a relay's data folder
  freehold export LINK         print a document's content
  freehold import FILE RELAY   begin a document with what was exported
  freehold inspect DATA        show what the operator of a relay sees, or of a LINK's document
  freehold relay-copy FROM TO  copy a relay's data folder, also while it runs; and back
  freehold relay-salvage FROM TO  make a new one of what can be read of a damaged one
  freehold version             say which build this is
  freehold help COMMAND        say more about a command
`

// version is set at release with -ldflags "-X main.version=1.2.3".
var version = "0.0.1"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings as parameters. It gives the exit code: 0 done, 1 failed, 2 called wrongly.
func run(args []string, out, problems io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(problems, usage)
		return 2
	}
	if t, ok := findTool(args[0]); ok {
		return t.run(args[1:], os.Stdin, out, problems)
	}
	topic := strings.Join(args[1:], " ")
	switch args[0] {
	case "serve":
		return serve(args[1:], out, problems)
	case "version", "--version":
		fmt.Fprintln(out, versionLine())
		return 0
	case "help", "--help", "-h":
		if t, ok := findTool(topic); ok {
			fmt.Fprint(out, t.usage)
			return 0
		}
		if topic == "serve" {
			fmt.Fprint(out, serveUsage)
			return 0
		}
		fmt.Fprint(out, usage)
		return 0
	}
	// What was given is not repeated: it may be a link.
	fmt.Fprintln(problems, "freehold: there is no such command\n  freehold help lists them")
	return 2
}

func versionLine() string {
	line := "freehold " + version
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				line += " " + s.Value[:12]
			}
		}
	}
	return fmt.Sprintf("%s %s/%s %s", line, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
