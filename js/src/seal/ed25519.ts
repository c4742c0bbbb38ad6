// Ed25519 on WebCrypto, held to one rule on every machine (twin of internal/seal/curve.go).

import { FreeholdError } from "../errors.ts";
import { fromBase64url } from "../ids.ts";
import { subtle } from "./hkdf.ts";
import type { Octets } from "./octets.ts";
import { join, octets } from "./octets.ts";

export const KEY_SIZE = 32;
export const SIGNATURE_SIZE = 64;

/** The DER in front of a 32-byte seed that makes it PKCS #8 (RFC 8410 §7): the only way to import a bare seed. */
const PKCS8 = Uint8Array.from([0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]);

/**
 * The y coordinates, low byte first, of the points whose order divides the curve's cofactor: orders 1, 2, 4, 8, 8.
 * Under such a "key" anybody can sign.
 */
const SMALL_ORDER = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

const hex = (b: Uint8Array): string => Array.from(b, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Whether an encoded point is canonical and not of small order. Whether it is on the curve is left to WebCrypto. */
export const strictPoint = (b: Uint8Array): boolean => {
  const y = b.slice(0, KEY_SIZE);
  y[KEY_SIZE - 1]! &= 0x7f; // the top bit is the sign of x
  // The field's prime is ed ff … ff 7f.
  const beyondField = y[0]! >= 0xed && y[KEY_SIZE - 1] === 0x7f && y.subarray(1, KEY_SIZE - 1).every((byte) => byte === 0xff);
  return !beyondField && !SMALL_ORDER.includes(hex(y));
};

/** Runs a step that fails as a whole where the browser is too old for Ed25519. */
const supported = async <T>(step: () => Promise<T>): Promise<T> => {
  try {
    return await step();
  } catch (cause) {
    if ((cause as { name?: unknown }).name !== "NotSupportedError") throw cause;
    throw new FreeholdError("blocked", "This browser cannot sign (no Ed25519).", "Update it: Chromium 137, Firefox 129 and Safari 17 can.", { cause });
  }
};

const importSeed = (seed: Uint8Array, extractable: boolean): Promise<CryptoKey> =>
  supported(() => subtle((c) => c.importKey("pkcs8", join(PKCS8, seed), "Ed25519", extractable, ["sign"])));

/** A private key that signs and cannot be read. */
export const signingKey = (seed: Uint8Array): Promise<CryptoKey> => importSeed(seed, false);

/** The public key of a seed. WebCrypto gives it only as the `x` of an extractable private key. */
export const publicKeyOf = async (seed: Uint8Array): Promise<Octets> => {
  const key = await importSeed(seed, true);
  const jwk = await subtle((c) => c.exportKey("jwk", key));
  return octets(fromBase64url(jwk.x ?? "") ?? new Uint8Array());
};

/** How often fresh keys are drawn before a failure counts. */
const DRAWS = 16;

/**
 * Runs a step that draws keys of its own. WebKitGTK 2.50 fails for about one key in a few hundred, always for the same ones, with
 * OperationError or DataError: another key is as good.
 */
const drawn = async <T>(draw: () => Promise<T>): Promise<T> => {
  for (let left = DRAWS; ; left--) {
    try {
      return await draw();
    } catch (cause) {
      const name = (cause as { name?: unknown }).name;
      if (left === 1 || (name !== "OperationError" && name !== "DataError")) throw cause;
    }
  }
};

/** A fresh pair; the private half never leaves WebCrypto. */
export const newKeyPair = (): Promise<{ readonly key: CryptoKey; readonly publicKey: Octets }> => drawn(async () => {
  const pair = (await supported(() => subtle((c) => c.generateKey("Ed25519", false, ["sign", "verify"])))) as CryptoKeyPair;
  return { key: pair.privateKey, publicKey: new Uint8Array(await subtle((c) => c.exportKey("raw", pair.publicKey))) };
});

export const sign = async (key: CryptoKey, message: Uint8Array): Promise<Octets> => new Uint8Array(await subtle((c) => c.sign("Ed25519", key, octets(message))));

/**
 * Engines differ on points of small order and on coordinates beyond the field: of the 14 signatures in
 * testdata/seal/weakkeys.json Go, Node 20 and Chromium accept all, Firefox 10, and the text of WebCrypto none. What one
 * replica accepts and another refuses would split a document, so the key and the signature's point are held to the
 * strictest reading.
 */
export const verify = async (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> => {
  if (!strictPoint(publicKey) || !strictPoint(signature)) return false;
  let key: CryptoKey;
  try {
    key = await supported(() => subtle((c) => c.importKey("raw", octets(publicKey), "Ed25519", false, ["verify"])));
  } catch (cause) {
    if (cause instanceof FreeholdError) throw cause;
    return false; // engines that look whether it is a point do so here
  }
  return subtle((c) => c.verify("Ed25519", key, octets(signature), octets(message)));
};
