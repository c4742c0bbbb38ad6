package script

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

type session [16]byte

// id names an operation for everybody.
type id struct {
	session session
	seq     uint64
}

type message struct {
	session session
	bytes   []byte
}

// peer is one replica.
type peer struct {
	name    string
	handle  int32
	session session
	view    view // what it shows, and the names of what it knows
	log     []message
}

// world is the replicas of a script and what is on its way between them.
type world struct {
	host    Host
	peers   map[string]*peer
	names   []string // of peers, in the order in which they came
	items   map[string]id
	labels  map[id]string
	updates map[string]message
	files   map[string][]byte
	out     strings.Builder
}

var codes = map[int32]string{-1: "invalid", -2: "corrupt", -3: "newer-format", -4: "too-large", -5: "missing", -8: "no-session", -9: "desync", -10: "history-trimmed"}

// call calls the core; what it refuses is printed.
func (w *world) call(export string, input []byte, args ...int32) (int32, []byte, bool) {
	result, out := w.host.Call(export, input, args...)
	if result < 0 {
		if fmt.Fprintf(&w.out, "refused, %s", codes[result]); len(out) > 0 {
			fmt.Fprintf(&w.out, ": %s", out)
		}
		w.out.WriteByte('\n')
		return result, nil, false
	}
	return result, slices.Clone(out), true
}

var errUsage = errors.New("cannot be read; the package's documentation lists the commands")

// command does one line.
func (w *world) command(line string) error {
	words, err := split(line)
	if err != nil || len(words) == 0 {
		return errUsage
	}
	if name, ok := strings.CutSuffix(words[0], ":"); ok {
		p := w.peers[name]
		if p == nil {
			return fmt.Errorf("no peer %s", name)
		}
		return w.transaction(p, strings.TrimSpace(strings.TrimPrefix(line, words[0])))
	}
	args := words[1:]
	switch words[0] {
	case "peers":
		w.forget()
		for _, arg := range args {
			handle, _, _ := w.call("doc_new", nil)
			if err := w.join(arg, handle); err != nil {
				return err
			}
		}
		return nil
	case "sync":
		for _, from := range w.names {
			w.drain(w.peers[from])
		}
		var all []message
		for _, from := range w.names {
			all = append(all, w.peers[from].log...)
		}
		for range w.names { // what one of them wrote may follow what another wrote later
			for _, to := range w.names {
				for _, m := range all {
					w.quietly(w.peers[to], m)
				}
			}
		}
		return nil
	case "show", "digest":
		return w.compare(words[0], args)
	}
	peers := make([]*peer, len(args))
	for i, arg := range args {
		peers[i] = w.peers[arg]
	}
	switch {
	case words[0] == "send" && len(args) == 3 && args[1] == "->" && peers[0] != nil && peers[2] != nil:
		w.drain(peers[0])
		for _, m := range peers[0].log {
			w.quietly(peers[2], m)
		}
	case words[0] == "post" && len(args) == 3 && args[1] == "as" && peers[0] != nil:
		p := peers[0]
		n, out, _ := w.call("doc_update", nil, p.handle)
		if n == 0 {
			return errors.New("nothing to post")
		}
		m := message{p.session, out}
		p.log, w.updates[args[2]] = append(p.log, m), m
	case words[0] == "give" && len(args) > 1 && peers[0] != nil:
		for _, name := range args[1:] {
			m, ok := w.updates[name]
			if !ok {
				return fmt.Errorf("no update %s", name)
			}
			w.apply(peers[0], m)
		}
	case words[0] == "raw" && len(args) == 3 && peers[0] != nil:
		s, err := sessionOf(args[1])
		bytes, err2 := hex.DecodeString(args[2])
		if err != nil || err2 != nil {
			return errUsage
		}
		w.apply(peers[0], message{s, bytes})
	case (words[0] == "save" || words[0] == "shallow") && len(args) == 3 && args[1] == "as" && peers[0] != nil:
		export := map[string]string{"save": "doc_save", "shallow": "doc_save_shallow"}[words[0]]
		_, w.files[args[2]], _ = w.call(export, nil, peers[0].handle)
	case words[0] == "merge" && len(args) == 2 && peers[0] != nil:
		file := w.files[args[1]]
		if _, patch, ok := w.call("doc_merge", file, peers[0].handle, int32(len(file))); ok {
			return peers[0].view.learn(patch)
		}
	case words[0] == "open" && len(args) == 2:
		return w.open(args[0], w.files[args[1]])
	case words[0] == "restart" && len(args) == 1:
		name, _, _ := strings.Cut(args[0], "=")
		p := w.peers[name]
		if p == nil {
			return errUsage
		}
		w.drain(p)
		_, file, _ := w.call("doc_save", nil, p.handle)
		log := p.log
		if err := w.open(args[0], file); err != nil {
			return err
		}
		w.peers[name].log = log
	default:
		return errUsage
	}
	return nil
}

