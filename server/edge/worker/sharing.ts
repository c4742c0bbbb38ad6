// How one document's object shares the memory that is of its isolate: who gives some back wakes those who wait, and who waits sees to it
// that others do not hold theirs for ever. Nobody may touch what is another object's: each is asked.

import type { Line } from "./line.ts";
import { Memory } from "./memory.ts";

/** Of all objects of this isolate. */
export const memory = new Memory<Line>();

/** What objects ask each other: to look whether there is memory now, and to let go of what was held for too long. */
export const LOOK = "/look", LET_GO = "/let-go";

export class Sharing {
  readonly #doc: () => string;
  readonly #ask: (doc: string, path: string) => Promise<void>;
  readonly #waitUntil: (step: Promise<void>) => void;
  readonly #patience: number;
  /** Goes off when somebody has held for too long what readers of this document wait for. */
  #timer: number | null = null;

  /** `patience` is in seconds. */
  constructor(doc: () => string, ask: (doc: string, path: string) => Promise<void>, waitUntil: (step: Promise<void>) => void, patience: number) {
    this.#doc = doc;
    this.#ask = ask;
    this.#waitUntil = waitUntil;
    this.#patience = 1000 * patience;
  }

  /** Whether somebody has held something of this document for too long. */
  get isOverdue(): boolean {
    return memory.holding(this.#tooLong).includes(this.#doc());
  }

  /** After whatever may have changed what is held, or who waits. */
  settle(): void {
    for (const doc of memory.woken()) this.#waitUntil(this.#ask(doc, LOOK));
    const { oldest } = memory;
    if (oldest === null || !memory.isWaiting(this.#doc())) {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
    } else {
      this.#timer ??= setTimeout(() => this.#waitUntil(this.#insist()), Math.max(0, oldest - this.#tooLong));
    }
  }

  async #insist(): Promise<void> {
    for (const doc of memory.holding(this.#tooLong)) {
      await this.#ask(doc, LET_GO);
      memory.forget(doc);
    }
    this.#timer = null;
    this.settle();
  }

  get #tooLong(): number {
    return Date.now() - this.#patience;
  }
}
