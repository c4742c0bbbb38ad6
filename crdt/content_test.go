package crdt

import (
	"bytes"
	"strings"
	"testing"
)

// Content comes back as it was, whatever the texts are; where it stands in them it takes little.
func TestContent(t *testing.T) {
	r := newRand(1)
	words := strings.Fields("the quick brown fox jumps over a lazy dog while ünïcödé waits → and 🦊 sleeps again soon")
	for range 500 {
		var text, content []byte
		for range r.Intn(60) {
			text = append(append(text, words[r.Intn(len(words))]...), ' ')
		}
		for range r.Intn(12) {
			if from := r.Intn(len(text) + 1); r.Intn(3) > 0 {
				content = append(content, text[from:from+r.Intn(len(text)-from+1)]...)
			} else {
				content = append(content, words[r.Intn(len(words))]...)
			}
		}
		got := putContent(content, text)
		if size, ok := contentSize(reader{in: got}, len(text)); len(content) > 0 && (!ok || size != len(content)) {
			t.Fatalf("size %d, %v", size, ok)
		}
		if back := takeContent(got, text); !bytes.Equal(back, content) {
			t.Fatalf("%q of %q comes back as %q", content, text, back)
		}
	}
	long := []byte(strings.Repeat("something to say ", 40))
	if n := len(putContent(long, long)); n > 20 {
		t.Fatalf("what stands in the text takes %d bytes", n)
	}
	// Copies are no longer than the texts, so a small file stays small when it is taken apart.
	if n := len(putContent(bytes.Repeat(long, 3), long)); n < 2*len(long) {
		t.Fatalf("three times the text in %d bytes", n)
	}
}

// Copies that reach beyond the texts, or are more than they are, are refused.
func TestBadContent(t *testing.T) {
	for name, c := range map[string]struct {
		lengths, steps, literals []byte
		ok                       bool
	}{
		"copy":               {[]byte{1, 4}, []byte{2}, []byte("ab"), true},
		"all":                {[]byte{0, 10}, []byte{0}, nil, true},
		"beyond the end":     {[]byte{0, 4}, []byte{14}, nil, false},
		"before the front":   {[]byte{0, 4}, []byte{1}, nil, false},
		"more than the text": {[]byte{0, 6, 0, 5}, []byte{0, 11}, nil, false},
		"literals missing":   {[]byte{3, 4}, []byte{0}, []byte("ab"), false},
		"no step":            {[]byte{0, 4}, nil, nil, false},
		"step too many":      {nil, []byte{0}, nil, false},
		"half a pair":        {[]byte{1}, []byte{0}, []byte("ab"), false},
		"far":                {[]byte{0, 4}, putZigzag(nil, 1<<62), nil, false},
	} {
		in := putBytes(putBytes(putBytes(nil, c.lengths), c.steps), c.literals)
		if _, ok := contentSize(reader{in: in}, 10); ok != c.ok {
			t.Errorf("%s: %v", name, ok)
		}
	}
}
