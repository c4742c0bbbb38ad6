// One open document: carries out what the machine decides about it, with its keys, its stored bytes and its page.

import { addressOf } from "../address.ts";
import { FreeholdError } from "../errors.ts";
import { toBase64url } from "../ids.ts";
import type { DocId, FromVault, Problem, Rights, SessionId, SessionUpdate, VaultStatus } from "../protocol.ts";
import * as chores from "./chores.ts";
import type { Compaction } from "./compaction.ts";
import type { DocEffect, StatusNumbers } from "./effects.ts";
import type { VaultEnv } from "./env.ts";
import { relayStates, type Event, type Head, type Known, type Mark, type SharedEntry } from "./events.ts";
import { bytesBySeq, certsOf, loadDocument, marksOf, runsOf, tailOf, type Loaded } from "./loading.ts";
import { forkedIn, Forks } from "./forks.ts";
import { Outbound, type Frame } from "./outbound.ts";
import { goesOn, type Opened } from "./payload.ts";
import { Presence, type Heard } from "./presence.ts";
import { errorToNumber, errorToProblem, problem, toProblem, type ProblemNumber } from "./problems.ts";
import type { Refs } from "./refs.ts";
import { SealedList } from "./sealedlist.ts";
import { Kind, type DocKeys, type Fetcher, type SessionKeys } from "../seal/sealer.ts";
import { coversOf } from "../store/coverage.ts";
import { betterSecret } from "../store/union.ts";
import { forksIn, OWNER, proofsIn, successorIn } from "../store/statements.ts";
import type { Copies, StoredDoc, StoredEnvelope, StoredSecret } from "../store/store.ts";
import { opens } from "../seal/keys.ts";
import type { TabEnvelope, TabMessage, Tabs } from "./tabs.ts";
import type { Ask, Prover } from "../wire/socket.ts";
import type { Said } from "../wire/socket.ts";
import type { Covers, Welcome } from "../wire/wire.ts";

/** Marks are worth little: written at most once in this time, in milliseconds. */
const MARK_EVERY = 500;

/** What a request to the relay is about: envelopes, a pack in the place of a run, presence, the owner's word, or what changed of what it lists. */
export type RequestKind = "append" | "pack" | "presence" | "successor" | "check";

/** What a document needs of its vault. */
export interface DocumentEnds {
  readonly env: VaultEnv;
  readonly copies: Copies;
  readonly compaction: Compaction;
  readonly tabs: Tabs;
  readonly refs: Refs;
  relays(): readonly string[];
  others(): Others;
  /** What is wrong with it is another thing than before, where no page has it open. */
  turned(): void;
  step(event: Event): void;
  post(message: FromVault): void;
  /** Does nothing when that connection is gone. */
  send(conn: number, frame: Said): void;
  /** Likewise. */
  hello(conn: number, ask: Ask, by: Prover): void;
  /** A number for a request to the relay about a session of this document. */
  request(doc: number, session: SessionId, about?: RequestKind): number;
  /** What the device copy suffers from right now. */
  /** What is wrong with the device, or with the relay for every document. */
  homeProblem(): Problem | null;
}

interface Waiter {
  readonly to: number;
  readonly resolve: () => void;
  readonly reject: (e: FreeholdError) => void;
}

/** Of a status: all that is known of is here. */
const COMPLETE = 2;

const none: StatusNumbers = { content: 0, device: 0, relay: 0, peer: 0, unsent: 0, behind: 0, state: 0, peers: 0, seen: 0, problem: 0 };

/** The relays of the other hubs, for the one that serves the page. */
export interface Others {
  /** The best that one of them is at. */
  readonly state: number;
  readonly relays: readonly string[];
  /** What is wrong with a document at one of them. */
  problem(doc: DocId): ProblemNumber;
}

