package httpapi_test

import (
	"net/http/httptest"
	"testing"

	"github.com/freehold-dev/freehold/server/httpapi"
)

// What devices sign, and what browsers send, has no port that is the scheme's own, however an operator writes it.
func TestPortOfTheScheme(t *testing.T) {
	for listed, want := range map[string]string{
		"Relay.example": "relay.example", "relay.example:443": "relay.example", "relay.example:80": "relay.example",
		"relay.example:8443": "relay.example:8443", "[2001:db8::80]": "[2001:db8::80]", "[2001:db8::1]:443": "[2001:db8::1]",
	} {
		if got := httpapi.NewNames([]string{listed}).Of(httptest.NewRequest("GET", "https://elsewhere.example/", nil)); got != want {
			t.Errorf("--name %s is %s, want %s", listed, got, want)
		}
	}
	for listed, want := range map[string]string{
		"https://notes.example": "https://notes.example", "https://Notes.example:443/": "https://notes.example", "http://notes.example:80": "http://notes.example",
		"https://notes.example:80": "https://notes.example:80", "https://notes.example:8443": "https://notes.example:8443",
		"https://[2001:db8::1]:443": "https://[2001:db8::1]", "capacitor://localhost": "capacitor://localhost", "null": "null",
	} {
		r := httptest.NewRequest("GET", "https://relay.example/v1/docs/x", nil)
		r.Header.Set("Origin", want)
		if !httpapi.NewOrigins(listed).Allow(r) {
			t.Errorf("--origin %s does not let %s in", listed, want)
		}
		if r.Header.Set("Origin", "https://other.example"); httpapi.NewOrigins(listed).Allow(r) {
			t.Errorf("--origin %s lets others in", listed)
		}
	}
}
