package client

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/freehold-dev/freehold/server/wire"
)

// ErrGarbage: the relay sent what it must not: no frame, a frame that has no place there, or one about something else.
var ErrGarbage = errors.New("client: the relay does not keep to the protocol")

// ErrUnreachable: no relay answered.
var ErrUnreachable = errors.New("client: cannot reach the relay")

// ErrEnded: the connection is over.
var ErrEnded = errors.New("client: the connection to the relay ended")

// Refused is a relay's answer that it will not do something.
type Refused wire.Error

func (r *Refused) Error() string {
	text := fmt.Sprintf("the relay says %s: %s", r.Code, r.Message)
	if r.Hint != "" {
		text += " (" + r.Hint + ")"
	}
	return strings.Map(printable, text)
}

// printable keeps what a stranger says from steering a terminal.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '·'
}

func garbage(what string) error { return fmt.Errorf("%w: %s", ErrGarbage, what) }
