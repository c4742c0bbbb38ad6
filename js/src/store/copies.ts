// The device copy: one or two stores written as one. What one of them lost comes back from the other.
//
//   append ──▶ lane opfs ──▶ flushed ──┐
//          └─▶ lane idb ───▶ complete ─┴─▶ durable
//
// A lane that fails is `behind` on that document. Repair reads the document from every lane, and gives each what it lacks; it runs after
// opening, after a load that found a difference, and with the next write once the failed lane has had a rest.

import { toBase64url } from "../ids.ts";
import type { DocId, HeadRecord, SessionId } from "../protocol.ts";
import { FileStore } from "./filestore.ts";
import { IdbStore } from "./idbstore.ts";
import { Lane } from "./lane.ts";
import { lockedBy, type Locked } from "./locked.ts";
import { hasSyncHandles, opfsFiles } from "./opfs.ts";
import type { Copies, CopiesOptions, DeviceStore, Merge, RelayMark, StoredDoc, StoredEnvelope, StoredStatement, StoredSecret, StoredSnapshot } from "./store.ts";
import { StoreError, toStoreError } from "./storeerror.ts";
import { betterSecret, inBatches, isStillMissing, type Missing, missingFrom, unionDocs } from "./union.ts";

type Listed = Awaited<ReturnType<DeviceStore["list"]>>[number];
/** How often one document is repaired in a row while writes to it go on failing. */
const TRIES = 3;

type Durable = { readonly copies: 0 | 1 | 2 };

/**
 * The stores that this browser offers in this thread. Sync handles are missing in WebKitGTK and outside dedicated workers, and in private
 * windows of Firefox the private file system refuses to open; then IndexedDB alone is the device copy.
 */
export const chooseStores = async (name: string): Promise<readonly DeviceStore[]> => {
  const stores: DeviceStore[] = [];
  if (hasSyncHandles()) {
    try {
      await navigator.storage.getDirectory();
      stores.push(new FileStore(opfsFiles(name)));
    } catch {
      // Refused by this browsing mode, which is an answer and no failure: `offered` shows it.
    }
  }
  if (typeof indexedDB !== "undefined") stores.push(new IdbStore(name));
  return stores;
};

/** Opens the device copy of the home `name`. Never rejects because a store fails: `copies` says how many work, `onProblem` why not more. */
export const openCopies = async (name: string, o: CopiesOptions = {}): Promise<Copies> => {
  const locked = lockedBy(o.locks ?? globalThis.navigator?.locks, `freehold/${name}`);
  const now = o.now ?? ((): number => performance.now());
  const stores = o.stores ?? (await chooseStores(name));
  const lanes = stores.map((s) => new Lane(s, o.onProblem ?? ((): void => undefined), now));
  // One tab at a time looks whether the stores had a life before this one, or each would take the other's first moments for a loss.
  const fresh = await locked("open", async () => {
    const opened = await Promise.all(lanes.map((lane) => lane.open(false)));
    const isKnown = opened.some((x) => x !== null && !x.fresh);
    lanes.forEach((lane, i) => {
      if (isKnown && opened[i]?.fresh === true) lane.setEmptied();
    });
    return !isKnown;
  });
  const copies = new StoreCopies(lanes, fresh, locked, o.onCopies ?? ((): void => undefined));
  if (!fresh) {
    await copies.list();
    copies.sweep();
  }
  return copies;
};

