// Bytes as people can look at them, and a search in them that plays fair.

/** Byte values as two digits each. */
const DIGITS: readonly string[] = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

/** "0a ff 31", bytes [from, to). */
export const hex = (bytes: Uint8Array, from: number, to: number): string => {
  const out: string[] = [];
  for (let i = from; i < Math.min(to, bytes.length); i++) out.push(DIGITS[bytes[i]!]!);
  return out.join(" ");
};

/** How often `needle` occurs in `bytes`, overlaps included. */
export const occurrences = (bytes: Uint8Array, needle: Uint8Array): number => {
  if (needle.length === 0) return 0;
  let n = 0;
  for (let at = bytes.indexOf(needle[0]!); at >= 0 && at + needle.length <= bytes.length; at = bytes.indexOf(needle[0]!, at + 1)) {
    let k = 1;
    while (k < needle.length && bytes[at + k] === needle[k]) k++;
    if (k === needle.length) n++;
  }
  return n;
};

/** The ways in which a text may lie in bytes as it is: UTF-8 and UTF-16, low byte first. */
export const spellings = (text: string): readonly Uint8Array[] => {
  const units = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    units[i * 2] = text.charCodeAt(i) & 255;
    units[i * 2 + 1] = text.charCodeAt(i) >> 8;
  }
  return [new TextEncoder().encode(text), units];
};

/** How often a text is found in some envelopes. */
export const found = (envelopes: readonly Uint8Array[], text: string): number => {
  const needles = spellings(text);
  return envelopes.reduce((sum, envelope) => sum + needles.reduce((n, needle) => n + occurrences(envelope, needle), 0), 0);
};
