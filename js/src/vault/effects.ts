// What the machine tells the vault to do. Twin of internal/sync/effect.go, same names, same order; unpacks what
// internal/sync/packedeffects.go writes.

import { toBase64url } from "../ids.ts";
import type { SessionId } from "../protocol.ts";
import type { Head, Known, Mark } from "./events.ts";
import type { ProblemNumber } from "./problems.ts";

/** A document's status in numbers; document.ts makes a VaultStatus of it. */
export interface StatusNumbers {
  readonly content: number; readonly device: number; readonly relay: number; readonly peer: number;
  readonly unsent: number; readonly behind: number; readonly state: number; readonly peers: number; readonly seen: number; readonly problem: ProblemNumber;
}

/** Effects about the connection, then those about a document. */
export type Effect =
  | { readonly type: "connect"; readonly conn: number; readonly relay: number }
  | { readonly type: "disconnect"; readonly conn: number }
  | { readonly type: "timer"; readonly at: number }
  | { readonly type: "ping"; readonly conn: number }
  | { readonly type: "drop"; readonly refs: readonly number[] }
  | DocEffect;

export type DocEffect =
  | { readonly type: "hello"; readonly conn: number; readonly doc: number; readonly since: number; readonly store: string | null }
  | { readonly type: "credit"; readonly conn: number; readonly doc: number; readonly size: number }
  | { readonly type: "leave"; readonly conn: number; readonly doc: number }
  | { readonly type: "checkGenesis"; readonly doc: number }
  | { readonly type: "seal"; readonly doc: number; readonly ref: number; readonly seq: number; readonly prev: Uint8Array; readonly deps: readonly Head[] }
  | { readonly type: "store"; readonly doc: number; readonly job: number; readonly refs: readonly number[] }
  | { readonly type: "durable"; readonly doc: number; readonly ref: number; readonly seq: number }
  | { readonly type: "notDurable"; readonly doc: number; readonly ref: number; readonly problem: ProblemNumber }
  | { readonly type: "open"; readonly doc: number; readonly job: number; readonly kind: number; readonly session: SessionId; readonly next: number; readonly refs: readonly number[] }
  | { readonly type: "compare"; readonly doc: number; readonly session: SessionId | null; readonly refs: readonly number[] }
  | { readonly type: "keepForked"; readonly doc: number; readonly session: SessionId }
  | { readonly type: "spread"; readonly doc: number; readonly refs: readonly number[] }
  | { readonly type: "show"; readonly doc: number; readonly refs: readonly number[] }
  | { readonly type: "reread"; readonly doc: number; readonly heads: readonly Known[] }
  | { readonly type: "sealAttest"; readonly doc: number; readonly ref: number; readonly seq: number; readonly prev: Uint8Array; readonly about: Uint8Array; readonly verdict: number }
  | { readonly type: "check"; readonly doc: number; readonly job: number; readonly ref: number; readonly stale: boolean }
  | { readonly type: "merge"; readonly doc: number; readonly job: number; readonly ref: number }
  | { readonly type: "append"; readonly conn: number; readonly doc: number; readonly session: SessionId; readonly from: number; readonly to: number }
  | { readonly type: "pack"; readonly conn: number; readonly doc: number; readonly from: number; readonly to: number }
  | { readonly type: "makeSnapshot"; readonly doc: number; readonly parent: Uint8Array; readonly shown: readonly Known[] }
  | { readonly type: "upload"; readonly conn: number; readonly doc: number; readonly ref: number; readonly store: string; readonly covers: number }
  | { readonly type: "learnt"; readonly doc: number; readonly reset: boolean; readonly known: readonly Known[]; readonly waived: readonly Known[] }
  | { readonly type: "markChanged"; readonly doc: number; readonly mark: Mark }
  | { readonly type: "checkpoint"; readonly doc: number; readonly covers: readonly Known[]; readonly shown: readonly Known[] }
  | { readonly type: "sealPresence"; readonly conn: number; readonly doc: number; readonly head: Uint8Array; readonly heads: readonly Head[] }
  | { readonly type: "showPresence"; readonly doc: number; readonly session: SessionId; readonly ref: number }
  | { readonly type: "statusChanged"; readonly doc: number; readonly status: StatusNumbers };

/** All effects of one step, in their order. */
export const unpackEffects = (bytes: Uint8Array): readonly Effect[] => {
  const u = new Unpacker(bytes);
  const effects: Effect[] = [];
  while (!u.atEnd) effects.push(effect(u));
  return effects;
};

