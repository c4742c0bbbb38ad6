// A document as the device has it: from stored bytes to what the page applies and the machine counts.

import type { SessionId, SessionUpdate } from "../protocol.ts";
import type { Head, Mark, Stored } from "./events.ts";
import { noRelay } from "./events.ts";
import { inOrder, openUpdates, type Opened, type Sorted } from "./payload.ts";
import type { DocKeys, Sealer } from "../seal/sealer.ts";
import { coversOf } from "../store/coverage.ts";
import type { StoredDoc, StoredEnvelope } from "../store/store.ts";

export interface Loaded {
  readonly snapshot: Uint8Array | null;
  /** After the snapshot, in an order in which they apply. */
  readonly updates: readonly SessionUpdate[];
  /** Ends of what the snapshot and the updates have. */
  readonly heads: readonly Stored[];
  /** Stored, and not for the page yet: something that their writers had seen is not here. */
  readonly waiting: readonly Opened[];
  readonly certs: ReadonlyMap<SessionId, Uint8Array>;
}

/** A session's envelopes after the snapshot, consecutive from the first; what stands behind a hole is fetched again. */
export const runsOf = (stored: StoredDoc): ReadonlyMap<SessionId, readonly StoredEnvelope[]> => {
  const coverBySession = new Map(coversOf(stored).map((c) => [c.session, c]));
  const bySession = new Map<SessionId, Map<number, StoredEnvelope>>();
  for (const e of stored.envelopes) {
    if (e.seq <= (coverBySession.get(e.session)?.seq ?? -1)) continue;
    let run = bySession.get(e.session);
    if (run === undefined) bySession.set(e.session, (run = new Map()));
    if (!run.has(e.seq)) run.set(e.seq, e);
  }
  const runs = new Map<SessionId, readonly StoredEnvelope[]>();
  for (const [session, bySeq] of bySession) {
    const run: StoredEnvelope[] = [];
    const start = (coverBySession.get(session)?.seq ?? -1) + 1;
    for (let e = bySeq.get(start); e !== undefined; e = bySeq.get(start + run.length)) run.push(e);
    if (run.length > 0) runs.set(session, run);
  }
  return runs;
};

export const certsOf = (stored: StoredDoc): Map<SessionId, Uint8Array> => new Map([
  ...coversOf(stored).filter((c) => c.cert.some((b) => b !== 0)).map((c): [SessionId, Uint8Array] => [c.session, c.cert]),
  ...stored.certs.map((c): [SessionId, Uint8Array] => [c.session, c.cert]),
]);

/** Opens every update after the snapshot. */
export const tailOf = async (sealer: Sealer, keys: DocKeys, stored: StoredDoc): Promise<Sorted> => {
  const covered = new Map(coversOf(stored).map((c) => [c.session, c.seq]));
  return inOrder(await openUpdates(sealer, keys, [...runsOf(stored).values()].flat()), covered);
};

/** The last of each session in the snapshot and these updates, which are in their sessions' order. */
export const headsOf = (stored: StoredDoc, updates: readonly Opened[]): readonly Head[] =>
  [...new Map([...coversOf(stored), ...updates].map((h): [SessionId, Head] => [h.session, h])).values()];

/** Of a document whose snapshots are one (compaction.ts: `merged`). `live`: sessions that another tab writes right now. */
export const loadDocument = async (sealer: Sealer, keys: DocKeys, stored: StoredDoc, live: ReadonlySet<SessionId>): Promise<Loaded> => {
  const { ready, waiting } = await tailOf(sealer, keys, stored);
  const runs = runsOf(stored);
  return {
    snapshot: stored.snapshot?.file ?? null,
    updates: ready.map((u) => ({ session: u.session, bytes: u.update })),
    heads: headsOf(stored, ready).map(({ session, seq, hash }) => {
      const run = runs.get(session)?.filter((e) => e.seq <= seq) ?? [];
      return { session, seq, hash, first: run[0]?.seq ?? seq + 1, tail: run.reduce((n, e) => n + e.bytes.length, 0), live: live.has(session) };
    }),
    waiting,
    certs: certsOf(stored),
  };
};

/** Marks for the machine, of the configured relays by their place. */
export const marksOf = (stored: StoredDoc, relays: readonly string[]): readonly Mark[] =>
  stored.marks.map((m) => {
    const at = relays.indexOf(m.relay);
    return { relay: at < 0 ? noRelay : at, store: m.storeId, cursor: m.cursor, known: m.acked };
  });
