// Package seal is the cryptography of a document: keys, links and signed envelopes.
//
// It has two halves. The blind half needs only what is public and is what a relay uses:
//
//	genesis, err := seal.ParseGenesis(bytes)          // the document names its own keys
//	cert, err := genesis.VerifyCertificate(bytes)     // a writer let this session in
//	envelope, err := seal.ParseEnvelope(bytes)        // fixed header, nothing to decode
//	hashes, err := cert.VerifyRun(head, envelopes)    // one signature proves the whole run
//
// The keyed half starts at a link's secret:
//
//	keys, err := seal.Unlock(genesis, rights, secret) // ErrWrongKey unless they belong together
//	session, err := keys.NewSession(rand.Reader)      // writers only
//	bytes, err := session.Seal(seal.Update, plain)    // appends to the session's chain
//	plain, err := keys.Open(bytes)                    // decrypts; VerifyRun is what proves the author
//
// docs/ENVELOPE.md gives every byte. The browser does the same work with WebCrypto (js/src/seal/seal.ts);
// testdata/seal holds the vectors that both must reproduce.
//
// Caveats. A parsed Envelope aliases the bytes it was parsed from. Open does not verify signatures and VerifyRun
// does not decrypt: a receiver needs both. Everything is standard library; randomness is always a parameter.
package seal
