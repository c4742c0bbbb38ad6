// The envelope as bytes: header, padding, and what is signed (docs/ENVELOPE.md; twin of internal/seal/{header,envelope,padding}.go).
// All integers are big-endian. No cryptography here.

import { FreeholdError } from "../errors.ts";
import { fromBase64url, toBase64url } from "../ids.ts";
import { SIGNATURE_SIZE } from "./ed25519.ts";
import type { Octets } from "./octets.ts";
import { join, octets, utf8 } from "./octets.ts";
import type { EnvelopeHeader } from "./sealer.ts";
import { Kind, Verdict } from "./sealer.ts";

export const SUITE = 1;
export const HEADER_SIZE = 64;
export const HASH_SIZE = 32;
export const SALT_SIZE = 4;
export const TAG_SIZE = 16;

/** Least length of padded content: most keystrokes look alike. */
const PAD_FLOOR = 32;
const PAD_MARK = 0x80;
const MIN_SIZE = HEADER_SIZE + PAD_FLOOR + TAG_SIZE + SIGNATURE_SIZE;

const ENVELOPE_LABEL = utf8("freehold/1 envelope\0");
const CERTIFICATE_LABEL = utf8("freehold/1 session\0");
const EPOCH_0 = new Uint8Array(2);

/** A header with the two fields that only sealing and opening need. */
export interface FullHeader extends EnvelopeHeader {
  /** Length of the ciphertext with its tag. */
  readonly size: number;
  readonly salt: Uint8Array;
}

/** An envelope cut into its parts, which alias it. Parsing proves nothing. */
export interface Envelope extends FullHeader {
  readonly bytes: Uint8Array;
  /** Header and clear part: authenticated, not encrypted. */
  readonly open: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly signature: Uint8Array;
}

export const corrupt = (what: string, cause?: unknown): FreeholdError =>
  new FreeholdError("relay-invalid", `Received bytes are not usable: ${what}.`, "Nothing here was changed. If it stays so, use another relay.", { cause });

export const newer = (what: string): FreeholdError =>
  new FreeholdError("newer-format", `This was made by a newer version: ${what}.`, "Reload to update the app. Nothing was changed.");

/**
 *  0  1 suite │ 1 1 kind │ 2 2 key epoch, 0 │ 4 4 seq │ 8 4 size │ 12 4 salt │ 16 16 session │ 32 32 prev
 */
export const encodeHeader = (h: FullHeader): Octets => {
  const out = new Uint8Array(HEADER_SIZE);
  const view = new DataView(out.buffer);
  out[0] = SUITE;
  out[1] = h.kind;
  view.setUint32(4, h.seq);
  view.setUint32(8, h.size);
  out.set(h.salt, 12);
  out.set(fromBase64url(h.session)!, 16);
  out.set(h.prev, 32);
  return out;
};

/** Reads the first 64 bytes. FreeholdError("relay-invalid" | "newer-format"). */
export const parseHeader = (b: Uint8Array): FullHeader => {
  if (b.length < HEADER_SIZE) throw corrupt(`a header of ${b.length} bytes`);
  const view = new DataView(b.buffer, b.byteOffset, HEADER_SIZE);
  if (b[0] !== SUITE) throw newer(`suite ${b[0]}`);
  if (b[1]! > Kind.pack) throw newer(`kind ${b[1]}`);
  if (view.getUint16(2) !== 0) throw newer(`key epoch ${view.getUint16(2)}`);
  return {
    kind: b[1] as Kind,
    seq: view.getUint32(4),
    size: view.getUint32(8),
    salt: b.slice(12, 16),
    session: toBase64url(b.subarray(16, 32)),
    prev: b.slice(32, 64),
  };
};

/** Kinds that take a place in their session's chain. */
const chained = (kind: Kind): boolean => kind !== Kind.ephemeral && kind !== Kind.auth;

/** snapshot hash 32 │ verdict 1 */
const ATTEST_CLEAR = 33;
/** first seq 4 │ hash of the last envelope 32 */
const PACK_CLEAR = 36;

/** Bytes that a kind says in clear between header and ciphertext, because a relay acts on them. */
export const clearSize = (kind: Kind): number => (kind === Kind.attest ? ATTEST_CLEAR : kind === Kind.pack ? PACK_CLEAR : 0);

export const attestClear = (snapshot: Uint8Array, verdict: Verdict): Octets => join(snapshot, Uint8Array.of(verdict));

