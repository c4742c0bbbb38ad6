//go:build !unix

package native

import (
	"errors"
	"net"
	"syscall"
)

// rawOf has nothing to give: elsewhere a buffer lies ready for what comes.
func rawOf(net.Conn) syscall.RawConn { return nil }

func readNow(uintptr, []byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }

func writeNow(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
