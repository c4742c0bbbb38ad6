// The slow effects of a document: each a function that does the work and gives the event that answers it. None of them rejects.

import { FreeholdError } from "../errors.ts";
import type { DocId, SessionId } from "../protocol.ts";
import type { Compaction } from "./compaction.ts";
import type { DocEffect } from "./effects.ts";
import type { Event } from "./events.ts";
import { depToHead, goesOn, headToDep, openUpdates, sealSnapshot, sealUpdate, type Opened } from "./payload.ts";
import { errorToNumber, problem, type ProblemNumber } from "./problems.ts";
import type { Refs } from "./refs.ts";
import type { DocKeys, Sealer, SessionKeys, SnapshotPayload } from "../seal/sealer.ts";
import type { Copies, StoredEnvelope } from "../store/store.ts";
import { limits } from "../wire/wire.ts";

/** What is at hand for a document. */
export interface Desk {
  readonly doc: number;
  readonly id: DocId;
  readonly sealer: Sealer;
  readonly copies: Copies;
  readonly compaction: Compaction;
  readonly refs: Refs;
  readonly certs: Map<SessionId, Uint8Array>;
  readonly storedCerts: Set<SessionId>;
  /** Null while a joined document has not met its relay. */
  keys: DocKeys | null;
  session: SessionKeys | null;
  /** The name of the journal that this vault writes. */
  writer: SessionId;
}

type Chore<T extends DocEffect["type"]> = Extract<DocEffect, { readonly type: T }>;

export const seal = async (d: Desk, e: Chore<"seal">): Promise<Event> => {
  const held = d.refs.get(e.ref);
  try {
    const { bytes, hash } = await sealUpdate(d.sealer, d.keys!, d.session!, e.seq, e.prev, e.deps, held.update!);
    Object.assign(held, { bytes, hash, seq: e.seq, deps: e.deps, cert: d.session!.cert });
    return { type: "sealed", doc: d.doc, size: bytes.length, hash, problem: problem.none };
  } catch (error) {
    return { type: "sealed", doc: d.doc, size: 0, hash: null, problem: errorToNumber(error, problem.deviceLost) };
  }
};

/** `stored` hears the envelopes once they are durable. A session's certificate goes along with its first. */
export const store = async (d: Desk, e: Chore<"store">, stored: (envelopes: readonly Uint8Array[]) => void): Promise<Event> => {
  const envelopes = e.refs.map((ref): StoredEnvelope => {
    const { session, seq, bytes } = d.refs.get(ref);
    return { session, seq, bytes: bytes! };
  });
  const sessions = new Set(envelopes.map((x) => x.session).filter((s) => !d.storedCerts.has(s) && d.certs.has(s)));
  try {
    await d.copies.append(d.id, d.writer, envelopes, [...sessions].map((session) => ({ session, cert: d.certs.get(session)! })));
  } catch (error) {
    return { type: "storeDone", doc: d.doc, job: e.job, problem: errorToNumber(error, problem.deviceLost) };
  }
  for (const session of sessions) d.storedCerts.add(session);
  stored(envelopes.map((x) => x.bytes));
  return { type: "storeDone", doc: d.doc, job: e.job, problem: problem.none };
};

/**
 * Opens as much of a run as is good, from its beginning: a bad envelope must not keep those before it off the device. A
 * certificate that came with an envelope counts once an envelope verified under it; a known one is never replaced.
 */
export const open = async (d: Desk, e: Chore<"open">): Promise<Event> => {
  const held = e.refs.map((ref) => d.refs.get(ref));
  const cert = d.certs.get(e.session) ?? held.find((h) => h.cert !== null)?.cert ?? null;
  try {
    if (cert === null) throw new FreeholdError("relay-invalid", "A session has no certificate.", "It is asked for again.");
    const envelopes = held.map((h): StoredEnvelope => ({ session: e.session, seq: h.seq, bytes: h.bytes! }));
    const { hashes, reason } = await d.keys!.verifyBeginning(cert, null, envelopes.map((x) => x.bytes));
    const { opened, failure } = await openBeginning(d, envelopes.slice(0, hashes.length), hashes);
    opened.forEach(({ hash, deps, update }, i) => Object.assign(held[i]!, { hash, deps, update, cert }));
    if (hashes.length > 0) d.certs.set(e.session, cert);
    const why = failure ?? reason;
    return {
      type: "opened", doc: d.doc, job: e.job, items: opened.map(({ hash, deps, update }) => ({ hash, deps, more: goesOn(update) })),
      problem: why === null ? problem.none : errorToNumber(why, problem.forged),
    };
  } catch (error) {
    return { type: "opened", doc: d.doc, job: e.job, items: [], problem: errorToNumber(error, problem.forged) };
  }
};

