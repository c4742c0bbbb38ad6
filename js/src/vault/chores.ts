// The slow effects of a document: each a function that does the work and gives the event that answers it. None of them rejects.

import { FreeholdError } from "../errors.ts";
import type { DocId, SessionId } from "../protocol.ts";
import { REFUTED, UNDECIDED, type Checked, type Compaction } from "./compaction.ts";
import type { DocEffect } from "./effects.ts";
import type { Event, Head, OpenedContent, OpenedItem } from "./events.ts";
import { runsOf } from "./loading.ts";
import { depToHead, goesOn, hashOf, headToDep, isRead, openEach, sealSnapshot, sealUpdate, type Opened } from "./payload.ts";
import { equal } from "../seal/octets.ts";
import { errorToNumber, problem, type ProblemNumber } from "./problems.ts";
import type { Held, Refs } from "./refs.ts";
import { MAX_HEADS, type DocKeys, type Sealer, type SessionKeys, type SnapshotPayload, type UpdatePayload, type Verdict } from "../seal/sealer.ts";
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
    return sealed(d, held, { session: held.session, seq: e.seq, hash, prev: e.prev, deps: e.deps, update: held.update! }, bytes);
  } catch (error) {
    return { type: "sealed", doc: d.doc, size: 0, hash: null, problem: errorToNumber(error, problem.deviceLost) };
  }
};

/** A word about a snapshot: it takes a place in the session, and has nothing for the page. */
export const sealAttest = async (d: Desk, e: Chore<"sealAttest">): Promise<Event> => {
  const held = d.refs.get(e.ref);
  try {
    const about = { snapshot: e.about, verdict: e.verdict as Verdict };
    const { bytes, hash } = await d.keys!.sealAttest(d.session!, e.seq, e.prev, about, d.sealer.encodeNote(held.note));
    return sealed(d, held, { session: held.session, seq: e.seq, hash, prev: e.prev, deps: [], update: new Uint8Array() }, bytes);
  } catch (error) {
    return { type: "sealed", doc: d.doc, size: 0, hash: null, problem: errorToNumber(error, problem.deviceLost) };
  }
};

const sealed = (d: Desk, held: Held, content: Opened, bytes: Uint8Array): Event => {
  Object.assign(held, { bytes, seq: content.seq, cert: d.session!.cert, contents: [content] });
  return { type: "sealed", doc: d.doc, size: bytes.length, hash: content.hash, problem: problem.none };
};

/** `stored` hears the envelopes once they are durable. A session's certificate goes along with its first. */
export const store = async (d: Desk, e: Chore<"store">, stored: (envelopes: readonly StoredEnvelope[]) => void): Promise<Event> => {
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
  stored(envelopes);
  return { type: "storeDone", doc: d.doc, job: e.job, problem: problem.none };
};

/**
 * Opens as much of a run as verifies, from its beginning: a bad envelope must not keep those before it off the device. A
 * certificate that came with an envelope counts once an envelope verified under it; a known one is never replaced.
 */
export const open = async (d: Desk, e: Chore<"open">): Promise<Event> => {
  const held = e.refs.map((ref) => d.refs.get(ref));
  const cert = d.certs.get(e.session) ?? held.find((h) => h.cert !== null)?.cert ?? null;
  try {
    if (cert === null) throw new FreeholdError("relay-invalid", "A session has no certificate.", "It is asked for again.");
    const envelopes = held.map((h): StoredEnvelope => ({ session: e.session, seq: h.seq, bytes: h.bytes! }));
    const { hashes, reason } = await d.keys!.verifyBeginning(cert, null, envelopes.map((x) => x.bytes));
    const opened = await openEach(d.sealer, d.keys!, envelopes.slice(0, hashes.length), hashes);
    if (await isForked(d, e.session, opened.filter((contents) => contents.length > 1).flat().filter((c) => c.seq < e.next))) return { type: "opened", doc: d.doc, job: e.job, items: [], problem: problem.forked };
    const items = opened.map((contents, i): OpenedItem => {
      Object.assign(held[i]!, { cert, contents, update: contents.length === 1 ? contents[0]!.update : null });
      return { hash: hashes[i]!, contents: contents.length === 1 ? [contentOf(e.refs[i]!, contents[0]!)] : contents.map((c) => contentOf(addContent(d, c), c)) };
    });
    if (hashes.length > 0) d.certs.set(e.session, cert);
    return { type: "opened", doc: d.doc, job: e.job, items, problem: reason === null ? problem.none : errorToNumber(reason, problem.forged) };
  } catch (error) {
    return { type: "opened", doc: d.doc, job: e.job, items: [], problem: errorToNumber(error, problem.forged) };
  }
};

