// Merging in the vault: checkpoints, snapshots that came from elsewhere, and snapshots for a relay.
//
// It has a core of its own, apart from the machine's: what a hostile file does to it stays here. Every step leaves the device
// whole: the new snapshot is durable before anything that it covers goes, and until then the old one with its tail is everything.

import type { Core } from "../core/core.ts";
import { FreeholdError, type Code } from "../errors.ts";
import { fromBase64url } from "../ids.ts";
import type { DocId, SessionId } from "../protocol.ts";
import type { Head, Known } from "./events.ts";
import { certsOf, headsOf, runsOf, tailOf } from "./loading.ts";
import { depToHead, goesOn, hashOf, type Opened } from "./payload.ts";
import { equal } from "../seal/octets.ts";
import { Verdict, type DocKeys, type Sealer, type SnapshotPayload } from "../seal/sealer.ts";
import { coversOf } from "../store/coverage.ts";
import type { Copies, SessionHead, StoredDoc } from "../store/store.ts";

const CERT = 96;
/** What the core says of bytes that no core takes (docs/BOUNDARY.md: `corrupt`, `invalid`). */
const REFUSED_EVERYWHERE: ReadonlySet<Code> = new Set<Code>(["storage-lost", "invalid"]);

/** What it works with; `locked` runs one at a time per document, over all tabs. */
export interface CompactionEnds {
  readonly copies: Copies;
  readonly sealer: Sealer;
  loadCore(): Promise<Core>;
  /** Sessions that some tab of this device writes. */
  writing(): Promise<ReadonlySet<SessionId>>;
  locked<T>(doc: DocId, run: () => Promise<T>): Promise<T>;
}

export interface Built {
  readonly file: Uint8Array;
  /** Of the state (16 bytes). */
  readonly digest: Uint8Array;
  /** Exactly what it has. */
  readonly heads: readonly Head[];
  /** What is stored and not in it, because something before it is missing. */
  readonly waiting: readonly Opened[];
}

/** A snapshot that cannot be compared with what is here. */
export const UNDECIDED = 2;
/** One that says something else than what is here, or than its writer signed for: an objection, and nothing of it is taken. */
export const REFUTED = 3;

export interface Checked {
  readonly verdict: Verdict | typeof UNDECIDED | typeof REFUTED;
  readonly note: string;
  /** It has something that is not here. */
  readonly isNews: boolean;
}

export class Compaction {
  readonly #ends: CompactionEnds;
  #core: Promise<Core> | null = null;