class StoreCopies implements Copies {
  readonly fresh: boolean;
  readonly offered: ReadonlyArray<DeviceStore["kind"]>;
  readonly #lanes: readonly Lane[];
  readonly #locked: Locked;
  /** Repairs write under a name of their own; nobody else appends to those records. */
  readonly #repairer: SessionId = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
  /** Differences that a load saw. A write under way looks the same, here or in another tab; only what a second look still misses is missing. */
  #suspicions: Array<{ readonly lane: Lane; readonly doc: DocId; readonly missing: Missing }> = [];
  /** Documents that are being forgotten: one store may have dropped them already, which is no loss. */
  readonly #forgetting = new Set<DocId>();
  #repair: Promise<void> | null = null;
  /** Something may have been found missing behind the back of the repair that runs. */
  #again = false;
  #closed = false;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(lanes: readonly Lane[], fresh: boolean, locked: Locked, onCopies: (copies: 0 | 1 | 2) => void) {
    this.#lanes = lanes;
    this.#locked = locked;
    this.fresh = fresh;
    this.offered = lanes.map((l) => l.store.kind);
    let told = this.copies;
    const tell = (): void => {
      if (this.copies === told || this.#closed) return;
      told = this.copies;
      onCopies(told);
    };
    for (const lane of lanes) lane.onChange = tell;
  }

