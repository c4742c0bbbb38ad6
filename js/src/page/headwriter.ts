// Sends a document's head some time after it changed: soon enough for a list on screen, seldom enough for typing.

/** Quiet time before a head is sent, and the longest wait while it never is quiet, ms. */
const QUIET = 200;
const LATEST = 1_000;

export class HeadWriter {
  readonly #send: () => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #due = 0;

  constructor(send: () => void) {
    this.#send = send;
  }
  /** The view changed. The timer is not moved by each edit, only looked at again when it fires: edits come by the thousand. */
  changed(): void {
    this.#last = Date.now();
    if (this.#timer !== null) return;
    this.#due = this.#last + LATEST;
    this.#sleep(QUIET);
  }
  /** Sends now if something is waiting. */
  flush(): void {
    if (this.#timer === null) return;
    this.stop();
    this.#send();
  }
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #last = 0;
  #sleep(ms: number): void {
    this.#timer = setTimeout(() => {
      const now = Date.now();
      const quietAt = this.#last + QUIET;
      if (now < quietAt && now < this.#due) this.#sleep(Math.min(quietAt, this.#due) - now);
      else this.flush();
    }, ms);
    // In Node a head is no reason to keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }
}
