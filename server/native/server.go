package native

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/httpapi"
	"github.com/freehold-dev/freehold/server/meter"
)

// Server is a relay on a network: WebSocket at /v1/socket, plain requests under /v1/docs, the app at /, and how it is at /healthz
// and /readyz.
type Server struct {
	relay   *server.Relay
	sockets *sockets
	http    *http.Server
	monitor *monitor
	// watched answers those who run the relay.
	watched  *http.Server
	stopping chan struct{}
	stop     sync.Once
	gate     *gate
	// certificate is nil where the relay speaks plainly.
	certificate *Certificate
	closeWithin time.Duration
	sweeping    sync.WaitGroup
}

// Options say how a Server meets its network.
type Options struct {
	// Folder is where the documents are, to ask its disk whether it takes writes; "" where there is none.
	Folder string
	// App are the app's files, or nil.
	App fs.FS
	// Origins are pages of other hosts that may use the relay.
	Origins []string
	// Names are the hosts under which the relay may be reached, with a port where it is not the scheme's own. None: any.
	Names []string
	// Admissions, where not nil, takes what an operator signed for documents; the relay's own Home.Admission decides by it.
	Admissions *Signed
	// Proxies are addresses whose word is taken for whom they ask (X-Forwarded-For).
	Proxies []netip.Prefix
	// Certificate makes listeners speak TLS, if it is not nil.
	Certificate *Certificate
	// Damaged counts what the store found damaged, nil where nobody counts.
	Damaged *meter.Counter
	// Limits as given to the relay.
	Limits server.Limits
	// Idle is how long a connection may bring no byte at all, two pings unanswered; 0: a minute.
	Idle time.Duration
	// CloseWithin is how long requests under way may take to end when the relay stops; 0: three seconds.
	CloseWithin time.Duration
}

// idlePerConnection is how many connections there may be for each that a limit allows to be a socket, and to be asking: some
// shake hands, and browsers keep some open.
const idlePerConnection = 2

// bodyWithin is how long a request's body may take that is not expected to be long: those httpapi gives more time.
const bodyWithin = time.Minute

// NewServer serves a relay, which it closes with itself.
func NewServer(relay *server.Relay, o Options) (*Server, error) {
	names := httpapi.NewNames(o.Names)
	from := &addresses{server.NewCallers(o.Limits, time.Now), o.Proxies}
	s := &Server{relay: relay, sockets: newSockets(relay, o.Limits, o.Idle, names, from), gate: &gate{addresses: from, limit: idlePerConnection * int64(o.Limits.Connections)}, certificate: o.Certificate, stopping: make(chan struct{}), closeWithin: o.CloseWithin}
	if s.closeWithin == 0 {
		s.closeWithin = 3 * time.Second
	}
	s.monitor = &monitor{server: s, ready: newReadiness(o.Folder), damaged: o.Damaged}
	s.gate.turnedAway = &s.monitor.turnedAway
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", s.monitor.readyz)
	mux.Handle("GET "+socketPath, s.sockets)
	callerOf := func(r *http.Request) *server.Caller {
		caller, _ := from.of(r)
		return caller
	}
	(&httpapi.API{Documents: httpapi.Local(relay, s.stopping), Names: names, Caller: callerOf, Turn: s.sockets.turns.take}).Routes(mux)
	if o.Admissions != nil {
		mux.Handle("PUT /v1/docs/{doc}/admission", o.Admissions)
	}
	if o.App != nil {
		files, err := newApp(o.App)
		if err != nil {
			return nil, err
		}
		mux.Handle("GET /", files)
	}
	s.watched = &http.Server{Handler: s.monitor.routes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: idleAfter, ErrorLog: quiet()}
	s.http = &http.Server{
		Handler:           s.monitor.counted(httpapi.AtMost(o.Limits.Connections, from.relayed(httpapi.Guard(httpapi.NewOrigins(o.Origins...), mux)))),
		ReadHeaderTimeout: 5 * time.Second,
		// SECURITY: net/http reads the rest of a body that no handler wanted, and without this waits for it without end.
		ReadTimeout: bodyWithin,
		// A Batch may be a snapshot long and go to a thin line; sockets have their own deadlines.
		WriteTimeout:   20 * time.Minute,
		IdleTimeout:    idleAfter,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       quiet(),
	}
	s.sweeping.Go(s.sweep)
	return s, nil
}

// sweepEvery is how often what snapshots cover is looked at. It stays for a week at least; an hour more is nothing.
const sweepEvery = time.Hour

func (s *Server) sweep() {
	hour := time.NewTicker(sweepEvery)
	defer hour.Stop()
	for {
		select {
		case <-s.stopping:
			return
		case <-hour.C:
			// Where the disk refuses, the next hour tries again, and appends report it.
			_ = s.relay.Sweep()
		}
	}
}

// ServeHTTP answers one request, for those who bring their own listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.Handler.ServeHTTP(w, r) }

// Serve answers on all listeners until Close. It returns nil after Close, and the first error otherwise.
func (s *Server) Serve(listeners ...net.Listener) error {
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		l = s.gate.at(l)
		if s.certificate != nil {
			l = tls.NewListener(l, s.certificate.Config())
		}
		go func() { failed <- s.http.Serve(l) }()
	}
	for range listeners {
		if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
	}
	return nil
}

// ServeMonitor answers /metrics, /healthz and /readyz on a listener of their own, until Close. It returns nil after Close.
func (s *Server) ServeMonitor(l net.Listener) error {
	if err := s.watched.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *Server) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// Close lets nobody in and takes nothing more, ends the connections, waits until all that was taken is durable, and closes the log.
// Until requests under way have ended, those on sockets hear why.
func (s *Server) Close() error {
	var err error
	s.stop.Do(func() {
		close(s.stopping)
		s.relay.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), s.closeWithin)
		defer cancel()
		if err = s.http.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			err = s.http.Close()
		}
		s.sockets.close()
		s.sweeping.Wait()
		err = errors.Join(err, s.relay.Close(), s.watched.Close())
	})
	return err
}

// quiet drops what net/http would log: it names addresses.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