export const packClear = (first: number, end: Uint8Array): Octets => {
  const out = new Uint8Array(PACK_CLEAR);
  new DataView(out.buffer).setUint32(0, first);
  out.set(end, 4);
  return out;
};

/** Cuts one whole envelope of a chained kind. FreeholdError("relay-invalid" | "newer-format"). */
export const parseEnvelope = (bytes: Uint8Array): Envelope => {
  const h = parseHeader(bytes);
  if (!chained(h.kind)) throw newer(`kind ${h.kind} in a chain`);
  return cut(h, bytes);
};

/** Cuts one whole ephemeral envelope. FreeholdError("relay-invalid" | "newer-format"). */
export const parseEphemeral = (bytes: Uint8Array): Envelope => {
  const h = parseHeader(bytes);
  if (h.kind !== Kind.ephemeral) throw corrupt(`kind ${h.kind} as presence`);
  return cut(h, bytes);
};

const cut = (h: FullHeader, bytes: Uint8Array): Envelope => {
  const clear = HEADER_SIZE + clearSize(h.kind);
  const end = bytes.length - SIGNATURE_SIZE;
  if (bytes.length < MIN_SIZE + clear - HEADER_SIZE || end - clear !== h.size) throw corrupt(`an envelope of ${bytes.length} bytes announces ${h.size}`);
  const e = { ...h, bytes, open: bytes.subarray(0, clear), ciphertext: bytes.subarray(clear, end), signature: bytes.subarray(end) };
  if (h.kind === Kind.attest && e.open[clear - 1]! > Verdict.objection) throw newer(`verdict ${e.open[clear - 1]}`);
  if (h.kind === Kind.pack && firstOf(e) >= h.seq) throw corrupt(`a pack of ${firstOf(e)} to ${h.seq}`);
  return e;
};

/** The first seq that an envelope stands for: its own, unless it is a pack. */
export const firstOf = (e: Envelope): number =>
  e.kind === Kind.pack ? new DataView(e.open.buffer, e.open.byteOffset + HEADER_SIZE).getUint32(0) : e.seq;

/** The hash that a pack names as its end; null for every other kind, whose hash is that of their bytes. */
export const packEnd = (e: Envelope): Uint8Array | null => (e.kind === Kind.pack ? e.open.slice(HEADER_SIZE + 4) : null);

/** The snapshot that an attest speaks about, and what it says. */
export const attested = (e: Envelope): { readonly snapshot: Uint8Array; readonly verdict: Verdict } => ({
  snapshot: e.open.slice(HEADER_SIZE, HEADER_SIZE + HASH_SIZE),
  verdict: e.open[HEADER_SIZE + HASH_SIZE] as Verdict,
});

/** What a session key signs; `open` is header and clear part, `digest` the hash of the ciphertext. */
export const envelopeMessage = (genesis: Uint8Array, open: Uint8Array, digest: Uint8Array): Octets => join(ENVELOPE_LABEL, genesis, open, digest);

/** What the write key signs to admit a session. */
export const certificateMessage = (genesis: Uint8Array, publicKey: Uint8Array): Octets => join(CERTIFICATE_LABEL, genesis, EPOCH_0, publicKey);

/** salt 4 ‖ 0000 ‖ seq 4. The seq never repeats in a session; the salt covers the one way a session could live twice, a cloned machine. */
export const nonce = (header: Uint8Array): Octets => join(header.subarray(12, 16), new Uint8Array(4), header.subarray(4, 8));

/** The length that content of `n` bytes is padded to: Padmé (Nikitin et al., PURBs, PoPETs 2019), the marker byte counted as content. */
export const padded = (n: number): number => {
  const length = n + 1;
  if (length <= PAD_FLOOR) return PAD_FLOOR;
  const exponent = 31 - Math.clz32(length);
  const significant = 32 - Math.clz32(exponent);
  const step = 2 ** (exponent - significant);
  return Math.ceil(length / step) * step;
};

export const pad = (plain: Uint8Array): Octets => {
  const out = new Uint8Array(padded(plain.length));
  out.set(plain);
  out[plain.length] = PAD_MARK;
  return out;
};

/** Takes padding away; null unless it is what `pad` makes, so content has one sealed form. */
export const unpad = (b: Uint8Array): Octets | null => {
  let end = b.length - 1;
  while (end >= 0 && b[end] === 0) end--;
  return end < 0 || b[end] !== PAD_MARK || padded(end) !== b.length ? null : octets(b.subarray(0, end));
};
