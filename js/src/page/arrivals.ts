// Documents that came here as a link in a list: each is opened once, out of sight, until its content is on this device and its head in the
// list, and nobody adds to it any more: a link comes with the first key press of a document, before the words. Only documents of types
// that the app has named can be: a head is made by a schema.

import type { AnyDocType } from "../types.ts";
import type { OpenDoc } from "./doc.ts";
import type { Heads } from "./heads.ts";

/** How many are fetched at a time, and how long one may hold a place, in milliseconds: what no relay has must not keep the others waiting. */
const AT_ONCE = 4;
const PATIENCE = 30_000;
/** How long one that is here may be without a change before it is closed, in milliseconds. It holds no place for that long. */
const QUIET = 5_000;

export interface ArrivalEnds {
  readonly heads: Heads;
  isOpen(id: string): boolean;
  open(type: AnyDocType, id: string): Promise<OpenDoc>;
}

export class Arrivals {
  readonly #ends: ArrivalEnds;
  readonly #typeByName: Map<string, AnyDocType> = new Map();
  /** Fetched, or given up for this life of the page. */
  readonly #asked: Set<string> = new Set();
  #places = AT_ONCE;
  #closed = false;

  constructor(ends: ArrivalEnds) {
    this.#ends = ends;
  }

  /** The app names a type. */
  know(type: AnyDocType): void {
    if (this.#typeByName.has(type.name)) return;
    this.#typeByName.set(type.name, type);
    this.look();
  }
  /** Something may have come. */
  look(): void {
    for (const { id, type: name, changed } of this.#ends.heads.all()) {
      const type = this.#typeByName.get(name);
      if (this.#places === 0 || this.#closed) return;
      if (changed > 0 || type === undefined || this.#asked.has(id) || this.#ends.isOpen(id)) continue;
      this.#asked.add(id);
      this.#places--;
      void this.#fetch(type, id).catch(() => undefined).then(() => { // opened by hand, it says what is wrong
        this.#places++;
        this.look();
      });
    }
  }
  close(): void {
    this.#closed = true;
  }

  async #fetch(type: AnyDocType, id: string): Promise<void> {
    const doc = await this.#ends.open(type, id);
    await new Promise<void>((resolve) => {
      const timer = after(PATIENCE, resolve);
      doc.status.subscribe(({ content, problem }) => {
        if (content !== "complete" && problem === null) return;
        clearTimeout(timer);
        resolve();
      });
    });
    if (doc.status.value.content === "waiting" || this.#closed) return doc.close();
    doc.tellHead();
    const end = (): void => {
      stop();
      doc.close();
    };
    let timer = after(QUIET, end);
    const stop = doc.subscribe(() => {
      clearTimeout(timer);
      timer = after(QUIET, end);
    });
  }
}

/** A timer that in Node is no reason to keep the process alive. */
const after = (ms: number, run: () => void): ReturnType<typeof setTimeout> => {
  const timer = setTimeout(run, ms);
  (timer as { unref?: () => void }).unref?.();
  return timer;
};
