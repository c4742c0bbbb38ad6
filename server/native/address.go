package native

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/httpapi"
)

// addresses tells callers apart by where they come from.
type addresses struct {
	callers *server.Callers
	// proxies are believed when they say for whom they ask.
	proxies []netip.Prefix
}

// of is who makes a request; relayed, when a proxy makes it for them.
func (a *addresses) of(r *http.Request) (caller *server.Caller, relayed bool) {
	address, ok := parseAddress(r.RemoteAddr)
	// Each proxy adds at the end whom it heard. What stands before that of the first stranger is the stranger's own word.
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for ok && a.isProxy(address) && len(said) > 0 {
		var next netip.Addr
		if next, ok = parseAddress(strings.TrimSpace(said[len(said)-1])); !ok {
			// A proxy that does not say: it is the caller itself.
			return a.caller(address), relayed
		}
		address, relayed, said = next, true, said[:len(said)-1]
	}
	if !ok {
		return nil, relayed
	}
	return a.caller(address), relayed
}

// caller is nil for this machine: its own, and a proxy on it that does not say for whom it asks.
func (a *addresses) caller(address netip.Addr) *server.Caller {
	if address.IsLoopback() {
		return nil
	}
	return a.callers.Of(network(address))
}

func (a *addresses) isProxy(address netip.Addr) bool {
	for _, p := range a.proxies {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// network is what one customer of a provider has: an address of IPv4, or 56 bits of one of IPv6.
func network(address netip.Addr) string {
	b := address.AsSlice()
	if address.Is6() {
		b = b[:7]
	}
	return string(b)
}

// parseAddress reads an address, with or without a port.
func parseAddress(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	address, err := netip.ParseAddr(text)
	return address.Unmap().WithZone(""), err == nil
}

// relayed counts what a proxy asks for somebody as a connection of theirs: its own say nothing. Sockets outlive their request and
// count themselves.
func (a *addresses) relayed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if caller, relayed := a.of(r); relayed && r.URL.Path != socketPath {
			if !caller.Connect() {
				httpapi.WriteRefusal(w, server.Busy())
				return
			}
			defer caller.Disconnect()
		}
		next.ServeHTTP(w, r)
	})
}
