package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/freehold-dev/freehold/internal/backup"
	"github.com/freehold-dev/freehold/internal/rebuild"
	"github.com/freehold-dev/freehold/internal/seal"
)

// keptDoc is what a backup has of a document: what is there, what that proves and, where its link opened it, what it says.
type keptDoc struct {
	contents *backup.Contents
	report   backup.Report
	*rebuild.Result
}

// linkOption declares --link. An empty one is a variable that nobody set: without the link less would be checked than was asked for.
func linkOption(flags *flag.FlagSet) *string {
	var link string
	flags.Func("link", "", func(text string) error {
		if link = text; text == "" {
			return errors.New("a link is missing")
		}
		return nil
	})
	return &link
}

// documents are those of the backup that the first argument names, with the link of one of them, if there is one. Nothing is said of any
// before: who asks about content is not answered without it.
func (c *call) documents(text string) (docs []seal.DocID, link *seal.Link, err error) {
	if text != "" {
		l, _, err := c.link(text)
		if err != nil {
			return nil, nil, err
		}
		link = &l
	}
	if docs, err = backup.Documents(c.args[0]); err != nil {
		return nil, nil, err
	}
	if link != nil && !slices.Contains(docs, link.Doc) {
		return nil, nil, fmt.Errorf("this backup has no document %s, which the link is of", link.Doc)
	}
	return docs, link, nil
}

// readKept reads and checks a document, and puts it together if the link is of it.
func readKept(dir string, doc seal.DocID, link *seal.Link) (*keptDoc, error) {
	contents, err := backup.Read(dir, doc)
	if err != nil {
		return nil, err
	}
	report, err := contents.Verify()
	if err != nil {
		return nil, err
	}
	k := &keptDoc{contents: contents, report: report}
	if link == nil || link.Doc != doc {
		return k, nil
	}
	if contents.Genesis == nil {
		return nil, errors.New("none of the backup's files can be read")
	}
	keys, err := seal.Unlock(contents.Genesis, link.Rights, link.Secret)
	if err != nil {
		return nil, err
	}
	if k.Result, err = rebuild.Open(contents, report, keys); err != nil {
		return nil, err
	}
	contents.Settle(&k.report, k.Named)
	return k, nil
}

// problems are what is missing or wrong, a line each.
func (k *keptDoc) problems() (lines []string) {
	for _, d := range k.contents.Damage {
		if !d.Healed {
			lines = append(lines, d.String())
		}
	}
	for _, s := range k.report.Sessions {
		for _, line := range s.Problems() {
			lines = append(lines, fmt.Sprintf("session %s %s", s.ID, line))
		}
	}
	return append(lines, k.contentProblems()...)
}

// contentProblems are those that only who opens it can see.
func (k *keptDoc) contentProblems() []string {
	lines := slices.Clone(k.Problems)
	if k.Waiting > 0 {
		lines = append(lines, fmt.Sprintf("%d updates wait for something that is not here", k.Waiting))
	}
	return lines
}
