// Register values as MessagePack (nil, bool, int, float 64, str, bin, array, map; no ext). The Go core validates the same subset.
// Own codec because it writes into reused memory and freezes what it reads; its bytes are tested against @msgpack/msgpack.

import { FreeholdError, kindOf } from "../errors.ts";

/** Limits of the format: bytes of one register, levels of nesting. */
export const MAX_VALUE = 65_536;
export const MAX_DEPTH = 64;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

const invalid = (what: string): FreeholdError =>
  new FreeholdError("invalid", `${what} cannot be stored`, "store JSON values (null, booleans, finite numbers, strings, arrays, plain objects) or bytes");

const out = new Uint8Array(MAX_VALUE + 16);
const outView = new DataView(out.buffer);
let at = 0;

const room = (n: number): void => {
  if (at + n > MAX_VALUE) throw new FreeholdError("too-large", "a value is over 64 KB", "use a text or a list for long content");
};
const head = (small: number, limit: number, wide: number, n: number): void => {
  room(5);
  if (n < limit) out[at++] = small | n;
  else if (n < 256 && (wide === 0xd9 || wide === 0xc4)) { out[at++] = wide; out[at++] = n; }
  else {
    const first = wide === 0xd9 || wide === 0xc4 ? wide + 1 : wide;
    if (n < 65_536) { out[at++] = first; outView.setUint16(at, n); at += 2; }
    else { out[at++] = first + 1; outView.setUint32(at, n); at += 4; }
  }
};

const writeString = (s: string): void => {
  if (!isWellFormed(s)) throw new FreeholdError("invalid", "a string holds half of a surrogate pair", "cut strings between characters, not inside one");
  if (s.length > MAX_VALUE) room(MAX_VALUE + 1);
  let ascii = s.length < 32;
  for (let i = 0; ascii && i < s.length; i++) ascii = s.charCodeAt(i) < 128;
  if (ascii) {
    head(0xa0, 32, 0xd9, s.length);
    room(s.length);
    for (let i = 0; i < s.length; i++) out[at++] = s.charCodeAt(i);
    return;
  }
  const bytes = utf8.encode(s);
  head(0xa0, 32, 0xd9, bytes.length);
  room(bytes.length);
  out.set(bytes, at);
  at += bytes.length;
};

const writeNumber = (n: number): void => {
  if (!Number.isFinite(n)) throw invalid(String(n));
  room(9);
  if (!Number.isSafeInteger(n) || Object.is(n, -0)) { out[at++] = 0xcb; outView.setFloat64(at, n); at += 8; return; }
  if (n >= 0) {
    if (n < 128) out[at++] = n;
    else if (n < 256) { out[at++] = 0xcc; out[at++] = n; }
    else if (n < 65_536) { out[at++] = 0xcd; outView.setUint16(at, n); at += 2; }
    else if (n < 2 ** 32) { out[at++] = 0xce; outView.setUint32(at, n); at += 4; }
    else { out[at++] = 0xcf; outView.setBigUint64(at, BigInt(n)); at += 8; }
  } else if (n >= -32) out[at++] = n & 0xff;
  else if (n >= -128) { out[at++] = 0xd0; outView.setInt8(at, n); at += 1; }
  else if (n >= -32_768) { out[at++] = 0xd1; outView.setInt16(at, n); at += 2; }
  else if (n >= -(2 ** 31)) { out[at++] = 0xd2; outView.setInt32(at, n); at += 4; }
  else { out[at++] = 0xd3; outView.setBigInt64(at, BigInt(n)); at += 8; }
};

const write = (v: unknown, depth: number): void => {
  if (depth > MAX_DEPTH) throw new FreeholdError("too-large", `a value is nested over ${MAX_DEPTH} levels deep`, "flatten it");
  switch (typeof v) {
    case "string": return writeString(v);
    case "number": return writeNumber(v);
    case "boolean": room(1); out[at++] = v ? 0xc3 : 0xc2; return;
    case "object": break;
    default: throw invalid(kindOf(v));
  }
  if (v === null) { room(1); out[at++] = 0xc0; return; }
  if (Array.isArray(v)) {
    head(0x90, 16, 0xdc, v.length);
    for (const item of v as unknown[]) write(item, depth + 1);
    return;
  }
  if (v instanceof Uint8Array) {
    head(0, 0, 0xc4, v.length);
    room(v.length);
    out.set(v, at);
    at += v.length;
    return;
  }
  const proto: unknown = Object.getPrototypeOf(v);
  if (proto !== Object.prototype && proto !== null) throw invalid(`a ${(v as object).constructor?.name ?? "class instance"}`);
  const entries = Object.entries(v).filter(([, item]) => item !== undefined); // as JSON.stringify does
  head(0x80, 16, 0xde, entries.length);
  for (const [key, item] of entries) {
    writeString(key);
    write(item, depth + 1);
  }
};

const PLAIN_ASCII = /^[\x00-\x7f]*$/;
/** String.prototype.isWellFormed where it exists; Safari before 16.4 has none. */
export const isWellFormed = (s: string): boolean => {
  const native = (s as { isWellFormed?: () => boolean }).isWellFormed;
  if (native) return native.call(s);
  return PLAIN_ASCII.test(s) || !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(s);
};

