// Ids as text: base64url for sessions and secrets, base32 (lower case, no padding) for documents.

const B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const B32 = "abcdefghijklmnopqrstuvwxyz234567";

const encode = (bytes: Uint8Array, alphabet: string, bits: number): string => {
  let out = "", acc = 0, held = 0;
  for (const byte of bytes) {
    acc = (acc << 8) | byte;
    held += 8;
    while (held >= bits) {
      held -= bits;
      out += alphabet[(acc >>> held) & ((1 << bits) - 1)];
      acc &= (1 << held) - 1;
    }
  }
  return held > 0 ? out + alphabet[(acc << (bits - held)) & ((1 << bits) - 1)] : out;
};

/** Null when a character is foreign, the length is impossible or the unused last bits are not zero: one text form per value. */
const decode = (text: string, alphabet: string, bits: number): Uint8Array | null => {
  const out = new Uint8Array((text.length * bits) >> 3);
  let acc = 0, held = 0, at = 0;
  for (const char of text) {
    const value = alphabet.indexOf(char);
    if (value < 0) return null;
    acc = (acc << bits) | value;
    held += bits;
    if (held >= 8) {
      held -= 8;
      out[at++] = acc >>> held;
      acc &= (1 << held) - 1;
    }
  }
  return acc !== 0 || held >= bits ? null : out;
};

/** Whether a text is the id of a document: 20 bytes in base32. */
export const isDocId = (text: unknown): text is string => typeof text === "string" && /^[a-z2-7]{32}$/.test(text);

export const toBase64url = (bytes: Uint8Array): string => encode(bytes, B64, 6);
export const fromBase64url = (text: string): Uint8Array | null => decode(text, B64, 6);
export const toBase32 = (bytes: Uint8Array): string => encode(bytes, B32, 5);
export const fromBase32 = (text: string): Uint8Array | null => decode(text, B32, 5);
