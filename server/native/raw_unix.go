//go:build unix

package native

import (
	"io"
	"net"
	"syscall"
)

// rawOf is the system's own side of a connection, nil where it has none: with TLS, and pipes in memory.
func rawOf(conn net.Conn) syscall.RawConn {
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// readNow reads what has come; later: there is nothing yet.
func readNow(fd uintptr, b []byte) (n int, later bool, err error) {
	n, later, err = withoutInterrupts(func() (int, error) { return syscall.Read(int(fd), b) })
	if n == 0 && !later && err == nil {
		err = io.EOF
	}
	return n, later, err
}

// writeNow writes what the line takes at once.
func writeNow(fd uintptr, b []byte) (n int, err error) {
	n, _, err = withoutInterrupts(func() (int, error) { return syscall.Write(int(fd), b) })
	return n, err
}

func withoutInterrupts(do func() (int, error)) (n int, later bool, err error) {
	for {
		n, err = do()
		switch err {
		case nil:
			return n, false, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, true, nil
		default:
			return 0, false, err
		}
	}
}