/** Nothing for the page has no ref: the machine lets go of the envelope. */
const contentOf = (ref: number, c: Opened): OpenedContent => ({ ref: c.update.length === 0 ? 0 : ref, deps: c.deps, more: goesOn(c.update) });

/** What a pack stands for is shown one by one. */
const addContent = (d: Desk, c: Opened): number => (c.update.length === 0 ? 0 : d.refs.add({ session: c.session, seq: c.seq, update: c.update, contents: [c] }));

/** Whether packs say something else than what the device has of the same places: nothing behind them contains their bytes. */
const isForked = async (d: Desk, session: SessionId, packed: readonly Opened[]): Promise<boolean> => {
  if (packed.length === 0) return false;
  const stored = await d.copies.load(d.id);
  const run = stored === null ? undefined : runsOf(d.sealer, stored).get(session);
  const bySeq = new Map(packed.map((c) => [c.seq, c]));
  const both = (run ?? []).filter((e) => bySeq.has(e.seq));
  return (await openEach(d.sealer, d.keys!, both)).flat().some((c) => {
    const other = bySeq.get(c.seq);
    return other !== undefined && isRead(c) && isRead(other) && !equal(d.sealer.encodeUpdate(payloadOf(c)), d.sealer.encodeUpdate(payloadOf(other)));
  });
};

const payloadOf = (c: Opened): UpdatePayload => ({ deps: c.deps.map(headToDep), update: c.update });

/** A snapshot is the one envelope of its session. One that its writer signed and that cannot be read is the writer's fault, which `check` says. */
export const openSnapshot = async (d: Desk, e: Chore<"open">): Promise<Event> => {
  const held = d.refs.get(e.refs[0]!);
  try {
    if (held.cert === null) throw new FreeholdError("relay-invalid", "A snapshot has no certificate.", "It is asked for again.");
    const { hashes } = await d.keys!.verifyRun(held.cert, null, [held.bytes!]);
    const snapshot = (held.snapshot = await readSnapshot(d, held.bytes!));
    const contents = snapshot instanceof FreeholdError ? [] : [{ ref: e.refs[0]!, deps: snapshot.covers.map(depToHead), more: false }];
    return { type: "opened", doc: d.doc, job: e.job, items: [{ hash: hashes[0]!, contents }], problem: problem.none };
  } catch (error) {
    return { type: "opened", doc: d.doc, job: e.job, items: [], problem: errorToNumber(error, problem.forged) };
  }
};

/** What is in a verified snapshot, or why nobody knows. */
const readSnapshot = async (d: Desk, bytes: Uint8Array): Promise<SnapshotPayload | FreeholdError> => {
  try {
    return d.sealer.decodeSnapshot(await d.keys!.open(bytes));
  } catch (error) {
    if (error instanceof FreeholdError) return error;
    throw error;
  }
};

/** Compares a snapshot with what is here; its bytes stay for the merge. */
export const check = async (d: Desk, e: Chore<"check">): Promise<Event> => {
  try {
    const snapshot = d.refs.get(e.ref).snapshot!;
    const { verdict, note, isNews } = snapshot instanceof FreeholdError ? judgeUnread(snapshot) : await d.compaction.check(d.keys!, snapshot, e.stale);
    const ref = verdict === UNDECIDED || d.session === null ? 0 : d.refs.add({ session: d.session.session, seq: 0, note });
    return { type: "checked", doc: d.doc, job: e.job, verdict, ref, news: isNews, problem: problem.none };
  } catch (error) {
    d.refs.drop([e.ref]);
    return { type: "checked", doc: d.doc, job: e.job, verdict: UNDECIDED, ref: 0, news: false, problem: errorToNumber(error, problem.deviceLost) };
  }
};

