// The items of a list, or the nodes below one, in view order: chunks of an array, so that an insertion anywhere costs the same in a list of 10 and of 100,000.

import type { ObjectNode } from "./nodes.ts";
import type { SessionTable } from "./sessions.ts";

/** One item of a list or node of a tree: its stable id outside, its local version inside this instance of the core. */
export class Item {
  readonly lv: number;
  readonly #sessions: SessionTable;
  readonly #session: number;
  readonly #seq: number;
  #id: string | null = null;
  /** What a reader sees of a register … */
  value: unknown;
  /** … or the object that it is. */
  readonly node: ObjectNode | null;

  constructor(lv: number, sessions: SessionTable, session: number, seq: number, value: unknown, node: ObjectNode | null) {
    this.lv = lv;
    this.#sessions = sessions;
    this.#session = session;
    this.#seq = seq;
    this.value = value;
    this.node = node;
  }
  /** `<seq in base 36>@<session>`; made when somebody asks. */
  get id(): string {
    return (this.#id ??= this.#sessions.itemId(this.#session, this.#seq));
  }
}

const CHUNK = 256;

export class Items<T> implements Iterable<T> {
  #chunks: T[][] = [[]];
  length = 0;

  at(index: number): T | undefined {
    for (const chunk of this.#chunks) {
      if (index < chunk.length) return chunk[index];
      index -= chunk.length;
    }
    return undefined;
  }
  insert(index: number, item: T): void {
    this.length++;
    let c = 0;
    // The end is where most insertions are; looking from there first makes them cost nothing.
    if (index === this.length - 1) {
      c = this.#chunks.length - 1;
      index = this.#chunks[c]!.length;
    } else {
      while (index > this.#chunks[c]!.length) index -= this.#chunks[c++]!.length;
    }
    const chunk = this.#chunks[c]!;
    if (index === chunk.length) chunk.push(item);
    else chunk.splice(index, 0, item);
    if (chunk.length > CHUNK) {
      const appended = index === chunk.length - 1 && c === this.#chunks.length - 1;
      this.#chunks.splice(c + 1, 0, chunk.splice(appended ? CHUNK : CHUNK >> 1));
    }
  }
  remove(index: number): T {
    let c = 0;
    while (index >= this.#chunks[c]!.length) index -= this.#chunks[c++]!.length;
    const chunk = this.#chunks[c]!;
    const [item] = chunk.splice(index, 1);
    if (chunk.length === 0 && this.#chunks.length > 1) this.#chunks.splice(c, 1);
    this.length--;
    return item!;
  }
  indexOf(item: T): number {
    let before = 0;
    for (const chunk of this.#chunks) {
      const at = chunk.indexOf(item);
      if (at >= 0) return before + at;
      before += chunk.length;
    }
    return -1;
  }
  *[Symbol.iterator](): Iterator<T> {
    for (const chunk of this.#chunks) yield* chunk;
  }
  toArray(): T[] {
    return this.#chunks.length === 1 ? this.#chunks[0]!.slice() : this.#chunks.flat();
  }
}
