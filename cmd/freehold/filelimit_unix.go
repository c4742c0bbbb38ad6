//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// treatFileLimitAsFullDisk: a write beyond the process's file size limit fails as on a full disk, instead of ending the
// process by a signal.
func treatFileLimitAsFullDisk() { signal.Ignore(syscall.SIGXFSZ) }
