// A document as the device has it: from stored bytes to what the page applies and the machine counts.

import type { SessionId, SessionUpdate } from "../protocol.ts";
import type { Mark, Stored } from "./events.ts";
import { noRelay } from "./events.ts";
import { inOrder, openUpdates, type Opened } from "./payload.ts";
import type { DocKeys, Sealer } from "./sealer.ts";
import type { SessionHead, StoredDoc, StoredEnvelope } from "./store.ts";

export interface Loaded {
  readonly snapshot: Uint8Array | null;
  /** After the snapshot, in an order in which they apply. */
  readonly updates: readonly SessionUpdate[];
  readonly heads: readonly Stored[];
  readonly certs: ReadonlyMap<SessionId, Uint8Array>;
}

/** A session's envelopes after the snapshot, consecutive from the first; what stands behind a hole is fetched again. */
export const runsOf = (stored: StoredDoc): ReadonlyMap<SessionId, readonly StoredEnvelope[]> => {
  const coverBySession = new Map(stored.snapshot?.covers.map((c) => [c.session, c]));
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
  ...(stored.snapshot?.covers ?? []).filter((c) => c.cert.some((b) => b !== 0)).map((c): [SessionId, Uint8Array] => [c.session, c.cert]),
  ...stored.certs.map((c): [SessionId, Uint8Array] => [c.session, c.cert]),
]);

/** Opens every update after the snapshot, in an order in which they apply. */
export const tailOf = async (sealer: Sealer, keys: DocKeys, stored: StoredDoc): Promise<readonly Opened[]> => {
  const covered = new Map(stored.snapshot?.covers.map((c) => [c.session, c.seq]));
  return inOrder(await openUpdates(sealer, keys, [...runsOf(stored).values()].flat()), covered);
};

/** `live`: sessions that another tab writes right now. */
export const loadDocument = async (sealer: Sealer, keys: DocKeys, stored: StoredDoc, live: ReadonlySet<SessionId>): Promise<Loaded> => {
  const tail = await tailOf(sealer, keys, stored);
  const covers: readonly SessionHead[] = stored.snapshot?.covers ?? [];
  const headBySession = new Map<SessionId, Stored>(
    covers.map((c) => [c.session, { session: c.session, seq: c.seq, hash: c.hash, first: c.seq + 1, tail: 0, live: live.has(c.session) }]),
  );
  for (const [session, run] of runsOf(stored)) {
    const last = run[run.length - 1]!;
    const hash = tail.find((u) => u.session === session && u.seq === last.seq)!.hash;
    const size = run.reduce((n, e) => n + e.bytes.length, 0);
    headBySession.set(session, { session, seq: last.seq, hash, first: run[0]!.seq, tail: size, live: live.has(session) });
  }
  return {
    snapshot: stored.snapshot?.file ?? null,
    updates: tail.map((u) => ({ session: u.session, bytes: u.update })),
    heads: [...headBySession.values()],
    certs: certsOf(stored),
  };
};

/** Marks for the machine, of the configured relays by their place. */
export const marksOf = (stored: StoredDoc, relays: readonly string[]): readonly Mark[] =>
  stored.marks.map((m) => {
    const at = relays.indexOf(m.relay);
    return { relay: at < 0 ? noRelay : at, store: m.storeId, cursor: m.cursor, known: m.acked };
  });
