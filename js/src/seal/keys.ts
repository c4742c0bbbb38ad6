// The keys that a link's secret gives (twin of internal/seal/{genesis,secret,keys}.go). What stays is inside WebCrypto, not to be read.

import { FreeholdError } from "../errors.ts";
import { fromBase64url, toBase32 } from "../ids.ts";
import type { DocId, Rights, SessionId } from "../protocol.ts";
import { publicKeyOf, signingKey, strictPoint } from "./ed25519.ts";
import { corrupt, newer, SUITE } from "./envelope.ts";
import { derive, deriveCipher, importSecret, Label, sha256 } from "./hkdf.ts";
import type { Octets } from "./octets.ts";
import { equal, join, octets, recent } from "./octets.ts";
import { Kind } from "./sealer.ts";

export const GENESIS_SIZE = 113;
const COMMIT_SIZE = 16;
/** The part of the genesis that salts the key commitment: all but the commitment. */
const COMMITTED = GENESIS_SIZE - COMMIT_SIZE;
const DOC_SIZE = 20;
const EMPTY = new Uint8Array();

const RANK: Readonly<Record<Rights, number>> = { read: 0, write: 1, owner: 2 };

export const reaches = (has: Rights, needs: Rights): boolean => RANK[has] >= RANK[needs];

export const docIdOf = (genesisHash: Uint8Array): DocId => toBase32(genesisHash.subarray(0, DOC_SIZE));

/** What sealing and opening need. Every key here is non-extractable. */
export interface Keyring {
  readonly genesisHash: Uint8Array;
  /** The document's write public key. */
  readonly writer: Uint8Array;
  /** The document's root public key. */
  readonly owner: Uint8Array;
  /** Signs session certificates; null without the right. */
  readonly write: CryptoKey | null;
  /** Signs what only the owner may say; null without the right. */
  readonly root: CryptoKey | null;
  /** The content cipher of one kind in one session. FreeholdError("newer-format") for kinds of later releases. */
  cipher(kind: Kind, session: SessionId): Promise<CryptoKey>;
}

/** The secret of a lower right, or a copy of the same. FreeholdError("read-only") when asked to climb. */
export const attenuate = async (secret: Uint8Array, from: Rights, to: Rights): Promise<Octets> => {
  if (!reaches(from, to)) throw new FreeholdError("read-only", `A ${from} link cannot make a ${to} link.`, `Ask somebody who holds a ${to} link.`);
  let held: Octets = octets(secret.slice());
  if (from === "owner" && to !== "owner") held = await derive(held, EMPTY, Label.write);
  if (from !== "read" && to === "read") held = await derive(held, EMPTY, Label.read);
  return held;
};

/** Of the root, write and fetch key. */
const seedsOf = async (owner: Uint8Array): Promise<readonly Octets[]> => Promise.all([
  derive(owner, EMPTY, Label.rootSign),
  derive(await attenuate(owner, "owner", "write"), EMPTY, Label.writeSign),
  derive(await attenuate(owner, "owner", "read"), EMPTY, Label.fetchSign),
]);

/**
 * Whether every machine takes the keys of a new document (ENVELOPE.md): WebKitGTK 2.50 imports no seed that begins with a zero byte, and nobody there
 * could open the document.
 */
export const isTakenEverywhere = async (owner: Uint8Array): Promise<boolean> => (await seedsOf(owner)).every((seed) => seed[0] !== 0);

/** suite 1 │ root key 32 │ write key 32 │ fetch key 32 │ commitment 16 */
export const makeGenesis = async (owner: Uint8Array): Promise<Octets> => {
  const keys = join(Uint8Array.of(SUITE), ...(await Promise.all((await seedsOf(owner)).map(publicKeyOf))));
  return join(keys, await commitment(await attenuate(owner, "owner", "read"), keys));
};

/** Ties the read secret to the public keys: tells a wrong key from damaged bytes, and leaves a document one content key. */
const commitment = (read: Uint8Array, genesis: Uint8Array): Promise<Octets> => derive(read, genesis.subarray(0, COMMITTED), Label.commit, COMMIT_SIZE);

/** Checks that id, genesis, right and secret belong together, then derives. FreeholdError("relay-invalid" | "newer-format" | "wrong-key"). */
export const unlock = async (doc: DocId, rights: Rights, secret: Uint8Array, genesis: Uint8Array): Promise<Keyring> => {
  if (genesis[0] !== SUITE && genesis.length > 0) throw newer(`suite ${genesis[0]}`);
  const genesisHash = await sha256(genesis);
  if (genesis.length !== GENESIS_SIZE || docIdOf(genesisHash) !== doc) throw corrupt(`they are not the beginning of document ${doc}`);
  const [owner, writer, fetcher] = [genesis.slice(1, 33), genesis.slice(33, 65), genesis.slice(65, 97)];
  if (![owner, writer, fetcher].every(strictPoint)) throw corrupt(`document ${doc} names a weak key`);

  const wrongKey = (): FreeholdError => new FreeholdError("wrong-key", "The link's key does not open this document.", "Ask for the link again; this one was altered or belongs to another document.", { doc });
  const read = await attenuate(secret, rights, "read");
  if (!equal(await commitment(read, genesis), genesis.subarray(COMMITTED))) throw wrongKey();
  const content = await derive(read, genesisHash, Label.doc);
  const contentKey = await importSecret(content);
  if (!equal(await publicKeyOf(await derive(read, EMPTY, Label.fetchSign)), fetcher)) throw wrongKey();
  read.fill(0);
  content.fill(0);

  let write: CryptoKey | null = null;
  if (reaches(rights, "write")) {
    const held = await attenuate(secret, rights, "write");
    const seed = await derive(held, EMPTY, Label.writeSign);
    if (!equal(await publicKeyOf(seed), writer)) throw wrongKey();
    write = await signingKey(seed);
    held.fill(0);
    seed.fill(0);
  }
  let root: CryptoKey | null = null;
  if (rights === "owner") {
    const seed = await derive(secret, EMPTY, Label.rootSign);
    if (!equal(await publicKeyOf(seed), owner)) throw wrongKey();
    root = await signingKey(seed);
    seed.fill(0);
  }
  return { genesisHash, writer, owner, write, root, cipher: ciphers(contentKey) };
};

/** More sessions than are at work at once in one document; older keys are derived again when needed. */
const CIPHERS_KEPT = 256;

const contentLabels: Readonly<Partial<Record<Kind, string>>> = {
  [Kind.update]: Label.update,
  [Kind.snapshot]: Label.snapshot,
  [Kind.ephemeral]: Label.ephemeral,
  [Kind.sessionInfo]: Label.sessionInfo,
  [Kind.attest]: Label.attest,
  [Kind.pack]: Label.pack,
};

const ciphers = (content: CryptoKey): Keyring["cipher"] => {
  const cipherByName = recent<Promise<CryptoKey>>(CIPHERS_KEPT);
  return async (kind, session) => {
    const label = contentLabels[kind];
    if (label === undefined) throw newer(`content of kind ${kind}`);
    const name = `${kind}${session}`;
    const cipher = cipherByName.get(name) ?? deriveCipher(content, fromBase64url(session)!, label);
    cipherByName.set(name, cipher);
    return cipher;
  };
};

/** Whether keys were made; false where the secret is not the document's. */
export const opens = (keys: Promise<unknown>): Promise<boolean> => keys.then(() => true, (e: unknown) => {
  if (e instanceof FreeholdError && e.code === "wrong-key") return false;
  throw e;
});
