// Bytes: joining, comparing, and the type that WebCrypto asks for; and a small cache.

/** WebCrypto takes no shared memory, and neither do we: bytes are transferred between threads. */
export type Octets = Uint8Array<ArrayBuffer>;

export const octets = (b: Uint8Array): Octets => b as Octets;

export const utf8 = (text: string): Octets => octets(new TextEncoder().encode(text));

export const join = (...parts: readonly Uint8Array[]): Octets => joinAll(parts);

/** As join, of any number: as arguments of a call, a hundred thousand overflow its stack. */
export const joinAll = (parts: readonly Uint8Array[]): Octets => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

/** Not in constant time: only for public values and for commitments, which are public too. */
export const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Negative, zero or positive, as bytes sort. */
export const compare = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
};

/** A map that forgets what was unused for longest. */
export const recent = <V>(most: number): { get(key: string): V | undefined; set(key: string, value: V): void } => {
  const valueByKey = new Map<string, V>();
  const set = (key: string, value: V): void => {
    valueByKey.delete(key); // and in again at the end
    valueByKey.set(key, value);
    if (valueByKey.size > most) valueByKey.delete(valueByKey.keys().next().value!);
  };
  const get = (key: string): V | undefined => {
    const value = valueByKey.get(key);
    if (value !== undefined) set(key, value);
    return value;
  };
  return { get, set };
};
