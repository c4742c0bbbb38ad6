package httpapi

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
	// hosts are theirs.
	hosts map[string]bool
	any   bool
}

// NewOrigins allows pages of the relay's own host and of this machine, and those listed; "*" allows every page.
func NewOrigins(listed ...string) Origins {
	o := Origins{exact: make(map[string]bool), hosts: make(map[string]bool)}
	for _, origin := range listed {
		if origin == "*" {
			o.any = true
			continue
		}
		origin = strings.TrimSuffix(strings.ToLower(origin), "/")
		if u, err := url.Parse(origin); err == nil && u.Host != "" {
			u.Host = withoutPort(u.Host, u.Scheme)
			o.hosts[u.Host] = true
			origin = u.String()
		}
		o.exact[origin] = true
	}
	return o
}

// Allow judges a request.
func (o Origins) Allow(r *http.Request) bool {
	if !o.any && !o.isNamed(r) {
		return false
	}
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

// isNamed reports whether a request asks for this relay by a name that may be its own. SECURITY: who owns a name can point it
// to 127.0.0.1; browsers then take that owner's page for one of the relay's host. What comes over loopback must therefore
// use a name of this machine, or of a listed origin where a proxy passes its own on.
func (o Origins) isNamed(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return true
	}
	host := strings.ToLower(r.Host)
	return o.hosts[host] || isThisMachine((&url.URL{Host: host}).Hostname())
}

func isThisMachine(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
