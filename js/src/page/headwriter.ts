// Sends a document's head some time after it changed: soon enough for a list on screen, seldom enough for typing.

/** Time without a change before a head is sent, ms, and the most such times that it is put off. */
const QUIET = 200;
const PATIENCE = 5;

export class HeadWriter {
  readonly #send: () => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #again = false;
  #patience = 0;

  constructor(send: () => void) {
    this.#send = send;
  }
  /** The view changed. Edits come by the thousand, so this looks at no clock and moves no timer. */
  changed(): void {
    this.#again = true;
    if (this.#timer !== null) return;
    this.#patience = PATIENCE;
    this.#sleep();
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

  #sleep(): void {
    this.#again = false;
    this.#timer = setTimeout(() => {
      if (this.#again && --this.#patience > 0) this.#sleep();
      else this.flush();
    }, QUIET);
    // In Node a head is no reason to keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }
}
