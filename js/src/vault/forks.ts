// Sessions that signed two histories: what came for a place that is here is compared, and both branches kept as the proof.

import type { SessionId } from "../protocol.ts";
import type { Desk } from "./chores.ts";
import { runsOf } from "./loading.ts";
import { agree, hashOf } from "./payload.ts";
import { equal, recent } from "../seal/octets.ts";
import { coversOf } from "../store/coverage.ts";
import { forksIn, proofsIn } from "../store/statements.ts";
import type { StoredEnvelope } from "../store/store.ts";

/** Hashes of what this life stored: most of what comes twice is told without asking the disk. */
const HASHES_KEPT = 4096;
/**
 * Proofs kept of one document, and bytes of one: whoever may write can make as many as he likes. Of more sessions, so many in all, it is
 * remembered that they forked.
 */
const PROOFS = 64;
const PROOF_BYTES = 4 << 20;
const FORKS = 1024;

export class Forks {
  readonly #desk: Desk;
  readonly #hashByPlace = recent<Uint8Array>(HASHES_KEPT);
  /** Proofs, and that sessions forked, which no store took: tried again with the next envelopes that one took. */
  readonly #unkept: Map<SessionId, Uint8Array> = new Map();
  #lane: Promise<unknown> = Promise.resolve();

  constructor(desk: Desk) { this.#desk = desk; }

  /** Envelopes that are durable here. */
  note(envelopes: readonly StoredEnvelope[]): void {
    for (const e of envelopes) void this.#desk.sealer.sha256(e.bytes).then((hash) => this.#hashByPlace.set(placeOf(e), hash));
    for (const [session, proof] of this.#unkept) void this.remember(session, proof).catch(() => undefined);
  }

  /**
   * Sessions that what came, or of `session` what the device has, proves to have signed two histories; the proof of each is durable,
   * or where there is no room for it, that the session forked. True: of what was here before there is the hash alone, and so no proof.
   * Takes the refs.
   */
  compare(session: SessionId | null, refs: readonly number[]): Promise<ReadonlyMap<SessionId, boolean>> {
    const came = refs.map((ref): StoredEnvelope => {
      const { session, seq, bytes } = this.#desk.refs.get(ref);
      return { session, seq, bytes: bytes! };
    });
    this.#desk.refs.drop(refs);
    const found = this.#lane.then(() => this.#compare(session, came));
    this.#lane = found.catch(() => undefined);
    return found;
  }

  /** Keeps the proof that a session forked, or where there is none that it did. */
  remember(session: SessionId, proof: Uint8Array = new Uint8Array()): Promise<void> {
    const kept = this.#lane.then(() => this.#keep(session, proof));
    this.#lane = kept.catch(() => undefined);
    return kept;
  }

  async #keep(session: SessionId, found: Uint8Array): Promise<void> {
    const { copies, id } = this.#desk;
    const proof = found.length > 0 ? found : (this.#unkept.get(session) ?? found);
    if (this.#unkept.size < PROOFS) this.#unkept.set(session, proof);
    const stored = await copies.load(id);
    if (stored === null) return;
    const forks = forksIn(stored);
    const isProof = proof.length > 0 && proof.length <= PROOF_BYTES && proofsIn(stored).length < PROOFS;
    if (isProof || (forks.length < FORKS && !forks.some((s) => s.session === session))) {
      await copies.putStatement(id, { session, bytes: isProof ? proof : new Uint8Array() });
    }
    this.#unkept.delete(session);
  }

  async #compare(of: SessionId | null, came: readonly StoredEnvelope[]): Promise<ReadonlyMap<SessionId, boolean>> {
    const { sealer, copies, id, keys, certs } = this.#desk;
    const found = new Map<SessionId, boolean>();
    const other: StoredEnvelope[] = [];
    const changed = new Set<StoredEnvelope>(); // something else stood there
    for (const e of came) {
      const known = this.#hashByPlace.get(placeOf(e));
      const isKnown = known !== undefined && equal(known, await sealer.sha256(e.bytes));
      if (!isKnown) other.push(e);
      if (!isKnown && known !== undefined) changed.add(e);
    }
    const sessions = new Set(other.map((e) => e.session));
    if (of !== null) sessions.add(of);
    if (sessions.size === 0) return found;
    const stored = await copies.load(id);
    if (stored === null) return found;
    const runs = runsOf(sealer, stored);
    const proven = new Set<SessionId>(proofsIn(stored).map((p) => p.session));
    const covers = coversOf(stored);
    const isSigned = (cert: Uint8Array, e: StoredEnvelope): Promise<boolean> => keys!.verifyRun(cert, null, [e.bytes]).then(() => true, () => false);
    for (const session of sessions) {
      const here = runs.get(session) ?? [];
      const cert = certs.get(session);
      if (cert === undefined || proven.has(session)) continue;
      const isHere = new Set(here);
      const others = other.filter((e) => e.session === session);
      const beside = [...others, ...stored.envelopes.filter((e) => e.session === session && !isHere.has(e))];
      const bytes = beside.length === 0 || here.length === 0 ? null : await keys!.proveFork(cert, here.map((e) => e.bytes), beside.map((e) => e.bytes));
      if (bytes === null) {
        this.note(others.filter((e) => here.some((h) => equal(h.bytes, e.bytes)))); // not looked up again
        for (const e of others) { // a checkpoint took in what stood there, and left its hash
          const end = covers.find((c) => c.session === session && c.seq === e.seq);
          const isOther = changed.has(e) || (end !== undefined && !agree(end.hash, await hashOf(sealer, e.bytes)));
          if (isOther && (await isSigned(cert, e))) found.set(session, true);
        }
        continue;
      }
      await this.#keep(session, bytes);
      found.set(session, false);
    }
    return found;
  }
}

/** Sessions of which the device has two in one place: hubs or tabs that were shown two histories each stored one. */
export const forkedIn = (stored: readonly StoredEnvelope[]): ReadonlySet<SessionId> => {
  const bytesByPlace = new Map(stored.map((e) => [placeOf(e), e.bytes]));
  return new Set(stored.filter((e) => !equal(bytesByPlace.get(placeOf(e))!, e.bytes)).map((e) => e.session));
};

/** A pack ends where another envelope does: its kind, the second byte, tells them apart. */
const placeOf = (e: StoredEnvelope): string => `${e.session}/${e.seq}/${e.bytes[1]}`;
