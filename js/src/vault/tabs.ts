// The other tabs of this browser that have the same home open: what they tell each other, and which of them talks to the relay.
//
// A message is about bytes that are durable already. Losing one loses nothing: the machine sees the hole and reads the store.

import { FreeholdError } from "../errors.ts";
import { toBase64url } from "../ids.ts";
import type { DocId, HeadRecord, SessionId } from "../protocol.ts";
import type { Channel, VaultEnv } from "./env.ts";
import type { Head, Known } from "./events.ts";
import type { Opened } from "./payload.ts";

/** How long other tabs may take to let go of a document that is forgotten, in milliseconds. */
const LET_GO = 10_000;

/** One envelope with what it stands for. */
export interface TabEnvelope {
  readonly session: SessionId;
  readonly seq: number;
  readonly bytes: Uint8Array;
  readonly contents: readonly Opened[];
  readonly cert: Uint8Array | null;
}

export type TabMessage =
  /** `live`: of the sender's own session; otherwise the relay's. */
  | { readonly kind: "envelopes"; readonly doc: DocId; readonly live: boolean; readonly envelopes: readonly TabEnvelope[] }
  | { readonly kind: "snapshot"; readonly doc: DocId; readonly claims: readonly Head[]; readonly file: Uint8Array }
  /** A word of presence; `near`: of the sender's own session, otherwise the relay's. */
  | { readonly kind: "presence"; readonly doc: DocId; readonly near: boolean; readonly cert: Uint8Array | null; readonly envelope: Uint8Array }
  /** Tabs may have other lists of relays: `relay` is its address. `store`: what of it has them. `waived`: shown although it was asked in vain for something that they name. */
  | { readonly kind: "relayHas"; readonly doc: DocId; readonly relay: string; readonly store: string | null; readonly reset: boolean; readonly known: readonly Known[]; readonly waived: readonly Known[] }
  /** `place`: of the relay in the sender's list. */
  | { readonly kind: "relayState"; readonly place: number; readonly relay: string; readonly state: number }
  | { readonly kind: "keyed"; readonly doc: DocId; readonly genesis: Uint8Array }
  /** The owner's word on where it goes on; `stands`: a relay has it. */
  | { readonly kind: "successor"; readonly doc: DocId; readonly statement: Uint8Array; readonly stands: boolean }
  /** A session signed two histories, and the device has the proof. */
  | { readonly kind: "proven"; readonly doc: DocId; readonly session: SessionId; readonly bare: boolean }
  /** Documents that the sender, `tab`, has open, in answer to `who` and whenever that changes. */
  | { readonly kind: "open" | "closed"; readonly tab: string; readonly docs: readonly DocId[] }
  | { readonly kind: "who" }
  | { readonly kind: "pause"; readonly paused: boolean }
  | { readonly kind: "head"; readonly doc: DocId; readonly head: HeadRecord }
  /** Its key may do more than before, or it is here again. */
  | { readonly kind: "secret"; readonly doc: DocId }
  | { readonly kind: "forgot"; readonly doc: DocId };

export class Tabs {
  readonly #prefix: string;
  /** Null where there are none, or where this browser turned out to refuse them: then this vault goes on as if it were alone. */
  #locks: VaultEnv["locks"];
  readonly #channel: Channel | null;
  readonly #ends: AbortController = new AbortController();
  readonly #releases: Set<() => void> = new Set();
  readonly #failed: (e: FreeholdError) => void;

  readonly #tab: string;
  /** The lock that shows that this tab is there is held. */
  readonly #here: Promise<unknown>;

  /** `failed` hears, once, that this browser refuses locks. */
  constructor(name: string, env: Pick<VaultEnv, "locks" | "openChannel" | "random">, receive: (message: TabMessage) => void, failed: (e: FreeholdError) => void) {
    this.#failed = failed;
    this.#prefix = `freehold/${name}`;
    this.#locks = env.locks;
    this.#channel = env.openChannel?.(this.#prefix) ?? null;
    this.#tab = toBase64url(env.random(16));
    this.#here = new Promise((resolve) => {
      if (this.#locks === null) resolve(null);
      else void this.#hold(this.#tabLock(this.#tab), resolve);
    });
    if (this.#channel !== null) this.#channel.onmessage = (event) => receive(event.data as TabMessage);
  }

