// Rich texts of any version: the text as any text, and runs of units that have the same marks.

import type { Span as CoreSpan } from "../core/patch.ts";
import type { RichTextView, Span } from "../types.ts";
import { freezeDeep, MISMATCH, type RichTextDef } from "./fields.ts";
import { sameValue } from "./node.ts";
import type { PinnedText } from "./pinnedtext.ts";

type Marks = Readonly<Record<string, unknown>>;
const PLAIN: Marks = Object.freeze({});

/** So many units with the same marks, or one embed. Never changed: while a run is the same object, what it covers is the same. */
class Run {
  readonly length: number;
  /** Null: not known yet. */
  readonly marks: Marks | null;
  readonly embed: unknown;
  /** As readers see it, once one has. */
  span: Span | null = null;

  constructor(length: number, marks: Marks | null, embed?: unknown) {
    this.length = length;
    this.marks = marks;
    this.embed = embed;
  }
}
export type { Run };

/** What the core tells, as far as the schema knows it. */
export const toRuns = (def: RichTextDef, spans: readonly CoreSpan[]): readonly Run[] =>
  spans.map((span) => {
    const marks: Record<string, unknown> = {};
    for (const [key, stored] of span.marks) {
      const value = def.marks.get(key)?.value.read(stored);
      if (value !== undefined && value !== MISMATCH) marks[key] = value;
    }
    const embed = span.embed === undefined ? undefined : def.embed?.read(span.embed);
    return new Run(span.length, Object.keys(marks).length === 0 ? PLAIN : Object.freeze(marks), embed === MISMATCH ? undefined : embed);
  });

const sameMarks = (a: Run, b: Run): boolean => a.embed === undefined && b.embed === undefined && a.marks !== null && b.marks !== null && sameValue(a.marks, b.marks);

/** The runs of the newest version in the making: splices and marks make some of them unknown, `settle` reads those. */
export class Runs {
  #runs: readonly Run[];

  constructor(length: number) {
    this.#runs = length === 0 ? [] : [new Run(length, null)];
  }

  splice(at: number, inserted: number, deleted: number): void {
    this.#replace(at, at + deleted, inserted);
  }
  forget(from: number, to: number): void {
    this.#replace(from, to, to - from);
  }
  /** Units [from, to) become `length` unknown ones. */
  #replace(from: number, to: number, length: number): void {
    const runs: Run[] = [];
    let at = 0;
    let placed = false;
    const place = (): void => {
      if (!placed && length > 0) runs.push(new Run(length, null));
      placed = true;
    };
    for (const run of this.#runs) {
      const end = at + run.length;
      if (end <= from) runs.push(run);
      else if (at >= to) {
        place();
        runs.push(run);
      } else {
        if (at < from) runs.push(new Run(from - at, run.marks));
        place();
        if (end > to) runs.push(new Run(end - to, run.marks));
      }
      at = end;
    }
    place();
    this.#runs = runs;
  }

  /** All of them, known and joined. `read` gives those of units [from, to). */
  settle(read: (from: number, to: number) => readonly Run[]): readonly Run[] {
    const runs: Run[] = [];
    const add = (run: Run): void => {
      const last = runs.at(-1);
      if (last !== undefined && sameMarks(last, run)) runs[runs.length - 1] = new Run(last.length + run.length, last.marks);
      else runs.push(run);
    };
    let at = 0;
    let unknown = 0;
    const learn = (): void => {
      if (unknown > 0) for (const run of read(at - unknown, at)) add(run);
      unknown = 0;
    };
    for (const run of this.#runs) {
      if (run.marks === null) unknown += run.length;
      else {
        learn();
        add(run);
      }
      at += run.length;
    }
    learn();
    return (this.#runs = runs);
  }
}

export class PinnedRichText implements RichTextView<Marks, unknown> {
  readonly #text: PinnedText;
  readonly #runs: readonly Run[];
  #spans: readonly Span[] | null = null;

  constructor(text: PinnedText, runs: readonly Run[]) {
    this.#text = text;
    this.#runs = runs;
    Object.preventExtensions(this);
  }
  /** What `toJSON` gave, maybe by another version of the schema. */
  static of(def: RichTextDef, plain: unknown, pin: (text: string) => PinnedText): PinnedRichText {
    const spans: CoreSpan[] = [];
    let text = "";
    for (const span of Array.isArray(plain) ? (plain as Partial<Span>[]) : []) {
      if (typeof span?.text !== "string" || span.text === "") continue;
      text += span.text;
      spans.push({ length: span.text.length, marks: Object.entries(span.marks ?? {}), embed: span.embed });
    }
    return new PinnedRichText(pin(text), toRuns(def, spans));
  }

  get length(): number {
    return this.#text.length;
  }
  toString(): string {
    return this.#text.toString();
  }
  toJSON(): readonly Span[] {
    return this.spans();
  }
  spans(): readonly Span[] {
    return (this.#spans ??= this.#cut());
  }
  equals(other: PinnedRichText): boolean {
    const { length } = this.#runs;
    return this.#text === other.#text && length === other.#runs.length &&
      this.#runs.every((run, i) => run.length === other.#runs[i]!.length && sameValue(run.marks, other.#runs[i]!.marks) && sameValue(run.embed, other.#runs[i]!.embed));
  }

  #cut(): readonly Span[] {
    const text = this.toString();
    // The core died before anybody read this version: it shows the recovered text, and of that only the newest knows the marks.
    if (this.#runs.reduce((n, run) => n + run.length, 0) !== text.length) return Object.freeze(text === "" ? [] : [Object.freeze({ text, marks: PLAIN })]);
    let at = 0;
    return Object.freeze(this.#runs.map((run) => {
      const from = at;
      at += run.length;
      return (run.span ??= freezeDeep({ text: text.slice(from, at), marks: run.marks, ...(run.embed === undefined ? {} : { embed: run.embed }) }) as Span);
    }));
  }
}
