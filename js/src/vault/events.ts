// What the vault tells the machine. Twin of internal/sync/event.go, same names, same order; packed as internal/sync/packed.go reads.

import { fromBase64url } from "../ids.ts";
import type { SessionId } from "../protocol.ts";
import type { ProblemNumber } from "./problems.ts";
import { Kind } from "../seal/sealer.ts";

/** A session's last envelope that somebody has. `hash` has 32 bytes; where a dependency names it, the last 16 are zero. */
export interface Head { readonly session: SessionId; readonly seq: number; readonly hash: Uint8Array }
export interface Known { readonly session: SessionId; readonly seq: number }
/** Envelopes [first, seq] of a session are stored one by one, `tail` bytes in all; what was before is in the snapshot, but for `hole` places that only claims stand for. */
export interface Stored extends Head { readonly first: number; readonly tail: number; readonly live: boolean; readonly hole: number }
/** `relay` is the index in the configured relays, or `noRelay`. `store` is 22 base64url characters. `last`: bytes of the envelope at the cursor, or 0. `tail`: bytes of its log since its last snapshot, whose size is `snapshot`. */
export interface Mark { readonly relay: number; readonly store: string; readonly cursor: number; readonly last: number; readonly tail: number; readonly snapshot: number; readonly known: readonly Known[] }
/** `prev` is zeros but for the first of a pack. */
export interface SharedEntry extends Head { readonly ref: number; readonly size: number; readonly prev: Uint8Array; readonly deps: readonly Head[]; readonly more: boolean }
export interface Arrival { readonly ref: number; readonly cursor: number; readonly kind: number; readonly size: number; readonly session: SessionId; readonly first: number; readonly seq: number; readonly prev: Uint8Array; readonly covers: number; readonly about: Uint8Array | null; readonly verdict: number }
/** An envelope and the updates that it stands for. */
export interface OpenedItem { readonly hash: Uint8Array; readonly contents: readonly OpenedContent[] }
/** `ref`: of what the page gets, 0 for nothing. `more`: its change goes on in the session's next. */
export interface OpenedContent { readonly ref: number; readonly deps: readonly Head[]; readonly more: boolean }

/** For a mark whose relay is not configured now. */
export const noRelay = 0xffff_ffff;
/** Numbers of the relay states, as in `Status`. */
export const relayStates = ["none", "offline", "connecting", "live"] as const;

