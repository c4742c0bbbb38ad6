// UTF-16 text with a gap where the last edit was: many edits near each other cost no copy of the rest.

export class GapBuffer {
  #units: Uint16Array;
  #gapStart: number;
  #gapEnd: number;

  constructor(text: string) {
    this.#units = new Uint16Array(text.length + 1024);
    for (let i = 0; i < text.length; i++) this.#units[i] = text.charCodeAt(i);
    this.#gapStart = text.length;
    this.#gapEnd = this.#units.length;
  }

  /** Takes `remove` units out at `at`, then puts `insert` there. */
  splice(at: number, remove: number, insert: string): void {
    this.#moveGap(at);
    this.#gapEnd += remove;
    if (this.#gapEnd - this.#gapStart < insert.length) this.#grow(insert.length);
    for (let i = 0; i < insert.length; i++) this.#units[this.#gapStart++] = insert.charCodeAt(i);
  }

  /** `n` units from `at`. */
  slice(at: number, n: number): string {
    let s = "";
    for (let i = at; i < at + n; i++) s += String.fromCharCode(this.#units[i < this.#gapStart ? i : i + this.#gapEnd - this.#gapStart]!);
    return s;
  }

  toString(): string {
    this.#moveGap(this.#units.length - (this.#gapEnd - this.#gapStart));
    return new TextDecoder("utf-16le", { ignoreBOM: true }).decode(this.#units.subarray(0, this.#gapStart));
  }

  #moveGap(at: number): void {
    const units = this.#units;
    if (at < this.#gapStart) {
      units.copyWithin(this.#gapEnd - (this.#gapStart - at), at, this.#gapStart);
      this.#gapEnd -= this.#gapStart - at;
    } else if (at > this.#gapStart) {
      units.copyWithin(this.#gapStart, this.#gapEnd, this.#gapEnd + (at - this.#gapStart));
      this.#gapEnd += at - this.#gapStart;
    }
    this.#gapStart = at;
  }

  #grow(n: number): void {
    const tail = this.#units.length - this.#gapEnd;
    const units = new Uint16Array(2 * (this.#gapStart + n + tail) + 64);
    units.set(this.#units.subarray(0, this.#gapStart));
    units.set(this.#units.subarray(this.#gapEnd), units.length - tail);
    this.#units = units;
    this.#gapEnd = units.length - tail;
  }
}
