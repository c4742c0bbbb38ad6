package native

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Origins decides which pages may use a relay. The relay knows no cookies and no accounts, so this protects its
// capacity and not anybody's data: those who are not pages send no Origin and are let in.
type Origins struct {
	// exact are origins as browsers send them: scheme, host and port where it is not the scheme's own.
	exact map[string]bool
	any   bool
}

// NewOrigins allows pages of the relay's own host and of this machine, and those listed; "*" allows every page.
func NewOrigins(listed ...string) Origins {
	o := Origins{exact: make(map[string]bool)}
	for _, origin := range listed {
		if origin == "*" {
			o.any = true
			continue
		}
		o.exact[strings.TrimSuffix(strings.ToLower(origin), "/")] = true
	}
	return o
}

// Allow judges a request.
func (o Origins) Allow(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || o.any || o.exact[origin] {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || isThisMachine(u.Hostname())
}

func isThisMachine(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