  tell(message: TabMessage): void {
    if (!this.#ends.signal.aborted) this.#channel?.postMessage(message);
  }

  /** Tells which documents are open here, or no longer, once others can tell whether this tab is there. */
  tellOpen(kind: "open" | "closed", docs: readonly DocId[]): void { void this.#here.then(() => this.tell({ kind, tab: this.#tab, docs })); }

  /** Calls back when another tab is gone, also without a word; where there are no locks nobody can tell. */
  whenGone(tab: string, then: () => void): void {
    void this.#locks?.request(this.#tabLock(tab), { mode: "shared", signal: this.#ends.signal }, then).catch(() => undefined);
  }

  /** Calls back, never in this turn, once this vault is the one that holds the relay's socket: at once, or when the tab that does goes away. Each place in the list of relays has its own. */
  lead(place: number, begin: () => void): void {
    if (this.#locks === null) return queueMicrotask(begin);
    void this.#hold(`${this.#prefix}/relay/${place}`, begin);
  }

  /** Shows other tabs that this session is being written. Gives what ends it. */
  write(session: SessionId): () => void {
    if (this.#locks === null) return () => undefined;
    let release = (): void => undefined;
    let ended = false;
    void this.#hold(this.#sessionLock(session), (free) => {
      release = free;
      if (ended) free();
    });
    return () => {
      ended = true;
      release();
    };
  }

  /** Sessions that some tab is writing. */
  async writing(): Promise<ReadonlySet<SessionId>> {
    const prefix = this.#sessionLock("");
    const held = (await this.#locks?.query())?.held ?? [];
    return new Set(held.flatMap((l) => (l.name?.startsWith(prefix) ? [l.name.slice(prefix.length)] : [])));
  }

  /** Shows that this vault works on a document. Waits while another tab forgets it. Gives what ends it. */
  async use(doc: DocId): Promise<() => void> {
    if (this.#locks === null) return () => undefined;
    return new Promise((resolve) => {
      // A lock that is never had because everything closes is nothing to end.
      void this.#hold(this.#useLock(doc), resolve, "shared").then(() => resolve(() => undefined));
    });
  }

  /** Runs when no vault works on the document any more, nor begins to. FreeholdError("blocked") when one does not let go of it. */
  async alone<T>(doc: DocId, run: () => Promise<T>): Promise<T> {
    if (this.#locks === null) return run();
    let isMine = false;
    try {
      return await this.#locks.request(this.#useLock(doc), { signal: AbortSignal.timeout(LET_GO) }, () => {
        isMine = true;
        return run();
      }) as T;
    } catch (e) {
      if (isMine) throw e;
      throw new FreeholdError("blocked", "Another tab has this document open and does not answer.", "Close other tabs of this app, then try again.", { doc, cause: e });
    }
  }

  close(): void {
    this.#ends.abort();
    for (const release of this.#releases) release();
    this.#channel?.close();
  }

  #useLock(doc: DocId): string { return `${this.#prefix}/use/${doc}`; }
  #tabLock(tab: string): string { return `${this.#prefix}/tab/${tab}`; }
  #sessionLock(session: SessionId): string { return `${this.#prefix}/session/${session}`; }

  /** Holds a lock until it is freed or everything is closed. */
  async #hold(name: string, begin: (free: () => void) => void, mode: LockMode = "exclusive"): Promise<void> {
    let isHeld = false;
    try {
      await this.#locks!.request(name, { signal: this.#ends.signal, mode }, () => new Promise<void>((resolve) => {
        const free = (): void => {
          this.#releases.delete(free);
          resolve();
        };
        if (this.#ends.signal.aborted) return free();
        isHeld = true;
        this.#releases.add(free);
        begin(free);
      }));
    } catch (cause) {
      if (this.#ends.signal.aborted || isHeld) return;
      if (this.#locks !== null) this.#failed(new FreeholdError("blocked", "This browser does not let tabs of this app agree on who writes what.", "Use one tab of this app at a time.", { cause }));
      this.#locks = null;
      begin(() => undefined);
    }
  }
}
