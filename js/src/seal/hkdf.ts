// SHA-256 and HKDF-SHA256 on WebCrypto, and the labels of the key schedule (docs/ENVELOPE.md; twin of internal/seal/secret.go).

import { FreeholdError } from "../errors.ts";
import type { Octets } from "./octets.ts";
import { octets, utf8 } from "./octets.ts";

/** Each label derives a value that cannot be turned back, so a right yields the lower ones and never a higher. */
export const Label = {
  rootSign: "freehold/1 root-sign",
  write: "freehold/1 write 0",
  writeSign: "freehold/1 write-sign",
  read: "freehold/1 read",
  fetchSign: "freehold/1 fetch-sign",
  commit: "freehold/1 key-commit",
  doc: "freehold/1 doc",
  update: "freehold/1 update",
  snapshot: "freehold/1 snapshot",
  ephemeral: "freehold/1 ephemeral",
  sessionInfo: "freehold/1 session-info",
  attest: "freehold/1 attest",
  pack: "freehold/1 pack",
} as const;

/** Calls to WebCrypto in flight at once. Ten thousand started together took three times as long in Chromium. */
const CALLS_IN_FLIGHT = 256;
let flying = 0;
const waiting: (() => void)[] = [];

/** A call to WebCrypto, in its turn. FreeholdError("blocked") where there is none: browsers withhold it from pages that came over plain HTTP. */
export const subtle = async <T>(call: (webCrypto: SubtleCrypto) => Promise<T>): Promise<T> => {
  const webCrypto = (globalThis.crypto as Crypto | undefined)?.subtle;
  if (webCrypto === undefined) throw new FreeholdError("blocked", "This page has no access to cryptography.", "Open the app over https:// or on localhost.");
  if (flying < CALLS_IN_FLIGHT) flying++;
  else await new Promise<void>((go) => waiting.push(go));
  try {
    return await call(webCrypto);
  } finally {
    const next = waiting.shift();
    if (next === undefined) flying--;
    else next(); // its place goes to who waits longest
  }
};

export const random = (n: number): Octets => globalThis.crypto.getRandomValues(new Uint8Array(n));

export const sha256 = async (b: Uint8Array): Promise<Octets> => new Uint8Array(await subtle((c) => c.digest("SHA-256", octets(b))));

/** A secret that can only derive: once imported, nothing gives its bytes back. */
export const importSecret = (secret: Uint8Array): Promise<CryptoKey> =>
  subtle((c) => c.importKey("raw", octets(secret), "HKDF", false, ["deriveBits", "deriveKey"]));

const params = (salt: Uint8Array, label: string): HkdfParams => ({ name: "HKDF", hash: "SHA-256", salt: octets(salt), info: utf8(label) });

/** `n` bytes (RFC 5869). An empty salt means 32 zero bytes. */
export const derive = async (secret: Uint8Array, salt: Uint8Array, label: string, n = 32): Promise<Octets> => {
  const key = await importSecret(secret);
  return new Uint8Array(await subtle((c) => c.deriveBits(params(salt, label), key, n * 8)));
};

/** A content key that never exists as bytes. */
export const deriveCipher = (secret: CryptoKey, salt: Uint8Array, label: string): Promise<CryptoKey> =>
  subtle((c) => c.deriveKey(params(salt, label), secret, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]));
