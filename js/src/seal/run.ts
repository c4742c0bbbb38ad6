// Sealing, verifying and opening with the keys at hand (twin of internal/seal/{session,cert,verify,keys}.go).

import { fromBase64url, toBase64url } from "../ids.ts";
import { KEY_SIZE, SIGNATURE_SIZE, sign, strictPoint, verify } from "./ed25519.ts";
import type { Envelope, FullHeader } from "./envelope.ts";
import { certificateMessage, corrupt, encodeHeader, envelopeMessage, firstOf, nonce, packEnd, pad, parseEnvelope, parseEphemeral, TAG_SIZE, unpad } from "./envelope.ts";
import { sha256, subtle } from "./hkdf.ts";
import type { Keyring } from "./keys.ts";
import type { Octets } from "./octets.ts";
import { Kind, type Beginning } from "./sealer.ts";
import { equal, join, octets } from "./octets.ts";

const NOTHING = new Uint8Array();
const SESSION_SIZE = 16;

export const sessionOf = async (publicKey: Uint8Array): Promise<string> => toBase64url((await sha256(publicKey)).subarray(0, SESSION_SIZE));

/** session public key 32 │ signature by the write key 64 */
export const certify = async (ring: Keyring, write: CryptoKey, publicKey: Uint8Array): Promise<Octets> =>
  join(publicKey, await sign(write, certificateMessage(ring.genesisHash, publicKey)));

/** One envelope, with everything given: the same arguments give the same bytes in every implementation. */
export const sealEnvelope = async (ring: Keyring, key: CryptoKey, h: Omit<FullHeader, "size">, plain: Uint8Array, clear: Uint8Array = NOTHING): Promise<Octets> => {
  const content = pad(plain);
  const open = join(encodeHeader({ ...h, size: content.length + TAG_SIZE }), clear);
  const cipher = await ring.cipher(h.kind, h.session);
  const ciphertext = new Uint8Array(await subtle((c) => c.encrypt(aead(ring, open), cipher, content)));
  return join(open, ciphertext, await sign(key, envelopeMessage(ring.genesisHash, open, await sha256(ciphertext))));
};

/** Decrypts one envelope of a chain; does not say who wrote it. FreeholdError("relay-invalid" | "newer-format"). */
export const openEnvelope = async (ring: Keyring, bytes: Uint8Array): Promise<Octets> => decrypt(ring, parseEnvelope(bytes));

/** Decrypts presence; does not say who wrote it. FreeholdError("relay-invalid" | "newer-format"). */
export const openEphemeral = async (ring: Keyring, bytes: Uint8Array): Promise<Octets> => decrypt(ring, parseEphemeral(bytes));

const decrypt = async (ring: Keyring, e: Envelope): Promise<Octets> => {
  const cipher = await ring.cipher(e.kind, e.session);
  const once = (): Promise<ArrayBuffer> => subtle((c) => c.decrypt(aead(ring, e.open), cipher, octets(e.ciphertext)));
  let content: ArrayBuffer;
  try {
    content = await once().catch(once); // what WebCrypto says of a wrong tag it may say of a failure of its own, and only the tag is for ever
  } catch (cause) {
    if ((cause as Partial<Error>).name !== "OperationError") throw cause;
    throw corrupt(`envelope ${e.seq} of session ${e.session} does not decrypt`, cause);
  }
  const plain = unpad(new Uint8Array(content));
  if (plain === null) throw corrupt(`padding of envelope ${e.seq} of session ${e.session}`);
  return plain;
};

/** The cipher authenticates the document, the whole header and what is in clear besides the content. */
const aead = (ring: Keyring, open: Uint8Array): AesGcmParams => ({ name: "AES-GCM", iv: nonce(open), additionalData: join(ring.genesisHash, open) });

/** What everybody knows who knows the genesis. */
export type PublicRing = Pick<Keyring, "genesisHash" | "writer">;

/** A certificate that was verified. */
export interface Certificate {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly session: string;
  readonly publicKey: Uint8Array;
}

/** FreeholdError("relay-invalid") unless a writer of this document admitted the session. */
export const verifyCertificate = async (ring: PublicRing, bytes: Uint8Array): Promise<Certificate> => {
  if (bytes.length !== KEY_SIZE + SIGNATURE_SIZE) throw corrupt(`a certificate of ${bytes.length} bytes`);
  const publicKey = bytes.slice(0, KEY_SIZE);
  const admitted = strictPoint(publicKey) && (await verify(ring.writer, certificateMessage(ring.genesisHash, publicKey), bytes.subarray(KEY_SIZE)));
  if (!admitted) throw corrupt("no writer of this document admitted the session");
  return { bytes: bytes.slice(), hash: await sha256(bytes), session: await sessionOf(publicKey), publicKey };
};

