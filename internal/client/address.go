package client

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/freehold-dev/freehold/internal/seal"
)

// ErrAddress: the text names no relay.
var ErrAddress = errors.New("client: not an address of a relay")

// Address is where a relay is.
type Address struct{ base url.URL }

// ParseAddress reads "https://relay.example:8443", or the host alone as a link has it: then it is https, and http for
// this machine.
func ParseAddress(text string) (Address, error) {
	if _, err := seal.ParseLink(text); err == nil {
		return Address{}, fmt.Errorf("%w: this is a link", ErrAddress) // which would be told to the name service, and in errors
	}
	whole := text
	if !strings.Contains(text, "://") {
		whole = "https://" + text
	}
	u, err := url.Parse(whole)
	if err != nil || u.Host == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return Address{}, fmt.Errorf("%w: give it as https://relay.example or relay.example:8443", ErrAddress)
	}
	switch {
	case whole != text && isThisMachine(u.Hostname()), u.Scheme == "ws":
		u.Scheme = "http"
	case u.Scheme == "wss":
		u.Scheme = "https"
	case u.Scheme != "http" && u.Scheme != "https":
		return Address{}, fmt.Errorf("%w: give it as https://relay.example", ErrAddress)
	}
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	return Address{url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}}, nil
}

// Name is what devices sign when they say which relay they mean: the host, and the port where it is not the scheme's own.
func (a Address) Name() string { return a.base.Host }

func (a Address) String() string { return a.base.String() }

// at is an address of something on the relay.
func (a Address) at(path string) string { return a.base.String() + path }

// socket is where its WebSocket is.
func (a Address) socket() string { return "ws" + strings.TrimPrefix(a.at("/v1/socket"), "http") }

func isThisMachine(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