  get copies(): 0 | 1 | 2 {
    return count(this.#lanes, (lane) => lane.isWhole);
  }

  copiesOf(doc: DocId): 0 | 1 | 2 {
    return count(this.#lanes, (lane) => lane.isOpen && !lane.behind.has(doc));
  }

  async list(): Promise<readonly Listed[]> {
    const listed = await this.#compare();
    this.#startRepair();
    return listed;
  }

  /** Takes away what was written behind the back of a `forget`: no store has a key for it. */
  sweep(): void { this.#sweeping = this.#sweep().catch(() => undefined); }
  async #sweep(): Promise<void> {
    for (const { store } of this.#lanes) for (const doc of await store.strays()) {
      await this.locked(doc, async () => {
        const { parts, whole } = await this.#loadAll(doc);
        if (whole === null && parts.size === this.#lanes.length && (await store.strays()).includes(doc)) await store.forget(doc);
      });
    }
  }

  /** The union of the lists; a lane that lacks a document is behind on it. */
  async #compare(): Promise<readonly Listed[]> {
    const lists = await Promise.all(this.#lanes.map(async (lane) => {
      if (!lane.isOpen) return null;
      try {
        return await lane.store.list();
      } catch (e) {
        lane.fail(toStoreError(e, `list the ${lane.store.kind} store`));
        return null;
      }
    }));
    const listedById = new Map<DocId, Listed>();
    for (const entry of lists.flatMap((l) => l ?? [])) {
      const known = listedById.get(entry.secret.doc);
      listedById.set(entry.secret.doc, known === undefined ? entry : { secret: betterSecret(known.secret, entry.secret), head: newerHead(known.head, entry.head) });
    }
    lists.forEach((list, i) => {
      const has = new Set(list?.map((e) => e.secret.doc));
      for (const doc of listedById.keys()) if (!has.has(doc) && !this.#forgetting.has(doc)) this.#lanes[i]?.lag(doc);
    });
    return [...listedById.values()];
  }

  async load(doc: DocId): Promise<StoredDoc | null> {
    const { parts, whole, unread } = await this.#loadAll(doc);
    if (whole !== null) {
      for (const [lane, part] of parts) {
        const missing = missingFrom(part, whole);
        if (missing !== null) this.#suspicions.push({ lane, doc, missing });
      }
    }
    if (whole !== null || unread !== null) this.#startRepair();
    if (whole === null && unread !== null) throw unread; // it may be there
    return whole;
  }

  locked<T>(doc: DocId, run: () => Promise<T>): Promise<T> { return this.#locked(`copy/${doc}`, run); }

  putSecret(secret: StoredSecret, merge: Merge = (has) => (has === null ? secret : betterSecret(secret, has))): Promise<Durable & { readonly secret: StoredSecret }> {
    return this.locked(secret.doc, async () => {
      const { whole, read } = await this.#replaceable(secret.doc);
      const merged = await merge(whole?.secret ?? null);
      return { ...(await this.#durable(secret.doc, "keep the key", (s) => s.putSecret(merged), read)), secret: merged };
    });
  }

  append(doc: DocId, writer: SessionId, envelopes: readonly StoredEnvelope[], certs: StoredDoc["certs"]): Promise<Durable> {
    return this.#durable(doc, "append", (s) => s.append(doc, writer, envelopes, certs));
  }

  checkpoint(doc: DocId, writer: SessionId, snapshot: StoredSnapshot): Promise<Durable> {
    return this.#durable(doc, "checkpoint", (s) => s.checkpoint(doc, writer, snapshot));
  }

  /** One after the other, over all tabs: who remembers that a session forked may have looked before another hub or tab kept the proof. */
  putStatement(doc: DocId, statement: StoredStatement): Promise<Durable> {
    return this.#locked(`statement/${doc}`, async () => {
      const put = (lanes?: readonly Lane[]): Promise<Durable> => this.#durable(doc, "keep a statement", (s) => s.putStatement(doc, statement), lanes);
      if (statement.bytes.length > 0) return put();
      const { whole, read } = await this.#replaceable(doc);
      return whole?.statements.some((s) => s.session === statement.session) === true ? { copies: this.copiesOf(doc) } : put(read);
    });
  }

  async putHead(head: HeadRecord): Promise<void> {
    await this.#bestEffort("keep the head", () => true, (s) => s.putHead(head));
  }

  async putMark(doc: DocId, mark: RelayMark): Promise<void> {
    // A mark says that everything below it is here. Where that is not so, it would hide the gap for ever.
    await this.#bestEffort("keep a mark", (lane) => !lane.behind.has(doc), (s) => s.putMark(doc, mark));
  }

  async forget(doc: DocId): Promise<void> {
    const asked: Lane[] = [];
    this.#forgetting.add(doc);
    try {
      await this.settled();
      for (const lane of this.#lanes) {
        if (!lane.isOpen) throw new StoreError("blocked", `the ${lane.store.kind} store is not open, so the document would come back from it`);
      }
      // One after the other, files first: they can refuse, when another tab writes the document. Then nothing has gone yet.
      // Not while anybody repairs it or makes a checkpoint of it: that would bring part of it back.
      await this.locked(doc, async () => {
        for (const lane of this.#lanes) {
          asked.push(lane);
          await lane.store.forget(doc);
        }
      });
      for (const lane of this.#lanes) lane.heal(doc);
    } catch (e) {
      // What is left of it has to be read; then each gets back what it lacks.
      for (const lane of asked) lane.lag(doc);
      throw toStoreError(e, "forget a document");
    } finally {
      this.#forgetting.delete(doc);
      this.#startRepair();
    }
  }

  async release(doc: DocId, writer: SessionId): Promise<void> {
    await this.#bestEffort("give up a journal", () => true, (s) => s.release(doc, writer));
  }

  async settled(): Promise<void> {
    while (this.#repair !== null) await this.#repair;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#sweeping;
    await this.settled();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  async #durable(doc: DocId, doing: string, operation: (s: DeviceStore) => Promise<void>, lanes = this.#lanes): Promise<Durable> {
    const results = await Promise.all(lanes.map((lane) => lane.run(doc, doing, operation)));
    const stored = results.filter((r) => !(r instanceof StoreError)).length;
    this.#repairIfDue();
    if (stored === 0) throw results.find((r) => r instanceof StoreError) ?? new StoreError("storage-lost", "this browser offers no storage here");
    return { copies: this.copiesOf(doc) };
  }

  async #bestEffort(doing: string, isFit: (lane: Lane) => boolean, operation: (s: DeviceStore) => Promise<void>): Promise<void> {
    await Promise.all(this.#lanes.filter((lane) => lane.isOpen && isFit(lane)).map((lane) => lane.attempt(doing, operation)));
    this.#repairIfDue();
  }

  /** What is here, for whoever puts something in its place: only into what was read. Another store may have a better one; it is behind now, and the repair looks. */
  async #replaceable(doc: DocId): Promise<{ readonly whole: StoredDoc | null; readonly read: readonly Lane[] }> {
    const { parts, whole, unread } = await this.#loadAll(doc);
    if (parts.size === 0 && unread !== null) throw unread;
    return { whole, read: [...parts.keys()] };
  }

  /** `unread`: why a store could not be read, null where all were. */
  async #loadAll(doc: DocId): Promise<{ readonly parts: ReadonlyMap<Lane, StoredDoc | null>; readonly whole: StoredDoc | null; readonly unread: StoreError | null }> {
    const parts = new Map<Lane, StoredDoc | null>();
    let unread: StoreError | null = null;
    await Promise.all(this.#lanes.map(async (lane) => {
      const result = await lane.run(doc, "load", (s) => s.load(doc));
      if (result instanceof StoreError) unread ??= result;
      else parts.set(lane, result.value);
    }));
    return { parts, whole: unionDocs([...parts.values()].flatMap((p) => p ?? [])), unread };
  }