// forget begins a new world.
func (w *world) forget() {
	w.peers, w.names = map[string]*peer{}, nil
	w.items, w.labels = map[string]id{}, map[id]string{}
	w.updates, w.files = map[string]message{}, map[string][]byte{}
}

// join makes a replica a peer, NAME=SESSION.
func (w *world) join(arg string, handle int32) error {
	name, number, ok := strings.Cut(arg, "=")
	s, err := sessionOf(number)
	if !ok || err != nil {
		return errUsage
	}
	if w.peers[name] == nil {
		w.names = append(w.names, name)
	}
	w.peers[name] = &peer{name: name, handle: handle, session: s}
	w.call("doc_session", s[:], handle)
	_, all, _ := w.call("doc_view", nil, handle)
	return w.peers[name].view.learn(all)
}

func (w *world) open(arg string, file []byte) error {
	handle, _, ok := w.call("doc_load", file, int32(len(file)))
	if !ok {
		return nil
	}
	return w.join(arg, handle)
}

// sessionOf makes a session of a number; sessions sort as the numbers do.
func sessionOf(number string) (s session, err error) {
	n, err := strconv.ParseUint(number, 10, 16)
	s[0], s[1], s[15] = byte(n>>8), byte(n), 0x5e
	return s, err
}

// drain moves everything new out of a replica.
func (w *world) drain(p *peer) {
	for {
		n, out, ok := w.call("doc_update", nil, p.handle)
		if !ok || n == 0 {
			return
		}
		p.log = append(p.log, message{p.session, out})
	}
}

// apply gives an update to a replica and says when nothing came of it.
func (w *world) apply(p *peer, m message) {
	input := append(m.session[:], m.bytes...)
	result, patch, ok := w.call("doc_apply", input, p.handle, int32(len(input)))
	if !ok {
		return
	}
	if result == 1 {
		w.out.WriteString("nothing new\n")
	}
	if err := p.view.learn(patch); err != nil {
		fmt.Fprintf(&w.out, "patch: %v\n", err)
	}
}

// quietly is apply without words about what is known or still misses something.
func (w *world) quietly(p *peer, m message) {
	if m.session == p.session {
		return
	}
	input := append(m.session[:], m.bytes...)
	result, out := w.host.Call("doc_apply", input, p.handle, int32(len(input)))
	if result >= 0 {
		if err := p.view.learn(out); err != nil {
			fmt.Fprintf(&w.out, "patch: %v\n", err)
		}
	} else if codes[result] != "missing" {
		fmt.Fprintf(&w.out, "%s refuses an update, %s: %s\n", p.name, codes[result], out)
	}
}

// compare prints something about replicas, once for all those for which it is the same.
func (w *world) compare(what string, names []string) error {
	if len(names) == 0 {
		names = w.names
	}
	var texts []string
	owners := map[string][]string{}
	for _, name := range names {
		p := w.peers[name]
		if p == nil {
			return fmt.Errorf("no peer %s", name)
		}
		var text string
		if what == "digest" {
			_, sum, _ := w.call("doc_digest", nil, p.handle)
			text = " " + hex.EncodeToString(sum) + "\n"
		} else {
			body, err := w.show(p)
			if err != nil {
				return err
			}
			text = "\n" + body
		}
		if owners[text] == nil {
			texts = append(texts, text)
		}
		owners[text] = append(owners[text], name)
	}
	for _, text := range texts {
		w.out.WriteString(strings.Join(owners[text], ", ") + ":" + text)
	}
	return nil
}

// split cuts a line into words. A string in quotes, with JSON's escapes, is one word or part of one.
func split(line string) ([]string, error) {
	var words []string
	for i := 0; i < len(line); {
		if line[i] == ' ' {
			i++
			continue
		}
		from, quoted := i, false
		for ; i < len(line) && (quoted || line[i] != ' '); i++ {
			switch {
			case quoted && line[i] == '\\':
				i++
			case line[i] == '"':
				quoted = !quoted
			}
		}
		if quoted || i > len(line) {
			return nil, errUsage
		}
		words = append(words, line[from:i])
	}
	return words, nil
}
