// The vault: owns a home's stores, keys and sockets, and serves one page over a port (js/src/protocol.ts).
//
//   page ── request ──▶ Vault ──▶ Document ──▶ Hub ── event ──▶ machine (wasm: internal/sync)
//     ◀── reply, updates, status ──┴──────────────◀── effect ──┘
//
// Must: every request is answered exactly once, in any case.
// Must: nothing of a page leaves the device before it is durable on it (the machine's order of effects).

import { FreeholdError } from "../errors.ts";
import { isDocId } from "../ids.ts";
import type { DocId, FromVault, HeadRecord, Opened, Port, Problem, Replies, Request, ToVault } from "../protocol.ts";
import { Background } from "./background.ts";
import type { Document } from "./document.ts";
import type { VaultEnv } from "./env.ts";
import { Hub } from "./hub.ts";
import type { Loaded } from "./loading.ts";
import { Machine } from "./machine.ts";
import { opens } from "../seal/keys.ts";
import type { DocKeys, ParsedLink } from "../seal/sealer.ts";
import { deleteFrom, nameOf } from "../wire/owner.ts";
import { equal } from "../seal/octets.ts";
import { errorToProblem, type ProblemNumber } from "./problems.ts";
import { proofsIn, successorIn } from "../store/statements.ts";
import { lanes, type Locked } from "../store/locked.ts";
import type { Copies, Merge, StoredSecret, StoreProblem } from "../store/store.ts";
import { rank } from "../store/union.ts";

export type { VaultEnv } from "./env.ts";

/** Starts a vault that serves the port until `stop`. */
export const startVault = (port: Port<FromVault, ToVault>, env: VaultEnv): void => {
  const vault = new Vault(port, env);
  port.listen((message) => void vault.answer(message));
};

const notStarted = (): FreeholdError => new FreeholdError("not-ready", "The vault is not started.", "Send `start` first.");
const notFound = (doc: DocId): FreeholdError => new FreeholdError("not-found", "This document is not on this device.", "Open it by its link.", { doc });
const forgotten = (doc: DocId): FreeholdError => new FreeholdError("not-found", "This document was removed from this device in another tab.", "Open it by its link.", { doc });
const notOpen = (doc: DocId): FreeholdError => new FreeholdError("closed", "This document is not open.", "Open it again.", { doc });
const restarted = (doc?: DocId): FreeholdError =>
  new FreeholdError("core-restarted", "The sync machine stopped.", "Everything said to be saved is. Look over the last edit; reload the page if it goes on.", doc === undefined ? {} : { doc });

/** So many machines may die at one relay, or without any, within `MEMORY` milliseconds: what killed them would kill the next. */
const MOST_DEATHS = 3;
const MEMORY = 3_600_000;
/** So many documents are asked whether they know a relay. */
const FEW = 8;

const left = (relay: string): Problem => ({
  code: "relay-invalid", message: `The sync machine stopped again and again at the relay ${relay}. It is left alone.`,
  hint: "Your edits are safe here, and nothing is exchanged with it until this page is loaded again. Use another relay if it goes on.",
});

class Vault {
  readonly #port: Port<FromVault, ToVault>;
  readonly #env: VaultEnv;
  readonly #headById: Map<DocId, HeadRecord> = new Map();
  readonly #secretById: Map<DocId, StoredSecret> = new Map();
  /** Forgotten in this life, here or in another tab. A word about one may have been said before. */
  readonly #gone: Set<DocId> = new Set();
  /** One at a time per document and hub: opening, closing and forgetting do not overtake each other. */
  readonly #lanes: Locked = lanes();
  #copies: Copies | null = null;
  #hub: Promise<Hub> | null = null;
  /** Makes that hub, once more if it came to nothing. */
  #makeFirst: (() => Promise<Hub>) | null = null;
  /** The hub once it is there: an edit must reach its document in the turn in which it comes, before a close that follows it. */
  #running: Hub | null = null;
  /** By the place of their relays. */
  readonly #hubs: Hub[] = [];
  #background: Background | null = null;
  #deviceProblem: Problem | null = null;
  #name = "";
  #relays: readonly string[] = [];
  #syncAll = true;
  /** When machines died, by the relay that they had; "" for none. */
  readonly #deathsByRelay: Map<string, readonly number[]> = new Map();
  /** Relays that nothing is exchanged with any more, and why. */
  readonly #leftByRelay: Map<string, Problem> = new Map();
  /** The hubs of further relays are made one after the other, behind the first. */
  #spreading: Promise<void> = Promise.resolve();

