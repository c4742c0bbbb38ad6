// What is signed besides envelopes: statements to a relay, and the owner's to everybody (twin of internal/seal/statement.go). Each is bound to
// the document by the hash of its genesis and to one purpose by its label.

import { FreeholdError } from "../errors.ts";
import { fromBase32, toBase32, toBase64url } from "../ids.ts";
import type { DocId } from "../protocol.ts";
import { SIGNATURE_SIZE, sign, verify } from "./ed25519.ts";
import { corrupt } from "./envelope.ts";
import type { Keyring } from "./keys.ts";
import type { Octets } from "./octets.ts";
import { join, utf8 } from "./octets.ts";

const FETCH = utf8("freehold/1 fetch\0");
const TOKEN = utf8("freehold/1 token\0");
const DELETE = utf8("freehold/1 delete\0");
const SUCCESSOR = utf8("freehold/1 successor\0");
const DOC_SIZE = 20;

/** label │ genesis hash │ nonce 32 │ relay, signed by the fetch key */
export const proveFetch = (ring: Keyring, relay: string, nonce: Uint8Array): Promise<Octets> =>
  sign(ring.fetch, join(FETCH, ring.genesisHash, nonce, utf8(relay.toLowerCase())));

/** base64url of expiry 8 │ signature 64 */
export const token = async (ring: Keyring, relay: string, expiry: number): Promise<string> => {
  const seconds = new Uint8Array(8);
  new DataView(seconds.buffer).setBigUint64(0, BigInt(expiry));
  return toBase64url(join(seconds, await sign(ring.fetch, join(TOKEN, ring.genesisHash, seconds, utf8(relay.toLowerCase())))));
};

export const deletion = (ring: Keyring, relay: string): Promise<Octets> => sign(ownerKey(ring), join(DELETE, ring.genesisHash, utf8(relay.toLowerCase())));

/** successor 20 │ signature 64 */
export const successor = async (ring: Keyring, doc: DocId): Promise<Octets> => {
  const key = ownerKey(ring);
  const id = fromBase32(doc);
  if (id?.length !== DOC_SIZE) throw new FreeholdError("invalid", `“${doc}” is not the id of a document.`, "Give the id that `create` gave.");
  return join(id, await sign(key, join(SUCCESSOR, ring.genesisHash, id)));
};

export const verifySuccessor = async (ring: Keyring, statement: Uint8Array): Promise<DocId> => {
  const id = statement.slice(0, DOC_SIZE);
  const signature = statement.subarray(DOC_SIZE);
  if (signature.length !== SIGNATURE_SIZE || !(await verify(ring.owner, join(SUCCESSOR, ring.genesisHash, id), signature))) throw corrupt("the owner did not name this successor");
  return toBase32(id);
};

const ownerKey = (ring: Keyring): CryptoKey => {
  if (ring.root === null) throw new FreeholdError("read-only", "Only the owner's link can do this.", "Use the link that was shown when the document was made.");
  return ring.root;
};
