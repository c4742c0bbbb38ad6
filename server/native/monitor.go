package native

import (
	"net/http"
	"runtime"
	"runtime/metrics"

	"github.com/freehold-dev/freehold/server/httpapi"
	"github.com/freehold-dev/freehold/server/meter"
)

// monitor is what a relay tells those who run it. Nothing in it names a document, a session or an address.
type monitor struct {
	server *Server
	ready  *readiness
	// requests by route, turnedAway connections beyond the limits.
	requests   meter.Counters
	turnedAway meter.Counter
	damaged    *meter.Counter
}

// routes are what those who run a relay ask.
func (m *monitor) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", httpapi.Healthz)
	mux.HandleFunc("GET /readyz", m.readyz)
	mux.HandleFunc("GET /metrics", m.metrics)
	return mux
}

// readyz answers 200 when an append that came now would be taken, and 503 otherwise.
func (m *monitor) readyz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	why := ""
	switch {
	case m.server.isStopping():
		why = "stopping"
	case m.server.relay.Load().Failing:
		why = "storage"
	case m.ready.check() != nil:
		why = "disk"
	}
	if why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	w.Write([]byte("ready\n"))
}

// counted counts answers by the route as it stands in the source, never by the path that was asked for, and refusals by code.
func (m *monitor) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if code := w.Header().Get(httpapi.ErrorHeader); code != "" {
			m.server.relay.Meter().Refusals.Of(code).Add(1)
		}
		route := r.Pattern
		if route == "" {
			route = "none"
		}
		m.requests.Of(route).Add(1)
	})
}

func (m *monitor) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", meter.ContentType)
	w.Write(m.page().Bytes())
}

func (m *monitor) page() *meter.Page {
	s, p := m.server, new(meter.Page)
	load, counts := s.relay.Load(), s.relay.Meter()
	ready := 1.0
	if s.isStopping() || load.Failing || m.ready.check() != nil {
		ready = 0
	}
	p.Gauge("freehold_ready", "1 when an append that came now would be taken.", ready)
	if free, err := m.ready.free(); err == nil {
		p.Gauge("freehold_disk_free_percent", "What is free of the disk that documents are on.", free)
	}
	p.Gauge("freehold_connections", "Connections of any kind.", float64(s.gate.open.Load()))
	p.Gauge("freehold_sockets", "Connections that are WebSockets.", float64(s.sockets.count()))
	p.Gauge("freehold_documents", "Documents in memory, because somebody is there or was lately.", float64(load.Documents))
	p.Gauge("freehold_waiting_bytes", "Appends that wait for the disk.", float64(load.Waiting))
	p.Gauge("freehold_large_bytes", "Large envelopes on their way to readers.", float64(load.Large))
	p.Gauge("freehold_presence_bytes", "Who is here now.", float64(load.Presence))
	p.Counters("freehold_requests_total", "route", "Plain requests and handshakes.", &m.requests)
	p.Counters("freehold_refusals_total", "code", "Refusals, by the protocol's codes.", &counts.Refusals)
	p.Counter("freehold_turned_away_total", "Connections beyond a limit, closed before a word.", &m.turnedAway)
	p.Counter("freehold_cut_off_total", "Connections that did not read their answers.", &counts.CutOff)
	p.Histogram("freehold_append_bytes", "Sizes of appends that were taken.", counts.Taken)
	p.Histogram("freehold_ack_seconds", "From an append's arrival until it is durable.", counts.Acks)
	p.Histogram("freehold_commit_seconds", "What the disk takes for a group of appends.", counts.Commits)
	p.Counter("freehold_commits_failed_total", "Groups of appends that the disk refused.", &counts.CommitsFailed)
	if m.damaged != nil {
		p.Counter("freehold_storage_damaged_total", "Places of the store that were found damaged.", m.damaged)
	}
	p.Counter("freehold_sent_bytes_total", "Frames given to sockets.", &counts.Sent)
	p.Counter("freehold_presence_total", "Frames of presence given to sockets.", &counts.Presence)
	p.Gauge("go_goroutines", "Goroutines.", float64(runtime.NumGoroutine()))
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	p.Gauge("go_memory_live_bytes", "Objects on the heap.", float64(samples[0].Value.Uint64()))
	p.Gauge("go_memory_total_bytes", "Memory that the process has of the system.", float64(samples[1].Value.Uint64()-samples[2].Value.Uint64()))
	return p
}
