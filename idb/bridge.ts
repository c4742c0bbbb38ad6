// The few IndexedDB operations that the store needs, as promises. Thin: no caching, no batching, no retries beyond one reopening.
//
// Must: `write` resolves on `complete` of one transaction with durability "strict".
// Must: every failure is a BridgeError, whose reason tells those situations apart that need different answers.
// Must: give way at once when another tab wants to upgrade or delete the database, and reopen when the connection died by itself.

import { Store, VERSION, databaseName, upgrade } from "./schema.ts";

/**
 * `quota`: no space; the database is as it was. `blocked`: another tab holds an older version open, or the browser does not answer.
 * `newer`: a newer version of the app has upgraded it. `wiped`: it was there in this life and has come back empty.
 * `missing`: what a write needs is not there; nothing was written. `failed`: anything else the browser says, in `cause`.
 */
export type Reason = "quota" | "blocked" | "newer" | "wiped" | "missing" | "failed";

export class BridgeError extends Error {
  override readonly name = "BridgeError";
  readonly reason: Reason;
  constructor(reason: Reason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

export type Key = string | readonly (string | number)[];
export type Write =
  | { readonly store: Store; readonly key: Key; readonly value: Uint8Array }
  /** Deletes one key. */
  | { readonly store: Store; readonly remove: Key }
  /** Deletes every array key that begins with these parts. */
  | { readonly store: Store; readonly removeAll: readonly string[] };

/** Keys and values of a range, in key order, index by index the same. */
export interface Found {
  readonly keys: readonly Key[];
  readonly values: readonly Uint8Array[];
}

const reasonByName: Readonly<Record<string, Reason>> = { QuotaExceededError: "quota", VersionError: "newer" };

const bridgeError = (doing: string, e: DOMException | null | unknown): BridgeError => {
  if (e instanceof BridgeError) return e;
  const name = e instanceof Error || e instanceof DOMException ? e.name : "";
  return new BridgeError(reasonByName[name] ?? "failed", `${doing}: ${e instanceof Error || e instanceof DOMException ? `${name} ${e.message}` : "aborted"}`, e);
};

/** Array keys that begin with `parts`: an empty array sorts after every string and number. */
const within = (parts: readonly string[]): IDBKeyRange => IDBKeyRange.bound([...parts], [...parts, []]);

const resultOf = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Milliseconds after which an opening that says nothing has failed: a browser that answers at all takes a fraction of that. */
const PATIENCE = 10_000;

const openDatabase = (name: string, version: number, patience: number): Promise<{ readonly db: IDBDatabase; readonly created: boolean }> =>
  new Promise((resolve, reject) => {
    const doing = `open the database ${name}`;
    let created = false;
    let gaveUp = false;
    const request = indexedDB.open(name, version);
    const giveUp = (why: string): void => {
      gaveUp = true;
      reject(new BridgeError("blocked", `${doing}: ${why}`));
    };
    const timer = setTimeout(() => giveUp(`no answer within ${patience} ms`), patience);
    request.onupgradeneeded = (e) => {
      created = e.oldVersion === 0;
      upgrade(request.result);
    };
    // `blocked` comes once and may be followed by nothing for ever, so it is the answer; a late success is closed again.
    request.onblocked = () => giveUp("another tab holds an older version of it");
    request.onerror = () => {
      clearTimeout(timer);
      reject(bridgeError(doing, request.error));
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      if (gaveUp) request.result.close();
      else resolve({ db: request.result, created });
    };
  });

/** A key without which a write must not happen. */
export interface Needed {
  readonly store: Store;
  readonly key: Key;
}

/** Puts everything into one transaction and resolves when it is complete. Throws what `put` throws. */
const submit = async (tx: IDBTransaction, writes: readonly Write[], needs?: Needed): Promise<void> => {
  let isMissing = false;
  const complete = new Promise<void>((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(isMissing ? new BridgeError("missing", `${needs?.store} has no ${String(needs?.key)}`) : bridgeError("write", tx.error));
  });
  try {
    if (needs !== undefined) {
      const request = tx.objectStore(needs.store).count(needs.key as IDBValidKey);
      request.onsuccess = () => {
        isMissing = request.result === 0;
        if (isMissing) tx.abort();
      };
    }
    for (const w of writes) {
      const store = tx.objectStore(w.store);
      if ("value" in w) store.put(w.value, w.key as IDBValidKey);
      else store.delete("remove" in w ? (w.remove as IDBValidKey) : within(w.removeAll));
    }
  } catch (e) {
    complete.catch(() => undefined);
    tx.abort();
    throw e;
  }
  return complete;
};

export class Bridge {
  readonly #name: string;
  readonly #version: number;
  readonly #patience: number;
  #db: IDBDatabase | null = null;
  #closed = false;

  private constructor(name: string, version: number, patience: number, db: IDBDatabase) {
    this.#name = name;
    this.#patience = patience;
    this.#version = version;
    this.#adopt(db);
  }

  /** `version` is for what comes after this one: a schema is tried beside the tabs that still have the old one. `patience`: milliseconds. */
  static async open(home: string, version: number = VERSION, patience: number = PATIENCE): Promise<Bridge> {
    const name = databaseName(home);
    try {
      return new Bridge(name, version, patience, (await openDatabase(name, version, patience)).db);
    } catch (e) {
      throw bridgeError(`open the database ${name}`, e);
    }
  }

  get(store: Store, key: Key): Promise<Uint8Array | undefined> {
    return this.#read(store, (s) => resultOf(s.get(key as IDBValidKey) as IDBRequest<Uint8Array | undefined>));
  }

  /** Everything in a store, or every array key that begins with `parts`. */
  all(store: Store, parts?: readonly string[]): Promise<Found> {
    const range = parts === undefined ? undefined : within(parts);
    return this.#read(store, async (s) => {
      const [keys, values] = await Promise.all([resultOf(s.getAllKeys(range)), resultOf(s.getAll(range) as IDBRequest<Uint8Array[]>)]);
      return { keys: keys as Key[], values };
    });
  }

