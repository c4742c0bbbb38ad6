package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// withoutFlush makes the command one whose disk refuses to flush.
const withoutFlush = "FREEHOLD_TEST_WITHOUT_FLUSH"

func init() {
	if os.Getenv(withoutFlush) != "" {
		refuseFlush()
	}
}

// A file that was written and not flushed, by a relay that was killed, is flushed before anything of it is acknowledged:
// where that fails the relay does not start.
func TestRelayThatCannotFlushDoesNotStart(t *testing.T) {
	folder := t.TempDir()
	start(t, folder).kill()
	again := exec.Command(os.Args[0], "serve", "--listen", "127.0.0.1:0", "--data", folder)
	again.Env = append(os.Environ(), asCommand+"=1", withoutFlush+"=1")
	var said strings.Builder
	again.Stderr = &said
	greeting, err := again.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	// Its output ends at once, or begins with a greeting.
	n, _ := greeting.Read(make([]byte, 1))
	if n > 0 {
		_ = again.Process.Kill()
	}
	_ = again.Wait()
	if n > 0 || again.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), unix.EIO.Error()) {
		t.Fatalf("greeted %v, exit code %d: %s", n > 0, again.ProcessState.ExitCode(), said.String())
	}
}

// refuseFlush makes fdatasync fail in this process from here on, as it does on a broken disk.
func refuseFlush() {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FDATASYNC, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EIO)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program))); errno != 0 {
		panic(errno)
	}
}
