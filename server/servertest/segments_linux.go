package servertest

import "syscall"

// asOnANetwork has a socket take segments of a usual length, and few of them. On loopback they are so long that the system takes
// megabytes before a sender feels that nobody reads.
func asOnANetwork(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		if failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400); failed == nil {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
		}
	})
	if err != nil {
		return err
	}
	return failed
}