/** What a newer version reads is not condemned. */
const judgeUnread = (why: FreeholdError): Checked => {
  if (why.code === "newer-format") throw why;
  return { verdict: REFUTED, note: "A snapshot does not open.", isNews: false };
};

/** `merged` hears the snapshot once it is part of the device's copy. */
export const merge = async (d: Desk, e: Chore<"merge">, merged: (file: Uint8Array, claims: readonly Head[]) => void): Promise<Event> => {
  const payload = d.refs.get(e.ref).snapshot as SnapshotPayload;
  d.refs.drop([e.ref]);
  try {
    const { size, claims } = await d.compaction.merge(d.keys!, d.writer, payload);
    merged(payload.file, claims);
    return { type: "merged", doc: d.doc, job: e.job, size, claims, problem: problem.none };
  } catch (error) {
    return { type: "merged", doc: d.doc, job: e.job, size: 0, claims: [], problem: errorToNumber(error, problem.deviceLost) };
  }
};

export const checkpoint = async (d: Desk, e: Chore<"checkpoint">): Promise<Event> => {
  try {
    return { type: "checkpointed", doc: d.doc, ...(await d.compaction.checkpoint(d.keys!, d.writer, e.covers, e.shown)), problem: problem.none };
  } catch (error) {
    return { type: "checkpointed", doc: d.doc, size: 0, covers: [], problem: errorToNumber(error, problem.deviceLost) };
  }
};

/** The own envelopes [from, to] in one, which says the same. */
export const pack = async (d: Desk, e: Chore<"pack">): Promise<Uint8Array> => {
  const { session } = d.session!;
  const stored = await d.copies.load(d.id);
  const run = ((stored === null ? undefined : runsOf(d.sealer, stored).get(session)) ?? []).filter((x) => e.from <= x.seq && x.seq <= e.to);
  if (run.length !== e.to - e.from + 1) throw new FreeholdError("storage-lost", "A checkpoint took in what was to be packed.", "It stays on the relay as it is.");
  const contents: Uint8Array[] = [];
  for (const { bytes } of run) contents.push(await d.keys!.open(bytes));
  return d.keys!.sealPack(d.session!, e.from, e.to, d.sealer.header(run[0]!.bytes).prev, await hashOf(d.sealer, run.at(-1)!.bytes), d.sealer.encodePack(contents));
};

/** `made` hears the sealed snapshot; its bytes stand behind the ref until the machine lets go of it. */
export const makeSnapshot = async (d: Desk, e: Chore<"makeSnapshot">, made: (bytes: Uint8Array) => void): Promise<Event> => {
  const failed = (n: ProblemNumber): Event => ({ type: "snapshotSealed", doc: d.doc, ref: 0, size: 0, hash: null, session: null, covers: [], problem: n });
  try {
    const { file, digest, heads } = await d.compaction.build(d.keys!, e.shown);
    if (heads.length > MAX_HEADS) return failed(problem.relayTooLarge);
    const { session, bytes } = await sealSnapshot(d.sealer, d.keys!, { parent: e.parent, covers: heads.map(headToDep), digest, file });
    if (bytes.length > limits.snapshot) return failed(problem.relayTooLarge);
    d.certs.set(session.session, session.cert);
    made(bytes);
    const ref = d.refs.add({ session: session.session, seq: 0, bytes });
    return { type: "snapshotSealed", doc: d.doc, ref, size: bytes.length, hash: await d.sealer.sha256(bytes), session: session.session, covers: heads, problem: problem.none };
  } catch (error) {
    return failed(errorToNumber(error, problem.deviceLost));
  }
};