export class Document {
  /** The machine's name for it. */
  readonly number: number;
  readonly id: DocId;
  readonly rights: Rights;
  /** A page of this vault has it open; otherwise it is here only to be synced. */
  attached: boolean;
  /** The genesis that the relay gave last. */
  offered: Uint8Array | null = null;
  /** The owner's word on where it goes on, and what it says; checked, and on this device. */
  #statement: Uint8Array | null = null;
  #successor: DocId | null = null;
  /** A relay has it: then no other word counts. */
  #stands = false;
  /** What the relay has of it, by its last welcome and answer. */
  #relayHas: "unknown" | "nothing" | "soon" | "all" = "unknown";
  /** What came before there was a key to check it. */
  #unchecked: (() => void) | null = null;
  #goingOn: Promise<void> = Promise.resolve();
  /** The store that has what the machine knows to be on the relay: as its last hello or welcome names it, or who talks to the relay in another tab. */
  store: string | null = null;
  readonly #ends: DocumentEnds;
  readonly #outbound: Outbound;
  readonly #presence: Presence;
  /** The connection that greeted it last. */
  #conn = 0;
  readonly #sealed: SealedList;
  readonly #desk: chores.Desk;
  readonly #forks: Forks;
  #secret: StoredSecret;
  #fetcher: Promise<Fetcher> | null = null;
  #endWriting: () => void = () => undefined;
  readonly #endUse: () => void;
  #waiters: readonly Waiter[] = [];
  #accepted = 0;
  /** The device refused the first edit of those that it lacks, and is asked again by and by. Nobody waits for it meanwhile. */
  #refusal: FreeholdError | null = null;
  #status: StatusNumbers = none;
  #mark: Mark | null = null;
  #markTimer: ReturnType<typeof setTimeout> | null = null;
  /** What other tabs said before the stored bytes were read. Null: read. */
  #early: Extract<TabMessage, { readonly doc: DocId }>[] | null = [];
  /** What to tell the page once it has the document. Null: it has it. */
  #unsaid: FromVault[] | null = [];
  /** The genesis that was offered is being checked, and kept. */
  #checking: Promise<void> | null = null;
  #isWelcome = false;
  /** By that welcome, the relay's log has nothing. */
  #isEmptyThere = false;
  /** What was known of the relay does not hold any more. */
  #wasReset = false;
  /** What was shown although the relay was asked in vain for something that it names. */
  readonly #waivedBySession: Map<SessionId, Known> = new Map();
  /** Pieces of work that the machine waits for: what came is being opened, or stored. */
  readonly #chores: Set<Promise<void>> = new Set();
  /** Who waits for the relay to have all of it. */
  #senders: (() => void)[] = [];
  #closed = false;

