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
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/freehold-dev/freehold/server/relaytest"
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

// setting is the configuration with one setting more.
func setting(t *testing.T, name, value string) string {
	t.Helper()
	return changed(t, name+".capnp", "  bindings = [\n", fmt.Sprintf("  bindings = [\n    (name = %q, text = %q),\n", name, value))
}

// kill ends it as a power cut does, and returns when it is gone.
func (e *edge) kill() {
	_ = e.process.Kill() // or it is gone already
	<-e.ended
}

func TestContract(t *testing.T) {
	relaytest.Run(t, relaytest.Home{
		URL: start(t, t.TempDir(), "config.capnp").url, OneDocument: true, Impatient: start(t, t.TempDir(), setting(t, "IDLE", "2")).url,
	})
}