  constructor(ends: CompactionEnds) { this.#ends = ends; }

  /** Folds the tail into a new snapshot that says it covers `covers`. Gives the snapshot's size. */
  checkpoint(keys: DocKeys, writer: SessionId, covers: readonly Known[]): Promise<number> {
    return this.#ends.locked(keys.doc, async () => {
      const stored = await this.#load(keys.doc);
      const { file } = await this.#build(keys, stored);
      return this.#save(keys.doc, writer, stored, file, await this.#heads(stored, covers));
    });
  }

  /**
   * Makes a snapshot from elsewhere part of the device's copy. It counts as what it says it covers, but nothing of a session that is
   * written here: its envelopes stay, because the relay's chain of it has to go on. FreeholdError("relay-invalid") when it does not decode.
   */
  merge(keys: DocKeys, writer: SessionId, payload: SnapshotPayload): Promise<{ readonly size: number; readonly covers: readonly Head[] }> {
    return this.#ends.locked(keys.doc, async () => {
      const stored = await this.#load(keys.doc);
      const { file } = await this.#build(keys, stored, payload);
      const live = await this.#ends.writing();
      const covers = payload.covers.filter((d) => d.session !== writer && !live.has(d.session)).map(depToHead);
      const certs = certsOf(stored);
      const size = await this.#save(keys.doc, writer, stored, file, covers.map((h): SessionHead => ({ ...h, cert: certs.get(h.session) ?? new Uint8Array(CERT) })));
      return { size, covers };
    });
  }

  /**
   * Compares a snapshot from elsewhere with what is here. What is here beyond what it says it covers is no fault of it; everything else
   * must be in it: adding ours to it then changes nothing. Rejects when the device cannot tell.
   */
  async check(keys: DocKeys, payload: SnapshotPayload, isStale: boolean): Promise<Checked> {
    const stored = await this.#load(keys.doc);
    const { ready } = await tailOf(this.#ends.sealer, keys, stored);
    const core = await this.#ready();
    try {
      checkDigest(core, payload);
    } catch (e) {
      if (!(e instanceof FreeholdError) || e.code !== "relay-invalid") throw e;
      return { verdict: REFUTED, note: e.message, isNews: false };
    }
    const coveredBySession = new Map(payload.covers.map((d) => [d.session, d.seq]));
    const mine = stored.snapshot?.file ?? null;
    const beyond = ready.filter((u) => u.seq > (coveredBySession.get(u.session) ?? -1));
    const ours = digestOf(core, mine, null, ready, null);
    const both = tryDigest(() => digestOf(core, payload.file, mine, ready, null));
    // Who is first with an operation is believed. Where the order shows, it says something else than the envelopes do.
    const inOtherOrder = tryDigest(() => digestOf(core, mine, null, ready, payload.file));
    if (both === null || inOtherOrder === null || !equal(both, inOtherOrder)) return { verdict: REFUTED, note: "It says something else than the envelopes that it covers.", isNews: false };
    const theirs = digestOf(core, payload.file, null, beyond, null);
    const isNews = !equal(ours, both);
    const isOther = [...headsOf(stored, ready)].some((h) => payload.covers.some((d) => d.session === h.session && d.seq === h.seq && isKnown(h) && isKnown(depToHead(d)) && !equal(d.hash, h.hash.subarray(0, d.hash.length))));
    if (isStale) return { verdict: Verdict.objection, note: "It says that it covers the relay's log and leaves envelopes out.", isNews };
    if (isOther) return { verdict: Verdict.objection, note: "It covers another history of a session.", isNews };
    if (equal(theirs, both)) return { verdict: Verdict.sound, note: "", isNews };
    // The device's own file may reach further than it says, and then what is more in it has no envelope to compare.
    const isBehind = coversOf(stored).some((h) => h.seq > (coveredBySession.get(h.session) ?? -1));
    return isBehind ? { verdict: UNDECIDED, note: "", isNews } : { verdict: Verdict.objection, note: "It lacks something that it says it covers, or has it otherwise.", isNews };
  }

  /** All that the device has, as one file. */
  async build(keys: DocKeys): Promise<Built> {
    return this.#build(keys, await this.#load(keys.doc));
  }

  async #load(doc: DocId): Promise<StoredDoc> {
    const stored = await this.#ends.copies.load(doc);
    if (stored === null) throw new FreeholdError("not-found", "This document is not on this device any more.", "It was forgotten; open its link again.", { doc });
    return this.merged(stored);
  }

  /**
   * The document with one snapshot. Lives that saw different stores have each made their own, and no store can tell what they have in
   * common: that takes a core. On the device they become one with the next checkpoint.
   */
  async merged(stored: StoredDoc): Promise<StoredDoc> {
    if (stored.snapshot === null || stored.besides.length === 0) return stored;
    const core = await this.#ready();
    const handle = core.load(stored.snapshot.file);
    try {
      for (const other of stored.besides) core.merge(handle, other.file);
      return { ...stored, snapshot: { generation: stored.snapshot.generation, file: core.save(handle), covers: coversOf(stored) }, besides: [] };
    } finally {
      core.free(handle);
    }
  }

  async #build(keys: DocKeys, stored: StoredDoc, other: SnapshotPayload | null = null): Promise<Built> {
    const { ready, waiting } = await tailOf(this.#ends.sealer, keys, stored);
    const core = await this.#ready();
    if (other !== null) checkDigest(core, other);
    const handle = stored.snapshot === null ? core.create() : core.load(stored.snapshot.file);
    try {
      if (other !== null) core.merge(handle, other.file);
      for (const u of ready) applyUpdate(core, handle, u);
      return { file: core.save(handle), digest: core.digest(handle), heads: headsOf(stored, ready), waiting };
    } finally {
      core.free(handle);
    }
  }

  async #save(doc: DocId, writer: SessionId, stored: StoredDoc, file: Uint8Array, heads: readonly SessionHead[]): Promise<number> {
    const coverBySession = new Map<SessionId, SessionHead>();
    for (const h of [...coversOf(stored), ...heads]) {
      if (h.seq > (coverBySession.get(h.session)?.seq ?? -1)) coverBySession.set(h.session, h);
    }
    const generation = (stored.snapshot?.generation ?? 0) + 1;
    await this.#ends.copies.checkpoint(doc, writer, { generation, file, covers: [...coverBySession.values()] });
    return file.length;
  }

  /** Hash and certificate of each envelope to cover; one that is not stored here is not covered. */
  async #heads(stored: StoredDoc, covers: readonly Known[]): Promise<readonly SessionHead[]> {
    const runs = runsOf(this.#ends.sealer, stored);
    const certs = certsOf(stored);
    const heads: SessionHead[] = [];
    for (const { session, seq } of covers) {
      const envelope = runs.get(session)?.find((e) => e.seq === seq);
      if (envelope === undefined) continue;
      heads.push({ session, seq, hash: await hashOf(this.#ends.sealer, envelope.bytes), cert: certs.get(session) ?? new Uint8Array(CERT) });
    }
    return heads;
  }

  async #ready(): Promise<Core> {
    if (this.#core === null || (await this.#core).dead) this.#core = this.#ends.loadCore();
    return this.#core;
  }
}

const isKnown = (h: Head): boolean => h.hash.some((b) => b !== 0);

/** Null where what is put together does not go together. */
const tryDigest = (digest: () => Uint8Array): Uint8Array | null => {
  try {
    return digest();
  } catch (e) {
    if (e instanceof FreeholdError && REFUSED_EVERYWHERE.has(e.code)) return null;
    throw e;
  }
};

/** The state of a file with another one, then updates, then a last file added. */
const digestOf = (core: Core, file: Uint8Array | null, other: Uint8Array | null, updates: readonly Opened[], last: Uint8Array | null): Uint8Array => {
  const handle = file === null ? core.create() : core.load(file);
  try {
    if (other !== null) core.merge(handle, other);
    for (const u of updates) tryUpdate(core, handle, u);
    if (last !== null) core.merge(handle, last);
    return core.digest(handle);
  } finally {
    core.free(handle);
  }
};

/** The file alone must have the state that its writer signed for. */
const checkDigest = (core: Core, payload: SnapshotPayload): void => {
  let digest: Uint8Array;
  try {
    const handle = core.load(payload.file);
    digest = core.digest(handle);
    core.free(handle);
  } catch (cause) {
    if (cause instanceof FreeholdError && cause.code === "newer-format") throw cause;
    throw new FreeholdError("relay-invalid", "A snapshot does not decode.", "It was not taken; your document is as it was.", { cause });
  }
  if (digest.length !== payload.digest.length || digest.some((b, i) => b !== payload.digest[i])) {
    throw new FreeholdError("relay-invalid", "A snapshot is not what its writer signed for.", "It was not taken; your document is as it was.");
  }
};

const applyUpdate = (core: Core, handle: number, u: Opened): void => {
  if (tryUpdate(core, handle, u) === "held" && !goesOn(u.update)) { // a part waits for the last of its change, which comes behind it
    throw new FreeholdError("storage-lost", "An update waits for one that is not stored here.", "The checkpoint is made later; nothing was changed.");
  }
};

/** Null where there was nothing to apply. */
const tryUpdate = (core: Core, handle: number, u: Opened): ReturnType<Core["apply"]> | null => {
  if (u.update.length === 0) return null;
  try {
    return core.apply(handle, fromBase64url(u.session)!, u.update);
  } catch (e) {
    // What does not decode does so nowhere: it is as if it were empty. What a newer core may read, or one with other limits,
    // must stay as it is: a snapshot that covered it would take it from everybody.
    if (e instanceof FreeholdError && REFUSED_EVERYWHERE.has(e.code)) return null;
    throw e;
  }
};
