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

  freehold serve [flags]   serve the app and a relay that cannot read what it carries
  freehold token LINK      print the right to read a document from a relay with curl
  freehold admit LINK      sign, as a relay's operator, that it may keep a document
  freehold backup LINK DIR     keep a document, sealed as it is, and go on keeping what comes
  freehold restore DIR RELAY   bring what was kept to a relay that has lost it
  freehold verify DIR          check what was kept, or a relay's data folder
  freehold export LINK         print a document's content
  freehold import FILE RELAY   begin a document with what was exported
  freehold inspect DATA        show what the operator of a relay sees, or of a LINK's document
  freehold relay-copy FROM TO  copy a relay's data folder, also while it runs; and back
  freehold relay-salvage FROM TO  make a new one of what can be read of a damaged one
  freehold version         say which build this is
  freehold help [COMMAND]  show this, or more about a command

freehold serve:
  --listen ADDRESS   host and port (127.0.0.1:7070; its IPv6 twin is opened too)
  --data FOLDER      where sealed documents are kept (data)
  --origin ORIGIN    a page of this origin may use the relay, too; may be repeated;
                     pages of the relay's own host and of localhost always may, "*" lets all;
                     list the public one behind a proxy on this machine
  --name HOST[:PORT] a public name of this relay; may be repeated. What devices sign to
                     read is then worth nothing on another relay
  --metrics ADDRESS  where /metrics, /healthz and /readyz are answered for those who run the
                     relay (nowhere; the latter two are answered everywhere)
  --log text|json    the form of the log on standard error (text)
  --tls-cert FILE    speak TLS with this certificate (PEM, the chain after it) and
  --tls-key FILE     this key; both are read again when they change
  --owners FILE      keep documents of these owners only: root keys, one on a line
                     (freehold admit --root LINK prints one); read again when it changes
  --operator KEY     keep only documents that this key signed for (freehold admit)
  --class N=SIZE     what a document of the operator's class N may keep; may be repeated
  --proxy ADDRESS    a proxy in front, or a network of them (10.0.0.0/8): believed when it
                     says in X-Forwarded-For for whom it asks; may be repeated
  --connections N    sockets in all, and plain requests at once (10000)
  --address-connections N  connections of one address (60)
  --address-documents N    new documents that one address may bring in an hour (2000)
  --address-failures N     proofs of one address in a minute that do not hold (5)
  --append-rate N    appends of one socket in a second (30), after the first
  --append-burst N   at once (120); 0 here or for an address: no limit. Addresses of this
                     machine have none
  --document-connections N  who may listen to one document (200)
  --document-size SIZE      what one document may keep (256MiB)
Each may be given in the environment instead: --tls-cert is FREEHOLD_TLS_CERT. Lists take commas.

freehold token:
  --relay HOST[:PORT]  the relay, if the link does not name it
  --for DURATION       how long it is valid (5m, at most 1h)
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
	switch args[0] {
	case "serve":
		return serve(args[1:], out, problems)
	case "token":
		return token(args[1:], out, problems)
	case "version", "--version":
		fmt.Fprintln(out, versionLine())
		return 0
	case "help", "--help", "-h":
		if t, ok := findTool(strings.Join(args[1:], " ")); ok {
			fmt.Fprint(out, t.usage)
			return 0
		}
		fmt.Fprint(out, usage)
		return 0
	}
	fmt.Fprintf(problems, "freehold: there is no %q here\n\n%s", args[0], usage)
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