export type Event =
  | { readonly type: "relays"; readonly count: number }
  | { readonly type: "lead"; readonly yes: boolean }
  | { readonly type: "leaderState"; readonly state: number }
  | { readonly type: "pause"; readonly yes: boolean }
  | { readonly type: "wake" }
  | { readonly type: "online" }
  | { readonly type: "socketOpen"; readonly conn: number }
  | { readonly type: "socketClosed"; readonly conn: number; readonly garbage: boolean }
  | { readonly type: "pong"; readonly conn: number }
  | { readonly type: "docOpen"; readonly doc: number; readonly writable: boolean; readonly keyed: boolean; readonly content: boolean; readonly own: SessionId | null; readonly prev: Uint8Array | null; readonly snapshot: number; readonly heads: readonly Stored[]; readonly marks: readonly Mark[]; readonly frozen: readonly SessionId[]; readonly claims: readonly Head[] }
  | { readonly type: "docClose"; readonly doc: number }
  | { readonly type: "docKeyed"; readonly doc: number; readonly own: SessionId | null; readonly prev: Uint8Array | null }
  | { readonly type: "docRefused"; readonly doc: number; readonly problem: ProblemNumber }
  | { readonly type: "local"; readonly doc: number; readonly ref: number; readonly to: number; readonly more: boolean }
  | { readonly type: "sealed"; readonly doc: number; readonly size: number; readonly hash: Uint8Array | null; readonly problem: ProblemNumber }
  | { readonly type: "storeDone"; readonly doc: number; readonly job: number; readonly problem: ProblemNumber }
  | { readonly type: "shared"; readonly doc: number; readonly whole: boolean; readonly live: boolean; readonly entries: readonly SharedEntry[]; readonly covers: readonly Head[] }
  | { readonly type: "sharedSnapshot"; readonly doc: number; readonly claims: readonly Head[] }
  | { readonly type: "welcome"; readonly conn: number; readonly doc: number; readonly store: string; readonly head: number; readonly genesis: boolean }
  | { readonly type: "batch"; readonly conn: number; readonly doc: number; readonly entries: readonly Arrival[]; readonly upTo: number; readonly more: boolean }
  | { readonly type: "opened"; readonly doc: number; readonly job: number; readonly items: readonly OpenedItem[]; readonly problem: ProblemNumber }
  | { readonly type: "proven"; readonly doc: number; readonly session: SessionId; readonly bare: boolean }
  | { readonly type: "checked"; readonly doc: number; readonly job: number; readonly verdict: number; readonly ref: number; readonly news: boolean; readonly problem: ProblemNumber }
  | { readonly type: "merged"; readonly doc: number; readonly job: number; readonly size: number; readonly claims: readonly Head[]; readonly problem: ProblemNumber }
  | { readonly type: "ack"; readonly conn: number; readonly doc: number; readonly session: SessionId; readonly seq: number; readonly cursor: number }
  | { readonly type: "refused"; readonly conn: number; readonly doc: number; readonly session: SessionId | null; readonly problem: ProblemNumber; readonly retry: number; readonly next: number }
  | { readonly type: "packed"; readonly conn: number; readonly doc: number; readonly problem: ProblemNumber }
  | { readonly type: "missing"; readonly doc: number; readonly session: SessionId; readonly first: number }
  | { readonly type: "relayHas"; readonly doc: number; readonly other: boolean; readonly reset: boolean; readonly known: readonly Known[]; readonly waived: readonly Known[] }
  | { readonly type: "snapshotSealed"; readonly doc: number; readonly ref: number; readonly size: number; readonly hash: Uint8Array | null; readonly session: SessionId | null; readonly covers: readonly Head[]; readonly problem: ProblemNumber }
  | { readonly type: "checkpointed"; readonly doc: number; readonly size: number; readonly covers: readonly Known[]; readonly problem: ProblemNumber }
  | { readonly type: "presenceSet"; readonly doc: number }
  | { readonly type: "presenceSealed"; readonly doc: number }
  | { readonly type: "presenceCame"; readonly conn: number; readonly doc: number; readonly near: boolean; readonly session: SessionId; readonly seq: number; readonly heads: readonly Head[]; readonly ref: number; readonly left: boolean };

