// What is inside envelopes: updates and snapshots, each with the heads it refers to (docs/ENVELOPE.md; twin of internal/seal/payload.go).

import { FreeholdError } from "../errors.ts";
import { fromBase64url, toBase64url } from "../ids.ts";
import { corrupt, HASH_SIZE, newer } from "./envelope.ts";
import type { Octets } from "./octets.ts";
import { compare, join, joinAll, utf8 } from "./octets.ts";
import { MAX_HEADS, type Dep, type PresencePayload, type SnapshotPayload, type UpdatePayload } from "./sealer.ts";

const VERSION = 0;
const SESSION_SIZE = 16;
const DEP_HASH_SIZE = 16;
const DIGEST_SIZE = 16;

/** varint version │ deps │ the core's update */
export const encodeUpdate = (p: UpdatePayload): Octets => join(varint(VERSION), encodeDeps(p.deps), p.update);

/** `update` aliases `b`. FreeholdError("relay-invalid" | "newer-format"). */
export const decodeUpdate = (b: Uint8Array): UpdatePayload => {
  const from = reader(b);
  from.version();
  return { deps: decodeDeps(from), update: from.rest() };
};

/** varint version │ parent 32 │ covers │ digest 16 │ the core's file */
export const encodeSnapshot = (p: SnapshotPayload): Octets =>
  join(varint(VERSION), sized(p.parent, HASH_SIZE), encodeDeps(p.covers), sized(p.digest, DIGEST_SIZE), p.file);

/** `file` aliases `b`. FreeholdError("relay-invalid" | "newer-format"). */
export const decodeSnapshot = (b: Uint8Array): SnapshotPayload => {
  const from = reader(b);
  from.version();
  return { parent: from.take(HASH_SIZE), covers: decodeDeps(from), digest: from.take(DIGEST_SIZE), file: from.rest() };
};

/** Most bytes of a note. */
const MAX_NOTE = 1024;

/** varint version │ UTF-8: why somebody objects, or who is behind a session. */
export const encodeNote = (text: string): Octets => {
  const note = utf8(text);
  if (note.length > MAX_NOTE) throw wrongArgument(`a note of ${note.length} bytes`);
  return join(varint(VERSION), note);
};

/** FreeholdError("relay-invalid" | "newer-format"). */
export const decodeNote = (b: Uint8Array): string => {
  const from = reader(b);
  from.version();
  const note = from.rest();
  if (note.length > MAX_NOTE) throw corrupt("a note that is too long");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(note);
  } catch (cause) {
    throw corrupt("a note that is not UTF-8", cause);
  }
};

/** varint version │ heads │ the state, opaque here */
export const encodePresence = (p: PresencePayload): Octets => encodeUpdate({ deps: p.heads, update: p.state });

/** `state` aliases `b`. FreeholdError("relay-invalid" | "newer-format"). */
export const decodePresence = (b: Uint8Array): PresencePayload => {
  const { deps, update } = decodeUpdate(b);
  return { heads: deps, state: update };
};

/** varint version │ varint n │ n × (varint size │ content of an update) */
export const encodePack = (contents: readonly Uint8Array[]): Octets =>
  joinAll([varint(VERSION), varint(contents.length), ...contents.flatMap((content) => [varint(content.length), content])]);

/** The contents alias `b`. FreeholdError("relay-invalid" | "newer-format"). */
export const decodePack = (b: Uint8Array): readonly Uint8Array[] => {
  const from = reader(b);
  from.version();
  const contents: Uint8Array[] = [];
  for (let n = from.varint(); n > 0; n--) contents.push(from.take(from.varint()));
  if (from.rest().length > 0) throw corrupt("bytes behind a pack");
  return contents;
};

/** varint n │ n × (session 16 │ varint seq │ hash 16), ascending by session, each session once. */
const encodeDeps = (deps: readonly Dep[]): Octets => {
  const rows = deps.map((dep) => ({ session: sized(fromBase64url(dep.session), SESSION_SIZE), seq: varint(dep.seq), hash: sized(dep.hash, DEP_HASH_SIZE) }));
  rows.sort((a, b) => compare(a.session, b.session));
  if (rows.some((row, i) => i > 0 && compare(rows[i - 1]!.session, row.session) === 0)) throw wrongArgument("two heads of one session");
  if (rows.length > MAX_HEADS) throw wrongArgument(`${rows.length} heads`);
  return joinAll([varint(rows.length), ...rows.flatMap((row) => [row.session, row.seq, row.hash])]);
};

const decodeDeps = (from: Reader): readonly Dep[] => {
  const count = from.varint();
  if (count > MAX_HEADS) throw corrupt(`${count} heads`);
  const deps: Dep[] = [];
  let last: Uint8Array = new Uint8Array();
  for (let i = 0; i < count; i++) {
    const session = from.take(SESSION_SIZE);
    if (compare(last, session) >= 0) throw corrupt("heads out of order");
    deps.push({ session: toBase64url(session), seq: from.varint(), hash: from.take(DEP_HASH_SIZE) });
    last = session;
  }
  return deps;
};

interface Reader {
  take(n: number): Uint8Array;
  varint(): number;
  version(): void;
  rest(): Uint8Array;
}

export const reader = (b: Uint8Array): Reader => {
  let at = 0;
  const take = (n: number): Uint8Array => {
    if (b.length - at < n) throw corrupt("content ends early");
    at += n;
    return b.subarray(at - n, at);
  };
  /** Unsigned LEB128 of at most 32 bits in its shortest form. */
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = take(1)[0]!;
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if ((byte === 0 && scale > 1) || value > 0xffff_ffff) break;
      return value;
    }
    throw corrupt("a number in content");
  };
  const version = (): void => {
    const found = readVarint();
    if (found !== VERSION) throw newer(`content version ${found}`);
  };
  return { take, varint: readVarint, version, rest: () => b.subarray(at) };
};

export const varint = (value: number): Octets => {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw wrongArgument(`the number ${value}`);
  const out: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) out.push((value % 128) | 0x80);
  return Uint8Array.from([...out, value]);
};

const sized = (b: Uint8Array | null, size: number): Uint8Array => {
  if (b?.length !== size) throw wrongArgument(`${b?.length ?? "no"} bytes where ${size} belong`);
  return b;
};

const wrongArgument = (what: string): FreeholdError => new FreeholdError("invalid", `Cannot encode ${what}.`, "This is a mistake in the program that calls Freehold.");
