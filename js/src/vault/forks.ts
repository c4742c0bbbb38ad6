// Sessions that signed two histories: what came for a place that is here is compared, and both branches kept as the proof.

import type { SessionId } from "../protocol.ts";
import type { Desk } from "./chores.ts";
import { runsOf } from "./loading.ts";
import { equal, recent } from "../seal/octets.ts";
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
  #lane: Promise<unknown> = Promise.resolve();

  constructor(desk: Desk) { this.#desk = desk; }

  /** Envelopes that are durable here. */
  note(envelopes: readonly StoredEnvelope[]): void {
    for (const e of envelopes) void this.#desk.sealer.sha256(e.bytes).then((hash) => this.#hashByPlace.set(placeOf(e), hash));
  }

  /**
   * Sessions that what came, or of `session` what the device has, proves to have signed two histories; the proof of each is durable,
   * or where there is no room for it, that the session forked.
   * Takes the refs.
   */
  compare(session: SessionId | null, refs: readonly number[]): Promise<readonly SessionId[]> {
    const came = refs.map((ref): StoredEnvelope => {
      const { session, seq, bytes } = this.#desk.refs.get(ref);
      return { session, seq, bytes: bytes! };
    });
    this.#desk.refs.drop(refs);
    const found = this.#lane.then(() => this.#compare(session, came));
    this.#lane = found.catch(() => undefined);
    return found;
  }

  /** Keeps that a session forked, where no proof is kept. */
  remember(session: SessionId): Promise<void> {
    const kept = this.#lane.then(() => this.#keep(session, new Uint8Array()));
    this.#lane = kept.catch(() => undefined);
    return kept;
  }

  async #keep(session: SessionId, proof: Uint8Array): Promise<void> {
    const { copies, id } = this.#desk;
    const stored = await copies.load(id);
    if (stored === null) return;
    const forks = forksIn(stored);
    const isProof = proof.length > 0 && proof.length <= PROOF_BYTES && proofsIn(stored).length < PROOFS;
    if (isProof || (forks.length < FORKS && !forks.some((s) => s.session === session))) {
      await copies.putStatement(id, { session, bytes: isProof ? proof : new Uint8Array() });
    }
  }

  async #compare(of: SessionId | null, came: readonly StoredEnvelope[]): Promise<readonly SessionId[]> {
    const { sealer, copies, id, keys, certs } = this.#desk;
    const other: StoredEnvelope[] = [];
    for (const e of came) {
      const known = this.#hashByPlace.get(placeOf(e));
      if (known === undefined || !equal(known, await sealer.sha256(e.bytes))) other.push(e);
    }
    const sessions = new Set(other.map((e) => e.session));
    if (of !== null) sessions.add(of);
    if (sessions.size === 0) return [];
    const stored = await copies.load(id);
    if (stored === null) return [];
    const runs = runsOf(sealer, stored);
    const proven = new Set<SessionId>(proofsIn(stored).map((p) => p.session));
    const found: SessionId[] = [];
    for (const session of sessions) {
      const here = runs.get(session);
      const cert = certs.get(session);
      if (here === undefined || cert === undefined || proven.has(session)) continue;
      const isHere = new Set(here);
      const others = other.filter((e) => e.session === session);
      const beside = [...others, ...stored.envelopes.filter((e) => e.session === session && !isHere.has(e))];
      const bytes = beside.length === 0 ? null : await keys!.proveFork(cert, here.map((e) => e.bytes), beside.map((e) => e.bytes));
      if (bytes === null) {
        this.note(others.filter((e) => here.some((h) => equal(h.bytes, e.bytes)))); // not looked up again
        continue;
      }
      await this.#keep(session, bytes);
      proven.add(session);
      found.push(session);
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
