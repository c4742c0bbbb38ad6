// What goes into an envelope and comes out of it, in the machine's terms.

import { FreeholdError } from "../errors.ts";
import type { SessionId } from "../protocol.ts";
import type { Head } from "./events.ts";
import type { Dep, DocKeys, Sealer, SessionKeys, SnapshotPayload } from "../seal/sealer.ts";
import { equal } from "../seal/octets.ts";
import { Kind } from "../seal/sealer.ts";
import type { StoredEnvelope } from "../store/store.ts";

const DEP_HASH = 16;
const HASH = 32;

export const headToDep = (h: Head): Dep => ({ session: h.session, seq: h.seq, hash: h.hash.subarray(0, DEP_HASH) });

/** A dependency knows half a hash; the machine compares no more. */
export const depToHead = (d: Dep): Head => {
  const hash = new Uint8Array(HASH);
  hash.set(d.hash.subarray(0, DEP_HASH));
  return { session: d.session, seq: d.seq, hash };
};

/** A place in a session with the heads its writer had seen. Inside a pack only the last has a hash, and only the first a `prev`; the others' are zero. */
export interface Opened extends Head {
  readonly prev: Uint8Array;
  readonly deps: readonly Head[];
  /** Empty where there is nothing for the page. */
  readonly update: Uint8Array;
}

const UNKNOWN = new Uint8Array(HASH);
const NOTHING = new Uint8Array();
/**
 * What stands for an update that nobody can read here (docs/FORMAT.md): no version of the core takes the one, and this one not the other. What its
 * writer signed no other reading brings otherwise, so it is given to the core like any other update that it refuses.
 */
const UNREADABLE = Uint8Array.of(0x01);
const NEWER = Uint8Array.of(0x0f);


/** What an update says: what its writer had seen, and the change. */
type Said = Pick<Opened, "deps" | "update">;

const standIn = (why: unknown): Said => {
  const code = why instanceof FreeholdError ? why.code : null;
  if (code !== "newer-format" && code !== "relay-invalid") throw why; // another time it may be read
  return { deps: [], update: code === "newer-format" ? NEWER : UNREADABLE };
};

/** What the session's next envelope names as its predecessor. */
export const hashOf = async (sealer: Sealer, bytes: Uint8Array): Promise<Uint8Array> => sealer.clear(bytes).end ?? sealer.sha256(bytes);

export const sealUpdate = (
  sealer: Sealer, keys: DocKeys, session: SessionKeys, seq: number, prev: Uint8Array, deps: readonly Head[], update: Uint8Array,
): ReturnType<DocKeys["seal"]> => keys.seal(session, Kind.update, seq, prev, sealer.encodeUpdate({ deps: deps.map(headToDep), update }));

/** One of a fresh session, its first and last. FreeholdError("read-only") without write rights. */
export const sealSnapshot = async (
  sealer: Sealer, keys: DocKeys, payload: SnapshotPayload,
): Promise<{ readonly session: SessionKeys; readonly bytes: Uint8Array }> => {
  const session = await keys.newSession();
  const plain = sealer.encodeSnapshot(payload);
  const { bytes } = await keys.seal(session, Kind.snapshot, 0, await sealer.sha256(session.cert), plain);
  return { session, bytes };
};

/** Whether a place says something that this version understands, so that it can be compared. */
export const isRead = ({ update }: Opened): boolean => update !== NEWER;

/** Decrypts envelopes that were verified, and gives what each stands for, in the order given. */
export const openEach = (
  sealer: Sealer, keys: DocKeys, envelopes: readonly StoredEnvelope[], hashes?: readonly Uint8Array[],
): Promise<ReadonlyArray<readonly Opened[]>> => Promise.all(envelopes.map(async (e, i) => openOne(sealer, keys, e, hashes?.[i] ?? (await hashOf(sealer, e.bytes)))));

