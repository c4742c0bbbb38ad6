package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

// homeType is the type of a document that lists a person's documents by their links (docs/SYNC.md, "The home document").
const homeType = "freehold.home"

// betweenRounds is how long the documents of a home are left alone. Each has a connection of its own while it is asked for, and
// a relay gives one address a few dozen: so they are not all followed at once.
const betweenRounds = time.Minute

// errHome ends the following of a document that turns out to be a home.
var errHome = errors.New("a home")

// listed is what a home says of one document.
type listed struct {
	link seal.Link
	kind string
}

// keepHome keeps a document and, if it is a home, every document that this lists: once, or again and again until ctx ends.
func (b *backupCall) keepHome(ctx context.Context, link seal.Link, relay client.Address, once bool, pause time.Duration) error {
	home, err := b.keepOne(ctx, link, relay, homeType, once)
	if err != nil || home == nil {
		return err
	}
	for {
		failed := b.keepListed(ctx, link, relay, home)
		switch {
		case once && failed > 0:
			fmt.Fprintf(b.call.problems, "%s of this home not kept; the lines above say why. The same command goes on from here.\n", count(failed, "document"))
			return errTold
		case once || ctx.Err() != nil:
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		if next, err := b.keepOne(ctx, link, relay, homeType, true); err == nil {
			home = next
		} else if ctx.Err() == nil {
			fmt.Fprintf(b.call.problems, "%s: %s\n", link.Doc, words(err))
		}
	}
}

// keepListed keeps everything that a home lists, and what homes among that list, from the relay that the home came from: every document of
// a home is on the same relays. The relay that an entry's link names is where it was when it was listed, or where a stranger
// said who made that link; it is not connected to. It gives how many could not be kept.
func (b *backupCall) keepListed(ctx context.Context, of seal.Link, relay client.Address, queue []listed) (failed int) {
	seen := map[seal.DocID]bool{of.Doc: true}
	for len(queue) > 0 && ctx.Err() == nil {
		next := queue[0]
		queue = queue[1:]
		if seen[next.link.Doc] {
			continue
		}
		seen[next.link.Doc] = true
		more, err := b.keepOne(ctx, next.link, relay, next.kind, true)
		if refused := (*client.Refused)(nil); errors.As(err, &refused) && refused.Code == wire.CodeGone {
			fmt.Fprintf(b.call.problems, "%s: its owner deleted it; what was kept of it stays\n", next.link.Doc)
		} else if err != nil {
			failed++
			fmt.Fprintf(b.call.problems, "%s: %s\n", next.link.Doc, words(err))
		}
		if errors.Is(err, errNothing) {
			b.sayWhereElse(next.link, relay)
		}
		queue = append(queue, more...)
	}
	return failed
}

// sayWhereElse tells of the relay that a link names and that was not asked.
func (b *backupCall) sayWhereElse(link seal.Link, asked client.Address) {
	if other, err := client.ParseAddress(link.Relay); err == nil && other.Name() != asked.Name() {
		fmt.Fprintf(b.call.problems, "  Its link names %s, which was not asked: if you know that relay, keep it by itself with freehold backup --relay %s LINK DIR.\n", other.Name(), other)
	}
}

// keepOne keeps one document. It gives what that lists, nil if it is no home; a home is not followed any further. Only what may
// be one, by its kind, is looked into.
func (b *backupCall) keepOne(ctx context.Context, link seal.Link, relay client.Address, kind string, once bool) (home []listed, err error) {
	k, err := newKeeper(b.call, relay, link, b.dir)
	if err != nil {
		return nil, err
	}
	if kind == homeType {
		k.caughtUp = func() error {
			var known bool
			if home, known = b.documentsOf(link); home != nil && !once {
				return errHome
			}
			if known {
				k.caughtUp = nil
			}
			return nil
		}
	}
	if err = k.keep(ctx, once); errors.Is(err, errHome) {
		err = nil
	}
	return home, errors.Join(err, k.folder.Close())
}

// documentsOf reads what a home that was kept lists; nil if it is no home. known: there is something to tell that by.
func (b *backupCall) documentsOf(link seal.Link) (home []listed, known bool) {
	kept, err := readKept(b.dir, link.Doc, &link)
	if err != nil {
		return nil, false // why is for freehold verify to tell
	}
	value := kept.Doc.Value()
	if value["$type"] != homeType {
		return nil, len(value) > 0
	}
	home = []listed{}
	docs, _ := value["docs"].(map[string]any)
	for _, entry := range docs {
		fields, _ := entry.(map[string]any)
		text, _ := fields["link"].(string)
		kind, _ := fields["type"].(string)
		if link, err := seal.ParseLink(text); err == nil && fields["deleted"] != true {
			home = append(home, listed{link, kind})
		}
	}
	return home, true
}
