package native

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Listen opens an address. Where that is the loopback of IPv4, it opens the one of IPv6 beside it: browsers resolve
// "localhost" to either, and the app at http://localhost and its second device at http://127.0.0.1 are one relay.
// Port 0 takes a free one, the same for both.
func Listen(address string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("native: listen: %w", err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	first, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("native: listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || ip.To4() == nil || !ip.IsLoopback() {
		return []net.Listener{first}, nil
	}
	second, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(Port(first))))
	switch {
	case err == nil:
		return []net.Listener{first, second}, nil
	case errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT):
		// A machine without IPv6.
		return []net.Listener{first}, nil
	}
	// Somebody else would answer for localhost.
	return nil, errors.Join(fmt.Errorf("native: listen: %w", err), first.Close())
}

// Port is the port of a TCP listener.
func Port(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}