const openOne = async (sealer: Sealer, keys: DocKeys, { session, seq, bytes }: StoredEnvelope, hash: Uint8Array): Promise<readonly Opened[]> => {
  const { kind, prev } = sealer.header(bytes);
  const { first } = sealer.clear(bytes);
  const said = kind === Kind.update || kind === Kind.pack ? await read(sealer, keys, bytes, kind, seq - first + 1) : [{ deps: [], update: NOTHING }];
  return said.map((says, i) => ({ session, seq: first + i, hash: first + i === seq ? hash : UNKNOWN, prev: i === 0 ? prev : UNKNOWN, ...says }));
};

/** What each place of an update or a pack says. */
const read = async (sealer: Sealer, keys: DocKeys, bytes: Uint8Array, kind: Kind, places: number): Promise<readonly Said[]> => {
  const everywhere = (says: Said): readonly Said[] => Array.from({ length: places }, () => says);
  try {
    const plain = await keys.open(bytes);
    const contents = kind === Kind.pack ? sealer.decodePack(plain) : [plain];
    return contents.length === places ? contents.map((content) => readUpdate(sealer, content)) : everywhere({ deps: [], update: UNREADABLE });
  } catch (why) {
    return everywhere(standIn(why));
  }
};

const readUpdate = (sealer: Sealer, content: Uint8Array): Said => {
  try {
    const { deps, update } = sealer.decodeUpdate(content);
    return { deps: deps.map(depToHead), update };
  } catch (why) {
    return standIn(why);
  }
};

/** Whether two may be the hash of one envelope: zeros say nothing. */
export const agree = (a: Uint8Array, b: Uint8Array): boolean => equal(a, UNKNOWN) || equal(b, UNKNOWN) || equal(a, b);

/** Whether an update's change goes on in the session's next: the one bit that means the same in every version (docs/FORMAT.md). */
export const goesOn = (update: Uint8Array): boolean => ((update[0] ?? 0) & 0x80) !== 0;

export interface Sorted {
  /** Each behind those that its writer had seen; changes whole. */
  readonly ready: readonly Opened[];
  /** What lacks something that its writer had seen or the rest of its change, and what follows it in its session. */
  readonly waiting: readonly Opened[];
}

/** `covered`: the last sequence number of each session that the snapshot has; `claimed`: that somebody says it has. */
export const inOrder = (updates: readonly Opened[], covered: ReadonlyMap<SessionId, number>, claimed: ReadonlyMap<SessionId, number> = new Map()): Sorted => {
  const queueBySession = new Map<SessionId, Opened[]>();
  for (const u of updates) {
    const queue = queueBySession.get(u.session);
    if (queue === undefined) queueBySession.set(u.session, [u]);
    else queue.push(u);
  }
  const queues = [...queueBySession.values()].map((q) => q.sort((a, b) => a.seq - b.seq));
  const at = queues.map(() => 0);
  const doneBySession = new Map(covered);
  // Nobody sees half a change: who names the middle of one was told by a bad snapshot.
  const halves = new Set(updates.filter((u) => goesOn(u.update)).map((u) => `${u.session}/${u.seq}`));
  const isClaimed = (h: Head): boolean => (claimed.get(h.session) ?? -1) >= h.seq;
  const has = (h: Head): boolean => (doneBySession.get(h.session) ?? -1) >= h.seq || halves.has(`${h.session}/${h.seq}`);
  const ready: Opened[] = [];
  /** What a claim stands for is taken as there, and waits for nothing: one change at a time, for it may bring others on. */
  const advance = (claims: boolean): boolean => {
    let moved = false;
    const isReady = (u: Opened): boolean => (claims && isClaimed(u)) || u.deps.every((h) => has(h) || (claims && isClaimed(h)));
    for (const [q, queue] of queues.entries()) {
      for (let end = at[q]!; end < queue.length && isReady(queue[end]!); end++) {
        if (goesOn(queue[end]!.update)) continue;
        ready.push(...queue.slice(at[q]!, end + 1));
        at[q] = end + 1;
        doneBySession.set(queue[end]!.session, queue[end]!.seq);
        moved = true;
        if (claims) return true;
      }
    }
    return moved;
  };
  while (advance(false) || advance(true));
  return { ready, waiting: queues.flatMap((queue, q) => queue.slice(at[q]!)) };
};
