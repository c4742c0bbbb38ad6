// Texts of any version without copies, after Baker ("Shallow binding makes functional arrays fast", 1991).
//
// The newest version reads the core when somebody looks. An older one knows its place in a trail of splices that leads to the newest;
// reading it starts from the nearest text known on that way and undoes the splices back.
//
// The trail is cut in pieces that know the next one. A version holds its piece and nothing holds versions, so that a version nobody
// keeps is garbage at once; were each linked to the next, one old enough for the old generation would drag all after it along.

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

/** Splices in one piece of trail. */
const PIECE = 256;
/** Up to so many splices strings are cut and joined; above it a gap buffer is filled once. */
const FEW = 8;

/** Splices in order, flat: one after the other `at`, `inserted`, `deleted`. */
class Piece {
  readonly splices: (number | string)[] = [];
  /** Where it leads, exactly one of: another piece; a text that is known; what the source has now; a text to show instead of all on the way. */
  next: Piece | null = null;
  end: string | null = null;
  source: TextSource | null;
  instead: PinnedText | null = null;

  constructor(source: TextSource | null) {
    this.source = source;
  }
}

/** What a text node keeps: the end of the trail and the version that stands there. */
export class Trail {
  readonly #source: TextSource;
  #piece: Piece;
  #newest: PinnedText | null = null;

  constructor(source: TextSource) {
    this.#source = source;
    this.#piece = new Piece(source);
  }

  /** The version of now. */
  version(length: number): PinnedText {
    return (this.#newest ??= new PinnedText(length, this.#piece, this.#piece.splices.length, null));
  }
  /** Whether somebody may hold a version that leads here. */
  get given(): boolean {
    return this.#newest !== null || this.#piece.splices.length > 0;
  }
  /** The source is about to go. */
  keep(): void {
    const piece = this.#piece;
    if (!this.given || piece.source === null) return;
    piece.end = piece.source.read();
    piece.source = null;
  }
  /** The source is gone, and another has taken over: its text keeps the identity of an equal one; versions that nobody read or kept show what was recovered. */
  handOver(to: Trail, recovered: string): void {
    if (this.#newest !== null && this.#newest.known === recovered) to.#newest = this.#newest;
    if (this.#piece.end !== null) return;
    this.#piece.instead = to.version(recovered.length);
    this.#piece.source = null;
  }
  /** One splice happened. */
  splice(at: number, inserted: number, deleted: string): void {
    if (!this.given) return;
    const known = this.#newest?.known ?? null;
    this.#newest = null;
    let piece = this.#piece;
    if (known !== null) {
      // Whoever comes this way stops here; the version itself needs no way at all.
      piece.end = known;
      piece.source = null;
      this.#piece = new Piece(this.#source);
      return;
    }
    if (piece.splices.length === 3 * PIECE) {
      piece.next = new Piece(this.#source);
      piece.source = null;
      this.#piece = piece = piece.next;
    }
    piece.splices.push(at, inserted, deleted);
  }
}

export class PinnedText implements TextView {
  #length: number;
  #text: string | null;
  #piece: Piece | null;
  #index: number;

  constructor(length: number, piece: Piece | null, index: number, text: string | null) {
    this.#length = length;
    this.#piece = piece;
    this.#index = index;
    this.#text = text;
    Object.preventExtensions(this); // with no property of its own, that is frozen
  }
  static of(text: string): PinnedText {
    return new PinnedText(text.length, null, 0, text);
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

  /** Its text, if that is known without asking the core. */
  get known(): string | null {
    return this.#text;
  }
  #read(): string {
    let piece = this.#piece!;
    let from = this.#index;
    this.#piece = null;
    const way: { piece: Piece; from: number }[] = [{ piece, from }];
    let steps = (piece.splices.length - from) / 3;
    for (from = 0; piece.next !== null; ) {
      piece = piece.next;
      way.push({ piece, from });
      steps += piece.splices.length / 3;
    }
    if (piece.instead !== null) {
      this.#length = piece.instead.length;
      return piece.instead.toString();
    }
    const end = piece.end ?? piece.source!.read();
    if (steps === 0) return end;
    const text = steps > FEW ? new GapBuffer(end) : new Cut(end);
    for (const part of way.reverse()) {
      const { splices } = part.piece;
      for (let i = splices.length - 3; i >= part.from; i -= 3) text.splice(splices[i] as number, splices[i + 1] as number, splices[i + 2] as string);
    }
    return text.toString();
  }
}

/** A few splices on a string. */
class Cut {
  #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  splice(at: number, remove: number, insert: string): void {
    this.#text = this.#text.slice(0, at) + insert + this.#text.slice(at + remove);
  }
  toString(): string {
    return this.#text;
  }
}
