package main

import (
	"bytes"
	"flag"
	"slices"
	"strings"
	"testing"
)

// Every flag can be given in the environment, the command line wins, and the help names each.
func TestSettings(t *testing.T) {
	read := func(environment map[string]string, args ...string) (*settings, error) {
		flags, s := serveFlags()
		return s, s.read(flags, args, func(name string) (string, bool) {
			text, set := environment[name]
			return text, set
		})
	}
	s, err := read(map[string]string{
		"FREEHOLD_LISTEN": ":1", "FREEHOLD_DATA": "/var/lib/freehold", "FREEHOLD_ORIGIN": "https://a.example, https://b.example",
		"FREEHOLD_NAME": "relay.example", "FREEHOLD_PROXY": "10.0.0.0/8,::1", "FREEHOLD_ADDRESS_CONNECTIONS": "7", "FREEHOLD_DOCUMENT_SIZE": "2GiB", "FREEHOLD_TLS_CERT": "c", "FREEHOLD_TLS_KEY": "k",
	}, "--listen", ":2", "--document-sessions", "12", "--name", "one.example", "--name", "two.example")
	if err != nil {
		t.Fatal(err)
	}
	if s.listen != ":2" || s.data != "/var/lib/freehold" || s.certFile != "c" || s.keyFile != "k" ||
		!slices.Equal(s.options.Origins, []string{"https://a.example", "https://b.example"}) || !slices.Equal(s.options.Names, []string{"one.example", "two.example"}) {
		t.Fatalf("%+v", s)
	}
	if o := s.options; len(o.Proxies) != 2 || o.Proxies[1].Bits() != 128 || o.Limits.CallerConnections != 7 || o.Limits.DocSessions != 12 || o.Limits.DocBytes != 2<<30 {
		t.Fatalf("%+v", o)
	}
	for name, wrong := range map[string]string{
		"proxy": "relay.example", "document-size": "MiB", "document-connections": "0", "document-sessions": "0", "append-rate": "-1", "log": "xml", "class": "1=1GiB", "connections": "many",
	} {
		if _, err := read(map[string]string{variable(name): wrong}); err == nil {
			t.Errorf("--%s %s was taken", name, wrong)
		}
	}
	for name, wrong := range map[string][]string{
		"origin": {"notes.example", "https://", "https://notes.example/app", "https://notes.example?a", "https://me@notes.example"},
		"name":   {"https://relay.example", "relay.example/", "a b"}, "append-burst": {"-1"}, "document-append-burst": {"-1"}, "append-rate": {"0.5"}, "document-append-rate": {"0.9", "-1"},
		"address-connections": {"-1"}, "address-documents": {"-1"}, "address-failures": {"-1"},
	} {
		for _, text := range wrong {
			if _, err := read(nil, "--"+name, text); err == nil {
				t.Errorf("--%s %s was taken", name, text)
			}
		}
	}
	for _, right := range []string{"*", "https://notes.example/", "http://[::1]:7070", "capacitor://localhost", "null"} {
		if _, err := read(nil, "--origin", right); err != nil {
			t.Errorf("--origin %s: %v", right, err)
		}
	}
	for _, wrong := range []string{"", "12MB", "1KiBB", "-1", "9999999GiB"} {
		if _, err := read(nil, "--document-size", wrong); err == nil {
			t.Errorf("a size of %q was taken", wrong)
		}
	}
	for _, wrong := range [][]string{{"--class", "0=1KiB"}, {"--class", "256=1KiB"}, {"--class", "1"}, {"--owners", "f"}} {
		if _, err := read(nil, append(wrong, "--operator", "key")...); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
	if s, err := read(map[string]string{"FREEHOLD_CLASS": "1=1GiB,2=5MiB", "FREEHOLD_OPERATOR": "key"}); err != nil || s.classes[1] != 1<<30 || s.classes[2] != 5<<20 {
		t.Fatalf("%+v, %v", s.classes, err)
	}
	if s, err := read(map[string]string{"FREEHOLD_DATA": ""}); err != nil || s.data != "data" {
		t.Fatalf("an empty variable: %+v, %v", s, err)
	}
	if _, err := read(map[string]string{"FREEHOLD_TLS_KEY": "k"}); err == nil {
		t.Fatal("a key without a certificate was taken")
	}
	flags, _ := serveFlags()
	flags.VisitAll(func(f *flag.Flag) {
		if !strings.Contains(serveUsage, "  --"+f.Name+" ") {
			t.Errorf("the help does not name --%s", f.Name)
		}
	})
}

func TestServeWithoutItsCertificate(t *testing.T) {
	var out, problems bytes.Buffer
	args := []string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--tls-cert", "nothing.pem", "--tls-key", "nothing.pem"}
	if code := run(args, &out, &problems); code != 1 || !strings.Contains(problems.String(), "certificate and key") {
		t.Fatalf("exit %d: %s", code, &problems)
	}
}
