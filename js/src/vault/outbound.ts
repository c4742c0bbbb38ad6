// Envelopes on their way to the relay: the bytes of those that it has not acknowledged, and the frames that carry them.

import type { DocId, SessionId } from "../protocol.ts";
import type { Known } from "./events.ts";
import { bytesBySeq, runsOf } from "./loading.ts";
import type { Sealer } from "../seal/sealer.ts";
import { claimsOf, coversOf } from "../store/coverage.ts";
import type { Copies, StoredDoc } from "../store/store.ts";
import { StoreError } from "../store/storeerror.ts";

/** Bytes kept in memory per document; beyond that they are read from the device when their turn comes. */
const KEPT_BYTES = 4 << 20;
/** One append is acknowledged as a whole, so a slow connection is better served by several. */
const FRAME_BYTES = 512 << 10;

/** Puts one append on the wire. */
export type Frame = (cert: Uint8Array | null, envelopes: readonly Uint8Array[]) => void;

export interface OutboundEnds {
  readonly doc: DocId;
  readonly copies: Copies;
  readonly sealer: Sealer;
  cert(session: SessionId): Uint8Array | null;
}

/** Whether a snapshot has it, or is said to. */
const isIn = (stored: StoredDoc, session: SessionId, seq: number): boolean => [...coversOf(stored), ...claimsOf(stored)].some((c) => c.session === session && c.seq >= seq);

export class Outbound {
  readonly #ends: OutboundEnds;
  readonly #bytesBySession: Map<SessionId, Map<number, Uint8Array>> = new Map();
  #kept = 0;
  /** Sessions whose certificate the relay got on this connection. */
  #introduced: Set<SessionId> = new Set();
  #conn = 0;
  /** Appends leave in the order in which they were asked for, whatever reading their bytes takes. */
  #lane: Promise<unknown> = Promise.resolve();

  constructor(ends: OutboundEnds) { this.#ends = ends; }

  /** A connection greets the document: nothing sent before counts on it. */
  restart(conn: number): void {
    if (conn !== this.#conn) this.#introduced = new Set();
    this.#conn = conn;
  }

  introduceAgain(session: SessionId): void { this.#introduced.delete(session); }

  keep(session: SessionId, seq: number, bytes: Uint8Array, isWanted: boolean): void {
    if (!isWanted || this.#kept > KEPT_BYTES) return;
    let run = this.#bytesBySession.get(session);
    if (run === undefined) this.#bytesBySession.set(session, (run = new Map()));
    if (!run.has(seq)) this.#kept += bytes.length;
    run.set(seq, bytes);
  }

  /** The relay has these: their bytes may go. */
  learn(known: readonly Known[]): void {
    for (const { session, seq } of known) {
      const run = this.#bytesBySession.get(session);
      if (run === undefined) continue;
      for (const [at, bytes] of run) {
        if (at > seq) continue;
        run.delete(at);
        this.#kept -= bytes.length;
      }
      if (run.size === 0) this.#bytesBySession.delete(session);
    }
  }

  /**
   * Sends envelopes [from, to] in one frame or several, the certificate with the first of its session on this connection.
   * Gives the first sequence number that the device still has of them: `from`, unless a checkpoint took some in; then nothing is sent.
   * StoreError("storage-lost") when one of them is in no checkpoint and cannot be found all the same.
   */
  send(session: SessionId, from: number, to: number, frame: Frame, conn: number): Promise<number> {
    const sent = this.#lane.then(async () => {
      const envelopes = await this.#find(session, from, to);
      const hole = envelopes.lastIndexOf(null);
      if (hole >= 0) return from + hole + 1;
      if (conn !== this.#conn) return from;
      const { sealer } = this.#ends;
      const run: Uint8Array[] = [];
      for (const bytes of envelopes as readonly Uint8Array[]) {
        // A pack stands for several: what it brings is left out, whether it came before it here or comes behind it.
        const { first } = sealer.clear(bytes);
        const last = run.at(-1);
        if (last !== undefined && sealer.clear(last).first <= first && sealer.header(last).seq >= sealer.header(bytes).seq) continue;
        while (run.length > 0 && sealer.clear(run.at(-1)!).first >= first) run.pop();
        run.push(bytes);
      }
      let part: Uint8Array[] = [];
      let size = 0;
      const flush = (): void => {
        if (part.length === 0) return;
        this.#put(session, part, frame);
        part = [];
        size = 0;
      };
      for (const bytes of run) {
        if (size + bytes.length > FRAME_BYTES) flush();
        part.push(bytes);
        size += bytes.length;
      }
      flush();
      return from;
    });
    this.#lane = sent.catch(() => undefined);
    return sent;
  }

  /** Sends a snapshot, whose bytes are the caller's: they are of no store, so no other could be read in their place. */
  upload(session: SessionId, bytes: Uint8Array, frame: Frame, conn: number): void {
    this.#lane = this.#lane.then(() => { if (conn === this.#conn) this.#put(session, [bytes], frame); });
  }

  #put(session: SessionId, envelopes: readonly Uint8Array[], frame: Frame): void {
    frame(this.#introduced.has(session) ? null : this.#ends.cert(session), envelopes);
    this.#introduced.add(session);
  }

  async #find(session: SessionId, from: number, to: number): Promise<ReadonlyArray<Uint8Array | null>> {
    const at = (seq: number): Uint8Array | null => this.#bytesBySession.get(session)?.get(seq) ?? null;
    const seqs = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    if (seqs.every((seq) => at(seq) !== null)) return seqs.map(at);
    const stored = await this.#ends.copies.load(this.#ends.doc);
    const { sealer } = this.#ends;
    const bySeq = bytesBySeq(sealer, (stored === null ? undefined : runsOf(sealer, stored).get(session)) ?? []);
    for (const [seq, bytes] of bySeq) if (seq > to && sealer.clear(bytes).first === seq) this.keep(session, seq, bytes, true); // their turn is next
    const found = seqs.map((seq) => at(seq) ?? bySeq.get(seq) ?? null);
    const lost = from + found.lastIndexOf(null);
    // A store that has it may not have been read.
    if (stored !== null && lost >= from && !isIn(stored, session, lost)) throw new StoreError("storage-lost", "what goes to the relay is not found on this device");
    return found;
  }
}
