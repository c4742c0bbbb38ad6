package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/freehold-dev/freehold/internal/seal"
)

// admitTool is the operator's pen. It asks nobody: what it prints is for the relay.
var admitTool = tool{
	name: "admit",
	usage: `freehold admit --key FILE [--class N] [--for DURATION] DOCUMENT
freehold admit --new-key FILE -
freehold admit --root LINK

Sign, as a relay's operator, that it may keep a document, given by its link or its id. What is
printed is brought to the relay by anybody:

  freehold admit --key operator.key "$LINK" | curl -T - https://relay.example/v1/docs/$DOC/admission

  --key FILE       the operator's key; the relay has its public half (freehold serve --operator)
  --class N        how much it may keep: freehold serve --class N=SIZE (0: what any document may)
  --for DURATION   how long, in hours (8760h)
  --new-key FILE   make a key and print its public half
  --root           print the root key of an owner's link, for freehold serve --owners
`,
	positional: 1,
	declare: func(flags *flag.FlagSet) func(context.Context, *call) error {
		key := flags.String("key", "", "")
		newKey := flags.String("new-key", "", "")
		root := flags.Bool("root", false, "")
		class := flags.Uint("class", 0, "")
		life := flags.Duration("for", 365*24*time.Hour, "")
		return func(_ context.Context, c *call) error {
			text, err := "", error(nil)
			switch {
			case *newKey != "":
				text, err = makeKey(*newKey)
			case *root:
				text, err = rootOf(c)
			case *key == "":
				err = errors.New("say with --key whose word it is; --new-key FILE makes one")
			case *class > 255 || *life < time.Second:
				err = errors.New("a class is a number up to 255, and an admission lives for a second at least")
			default:
				text, err = admit(c, *key, uint8(*class), time.Now().Add(*life))
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.out, text)
			return err
		}
	},
}

// admit signs for the document that a link or an id names.
func admit(c *call, keyFile string, class uint8, until time.Time) (string, error) {
	doc, err := seal.ParseDocID(c.args[0])
	if err != nil {
		link, _, err := c.link(c.args[0])
		if err != nil {
			return "", err
		}
		doc = link.Doc
	}
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return "", err
	}
	seed, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return "", errors.New("the file holds no operator's key: freehold admit --new-key FILE makes one")
	}
	return seal.Admission{Doc: doc, Expiry: uint64(until.Unix()), Class: class}.Text(ed25519.NewKeyFromSeed(seed)), nil
}

// rootOf is the root key of the owner's link.
func rootOf(c *call) (string, error) {
	link, _, err := c.link(c.args[0])
	if err != nil {
		return "", err
	}
	root, err := seal.RootOf(link)
	return seal.KeyText(root), err
}

// makeKey writes a key where there is no file yet, and gives its public half.
func makeKey(name string) (string, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintln(f, base64.RawURLEncoding.EncodeToString(private.Seed()))
	return seal.KeyText(public), errors.Join(err, f.Close())
}
