package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Names are the hosts under which a relay may be reached, in lower case and with a port where it is not the scheme's own. What devices
// sign to read is bound to a name, so that no other relay can pass the question on to them. Where none is listed, a device's
// word is taken for it.
type Names []string

// NewNames reads a list of them. A port that is a scheme's own is left out, as devices do who sign.
func NewNames(listed []string) Names {
	n := make(Names, len(listed))
	for i, name := range listed {
		n[i] = withoutPort(withoutPort(strings.ToLower(name), "https"), "http")
	}
	return n
}

// Of is the name that a request's proofs must be about.
func (n Names) Of(r *http.Request) string {
	host := strings.ToLower(r.Host)
	if len(n) == 0 || slices.Contains(n, host) || isThisMachine((&url.URL{Host: host}).Hostname()) {
		return host
	}
	return n[0]
}

// withoutPort is a host without a port that is the scheme's own.
func withoutPort(host, scheme string) string {
	switch scheme {
	case "https":
		return strings.TrimSuffix(host, ":443")
	case "http":
		return strings.TrimSuffix(host, ":80")
	}
	return host
}
