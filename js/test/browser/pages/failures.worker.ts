// Stores in trouble: what happens around them is done by the browser's own means.

import { Bridge, BridgeError } from "../../../../idb/bridge.ts";
import { Store, VERSION, databaseName } from "../../../../idb/schema.ts";
import { openCopies } from "../../../src/store/copies.ts";
import { opfsFiles } from "../../../src/store/opfs.ts";
import type { Copies } from "../../../src/store/store.ts";
import { StoreError } from "../../../src/store/storeerror.ts";
import { certOf, docId, envelope, headOf, secretOf, sessionId, snapshotOf } from "../../harness/contract.ts";
import { answer } from "./ops.ts";

const doc = docId(1);
const problems: string[] = [];
let copies: Copies;
let session = 0;

const rawOpen = (home: string, version: number): Promise<IDBDatabase> =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(databaseName(home), version);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
const reasonOf = async (run: () => Promise<unknown>): Promise<string> => {
  try {
    await run();
    return "none";
  } catch (e) {
    return e instanceof BridgeError ? e.reason : String(e);
  }
};
const put = (bridge: Bridge): Promise<void> => bridge.write([{ store: Store.meta, key: "x", value: new Uint8Array(3) }]);

/** Sealed bytes do not compress, and browsers compress. */
const noise = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

answer({
  open: async (name: string, life: number) => {
    session = life;
    copies = await openCopies(name, { onProblem: (p) => problems.push(`${p.store} ${p.code}${p.recovered ? " recovered" : ""}`) });
    await copies.settled();
    if ((await copies.load(doc)) === null) await copies.putSecret(secretOf(1));
    return copies.copies;
  },
  /** Removes a folder one of whose files is held meanwhile; gives what is left. */
  removeHeld: async (ms: number) => {
    const files = opfsFiles("held");
    await files.prepare();
    const file = await files.open("d", "f");
    const removed = files.removeDir("d");
    await new Promise((go) => setTimeout(go, ms)); // the first try has to find it held
    await file.close();
    await removed;
    return [...await files.dirs()];
  },
  /** Appends one envelope; gives the copies, or the code of the failure. */
  append: async (seq: number, length: number) => {
    try {
      return (await copies.append(doc, sessionId(session), [{ session: sessionId(session), seq, bytes: noise(length) }], [certOf(session)])).copies;
    } catch (e) {
      return e instanceof StoreError ? e.code : String(e);
    }
  },
  /** Appends until the copies are so many, or `ms` have passed. */
  appendUntil: async (wanted: number, ms: number) => {
    const end = performance.now() + ms;
    for (let seq = 1; copies.copies !== wanted && performance.now() < end; seq++) await copies.append(doc, sessionId(session), [envelope(session, seq)], []);
    return copies.copies;
  },
  /** As `append`, once the repair that follows has opened the store again. */
  appendWhenOpen: async (seq: number) => {
    await copies.load(doc).catch(() => null);
    await copies.settled();
    return copies.append(doc, sessionId(session), [envelope(session, seq)], []).then((r) => r.copies, (e: unknown) => (e instanceof StoreError ? e.code : String(e)));
  },
  found: async () => {
    const found = await copies.load(doc);
    await copies.settled();
    return (found?.envelopes ?? []).map((e) => e.seq).sort((a, b) => a - b);
  },
  checkpoints: async (generation: number, covered: ReadonlyArray<readonly [number, number]>) => {
    for (const g of [generation, generation + 1]) await copies.checkpoint(doc, sessionId(session), snapshotOf(g, covered.map(([s, seq]) => headOf(s, seq))));
    return copies.copies;
  },
  problems: () => problems.splice(0),
  copies: () => copies.copies,
  deleteDatabase: (name: string) =>
    new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase(databaseName(name));
      request.onblocked = () => resolve("blocked");
      request.onsuccess = () => resolve("deleted");
      request.onerror = () => reject(request.error);
    }),

  bridge: async () => {
    const seen: Record<string, string> = {};
    // A tab with an old version that does not give way.
    const stubborn = await rawOpen("old", 1);
    seen["an older tab that holds on"] = await reasonOf(() => Bridge.open("old", 2));
    stubborn.close();

    const mine = await Bridge.open("given");
    const next = await Bridge.open("given", VERSION + 1);
    seen["a newer tab is let through"] = await reasonOf(() => put(next));
    seen["after a newer tab has upgraded"] = await reasonOf(() => put(mine));
    next.close();

    const emptied = await Bridge.open("emptied");
    await put(emptied);
    await new Promise((resolve) => (indexedDB.deleteDatabase(databaseName("emptied")).onsuccess = resolve));
    seen["after a deletion, the first use"] = await reasonOf(() => put(emptied));
    seen["after a deletion, the second use"] = await reasonOf(() => put(emptied));
    emptied.close();
    // An upgrade that never ends: whoever opens behind it hears nothing at all.
    const endless = indexedDB.open(databaseName("silent"), VERSION);
    const isStuck = new Promise<void>((resolve) => {
      endless.onupgradeneeded = () => {
        const store = endless.result.createObjectStore("busy");
        const goOn = (): void => void (store.get("x").onsuccess = goOn);
        goOn();
        resolve();
      };
    });
    await isStuck;
    seen["an opening that is never answered"] = await reasonOf(() => Bridge.open("silent", VERSION, 300));
    endless.transaction?.abort();
    seen["after close"] = await reasonOf(() => put(emptied));
    return seen;
  },
});
