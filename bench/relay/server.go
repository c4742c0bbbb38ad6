package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// server is a process that is measured.
type server struct {
	kind      kind
	command   *exec.Cmd
	address   string
	work      string
	coldStart float64
}

// startServer starts one and waits until it answers a request.
func startServer(k kind, folder, work string) (*server, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	s := &server{kind: k, command: k.command(folder, port), address: fmt.Sprintf("127.0.0.1:%d", port), work: work}
	log, err := os.Create(filepath.Join(work, k.name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.command.Stdout, s.command.Stderr = log, log
	began := time.Now()
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	for time.Since(began) < 30*time.Second {
		if _, err := s.get(); err == nil {
			s.coldStart = ms(time.Since(began))
			return s, nil
		}
		// How finely a cold start is measured.
		time.Sleep(time.Millisecond)
	}
	s.stop()
	return nil, errors.New("it does not answer; see " + log.Name())
}

func (s *server) get() (time.Duration, error) {
	began := time.Now()
	answer, err := http.Get("http://" + s.address + "/healthz")
	if err != nil {
		return 0, err
	}
	answer.Body.Close()
	return time.Since(began), nil
}

// warm is the median of some requests, in ms.
func (s *server) warm() (float64, error) {
	var all []time.Duration
	for range 51 {
		took, err := s.get()
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return ms(all[len(all)/2]), nil
}

func (s *server) stop() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
}

// memory is the resident memory in KiB.
func (s *server) memory() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return n
		}
	}
	return 0
}

// cpu is the processor time it has used, in µs; the system counts hundredths of a second.
func (s *server) cpu() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) * 10_000
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// unpaced is the Worker's configuration without its rate of appends, as with the native relay. Where it cannot be read, workerd says so.
func unpaced() string {
	config, _ := os.ReadFile("build/edge/config.capnp")
	_ = os.WriteFile("build/edge/unpaced.capnp", bytes.Replace(config, []byte("  bindings = [\n"), []byte("  bindings = [\n    (name = \"APPEND_RATE\", text = \"0\"),\n"), 1), 0o644)
	return "unpaced.capnp"
}

// workerd is where the Worker's tests have it.
func workerd() string {
	arch := map[string]string{"amd64": "64", "arm64": "arm64"}[runtime.GOARCH]
	path, _ := filepath.Abs("server/edge/node_modules/@cloudflare/workerd-" + runtime.GOOS + "-" + arch + "/bin/workerd")
	return path
}
