// A device store in IndexedDB: the same frames as in files, one value per flush.
//
// Every method is one strict transaction, so nothing here can be torn; a damaged value is skipped like a damaged frame in a file.

import { Bridge, BridgeError, type Found, type Key, type Needed, type Reason, type Write } from "../../../idb/bridge.ts";
import { frameAt, type Frame } from "../../../idb/frame.ts";
import {
  FORMAT, decodeEntries, decodeHead, decodeMarker, decodeMarks, decodeStatement, decodeSecret, decodeSnapshot, encodeEntries, encodeHead, encodeMarker, encodeMarks, encodeStatement, encodeSecret,
  encodeSnapshot,
} from "../../../idb/record.ts";
import { Store } from "../../../idb/schema.ts";
import type { DocId, HeadRecord, SessionId } from "../protocol.ts";
import { gather, retained } from "./coverage.ts";
import type { DeviceStore, RelayMark, StoreCode, StoredDoc, StoredEnvelope, StoredStatement, StoredSecret, StoredSnapshot } from "./store.ts";
import { StoreError } from "./storeerror.ts";

const MARKER = "marker";
const codeByReason: Readonly<Record<Reason, StoreCode>> = { quota: "quota", blocked: "blocked", newer: "newer-format", wiped: "evicted", missing: "storage-lost", failed: "storage-lost" };

const frameOf = (value: Uint8Array | undefined): Frame | null => (value === undefined ? null : frameAt(value, 0));
const lastPart = (key: Key): number => Number(key[key.length - 1]);

/** Nothing is written beside a missing secret: nobody could open it. */
const secretOf = (doc: DocId): Needed => ({ store: Store.secrets, key: doc });

const attempt = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (e) {
    throw e instanceof BridgeError ? new StoreError(codeByReason[e.reason], e.message, e) : e;
  }
};

export class IdbStore implements DeviceStore {
  readonly kind = "indexeddb";
  readonly #name: string;
  #bridge: Bridge | null = null;
  /** Next record number by document and writer; read from the database once. */
  readonly #nextByKey = new Map<string, Promise<{ n: number }>>();

  constructor(name: string) {
    this.#name = name;
  }