const effect = (u: Unpacker): Effect => {
  const kind = u.n();
  switch (kind) {
    case 64: return { type: "connect", conn: u.n(), relay: u.n() };
    case 65: return { type: "disconnect", conn: u.n() };
    case 66: return { type: "timer", at: u.n() };
    case 67: return { type: "ping", conn: u.n() };
    case 68: return { type: "hello", conn: u.n(), doc: u.n(), since: u.n(), store: u.idOrNull() };
    case 69: return { type: "leave", conn: u.n(), doc: u.n() };
    case 70: return { type: "checkGenesis", doc: u.n() };
    case 71: return { type: "seal", doc: u.n(), ref: u.n(), seq: u.n(), prev: u.bytes(32), deps: u.heads() };
    case 72: return { type: "store", doc: u.n(), job: u.n(), refs: u.refs() };
    case 73: return { type: "durable", doc: u.n(), ref: u.n(), seq: u.n() };
    case 74: return { type: "notDurable", doc: u.n(), ref: u.n(), problem: u.n() as ProblemNumber };
    case 75: return { type: "open", doc: u.n(), job: u.n(), kind: u.n(), session: u.id(), next: u.n(), refs: u.refs() };
    case 76: return { type: "spread", doc: u.n(), refs: u.refs() };
    case 77: return { type: "show", doc: u.n(), refs: u.refs() };
    case 78: return { type: "reread", doc: u.n(), heads: u.known() };
    case 79: return { type: "drop", refs: u.refs() };
    case 80: return { type: "merge", doc: u.n(), job: u.n(), ref: u.n() };
    case 81: return { type: "append", conn: u.n(), doc: u.n(), session: u.id(), from: u.n(), to: u.n() };
    case 82: return { type: "makeSnapshot", doc: u.n(), parent: u.bytes(32), shown: u.known() };
    case 83: return { type: "learnt", doc: u.n(), reset: u.n() !== 0, known: u.known(), waived: u.known() };
    case 84: return { type: "markChanged", doc: u.n(), mark: { relay: u.n(), store: u.id(), cursor: u.n(), last: u.n(), tail: u.n(), snapshot: u.n(), known: u.known() } };
    case 85: return { type: "checkpoint", doc: u.n(), covers: u.known(), shown: u.known() };
    case 86: return {
      type: "statusChanged", doc: u.n(),
      status: { content: u.n(), device: u.n(), relay: u.n(), peer: u.n(), unsent: u.n(), behind: u.n(), state: u.n(), peers: u.n(), seen: u.n(), problem: u.n() as ProblemNumber },
    };
    case 87: return { type: "upload", conn: u.n(), doc: u.n(), ref: u.n(), store: u.id(), covers: u.n() };
    case 94: return { type: "credit", conn: u.n(), doc: u.n(), size: u.n() };
    case 93: return { type: "compare", doc: u.n(), session: u.idOrNull(), refs: u.refs() };
    case 95: return { type: "keepForked", doc: u.n(), session: u.id() };
    case 90: return { type: "pack", conn: u.n(), doc: u.n(), from: u.n(), to: u.n() };
    case 88: return { type: "check", doc: u.n(), job: u.n(), ref: u.n(), stale: u.n() !== 0 };
    case 89: return { type: "sealAttest", doc: u.n(), ref: u.n(), seq: u.n(), prev: u.bytes(32), about: u.bytes(32), verdict: u.n() };
    case 91: return { type: "sealPresence", conn: u.n(), doc: u.n(), head: u.bytes(32), heads: u.heads() };
    case 92: return { type: "showPresence", doc: u.n(), session: u.id(), ref: u.n() };
    default: throw new TypeError(`effect ${kind} of the machine is not known: script and wasm are of different versions`);
  }
};

/** Reads what the machine wrote; it is trusted, being part of this program. */
class Unpacker {
  readonly #b: Uint8Array;
  #at = 0;
  constructor(b: Uint8Array) { this.#b = b; }

  get atEnd(): boolean { return this.#at >= this.#b.length; }
  n(): number {
    let v = 0, scale = 1;
    for (;;) {
      const byte = this.#b[this.#at++]!;
      v += (byte & 0x7f) * scale;
      if (byte < 0x80) return v;
      scale *= 0x80;
    }
  }
  bytes(size: number): Uint8Array { return this.#b.slice(this.#at, (this.#at += size)); }
  id(): string { return toBase64url(this.bytes(16)); }
  idOrNull(): string | null {
    const b = this.bytes(16);
    return b.every((x) => x === 0) ? null : toBase64url(b);
  }
  list<T>(each: () => T): readonly T[] { return Array.from({ length: this.n() }, each); }
  refs(): readonly number[] { return this.list(() => this.n()); }
  heads(): readonly Head[] { return this.list(() => ({ session: this.id(), seq: this.n(), hash: this.bytes(32) })); }
  known(): readonly Known[] { return this.list(() => ({ session: this.id(), seq: this.n() })); }
}
