// Two stores' views of one document as one, and what each of them lacks of it.

import type { SessionId } from "../protocol.ts";
import { coverageOf, coversAll, gather, snapshotsOf } from "./coverage.ts";
import type { RelayMark, StoredDoc, StoredEnvelope, StoredStatement, StoredSecret, StoredSnapshot } from "./store.ts";

/** Of one place there can be a pack as well, and another history: the ends of their signatures tell them apart. */
const keyOf = (e: StoredEnvelope): string => `${e.session}/${e.seq}/${e.bytes.subarray(-16)}`;

/** What a link allows, the most last. */
export const rank: Readonly<Record<StoredSecret["rights"], number>> = { read: 0, write: 1, owner: 2 };

/** The one that may do more, with the genesis that either knows: it comes later than the secret. Of two that may do the same, one that met its document, or else the first. */
export const betterSecret = (a: StoredSecret, b: StoredSecret): StoredSecret => {
  const [more, less] = rank[b.rights] > rank[a.rights] || (rank[b.rights] === rank[a.rights] && a.genesis === null && b.genesis !== null) ? [b, a] : [a, b];
  return more.genesis !== null || less.genesis === null ? more : { ...more, genesis: less.genesis };
};

/** Whether a store that has the one lacks something of the other. */
const isLess = (has: StoredSecret, whole: StoredSecret): boolean => rank[has.rights] < rank[whole.rights] || (has.genesis === null && whole.genesis !== null);

// A mark is given to a store only after everything below it, so the union of the stores has everything below the highest.
const unionMarks = (docs: readonly StoredDoc[]): readonly RelayMark[] => {
  const markByStore = new Map<string, RelayMark>();
  for (const mark of docs.flatMap((d) => d.marks)) {
    const key = `${mark.relay}\n${mark.store}`;
    const other = markByStore.get(key);
    const ahead = other !== undefined && other.cursor > mark.cursor ? other : mark;
    const seqBySession = new Map<SessionId, number>();
    for (const { session, seq } of [...(other?.known ?? []), ...mark.known]) seqBySession.set(session, Math.max(seq, seqBySession.get(session) ?? 0));
    markByStore.set(key, { ...ahead, known: [...seqBySession].map(([session, seq]) => ({ session, seq })) });
  }
  return [...markByStore.values()];
};

/** A proof takes the place of an empty one. */
const unionStatements = (docs: readonly StoredDoc[]): readonly StoredStatement[] =>
  [...new Map(docs.flatMap((d) => d.statements).sort((a, b) => a.bytes.length - b.bytes.length).map((p) => [p.session, p])).values()];

/** The snapshots that cover everything, and every envelope after them once, in stored order. Null for no documents at all. */
export const unionDocs = (docs: readonly StoredDoc[]): StoredDoc | null => {
  if (docs.length === 0) return null;
  const envelopeByKey = new Map<string, StoredEnvelope>();
  for (const e of docs.flatMap((d) => d.envelopes)) if (!envelopeByKey.has(keyOf(e))) envelopeByKey.set(keyOf(e), e);
  const all = { envelopes: [...envelopeByKey.values()], certs: docs.flatMap((d) => d.certs) };
  return { secret: docs.map((d) => d.secret).reduce(betterSecret), ...gather(docs.flatMap(snapshotsOf), [all]), marks: unionMarks(docs), statements: unionStatements(docs) };
};

/** What to add to a store that has `part` (null: nothing of it), so that it alone is `whole`. Null fields: nothing. */
export interface Missing {
  readonly secret: StoredSecret | null;
  /** Under numbers that are free in that store, the newest last. */
  readonly snapshots: readonly StoredSnapshot[];
  readonly envelopes: readonly StoredEnvelope[];
  readonly certs: StoredDoc["certs"];
  readonly marks: readonly RelayMark[];
  readonly statements: StoredDoc["statements"];
}

/** A number that stands for another snapshot there would be written over: then the next free one. */
const missingSnapshots = (has: readonly StoredSnapshot[], wanted: readonly StoredSnapshot[]): readonly StoredSnapshot[] => {
  let last = Math.max(-1, ...has.map((s) => s.generation));
  const missing = wanted.filter((w) => !has.some((h) => coversAll(h, w))).sort((a, b) => a.generation - b.generation);
  return missing.map((s) => ({ ...s, generation: (last = Math.max(s.generation, last + 1)) }));
};

export const missingFrom = (part: StoredDoc | null, whole: StoredDoc): Missing | null => {
  const has = new Set(part?.envelopes.map(keyOf));
  const hasCert = new Set(part?.certs.map((c) => c.session));
  const snapshots = missingSnapshots(part === null ? [] : snapshotsOf(part), snapshotsOf(whole));
  const covered = coverageOf(snapshots.flatMap((s) => s.covers));
  const missing: Missing = {
    secret: part === null || isLess(part.secret, whole.secret) ? whole.secret : null,
    snapshots,
    envelopes: whole.envelopes.filter((e) => !has.has(keyOf(e))),
    certs: whole.certs.filter((c) => !hasCert.has(c.session) && !covered.has(c.session)),
    marks: part === null ? whole.marks : [],
    statements: whole.statements.filter((s) => !part?.statements.some((has) => has.session === s.session && has.bytes.length >= s.bytes.length)),
  };
  return missing.secret || missing.snapshots.length + missing.envelopes.length + missing.certs.length + missing.statements.length > 0 ? missing : null;
};

/** Whether anything of an earlier look is missing in a later one too. */
export const isStillMissing = (earlier: Missing, later: Missing | null): boolean => {
  if (later === null) return false;
  const keys = new Set(earlier.envelopes.map(keyOf));
  const certs = new Set(earlier.certs.map((c) => c.session));
  return (
    (earlier.secret !== null && later.secret !== null) ||
    (earlier.snapshots.length > 0 && later.snapshots.length > 0) ||
    (earlier.statements.length > 0 && later.statements.length > 0) ||
    later.envelopes.some((e) => keys.has(keyOf(e))) ||
    later.certs.some((c) => certs.has(c.session))
  );
};

/** Bytes of envelopes in one record of a repair: a value in IndexedDB has a limit of its own. */
const BATCH = 4 << 20;

/** The certificates with the first envelopes, then the rest. */
export const inBatches = ({ envelopes, certs }: Missing): ReadonlyArray<Pick<Missing, "envelopes" | "certs">> => {
  const batches: Array<{ envelopes: StoredEnvelope[]; certs: StoredDoc["certs"] }> = [];
  let room = 0;
  for (const e of envelopes) {
    if (room < e.bytes.length || batches.length === 0) {
      batches.push({ envelopes: [], certs: batches.length === 0 ? certs : [] });
      room = BATCH;
    }
    batches.at(-1)?.envelopes.push(e);
    room -= e.bytes.length;
  }
  return batches.length === 0 && certs.length > 0 ? [{ envelopes: [], certs }] : batches;
};
