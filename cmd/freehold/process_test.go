package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// asCommand makes this test binary be the command itself: a process of its own that can be killed.
const asCommand = "FREEHOLD_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a running relay.
type process struct {
	t       *testing.T
	command *exec.Cmd
	address string
	// reading ends when both outputs are closed.
	reading sync.WaitGroup
	mu      sync.Mutex
	output  strings.Builder
	ended   bool
	// grew is told with every line, and at the end.
	grew *sync.Cond
}

// start runs "freehold serve" on a folder and a free port, with more flags perhaps, and returns when it greets.
func start(t *testing.T, folder string, more ...string) *process {
	t.Helper()
	p := &process{t: t, command: exec.Command(os.Args[0], append([]string{"serve", "--listen", "127.0.0.1:0", "--data", folder}, more...)...)}
	p.grew = sync.NewCond(&p.mu)
	p.command.Env = append(os.Environ(), asCommand+"=1")
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := p.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	greeting := make(chan string, 1)
	p.reading.Add(2)
	go p.keep(out, greeting)
	go p.keep(problems, nil)
	_, rest, found := strings.Cut(<-greeting, "second device ")
	if !found {
		t.Fatalf("no greeting: %s", p.text())
	}
	p.address, _, _ = strings.Cut(rest, " ")
	return p
}

// keep collects output; the first line goes to greeting, if there is one, or "" when there is none.
func (p *process) keep(from io.Reader, greeting chan<- string) {
	defer func() {
		p.mu.Lock()
		p.ended = true
		p.grew.Broadcast()
		p.mu.Unlock()
		p.reading.Done()
	}()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		p.mu.Lock()
		p.output.WriteString(lines.Text() + "\n")
		p.grew.Broadcast()
		p.mu.Unlock()
		if greeting != nil {
			greeting <- lines.Text()
			greeting = nil
		}
	}
	if greeting != nil {
		greeting <- ""
	}
}

// says waits until the process has said something, and gives it with its parts.
func (p *process) says(what *regexp.Regexp) []string {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if found := what.FindStringSubmatch(p.output.String()); found != nil {
			return found
		}
		if p.ended {
			p.t.Fatalf("it never says %s: %s", what, p.output.String())
		}
		p.grew.Wait()
	}
}

// text is everything that the process has said.
func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// kill ends the process as a power cut would, except that the system's cache stays.
func (p *process) kill() {
	_ = p.command.Process.Signal(syscall.SIGKILL)
	p.wait()
}

// stop is Ctrl-C; it gives the exit code.
func (p *process) stop() int {
	p.t.Helper()
	if err := p.command.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	return p.wait()
}

func (p *process) wait() int {
	p.reading.Wait()
	_ = p.command.Wait()
	return p.command.ProcessState.ExitCode()
}
