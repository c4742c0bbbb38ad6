// The vault's middle: steps the machine, carries out its effects, and passes on what sockets, tabs and the clock say.

import { FreeholdError } from "../errors.ts";
import type { DocId, FromVault, Problem, SessionId } from "../protocol.ts";
import { Compaction } from "./compaction.ts";
import { Document, type DocumentEnds, type Others, type RequestKind } from "./document.ts";
import type { Effect } from "./effects.ts";
import type { VaultEnv } from "./env.ts";
import type { Event } from "./events.ts";
import { relayStates } from "./events.ts";
import { Machine } from "./machine.ts";
import { errorToProblem, problem, relayCodeToNumber } from "./problems.ts";
import { Refs } from "./refs.ts";
import type { Said, Wire } from "../wire/socket.ts";
import type { Copies, StoredSecret } from "../store/store.ts";
import { Tabs, type TabMessage } from "./tabs.ts";
import { isAnswer } from "../wire/sums.ts";
import { weigh, type Batch, type Challenge, type Changed, type RelayError, type RelayFrame } from "../wire/wire.ts";

/** setTimeout takes no more, in milliseconds. */
const LONGEST_TIMER = 0x7fff_ffff;
/** So many attempts in vain, about a second, and an address where there never was a relay is told. */
const ATTEMPTS = 3;

const unreachable = (relay: string): Problem => ({
  code: "not-ready", message: `No relay answers at ${relay}.`,
  hint: "Check the address, and that a relay runs there. Your edits are safe here and go out as soon as one answers.",
});

/** What the hub needs of the vault. */
export interface HubEnds {
  readonly env: VaultEnv;
  readonly copies: Copies;
  readonly name: string;
  /** Of its relay in the home's list. Each has a hub; the first one's also serves the page. */
  readonly place: number;
  /** What the hubs of the other relays are at, and those relays. */
  others(): Others;
  /** `relayState`, or what is wrong with a document there, is another one. */
  turned(): void;
  post(message: FromVault): void;
  /** What is wrong with the device, or with a relay that is left alone. */
  vaultProblem(): Problem | null;
  /** Whether a relay at that address ever had anything of this device. */
  everMet(relay: string): Promise<boolean>;
  /** The machine is gone, and with it everything that it was to do. */
  died(hub: Hub, e: unknown): void;
  /** Another tab said something that is not about an open document. */
  hear(message: Extract<TabMessage, { readonly kind: "head" | "secret" | "forgot" }>): void;
  /** Another tab has documents open that this one, which leads, should sync. */
  adopt(docs: readonly DocId[]): void;
  /** Another tab closed these. */
  release(docs: readonly DocId[]): void;
  /** This tab is the one that talks to the relay from here on, or has another list of relays. */
  led(): void;
  /** A relay said of a document which store it has, null: one for each document; `wasPutBack`: and of it less than it acknowledged. */
  met(relay: string, store: string | null, wasPutBack: boolean, doc: DocId): void;
  /** The relay answered `check`; null: it refused. */
  checked(changed: Changed | null): void;
  /** It does nothing any more. */
  ended(): void;
  /** The first word of the relay on a connection, about that document. */
  connected(doc: DocId): void;
}

