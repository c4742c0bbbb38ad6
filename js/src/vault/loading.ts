// A document as the device has it: from stored bytes to what the page applies and the machine counts.

import type { SessionId, SessionUpdate } from "../protocol.ts";
import type { Head, Mark, Stored } from "./events.ts";
import { noRelay } from "./events.ts";
import { agree, inOrder, openEach, type Opened, type Sorted } from "./payload.ts";
import type { DocKeys, Sealer } from "../seal/sealer.ts";
import { claimsOf, coversOf } from "../store/coverage.ts";
import type { Claim, StoredDoc, StoredEnvelope } from "../store/store.ts";

export interface Loaded {
  readonly snapshot: Uint8Array | null;
  /** After the snapshot, in an order in which they apply. */
  readonly updates: readonly SessionUpdate[];
  /** Ends of what the snapshot and the updates have. */
  readonly heads: readonly Stored[];
  /** What merged snapshots say they have beyond them. */
  readonly claims: readonly Claim[];
  /** Stored, and not for the page yet: something that their writers had seen is not here. */
  readonly waiting: readonly Opened[];
  readonly certs: ReadonlyMap<SessionId, Uint8Array>;
}

/**
 * A session's envelopes after the snapshot, each going on where the one before ends, or behind what claims stand for (internal/sync/claim.go);
 * what stands behind another hole is fetched again.
 */
export const runsOf = (sealer: Sealer, stored: StoredDoc): ReadonlyMap<SessionId, readonly StoredEnvelope[]> => {
  const coverBySession = new Map(coversOf(stored).map((c) => [c.session, c.seq]));
  const claimBySession = new Map(claimsOf(stored).map((c) => [c.session, c.seq]));
  const bySession = new Map<SessionId, { readonly bySeq: Map<number, StoredEnvelope>; readonly packs: Array<{ readonly first: number; readonly envelope: StoredEnvelope }> }>();
  for (const e of stored.envelopes) {
    let of = bySession.get(e.session);
    if (of === undefined) bySession.set(e.session, (of = { bySeq: new Map(), packs: [] }));
    const { first } = sealer.clear(e.bytes);
    if (first !== e.seq) of.packs.push({ first, envelope: e });
    else if (!of.bySeq.has(e.seq)) of.bySeq.set(e.seq, e);
  }
  const runs = new Map<SessionId, readonly StoredEnvelope[]>();
  for (const [session, { bySeq, packs }] of bySession) {
    const run: StoredEnvelope[] = [];
    let next = (coverBySession.get(session) ?? -1) + 1;
    const at = (seq: number): StoredEnvelope | undefined => bySeq.get(seq) ?? packs.find((p) => p.first <= seq && seq <= p.envelope.seq)?.envelope;
    const firsts = [...bySeq.keys(), ...packs.map((p) => p.first)].sort((a, b) => a - b);
    const behind = (hole: number): number => firsts.find((f) => f > hole && f <= (claimBySession.get(session) ?? -1) + 1) ?? hole;
    for (let e = at(next) ?? at((next = behind(next))); e !== undefined; e = at(next) ?? at((next = behind(next)))) {
      run.push(e);
      next = e.seq + 1;
    }
    if (run.length > 0) runs.set(session, run);
  }
  return runs;
};

/** The bytes that hold each place of a run; those of a pack hold several. */
export const bytesBySeq = (sealer: Sealer, run: readonly StoredEnvelope[]): Map<number, Uint8Array> => {
  const bySeq = new Map<number, Uint8Array>();
  for (const e of run) for (let seq = sealer.clear(e.bytes).first; seq <= e.seq; seq++) if (!bySeq.has(seq)) bySeq.set(seq, e.bytes);
  return bySeq;
};

export const certsOf = (stored: StoredDoc): Map<SessionId, Uint8Array> => new Map([
  ...coversOf(stored).filter((c) => c.cert.some((b) => b !== 0)).map((c): [SessionId, Uint8Array] => [c.session, c.cert]),
  ...stored.certs.map((c): [SessionId, Uint8Array] => [c.session, c.cert]),
]);

/** Opens every update after the snapshot. */
export const tailOf = async (sealer: Sealer, keys: DocKeys, stored: StoredDoc): Promise<Sorted> => {
  const covered = new Map(coversOf(stored).map((c) => [c.session, c.seq]));
  const claimed = new Map(claimsOf(stored).map((c) => [c.session, c.seq]));
  const runs = [...runsOf(sealer, stored).values()];
  const opened = await openEach(sealer, keys, runs.flat());
  // A pack may begin before what is missing. Two hubs may have stored two histories: what goes on is the one that the first of them had.
  const endBySession = new Map(coversOf(stored).map((c): [SessionId, Pick<Head, "seq" | "hash">] => [c.session, c]));
  const updates = opened.flat().filter((u) => {
    const end = endBySession.get(u.session) ?? { seq: -1, hash: u.prev };
    const isNext = u.seq === end.seq + 1;
    if (isNext ? !agree(end.hash, u.prev) : u.seq <= end.seq || u.seq > (claimed.get(u.session) ?? -1) + 1) return false;
    endBySession.set(u.session, u);
    return true;
  });
  return inOrder(updates, covered, claimed);
};

/** The last of each session in the snapshot and these updates, which are in their sessions' order. */
export const headsOf = (stored: StoredDoc, updates: readonly Opened[]): readonly Head[] =>
  [...new Map([...coversOf(stored), ...updates].map((h): [SessionId, Head] => [h.session, h])).values()];

/** Of a document whose snapshots are one (compaction.ts: `merged`). `live`: sessions that another tab writes right now. */
export const loadDocument = async (sealer: Sealer, keys: DocKeys, stored: StoredDoc, live: ReadonlySet<SessionId>): Promise<Loaded> => {
  const { ready, waiting } = await tailOf(sealer, keys, stored);
  const runs = runsOf(sealer, stored);
  const covered = new Map(coversOf(stored).map((c) => [c.session, c.seq]));
  return {
    snapshot: stored.snapshot?.file ?? null,
    updates: ready.filter((u) => u.update.length > 0).map((u) => ({ session: u.session, bytes: u.update })),
    heads: headsOf(stored, ready).map(({ session, seq, hash }) => ({ session, seq, hash, ...extent(sealer, covered.get(session) ?? -1, seq, runs.get(session) ?? []), live: live.has(session) })),
    claims: claimsOf(stored),
    waiting,
    certs: certsOf(stored),
  };
};

/** Where the part of a run up to `seq` begins that has no hole in it, its bytes, and how many places before it only claims stand for. */
const extent = (sealer: Sealer, covered: number, seq: number, run: readonly StoredEnvelope[]): { readonly first: number; readonly tail: number; readonly hole: number } => {
  let first = seq + 1, tail = 0, next = covered + 1, hole: number | null = null, isEmpty = true;
  for (const e of run) {
    if (e.seq > seq) break;
    const begin = sealer.clear(e.bytes).first;
    if (begin > next) hole ??= next;
    if (isEmpty || begin > next) [first, tail, isEmpty] = [begin, 0, false];
    tail += e.bytes.length;
    next = e.seq + 1;
  }
  return { first, tail, hole: hole === null ? 0 : first - hole };
};

/** Marks for the machine, of the configured relays by their place. */
export const marksOf = (stored: StoredDoc, relays: readonly string[]): readonly Mark[] =>
  stored.marks.map((m) => {
    const at = relays.indexOf(m.relay);
    return { ...m, relay: at < 0 ? noRelay : at };
  });
