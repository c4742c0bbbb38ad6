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
import { beyond as beyondOf, claimsOf, coversOf, furthest, type Coverage } from "../store/coverage.ts";
import type { Claim, Copies, SessionHead, StoredDoc, StoredEnvelope } from "../store/store.ts";

const CERT = 96;
/** What the core says of bytes that no core takes (docs/BOUNDARY.md: `corrupt`, `invalid`). */
const REFUSED_EVERYWHERE: ReadonlySet<Code> = new Set<Code>(["storage-lost", "invalid"]);

/** Where a session's first change begins that the core does not take. All before it is in the file, and all from it on only in the journal. */
type Stuck = ReadonlyMap<SessionId, number>;

/** What it works with. */
export interface CompactionEnds {
  readonly copies: Copies;
  readonly sealer: Sealer;
  loadCore(): Promise<Core>;
  /** Sessions that some tab of this device writes. */
  writing(): Promise<ReadonlySet<SessionId>>;
}

export interface Built {
  readonly file: Uint8Array;
  /** Of the state (16 bytes). */
  readonly digest: Uint8Array;
  /** What it has, one by one or as somebody claims. */
  readonly heads: readonly Head[];
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

  /** Folds what is shown of the tail into a new snapshot that says it covers `covers`, as far as the core takes it. Gives the snapshot's size and how far it reaches. */
  checkpoint(keys: DocKeys, writer: SessionId, covers: readonly Known[], shown: readonly Known[]): Promise<{ readonly size: number; readonly covers: readonly Known[] }> {
    return this.#ends.copies.locked(keys.doc, async () => {
      const stored = await this.#load(keys.doc);
      const { file, stuck, heads: reached } = await this.#build(keys, stored, shown);
      const taken = covers.map(({ session, seq }) => ({ session, seq: Math.min(seq, (stuck.get(session) ?? Infinity) - 1) }));
      const heads = await this.#heads(stored, taken, new Map(reached.map((h) => [h.session, h.seq])));
      const size = await this.#save(keys.doc, writer, stored, file, heads);
      return { size, covers: [...coversOf(stored), ...heads].map(({ session, seq }) => ({ session, seq })) };
    });
  }

  /**
   * Makes a snapshot from elsewhere part of the device's copy. What it says it covers is kept as a claim, and nothing of a session that is
   * written here. The tail stays in the journal. FreeholdError("relay-invalid") when it does not decode.
   */
  merge(keys: DocKeys, writer: SessionId, payload: SnapshotPayload): Promise<{ readonly size: number; readonly claims: readonly Head[] }> {
    return this.#ends.copies.locked(keys.doc, async () => {
      const stored = await this.#load(keys.doc);
      const file = await this.#inCore((core) => {
        core.free(signedFor(core, payload));
        return joined(core, stored.snapshot === null ? core.create() : core.load(stored.snapshot.file), [payload]);
      });
      const live = await this.#ends.writing();
      const claims = payload.covers.filter((d) => d.session !== writer && !live.has(d.session)).map(depToHead);
      return { size: await this.#save(keys.doc, writer, stored, file, [], claims), claims };
    });
  }

  /**
   * Compares a snapshot from elsewhere with what is here. What is here beyond what it says it covers is no fault of it; everything else
   * must be in it: adding ours to it then changes nothing. Rejects when the device cannot tell; FreeholdError("newer-format") when a core,
   * or the memory that it gets here, is too little for it: that is no fault of who made it.
   */
  async check(keys: DocKeys, payload: SnapshotPayload, isStale: boolean): Promise<Checked> {
    const stored = await this.#load(keys.doc);
    const { ready } = await tailOf(this.#ends.sealer, keys, stored);
    const coveredBySession = new Map(payload.covers.map((d) => [d.session, d.seq]));
    const beyond = ready.filter((u) => u.seq > (coveredBySession.get(u.session) ?? -1));
    let together: Together | null;
    try {
      together = await this.#inCore((core) => putTogether(core, payload, stored.snapshot?.file ?? null, ready, beyond));
    } catch (e) {
      if (!(e instanceof FreeholdError)) throw e;
      if (e.code === "core-restarted") throw new FreeholdError("newer-format", e.message, e.hint, { cause: e });
      if (e.code !== "relay-invalid") throw e;
      return { verdict: REFUTED, note: e.message, isNews: false };
    }
    if (together === null) return { verdict: REFUTED, note: "It says something else than the envelopes that it covers.", isNews: false };
    const { isNews, isWhole, stuck } = together;
    const depBySession = new Map(payload.covers.map((d) => [d.session, d]));
    const isOther = headsOf(stored, ready).some((h) => {
      const d = depBySession.get(h.session);
      return d?.seq === h.seq && isKnown(h) && isKnown(depToHead(d)) && !equal(d.hash, h.hash.subarray(0, d.hash.length));
    });
    if (isStale) return { verdict: Verdict.objection, note: "It says that it covers the relay's log and leaves envelopes out.", isNews };
    if (isOther) return { verdict: Verdict.objection, note: "It covers another history of a session.", isNews };
    // Whether it has what the core does not take, a newer one may know.
    const isUnread = [...stuck].some(([session, first]) => (coveredBySession.get(session) ?? -1) >= first);
    if (isWhole && !isUnread) return { verdict: Verdict.sound, note: "", isNews };
    // The device's own file may reach further than it says, and then what is more in it has no envelope to compare.
    const isBehind = [...coversOf(stored), ...claimsOf(stored)].some((h) => h.seq > (coveredBySession.get(h.session) ?? -1));
    return isBehind || isUnread ? { verdict: UNDECIDED, note: "", isNews } : { verdict: Verdict.objection, note: "It lacks something that it says it covers, or has it otherwise.", isNews };
  }

  /** All that is shown, as one file. */
  async build(keys: DocKeys, shown: readonly Known[]): Promise<Built> {
    const stored = await this.#load(keys.doc);
    const built = await this.#build(keys, stored, shown);
    return { ...built, heads: furthest([...built.heads, ...claimsOf(stored)]) };
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
    const { snapshot, besides } = stored;
    const file = await this.#inCore((core) => joined(core, core.load(snapshot.file), besides));
    return { ...stored, snapshot: { generation: snapshot.generation, file, covers: coversOf(stored), claims: claimsOf(stored) }, besides: [] };
  }

  /** What is stored beyond `shown` may be no more than written: a power cut would leave it in the file and in no envelope. */
  async #build(keys: DocKeys, stored: StoredDoc, shown: readonly Known[]): Promise<Built & { readonly stuck: Stuck }> {
    const lastBySession = new Map(shown.map((k) => [k.session, k.seq]));
    const ready = (await tailOf(this.#ends.sealer, keys, stored)).ready.filter((u) => u.seq <= (lastBySession.get(u.session) ?? -1));
    return this.#inCore((core) => {
      const handle = stored.snapshot === null ? core.create() : core.load(stored.snapshot.file);
      try {
        const stuck = beforeGaps(applyAll(core, handle, ready), ready, coversOf(stored));
        return { file: core.save(handle), digest: core.digest(handle), heads: headsOf(stored, ready.filter((u) => u.seq < (stuck.get(u.session) ?? Infinity))), stuck };
      } finally {
        core.free(handle);
      }
    });
  }

  async #save(doc: DocId, writer: SessionId, stored: StoredDoc, file: Uint8Array, heads: readonly SessionHead[], claims: readonly Claim[] = []): Promise<number> {
    const covers = furthest([...coversOf(stored), ...heads]);
    const generation = (stored.snapshot?.generation ?? 0) + 1;
    await this.#ends.copies.checkpoint(doc, writer, { generation, file, covers, claims: beyondOf(covers, [...claimsOf(stored), ...claims]) });
    return file.length;
  }

  /**
   * Hash and certificate of each envelope to cover; one that is not stored here is not covered. `reach` is how far the file has each session, which is
   * less than what was shown where the disk goes on with another history.
   */
  async #heads(stored: StoredDoc, covers: readonly Known[], reach: Coverage): Promise<readonly SessionHead[]> {
    const runs = runsOf(this.#ends.sealer, stored);
    const certs = certsOf(stored);
    const heads: SessionHead[] = [];
    for (const { session, seq: asked } of covers) {
      const at = (end: number): StoredEnvelope | undefined => runs.get(session)?.find((e) => e.seq === end);
      const seq = Math.min(asked, reach.get(session) ?? -1);
      const envelope = at(asked) && at(seq);
      if (envelope === undefined) continue;
      heads.push({ session, seq, hash: await hashOf(this.#ends.sealer, envelope.bytes), cert: certs.get(session) ?? new Uint8Array(CERT) });
    }
    return heads;
  }

  /** One that dies may do so of what others left in it, for its memory never gets smaller: then once more in a fresh one. */
  async #inCore<T>(run: (core: Core) => T): Promise<T> {
    const core = await this.#ready();
    try {
      return run(core);
    } catch (e) {
      if (!core.dead) throw e;
      return run(await this.#ready());
    }
  }

  /** One that could not be had is asked for again, by whoever needs it next. */
  async #ready(): Promise<Core> {
    const before = this.#core;
    const core = await before?.catch(() => null);
    if (core?.dead === false) return core;
    if (this.#core === before) this.#core = this.#ends.loadCore();
    return this.#core!;
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

/** A document with these files merged into it, as one; the handle is freed. */
const joined = (core: Core, handle: number, others: ReadonlyArray<{ readonly file: Uint8Array }>): Uint8Array => {
  try {
    for (const other of others) core.merge(handle, other.file);
    return core.save(handle);
  } finally {
    core.free(handle);
  }
};

/** What comes of a snapshot and what is here, put together. */
interface Together {
  /** It has something that is not here. */
  readonly isNews: boolean;
  /** With what is here beyond what it covers it is all there is. */
  readonly isWhole: boolean;
  /** What of the updates here the core does not take. */
  readonly stuck: Stuck;
}

/**
 * Puts a snapshot and what is here together, in both orders: who is first with an operation is believed, and where the order shows, the
 * snapshot says something else than the envelopes do. Null then, and where they do not go together. Two documents are built, each once:
 * with a long one that is nearly all that a check costs.
 */
const putTogether = (core: Core, payload: SnapshotPayload, mine: Uint8Array | null, ready: readonly Opened[], beyond: readonly Opened[]): Together | null => {
  const theirs = signedFor(core, payload);
  let ours: number | null = null;
  try {
    ours = mine === null ? core.create() : core.load(mine);
    const stuck = applyAll(core, ours, ready);
    const before = core.digest(ours);
    const otherOrder = tryDigest(() => (core.merge(ours!, payload.file), core.digest(ours!)));
    const withBeyond = beyond.length === 0 ? payload.digest : (applyAll(core, theirs, beyond), core.digest(theirs));
    const both = tryDigest(() => {
      if (mine !== null) core.merge(theirs, mine);
      applyAll(core, theirs, ready);
      return core.digest(theirs);
    });
    if (both === null || otherOrder === null || !equal(both, otherOrder)) return null;
    return { isNews: !equal(before, both), isWhole: equal(withBeyond, both), stuck };
  } finally {
    core.free(theirs);
    if (ours !== null) core.free(ours);
  }
};

/** Opens the file, which alone must have the state that its writer signed for. */
const signedFor = (core: Core, payload: SnapshotPayload): number => {
  let handle: number | null = null;
  let digest: Uint8Array;
  try {
    handle = core.load(payload.file);
    digest = core.digest(handle);
  } catch (cause) {
    if (handle !== null) core.free(handle);
    if (core.dead || !(cause instanceof FreeholdError) || cause.code === "newer-format") throw cause;
    throw new FreeholdError("relay-invalid", "A snapshot does not decode.", "It was not taken; your document is as it was.", { cause });
  }
  if (!equal(digest, payload.digest)) {
    core.free(handle);
    throw new FreeholdError("relay-invalid", "A snapshot is not what its writer signed for.", "It was not taken; your document is as it was.");
  }
  return handle;
};

/**
 * Applies updates in order. What waits for something that is not here, a newer core may read, or one with other limits, stays in the
 * journal, with all behind it of its session: a snapshot that covered it would take it from everybody. A change goes as a whole.
 */
const applyAll = (core: Core, handle: number, updates: readonly Opened[]): Stuck => {
  const stuck = new Map<SessionId, number>();
  const beginnings = new Map<SessionId, number>(); // of changes whose last part comes behind
  for (const u of updates) {
    const first = beginnings.get(u.session) ?? u.seq;
    const isTaken = tryUpdate(core, handle, u);
    if (goesOn(u.update)) {
      beginnings.set(u.session, first);
      continue;
    }
    beginnings.delete(u.session);
    if (!isTaken && !stuck.has(u.session)) stuck.set(u.session, first);
  }
  return stuck;
};

/**
 * What a claim stands for is in the file when the core took something of the session behind it. Where only what is empty stands between such a gap and what
 * it does not take, nobody knows: the file reaches to before the gap, and what comes of that goes to the journal and counts.
 */
const beforeGaps = (stuck: Stuck, updates: readonly Opened[], covers: readonly Known[]): Stuck =>
  new Map([...stuck].map(([session, at]) => {
    let first = at, next = at;
    for (const u of updates.filter((x) => x.session === session && x.seq < at).reverse()) {
      if (u.seq + 1 < next) first = next;
      if (u.update.length > 0) return [session, first];
      next = u.seq;
    }
    return [session, (covers.find((c) => c.session === session)?.seq ?? -1) + 1 < next ? next : first];
  }));

/** Whether the document has it now. What does not decode does so nowhere: it is as if it were empty. */
const tryUpdate = (core: Core, handle: number, u: Opened): boolean => {
  if (u.update.length === 0) return true;
  try {
    return core.apply(handle, fromBase64url(u.session)!, u.update) !== "held";
  } catch (e) {
    if (core.dead || !(e instanceof FreeholdError)) throw e;
    return REFUSED_EVERYWHERE.has(e.code);
  }
};
