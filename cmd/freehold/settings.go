package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
)

const serveUsage = `freehold serve [flags]: serve the app and a relay that cannot read what it carries

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
  --document-append-rate N   appends of all to one document in a second (300), after
  --document-append-burst N  the first at once (1200); 0: no limit
  --document-connections N  who may listen to one document (200)
  --document-sessions N  sessions of one document that may have something in its log (10000)
  --document-size SIZE      what one document may keep (256MiB)
Each may be given in the environment instead: --tls-cert is FREEHOLD_TLS_CERT. Lists take commas.
`

// settings are what an operator says about a relay, as flags or in the environment.
type settings struct {
	metrics, log string
	// owners is a file of root keys, or operator the key that admits; neither: all come in.
	owners, operator  string
	classes           classes
	listen, data      string
	certFile, keyFile string
	options           native.Options
}

// serveFlags declares them.
func serveFlags() (*flag.FlagSet, *settings) {
	s := &settings{options: native.Options{Limits: server.DefaultLimits()}}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:7070", "")
	flags.StringVar(&s.data, "data", "data", "")
	flags.StringVar(&s.metrics, "metrics", "", "")
	flags.StringVar(&s.log, "log", "text", "")
	flags.Var((*list)(&s.options.Origins), "origin", "")
	flags.Var((*list)(&s.options.Names), "name", "")
	flags.StringVar(&s.certFile, "tls-cert", "", "")
	flags.StringVar(&s.keyFile, "tls-key", "", "")
	flags.StringVar(&s.owners, "owners", "", "")
	flags.StringVar(&s.operator, "operator", "", "")
	flags.Var(&s.classes, "class", "")
	flags.Var((*proxies)(&s.options.Proxies), "proxy", "")
	limits := &s.options.Limits
	flags.IntVar(&limits.Connections, "connections", limits.Connections, "")
	flags.IntVar(&limits.CallerConnections, "address-connections", limits.CallerConnections, "")
	flags.Float64Var(&limits.CallerDocsPerHour, "address-documents", limits.CallerDocsPerHour, "")
	flags.Float64Var(&limits.CallerFailuresPerMinute, "address-failures", limits.CallerFailuresPerMinute, "")
	flags.Float64Var(&limits.AppendsPerSecond, "append-rate", limits.AppendsPerSecond, "")
	flags.Float64Var(&limits.AppendBurst, "append-burst", limits.AppendBurst, "")
	flags.Float64Var(&limits.DocAppendsPerSecond, "document-append-rate", limits.DocAppendsPerSecond, "")
	flags.Float64Var(&limits.DocAppendBurst, "document-append-burst", limits.DocAppendBurst, "")
	flags.IntVar(&limits.DocSubscribers, "document-connections", limits.DocSubscribers, "")
	flags.IntVar(&limits.DocSessions, "document-sessions", limits.DocSessions, "")
	flags.Var((*size)(&limits.DocBytes), "document-size", "")
	return flags, s
}

// read takes the command line and the environment.
func (s *settings) read(flags *flag.FlagSet, args []string, lookup func(string) (string, bool)) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("what is %q?", flags.Arg(0))
	}
	if err := fromEnvironment(flags, lookup); err != nil {
		return err
	}
	for _, origin := range s.options.Origins {
		if !isOrigin(origin) {
			return fmt.Errorf("--origin %q is none: scheme and host, such as https://notes.example, or *", origin)
		}
	}
	for _, name := range s.options.Names {
		if strings.ContainsAny(name, "/?#@ ") {
			return fmt.Errorf("--name %q is none: a host alone, such as relay.example or relay.example:7070", name)
		}
	}
	limits := s.options.Limits
	if limits.CallerConnections < 0 || limits.CallerDocsPerHour < 0 || limits.CallerFailuresPerMinute < 0 || limits.AppendBurst < 0 || limits.DocAppendBurst < 0 {
		return errors.New("limits of an address, --append-burst and --document-append-burst are at least 0, which is no limit")
	}
	if limits.Connections < 1 || limits.DocSubscribers < 1 || limits.DocSessions < 1 || limits.AppendBurst > 0 && limits.AppendsPerSecond < 1 || limits.DocAppendBurst > 0 && limits.DocAppendsPerSecond < 1 {
		return errors.New("--connections, --document-connections, --document-sessions and the rates of appends must be at least 1")
	}
	if s.owners != "" && s.operator != "" || s.classes != nil && s.operator == "" {
		return errors.New("documents are admitted by --owners, or by --operator with its --class, or all of them")
	}
	if s.log != "text" && s.log != "json" {
		return errors.New("--log is text or json")
	}
	if (s.certFile == "") != (s.keyFile == "") {
		return errors.New("TLS needs both --tls-cert and --tls-key")
	}
	return nil
}

// isOrigin tells an origin from what no browser would ever send as one, and what would so be listed for nothing.
func isOrigin(text string) bool {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	return text == "*" || text == "null" || err == nil && u.Scheme != "" && u.Host != "" && u.User == nil && u.Path == "" && u.RawQuery == "" && u.Fragment == ""
}

// admissionsName is where a data folder keeps what an operator signed and somebody brought.
const admissionsName = "admissions"

// admission is who may bring documents, nil for all.
func (s *settings) admission(o *native.Options, report func(error)) (server.Admission, error) {
	switch {
	case s.owners != "":
		return native.AdmitListed(s.owners, time.Now, report)
	case s.operator != "":
		key, err := seal.ParseKey(s.operator)
		if err != nil {
			return nil, fmt.Errorf("--operator: %w", err)
		}
		o.Admissions, err = native.AdmitSigned(key, s.classes, filepath.Join(s.data, admissionsName), time.Now, report)
		return o.Admissions, err
	}
	return nil, nil
}

// logger writes in the form asked for.
func (s *settings) logger(to io.Writer) *slog.Logger {
	if s.log == "json" {
		return slog.New(slog.NewJSONHandler(to, nil))
	}
	return slog.New(slog.NewTextHandler(to, nil))
}

// scheme is how pages reach the relay.
func (s *settings) scheme() string {
	if s.certFile != "" {
		return "https"
	}
	return "http"
}

// greet says where the app is. Two names of one machine are two origins, and so two devices to try it with.
func (s *settings) greet(out io.Writer, port int) {
	host := s.listen[:max(0, strings.LastIndex(s.listen, ":"))]
	if host != "127.0.0.1" && host != "localhost" {
		fmt.Fprintf(out, "Relay on %s:%d · Ctrl-C stops it\n", host, port)
		return
	}
	fmt.Fprintf(out, "App %[1]s://localhost:%[2]d · second device %[1]s://127.0.0.1:%[2]d · Ctrl-C stops only the relay\n", s.scheme(), port)
}
