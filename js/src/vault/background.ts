// Documents that no page of this vault has open and that are synced all the same: those of other tabs, and those of which the
// relay lacks something, be it that a page closed them too early, that the relay is another one or that it lost its disk; and those of
// a shared home that changed there (lookout.ts).

import { HOME_TYPE, type DocId, type Problem } from "../protocol.ts";
import type { Copies, RelayMark, StoredDoc, StoredSecret } from "../store/store.ts";
import { claimsOf, coversOf } from "../store/coverage.ts";
import { successorIn } from "../store/statements.ts";
import type { Document } from "./document.ts";
import type { Changed } from "../wire/wire.ts";
import type { Hub } from "./hub.ts";
import { Lookout } from "./lookout.ts";
import { errorToProblem } from "./problems.ts";

/** How long one document is waited for before the next one is sent beside it, in milliseconds. */
const PATIENCE = 10_000;
/** The wait before one that could not be begun is begun once more, in milliseconds; doubles up to the last. */
const FIRST_RETRY = 1_000;
const LAST_RETRY = 60_000;
/** A relay is looked through so often within `MEMORY` milliseconds. One that goes on being another one is brought no closed documents. */
const MOST_FILLS = 4;
const MEMORY = 3_600_000;

/** A look through all documents for what a relay lacks. */
interface Fill {
  readonly store: string | null;
  readonly wasPutBack: boolean;
  /** When it was done. */
  ended: number;
}

/** What it needs of the vault. */
export interface BackgroundEnds {
  readonly copies: Copies;
  hub(): Promise<Hub>;
  /** Of every document on this device. */
  readonly secretById: ReadonlyMap<DocId, StoredSecret>;
  /** The document changed last: the one of which a relay that was put back most likely lacks something. */
  newest(): DocId | null;
  inLane<T>(doc: DocId, run: () => Promise<T>): Promise<T>;
  /** A document that no page has open, read and started. */
  begin(hub: Hub, doc: DocId): Promise<Document>;
  problem(p: Problem): void;
  /** Whether closed documents are fetched when they changed. */
  readonly syncAll: boolean;
  /** From 0 to 1. */
  random(): number;
  /** In milliseconds. */
  now(): number;
}

export class Background {
  readonly #ends: BackgroundEnds;
  /** The last `MOST_FILLS` of each relay, oldest first. */
  readonly #fillsByRelay: Map<string, readonly Fill[]> = new Map();
  #filling: Promise<void> = Promise.resolve();
  /** That of the home, if its relay may be asked about it; and whether a look at it waits for what is being filled. */
  #list: DocId | null = null;
  #isWaiting = false;
  readonly #lookout: Lookout;
  /** Documents that could not be begun: each is to be once more. */
  readonly #retryByDoc: Map<DocId, { readonly wait: number; readonly timer: ReturnType<typeof setTimeout> }> = new Map();