  constructor(port: Port<FromVault, ToVault>, env: VaultEnv) {
    this.#port = port;
    this.#env = env;
  }

  async answer({ id, request }: ToVault): Promise<void> {
    try {
      const reply = await this.#do(request);
      this.#port.post({ kind: "reply", id, reply });
      if (reply !== null && "status" in reply) this.#running?.document(reply.doc)?.speak();
    } catch (e) {
      this.#port.post({ kind: "error", id, problem: errorToProblem(e, "doc" in request ? request.doc : undefined) });
    }
  }

  #do(r: Request): Promise<Replies[keyof Replies]> {
    switch (r.op) {
      case "start": return this.#start(r.name, r.relays, r.syncAll ?? true);
      case "create": return this.#create(r.type);
      case "open": return this.#inLane(r.doc, () => this.#open(r.doc));
      case "join": return this.#join(r.link, r.type);
      case "update": return this.#update(r);
      case "presence": return this.#presence(r.doc, r.state);
      case "head": return this.#inLane(r.doc, () => this.#head(r.doc, r.head, r.changed));
      case "proofs": return this.#proofs(r.doc);
      case "link": return this.#link(r.doc, r.rights);
      case "forget": return this.#inLane(r.doc, () => this.#forget(r.doc));
      case "succeed": return this.#inLane(r.doc, () => this.#succeed(r.doc, r.by));
      case "delete": return this.#inLane(r.doc, () => this.#delete(r.doc));
      case "close": return this.#inLane(r.doc, () => this.#close(r.doc));
      case "relays": return this.#setRelays(r.relays);
      case "pause": return this.#withHub((hub) => hub.pause(true));
      case "resume": return this.#withHub((hub) => hub.pause(false));
      case "stop": return this.#stop();
      default: return r satisfies never;
    }
  }

  async #start(name: string, relays: readonly string[], syncAll: boolean): Promise<Replies["start"]> {
    if (this.#copies !== null) throw new FreeholdError("invalid", "The vault is started already.", "Use one vault per home.");
    this.#name = name;
    this.#relays = relays;
    this.#syncAll = syncAll;
    const copies = await this.#env.openCopies(name, { onProblem: (p) => this.#storeProblem(p), onCopies: () => this.#tellStatus(), now: () => this.#env.now() });
    this.#copies = copies;
    for (const { secret, head } of await copies.list()) {
      this.#secretById.set(secret.doc, secret);
      this.#headById.set(secret.doc, head ?? emptyHead(secret));
    }
    // Reading the list needs no wasm; the machine is made meanwhile.
    this.#setHub(() => this.#makeHub(copies, 0));
    this.#spread();
    return { heads: [...this.#headById.values()], copies: copies.copies, persisted: await this.#env.persisted() };
  }

  #setHub(make: () => Promise<Hub>): void {
    this.#makeFirst = make;
    this.#hub = make();
    this.#hub.catch((e: unknown) => this.#port.post({ kind: "problem", problem: errorToProblem(e) }));
  }

  /** The hub of the relay at a place of the list. The first one's serves the page too; what the others do, another tab would do. */
  async #makeHub(copies: Copies, place: number, paused = false): Promise<Hub> {
    const machine = new Machine(await this.#env.loadCore(), this.#env.random(8));
    let hub: Hub;
    const inLane = <T>(doc: DocId, run: () => Promise<T>): Promise<T> => this.#inLane(doc, run, place);
    const background = new Background({
      copies,
      hub: async () => hub,
      secretById: this.#secretById,
      newest: () => this.#newest(),
      inLane,
      begin: async (where, doc) => (await this.#begin(where, doc, false, false)).document,
      problem: (said) => this.#port.post({ kind: "problem", problem: said }),
      syncAll: this.#syncAll,
      random: () => this.#env.random(1)[0]! / 255,
      now: () => this.#env.now(),
    });
    hub = new Hub({
      env: this.#env, copies, name: this.#name, place,
      others: () => {
        const others = this.#hubs.filter((h) => h !== undefined && h !== hub);
        if (place > 0) return { state: 0, relays: [], problem: () => 0 };
        const problem = (doc: DocId): ProblemNumber => others.map((h) => h.document(doc)?.problemThere ?? 0).find((p) => p !== 0) ?? 0;
        return { state: Math.max(0, ...others.map((h) => h.relayState)), relays: this.#relays.slice(1), problem };
      },
      turned: () => { if (place > 0) this.#tellStatus(); },
      post: (message) => { if (place === 0 || message.kind === "problem") this.#port.post(message); },
      everMet: (relay) => this.#everMet(copies, relay),
      vaultProblem: () => (copies.copies < copies.offered.length ? this.#deviceProblem : null) ?? this.#relays.map((r) => this.#leftByRelay.get(r)).find((p) => p !== undefined) ?? null,
      died: (dead, e) => {
        const buried = this.#bury(dead, e, place);
        if (place > 0) return this.#spread(buried);
        this.#running = null;
        this.#setHub(async () => {
          await buried;
          return this.#makeHub(copies, 0, dead.paused);
        });
      },
      hear: (m) => {
        if (m.kind === "forgot") return void inLane(m.doc, () => this.#forgotten(m.doc, hub, place));
        if (place > 0) return;
        void this.#inLane(m.doc, async () => {
          if (m.kind === "secret") return this.#reread(m.doc);
          if (this.#gone.has(m.doc)) return;
          this.#headById.set(m.doc, m.head);
          this.#tellHeads();
        }).catch(() => undefined); // whoever opens it is told why not
      },
      adopt: (docs) => void background.adopt(docs),
      release: (docs) => background.release(hub, docs),
      led: () => void background.probe(),
      met: (relay, store, wasPutBack, doc) => background.meet(relay, store, wasPutBack, doc),
      checked: (changed) => background.checked(changed),
      ended: () => background.close(),
      connected: (doc) => background.look(doc),
    }, machine);
    this.#hubs[place] = hub;
    if (place === 0) [this.#running, this.#background] = [hub, background];
    if (paused) hub.pause(true);
    hub.setRelays(this.#relaysAt(place));
    return hub;
  }

  /** The document changed last that ever met a relay. */
  #newest(): DocId | null {
    const heads = [...this.#headById.values()].filter((h) => this.#secretById.get(h.id)?.genesis != null);
    return heads.reduce<HeadRecord | null>((a, b) => (a === null || b.changed > a.changed ? b : a), null)?.id ?? null;
  }

  /** As far as the documents changed last tell. */
  async #everMet(copies: Copies, relay: string): Promise<boolean> {
    const newest = [...this.#headById.values()].sort((a, b) => b.changed - a.changed).slice(0, FEW);
    for (const { id } of newest) {
      const stored = await this.#inLane(id, () => copies.load(id)).catch(() => null);
      if (stored?.marks.some((m) => m.relay === relay)) return true;
    }
    return false;
  }

  /** Makes room for another machine in the place of a dead one. Its documents end: who waits is answered, and the page opens them again. */
  async #bury(dead: Hub, e: unknown, place: number): Promise<void> {
    this.#port.post({ kind: "problem", problem: errorToProblem(e) });
    delete this.#hubs[place];
    const documents = [...dead.documents];
    await Promise.allSettled(documents.map((d) => dead.remove(d, restarted(d.id))));
    dead.close();
    const [relay = ""] = dead.relays;
    const now = this.#env.now();
    const deaths = [...(this.#deathsByRelay.get(relay) ?? []), now].filter((at) => now - at < MEMORY);
    this.#deathsByRelay.set(relay, deaths);
    for (const d of documents) if (d.attached) this.#port.post({ kind: "ended", doc: d.id, problem: errorToProblem(restarted(d.id)) });
    if (deaths.length > MOST_DEATHS) this.#leave(relay);
  }

  /** What goes on without it is all that needs no relay. */
  #leave(relay: string): void {
    if (relay === "") throw restarted();
    const problem = left(relay);
    this.#leftByRelay.set(relay, problem);
    this.#port.post({ kind: "problem", problem });
    this.#tellStatus();
  }

  /** The relay at a place of the list, as the list of a hub. */
  #relaysAt(place: number): readonly string[] { return this.#relays.slice(place, place + 1).filter((r) => !this.#leftByRelay.has(r)); }

  /** A hub for each relay, once the first is there. */
  async #spreadOut(copies: Copies, { paused }: Hub): Promise<void> {
    const relays = this.#env.openChannel === null ? this.#relays.slice(0, 1) : this.#relays;
    for (let place = 1; place < Math.max(relays.length, this.#hubs.length); place++) {
      const hub = this.#hubs[place] ?? (place < relays.length ? await this.#makeHub(copies, place, paused) : undefined);
      hub?.setRelays(place < relays.length ? this.#relaysAt(place) : []);
    }
  }

  async #create(type: string): Promise<Opened> {
    const { doc, secret, genesis } = await this.#env.sealer.create();
    await this.#keepSecret({ doc, type, rights: "owner", secret, genesis, relayHint: null });
    return this.#inLane(doc, () => this.#attach(doc, true));
  }

  #open(doc: DocId): Promise<Opened> {
    return this.#attach(doc, false);
  }

  async #join(link: string, type: string): Promise<Replies["join"]> {
    const parsed = await this.#env.sealer.parseLink(link);
    const { doc } = parsed;
    return this.#inLane(doc, async () => {
      const hub = await this.#ready();
      let isBetter = true;
      const joined = { ...parsed, type, genesis: null };
      await this.#keepSecret(joined, async (has) => {
        if (has === null) return joined;
        if (has.type !== type) throw new FreeholdError("invalid", `This document is a ${has.type}, not a ${type}.`, "Join it with its own type.", { doc });
        isBetter = await this.#isBetter(parsed, has, hub.document(doc)?.status.problem?.code === "wrong-key");
        return isBetter ? { ...joined, genesis: has.genesis } : has;
      });
      hub.tabs.tell({ kind: "secret", doc });
      // A session goes on: what its page wrote and is on its way here belongs to it.
      const open = hub.document(doc);
      return { doc, reopen: isBetter && open?.attached === true && open.session === null };
    });
  }

  /** Whether a link takes the place of what is here. By its letter it may do more, and only its key tells whether that is true. */
  async #isBetter(link: ParsedLink, has: StoredSecret, isWrong: boolean): Promise<boolean> {
    const more = rank[link.rights] - rank[has.rights];
    if (more === 0 && equal(link.secret, has.secret)) return false;
    // A key that never met its document may be a wrong one: of two that may do the same, the newer is believed.
    if (has.genesis === null) return more >= 0 || isWrong;
    const { genesis } = has;
    const keysOf = (s: Pick<ParsedLink, "rights" | "secret">): Promise<DocKeys> => this.#env.sealer.keys(has.doc, s.rights, s.secret, genesis);
    if (more <= 0 && (await opens(keysOf(has)))) return false;
    await keysOf(link);
    return true;
  }

  /** Opens a document for the page, in a session of its own; one that is open already ends first. */
  async #attach(doc: DocId, isNew: boolean): Promise<Opened> {
    const hub = await this.#ready();
    const before = hub.document(doc);
    if (before !== undefined) {
      await before.settled();
      await hub.remove(before);
    }
    const { document, loaded: { snapshot, updates } } = await this.#begin(hub, doc, true, isNew);
    return { doc, rights: document.rights, session: document.session?.session ?? "", snapshot, updates, status: document.status };
  }

  /** Reads and starts a document; of one that cannot be, nothing stays. */
  async #begin(hub: Hub, doc: DocId, attached: boolean, isNew: boolean): Promise<{ readonly document: Document; readonly loaded: Loaded }> {
    // Other tabs are heard from here on, so that nothing falls between reading and listening.
    const document = await this.#add(hub, doc, attached);
    try {
      const loaded = await document.start(isNew ? null : await this.#opened().load(doc), isNew);
      if (hub.stopped) throw restarted(doc);
      return { document, loaded };
    } catch (e) {
      await hub.remove(document);
      throw e;
    }
  }

  /** While it is here, no other tab can forget it. */
  async #add(hub: Hub, doc: DocId, attached: boolean): Promise<Document> {
    const endUse = await hub.tabs.use(doc);
    try {
      const document = hub.add(await this.#secret(doc), attached, endUse);
      this.#gone.delete(doc);
      return document;
    } catch (e) {
      endUse();
      throw e;
    }
  }

  async #update(r: Extract<Request, { readonly op: "update" }>): Promise<Replies["update"]> {
    const document = this.#running?.document(r.doc);
    if (document === undefined || !document.attached) throw notOpen(r.doc);
    await document.update(r.session, r.to, r.bytes);
    return { copies: this.#copies!.copies };
  }

  async #presence(doc: DocId, state: Uint8Array): Promise<null> {
    const document = this.#running?.document(doc);
    if (document?.attached === true) document.say(state);
    return null;
  }

  async #head(doc: DocId, head: unknown, changed: number): Promise<null> {
    if (this.#gone.has(doc)) return null; // an edit just before
    const secret = await this.#secret(doc);
    const record: HeadRecord = { id: doc, type: secret.type, head, changed, rights: secret.rights };
    this.#headById.set(doc, record);
    await this.#copies!.putHead(record);
    (await this.#ready()).tabs.tell({ kind: "head", doc, head: record });
    return null;
  }

  async #link(doc: DocId, rights: Opened["rights"]): Promise<Replies["link"]> {
    const secret = await this.#secret(doc);
    const relay = (await this.#ready()).relays[0];
    const lesser = await this.#env.sealer.attenuate(secret.secret, secret.rights, rights);
    return { link: await this.#env.sealer.formatLink({ doc, rights, secret: lesser, relayHint: relay === undefined ? secret.relayHint : new URL(relay).host }) };
  }

  async #proofs(doc: DocId): Promise<Replies["proofs"]> {
    const stored = await this.#opened().load(doc);
    if (stored === null) throw notFound(doc);
    return { proofs: proofsIn(stored).map((p) => p.bytes) };
  }

  async #close(doc: DocId): Promise<null> {
    const hub = await this.#ready();
    const document = hub.document(doc);
    if (document === undefined) return null;
    await document.settled();
    await this.#detach(hub, document);
    return null;
  }

  /** What the relay still lacks of a closed document is sent all the same. */
  async #detach(hub: Hub, document: Document): Promise<void> {
    const isNeeded = hub.leads && hub.relays.length > 0 && (document.behind > 0 || hub.isOpenElsewhere(document.id));
    await hub.remove(document);
    if (isNeeded) await this.#background?.keep(hub, document.id);
  }

  async #forget(doc: DocId): Promise<null> {
    if (!isDocId(doc)) throw new FreeholdError("not-found", "No document has such an id.", "Nothing was removed.");
    const hub = await this.#ready();
    const document = hub.document(doc);
    if (document !== undefined) await hub.remove(document);
    // The other tabs let go of it first: a store that one of them writes to cannot be emptied.
    hub.tabs.tell({ kind: "forgot", doc });
    try {
      await hub.tabs.alone(doc, () => this.#copies!.forget(doc));
    } catch (e) {
      const head = this.#headById.get(doc);
      hub.tabs.tell({ kind: "secret", doc }); // still here, so every list shows it
      if (head !== undefined) hub.tabs.tell({ kind: "head", doc, head });
      throw e;
    }
    this.#drop(doc);
    return null;
  }

  async #delete(doc: DocId): Promise<null> {
    if (!isDocId(doc)) throw new FreeholdError("not-found", "No document has such an id.", "Nothing was deleted.");
    const keys = await this.#ownerKeys(doc);
    for (const relay of this.#relays) await deleteFrom(this.#env.fetch, relay, doc, await keys.deletion(nameOf(relay)));
    return null;
  }

  async #succeed(doc: DocId, by: DocId): Promise<null> {
    const statement = await (await this.#ownerKeys(doc)).successor(by);
    const document = (await this.#ready()).document(doc);
    if (document === undefined) throw notOpen(doc);
    await this.#opened().locked(doc, async () => {
      const stored = await this.#opened().load(doc);
      await document.goOn((stored && successorIn(stored)) ?? statement, false); // another tab's word came first
    });
    if (document.status.successor !== by) throw new FreeholdError("moved", "This document goes on as another one already.", "Open that one, and relink it.", { doc });
    return null;
  }

  async #ownerKeys(doc: DocId): Promise<DocKeys> {
    const secret = await this.#secret(doc);
    if (secret.rights !== "owner") throw new FreeholdError("read-only", "Only the owner of this document can do this.", "Use the device on which it was made, or its owner link.", { doc });
    if (secret.genesis === null) throw new FreeholdError("not-ready", "Nothing of this document has arrived yet.", "Wait until it is here.", { doc });
    return this.#env.sealer.keys(doc, secret.rights, secret.secret, secret.genesis);
  }

  /** Another tab forgets it. */
  async #forgotten(doc: DocId, hub: Hub, place: number): Promise<void> {
    const document = hub.document(doc);
    if (document !== undefined) {
      const reason = forgotten(doc);
      await hub.remove(document, reason);
      if (document.attached) this.#port.post({ kind: "ended", doc, problem: errorToProblem(reason) });
    }
    if (place === 0) this.#drop(doc);
  }

  #drop(doc: DocId): void {
    this.#gone.add(doc);
    this.#headById.delete(doc);
    this.#secretById.delete(doc);
    this.#tellHeads();
  }

  async #stop(): Promise<null> {
    this.#makeFirst = null;
    await this.#hub?.catch(() => null); // why there is none was said
    await this.#spreading;
    for (const hub of Object.values(this.#hubs)) {
      for (const document of [...hub.documents]) {
        await document.settled();
        await hub.remove(document);
      }
      hub.close();
    }
    await this.#copies?.close();
    return null;
  }

  #storeProblem(p: StoreProblem): void {
    const { code, message, hint } = p;
    const said: Problem = p.doc === undefined ? { code, message, hint } : { code, message, hint, doc: p.doc };
    this.#port.post({ kind: "problem", problem: said });
    if (!p.recovered) this.#deviceProblem = said;
    this.#tellStatus();
  }

  /** Something about the whole device changed. */
  #tellStatus(): void { for (const document of this.#running?.documents ?? []) document.tellStatus(); }

  async #secret(doc: DocId): Promise<StoredSecret> {
    const secret = await this.#known(doc);
    if (secret === null) throw notFound(doc);
    return secret;
  }

  async #known(doc: DocId): Promise<StoredSecret | null> {
    const known = this.#secretById.get(doc);
    if (known !== undefined && known.genesis !== null) return known;
    const stored = await this.#opened().load(doc); // made in another tab, or met its relay there
    if (stored === null) return known ?? null;
    if (this.#secretById.get(doc) === known) this.#secretById.set(doc, stored.secret); // or it was forgotten, or joined anew, while it was read
    return stored.secret;
  }

  async #keepSecret(secret: StoredSecret, merge?: Merge): Promise<void> {
    this.#know((await this.#opened().putSecret(secret, merge)).secret);
  }

  /** This is what is stored. */
  #know(secret: StoredSecret): void {
    this.#gone.delete(secret.doc);
    this.#secretById.set(secret.doc, secret);
    const { doc, type, rights } = secret;
    this.#headById.set(doc, { ...(this.#headById.get(doc) ?? emptyHead(secret)), type, rights });
    this.#tellHeads();
  }

  /** Another tab joined it with a link that may do more. */
  async #reread(doc: DocId): Promise<void> {
    const stored = await this.#opened().load(doc);
    if (stored !== null) this.#know(stored.secret);
  }

  #tellHeads(): void { this.#port.post({ kind: "heads", heads: [...this.#headById.values()] }); }

  #opened(): Copies {
    if (this.#copies === null) throw notStarted();
    return this.#copies;
  }

  async #ready(): Promise<Hub> {
    const before = this.#hub;
    const hub = await before?.catch(() => null);
    if (hub != null) return hub;
    if (this.#hub === before && this.#makeFirst !== null) {
      this.#hub = this.#makeFirst();
      this.#spread();
    }
    if (this.#hub === null) throw notStarted();
    return this.#hub;
  }

  async #setRelays(relays: readonly string[]): Promise<null> {
    this.#relays = relays;
    await this.#withHub((hub) => hub.setRelays(this.#relaysAt(0)));
    this.#spread();
    return null;
  }

  /** Once `first` is done. */
  #spread(first: Promise<void> = Promise.resolve()): void {
    this.#spreading = Promise.all([this.#spreading, first]).then(async () => {
      const hub = await this.#hub?.catch(() => null); // why there is none was said
      if (hub) await this.#spreadOut(this.#opened(), hub);
    }).catch((e: unknown) => this.#port.post({ kind: "problem", problem: errorToProblem(e) }));
  }

  async #withHub(run: (hub: Hub) => void): Promise<null> {
    run(await this.#ready());
    return null;
  }

  #inLane<T>(doc: DocId, run: () => Promise<T>, place = 0): Promise<T> { return this.#lanes(`${place}/${doc}`, run); }
}

const emptyHead = (s: StoredSecret): HeadRecord => ({ id: s.doc, type: s.type, head: {}, changed: 0, rights: s.rights });