/** The time in milliseconds, then the event. */
export const packEvent = (now: number, e: Event): Uint8Array => {
  const p = new Packer();
  p.n(Math.max(0, Math.floor(now)));
  switch (e.type) {
    case "relays": p.n(1, e.count); break;
    case "lead": p.n(2).flag(e.yes); break;
    case "leaderState": p.n(3, e.state); break;
    case "pause": p.n(4).flag(e.yes); break;
    case "wake": p.n(5); break;
    case "online": p.n(6); break;
    case "socketOpen": p.n(7, e.conn); break;
    case "socketClosed": p.n(8, e.conn).flag(e.garbage); break;
    case "pong": p.n(9, e.conn); break;
    case "docOpen":
      p.n(10, e.doc).flag(e.writable).flag(e.keyed).flag(e.content).id(e.own).bytes(e.prev, 32).n(e.snapshot);
      p.list(e.heads, (h) => p.head(h).n(h.first, h.tail).flag(h.live).n(h.hole));
      p.list(e.marks, (m) => p.n(m.relay).id(m.store).n(m.cursor, m.last, m.tail, m.snapshot).known(m.known));
      p.list(e.frozen, (s) => p.id(s)).heads(e.claims);
      break;
    case "docClose": p.n(11, e.doc); break;
    case "docKeyed": p.n(12, e.doc).id(e.own).bytes(e.prev, 32); break;
    case "docRefused": p.n(13, e.doc, e.problem); break;
    case "local": p.n(14, e.doc, e.ref, e.to).flag(e.more); break;
    case "sealed": p.n(15, e.doc, e.size).bytes(e.hash, 32).n(e.problem); break;
    case "storeDone": p.n(16, e.doc, e.job, e.problem); break;
    case "shared":
      p.n(17, e.doc).flag(e.whole).flag(e.live).list(e.entries, (x) => p.n(x.ref, x.size).head(x).bytes(x.prev, 32).heads(x.deps).flag(x.more)).heads(e.covers);
      break;
    case "sharedSnapshot": p.n(18, e.doc).heads(e.claims); break;
    case "welcome": p.n(19, e.conn, e.doc).id(e.store).n(e.head).flag(e.genesis); break;
    case "batch":
      p.n(20, e.conn, e.doc).list(e.entries, (x) => {
        p.n(x.ref, x.cursor, x.kind, x.size).id(x.session).n(x.seq).bytes(x.prev, 32);
        if (x.kind === Kind.pack) p.n(x.first);
        if (x.kind === Kind.snapshot) p.n(x.covers);
        if (x.kind === Kind.attest) p.bytes(x.about, 32).n(x.verdict);
      });
      p.n(e.upTo).flag(e.more);
      break;
    case "opened": p.n(21, e.doc, e.job).list(e.items, (x) => p.bytes(x.hash, 32).list(x.contents, (c) => p.n(c.ref).heads(c.deps).flag(c.more))).n(e.problem); break;
    case "proven": p.n(34, e.doc).id(e.session).n(+e.bare); break;
    case "checked": p.n(29, e.doc, e.job, e.verdict, e.ref).flag(e.news).n(e.problem); break;
    case "packed": p.n(30, e.conn, e.doc, e.problem); break;
    case "merged": p.n(22, e.doc, e.job, e.size).heads(e.claims).n(e.problem); break;
    case "ack": p.n(23, e.conn, e.doc).id(e.session).n(e.seq, e.cursor); break;
    case "refused": p.n(24, e.conn, e.doc).id(e.session).n(e.problem, e.retry, e.next); break;
    case "missing": p.n(25, e.doc).id(e.session).n(e.first); break;
    case "relayHas": p.n(26, e.doc).flag(e.other).flag(e.reset).known(e.known).known(e.waived); break;
    case "snapshotSealed": p.n(27, e.doc, e.ref, e.size).bytes(e.hash, 32).id(e.session).heads(e.covers).n(e.problem); break;
    case "presenceSet": p.n(31, e.doc); break;
    case "presenceSealed": p.n(32, e.doc); break;
    case "presenceCame": p.n(33, e.conn, e.doc).flag(e.near).id(e.session).n(e.seq).heads(e.heads).n(e.ref).flag(e.left); break;
    case "checkpointed": p.n(28, e.doc, e.size).known(e.covers).n(e.problem); break;
  }
  return p.done();
};

/** Writes varints, ids and lists into a buffer that grows. */
class Packer {
  #buffer: Uint8Array = new Uint8Array(256);
  #length = 0;

  n(...numbers: readonly number[]): this {
    for (let v of numbers) {
      this.#room(10);
      while (v >= 0x80) {
        this.#buffer[this.#length++] = (v % 0x80) | 0x80;
        v = Math.floor(v / 0x80);
      }
      this.#buffer[this.#length++] = v;
    }
    return this;
  }
  flag(yes: boolean): this { return this.n(yes ? 1 : 0); }
  /** Null is zeros. */
  bytes(b: Uint8Array | null, size: number): this {
    if (b !== null && b.length !== size) throw new TypeError(`${size} bytes expected, got ${b.length}`);
    this.#room(size);
    if (b !== null) this.#buffer.set(b, this.#length);
    else this.#buffer.fill(0, this.#length, this.#length + size);
    this.#length += size;
    return this;
  }
  id(text: string | null): this { return this.bytes(text === null ? null : fromBase64url(text), 16); }
  list<T>(items: readonly T[], each: (item: T) => unknown): this {
    this.n(items.length);
    for (const item of items) each(item);
    return this;
  }
  head(h: Head): this { return this.id(h.session).n(h.seq).bytes(h.hash, 32); }
  heads(all: readonly Head[]): this { return this.list(all, (h) => this.head(h)); }
  known(all: readonly Known[]): this { return this.list(all, (k) => this.id(k.session).n(k.seq)); }
  done(): Uint8Array { return this.#buffer.subarray(0, this.#length); }

  #room(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + more));
    grown.set(this.#buffer);
    this.#buffer = grown;
  }
}
