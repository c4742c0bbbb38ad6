// A look over MessagePack before a library decodes it: flat, without allocation, in one pass.

/** Frames nest three deep: frame, list, entry. */
const MAX_DEPTH = 3;

/**
 * True when `bytes` are exactly one value made of arrays (at most three deep), byte strings, texts, unsigned integers,
 * booleans and nil. A decoder that follows what is left has nothing to follow for long: millions of nested arrays cost
 * it seconds and hundreds of megabytes.
 */
export const isFlat = (bytes: Uint8Array): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Values still to come, per level. */
  const left = [1, 0, 0, 0];
  let depth = 0, at = 0;
  const readSize = (width: number): number => {
    at += width;
    if (at > bytes.length) return Infinity;
    return width === 1 ? view.getUint8(at - 1) : width === 2 ? view.getUint16(at - 2) : view.getUint32(at - 4);
  };
  while (at < bytes.length) {
    while (depth > 0 && left[depth] === 0) depth--;
    if (left[depth] === 0) return false;
    left[depth]!--;
    const tag = bytes[at++]!;
    let items = -1, skip = 0;
    if (tag >= 0x90 && tag <= 0x9f) items = tag & 0x0f;
    else if (tag === 0xdc || tag === 0xdd) items = readSize(2 << (tag - 0xdc));
    else if (tag >= 0xa0 && tag <= 0xbf) skip = tag & 0x1f;
    else if (tag >= 0xc4 && tag <= 0xc6) skip = readSize(1 << (tag - 0xc4));
    else if (tag >= 0xd9 && tag <= 0xdb) skip = readSize(1 << (tag - 0xd9));
    else if (tag >= 0xcc && tag <= 0xcf) skip = 1 << (tag - 0xcc);
    else if (!(tag < 0x80 || tag === 0xc0 || tag === 0xc2 || tag === 0xc3)) return false;
    at += skip;
    if (items < 0) continue;
    if (depth === MAX_DEPTH) return false;
    left[++depth] = items;
  }
  return at === bytes.length && left.every((n) => n === 0);
};
