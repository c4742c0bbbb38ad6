package seal

import (
	"bytes"
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

func linkVectors(d *document) []linkVector {
	var out []linkVector
	add := func(l Link, text string) {
		out = append(out, linkVector{text, l.Doc.String(), l.Rights.String(), bytes.Clone(l.Secret[:]), l.Relay, ""})
	}
	var write string
	for rights := Read; rights <= Owner; rights++ {
		l := Link{d.genesis.Doc(), rights, d.secrets[rights], ""}
		add(l, l.Text())
		l.Relay = []string{"relay.example", "localhost:8787", "[::1]:80"}[rights]
		add(l, "https://app.example/notes/#"+l.Text())
		if rights == Write {
			l.Relay = ""
			write = l.Text()
			add(l, " \n"+write+"\t")
		}
	}
	refuse := func(why string, texts ...string) {
		for _, text := range texts {
			out = append(out, linkVector{Text: text, Refuse: why})
		}
	}
	refuse("no key", "", "#", "https://app.example/", "https://app.example/#d/"+d.genesis.Doc().String(), "hello")
	refuse("newer", "2"+write[1:], "https://app.example/#9z.whatever")
	refuse("cut short", write[:2], write[:3], write[:20], write[:36], write[:60], write[:79], write[:80], write[:81], write+".", "1w"+write[3:])
	swapped := []byte(write)
	swapped[40], swapped[41] = swapped[41], swapped[40]
	refuse("mistyped", string(swapped), "1x"+write[2:], "1r"+write[2:], strings.ToUpper(write), strings.Replace(write, ".", ". ", 1), write+"x")
	refuse("mistyped", sealedText("1ww."+d.genesis.Doc().String()+"."+write[36:79]), sealedText("1w."+d.genesis.Doc().String()[1:]+"."+write[36:79]), sealedText(write[:78]), sealedText(write[:79]+"A"), sealedText(write[:50]+"\n"+write[50:79]), sealedText(write[:20]+"\n"+write[20:79]))
	refuse("mistyped", write+".https://relay.example", write+".relay.example/path", write+"."+strings.Repeat("a", maxRelay+1))
	return out
}

// sealedText gives text its right check: what is wrong with it must be found by looking.
func sealedText(text string) string { return text + "." + linkCheck(text) }
