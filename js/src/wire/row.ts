// The MessagePack of frames: arrays, byte strings, texts, integers from 0, booleans and nil. Written in shortest forms; tested
// against @msgpack/msgpack, which is four times as large as all the rest of the wire.
//
// Must: reading allocates nothing on the word of a length alone, and follows nothing deeper than a frame nests.

/** What an element of a frame may be. */
export type Cell = null | boolean | number | string | Uint8Array | readonly Cell[];

/** Frames nest three deep: frame, list, entry. */
const MAX_DEPTH = 3;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** Bytes of the head of something `n` long, whose short form reaches to `short`; `wide` are the tags for 1, 2 and 4 bytes of length, 0 for none. */
const head = (out: number[], n: number, small: number, short: number, wide: readonly [number, number, number]): void => {
  if (n < short) out.push(small | n);
  else if (n < 0x100 && wide[0] !== 0) out.push(wide[0], n);
  else if (n < 0x1_0000) out.push(wide[1], n >> 8, n & 255);
  else out.push(wide[2], n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255);
};

/** The bytes of one value. */
export const encodeRow = (value: Cell): Uint8Array<ArrayBuffer> => {
  const parts: (Uint8Array | readonly number[])[] = [];
  const put = (v: Cell): void => {
    const out: number[] = [];
    parts.push(out);
    if (v === null) out.push(0xc0);
    else if (typeof v === "boolean") out.push(v ? 0xc3 : 0xc2);
    else if (typeof v === "number") {
      if (!Number.isSafeInteger(v) || v < 0) throw new TypeError(`${v} is no integer of a frame`);
      if (v < 2 ** 32) head(out, v, 0, 128, [0xcc, 0xcd, 0xce]);
      else {
        out.push(0xcf);
        for (let shift = 56n; shift >= 0n; shift -= 8n) out.push(Number((BigInt(v) >> shift) & 255n));
      }
    } else if (typeof v === "string") {
      const bytes = utf8.encode(v);
      head(out, bytes.length, 0xa0, 32, [0xd9, 0xda, 0xdb]);
      parts.push(bytes);
    } else if (v instanceof Uint8Array) {
      head(out, v.length, 0, 0, [0xc4, 0xc5, 0xc6]);
      parts.push(v);
    } else {
      head(out, v.length, 0x90, 16, [0, 0xdc, 0xdd]);
      v.forEach(put);
    }
  };
  put(value);
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/**
 * Exactly one value, whose arrays have at most `items` elements and whose texts at most `text` bytes; RangeError otherwise. Byte
 * strings are views into `bytes`.
 */
export const decodeRow = (bytes: Uint8Array, items: number, text: number): Cell => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength); // reading past its end is a RangeError
  let at = 0;
  const bad = (): RangeError => new RangeError(`unexpected at byte ${at}`);
  const number = (width: number): number => {
    const from = at;
    at += width;
    return width === 1 ? view.getUint8(from) : width === 2 ? view.getUint16(from) : width === 4 ? view.getUint32(from) : Number(view.getBigUint64(from));
  };
  const part = (n: number): Uint8Array => {
    if (n > bytes.length - at) throw bad();
    return bytes.subarray(at, (at += n));
  };
  const string = (n: number): string => {
    if (n > text) throw bad();
    return fromUtf8.decode(part(n));
  };
  const array = (n: number, depth: number): readonly Cell[] => {
    if (n > items || depth === MAX_DEPTH) throw bad();
    const row: Cell[] = [];
    while (row.length < n) row.push(read(depth + 1));
    return row;
  };
  const read = (depth: number): Cell => {
    const tag = number(1);
    if (tag < 0x80) return tag;
    if (tag >= 0x90 && tag < 0xa0) return array(tag & 15, depth);
    if (tag >= 0xa0 && tag < 0xc0) return string(tag & 31);
    switch (tag) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return part(number(1 << (tag - 0xc4)));
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return number(1 << (tag - 0xcc));
      case 0xd9: case 0xda: case 0xdb: return string(number(1 << (tag - 0xd9)));
      case 0xdc: case 0xdd: return array(number(2 << (tag - 0xdc)), depth);
      default: throw bad();
    }
  };
  const value = read(0);
  if (at !== bytes.length) throw bad();
  return value;
};
