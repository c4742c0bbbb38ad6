// A growing writer and a checked reader for record payloads. Little-endian; varint is unsigned LEB128 up to 2^53 − 1.

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Writer {
  #bytes: Uint8Array = new Uint8Array(256);
  #length = 0;

  #room(n: number): number {
    const at = this.#length;
    this.#length = at + n;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    return at;
  }
  u8(value: number): this {
    const at = this.#room(1);
    this.#bytes[at] = value;
    return this;
  }
  u32(value: number): this {
    const at = this.#room(4);
    new DataView(this.#bytes.buffer).setUint32(at, value, true);
    return this;
  }
  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }
  /** Bytes of a length that the reader knows. */
  raw(bytes: Uint8Array): this {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }
  text(text: string): this {
    return this.bytes(utf8.encode(text));
  }
  /** What was written so far, as a view. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Throws a RangeError at the first byte that is not there or not allowed. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  u8(): number {
    return this.raw(1)[0] as number;
  }
  u32(): number {
    const b = this.raw(4);
    return new DataView(b.buffer, b.byteOffset, 4).getUint32(0, true);
  }
  varint(): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * unit;
      if (value > Number.MAX_SAFE_INTEGER) throw new RangeError("varint over 2^53 - 1");
      if (byte < 0x80) return value;
      unit *= 0x80;
    }
  }
  raw(n: number): Uint8Array {
    const from = this.#at;
    if (n > this.#bytes.length - from) throw new RangeError("payload ends early");
    this.#at = from + n;
    return this.#bytes.subarray(from, this.#at);
  }
  bytes(): Uint8Array {
    return this.raw(this.varint());
  }
  text(): string {
    return fromUtf8.decode(this.bytes());
  }
  /** How often the smallest possible item still fits: a count above it is refused before anything is allocated. */
  count(smallest: number): number {
    const n = this.varint();
    if (n * smallest > this.#bytes.length - this.#at) throw new RangeError("count over what follows");
    return n;
  }
  end(): void {
    if (this.#at !== this.#bytes.length) throw new RangeError("bytes after the end");
  }
}
