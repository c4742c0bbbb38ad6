// Texts of any version without copies (Baker, "Shallow binding makes functional arrays fast", 1991).
//
// The newest version reads the core when somebody looks. An older one holds the splices that lead from it to the next newer one,
// reversed: reading it walks to the nearest version whose text is known, undoes the way back and keeps the result.

import type { TextView } from "../types.ts";
import { GapBuffer } from "./gapbuffer.ts";

/** A splice as a patch tells it: `deleted` went out at `at`, `inserted` units came in. */
export interface Splice {
  readonly at: number;
  readonly inserted: number;
  readonly deleted: string;
}
/** Where the newest version's text is. */
export interface TextSource {
  read(): string;
}

/** Up to here strings are cut and joined; above it a gap buffer is filled once. */
const FEW = 8;

export class PinnedText implements TextView {
  #length: number;
  #text: string | null;
  /** Of the newest version only. */
  #source: TextSource | null;
  #newer: PinnedText | null = null;
  // The way back from #newer. One splice, which is nearly always all, needs no object.
  #at = 0;
  #inserted = 0;
  #deleted = "";
  #more: readonly Splice[] | null = null;

  constructor(length: number, source: TextSource | null, text: string | null) {
    this.#length = length;
    this.#source = source;
    this.#text = text;
    Object.preventExtensions(this); // with no property of its own, that is frozen
  }
  static of(text: string): PinnedText {
    return new PinnedText(text.length, null, text);
  }

  get length(): number {
    return this.#length;
  }
  toString(): string {
    return (this.#text ??= this.#read());
  }
  toJSON(): string {
    return this.toString();
  }
  spans(): ReadonlyArray<{ readonly text: string; readonly marks: Readonly<Record<string, unknown>> }> {
    const text = this.toString();
    return text === "" ? [] : [{ text, marks: {} }];
  }

  /** Whether its text can be had without asking the core. */
  get known(): boolean {
    return this.#text !== null;
  }
  /** A newer version took over after one splice; gives that version. */
  advance(at: number, inserted: number, deleted: string): PinnedText {
    const newer = new PinnedText(this.#length + inserted - deleted.length, this.#source, null);
    this.#source = null;
    if (this.#text === null) {
      this.#newer = newer;
      this.#at = at;
      this.#inserted = inserted;
      this.#deleted = deleted;
    }
    return newer;
  }
  /** The same after several splices, in the order in which they were applied. */
  advanceBy(splices: readonly Splice[]): PinnedText {
    let length = this.#length;
    for (const s of splices) length += s.inserted - s.deleted.length;
    const newer = new PinnedText(length, this.#source, null);
    this.#source = null;
    if (this.#text === null) {
      this.#newer = newer;
      this.#more = splices;
    }
    return newer;
  }
  /** The same text is now kept elsewhere; gives itself. */
  moveTo(source: TextSource): this {
    this.#source = source;
    return this;
  }
  /** The core that held this version is gone: from now on it shows what was recovered. */
  recover(from: PinnedText): void {
    this.#source = null;
    if (this.#text !== null) return;
    this.#newer = from;
    this.#more = [];
    this.#length = from.#length;
  }

  #read(): string {
    const chain: PinnedText[] = [];
    let v: PinnedText = this;
    while (v.#text === null && v.#newer !== null) {
      chain.push(v);
      v = v.#newer;
    }
    const base = (v.#text ??= v.#source?.read() ?? "");
    const text = chain.length === 0 ? base : undo(base, chain.reverse().map((p) => p.#more ?? [{ at: p.#at, inserted: p.#inserted, deleted: p.#deleted }]));
    this.#newer = null;
    this.#more = null;
    this.#deleted = "";
    return text;
  }
}

/** Undoes steps from the newest back; the splices inside a step from the last back. */
const undo = (text: string, steps: ReadonlyArray<readonly Splice[]>): string => {
  if (steps.length > FEW) {
    const buffer = new GapBuffer(text);
    for (const step of steps) for (const s of step.toReversed()) buffer.splice(s.at, s.inserted, s.deleted);
    return buffer.toString();
  }
  for (const step of steps) {
    for (const s of step.toReversed()) text = text.slice(0, s.at) + s.deleted + text.slice(s.at + s.inserted);
  }
  return text;
};
