package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/freehold-dev/freehold/crdt"
	"github.com/freehold-dev/freehold/internal/client"
	"github.com/freehold-dev/freehold/internal/seal"
	"github.com/freehold-dev/freehold/server/wire"
)

var importTool = tool{
	name: "import", positional: 2, declare: declareImport,
	usage: `freehold import FILE RELAY: begin a new document with the content of an exported file

FILE is what freehold export --as archive wrote: the content and all of its history. The document
is new, with keys of its own, so it shares nothing with the one that was exported. Its links are
printed, and kept nowhere else: whoever has the owner link can do everything. They are printed before
the relay is asked; where that fails, they lead to nothing, and the same command makes another document.

  freehold import note.freehold https://relay.example > links.txt
`,
}

func declareImport(*flag.FlagSet) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		relay, err := client.ParseAddress(c.args[1])
		if err != nil {
			return err
		}
		file, err := readArchive(c.args[0])
		if err != nil {
			return err
		}
		secret, genesis, err := seal.Create(rand.Reader)
		if err != nil {
			return err
		}
		a, err := firstAppend(genesis, secret, file)
		if err != nil {
			return err
		}
		// The links first: nobody else has them, and a document on a relay whose owner link was never seen is nobody's.
		if err := printLinks(c.out, a.Doc, secret, relay); err != nil {
			return err
		}
		err = patiently(ctx, func() error { return relay.Found(ctx, a.Doc, genesis.Bytes()) })
		if err == nil {
			err = patiently(ctx, func() error { _, err := relay.Append(ctx, a); return err })
		}
		if err != nil {
			return fmt.Errorf("the links that were printed lead to nothing yet: %w", err)
		}
		return nil
	}
}

// printLinks gives the owner's link and those made of it.
func printLinks(out io.Writer, doc seal.DocID, secret seal.Secret, relay client.Address) error {
	for _, rights := range []seal.Rights{seal.Owner, seal.Write, seal.Read} {
		lower, err := seal.Attenuate(secret, seal.Owner, rights)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%-5s %s\n", rights, seal.Link{Doc: doc, Rights: rights, Secret: lower, Relay: relay.Name()}.Text()); err != nil {
			return err
		}
	}
	return nil
}

// readArchive reads a file and makes sure that it opens before anything is made of it.
func readArchive(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > crdt.MaxFileBytes {
		return nil, errTooLarge
	}
	file, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if _, err := crdt.Load(file); err != nil {
		return nil, fmt.Errorf("%s is not what freehold export --as archive writes, or was damaged: %w", name, err)
	}
	return file, nil
}

var errTooLarge = errors.New("the file is larger than a relay takes at once (16 MiB): a document of this size cannot be imported yet")

// firstAppend is a session that begins with everything: a snapshot that covers nothing else.
func firstAppend(genesis *seal.Genesis, secret seal.Secret, file []byte) (*wire.Append, error) {
	keys, err := seal.Unlock(genesis, seal.Owner, secret)
	if err != nil {
		return nil, err
	}
	session, err := keys.NewSession(rand.Reader)
	if err != nil {
		return nil, err
	}
	doc, err := crdt.Load(file)
	if err != nil {
		return nil, err
	}
	envelope, err := session.Seal(seal.Snapshot, seal.SnapshotPayload{Digest: doc.Digest(), File: file}.Encode())
	if err != nil {
		return nil, err
	}
	if len(envelope) > wire.MaxSnapshot {
		return nil, errTooLarge
	}
	return &wire.Append{Doc: genesis.Doc(), Cert: session.Certificate().Bytes(), Envelopes: [][]byte{envelope}}, nil
}