  /** `endUse` is called when it is closed and nothing of it is written any more. */
  constructor(ends: DocumentEnds, number: number, secret: StoredSecret, attached: boolean, endUse: () => void) {
    this.#ends = ends;
    this.#endUse = endUse;
    this.number = number;
    this.id = secret.doc;
    this.rights = secret.rights;
    this.attached = attached;
    this.#secret = secret;
    this.#desk = {
      doc: number, id: secret.doc, sealer: ends.env.sealer, copies: ends.copies, compaction: ends.compaction, refs: ends.refs,
      certs: new Map(), storedCerts: new Set(), keys: null, session: null, writer: toBase64url(ends.env.random(16)),
    };
    this.#forks = new Forks(this.#desk);
    this.#sealed = new SealedList((envelopes) => this.#post({ kind: "sealed", doc: this.id, envelopes }));
    this.#presence = new Presence(this.#desk, {
      step: (event) => ends.step(event),
      tell: (message) => this.#tell(message),
      send: (conn, frame) => ends.send(conn, frame),
      request: () => ends.request(number, this.#desk.session?.session ?? "", "presence"),
    });
    this.#outbound = new Outbound({ doc: this.id, sealer: ends.env.sealer, copies: ends.copies, cert: (s) => this.#desk.certs.get(s) ?? null });
  }

  /** What this vault's page writes as. Null: it does not. */
  get session(): SessionKeys | null { return this.#desk.session; }
  /** Envelopes that the relay of its hub lacks. */
  get behind(): number { return this.#status.behind; }
  /** What is wrong at the relay of its hub; 0 when that is not there: what it gave once is no concern any more. */
  get problemThere(): ProblemNumber { return relayStates[this.#status.state] === "live" ? this.#status.problem : problem.none; }

  get status(): VaultStatus {
    const s = this.#status;
    const others = this.#ends.others();
    return {
      content: s.content === 0 ? "waiting" : s.content === 1 ? "partial" : "complete",
      device: s.device, relay: s.relay, peer: s.peer, unsent: s.unsent, peers: s.peers, seen: s.seen,
      relayState: relayStates[Math.max(s.state, others.state)] ?? "offline",
      copies: this.#ends.copies.copies,
      successor: this.#successor,
      problem: toProblem(s.problem, this.id) ?? toProblem(others.problem(this.id), this.id) ?? this.#ends.homeProblem() ?? this.#moved() ?? this.#nowhere(),
    };
  }

  #moved(): Problem | null {
    if (this.#successor === null) return null;
    return { code: "moved", message: "The owner of this document made it again under other keys.", hint: "Ask for its new link. What you have stays here, and can still be edited; others have moved on.", doc: this.id };
  }

  /**
   * Nothing of it is here, and there is no relay to ask. SECURITY: what a link names is not connected to by itself: a home has all of its
   * documents on its relays, and whoever made the link would see them come.
   */
  #nowhere(): Problem | null {
    if (this.#status.content !== 0 || this.#ends.relays().length > 0) return null;
    const address = addressOf(this.#secret.relayHint ?? "");
    return {
      code: "not-ready", doc: this.id,
      message: `Nothing of this document is here, and this home has no relay${address === null ? "" : `. Its link says that it is on ${new URL(address).host}`}.`,
      hint: address === null ? "Give freehold() a relay, or home.relays.set([…])." : `If that is a relay that you know: home.relays.set(["${address}"]). All of this home goes there, sealed.`,
    };
  }

  /**
   * The owner's word on where it goes on: said here, or by a relay (`stands`), to which a word that no relay has yields. What nobody signed
   * is not believed. Resolves when it is on this device; the relay hears of it once it is there.
   */
  goOn(statement: Uint8Array, stands: boolean): Promise<void> {
    const mine = this.#goingOn.then(() => this.#goOn(statement, stands));
    this.#goingOn = mine.catch(() => undefined);
    return mine;
  }
  async #goOn(statement: Uint8Array, stands: boolean): Promise<void> {
    if (this.#closed) throw new FreeholdError("closed", "This document was closed.", "Open it again.", { doc: this.id });
    const { keys } = this.#desk;
    if (keys === null) return void (this.#unchecked = () => this.#hearSuccessor(statement, stands));
    const successor = await keys.verifySuccessor(statement);
    if (this.#successor !== null && (this.#stands || !stands)) return;
    const isNews = successor !== this.#successor;
    if (isNews) await this.#ends.copies.putStatement(this.id, { session: OWNER, bytes: statement });
    [this.#statement, this.#successor, this.#stands] = [statement, successor, stands];
    this.#tell({ kind: "successor", doc: this.id, statement, stands });
    if (isNews) this.tellStatus();
    this.#bringSuccessor();
  }
  #hearSuccessor(statement: Uint8Array, stands: boolean): void {
    this.goOn(statement, stands).catch((e: unknown) => {
      if (!this.#closed) this.#ends.post({ kind: "problem", problem: errorToProblem(e, this.id) });
    });
  }
  #bringSuccessor(): void {
    if (this.#relayHas !== "nothing" || this.#statement === null) return;
    this.#relayHas = "soon";
    this.#ends.send(this.#conn, { type: "successor", doc: this.id, req: this.#ends.request(this.number, "", "successor"), statement: this.#statement });
  }

  /** Reads what is stored, makes keys and a session, and tells the machine. */
  async start(stored: StoredDoc | null, isNew: boolean): Promise<Loaded> {
    const { env, tabs } = this.#ends;
    let loaded: Loaded = { snapshot: null, updates: [], heads: [], claims: [], waiting: [], certs: new Map() };
    if (this.#secret.genesis !== null) {
      this.#desk.keys = await env.sealer.keys(this.id, this.rights, this.#secret.secret, this.#secret.genesis);
      if (stored !== null) loaded = await loadDocument(env.sealer, this.#desk.keys, await this.#desk.compaction.merged(stored), await tabs.writing());
      const statement = stored === null ? null : successorIn(stored);
      if (statement !== null) [this.#statement, this.#successor] = [statement, await this.#desk.keys.verifySuccessor(statement)];
      await this.#beginSession();
    }
    const marks = stored === null ? [] : marksOf(stored, this.#ends.relays());
    this.store = marks.find((m) => m.relay === 0)?.store ?? null;
    for (const [session, cert] of loaded.certs) this.#desk.certs.set(session, cert);
    for (const c of stored?.certs ?? []) this.#desk.storedCerts.add(c.session);
    this.#sealed.add(stored?.envelopes.map((e) => e.bytes) ?? []);
    this.#ends.step({
      type: "docOpen", doc: this.number, writable: this.rights !== "read", keyed: this.#desk.keys !== null,
      content: isNew || loaded.snapshot !== null || loaded.updates.length > 0,
      ...(await this.#own()), snapshot: loaded.snapshot?.length ?? 0, heads: loaded.heads,
      marks,
      frozen: stored === null ? [] : forksIn(stored).map((p) => p.session),
      claims: loaded.claims,
    });
    if (loaded.waiting.length > 0) this.#share(this.#withBytes(stored!, loaded.waiting), false, true);
    const { relays } = this.#ends.others();
    const elsewhere = stored?.marks.filter((m) => relays.includes(m.relay)).flatMap((m) => m.known) ?? [];
    if (relays.length > 0) this.#ends.step({ type: "relayHas", doc: this.number, other: true, reset: false, known: elsewhere, waived: [] });
    for (const { session } of stored === null ? [] : proofsIn(stored)) this.#ends.step({ type: "proven", doc: this.number, session, bare: false });
    for (const session of forkedIn(stored?.envelopes ?? [])) void this.#compare(session, []);
    const early = this.#early ?? [];
    this.#early = null;
    for (const message of early) this.hear(message);
    return loaded;
  }

  /** The page has the document: it is told what happened since it was read, and from here on at once. */
  speak(): void {
    const unsaid = this.#unsaid ?? [];
    this.#unsaid = null;
    for (const message of unsaid) this.#post(message);
  }

  /** An edit of the page. Resolves when it is durable; when it could not be stored it rejects, and is stored later all the same. */
  update(session: SessionId, to: number, bytes: Uint8Array): Promise<void> {
    if (this.#closed || session !== this.session?.session) throw new FreeholdError("closed", "This writing session has ended.", "Open the document again.", { doc: this.id });
    return new Promise((resolve, reject) => {
      if (to <= this.#status.device) return resolve();
      if (this.#refusal === null) this.#waiters = [...this.#waiters, { to, resolve, reject }];
      else reject(this.#refusal);
      if (to <= this.#accepted) return; // offered again after a failure: it is still in the queue
      this.#accepted = to;
      this.#ends.step({ type: "local", doc: this.number, ref: this.#ends.refs.add({ session, seq: 0, update: bytes, to }), to, more: goesOn(bytes) });
    });
  }

  /** Resolves when no own edit is on its way to the device, or the device refused one. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#waiters.map((w) => new Promise<void>((resolve) => {
      this.#waiters = [...this.#waiters, { to: w.to, resolve, reject: () => resolve() }];
    })));
  }

  /** The machine forgets it, its journal is given up. Whoever still waits is told `reason`: what is not durable by now is not kept. */
  async close(reason: FreeholdError): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const w of waiters) w.reject(reason);
    this.#lookSent();
    await this.#presence.leave(); // the last thing said: from here on the relay passes nothing on
    this.#ends.step({ type: "docClose", doc: this.number });
    this.#sealed.close();
    this.#endWriting();
    await Promise.allSettled([...this.#chores, this.#checking]); // they write too: a checkpoint is the document's content
    await this.#writeMark();
    await this.#ends.copies.release(this.id, this.#desk.writer);
    this.#endUse();
  }

  /** Carries out an effect; results come back as events. */
  run(e: DocEffect): void {
    const { refs } = this.#ends;
    switch (e.type) {
      case "hello":
        if (this.store !== null && e.store !== this.store) this.#forgetRelay();
        this.store = e.store;
        this.#isWelcome = false;
        this.#conn = e.conn;
        this.#outbound.restart(e.conn);
        this.#presence.restart();
        return this.#ends.hello(e.conn, { type: "hello", doc: this.id, genesis: this.#secret.genesis, since: e.since, store: e.store }, this.#prover());
      case "credit": return this.#ends.send(e.conn, { type: "took", doc: this.id, size: e.size });
      case "leave": return this.#ends.send(e.conn, { type: "unsubscribe", doc: this.id });
      case "checkGenesis": return this.#checkGenesis();
      case "seal": return this.#answer(chores.seal(this.#desk, e));
      case "sealAttest": return this.#answer(chores.sealAttest(this.#desk, e));
      case "store": return this.#answer(chores.store(this.#desk, e, (envelopes) => this.#stored(envelopes)));
      case "durable": return this.#durable(e.ref);
      case "notDurable": return this.#notDurable(toProblem(e.problem, this.id)!);
      case "open": return this.#answer(e.kind === Kind.snapshot ? chores.openSnapshot(this.#desk, e) : chores.open(this.#desk, e));
      case "keepForked":
        this.#tell({ kind: "proven", doc: this.id, session: e.session, bare: true });
        return void this.#forks.remember(e.session).catch(() => undefined); // it is tried again
      case "compare": return void this.#compare(e.session, e.refs);
      case "spread": return this.#tell({ kind: "envelopes", doc: this.id, live: false, envelopes: e.refs.map((r) => this.#tabEnvelope(r)) });
      case "show": return this.#show(e.refs);
      case "reread": return void this.#reread(e.heads);
      case "check": return this.#answer(chores.check(this.#desk, e));
      case "merge": return this.#answer(chores.merge(this.#desk, e, (file, claims) => this.#merged(file, claims)));
      case "append": return void this.#append(e.conn, e.session, e.from, e.to);
      case "pack": return void this.#pack(e);
      case "makeSnapshot": return this.#answer(chores.makeSnapshot(this.#desk, e, (bytes) => this.#sealed.add([bytes])));
      case "upload": {
        const { session, bytes } = refs.get(e.ref);
        return this.#outbound.upload(session, bytes!, this.#frame(e.conn, session, { store: e.store, upTo: e.covers }), e.conn);
      }
      case "learnt":
        this.#outbound.learn(e.known);
        this.#wasReset ||= e.reset;
        for (const k of e.waived) this.#waivedBySession.set(k.session, k);
        return this.#tell({ kind: "relayHas", doc: this.id, relay: this.#relay, store: this.store, reset: e.reset, known: e.known, waived: e.waived });
      case "markChanged": return this.#remember(e.mark);
      case "checkpoint": return this.#answer(chores.checkpoint(this.#desk, e));
      case "sealPresence": return this.#answer(this.#presence.seal(e));
      case "showPresence": return this.#showPresence(e.session, e.ref);
      case "statusChanged": {
        const before = this.problemThere;
        this.#status = e.status;
        if (!this.attached && this.problemThere !== before) this.#ends.turned();
        this.#lookSent();
        return this.tellStatus();
      }
      default: return e satisfies never;
    }
  }

  /** What the page says of itself, to whoever has the document open; empty: it is going, and says goodbye. */
  say(state: Uint8Array): void {
    if (state.length > 0) this.#presence.set(state);
    else void this.#presence.leave();
  }

  /** A word of presence from the relay, for this tab and the others. */
  hearPresence(word: Omit<Heard, "near">): void {
    this.#tell({ kind: "presence", doc: this.id, near: false, cert: word.cert, envelope: word.envelope });
    this.#presence.hear({ ...word, near: false });
  }
  presenceRefused(): void { this.#presence.restart(); }

  /** The relay answered the owner's word; one that refuses it is asked again with the next welcome. */
  successorAnswered(): void {
    this.#relayHas = "all";
    this.#lookSent();
  }

  /** The relay's welcome was taken in. Gives whether what was known of the relay turned out not to hold any more. From here on `behind` counts by the store that it has. */
  welcomed({ genesis, successor, head }: Welcome): boolean {
    this.#isEmptyThere = head === 0;
    this.#relayHas = successor !== null ? "all" : genesis !== null ? "nothing" : "unknown";
    if (successor === null) this.#bringSuccessor();
    else this.#hearSuccessor(successor.slice(), true);
    const wasReset = this.#wasReset;
    this.#wasReset = false;
    this.#isWelcome = true;
    this.#presence.pass(this.#conn);
    this.#lookSent();
    return wasReset;
  }

  /** Resolves when relay and device have the same, or it was closed. */
  sent(): Promise<void> {
    return new Promise((resolve) => {
      this.#senders.push(resolve);
      this.#lookSent();
    });
  }

  /** The relay has all that is here, and all that it has is here. */
  get isEven(): boolean {
    const { state, content, problem: wrong } = this.#status;
    // Content is partial while what came is taken in. What is wrong is not waited for.
    const isTaken = this.#chores.size === 0 && (content === COMPLETE || wrong !== problem.none || this.#isEmptyThere);
    return this.#isWelcome && (this.#isEmptyThere || relayStates[state] === "live") && isTaken && this.behind === 0 && this.#relayHas !== "soon";
  }

  #lookSent(): void {
    // When all that the machine decides now is under way.
    queueMicrotask(() => { if (this.#closed || this.isEven) for (const resolve of this.#senders.splice(0)) resolve(); });
  }

  /** The relay does not know a session: its certificate goes with its next append. */
  introduceAgain(session: SessionId): void { this.#outbound.introduceAgain(session); }

  /** Says the status again, after something outside the machine changed it. */
  tellStatus(): void { this.#post({ kind: "status", doc: this.id, status: this.status }); }

  /** Another hub or tab opened it: it hears what this one said before and no store knows. */
  sayAgain(): void {
    const { known, store } = this.#mark ?? { known: [], store: null }; // what is written down already it reads
    if (known.length + this.#waivedBySession.size > 0) this.#tell({ kind: "relayHas", doc: this.id, relay: this.#relay, store, reset: false, known, waived: [...this.#waivedBySession.values()] });
  }

  /** What another tab made durable. */
  hear(m: Extract<TabMessage, { readonly doc: DocId }>): void {
    if (this.#early !== null) return void this.#early.push(m);
    switch (m.kind) {
      case "envelopes": return this.#share(m.envelopes, m.live, false);
      case "snapshot":
        this.#post({ kind: "snapshot", doc: this.id, bytes: m.file });
        return this.#ends.step({ type: "sharedSnapshot", doc: this.number, claims: m.claims });
      case "presence":
        if (m.near) this.#presence.forward(this.#isWelcome ? this.#conn : 0, { ...m, conn: 0 });
        return this.#presence.hear({ ...m, conn: 0 });
      case "relayHas": {
        const other = !this.#isMine(m);
        if (!other) this.store = m.store ?? this.store;
        return this.#ends.step({ type: "relayHas", doc: this.number, other, reset: m.reset, known: m.known, waived: m.waived });
      }
      case "keyed":
        this.offered = m.genesis;
        this.#checkGenesis();
        return;
      case "successor": return this.#hearSuccessor(m.statement, m.stands);
      case "proven": return this.#ends.step({ type: "proven", doc: this.number, session: m.session, bare: m.bare });
      case "head": case "secret": case "forgot": return;
      default: return m satisfies never;
    }
  }

  get #relay(): string { return this.#ends.relays()[0] ?? ""; }

  /** Whether what another hub or tab learnt is of the store in question here. Before this one ever asked, that of whoever talks to its relay takes the place of another, and of what was known. */
  #isMine(m: Extract<TabMessage, { readonly kind: "relayHas" }>): boolean {
    return m.store === this.store || (this.#conn === 0 && m.relay === this.#relay && (this.store === null || m.reset));
  }
  #forgetRelay(): void { this.#ends.step({ type: "relayHas", doc: this.number, other: false, reset: true, known: [], waived: [] }); }

  /** The relay does not believe that this device has a link. Where the keys were never checked, it is the link that is wrong. */
  unproven(): void {
    if (this.#desk.keys === null) this.#ends.step({ type: "docRefused", doc: this.number, problem: problem.wrongKey });
  }

  #prover(): Prover {
    const fetcher = (this.#fetcher ??= this.#ends.env.sealer.fetcher(this.id, this.rights, this.#secret.secret));
    return { prove: async (relay, nonce) => (await fetcher).prove(relay, nonce), token: async (relay, expiry) => (await fetcher).token(relay, expiry) };
  }

  #answer(chore: Promise<Event>): void {
    const done = chore.then((event) => {
      this.#chores.delete(done);
      this.#ends.step(event);
      this.#lookSent();
    });
    this.#chores.add(done);
  }

  #stored(envelopes: readonly StoredEnvelope[]): void {
    this.#forks.note(envelopes);
    this.#sealed.add(envelopes.map((e) => e.bytes));
  }

  /** What the device cannot read now comes again with another reading. */
  async #compare(of: SessionId | null, refs: readonly number[]): Promise<void> {
    try {
      for (const [session, bare] of await this.#forks.compare(of, refs)) {
        this.#ends.step({ type: "proven", doc: this.number, session, bare });
        if (!bare) this.#tell({ kind: "proven", doc: this.id, session, bare });
      }
    } catch (e) {
      this.#ends.post({ kind: "problem", problem: errorToProblem(e, this.id) });
    }
  }

  #merged(file: Uint8Array, claims: readonly Head[]): void {
    this.#post({ kind: "snapshot", doc: this.id, bytes: file });
    this.#tell({ kind: "snapshot", doc: this.id, claims, file });
  }

  #post(message: FromVault): void {
    if (!this.attached || this.#closed) return;
    if (this.#unsaid === null) this.#ends.post(message);
    else this.#unsaid.push(message);
  }
  #tell(message: TabMessage): void { this.#ends.tabs.tell(message); }

  async #own(): Promise<{ own: SessionId | null; prev: Uint8Array | null }> {
    const { session } = this;
    return session === null ? { own: null, prev: null } : { own: session.session, prev: await this.#ends.env.sealer.sha256(session.cert) };
  }

  async #beginSession(): Promise<void> {
    if (this.rights === "read" || !this.attached) return;
    const session = await this.#desk.keys!.newSession();
    if (this.#closed) return; // nobody would end it
    this.#desk.session = session;
    this.#desk.writer = session.session;
    this.#desk.certs.set(session.session, session.cert);
    this.#endWriting = this.#ends.tabs.write(session.session);
  }

  #checkGenesis(): void {
    if (this.offered === null || this.#desk.keys !== null) return;
    this.#checking ??= this.#keepGenesis(this.offered).finally(() => { this.#checking = null; });
  }
  async #keepGenesis(genesis: Uint8Array): Promise<void> {
    try {
      const keysOf = (s: StoredSecret): Promise<DocKeys> => this.#ends.env.sealer.keys(this.id, s.rights, s.secret, genesis);
      const keys = await keysOf(this.#secret);
      const secret = { ...this.#secret, genesis: genesis.slice() };
      // A device that cannot keep it is asked again; until then nothing is opened. What was joined meanwhile and may do more stays, if its key is true.
      await this.#ends.copies.putSecret(secret, async (has) => {
        if (has === null && this.#closed) throw new FreeholdError("storage-lost", "This document was removed.", "Open it by its link.", { doc: this.id });
        const better = has === null ? secret : betterSecret(secret, has);
        return better === secret || (await opens(keysOf(better))) ? better : secret;
      });
      if (this.#closed) return;
      this.#secret = secret;
      this.#desk.keys = keys;
      await this.#beginSession();
      this.#ends.step({ type: "docKeyed", doc: this.number, ...(await this.#own()) });
      this.#presence.keyed();
      if (this.session !== null) this.#post({ kind: "session", doc: this.id, session: this.session.session });
      this.#tell({ kind: "keyed", doc: this.id, genesis: secret.genesis });
      this.#unchecked?.();
    } catch (e) {
      this.#desk.keys = null;
      this.#ends.step({ type: "docRefused", doc: this.number, problem: errorToNumber(e, problem.wrongKey) });
    }
  }

  #durable(ref: number): void {
    const held = this.#ends.refs.get(ref);
    this.#outbound.keep(held.session, held.seq, held.bytes!, this.#ends.relays().length > 0);
    this.#tell({ kind: "envelopes", doc: this.id, live: true, envelopes: [this.#tabEnvelope(ref)] });
    this.#ends.refs.drop([ref]);
    this.#refusal = null;
    const done = this.#waiters.filter((w) => w.to <= held.to);
    this.#waiters = this.#waiters.filter((w) => w.to > held.to);
    for (const w of done) w.resolve();
  }

  #notDurable({ code, message, hint }: Problem): void {
    const refusal = new FreeholdError(code as FreeholdError["code"], message, hint, { doc: this.id });
    const told = this.#waiters;
    [this.#waiters, this.#refusal] = [[], refusal];
    for (const w of told) w.reject(refusal);
  }

  #show(refs: readonly number[]): void {
    const updates: readonly SessionUpdate[] = refs.map((r) => {
      const { session, update } = this.#ends.refs.get(r);
      return { session, bytes: update! };
    });
    this.#ends.refs.drop(refs);
    this.#post({ kind: "updates", doc: this.id, updates });
  }

  #showPresence(session: SessionId, ref: number): void {
    const state = ref === 0 ? null : this.#ends.refs.get(ref).update;
    this.#ends.refs.drop([ref]);
    this.#post({ kind: "presence", doc: this.id, session, state });
  }

  #frame(conn: number, session: SessionId, covers: Covers | null = null): Frame {
    return (cert, envelopes) => this.#ends.send(conn, { type: "append", doc: this.id, req: this.#ends.request(this.number, session), cert, envelopes, covers });
  }

  async #append(conn: number, session: SessionId, from: number, to: number): Promise<void> {
    const doc = this.number;
    try {
      const first = await this.#outbound.send(session, from, to, this.#frame(conn, session), conn);
      if (first > from) this.#ends.step({ type: "missing", doc, session, first });
    } catch (e) { // the device could not read them
      this.#ends.step({ type: "refused", conn, doc, session, problem: errorToNumber(e, problem.deviceLost), retry: 0, next: 0 });
    }
  }

  async #pack(e: Extract<DocEffect, { readonly type: "pack" }>): Promise<void> {
    try {
      const bytes = await chores.pack(this.#desk, e);
      this.#sealed.add([bytes]);
      const req = this.#ends.request(this.number, this.#desk.session!.session, "pack");
      this.#ends.send(e.conn, { type: "append", doc: this.id, req, cert: null, envelopes: [bytes], covers: null });
    } catch (error) { // the relay keeps the run as it is
      this.#ends.step({ type: "packed", conn: e.conn, doc: this.number, problem: errorToNumber(error, problem.deviceLost) });
    }
  }

  #share(envelopes: readonly TabEnvelope[], live: boolean, whole: boolean, covers: readonly Head[] = []): void {
    const entries = envelopes.flatMap((e): readonly SharedEntry[] => {
      if (e.cert !== null) {
        this.#desk.certs.set(e.session, e.cert);
        this.#desk.storedCerts.add(e.session);
      }
      if (live) this.#outbound.keep(e.session, e.seq, e.bytes, this.#ends.relays().length > 0);
      const size = Math.ceil(e.bytes.length / e.contents.length);
      return e.contents.map(({ session, seq, hash, prev, deps, update }): SharedEntry => {
        const ref = update.length === 0 ? 0 : this.#ends.refs.add({ session, seq, update });
        return { ref, session, seq, hash, prev, size, deps, more: goesOn(update) };
      });
    });
    this.#sealed.add(envelopes.map((e) => e.bytes));
    this.#ends.step({ type: "shared", doc: this.number, whole, live, entries, covers });
  }

  async #reread(heads: readonly Known[]): Promise<void> {
    const nextBySession = new Map(heads.map((h) => [h.session, h.seq + 1]));
    const isNews = (h: Known): boolean => h.seq >= (nextBySession.get(h.session) ?? 0);
    let entries: readonly TabEnvelope[] = [], covers: readonly Head[] = [];
    try {
      const loaded = await this.#ends.copies.load(this.id);
      if (loaded !== null && this.#desk.keys !== null) {
        const stored = await this.#ends.compaction.merged(loaded);
        const { ready, waiting } = await tailOf(this.#ends.env.sealer, this.#desk.keys, stored);
        entries = this.#withBytes(stored, [...ready, ...waiting].filter(isNews));
        covers = coversOf(stored).filter(isNews);
        if (covers.length > 0) this.#post({ kind: "snapshot", doc: this.id, bytes: stored.snapshot!.file });
      }
    } catch (e) {
      this.#ends.post({ kind: "problem", problem: errorToProblem(e, this.id) });
    }
    this.#share(entries, false, true, covers);
  }

  #withBytes(stored: StoredDoc, updates: readonly Opened[]): readonly TabEnvelope[] {
    const { sealer } = this.#ends.env;
    const bytesBySession = new Map([...runsOf(sealer, stored)].map(([session, run]) => [session, bytesBySeq(sealer, run)]));
    const certs = certsOf(stored);
    return updates.map((u) => ({ session: u.session, seq: u.seq, bytes: bytesBySession.get(u.session)!.get(u.seq)!, contents: [u], cert: certs.get(u.session) ?? null }));
  }

  #tabEnvelope(ref: number): TabEnvelope {
    const { session, seq, bytes, contents, cert } = this.#ends.refs.get(ref);
    return { session, seq, bytes: bytes!, contents, cert };
  }

  #remember(mark: Mark): void {
    this.#mark = mark;
    this.#markTimer ??= setTimeout(() => void this.#writeMark(), MARK_EVERY);
  }

  async #writeMark(): Promise<void> {
    if (this.#markTimer !== null) clearTimeout(this.#markTimer);
    this.#markTimer = null;
    const mark = this.#mark;
    const relay = mark === null ? undefined : this.#ends.relays()[mark.relay];
    this.#mark = null;
    if (mark === null || relay === undefined) return;
    await this.#ends.copies.putMark(this.id, { ...mark, relay });
  }
}
