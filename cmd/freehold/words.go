package main

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"syscall"

	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
)

// advice is what can be done about a failure, for those that do not say it themselves. The first that fits is given.
var advice = []struct {
	about error
	do    string
}{
	{seal.ErrLink, "Copy the link whole, and put it in quotes: shells take # for a comment."},
	{seal.ErrWrongKey, "Ask for the link again: this one is of another document, or was changed on its way."},
	{seal.ErrRights, "Use a link that may do more: freehold never makes one of a lesser one."},
	{seal.ErrUnsupported, "Use the newer freehold that made it."},
	{client.ErrAddress, "Give it like https://relay.example, or http://localhost:7070."},
	{client.ErrUnreachable, "Check its address, and whether it runs."},
	{client.ErrGarbage, "Check its address: what answers there is no relay of this version."},
	{client.ErrEnded, "Do the same again: it goes on where it was."},
	{backup.ErrNone, "Name the folder that freehold backup wrote to."},
	{backup.ErrNewer, "Use the newer freehold that wrote it."},
	{backup.ErrInUse, "Wait until it is done, or stop it."},
	{backup.ErrForeign, "Use a folder of its own for this backup."},
	{syscall.EADDRINUSE, "Something listens there already: stop it, or choose another port with --listen."},
	{syscall.EADDRNOTAVAIL, "This machine has no such address: choose another with --listen."},
	{fs.ErrNotExist, "Check how its name is written."},
	{fs.ErrPermission, "Check whose it is: this user may not do that."},
	{syscall.ENOSPC, "Make room on the disk, then do the same again."},
}

// inside names the package that an error came from, which is nobody's business at a terminal.
var inside = regexp.MustCompile(`(^|: |\n)(?:backup|client|crdt|native|rebuild|seal|server|store|wire): `)

// secret is what must not be said of a link: the system repeats names of files, and one may be a link that went astray.
var secret = regexp.MustCompile(`([0-9][rwa]\.[a-z2-7]{32}\.)[A-Za-z0-9_-]+`)

// words says an error to whoever called: what happened and, on a line of its own, what to do.
func words(err error) string {
	text := inside.ReplaceAllString(err.Error(), "$1")
	text = inside.ReplaceAllString(text, "$1") // one package may stand right behind another
	text = strings.ReplaceAll(secret.ReplaceAllString(text, "$1…"), "\n", "\n  ")
	for _, a := range advice {
		if errors.Is(err, a.about) {
			return text + "\n  " + a.do
		}
	}
	return text
}
