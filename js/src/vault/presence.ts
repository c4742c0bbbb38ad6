// What one session says to those who have the document open, and what it hears of them: sealed words that nobody stores.

import type { SessionId } from "../protocol.ts";
import type { Desk } from "./chores.ts";
import type { DocEffect } from "./effects.ts";
import type { Event } from "./events.ts";
import { depToHead, headToDep } from "./payload.ts";
import type { TabMessage } from "./tabs.ts";
import { limits, type Presence as Frame } from "../wire/wire.ts";

/** Sessions whose words may wait to be opened; one word of each, the newest to come. */
const WAITING = 64;
/** Other tabs whose last word is kept; more of them are told of anew when they speak. */
const TABS = 16;
/** Of a page that says nothing of itself: an empty map. */
const HERE: Uint8Array = Uint8Array.of(0x80);
/** The last word of a session. */
const LEFT: Uint8Array = new Uint8Array();

interface Line {
  readonly conn: number;
  readonly req: number;
  /** The relay got our certificate on it. */
  isKnown: boolean;
}

/** A word as it came. `conn` is 0 when it came by way of another tab; `near`: it is that tab's own. */
export interface Heard {
  readonly conn: number;
  readonly near: boolean;
  readonly cert: Uint8Array | null;
  readonly envelope: Uint8Array;
}

export interface PresenceEnds {
  step(event: Event): void;
  tell(message: TabMessage): void;
  send(conn: number, frame: Frame): void;
  /** A number for the relay to refuse by: words get no other answer, so one serves all of a connection. */
  request(): number;
}

export class Presence {
  readonly #desk: Desk;
  readonly #ends: PresenceEnds;
  readonly #waitingBySession: Map<SessionId, Heard> = new Map();
  #isOpening = false;
  #state: Uint8Array = HERE;
  /** Where the last word went, and behind which envelope. */
  #last: { readonly conn: number; readonly head: Uint8Array } | null = null;
  /** The newest word of each other tab, for a relay that comes back. */
  readonly #nearBySession: Map<SessionId, Heard> = new Map();
  /** The connection that words go out on. */
  #line: Line | null = null;

  constructor(desk: Desk, ends: PresenceEnds) {
    this.#desk = desk;
    this.#ends = ends;
  }

  /** What the page says of itself from here on; when, the machine decides. */
  set(state: Uint8Array): void {
    this.#state = state;
    this.#ends.step({ type: "presenceSet", doc: this.#desk.doc });
  }

  async seal(e: Extract<DocEffect, { readonly type: "sealPresence" }>): Promise<Event> {
    this.#last = e;
    try {
      await this.#say(e.conn, e.head, e.heads.map(headToDep), this.#state);
    } catch { /* the next word says the same */ }
    return { type: "presenceSealed", doc: this.#desk.doc };
  }

  /** Says goodbye to whoever was told. */
  async leave(): Promise<void> {
    if (this.#last === null) return;
    const { conn, head } = this.#last;
    this.#last = null;
    try {
      await this.#say(conn, head, [], LEFT);
    } catch { /* it is gone for them half a minute later */ }
  }

  /** The relay begins anew with this document, or refused a word: it gets our certificate again. */
  restart(): void { if (this.#line !== null) this.#line.isKnown = false; }

  /** Passes a word of another tab on to the relay, now (`conn` is not 0) or when it is there. */
  forward(conn: number, heard: Heard): void {
    const { session } = this.#desk.sealer.header(heard.envelope);
    this.#nearBySession.delete(session);
    if (this.#nearBySession.size >= TABS) this.#nearBySession.delete(this.#nearBySession.keys().next().value!);
    this.#nearBySession.set(session, heard);
    if (conn !== 0) this.#send(this.#lineOn(conn), heard.cert, heard.envelope);
  }

  /** The relay is there: it gets what other tabs said last. Nobody who comes later would hear of them. */
  pass(conn: number): void {
    for (const { cert, envelope } of this.#nearBySession.values()) this.#send(this.#lineOn(conn), cert, envelope);
  }

  /** Opens a word, unless a newer one of its session comes first. What is not what it says to be is as if it never came. */
  hear(heard: Heard): void {
    let session: SessionId;
    try {
      ({ session } = this.#desk.sealer.header(heard.envelope));
    } catch {
      return;
    }
    if (!this.#waitingBySession.has(session) && this.#waitingBySession.size >= WAITING) return;
    this.#waitingBySession.set(session, heard);
    void this.#openAll();
  }

  /** The document has its keys: what came before is opened. */
  keyed(): void { void this.#openAll(); }

  async #openAll(): Promise<void> {
    if (this.#isOpening || this.#desk.keys === null) return;
    this.#isOpening = true;
    for (const [session, heard] of this.#waitingBySession) {
      this.#waitingBySession.delete(session);
      try {
        this.#ends.step(await this.#open(session, heard));
      } catch { /* nobody of this document said it, or a newer version of the app */ }
    }
    this.#isOpening = false;
  }

  async #open(session: SessionId, { conn, near, cert, envelope }: Heard): Promise<Event> {
    const { keys, certs, sealer, refs, doc } = this.#desk;
    const plain = await keys!.openEphemeral(cert ?? certs.get(session)!, envelope);
    const { heads, state } = sealer.decodePresence(plain);
    const { seq } = sealer.header(envelope);
    const left = state.length === 0;
    const ref = left ? 0 : refs.add({ session, seq, update: state.slice() });
    return { type: "presenceCame", conn, doc, near, session, seq, heads: heads.map(depToHead), ref, left };
  }

  async #say(conn: number, head: Uint8Array, heads: readonly ReturnType<typeof headToDep>[], state: Uint8Array): Promise<void> {
    const { keys, session, sealer } = this.#desk;
    const envelope = await keys!.sealEphemeral(session!, head, sealer.encodePresence({ heads, state }));
    this.#ends.tell({ kind: "presence", doc: this.#desk.id, near: true, cert: session!.cert, envelope });
    if (conn === 0) return;
    const line = this.#lineOn(conn);
    this.#send(line, line.isKnown ? null : session!.cert, envelope);
    line.isKnown = true;
  }

  #lineOn(conn: number): Line {
    if (this.#line?.conn !== conn) this.#line = { conn, req: this.#ends.request(), isKnown: false };
    return this.#line;
  }

  #send(line: Line, cert: Uint8Array | null, envelope: Uint8Array): void {
    if (envelope.length > limits.presence) return;
    this.#ends.send(line.conn, { type: "presence", doc: this.#desk.id, req: line.req, cert, envelope });
  }
}
