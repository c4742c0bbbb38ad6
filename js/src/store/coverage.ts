// What a snapshot makes superfluous.

import type { Entries } from "../../../idb/record.ts";
import type { SessionId } from "../protocol.ts";
import type { Claim, SessionHead, StoredDoc, StoredEnvelope, StoredSnapshot } from "./store.ts";

/** Last covered sequence number by session. */
export type Coverage = ReadonlyMap<SessionId, number>;

export const coverageOf = (covers: readonly Claim[]): Coverage => new Map(covers.map((c) => [c.session, c.seq]));

const isCovered = (by: Coverage, session: SessionId, seq: number): boolean => (by.get(session) ?? -1) >= seq;

/** True when nothing in the record would be missed: its envelopes are in the snapshot and its certificates are named by it. */
export const coversEntries = (by: Coverage, { envelopes, certs }: Entries): boolean =>
  envelopes.every((e) => isCovered(by, e.session, e.seq)) && certs.every((c) => by.has(c.session));

/** A snapshot, as far as it matters what it makes superfluous. */
export type Covering = Pick<StoredSnapshot, "generation" | "covers" | "claims">;

/** Whether a has everything that b says it has. */
export const coversAll = (a: Covering, b: Covering): boolean => {
  const by = coverageOf(a.covers), claimed = coverageOf(furthest([...a.covers, ...a.claims]));
  return b.covers.every((c) => isCovered(by, c.session, c.seq)) && b.claims.every((c) => isCovered(claimed, c.session, c.seq));
};

/** Newest first, without those that another one covers. Mostly one: each checkpoint covers what the one before it did. */
export const notCovered = <T extends Covering>(snapshots: readonly T[]): readonly T[] => {
  const sorted = [...snapshots].sort((a, b) => b.generation - a.generation);
  // Of two that cover the same, the newer one stays.
  return sorted.filter((s, i) => !sorted.some((other, j) => i !== j && coversAll(other, s) && (j < i || !coversAll(s, other))));
};

/** The last of each session. */
export const furthest = <T extends Claim>(heads: readonly T[]): readonly T[] => {
  const headBySession = new Map<SessionId, T>();
  for (const head of heads) if (head.seq > (headBySession.get(head.session)?.seq ?? -1)) headBySession.set(head.session, head);
  return [...headBySession.values()];
};

const headsOfAll = (snapshots: readonly Covering[]): readonly SessionHead[] => furthest(snapshots.flatMap((s) => s.covers));

/** The snapshots of a document; none of them covers another. */
export const snapshotsOf = ({ snapshot, besides }: StoredDoc): readonly StoredSnapshot[] => (snapshot === null ? [] : [snapshot, ...besides]);

/** How far they reach together. */
export const coversOf = (doc: StoredDoc): readonly SessionHead[] => headsOfAll(snapshotsOf(doc));

/** Most claims that a document keeps, as the machine does (S13). */
const CLAIMS_KEPT = 10_000;

/** What of claims is beyond covers; of too many the first. */
export const beyond = (covers: readonly SessionHead[], claims: readonly Claim[]): readonly Claim[] => {
  const by = coverageOf(covers);
  return furthest(claims).filter((c) => !isCovered(by, c.session, c.seq)).slice(0, CLAIMS_KEPT);
};

/** What snapshots of others say they have, beyond what is covered here. */
export const claimsOf = (doc: StoredDoc): readonly Claim[] => beyond(coversOf(doc), snapshotsOf(doc).flatMap((s) => s.claims));

/** What a store keeps: the newest snapshot, and those that were the document before it. `isSuperfluous`: a record that both of these cover. */
export const retained = <T extends Covering>(snapshots: readonly T[]): { readonly kept: readonly T[]; isSuperfluous(record: Entries): boolean } => {
  const [newest, ...others] = [...snapshots].sort((a, b) => b.generation - a.generation);
  if (newest === undefined) return { kept: [], isSuperfluous: () => false };
  const before = notCovered(others);
  const both = [coverageOf(newest.covers), coverageOf(headsOfAll(before))];
  return { kept: [newest, ...before], isSuperfluous: (record) => both.every((by) => coversEntries(by, record)) };
};

/** Brings what was found together: the snapshots that cover all, the envelopes after them, and every certificate once. */
export const gather = (snapshots: readonly StoredSnapshot[], records: readonly Entries[]): Pick<StoredDoc, "snapshot" | "besides" | "envelopes" | "certs"> => {
  const [snapshot = null, ...besides] = notCovered(snapshots);
  const covers = headsOfAll(snapshots);
  const by = coverageOf(covers);
  const certBySession = new Map<SessionId, Uint8Array>(covers.map((c) => [c.session, c.cert]));
  const envelopes: StoredEnvelope[] = [];
  for (const record of records) {
    for (const { session, cert } of record.certs) if (!certBySession.has(session)) certBySession.set(session, cert);
    for (const e of record.envelopes) if (!isCovered(by, e.session, e.seq)) envelopes.push(e);
  }
  return { snapshot, besides, envelopes, certs: [...certBySession].map(([session, cert]) => ({ session, cert })) };
};