/** The updates before the first envelope that does not open, and why it does not (null: all do). */
const openBeginning = async (
  d: Desk, envelopes: readonly StoredEnvelope[], hashes: readonly Uint8Array[],
): Promise<{ readonly opened: readonly Opened[]; readonly failure: unknown }> => {
  try {
    return { opened: await openUpdates(d.sealer, d.keys!, envelopes, hashes), failure: null };
  } catch { // which one it was is not said: one after the other
    const opened: Opened[] = [];
    try {
      for (const [i, envelope] of envelopes.entries()) opened.push(...(await openUpdates(d.sealer, d.keys!, [envelope], [hashes[i]!])));
      return { opened, failure: null };
    } catch (failure) {
      return { opened, failure };
    }
  }
};

/** A snapshot is the one envelope of its session. */
export const openSnapshot = async (d: Desk, e: Chore<"open">): Promise<Event> => {
  const held = d.refs.get(e.refs[0]!);
  try {
    if (held.cert === null) throw new FreeholdError("relay-invalid", "A snapshot has no certificate.", "It is asked for again.");
    const { hashes } = await d.keys!.verifyRun(held.cert, null, [held.bytes!]);
    held.snapshot = d.sealer.decodeSnapshot(await d.keys!.open(held.bytes!));
    return { type: "opened", doc: d.doc, job: e.job, items: [{ hash: hashes[0]!, deps: held.snapshot.covers.map(depToHead), more: false }], problem: problem.none };
  } catch (error) {
    return { type: "opened", doc: d.doc, job: e.job, items: [], problem: errorToNumber(error, problem.forged) };
  }
};

/** `merged` hears the snapshot once it is part of the device's copy. */
export const merge = async (d: Desk, e: Chore<"merge">, merged: (snapshot: SnapshotPayload) => void): Promise<Event> => {
  const payload = d.refs.get(e.ref).snapshot!;
  d.refs.drop([e.ref]);
  try {
    const size = await d.compaction.merge(d.keys!, d.writer, payload);
    merged(payload);
    return { type: "merged", doc: d.doc, job: e.job, size, problem: problem.none };
  } catch (error) {
    return { type: "merged", doc: d.doc, job: e.job, size: 0, problem: errorToNumber(error, problem.deviceLost) };
  }
};

export const checkpoint = async (d: Desk, e: Chore<"checkpoint">): Promise<Event> => {
  try {
    return { type: "checkpointed", doc: d.doc, size: await d.compaction.checkpoint(d.keys!, d.writer, e.covers), problem: problem.none };
  } catch (error) {
    return { type: "checkpointed", doc: d.doc, size: 0, problem: errorToNumber(error, problem.deviceLost) };
  }
};

/** `made` hears the sealed snapshot; its bytes stand behind the ref until the machine lets go of it. */
export const makeSnapshot = async (d: Desk, made: (bytes: Uint8Array) => void): Promise<Event> => {
  const failed = (n: ProblemNumber): Event => ({ type: "snapshotSealed", doc: d.doc, ref: 0, session: null, covers: [], problem: n });
  try {
    const { file, digest, heads } = await d.compaction.build(d.keys!);
    const { session, bytes } = await sealSnapshot(d.sealer, d.keys!, { covers: heads.map(headToDep), digest, file });
    if (bytes.length > limits.snapshot) return failed(problem.relayTooLarge);
    d.certs.set(session.session, session.cert);
    made(bytes);
    const ref = d.refs.add({ session: session.session, seq: 0, bytes });
    return { type: "snapshotSealed", doc: d.doc, ref, session: session.session, covers: heads, problem: problem.none };
  } catch (error) {
    return failed(errorToNumber(error, problem.deviceLost));
  }
};
