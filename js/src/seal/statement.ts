// What is signed besides envelopes: statements to a relay, and the owner's to everybody (twin of internal/seal/statement.go). Each is bound to
// the document by its id and to one purpose by its label.

import { FreeholdError } from "../errors.ts";
import { fromBase32, toBase32, toBase64url } from "../ids.ts";
import type { DocId, Rights } from "../protocol.ts";
import { SIGNATURE_SIZE, sign, signingKey, verify } from "./ed25519.ts";
import { corrupt } from "./envelope.ts";
import { derive, Label } from "./hkdf.ts";
import { attenuate, type Keyring } from "./keys.ts";
import type { Octets } from "./octets.ts";
import { join, utf8 } from "./octets.ts";
import type { Fetcher } from "./sealer.ts";

const FETCH = utf8("freehold/1 fetch\0");
const TOKEN = utf8("freehold/1 token\0");
const DELETE = utf8("freehold/1 delete\0");
const SUCCESSOR = utf8("freehold/1 successor\0");
const DOC_SIZE = 20;

/** The right to download, of somebody who has a link and perhaps no genesis yet. */
export const fetcher = async (doc: DocId, rights: Rights, secret: Uint8Array): Promise<Fetcher> => {
  const id = idOf(doc);
  const read = await attenuate(secret, rights, "read");
  const seed = await derive(read, new Uint8Array(), Label.fetchSign);
  const key = await signingKey(seed);
  read.fill(0);
  seed.fill(0);
  return {
    prove: (relay, nonce) => sign(key, join(FETCH, id, nonce, utf8(relay.toLowerCase()))),
    token: async (relay, expiry) => {
      const seconds = new Uint8Array(8);
      new DataView(seconds.buffer).setBigUint64(0, BigInt(expiry));
      return toBase64url(join(seconds, await sign(key, join(TOKEN, id, seconds, utf8(relay.toLowerCase())))));
    },
  };
};

export const deletion = (ring: Keyring, relay: string): Promise<Octets> => sign(ownerKey(ring), join(DELETE, idIn(ring), utf8(relay.toLowerCase())));

/** successor 20 │ signature 64 */
export const successor = async (ring: Keyring, doc: DocId): Promise<Octets> => {
  const key = ownerKey(ring);
  const id = idOf(doc);
  return join(id, await sign(key, join(SUCCESSOR, idIn(ring), id)));
};

export const verifySuccessor = async (ring: Keyring, statement: Uint8Array): Promise<DocId> => {
  const id = statement.slice(0, DOC_SIZE);
  const signature = statement.subarray(DOC_SIZE);
  if (signature.length !== SIGNATURE_SIZE || !(await verify(ring.owner, join(SUCCESSOR, idIn(ring), id), signature))) throw corrupt("the owner did not name this successor");
  return toBase32(id);
};

const idOf = (doc: DocId): Uint8Array => {
  const id = fromBase32(doc);
  if (id?.length !== DOC_SIZE) throw new FreeholdError("invalid", `“${doc}” is not the id of a document.`, "Give the id that `create` gave.");
  return id;
};

const idIn = (ring: Keyring): Uint8Array => ring.genesisHash.subarray(0, DOC_SIZE);

const ownerKey = (ring: Keyring): CryptoKey => {
  if (ring.root === null) throw new FreeholdError("read-only", "Only the owner's link can do this.", "Use the link that was shown when the document was made.");
  return ring.root;
};
