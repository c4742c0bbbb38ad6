package seal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestLinkVectors(t *testing.T) {
	for _, v := range linkVectors(newDocument(t, 7)) {
		link, err := ParseLink(v.Text)
		switch v.Refuse {
		case "":
			if err != nil || link.Doc.String() != v.Doc || link.Rights.String() != v.Rights || link.Relay != v.Relay || Secret(v.Secret) != link.Secret {
				t.Errorf("%q: %+v, %v", v.Text, link, err)
			}
			if !strings.HasSuffix(strings.TrimSpace(v.Text), link.Text()) {
				t.Errorf("%q: written again as %q", v.Text, link.Text())
			}
		case "newer":
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("%q: %v, want ErrUnsupported", v.Text, err)
			}
		default:
			if !errors.Is(err, ErrLink) || !strings.Contains(err.Error(), v.Refuse) {
				t.Errorf("%q: %v, want %s", v.Text, err, v.Refuse)
			}
		}
	}
}

// Every cut is noticed; of single mistyped characters all but about 1 in 4096 are, since the check has twelve bits.
func TestDamagedLinks(t *testing.T) {
	d := newDocument(t, 7)
	link := Link{d.genesis.Doc(), Write, d.secrets[Write], ""}.Text()
	for end := range len(link) {
		if _, err := ParseLink(link[:end]); err == nil {
			t.Errorf("accepted %q", link[:end])
		}
	}
	tried, missed := 0, 0
	for at := range len(link) {
		for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.# ") {
			if c == link[at] {
				continue
			}
			tried++
			if got, err := ParseLink(link[:at] + string(c) + link[at+1:]); err == nil {
				missed++
				t.Logf("%q at %d passes as %s", c, at, got.Doc)
			}
		}
	}
	if missed > tried/1000 {
		t.Errorf("%d of %d mistyped links accepted", missed, tried)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	d := newDocument(t, 7)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		if text := fmt.Sprintf(verb, struct{ Secret }{d.secrets[Write]}); !strings.Contains(text, "[secret]") || len(text) > 60 {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
