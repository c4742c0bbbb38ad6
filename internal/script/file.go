package script

import (
	"fmt"
	"strings"
)

// File is a script: text between steps, and the steps.
type File struct{ parts []part }

type part struct {
	comment  string // lines in front, as they stand
	commands []string
	line     int // of the first command
	want     string
}

// Parse reads a script.
func Parse(text string) (*File, error) {
	f := &File{}
	p := part{}
	const before, commands, output = 0, 1, 2
	state := before
	lines := strings.Split(strings.TrimRight(text, "\n")+"\n", "\n")
	for i, line := range lines {
		switch state {
		case before:
			if line == "" || strings.HasPrefix(line, "#") {
				p.comment += line + "\n"
				continue
			}
			p.line, state = i+1, commands
			fallthrough
		case commands:
			if line == "----" {
				state = output
			} else if line == "" {
				return nil, fmt.Errorf("line %d: a step without ----", i+1)
			} else {
				p.commands = append(p.commands, line)
			}
		case output:
			if line == "" {
				f.parts = append(f.parts, p)
				p, state = part{comment: "\n"}, before
			} else {
				p.want += line + "\n"
			}
		}
	}
	if state != before {
		return nil, fmt.Errorf("the last step has no ----")
	}
	return f, nil
}

// Run runs a script on a host. It gives the script with what was printed now, which is the script itself when all is
// as expected, and the first step that printed something else.
func (f *File) Run(h Host) (now string, wrong error) {
	w := &world{host: h}
	w.forget()
	var b strings.Builder
	for i, p := range f.parts {
		w.out.Reset()
		for k, line := range p.commands {
			if err := w.command(strings.TrimSpace(line)); err != nil {
				return "", fmt.Errorf("line %d: %s: %w", p.line+k, line, err)
			}
		}
		got := w.out.String()
		if got != p.want && wrong == nil {
			wrong = fmt.Errorf("line %d: %s\nprints\n%s\nand should print\n%s", p.line, strings.Join(p.commands, "\n"), got, p.want)
		}
		comment := p.comment
		if i == 0 {
			comment = strings.TrimPrefix(comment, "\n")
		}
		b.WriteString(comment + strings.Join(p.commands, "\n") + "\n----\n" + got)
	}
	return b.String(), wrong
}