/** Encodes into a shared buffer: good until the next call. FreeholdError("invalid" | "too-large"). */
export const encodeValue = (v: unknown): Uint8Array => {
  at = 0;
  write(v, 0);
  return out.subarray(0, at);
};

/** Decodes frozen values. What it reads was validated by the core; elsewhere it throws rather than read past the end. */
export class ValueReader {
  #u8: Uint8Array = out;
  #view: DataView = outView;
  #at = 0;

  decode(u8: Uint8Array, from: number): unknown {
    if (this.#u8.buffer !== u8.buffer || this.#u8.byteOffset !== u8.byteOffset) this.#view = new DataView(u8.buffer, u8.byteOffset, u8.byteLength);
    this.#u8 = u8;
    this.#at = from;
    return this.#read(0);
  }

  /** Where it stopped. */
  get at(): number {
    return this.#at;
  }

  /** Throws when so many bytes are not there. */
  #need(n: number): void {
    if (n > this.#u8.length - this.#at) throw new RangeError("a value ends early");
  }

  #read(depth: number): unknown {
    this.#need(1);
    const b = this.#u8[this.#at++]!;
    if (b < 0x80) return b;
    if (b < 0x90) return this.#map(b & 15, depth);
    if (b < 0xa0) return this.#array(b & 15, depth);
    if (b < 0xc0) return this.#string(b & 31);
    if (b >= 0xe0) return b - 256;
    const view = this.#view;
    const at = this.#at;
    switch (b) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: this.#at += 1; return this.#bytes(view.getUint8(at));
      case 0xc5: this.#at += 2; return this.#bytes(view.getUint16(at));
      case 0xc6: this.#at += 4; return this.#bytes(view.getUint32(at));
      case 0xca: this.#at += 4; return view.getFloat32(at);
      case 0xcb: this.#at += 8; return view.getFloat64(at);
      case 0xcc: this.#at += 1; return view.getUint8(at);
      case 0xcd: this.#at += 2; return view.getUint16(at);
      case 0xce: this.#at += 4; return view.getUint32(at);
      case 0xcf: this.#at += 8; return Number(view.getBigUint64(at));
      case 0xd0: this.#at += 1; return view.getInt8(at);
      case 0xd1: this.#at += 2; return view.getInt16(at);
      case 0xd2: this.#at += 4; return view.getInt32(at);
      case 0xd3: this.#at += 8; return Number(view.getBigInt64(at));
      case 0xd9: this.#at += 1; return this.#string(view.getUint8(at));
      case 0xda: this.#at += 2; return this.#string(view.getUint16(at));
      case 0xdb: this.#at += 4; return this.#string(view.getUint32(at));
      case 0xdc: this.#at += 2; return this.#array(view.getUint16(at), depth);
      case 0xdd: this.#at += 4; return this.#array(view.getUint32(at), depth);
      case 0xde: this.#at += 2; return this.#map(view.getUint16(at), depth);
      case 0xdf: this.#at += 4; return this.#map(view.getUint32(at), depth);
      // A type of a newer version (ext): no reader here knows it, the schema's fallback is shown.
      default: return undefined;
    }
  }

  #string(n: number): string {
    this.#need(n);
    const from = this.#at;
    this.#at += n;
    return readUtf8(this.#u8, from, n);
  }

  /** A copy: memory moves on. Bytes are the one value that cannot be frozen. */
  #bytes(n: number): Uint8Array {
    this.#need(n);
    this.#at += n;
    return this.#u8.slice(this.#at - n, this.#at);
  }

  #array(n: number, depth: number): readonly unknown[] {
    this.#need(n);
    if (depth >= MAX_DEPTH) return Object.freeze([]);
    const items: unknown[] = [];
    for (let i = 0; i < n; i++) items.push(this.#read(depth + 1));
    return Object.freeze(items);
  }

  #map(n: number, depth: number): object {
    this.#need(n);
    const o: Record<string, unknown> = {};
    if (depth >= MAX_DEPTH) return Object.freeze(o);
    for (let i = 0; i < n; i++) {
      const key = String(this.#read(depth + 1));
      const value = this.#read(depth + 1);
      if (key === "__proto__") Object.defineProperty(o, key, { value, enumerable: true });
      else o[key] = value;
    }
    return Object.freeze(o);
  }
}

/** Decodes a map out of bytes that nobody has validated. Throws when they are not one, whole and no longer; takes no more memory than a multiple of theirs. */
export const readForeign = (bytes: Uint8Array): object => {
  const reader = new ValueReader();
  const v = reader.decode(bytes, 0);
  if (reader.at !== bytes.length || typeof v !== "object" || v === null || Array.isArray(v) || v instanceof Uint8Array) throw new RangeError("not a map");
  return v;
};

/** Short ASCII by a loop, everything else by TextDecoder. */
export const readUtf8 = (u8: Uint8Array, from: number, n: number): string => {
  const end = from + n;
  if (n <= 24) {
    let s = "";
    let i = from;
    for (; i < end && u8[i]! < 128; i++) s += String.fromCharCode(u8[i]!);
    if (i === end) return s;
  }
  return fromUtf8.decode(u8.subarray(from, end));
};
