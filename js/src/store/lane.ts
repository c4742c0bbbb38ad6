// One store as the device copy sees it: whether it is open, and what it is known to lack.

import type { DocId } from "../protocol.ts";
import type { DeviceStore, StoreProblem } from "./store.ts";
import { StoreError, toStoreError } from "./storeerror.ts";

/** Milliseconds between two attempts to bring a failed store back. */
const RETRY = 2000;

export class Lane {
  readonly store: DeviceStore;
  /** Hears of everything that may have changed `isOpen` or `behind`. */
  onChange: () => void = () => undefined;
  /** How often an operation failed: a repair that a failure ran into has not healed anything. */
  failures = 0;
  readonly #behind: Set<DocId> = new Set();
  #isOpen = false;
  /** Why it is not. */
  #reason: StoreError | null = null;
  #wasOpen = false;
  #wasEmptied = false;
  #triedAt = -Infinity;
  #saidByDoc = new Map<DocId | "", string>();
  readonly #onProblem: (p: StoreProblem) => void;
  readonly #now: () => number;

  constructor(store: DeviceStore, onProblem: (p: StoreProblem) => void, now: () => number) {
    this.store = store;
    this.#onProblem = onProblem;
    this.#now = now;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }
  /** Documents of which this store lacks something, as far as is known. */
  get behind(): ReadonlySet<DocId> {
    return this.#behind;
  }
  /** Holds everything that was acknowledged. */
  get isWhole(): boolean {
    return this.#isOpen && this.#behind.size === 0;
  }
  /** Has lost what it had, and was not filled again so far. */
  get isEmptied(): boolean {
    return this.#wasEmptied;
  }
  /** True at most once per RETRY: the caller then tries. */
  get isDue(): boolean {
    if (this.isWhole || this.#now() - this.#triedAt < RETRY) return false;
    this.#triedAt = this.#now();
    return true;
  }

  /** Null when it does not open; the problem has been said. `isKnown`: the device copy had a life before this one. */
  async open(isKnown: boolean): Promise<{ readonly fresh: boolean } | null> {
    this.#triedAt = this.#now();
    try {
      const opened = await this.store.open();
      this.#setOpen(true);
      if (opened.fresh && (isKnown || this.#wasOpen)) this.setEmptied();
      this.#wasOpen = true;
      return opened;
    } catch (e) {
      this.#reason = toStoreError(e, `open the ${this.store.kind} store`);
      this.fail(this.#reason);
      return null;
    }
  }

  /** Runs one operation; a failure is said once per document and code until `heal`, and leaves the store behind on that document. */
  async run<T>(doc: DocId, doing: string, operation: (s: DeviceStore) => Promise<T>): Promise<{ readonly value: T } | StoreError> {
    if (!this.#isOpen) {
      this.lag(doc);
      return this.#reason ?? new StoreError("storage-lost", `the ${this.store.kind} store is not open`);
    }
    try {
      return { value: await operation(this.store) };
    } catch (e) {
      const error = toStoreError(e, `${doing} in the ${this.store.kind} store`);
      // Where something is known to be missing, "missing" is no news.
      const isNews = !this.#behind.has(doc) || error.code !== "storage-lost";
      this.lag(doc);
      this.failures++;
      if (error.code === "evicted") this.#setOpen(false);
      if (isNews) this.fail(error, doc);
      return error;
    }
  }

  /** Runs what nothing is lost without. Its failure counts only when it shows that the store was emptied in the middle of this life. */
  async attempt(doing: string, operation: (s: DeviceStore) => Promise<void>): Promise<void> {
    try {
      await operation(this.store);
    } catch (e) {
      const error = toStoreError(e, `${doing} in the ${this.store.kind} store`);
      if (error.code !== "evicted") return;
      this.#setOpen(false);
      this.fail(error);
    }
  }

  fail(error: StoreError, doc?: DocId): void {
    if (this.#saidByDoc.get(doc ?? "") === error.code) return;
    this.#saidByDoc.set(doc ?? "", error.code);
    this.#say(error, false, doc);
  }

  /** Something of this document is missing here. */
  lag(doc: DocId): void {
    this.#behind.add(doc);
    this.onChange();
  }

  /** Nothing of this document is missing here any more. */
  heal(doc: DocId): void {
    this.#behind.delete(doc);
    this.#saidByDoc.delete(doc);
    if (this.#behind.size === 0) this.#saidByDoc.delete("");
    this.onChange();
  }

  /** The store has lost what it had; said once it is whole again. */
  setEmptied(): void {
    this.#wasEmptied = true;
  }

  sayIfRecovered(): void {
    if (!this.#wasEmptied || !this.isWhole) return;
    this.#wasEmptied = false;
    this.#say(new StoreError("storage-lost", `the ${this.store.kind} store was found empty and was filled again from the other`), true);
  }

  async close(): Promise<void> {
    if (this.#isOpen) await this.store.close();
    this.#setOpen(false);
  }

  /** A store that was emptied is closed: opening it again makes it a store once more, and the repair fills it. */
  #setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.onChange();
  }

  #say(error: StoreError, recovered: boolean, doc?: DocId): void {
    const base = { code: error.code, message: error.message, hint: recovered ? "Nothing is missing: the other copy on this device had it." : error.hint, store: this.store.kind, recovered };
    this.#onProblem(doc === undefined ? base : { ...base, doc });
  }
}
