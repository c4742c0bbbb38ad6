//go:build edge

// The Worker under workerd. `make worker` builds what these tests run; nothing else in the repository needs it.
package edge_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/freehold-dev/freehold/server/relaytest"
	"github.com/freehold-dev/freehold/server/wire"
)

// workerd is the runtime, as its npm package has it: a program that needs no Node.
func workerd(t testing.TB) string {
	t.Helper()
	arch := map[string]string{"amd64": "64", "arm64": "arm64"}[runtime.GOARCH]
	program, err := filepath.Abs("node_modules/@cloudflare/workerd-" + runtime.GOOS + "-" + arch + "/bin/workerd")
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// edge is the Worker in a process, with its objects in a folder.
type edge struct {
	url     string
	process *os.Process
	ended   chan struct{}
}

// start serves a folder on a free port until the test ends. The configuration is one of build/edge.
func start(t testing.TB, folder, config string) *edge {
	t.Helper()
	says, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(workerd(t), "serve", config, "--experimental", "--directory-path=data="+folder, "--socket-addr=http=127.0.0.1:0", "--control-fd=3")
	c.Dir = "../../build/edge"
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	c.ExtraFiles = []*os.File{theirs}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = c.Start()
	theirs.Close() // so that the end of the process is the end of what it says
	if err != nil {
		t.Fatalf("%v: run make worker first", err)
	}
	e := &edge{process: c.Process, ended: make(chan struct{})}
	go func() {
		_ = c.Wait() // it is killed
		close(e.ended)
	}()
	t.Cleanup(e.kill)
	line, err := bufio.NewReader(says).ReadBytes('\n')
	if err != nil {
		t.Fatalf("workerd did not start: %v", err)
	}
	var listening struct{ Port int }
	if err := json.Unmarshal(line, &listening); err != nil {
		t.Fatal(err)
	}
	e.url = "http://127.0.0.1:" + strconv.Itoa(listening.Port)
	return e
}

// changed is the configuration with something else in it, under another name: pairs of what is replaced, and by what.
func changed(t *testing.T, name string, pairs ...string) string {
	t.Helper()
	config, err := os.ReadFile("../../build/edge/config.capnp")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !bytes.Contains(config, []byte(pairs[i])) {
			t.Fatalf("no %s in the configuration", pairs[i])
		}
		config = bytes.Replace(config, []byte(pairs[i]), []byte(pairs[i+1]), 1)
	}
	if err := os.WriteFile(filepath.Join("../../build/edge", name), config, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// setting is the configuration with settings more: names and values in turn.
func setting(t *testing.T, pairs ...string) string {
	t.Helper()
	file, bindings := "", "  bindings = [\n"
	for i := 0; i < len(pairs); i += 2 {
		file += pairs[i]
		bindings += fmt.Sprintf("    (name = %q, text = %q),\n", pairs[i], pairs[i+1])
	}
	return changed(t, file+".capnp", "  bindings = [\n", bindings)
}

// kill ends it as a power cut does, and returns when it is gone.
func (e *edge) kill() {
	_ = e.process.Kill() // or it is gone already
	<-e.ended
}

// The runtime answers for a disk that is full, and for one that stops there is nobody who could: neither is said here.
func TestContract(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ) // which workerd inherits: a file that may not grow fails as on a full disk
	doomed := start(t, t.TempDir(), "config.capnp")
	files := func(most uint64) {
		limit := unix.Rlimit{Cur: most, Max: unix.RLIM_INFINITY}
		if err := unix.Prlimit(doomed.process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
			t.Error(err)
		}
	}
	strict := setting(t, "DOCUMENT_SIZE", strconv.Itoa(relaytest.StrictBytes), "OWNERS", relaytest.StrictOwner(t), "SOCKETS", strconv.Itoa(relaytest.StrictSockets))
	relaytest.Run(t, relaytest.Home{
		URL: start(t, t.TempDir(), "config.capnp").url, OneDocument: true, Impatient: start(t, t.TempDir(), setting(t, "IDLE", "2")).url,
		Strict: start(t, t.TempDir(), strict).url,
		Doomed: doomed.url, Fill: func() { files(512 << 10) }, Empty: func() { files(unix.RLIM_INFINITY) }, Stop: doomed.kill,
		Silent: []wire.Code{wire.CodeStorage, wire.CodeStopping},
	})
}
