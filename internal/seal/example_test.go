package seal_test

import (
	"crypto/rand"
	"fmt"

	"github.com/freehold-dev/freehold/internal/seal"
)

// A writer seals, a relay verifies without a secret, a reader opens what the link allows.
func Example() {
	owner, genesis, _ := seal.Create(rand.Reader)
	writer, _ := seal.Unlock(genesis, seal.Owner, owner)
	session, _ := writer.NewSession(rand.Reader)
	bytes, _ := session.Seal(seal.Update, []byte("milk, bread"))

	// The relay has the genesis, the certificate and the envelope.
	public, _ := seal.ParseGenesisOf(genesis.Doc(), genesis.Bytes())
	cert, _ := public.VerifyCertificate(session.Certificate().Bytes())
	envelope, _ := seal.ParseEnvelope(bytes)
	_, err := cert.VerifyRun(nil, []seal.Envelope{envelope})
	fmt.Println("verified:", err == nil)

	// The reader got a link.
	secret, _ := seal.Attenuate(owner, seal.Owner, seal.Read)
	link, _ := seal.ParseLink(seal.Link{Doc: genesis.Doc(), Rights: seal.Read, Secret: secret}.Text())
	reader, _ := seal.Unlock(public, link.Rights, link.Secret)
	plain, _ := reader.Open(bytes)
	fmt.Printf("%s, %d bytes sealed\n", plain, len(bytes))
	// Output:
	// verified: true
	// milk, bread, 176 bytes sealed
}
