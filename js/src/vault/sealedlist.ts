// What the relay sees of a document: the last envelopes, for the person to look at.

const KEPT = 64;
/** At most one message in this time, in milliseconds. */
const EVERY = 100;

export class SealedList {
  readonly #tell: (envelopes: readonly Uint8Array[]) => void;
  #last: Uint8Array[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(tell: (envelopes: readonly Uint8Array[]) => void) { this.#tell = tell; }

  add(envelopes: readonly Uint8Array[]): void {
    if (envelopes.length === 0) return;
    this.#last = [...this.#last, ...envelopes.slice(-KEPT)].slice(-KEPT);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#tell(this.#last);
    }, EVERY);
  }
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
