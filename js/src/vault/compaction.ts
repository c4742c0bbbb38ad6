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
import { depToHead, goesOn, type Opened } from "./payload.ts";
import type { DocKeys, Sealer, SnapshotPayload } from "../seal/sealer.ts";
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
  locked<T>(doc: DocId, run: () => Promise<T>): Promise<T>;
}

export interface Built {
  readonly file: Uint8Array;
  /** Of the state (16 bytes). */
  readonly digest: Uint8Array;
  /** Exactly what it has. */
  readonly heads: readonly Head[];
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

  /** Makes a snapshot from elsewhere part of the device's copy. FreeholdError("relay-invalid") when it is not what it says. */
  merge(keys: DocKeys, writer: SessionId, payload: SnapshotPayload): Promise<number> {
    return this.#ends.locked(keys.doc, async () => {
      const stored = await this.#load(keys.doc);
      const { file } = await this.#build(keys, stored, payload);
      const certs = certsOf(stored);
      const theirs = payload.covers.map((d): SessionHead => ({ ...depToHead(d), cert: certs.get(d.session) ?? new Uint8Array(CERT) }));
      return this.#save(keys.doc, writer, stored, file, theirs);
    });
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
    const { ready } = await tailOf(this.#ends.sealer, keys, stored);
    const core = await this.#ready();
    if (other !== null) checkDigest(core, other);
    const handle = stored.snapshot === null ? core.create() : core.load(stored.snapshot.file);
    try {
      if (other !== null) core.merge(handle, other.file);
      for (const u of ready) applyUpdate(core, handle, u);
      return { file: core.save(handle), digest: core.digest(handle), heads: headsOf(stored, ready) };
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
    const runs = runsOf(stored);
    const certs = certsOf(stored);
    const heads: SessionHead[] = [];
    for (const { session, seq } of covers) {
      const run = runs.get(session);
      const envelope = run?.[seq - run[0]!.seq];
      if (envelope === undefined) continue;
      heads.push({ session, seq, hash: await this.#ends.sealer.sha256(envelope.bytes), cert: certs.get(session) ?? new Uint8Array(CERT) });
    }
    return heads;
  }

  async #ready(): Promise<Core> {
    if (this.#core === null || (await this.#core).dead) this.#core = this.#ends.loadCore();
    return this.#core;
  }
}

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
  let applied: ReturnType<Core["apply"]>;
  try {
    applied = core.apply(handle, fromBase64url(u.session)!, u.update);
  } catch (e) {
    // What does not decode does so nowhere: it is as if it were empty. What a newer core may read, or one with other limits,
    // must stay as it is: a snapshot that covered it would take it from everybody.
    if (e instanceof FreeholdError && REFUSED_EVERYWHERE.has(e.code)) return;
    throw e;
  }
  if (applied === "held" && !goesOn(u.update)) { // a part waits for the last of its change, which comes behind it
    throw new FreeholdError("storage-lost", "An update waits for one that is not stored here.", "The checkpoint is made later; nothing was changed.");
  }
};