export class Hub {
  readonly tabs: Tabs;
  readonly #ends: HubEnds;
  readonly #machine: Machine;
  readonly #documentEnds: DocumentEnds;
  readonly #documentByNumber: Map<number, Document> = new Map();
  readonly #documentById: Map<DocId, Document> = new Map();
  /** Documents that each other tab said it has open. */
  readonly #openByTab: Map<string, Set<DocId>> = new Map();
  readonly #requestById: Map<number, { readonly doc: number; readonly session: SessionId; readonly about: RequestKind }> = new Map();
  readonly #queue: Event[] = [];
  readonly #endOnline: () => void;
  #stepping = false;
  #stopped = false;
  #lastNumber = 0;
  #lastRequest = 0;
  #relays: readonly string[] = [];
  #leads = false;
  #paused = false;
  #wire: Wire | null = null;
  #conn = 0;
  /** The relay said something on that connection. */
  #isGreeted = false;
  /** Of the relay of that connection. */
  #address = "";
  #relayState = 0;
  /** What the one that leads said last. */
  #leader: Pick<Extract<TabMessage, { readonly kind: "relayState" }>, "relay" | "state"> = { relay: "", state: 0 };
  /** Attempts in vain at the relay of `#address`, until one is not. */
  #misses = 0;
  #isReached = false;
  #unreachable: Problem | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(ends: HubEnds, machine: Machine) {
    this.#ends = ends;
    this.#machine = machine;
    const { env, copies } = ends;
    this.tabs = new Tabs(ends.name, env, (m) => this.#hear(m), (e) => ends.post({ kind: "problem", problem: errorToProblem(e) }));
    this.#documentEnds = {
      env, copies, tabs: this.tabs, refs: new Refs(),
      compaction: new Compaction({ copies, sealer: env.sealer, loadCore: () => env.loadCore(), writing: () => this.tabs.writing() }),
      relays: () => this.#relays,
      others: () => ends.others(),
      turned: () => ends.turned(),
      step: (event) => this.step(event),
      post: (message) => ends.post(message),
      send: (conn, frame) => this.#send(conn, frame),
      hello: (conn, ask, by) => {
        if (conn === this.#conn) this.#wire?.hello(ask, by);
      },
      request: (doc, session, about = "append") => {
        this.#requestById.set(++this.#lastRequest, { doc, session, about });
        return this.#lastRequest;
      },
      homeProblem: () => ends.vaultProblem() ?? this.#unreachable,
    };
    this.#endOnline = env.onOnline(() => this.step({ type: "online" }));
    this.tabs.lead(ends.place, () => this.#lead());
    this.tabs.tell({ kind: "who" });
  }

  get leads(): boolean { return this.#leads; }
  /** Of its relay, by this vault or by the one that leads. */
  get relayState(): number { return this.#relayState; }
  get paused(): boolean { return this.#paused; }
  /** It does nothing any more: closed, or its machine died. */
  get stopped(): boolean { return this.#stopped; }
  get documents(): Iterable<Document> { return this.#documentById.values(); }
  document(id: DocId): Document | undefined { return this.#documentById.get(id); }
  isOpenElsewhere(id: DocId): boolean { return this.#elsewhere().has(id); }

  setRelays(relays: readonly string[]): void {
    if (relays.length === this.#relays.length && relays.every((r, i) => r === this.#relays[i])) return;
    this.#relays = relays;
    this.step({ type: "relays", count: relays.length });
    if (!this.#leads) return this.#follow();
    this.#ends.adopt([...this.#elsewhere()]);
    this.#ends.led();
  }
  get relays(): readonly string[] { return this.#relays; }

  /** Closes or reopens every socket, in all tabs of the home. */
  pause(paused: boolean): void {
    this.#setPaused(paused);
    this.tabs.tell({ kind: "pause", paused });
  }

  /** A document for the caller to start. `endUse` is called when it is closed. */
  add(secret: StoredSecret, attached: boolean, endUse: () => void): Document {
    const document = new Document(this.#documentEnds, ++this.#lastNumber, secret, attached, endUse);
    this.#documentByNumber.set(document.number, document);
    this.#documentById.set(document.id, document);
    if (attached) this.tabs.tellOpen("open", [document.id]);
    return document;
  }

  /** Closes it. What waits for the device and cannot wait any longer gets `reason`. */
  async remove(document: Document, reason: FreeholdError = closedError(document.id)): Promise<void> {
    await document.close(reason);
    this.#documentByNumber.delete(document.number);
    if (this.#documentById.get(document.id) === document) this.#documentById.delete(document.id);
    if (document.attached) this.tabs.tellOpen("closed", [document.id]);
  }

  /** Tells the machine, and does what it decides. Events that come while that is done wait for their turn. */
  step(event: Event): void {
    if (this.#stopped) return;
    this.#queue.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        for (const effect of this.#machine.step(this.#ends.env.now(), next)) this.#run(effect);
      }
    } catch (e) {
      // What is durable stays so. Nothing else is known of what was under way.
      this.#stop();
      this.#ends.died(this, e);
    } finally {
      this.#stepping = false;
    }
  }

  close(): void {
    if (!this.#stopped) this.#stop();
    this.tabs.close();
    this.#machine.free();
  }

  #stop(): void {
    this.#stopped = true;
    this.#ends.ended();
    this.#queue.length = 0;
    this.#wire?.close();
    this.#wire = null;
    this.#endOnline();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #lead(): void {
    this.#leads = true;
    this.step({ type: "lead", yes: true });
    this.tabs.tell({ kind: "who" });
    this.#ends.adopt([...this.#elsewhere()]);
    this.#ends.led();
  }

  #setPaused(paused: boolean): void {
    this.#paused = paused;
    this.step({ type: "pause", yes: paused });
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case "connect": return this.#connect(effect.conn, effect.relay);
      case "disconnect":
        if (effect.conn === this.#conn) this.#hangUp();
        return;
      case "timer": return this.#wakeAt(effect.at);
      case "ping": return this.#send(effect.conn, { type: "ping" });
      case "drop": return this.#documentEnds.refs.drop(effect.refs);
      case "statusChanged": this.#tellRelayState(effect.status.state); break;
      default:
    }
    this.#documentByNumber.get(effect.doc)?.run(effect);
  }

  #wakeAt(at: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (at === 0) return;
    const wait = Math.min(Math.max(0, Math.ceil(at - this.#ends.env.now())), LONGEST_TIMER);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      // Timers fire a little early, and the machine finds nothing to do before its time: then nobody would wake it again.
      if (this.#ends.env.now() < at) this.#wakeAt(at);
      else this.step({ type: "wake" });
    }, wait);
  }

  /** Other tabs show the state of the one that leads. */
  #tellRelayState(state: number): void {
    if (!this.#leads || state === this.#relayState) return;
    this.#turn(state);
    this.#sayState();
  }

  /** Whoever leads may have another list: then nobody talks to the relay of this one. */
  #follow(): void {
    const { relay, state } = this.#leader;
    this.#turn(relay === this.#relays[0] ? Math.min(Math.max(0, state), relayStates.length - 1) : 0);
    this.step({ type: "leaderState", state: this.#relayState });
  }

  #sayState(): void { this.tabs.tell({ kind: "relayState", place: this.#ends.place, relay: this.#relays[0] ?? "", state: this.#relayState }); }

  #turn(state: number): void {
    this.#relayState = state;
    this.#ends.turned();
  }

  #connect(conn: number, relay: number): void {
    this.#hangUp();
    this.#conn = conn;
    this.#isGreeted = false;
    const address = this.#relays[relay];
    if (address === undefined) return this.step({ type: "socketClosed", conn, garbage: false });
    if (address !== this.#address) [this.#misses, this.#isReached, this.#unreachable] = [0, false, null];
    this.#address = address;
    this.#wire = this.#ends.env.openWire(address, {
      opened: () => {
        [this.#isReached, this.#unreachable] = [true, null];
        this.step({ type: "socketOpen", conn });
      },
      closed: (garbage) => {
        if (conn === this.#conn) this.#wire = null;
        this.step({ type: "socketClosed", conn, garbage });
        if (!this.#isReached && ++this.#misses === ATTEMPTS) void this.#missed(address);
      },
      frame: (frame) => this.#receive(conn, frame),
    });
  }

  /** Being offline is no problem; an address that is wrong is one, and looks the same but for never having been right. */
  async #missed(address: string): Promise<void> {
    if (await this.#ends.everMet(address)) return;
    if (this.#stopped || this.#isReached || address !== this.#address) return;
    this.#unreachable = unreachable(address);
    this.#ends.post({ kind: "problem", problem: this.#unreachable });
    for (const document of this.documents) document.tellStatus();
  }

  /** Asks the relay which of the documents of a list changed. `add` are members that it does not know. */
  check(list: DocId, sums: Uint8Array, add: readonly StoredSecret[]): void {
    const document = this.#documentById.get(list);
    if (document === undefined) return;
    const req = this.#documentEnds.request(document.number, "", "check");
    const { sealer } = this.#ends.env;
    const members = add.map(({ doc, rights, secret }) => ({ doc, by: { prove: async (relay: string, nonce: Uint8Array) => (await sealer.fetcher(doc, rights, secret)).prove(relay, nonce) } }));
    this.#wire?.check({ type: "check", doc: list, req, sums }, members);
  }

  #hangUp(): void {
    this.#wire?.close();
    this.#wire = null;
    this.#requestById.clear();
  }

  #send(conn: number, frame: Said): void {
    if (conn === this.#conn) this.#wire?.send(frame);
  }

  #receive(conn: number, frame: Exclude<RelayFrame, Challenge>): void {
    if (frame.type === "pong") return this.step({ type: "pong", conn });
    if (frame.type === "error") return this.#refused(conn, frame);
    const document = this.#documentById.get(frame.doc);
    if (document === undefined) {
      if (frame.type === "batch") this.#send(conn, { type: "took", doc: frame.doc, size: weigh(frame) });
      return;
    }
    const doc = document.number;
    switch (frame.type) {
      case "welcome": {
        document.offered = frame.genesis;
        const asked = document.store;
        const isSame = asked === frame.store, isApart = this.#wire?.isApart === true;
        document.store = frame.store;
        this.step({ type: "welcome", conn, doc, store: frame.store, head: frame.head, genesis: frame.genesis !== null });
        const wasPutBack = document.welcomed(frame) && isSame;
        // A store of that document alone says nothing of others, but one that is another than before: theirs may be too.
        if (isApart) this.#ends.met(this.#address, null, wasPutBack || (asked !== null && !isSame), frame.doc);
        else this.#ends.met(this.#address, frame.store, wasPutBack, frame.doc);
        if (this.#isGreeted) return;
        this.#isGreeted = true;
        return this.#ends.connected(frame.doc);
      }
      case "batch": return this.#batch(conn, document, frame);
      case "ack": {
        const request = this.#requestById.get(frame.req);
        this.#requestById.delete(frame.req);
        if (request?.about === "pack") return this.step({ type: "packed", conn, doc, problem: problem.none });
        return this.step({ type: "ack", conn, doc, session: frame.session, seq: frame.seq, cursor: frame.cursor });
      }
      case "presence": return document.hearPresence({ conn, cert: frame.cert?.slice() ?? null, envelope: frame.envelope.slice() });
      case "done": return document.successorAnswered();
      case "changed": {
        const request = this.#requestById.get(frame.req);
        if (request?.about !== "check" || request.doc !== doc) return; // nobody asked
        this.#requestById.delete(frame.req);
        return isAnswer(frame) ? this.#ends.checked(frame) : this.#endGarbled(conn);
      }
      default: return frame satisfies never;
    }
  }

  #batch(conn: number, document: Document, batch: Batch): void {
    const { refs, env } = this.#documentEnds;
    try {
      // All are read before any is kept. A certificate counts for all of its session's: the envelope that it came with may be here already.
      const certBySession = new Map<SessionId, Uint8Array>();
      const read = batch.entries.map((e) => {
        const header = env.sealer.header(e.envelope);
        const { first, about } = env.sealer.clear(e.envelope);
        if (e.cert !== null) certBySession.set(header.session, e.cert.slice());
        return { e, header, first, about };
      });
      const entries = read.map(({ e, header: { kind, session, seq, prev }, first, about }) => ({
        // Copies: one small envelope that waits must not keep a batch of megabytes.
        ref: refs.add({ session, seq, bytes: e.envelope.slice(), cert: certBySession.get(session) ?? null }),
        cursor: e.cursor, kind, size: e.envelope.length, session, first, seq, prev,
        covers: e.covers, about: about?.snapshot.slice() ?? null, verdict: about?.verdict ?? 0,
      }));
      this.step({ type: "batch", conn, doc: document.number, entries, upTo: batch.upTo, more: batch.more });
    } catch (e) {
      if (!(e instanceof FreeholdError)) throw e;
      this.#endGarbled(conn); // no relay that checks envelopes could have stored it
    }
  }

  /** Leaves a relay that said what none that keeps the protocol says. */
  #endGarbled(conn: number): void {
    this.#hangUp();
    this.step({ type: "socketClosed", conn, garbage: true });
  }

  #refused(conn: number, frame: RelayError): void {
    const request = frame.req === null ? undefined : this.#requestById.get(frame.req);
    const document = frame.doc === null ? undefined : this.#documentById.get(frame.doc);
    if (request?.about === "presence") return document?.presenceRefused(); // the next word goes out all the same, and all of a connection have one number
    if (frame.req !== null) this.#requestById.delete(frame.req);
    if (request?.about === "check") return this.#ends.checked(null);
    if (frame.doc !== null && document === undefined) return; // closed meanwhile: it concerns no other
    if (request?.about === "successor") {
      document?.successorAnswered();
      return this.#ends.post({ kind: "problem", problem: errorToProblem(new FreeholdError("relay-refused", frame.message, frame.hint), document?.id) });
    }
    const about = document === undefined ? [...this.#documentByNumber.keys()] : [document.number];
    // A session the relay forgot is introduced again after a pause; the certificate goes along then.
    if (frame.code === "no-session" && request !== undefined) document?.introduceAgain(request.session);
    if (frame.code === "unproven") document?.unproven();
    if (request?.about === "pack") return this.step({ type: "packed", conn, doc: request.doc, problem: relayCodeToNumber(frame.code) });
    const number = frame.code === "no-session" ? problem.relayBusy : relayCodeToNumber(frame.code);
    for (const doc of about) {
      this.step({ type: "refused", conn, doc, session: request?.session ?? null, problem: number, retry: frame.retryAfter, next: frame.seq ?? 0 });
    }
  }

  #elsewhere(): Set<DocId> { return new Set([...this.#openByTab.values()].flatMap((docs) => [...docs])); }

  #openIn(tab: string): Set<DocId> {
    const known = this.#openByTab.get(tab);
    if (known !== undefined) return known;
    const docs = new Set<DocId>();
    this.#openByTab.set(tab, docs);
    this.tabs.whenGone(tab, () => { // a crash says nothing
      this.#openByTab.delete(tab);
      this.#ends.release([...docs]);
    });
    return docs;
  }

  #hear(m: TabMessage): void {
    switch (m.kind) {
      case "who":
        this.tabs.tellOpen("open", [...this.#documentById.values()].filter((d) => d.attached).map((d) => d.id));
        if (this.#paused) this.tabs.tell({ kind: "pause", paused: true });
        if (this.#leads) this.#sayState();
        return;
      case "open":
        for (const doc of m.docs) {
          this.#openIn(m.tab).add(doc);
          this.#documentById.get(doc)?.sayAgain();
        }
        if (this.#leads) this.#ends.adopt(m.docs);
        return;
      case "closed":
        for (const doc of m.docs) this.#openIn(m.tab).delete(doc);
        this.#ends.release(m.docs);
        return;
      case "pause": return this.#setPaused(m.paused);
      case "relayState": {
        if (m.place !== this.#ends.place || this.#leads) return;
        this.#leader = m;
        return this.#follow();
      }
      case "head": case "secret": return this.#ends.hear(m);
      case "forgot":
        for (const docs of this.#openByTab.values()) docs.delete(m.doc);
        return this.#ends.hear(m);
      default: this.#documentById.get(m.doc)?.hear(m);
    }
  }
}

const closedError = (doc: DocId): FreeholdError => new FreeholdError("closed", "This document was closed before the edit was on the device.", "Open it again.", { doc });
