package native_test

import (
	"errors"
	"net"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/servertest"
	"github.com/freehold-dev/freehold/server/wire"
)

// failingLog refuses commits while it is told to.
type failingLog struct {
	*server.MemoryLog
	fails atomic.Bool
}

func (l *failingLog) Commit(writes []*server.Write) error {
	if l.fails.Load() {
		return errors.New("no")
	}
	return l.MemoryLog.Commit(writes)
}

var sample = regexp.MustCompile(`(?m)^(\w+)(\{.*\})? (\S+)$`)

// metricsOf reads a metrics page: a value by name and labels.
func metricsOf(t *testing.T, address string) map[string]float64 {
	t.Helper()
	answer, page := servertest.Request(t, "GET", address+"/metrics", nil)
	if answer.StatusCode != 200 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatal(answer.Status)
	}
	out := make(map[string]float64)
	for _, m := range sample.FindAllStringSubmatch(string(page), -1) {
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatalf("%s: %v", m[0], err)
		}
		out[m[1]+m[2]] = v
	}
	return out
}

func TestMonitor(t *testing.T) {
	limits := server.DefaultLimits()
	log := &failingLog{MemoryLog: server.NewMemoryLog(wire.StoreID{1})}
	s, err := native.NewServer(server.NewRelay(log, limits, time.Now, nil), native.Options{Limits: limits, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	open := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	public, private := open(), open()
	served := make(chan error, 2)
	go func() { served <- s.Serve(public) }()
	go func() { served <- s.ServeMonitor(private) }()
	address, watch := "http://"+public.Addr().String(), "http://"+private.Addr().String()
	status := func(url string) int {
		answer, _ := servertest.Request(t, "GET", url, nil)
		return answer.StatusCode
	}
	if status(address+"/metrics") != 404 || status(watch+"/v1/docs/x") != 404 {
		t.Fatal("what is for those who run it is open to all, or the other way round")
	}
	for _, at := range []string{address, watch} {
		if status(at+"/healthz") != 200 || status(at+"/readyz") != 200 {
			t.Fatal("not ready")
		}
	}

	doc := servertest.NewDoc(t, 1)
	writer, reader := servertest.Dial(t, address), servertest.Dial(t, address)
	writer.Listen(doc, wire.Hello{Genesis: doc.Genesis()})
	reader.Listen(doc, wire.Hello{})
	session := doc.NewSession()
	for range 3 {
		say(t, writer, &wire.Append{Doc: doc.ID(), Cert: session.Cert, Envelopes: session.Run(1)})
		servertest.Await[*wire.Ack](writer)
	}
	say(t, writer, &wire.Presence{Doc: doc.ID(), Cert: session.Cert, Envelope: session.Presence("here")})
	servertest.Await[*wire.Presence](reader)
	if status(address+"/v1/docs/"+doc.ID().String()) != 401 || status(address+"/v1/docs/nonsense") != 400 {
		t.Fatal("not refused")
	}
	say(t, writer, &wire.Append{Doc: doc.ID(), Envelopes: [][]byte{make([]byte, 200)}})
	servertest.Await[*wire.Error](writer)
	got := metricsOf(t, watch)
	for name, want := range map[string]float64{
		"freehold_ready": 1, "freehold_sockets": 2, "freehold_documents": 1, "freehold_waiting_bytes": 0,
		`freehold_refusals_total{code="unproven"}`: 1, `freehold_refusals_total{code="bad-frame"}`: 1, `freehold_refusals_total{code="bad-envelope"}`: 1,
		`freehold_requests_total{route="GET /v1/docs/{doc}"}`: 2, `freehold_requests_total{route="GET /v1/socket"}`: 2,
		"freehold_append_bytes_count": 3, "freehold_ack_seconds_count": 3, `freehold_ack_seconds_bucket{le="+Inf"}`: 3,
		"freehold_commit_seconds_count": 4, "freehold_commits_failed_total": 0, "freehold_presence_total": 1,
	} {
		if v, have := got[name]; !have || v != want {
			t.Errorf("%s is %v (there: %v), want %v", name, v, have, want)
		}
	}
	for _, name := range []string{"freehold_connections", "freehold_sent_bytes_total", "freehold_disk_free_percent", "freehold_append_bytes_sum", "go_memory_live_bytes", "go_memory_total_bytes", "go_goroutines"} {
		if got[name] <= 0 {
			t.Errorf("%s is %v", name, got[name])
		}
	}

	// A disk that refuses: not ready at once, and ready again with the first that it takes.
	for _, fails := range []bool{true, false} {
		log.fails.Store(fails)
		say(t, writer, &wire.Append{Doc: doc.ID(), Cert: session.Cert, Envelopes: session.Run(1)})
		want := 200
		if fails {
			servertest.Await[*wire.Error](writer)
			session = doc.NewSession()
			want = 503
		} else {
			servertest.Await[*wire.Ack](writer)
		}
		if got := status(address + "/readyz"); got != want {
			t.Fatalf("%d while the disk fails: %v", got, fails)
		}
	}
	if got := metricsOf(t, watch); got["freehold_commits_failed_total"] != 1 || got[`freehold_refusals_total{code="storage"}`] != 1 {
		t.Errorf("%v", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil)); w.Code != 503 {
		t.Fatalf("%d when stopped", w.Code)
	}
}
