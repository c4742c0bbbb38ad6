// How far a document's edits got: what the vault says, put together with what only the page knows.

import { FreeholdError, type Code } from "../errors.ts";
import type { Level, Problem, VaultStatus } from "../protocol.ts";
import type { Status } from "../types.ts";
import { Source } from "./cell.ts";

type Goal = Exclude<Level, "memory">;
interface Waiter {
  readonly goal: Goal;
  /** Own sequence number that must be below the mark. */
  readonly target: number;
  readonly done: (e?: FreeholdError) => void;
}

/** Problems that mean: the relay does not take what is written. */
const RELAY_REFUSED: ReadonlySet<string> = new Set(["relay-refused", "deleted"]);
/** Problems that mean: the device does not keep what is written. */
const STORE_FAILED: ReadonlySet<string> = new Set(["quota", "storage-lost", "evicted", "blocked"]);

export const problemToError = (p: Problem): FreeholdError => new FreeholdError(p.code as Code, p.message, p.hint, p.doc === undefined ? {} : { doc: p.doc });

export class Progress {
  readonly status: Source<Status> = new Source(() => this.#compute());
  readonly #written: () => number;
  #vault: VaultStatus;
  /** The page hears of its own stores by replies, a little before the next status. */
  #device = 0;
  #problem: FreeholdError | null = null;
  /** Whether all that earlier sessions of this device left has reached the relay since the document was opened. */
  #earlierSent = false;
  #waiters: Waiter[] = [];
  #now: Status | null = null;

  /** `written`: the next sequence number of the own session. */
  constructor(vault: VaultStatus, written: () => number) {
    this.#vault = vault;
    this.#written = written;
    this.update(vault);
  }

  update(vault: VaultStatus): void {
    this.#vault = vault;
    this.#device = Math.max(this.#device, vault.device);
    if (this.#problem === null || this.#problem.message !== vault.problem?.message) this.#problem = vault.problem === null ? null : problemToError(vault.problem);
    if (vault.unsent === 0 && vault.relayState !== "none") this.#earlierSent = true;
    this.#settle();
  }
  /** A new session began: its marks count from the start. Who waits for edits of the one before is told how that ended. */
  restart(vault: VaultStatus, lost: number): void {
    for (const w of this.#waiters) {
      if (lost === 0 && w.goal === "device") w.done();
      else w.done(new FreeholdError("core-restarted", lost === 0 ? "a new session began while this was waited for" : `${lost} unsaved operations were lost`, lost === 0 ? "ask again" : "look over the last edit"));
    }
    this.#device = 0;
    this.#earlierSent = false;
    this.update(vault);
  }
  stored(to: number): void {
    this.#device = Math.max(this.#device, to);
    if (this.#problem !== null && STORE_FAILED.has(this.#problem.code) && this.#vault.problem === null) this.#problem = null;
    this.#settle();
  }
  /** An edit was refused by every store. */
  failed(e: FreeholdError): void {
    this.#problem = e;
    this.#settle(e);
  }
  /** Something was written: `newest` and `unsaved` changed. */
  edited(): void {
    this.#now = null;
  }
  get content(): Status["content"] {
    return this.#vault.content;
  }

  reached(goal: Goal, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = (): FreeholdError => new FreeholdError("aborted", `waiting for "${goal}" was given up`, "the edits go on their way all the same", { cause: signal?.reason });
      if (signal?.aborted) return reject(aborted());
      if (goal !== "device" && this.#vault.relayState === "none") {
        return reject(new FreeholdError("not-ready", "there is no relay to save on", "give freehold() a relay, or home.relays.set([…])"));
      }
      const abort = (): void => waiter.done(aborted());
      const waiter: Waiter = {
        goal,
        target: this.#written(),
        done: (e) => {
          signal?.removeEventListener("abort", abort);
          this.#waiters = this.#waiters.filter((w) => w !== waiter);
          if (e === undefined) resolve();
          else reject(e);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiters.push(waiter);
      this.#settle(this.#problem !== null && STORE_FAILED.has(this.#problem.code) && this.#vault.copies === 0 ? this.#problem : undefined);
    });
  }
  /** Rejects everybody who still waits. */
  close(e: FreeholdError): void {
    for (const w of this.#waiters) w.done(e);
  }

  #settle(failure?: FreeholdError): void {
    this.#now = null;
    const { relay, peer, problem, copies } = this.#vault;
    const refusal = problem !== null && RELAY_REFUSED.has(problem.code) ? problemToError(problem) : undefined;
    const lost = failure ?? (problem !== null && STORE_FAILED.has(problem.code) && copies === 0 ? problemToError(problem) : undefined);
    for (const w of this.#waiters) {
      const mark = w.goal === "device" ? this.#device : w.goal === "relay" ? relay : peer;
      if (mark >= w.target && (w.goal === "device" || w.target > 0 || this.#earlierSent)) w.done();
      else if (lost !== undefined) w.done(lost);
      else if (w.goal !== "device" && refusal !== undefined) w.done(refusal);
    }
    this.status.notify();
  }

  #compute(): Status {
    if (this.#now !== null) return this.#now;
    const v = this.#vault;
    const written = this.#written();
    return (this.#now = Object.freeze({
      content: v.content,
      newest: this.#newest(written),
      unsaved: Math.max(0, written - this.#device),
      unsent: v.unsent,
      relay: v.relayState,
      copies: v.copies,
      peers: v.peers,
      seen: v.seen,
      successor: v.successor,
      problem: this.#problem,
    }));
  }
  #newest(written: number): Level {
    const v = this.#vault;
    // Nothing written since opening: what counts is whether earlier sessions' envelopes are all out.
    if (written === 0) return v.relayState !== "none" && v.unsent === 0 ? "relay" : "device";
    if (v.peer >= written) return "peer";
    if (v.relay >= written) return "relay";
    return this.#device >= written ? "device" : "memory";
  }
}