  constructor(ends: BackgroundEnds) {
    this.#ends = ends;
    this.#lookout = new Lookout({
      here: () => new Set(ends.secretById.keys()),
      ask: (list, sums, add) => void ends.hub().then((hub) => hub.check(list, sums, add.flatMap((doc) => ends.secretById.get(doc) ?? []))),
      fetch: (doc) => this.#fetch(doc),
      random: () => ends.random(),
    });
  }

  /** The relay answered what was asked about a list; null: it refused. */
  checked(changed: Changed | null): void { void this.#lookout.hear(changed); }

  close(): void {
    for (const { timer } of this.#retryByDoc.values()) clearTimeout(timer);
    this.#end();
  }

  /** Other tabs have these open, and this one talks to the relay. */
  async adopt(docs: readonly DocId[]): Promise<void> {
    for (const doc of docs) await this.#carry(doc, async () => true);
  }

  /** Syncs a document that was just closed until the relay has all of it. In its lane. */
  keep(hub: Hub, doc: DocId): Promise<Document | null> { return this.#start(hub, doc, async () => true); }

  /** Other tabs closed these: what is here of them for those goes when the relay has all of it. Who has them open still says so, and they are opened again. */
  release(hub: Hub, docs: readonly DocId[]): void {
    for (const doc of docs) {
      const document = hub.document(doc);
      if (document !== undefined && !document.attached) this.#closeWhenSent(hub, document);
    }
  }

  #closeWhenSent(hub: Hub, document: Document): void {
    void document.sent().then(() => this.#ends.inLane(document.id, async () => {
      if (hub.document(document.id) === document && !hub.isOpenElsewhere(document.id)) await hub.remove(document);
    }));
  }

  /** With no document open no relay is asked anything. One is enough to learn which store it has. */
  async probe(): Promise<void> {
    const hub = await this.#ends.hub();
    if (!hub.leads || [...hub.documents].length > 0) return;
    for (const { doc, genesis } of this.#ends.secretById.values()) if (genesis !== null) return void (await this.#carry(doc, async () => true));
  }

  /** A connection stands, and one document was greeted. With the newest a relay that was put back gives itself away. */
  look(greeted: DocId): void {
    const doc = this.#ends.newest();
    if (doc !== null && doc !== greeted) void this.#carry(doc, async () => true);
  }

  /**
   * A relay said which store it has. The first time, and when it is another one than before, each document of which that store lacks
   * something is sent there, one after the other; each document at all when it was put back to an older state, for then nothing holds that
   * it said before. A relay that has this done too often waits, until it says so again later.
   */
  meet(relay: string, store: string | null, wasPutBack: boolean, welcomed: DocId): void {
    const fills = this.#fillsByRelay.get(relay) ?? [];
    const last = fills.at(-1);
    if (last?.store !== store || (wasPutBack && !(last.wasPutBack && last.ended === Infinity))) {
      if (fills.length === MOST_FILLS && this.#ends.now() - fills[0]!.ended < MEMORY) return this.#end();
      const fill: Fill = { store, wasPutBack, ended: Infinity };
      this.#fillsByRelay.set(relay, [...fills, fill].slice(-MOST_FILLS));
      this.#filling = this.#filling.then(() => this.#fill(relay, fill));
    }
    if (this.#ends.syncAll && this.#ends.secretById.get(welcomed)?.type === HOME_TYPE) void this.#begin(welcomed);
  }

  async #fill(relay: string, fill: Fill): Promise<void> {
    this.#lookout.forget();
    const isThere = (m: RelayMark): boolean => m.relay === relay && (fill.store === null || m.store === fill.store);
    for (const doc of [...this.#ends.secretById.keys()]) {
      const document = await this.#carry(doc, async () => {
        const stored = await this.#ends.copies.load(doc);
        const mark = stored?.marks.find(isThere);
        this.#lookout.know(doc, mark?.cursor ?? 0);
        return stored !== null && (fill.wasPutBack || lacks(stored, mark));
      });
      if (document !== null) await within(document.sent(), PATIENCE);
    }
    fill.ended = this.#ends.now();
  }

  /** Looks at a list once nothing is being filled. However often it is asked to, one waits. */
  async #begin(list: DocId): Promise<void> {
    this.#list = list;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    for (let done: Promise<void> | null = null; done !== this.#filling;) await (done = this.#filling);
    this.#isWaiting = false;
    if (this.#list !== null) void this.#lookout.begin(this.#list);
  }

  #end(): void {
    this.#list = null;
    this.#lookout.end();
  }

  async #fetch(doc: DocId): Promise<boolean> {
    const document = (await this.#ends.hub()).document(doc) ?? (await this.#carry(doc, async () => true));
    if (document !== null) await within(document.sent(), PATIENCE);
    return document?.isEven === true;
  }

  async #carry(doc: DocId, isNeeded: () => Promise<boolean>): Promise<Document | null> {
    const hub = await this.#ends.hub();
    return this.#ends.inLane(doc, () => this.#start(hub, doc, isNeeded));
  }

  /** Null when it is open already, nothing is to be done, or it could not be begun now. In its lane. */
  async #start(hub: Hub, doc: DocId, isNeeded: () => Promise<boolean>): Promise<Document | null> {
    const isIdle = (): boolean => !hub.stopped && hub.relays.length > 0 && hub.document(doc) === undefined;
    let document: Document | null = null;
    try {
      if (isIdle() && (await isNeeded()) && isIdle()) {
        document = await this.#ends.begin(hub, doc);
        this.#closeWhenSent(hub, document);
      }
    } catch (e) {
      if (!hub.stopped) this.#startLater(hub, doc, e);
      return null;
    }
    clearTimeout(this.#retryByDoc.get(doc)?.timer);
    this.#retryByDoc.delete(doc);
    return document;
  }

  /** Why not is said once. */
  #startLater(hub: Hub, doc: DocId, e: unknown): void {
    const before = this.#retryByDoc.get(doc);
    if (before === undefined) this.#ends.problem(errorToProblem(e, doc));
    clearTimeout(before?.timer);
    const wait = before === undefined ? FIRST_RETRY : Math.min(2 * before.wait, LAST_RETRY);
    const isStillHere = async (): Promise<boolean> => this.#ends.secretById.has(doc) || hub.isOpenElsewhere(doc);
    this.#retryByDoc.set(doc, { wait, timer: setTimeout(() => void this.#carry(doc, isStillHere), wait) });
  }
}

/** Whether a store of a relay lacks something of a document, as far as was remembered. */
const lacks = (stored: StoredDoc, mark: RelayMark | undefined): boolean => {
  const knownBySession = new Map(mark?.known.map((k) => [k.session, k.seq]));
  // Whether it has the owner's word on where the document goes on is not remembered.
  return successorIn(stored) !== null || [...stored.envelopes, ...coversOf(stored), ...claimsOf(stored)].some((e) => e.seq > (knownBySession.get(e.session) ?? -1));
};

const within = async (done: Promise<void>, ms: number): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([done, new Promise<void>((resolve) => { timer = setTimeout(resolve, ms); })]);
  clearTimeout(timer);
};