  #repairIfDue(): void {
    if (this.#lanes.some((lane) => lane.isDue)) this.#startRepair();
  }

  /** Repairs run one after the other, never in the way of a write. A lane that fails again waits for its next turn. */
  #startRepair(): void {
    if (this.#closed || (this.#suspicions.length === 0 && this.#lanes.every((lane) => lane.isWhole))) return;
    this.#again = this.#repair !== null;
    this.#repair ??= this.#repairAll().finally(() => {
      this.#repair = null;
      if (this.#again) this.#startRepair();
    });
  }

  async #repairAll(): Promise<void> {
    for (const lane of this.#lanes) if (!lane.isOpen) await lane.open(!this.fresh);
    await this.#compare();
    for (const { lane, doc, missing } of this.#suspicions.splice(0)) {
      const { parts, whole } = await this.#loadAll(doc);
      if (whole !== null && isStillMissing(missing, missingFrom(parts.get(lane) ?? null, whole))) lane.lag(doc);
    }
    for (const lane of this.#lanes) {
      for (const doc of lane.isOpen ? [...lane.behind] : []) {
        // A write that failed here meanwhile was not in what this repair read: once more, from the start.
        for (let tries = 0; tries < TRIES && !this.#closed; tries++) if (await this.#repairDoc(lane, doc)) break;
      }
      lane.sayIfRecovered();
    }
  }

  /** False when it is worth another try at once. */
  async #repairDoc(lane: Lane, doc: DocId): Promise<boolean> {
    return this.#forgetting.has(doc) || this.locked(doc, () => this.#repairNow(lane, doc));
  }
  async #repairNow(lane: Lane, doc: DocId): Promise<boolean> {
    const failures = lane.failures;
    const { parts, whole } = await this.#loadAll(doc);
    const part = parts.get(lane);
    // What cannot be read may be what is missing here.
    if (part === undefined || parts.size < this.#lanes.length) return true;
    // Nobody has it: forgotten meanwhile, or lost with this store.
    if (whole === null && lane.isEmptied) return true;
    const missing = whole === null ? null : missingFrom(part, whole);
    const healed = await lane.run(doc, "repair", async (s) => {
      if (missing === null) return;
      if (missing.secret !== null) await s.putSecret(missing.secret);
      for (const snapshot of missing.snapshots) await s.checkpoint(doc, this.#repairer, snapshot);
      for (const { envelopes, certs } of inBatches(missing)) await s.append(doc, this.#repairer, envelopes, certs);
      for (const statement of missing.statements) await s.putStatement(doc, statement);
      for (const mark of missing.marks) await s.putMark(doc, mark);
      await s.release(doc, this.#repairer);
    });
    if (healed instanceof StoreError) return true;
    if (failures !== lane.failures) return false;
    lane.heal(doc);
    return true;
  }
}

const count = (lanes: readonly Lane[], isCounted: (lane: Lane) => boolean): 0 | 1 | 2 => Math.min(2, lanes.filter(isCounted).length) as 0 | 1 | 2;

const newerHead = (a: HeadRecord | null, b: HeadRecord | null): HeadRecord | null => (a === null ? b : b === null || a.changed >= b.changed ? a : b);