  keys(store: Store, parts: readonly string[]): Promise<readonly Key[]> {
    return this.#read(store, (s) => resultOf(s.getAllKeys(within(parts)) as IDBRequest<Key[]>));
  }

  /** Durable; all of it or nothing. With `needs`, nothing unless that key is there. */
  async write(writes: readonly Write[], needs?: Needed): Promise<void> {
    const stores = [...new Set([...writes.map((w) => w.store), ...(needs === undefined ? [] : [needs.store])])];
    try {
      return await submit(await this.#transaction(stores, "readwrite"), writes, needs);
    } catch (e) {
      // Firefox lets the first transaction after a full disk only delete: its `put` throws, and the next transaction is an ordinary one.
      if (!(e instanceof DOMException) || e.name !== "InvalidStateError") throw bridgeError("write", e);
    }
    try {
      return await submit(await this.#transaction(stores, "readwrite"), writes, needs);
    } catch (e) {
      throw bridgeError("write", e);
    }
  }

  close(): void {
    this.#closed = true;
    this.#db?.close();
    this.#db = null;
  }

  #adopt(db: IDBDatabase): void {
    this.#db = db;
    const drop = (): void => {
      if (this.#db === db) this.#db = null;
    };
    // Another tab upgrades or deletes: holding on would block it for good.
    db.onversionchange = () => {
      db.close();
      drop();
    };
    // The browser closed it (storage cleared, disk error): the next operation finds out what is left.
    db.onclose = drop;
  }

  async #connection(): Promise<IDBDatabase> {
    if (this.#db !== null) return this.#db;
    if (this.#closed) throw new BridgeError("failed", `the database ${this.#name} was closed`);
    const { db, created } = await openDatabase(this.#name, this.#version, this.#patience);
    this.#adopt(db);
    if (created) throw new BridgeError("wiped", `the database ${this.#name} has come back empty`);
    return db;
  }

  async #transaction(stores: readonly Store[], mode: IDBTransactionMode): Promise<IDBTransaction> {
    try {
      const db = await this.#connection();
      try {
        return db.transaction(stores, mode, { durability: "strict" });
      } catch (e) {
        // The connection is closing and its event has not come yet.
        if (!(e instanceof DOMException) || e.name !== "InvalidStateError") throw e;
        this.#db = null;
        return (await this.#connection()).transaction(stores, mode, { durability: "strict" });
      }
    } catch (e) {
      throw bridgeError("begin a transaction", e);
    }
  }

  async #read<T>(store: Store, run: (s: IDBObjectStore) => Promise<T>): Promise<T> {
    const tx = await this.#transaction([store], "readonly");
    try {
      return await run(tx.objectStore(store));
    } catch (e) {
      throw bridgeError(`read ${store}`, e);
    }
  }
}