  open(): Promise<{ readonly fresh: boolean }> {
    return attempt(async () => {
      this.#bridge?.close();
      const bridge = await Bridge.open(this.#name);
      this.#bridge = bridge;
      const value = await bridge.get(Store.meta, MARKER);
      const format = decodeMarker(frameOf(value));
      if (format !== null && format > FORMAT) {
        bridge.close();
        throw new StoreError("newer-format", `the database has format ${format}; this version knows ${FORMAT}`);
      }
      if (format === null) await bridge.write([{ store: Store.meta, key: MARKER, value: encodeMarker() }]);
      // A kill between the making of the database and its marker leaves it made and empty: fresh still.
      return { fresh: value === undefined };
    });
  }

  list(): Promise<ReadonlyArray<{ readonly secret: StoredSecret; readonly head: HeadRecord | null }>> {
    return attempt(async () => {
      const [secrets, heads] = await Promise.all([this.#db().all(Store.secrets), this.#db().all(Store.heads)]);
      const headById = new Map(heads.keys.map((key, i) => [key, decodeHead(frameOf(heads.values[i]))?.value ?? null]));
      return secrets.values.flatMap((value) => {
        const secret = decodeSecret(frameOf(value));
        return secret === null ? [] : [{ secret, head: headById.get(secret.doc) ?? null }];
      });
    });
  }

  /** Nothing is written without its key, in one transaction. */
  async strays(): Promise<readonly DocId[]> { return []; }

  load(doc: DocId): Promise<StoredDoc | null> {
    return attempt(async () => {
      const db = this.#db();
      const [value, snapshots, records, marks, statements] = await Promise.all([
        db.get(Store.secrets, doc), db.all(Store.snapshots, [doc]), db.all(Store.records, [doc]), db.all(Store.marks, [doc]), db.all(Store.proofs, [doc]),
      ]);
      const secret = decodeSecret(frameOf(value));
      if (secret === null) return null;
      const entries = records.values.flatMap((v) => decodeEntries(frameOf(v)) ?? []);
      return {
        secret, ...gather(whole(snapshots), entries),
        marks: marks.values.flatMap((v) => decodeMarks(frameOf(v))?.value ?? []), statements: statements.values.flatMap((v) => decodeStatement(frameOf(v)) ?? []),
      };
    });
  }

  putSecret(secret: StoredSecret): Promise<void> {
    return this.#write([{ store: Store.secrets, key: secret.doc, value: encodeSecret(secret) }]);
  }

  append(doc: DocId, writer: SessionId, envelopes: readonly StoredEnvelope[], certs: StoredDoc["certs"]): Promise<void> {
    return attempt(async () => {
      const value = encodeEntries({ envelopes, certs });
      const counter = await this.#counter(doc, writer);
      return this.#db().write([{ store: Store.records, key: [doc, writer, counter.n++], value }], secretOf(doc));
    });
  }

  checkpoint(doc: DocId, _writer: SessionId, snapshot: StoredSnapshot): Promise<void> {
    return attempt(async () => {
      await this.#db().write([{ store: Store.snapshots, key: [doc, snapshot.generation], value: encodeSnapshot(snapshot) }], secretOf(doc));
      const found = await this.#db().all(Store.snapshots, [doc]);
      const { kept, isSuperfluous } = retained(whole(found));
      const generations = new Set(kept.map((s) => s.generation));
      const drop: Write[] = found.keys.filter((key) => !generations.has(lastPart(key))).map((remove) => ({ store: Store.snapshots, remove }));
      if (kept.length > 1) {
        // A record that a live writer of another tab made is dropped too: it is a value of its own, nothing is written behind it.
        const records = await this.#db().all(Store.records, [doc]);
        records.values.forEach((value, i) => {
          const entries = decodeEntries(frameOf(value));
          const remove = records.keys[i];
          if (entries !== null && remove !== undefined && isSuperfluous(entries)) drop.push({ store: Store.records, remove });
        });
      }
      if (drop.length > 0) await this.#db().write(drop);
    });
  }

  putStatement(doc: DocId, statement: StoredStatement): Promise<void> {
    return this.#write([{ store: Store.proofs, key: [doc, statement.session], value: encodeStatement(statement) }], secretOf(doc));
  }

  putHead(head: HeadRecord): Promise<void> {
    return this.#write([{ store: Store.heads, key: head.id, value: encodeHead(0, head) }], secretOf(head.id));
  }

  putMark(doc: DocId, mark: RelayMark): Promise<void> {
    return this.#write([{ store: Store.marks, key: [doc, mark.relay], value: encodeMarks(0, [mark]) }], secretOf(doc));
  }

  forget(doc: DocId): Promise<void> {
    for (const key of this.#nextByKey.keys()) if (key.startsWith(`${doc}/`)) this.#nextByKey.delete(key);
    return this.#write([
      { store: Store.secrets, remove: doc },
      { store: Store.heads, remove: doc },
      { store: Store.records, removeAll: [doc] },
      { store: Store.marks, removeAll: [doc] },
      { store: Store.snapshots, removeAll: [doc] },
      { store: Store.proofs, removeAll: [doc] },
    ]);
  }

  async release(doc: DocId, writer: SessionId): Promise<void> {
    this.#nextByKey.delete(`${doc}/${writer}`);
  }

  async close(): Promise<void> {
    this.#bridge?.close();
    this.#bridge = null;
  }

  #db(): Bridge {
    if (this.#bridge === null) throw new StoreError("storage-lost", "the database is not open");
    return this.#bridge;
  }

  #write(writes: readonly Write[], needs?: Needed): Promise<void> {
    return attempt(async () => this.#db().write(writes, needs));
  }

  /** Two appends at once share one counter, also while it is being read. */
  #counter(doc: DocId, writer: SessionId): Promise<{ n: number }> {
    const key = `${doc}/${writer}`;
    const known = this.#nextByKey.get(key);
    if (known !== undefined) return known;
    const reading = attempt(async () => {
      const last = (await this.#db().keys(Store.records, [doc, writer])).at(-1);
      return { n: last === undefined ? 0 : lastPart(last) + 1 };
    });
    this.#nextByKey.set(key, reading);
    reading.catch(() => this.#nextByKey.delete(key));
    return reading;
  }
}

/** The snapshots that are whole. */
const whole = (found: Found): readonly StoredSnapshot[] => found.values.flatMap((v) => decodeSnapshot(frameOf(v)) ?? []);
