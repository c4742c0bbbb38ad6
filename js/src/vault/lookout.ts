// Closed documents of a home whose list several devices share: one question tells which of them changed at the relay, and those are
// fetched, so that everything is here when the network is not (docs/PROTOCOL.md §2, Check).

import type { DocId } from "../protocol.ts";
import { partOf, sumsOf } from "../wire/sums.ts";
import { limits, type Changed } from "../wire/wire.ts";

/** Between questions when there is no news, in milliseconds; up to half as much again, so that devices do not ask together. */
const PAUSE = 60_000;
/** Questions without a pause. A relay that has another answer each time is not asked for ever. */
const IN_A_ROW = 32;

export interface LookoutEnds {
  /** The documents of this device that a relay may have. */
  here(): ReadonlySet<DocId>;
  /** Asks, if there is a connection; one answer or refusal follows, if it lasts. */
  ask(list: DocId, sums: Uint8Array, add: readonly DocId[]): void;
  /** Fetches a document unless it is open. Gives whether all that the relay has of it is here. */
  fetch(doc: DocId): Promise<boolean>;
  /** From 0 to 1. */
  random(): number;
}

export class Lookout {
  readonly #ends: LookoutEnds;
  /**
   * Up to where the relay's log is here. Of members that are not on this device: what the relay said last of their part, so never more
   * of them than a set may have (`isAnswer`).
   */
  readonly #cursorById: Map<DocId, number> = new Map();
  /** Documents of this device, on this connection. What the relay does not list all the same it does not have. */
  readonly #added: Set<DocId> = new Set();
  /** Documents of this device that are members, by the relay's last word on this connection. */
  readonly #members: Set<DocId> = new Set();
  #list: DocId | null = null;
  /** Counts beginnings and ends: what was under way before one does not go on after it. */
  #turn = 0;
  #left = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ends: LookoutEnds) { this.#ends = ends; }

  /** What a device knew before. */
  know(doc: DocId, cursor: number): void { this.#cursorById.set(doc, cursor); }

  /** The relay has another store: nothing that was known holds. */
  forget(): void { this.#cursorById.clear(); }

  /** The relay of a new connection knows that this device may read the list. */
  begin(list: DocId): Promise<void> {
    this.#turn++;
    this.#list = list;
    this.#added.clear();
    this.#members.clear();
    return this.#again();
  }

  end(): void {
    this.#turn++;
    this.#list = null;
    clearTimeout(this.#timer);
  }

  /** Takes the answer to what was asked; null: the relay refused. Must: `isAnswer` holds. */
  async hear(changed: Changed | null): Promise<void> {
    if (this.#list === null || changed === null) return this.#rest();
    const turn = this.#turn;
    const here = this.#ends.here();
    const told = new Set(changed.heads.map((h) => h.doc));
    const missing: DocId[] = [];
    let isNews = false;
    for (const doc of this.#cursorById.keys()) {
      if (told.has(doc)) continue;
      if (((changed.parts >> partOf(doc)) & 1) === 0) told.add(doc); // its part is the same there
      else if (here.has(doc)) missing.push(doc);
      else isNews = this.#cursorById.delete(doc); // another device's: there is nothing to offer, and the relay's word counts
    }
    if (missing.some((doc) => this.#members.has(doc))) { // it forgot the set: all of it is offered again
      this.#added.clear();
      this.#members.clear();
    }
    for (const doc of told) if (here.has(doc)) this.#members.add(doc);
    const add = missing.filter((doc) => !this.#added.has(doc)).slice(0, limits.run);
    for (const doc of missing) if (this.#added.has(doc)) this.#cursorById.delete(doc);
    for (const doc of add) this.#added.add(doc);
    isNews ||= missing.length > 0;
    for (const { doc, cursor } of changed.heads) {
      if (this.#cursorById.get(doc) === cursor) continue;
      const isHere = !here.has(doc) || (await this.#ends.fetch(doc));
      if (turn !== this.#turn) return;
      if (!isHere) continue; // listed again, and tried again after a pause
      this.#cursorById.set(doc, cursor);
      isNews = true;
    }
    if (isNews && --this.#left > 0) return this.#ask(add);
    this.#rest();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    if (this.#list !== null) this.#timer = setTimeout(() => void this.#again(), PAUSE * (1 + this.#ends.random() / 2));
  }

  #again(): Promise<void> {
    this.#left = IN_A_ROW;
    return this.#ask([]);
  }

  async #ask(add: readonly DocId[]): Promise<void> {
    clearTimeout(this.#timer);
    for (const doc of this.#ends.here()) if (!this.#cursorById.has(doc) && !this.#added.has(doc)) this.#cursorById.set(doc, 0);
    const turn = this.#turn;
    const sums = await sumsOf(this.#cursorById);
    if (turn === this.#turn && this.#list !== null) this.#ends.ask(this.#list, sums, add);
  }
}
