// What a snapshot makes superfluous.

import type { Entries } from "../../../idb/record.ts";
import type { SessionId } from "../protocol.ts";
import type { SessionHead, StoredDoc, StoredEnvelope, StoredSnapshot } from "./store.ts";

/** Last covered sequence number by session. */
export type Coverage = ReadonlyMap<SessionId, number>;

export const coverageOf = (covers: readonly SessionHead[]): Coverage => new Map(covers.map((c) => [c.session, c.seq]));

const isCovered = (by: Coverage, session: SessionId, seq: number): boolean => (by.get(session) ?? -1) >= seq;

/** True when nothing in the record would be missed: its envelopes are in the snapshot and its certificates are named by it. */
export const coversEntries = (by: Coverage, { envelopes, certs }: Entries): boolean =>
  envelopes.every((e) => isCovered(by, e.session, e.seq)) && certs.every((c) => by.has(c.session));

/** Brings what was found together: the envelopes after the snapshot, and every certificate once. */
export const gather = (snapshot: StoredSnapshot | null, records: readonly Entries[]): Pick<StoredDoc, "snapshot" | "envelopes" | "certs"> => {
  const covers = snapshot?.covers ?? [];
  const by = coverageOf(covers);
  const certBySession = new Map<SessionId, Uint8Array>(covers.map((c) => [c.session, c.cert]));
  const envelopes: StoredEnvelope[] = [];
  for (const record of records) {
    for (const { session, cert } of record.certs) if (!certBySession.has(session)) certBySession.set(session, cert);
    for (const e of record.envelopes) if (!isCovered(by, e.session, e.seq)) envelopes.push(e);
  }
  return { snapshot, envelopes, certs: [...certBySession].map(([session, cert]) => ({ session, cert })) };
};
