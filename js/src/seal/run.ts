// Sealing, verifying and opening with the keys at hand (twin of internal/seal/{session,cert,verify,keys}.go).

import { fromBase64url, toBase64url } from "../ids.ts";
import { KEY_SIZE, SIGNATURE_SIZE, sign, strictPoint, verify } from "./ed25519.ts";
import type { Envelope, FullHeader } from "./envelope.ts";
import { certificateMessage, corrupt, encodeHeader, envelopeMessage, nonce, pad, parseEnvelope, TAG_SIZE, unpad } from "./envelope.ts";
import { sha256, subtle } from "./hkdf.ts";
import type { Keyring } from "./keys.ts";
import type { Octets } from "./octets.ts";
import type { Beginning } from "./sealer.ts";
import { equal, join, octets } from "./octets.ts";

const SESSION_SIZE = 16;
/** Digests in flight at once. Starting ten thousand together took three times as long in Chromium. */
const HASHES_IN_FLIGHT = 256;

export const sessionOf = async (publicKey: Uint8Array): Promise<string> => toBase64url((await sha256(publicKey)).subarray(0, SESSION_SIZE));

/** session public key 32 │ signature by the write key 64 */
export const certify = async (ring: Keyring, write: CryptoKey, publicKey: Uint8Array): Promise<Octets> =>
  join(publicKey, await sign(write, certificateMessage(ring.genesisHash, publicKey)));

/** One envelope, with everything given: the same arguments give the same bytes in every implementation. */
export const sealEnvelope = async (ring: Keyring, key: CryptoKey, h: Omit<FullHeader, "size">, plain: Uint8Array): Promise<Octets> => {
  const content = pad(plain);
  const header = encodeHeader({ ...h, size: content.length + TAG_SIZE });
  const cipher = await ring.cipher(h.kind, h.session);
  const ciphertext = new Uint8Array(await subtle().encrypt(aead(ring, header), cipher, content));
  return join(header, ciphertext, await sign(key, envelopeMessage(ring.genesisHash, header, await sha256(ciphertext))));
};

/** Decrypts one envelope; does not say who wrote it. FreeholdError("relay-invalid" | "newer-format"). */
export const openEnvelope = async (ring: Keyring, bytes: Uint8Array): Promise<Octets> => {
  const e = parseEnvelope(bytes);
  const cipher = await ring.cipher(e.kind, e.session);
  let content: ArrayBuffer;
  try {
    content = await subtle().decrypt(aead(ring, e.header), cipher, octets(e.ciphertext));
  } catch (cause) {
    throw corrupt(`envelope ${e.seq} of session ${e.session} does not decrypt`, cause);
  }
  const plain = unpad(new Uint8Array(content));
  if (plain === null) throw corrupt(`padding of envelope ${e.seq} of session ${e.session}`);
  return plain;
};

/** The cipher authenticates the document and the whole header besides the content. */
const aead = (ring: Keyring, header: Uint8Array): AesGcmParams => ({ name: "AES-GCM", iv: nonce(header), additionalData: join(ring.genesisHash, header) });

/** A certificate that was verified. */
export interface Certificate {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly session: string;
  readonly publicKey: Uint8Array;
}

/** FreeholdError("relay-invalid") unless a writer of this document admitted the session. */
export const verifyCertificate = async (ring: Keyring, bytes: Uint8Array): Promise<Certificate> => {
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
export const verifyRun = async (ring: Keyring, cert: Certificate, prev: Uint8Array | null, run: readonly Uint8Array[]): Promise<readonly Octets[]> => {
  const envelopes = run.map(parseEnvelope);
  const last = envelopes.at(-1);
  if (last === undefined) throw corrupt("an empty run");
  const hashes = await hashAll(run);
  envelopes.forEach((e, i) => follows(cert, i === 0 ? null : envelopes[i - 1]!.seq, i === 0 ? prev : hashes[i - 1]!, e));
  await signed(ring, cert, last);
  return hashes;
};

/**
 * The hashes of the longest beginning of a run that verifies, and why the envelope after it does not (null: all do). A good
 * signature vouches for bad ones before it, so they are tried from the last.
 */
export const verifyBeginning = async (ring: Keyring, cert: Certificate, prev: Uint8Array | null, run: readonly Uint8Array[]): Promise<Beginning> => {
  const hashes = await hashAll(run);
  const envelopes: Envelope[] = [];
  let reason: unknown = null;
  try {
    for (const [i, bytes] of run.entries()) {
      const e = parseEnvelope(bytes);
      follows(cert, envelopes[i - 1]?.seq ?? null, i === 0 ? prev : hashes[i - 1]!, e);
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
const signed = async (ring: Keyring, cert: Certificate, e: Envelope): Promise<void> => {
  const message = envelopeMessage(ring.genesisHash, e.header, await sha256(e.ciphertext));
  if (!(await verify(cert.publicKey, message, e.signature))) throw corrupt(`signature of envelope ${e.seq} of session ${cert.session}`);
};

/** Throws unless `e` is the session's next envelope; null means that nothing is known of the one before. */
const follows = (cert: Certificate, seq: number | null, hash: Uint8Array | null, e: Envelope): void => {
  if (e.session !== cert.session) throw corrupt(`an envelope of session ${e.session} in a run of ${cert.session}`);
  if (e.seq === 0 && !equal(e.prev, cert.hash)) throw corrupt(`envelope 0 of session ${e.session} does not follow its certificate`);
  if (seq !== null && e.seq !== seq + 1) throw corrupt(`envelope ${e.seq} of session ${e.session} after ${seq}`);
  if (hash !== null && !equal(e.prev, hash)) throw corrupt(`envelope ${e.seq} of session ${e.session} follows another one`);
};

const hashAll = async (run: readonly Uint8Array[]): Promise<readonly Octets[]> => {
  const hashes: Octets[] = [];
  for (let at = 0; at < run.length; at += HASHES_IN_FLIGHT) hashes.push(...(await Promise.all(run.slice(at, at + HASHES_IN_FLIGHT).map(sha256))));
  return hashes;
};
