package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/web"
)

// list collects a flag that may be repeated.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func serve(args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(problems)
	flags.Usage = func() { fmt.Fprint(problems, usage) }
	listen := flags.String("listen", "127.0.0.1:7070", "")
	data := flags.String("data", "data", "")
	var o native.Options
	flags.Var((*list)(&o.Origins), "origin", "")
	flags.Var((*list)(&o.Names), "name", "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(problems, "freehold serve: what is %q?\n\n%s", flags.Arg(0), usage)
		return 2
	}
	treatFileLimitAsFullDisk()
	// A second signal ends the process at once: what was acknowledged is on disk already.
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	if err := serveUntil(ctx, release, *listen, *data, o, out, problems); err != nil {
		fmt.Fprintf(problems, "freehold serve: %v\n", err)
		return 1
	}
	return 0
}

// serveUntil serves until ctx ends. release gives signals back to the system.
func serveUntil(ctx context.Context, release func(), address, data string, o native.Options, out, problems io.Writer) error {
	started := time.Now()
	logger := slog.New(slog.NewTextHandler(problems, nil))
	log, err := native.OpenBoltLog(data)
	if err != nil {
		return fmt.Errorf("%w (folder %s)", err, data)
	}
	o.App, o.Limits = web.App(), server.DefaultLimits()
	relay := server.NewRelay(log, o.Limits, time.Now, func(err error) { reportStorage(logger, err) })
	listeners, err := native.Listen(address)
	if err != nil {
		return errors.Join(err, relay.Close())
	}
	s, err := native.NewServer(relay, o)
	if err != nil {
		return errors.Join(err, relay.Close())
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(listeners...) }()

	greet(out, address, native.Port(listeners[0]))
	logger.Info("relay started", "version", version, "after", time.Since(started).Round(time.Millisecond))
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	release()
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nRelay stopped. Open pages go on without it.")
	return nil
}

// greet says where the app is. Two names of one machine are two origins, and so two devices to try it with.
func greet(out io.Writer, address string, port int) {
	host := address[:max(0, strings.LastIndex(address, ":"))]
	if host != "127.0.0.1" && host != "localhost" {
		fmt.Fprintf(out, "Relay on %s:%d · Ctrl-C stops it\n", host, port)
		return
	}
	fmt.Fprintf(out, "App http://localhost:%d · second device http://127.0.0.1:%d · Ctrl-C stops only the relay\n", port, port)
}

// reportStorage logs that writing begins to fail, or works again. Only the system's own word for the failure is logged:
// the rest of an error may name a document.
func reportStorage(logger *slog.Logger, err error) {
	if err == nil {
		logger.Info("storage works again")
		return
	}
	reason := "unknown"
	if errno := syscall.Errno(0); errors.Is(err, native.ErrFull) {
		reason = native.ErrFull.Error()
	} else if errors.As(err, &errno) {
		reason = errno.Error()
	}
	logger.Error("storage refuses; appends are refused, reads go on", "reason", reason)
}