/**
 * Proves that consecutive envelopes were written by this session, in this order, after `prev` (null: unknown), and
 * gives their hashes. One signature is enough: every envelope contains the hash of the one before it, signature
 * included, so the last signature vouches for all of them. FreeholdError("relay-invalid" | "newer-format").
 */
export const verifyRun = async (ring: Pick<Keyring, "genesisHash">, cert: Certificate, prev: Uint8Array | null, run: readonly Uint8Array[]): Promise<readonly Octets[]> => {
  const envelopes = run.map(parseEnvelope);
  const last = envelopes.at(-1);
  if (last === undefined) throw corrupt("an empty run");
  const hashes = await hashAll(envelopes);
  envelopes.forEach((e, i) => follows(cert, i === 0 ? null : envelopes[i - 1]!.seq, i === 0 ? prev : hashes[i - 1]!, e));
  for (const e of envelopes) if (e === last || e.kind === Kind.pack) await signed(ring, cert, e);
  return hashes;
};

/** Throws unless this session wrote the presence. FreeholdError("relay-invalid" | "newer-format"). */
export const verifyEphemeral = async (ring: Keyring, cert: Certificate, bytes: Uint8Array): Promise<void> => {
  const e = parseEphemeral(bytes);
  if (e.session !== cert.session) throw corrupt(`presence of session ${e.session} as that of ${cert.session}`);
  await signed(ring, cert, e);
};

/**
 * The hashes of the longest beginning of a run that verifies, and why the envelope after it does not (null: all do). A good
 * signature vouches for bad ones before it, so they are tried from the last; a pack, which nothing behind it contains, is
 * vouched for by its own alone.
 */
export const verifyBeginning = async (ring: Keyring, cert: Certificate, prev: Uint8Array | null, run: readonly Uint8Array[]): Promise<Beginning> => {
  const parsed: Envelope[] = [];
  const envelopes: Envelope[] = [];
  let hashes: readonly Octets[] = [];
  let reason: unknown = null;
  try {
    for (const bytes of run) parsed.push(parseEnvelope(bytes));
  } catch (error) {
    reason = error;
  }
  try {
    hashes = await hashAll(parsed);
    for (const [i, e] of parsed.entries()) {
      follows(cert, envelopes[i - 1]?.seq ?? null, i === 0 ? prev : hashes[i - 1]!, e);
      if (e.kind === Kind.pack) await signed(ring, cert, e);
      envelopes.push(e);
    }
  } catch (error) {
    reason = error;
  }
  for (; envelopes.length > 0; envelopes.pop()) {
    try {
      await signed(ring, cert, envelopes.at(-1)!);
      break;
    } catch (error) {
      reason = error;
    }
  }
  return { hashes: hashes.slice(0, envelopes.length), reason };
};

/** Throws unless the session signed the envelope. */
const signed = async (ring: Pick<Keyring, "genesisHash">, cert: Certificate, e: Envelope): Promise<void> => {
  const message = envelopeMessage(ring.genesisHash, e.open, await sha256(e.ciphertext));
  if (!(await verify(cert.publicKey, message, e.signature))) throw corrupt(`signature of envelope ${e.seq} of session ${cert.session}`);
};

/** Throws unless `e` is the session's next envelope; null means that nothing is known of the one before. */
const follows = (cert: Certificate, seq: number | null, hash: Uint8Array | null, e: Envelope): void => {
  if (e.session !== cert.session) throw corrupt(`an envelope of session ${e.session} in a run of ${cert.session}`);
  const first = firstOf(e);
  if (first === 0 && !equal(e.prev, cert.hash)) throw corrupt(`envelope 0 of session ${e.session} does not follow its certificate`);
  if (seq !== null && first !== seq + 1) throw corrupt(`envelope ${first} of session ${e.session} after ${seq}`);
  if (hash !== null && !equal(e.prev, hash)) throw corrupt(`envelope ${e.seq} of session ${e.session} follows another one`);
};

const hashAll = (run: readonly Envelope[]): Promise<readonly Octets[]> => Promise.all(run.map(hashOf));

/** What the next envelope of the session names as its predecessor. */
export const hashOf = async (e: Envelope): Promise<Octets> => octets(packEnd(e) ?? (await sha256(e.bytes)));
