// Large envelopes of long ago in R2, where that is bound.
//
// Must: a key is noted before anything is put under it, an envelope says that it is away after all of it is put, and what is under a key
// goes before the note. So whenever this is cut off, the envelope is here or there, and what is under a key that no envelope names is found.

import type { Cold, Store } from "./store.ts";

export class Away {
  readonly #bucket: R2Bucket | undefined;
  /** What is fetched, one at a time: each may be 16 MiB. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(bucket: R2Bucket | undefined) {
    this.#bucket = bucket;
  }

  /** What is under a key. */
  fetch(key: string): Promise<Uint8Array> {
    const fetched = this.#last.then(async () => {
      const found = await this.#bucket?.get(key);
      if (!found) throw new Error("R2 does not have an envelope that was put there");
      return new Uint8Array(await found.arrayBuffer());
    });
    this.#last = fetched.catch(() => undefined);
    return fetched;
  }

  /** Whether there is something to do for `tidy`. */
  wants(store: Store): boolean {
    return this.#bucket !== undefined && store.hasCold;
  }

  /** Moves what is cold, and removes what nothing names. */
  async tidy(store: Store, storage: DurableObjectStorage): Promise<void> {
    if (this.#bucket === undefined) return;
    for (const one of store.cold()) await this.#move(this.#bucket, one, store, storage);
    const orphans = store.orphans();
    if (orphans.length === 0) return;
    await this.#bucket.delete([...orphans]);
    store.forget(orphans);
  }

  async #move(bucket: R2Bucket, one: Cold, store: Store, storage: DurableObjectStorage): Promise<void> {
    store.expect(one.key);
    await storage.sync();
    await bucket.put(one.key, new Blob([...one.parts()] as Uint8Array<ArrayBuffer>[]));
    store.sent(one);
  }
}
