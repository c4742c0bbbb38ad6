// Package backup keeps a document as a relay gives it: sealed envelopes with their certificates, in plain files that
// are only ever added to. It needs no key, so a backup tells whoever finds it no more than a relay knows.
//
//	f, err := backup.Open(dir, doc)            // alone, for adding to
//	store, since := f.Resume(relay's store)    // where to go on
//	kept, err := f.Keep(store, since, batch)   // on disk when it returns
//
//	c, err := backup.Read(dir, doc)            // everything that is there, damaged or not
//	report := c.Verify()                       // chains, signatures, gaps, forks
//
// docs/BACKUP.md gives every byte. Nothing here judges what an envelope says: internal/rebuild opens them.
package backup
