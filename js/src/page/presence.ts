// What this page says of itself to whoever has the document open, and what they say: sealed on the way, never stored.

import { encodeValue, readForeign } from "../core/value.ts";
import { FreeholdError } from "../errors.ts";
import type { Rights, SessionId } from "../protocol.ts";
import type { Other, Presence, Shape } from "../types.ts";
import { Cell } from "./cell.ts";
import { freezeDeep, MISMATCH, type RegisterDef } from "./fields.ts";

/** Most bytes of what one says of itself; with the heads it fits what a relay passes on. */
const MAX_STATE = 1024;

/** The presence fields of a document type, by name. */
export type PresenceDef = ReadonlyMap<string, RegisterDef>;

export interface PresenceEnds {
  readonly doc: string;
  rights(): Rights;
  /** Resolves when the vault may be told the next. */
  send(state: Uint8Array): Promise<unknown>;
}

interface Word {
  readonly state: Uint8Array;
  readonly other: Other<Shape>;
}

export class DocPresence implements Presence<Shape> {
  readonly others: Cell<readonly Other<Shape>[]> = new Cell<readonly Other<Shape>[]>(Object.freeze([]));
  readonly #def: PresenceDef;
  readonly #ends: PresenceEnds;
  readonly #wordBySession: Map<SessionId, Word> = new Map();
  /** What was set, and its bytes. */
  #own: Readonly<Record<string, unknown>> = {};
  #state: Uint8Array | null = null;
  #sent: Uint8Array | null = null;
  #sending = false;
  #closed: FreeholdError | null = null;

  constructor(def: PresenceDef, ends: PresenceEnds) {
    this.#def = def;
    this.#ends = ends;
  }

  set(partial: Readonly<Record<string, unknown>>): void {
    if (this.#closed !== null) throw this.#closed;
    if (this.#ends.rights() === "read") throw new FreeholdError("read-only", "who may only read is not seen by others", "ask for a write link, or look at doc.rights first", { doc: this.#ends.doc });
    if (typeof partial !== "object" || partial === null || Array.isArray(partial)) throw new FreeholdError("invalid", `presence.set was given ${partial === null ? "null" : Array.isArray(partial) ? "an array" : `a value of type ${typeof partial}`}, not an object`, "presence.set({ name: \"Ann\" })", { doc: this.#ends.doc });
    const own: Record<string, unknown> = { ...this.#own };
    for (const [key, v] of Object.entries(partial)) {
      const def = this.#def.get(key);
      if (def === undefined) throw new FreeholdError("invalid", `${key} is no presence field of this document`, "declare it in defineDoc(name, { presence: { … } })");
      if (v === undefined) delete own[key];
      else own[key] = def.check(v);
    }
    const state = encodeValue(own).slice();
    if (state.length > MAX_STATE) throw new FreeholdError("too-large", `what is said of oneself is over ${MAX_STATE} bytes`, "keep content in the document, and say only who and where you are");
    this.#own = own;
    this.#state = state;
    this.#send();
  }

  /** What another session says; null: it is gone. What is not of the declared shape is as if it were not said. */
  hear(session: SessionId, state: Uint8Array | null): void {
    const before = this.#wordBySession.get(session);
    if (state === null) {
      if (!this.#wordBySession.delete(session)) return;
    } else {
      if (before !== undefined && same(before.state, state)) return;
      const other = this.#read(session, state);
      if (other === null) return;
      this.#wordBySession.set(session, { state, other });
    }
    this.others.set(Object.freeze([...this.#wordBySession.values()].map((w) => w.other)));
  }

  /** The page writes as another session: everybody is met anew. */
  restart(): void {
    this.#forget();
    this.#sent = null;
    this.#send();
  }

  /** The page is going: others need not wait until it was silent for long. If it stays after all, the next word says so. */
  leave(): void {
    if (this.#closed === null) void this.#ends.send(new Uint8Array()).catch(() => {});
  }

  close(e: FreeholdError): void {
    this.#closed = e;
    this.#forget();
  }

  #forget(): void {
    this.#wordBySession.clear();
    if (this.others.value.length > 0) this.others.set(Object.freeze([]));
  }

  /** One at a time; what is set meanwhile goes as one. */
  #send(): void {
    const state = this.#state;
    if (this.#sending || this.#closed !== null || state === null || state === this.#sent) return;
    this.#sending = true;
    this.#sent = state;
    void this.#ends.send(state.slice()).catch(() => {}).then(() => {
      this.#sending = false;
      this.#send();
    });
  }

  #read(session: SessionId, state: Uint8Array): Other<Shape> | null {
    try {
      const said = readForeign(state) as Record<string, unknown>;
      const other: Record<string, unknown> = { session };
      for (const [key, def] of this.#def) {
        const v = Object.hasOwn(said, key) ? def.read(said[key]) : def.fallback;
        if (v === MISMATCH) return null;
        other[key] = freezeDeep(v);
      }
      return Object.freeze(other) as Other<Shape>;
    } catch { // not a value, or a validator threw
      return null;
    }
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);
