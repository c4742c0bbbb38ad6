// Own edits on their way to the vault: one update in flight, everything edited meanwhile in the next.

import { FreeholdError } from "../errors.ts";
import type { Drained } from "./replica.ts";

/** Wait before a failed update is offered again, ms; doubles up to the last. */
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;

/** Refusals that time does not heal: asked again when somebody wants to know, and not before. */
const HOPELESS: ReadonlySet<string> = new Set(["closed", "not-found", "read-only"]);

export interface OutboxEnds {
  /** The next update, or null. */
  drain(): Drained | null;
  /** Resolves when it is on the device. */
  send(u: Drained): Promise<unknown>;
  /** It is on the device. */
  stored(u: Drained): void;
  failed(e: FreeholdError): void;
}

interface Pending {
  readonly update: Drained;
  sent: boolean;
}

/**
 * Must: every drained update is kept until the device has it, and they are offered in order.
 * Must: a burst in one turn is one update.
 */
export class Outbox {
  readonly #ends: OutboxEnds;
  #scheduled = false;
  /** Drained and not on the device yet, oldest first. `sent`: the vault has it and will answer. */
  #pending: Pending[] = [];
  #retry: ReturnType<typeof setTimeout> | null = null;
  #wait = FIRST_RETRY;
  #closed = false;
  #settling: (() => void)[] = [];

  constructor(ends: OutboxEnds) {
    this.#ends = ends;
  }

  /** Something was edited. */
  kick(): void {
    if (this.#scheduled || this.#pending.length > 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#pending.length === 0 && !this.#closed) this.#next();
    });
  }
  /** Hands everything over now, answered or not: the page may be gone in the next moment. */
  flush(): void {
    for (let u = this.#ends.drain(); u !== null; u = this.#ends.drain()) this.#pending.push({ update: u, sent: false });
    for (const p of this.#pending) if (!p.sent) this.#offer(p);
  }
  /** Offers what was refused again at once. */
  retry(): void {
    if (this.#pending.length === 0 || this.#pending.some((p) => p.sent)) return;
    this.#wake();
    this.#next();
  }
  /** The device has all below: it takes again what it refused. */
  reached(device: number): void {
    const [first] = this.#pending;
    if (first !== undefined && first.update.to <= device) this.retry();
  }
  /** A new session began: what the one before had drained is on the device or lost. */
  restart(): void {
    this.#wake();
    this.#pending = [];
    this.#wait = FIRST_RETRY;
  }
  /** Resolves when the vault has answered everything that was sent. */
  settled(): Promise<void> {
    return this.#pending.some((p) => p.sent) ? new Promise((resolve) => this.#settling.push(resolve)) : Promise.resolve();
  }
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #wake(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
  }
  #settle(): void {
    for (const resolve of this.#settling.splice(0)) resolve();
  }
  /** The oldest that is not under way, or else a new one when nothing is. */
  #next(): void {
    if (this.#pending.length === 0) {
      const update = this.#ends.drain();
      if (update !== null) this.#pending.push({ update, sent: false });
    }
    const p = this.#pending.find((other) => !other.sent);
    if (p !== undefined) this.#offer(p);
  }
  #offer(p: Pending): void {
    p.sent = true;
    this.#ends.send(p.update).then(
      () => this.#answered(p),
      (e: unknown) => this.#refused(p, e),
    );
  }
  #answered(p: Pending): void {
    this.#pending = this.#pending.filter((other) => other !== p);
    this.#wait = FIRST_RETRY;
    this.#ends.stored(p.update);
    if (this.#pending.every((other) => !other.sent)) this.#settle();
    if (!this.#closed) this.#next();
  }
  #refused(p: Pending, e: unknown): void {
    p.sent = false;
    if (this.#pending.every((other) => !other.sent)) this.#settle();
    if (this.#closed) return;
    this.#ends.failed(e instanceof FreeholdError ? e : new FreeholdError("storage-lost", "an edit could not be stored", "it is kept in memory and tried again", { cause: e }));
    if (this.#retry !== null || (e instanceof FreeholdError && HOPELESS.has(e.code))) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#next();
    }, this.#wait);
    this.#wait = Math.min(2 * this.#wait, LAST_RETRY);
  }
}
