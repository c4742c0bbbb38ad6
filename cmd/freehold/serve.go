package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/meter"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/store"
	"github.com/freehold-dev/freehold/web"
)

// storeOptions are the store's; a test has one in which everything happens often.
var storeOptions = store.Defaults()

func serve(args []string, out, problems io.Writer) int {
	flags, settings := serveFlags()
	if err := settings.read(flags, args, os.LookupEnv); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, serveUsage)
		return 0
	} else if err != nil {
		return misused("serve", err, serveUsage, problems)
	}
	treatFileLimitAsFullDisk()
	// A second signal ends the process at once: what was acknowledged is on disk already.
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	if err := serveUntil(ctx, release, settings, out, problems); err != nil {
		fmt.Fprintf(problems, "freehold serve: %s\n", words(err))
		return 1
	}
	return 0
}

// serveUntil serves until ctx ends. release gives signals back to the system.
func serveUntil(ctx context.Context, release func(), settings *settings, out, problems io.Writer) error {
	started := time.Now()
	logger := settings.logger(problems)
	o := settings.options
	o.App, o.Folder = web.App(), settings.data
	if settings.certFile != "" {
		var err error
		if o.Certificate, err = native.LoadCertificate(settings.certFile, settings.keyFile, time.Now, func(err error) { reportCertificate(logger, err) }); err != nil {
			return err
		}
	}
	// Before the folder: an address that cannot be had leaves nothing behind.
	listeners, err := native.Listen(settings.listen)
	if err != nil {
		return err
	}
	served := false
	defer func() {
		for _, l := range listeners {
			if !served {
				l.Close()
			}
		}
	}()
	o.Damaged = new(meter.Counter)
	storing := storeOptions
	storing.Report = func(where string) {
		o.Damaged.Add(1)
		logger.Error("storage is damaged; what is damaged is not served: freehold verify and freehold relay-salvage", "where", where)
	}
	log, err := store.OpenWith(settings.data, storing)
	if err != nil {
		return fmt.Errorf("%w (folder %s)", err, settings.data)
	}
	admission, err := settings.admission(&o, func(err error) { logger.Error("admission", "reason", err) })
	if err != nil {
		return errors.Join(err, log.Close())
	}
	relay := server.NewRelayAt(server.Home{Admission: admission}, log, o.Limits, time.Now, func(err error) { reportStorage(logger, err) })
	s, err := native.NewServer(relay, o)
	if err != nil {
		return errors.Join(err, relay.Close())
	}
	failed := make(chan error, 2)
	if settings.metrics != "" {
		watched, err := net.Listen("tcp", settings.metrics)
		if err != nil {
			return errors.Join(fmt.Errorf("metrics: %w", err), s.Close())
		}
		logger.Info("metrics", "port", native.Port(watched))
		go func() { failed <- s.ServeMonitor(watched) }()
	}
	served = true
	go func() { failed <- s.Serve(listeners...) }()

	settings.greet(out, native.Port(listeners[0]))
	logger.Info("relay started", "version", version, "after", time.Since(started).Round(time.Millisecond))
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	release()
	logger.Info("relay stops")
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nRelay stopped. Open pages go on without it.")
	return nil
}

// reportCertificate logs that a changed certificate is in use, or could not be read.
func reportCertificate(logger *slog.Logger, err error) {
	if err == nil {
		logger.Info("new certificate in use")
		return
	}
	logger.Error("the changed certificate cannot be used; the old one goes on", "reason", err)
}

// reportStorage logs that writing begins to fail, or works again. Only the system's own word for the failure is logged:
// the rest of an error may name a document.
func reportStorage(logger *slog.Logger, err error) {
	if err == nil {
		logger.Info("storage works again")
		return
	}
	reason := "unknown"
	if errno := syscall.Errno(0); errors.Is(err, store.ErrFull) {
		reason = store.ErrFull.Error()
	} else if errors.As(err, &errno) {
		reason = errno.Error()
	}
	logger.Error("storage refuses; appends are refused, reads go on", "reason", reason)
}
