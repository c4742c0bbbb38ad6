// The frame around every record of a device store: in a journal file frame follows frame, in IndexedDB a value is one frame.
// docs/STORAGE.md has the bytes. This file knows nothing of what a payload means.

/** `F` `r`, then type, version, length u32 LE, CRC32C u32 LE. */
export const FRAME_HEADER = 12;
const MARK_0 = 0x46, MARK_1 = 0x72;

export interface Frame {
  readonly type: number;
  /** Of the payload's layout, counted per type from 0. */
  readonly version: number;
  readonly payload: Uint8Array;
}

/** Bytes that are no valid frame. `tail`: nothing valid follows, as a kill in the middle of a write leaves it. */
export interface Damage {
  readonly at: number;
  readonly bytes: number;
  readonly tail: boolean;
}

// Castagnoli polynomial, reflected; RFC 3720 appendix B.4 has test vectors.
const table = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let c = i;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  table[i] = c;
}

const update = (crc: number, bytes: Uint8Array, from: number, to: number): number => {
  let c = crc;
  for (let i = from; i < to; i++) c = (c >>> 8) ^ (table[(c ^ (bytes[i] as number)) & 255] as number);
  return c;
};

/** CRC32C of a whole array. */
export const crc32c = (bytes: Uint8Array): number => ~update(~0, bytes, 0, bytes.length) >>> 0;

// The checksum covers the first eight bytes of the header and the payload, so a length that was damaged is noticed too.
const frameCrc = (bytes: Uint8Array, at: number, end: number): number =>
  ~update(update(~0, bytes, at, at + 8), bytes, at + FRAME_HEADER, end) >>> 0;

export const encodeFrame = (type: number, version: number, payload: Uint8Array): Uint8Array => {
  const out = new Uint8Array(FRAME_HEADER + payload.length);
  const view = new DataView(out.buffer);
  out[0] = MARK_0;
  out[1] = MARK_1;
  out[2] = type;
  out[3] = version;
  view.setUint32(4, payload.length, true);
  out.set(payload, FRAME_HEADER);
  view.setUint32(8, frameCrc(out, 0, out.length), true);
  return out;
};

/** The frame that starts exactly at `at`, or null. Its payload is a view into `bytes`. */
export const frameAt = (bytes: Uint8Array, at: number): Frame | null => {
  if (bytes[at] !== MARK_0 || bytes[at + 1] !== MARK_1 || at + FRAME_HEADER > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = at + FRAME_HEADER + view.getUint32(at + 4, true);
  if (end > bytes.length || frameCrc(bytes, at, end) !== view.getUint32(at + 8, true)) return null;
  return { type: bytes[at + 2] as number, version: bytes[at + 3] as number, payload: bytes.subarray(at + FRAME_HEADER, end) };
};

/** All valid frames in order. Past a damaged place it looks for the next valid frame, so one bad sector costs what lies in it and no more. */
export const readFrames = (bytes: Uint8Array): { readonly frames: Frame[]; readonly damage: Damage[] } => {
  const frames: Frame[] = [];
  const damage: Damage[] = [];
  let at = 0;
  let bad = -1;
  while (at < bytes.length) {
    const frame = frameAt(bytes, at);
    if (frame !== null) {
      if (bad >= 0) damage.push({ at: bad, bytes: at - bad, tail: false });
      bad = -1;
      frames.push(frame);
      at += FRAME_HEADER + frame.payload.length;
      continue;
    }
    if (bad < 0) bad = at;
    const next = bytes.indexOf(MARK_0, at + 1);
    at = next < 0 ? bytes.length : next;
  }
  if (bad >= 0) damage.push({ at: bad, bytes: bytes.length - bad, tail: true });
  return { frames, damage };
};
