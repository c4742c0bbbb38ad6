// A home: the documents of one name on one device. Owns the connection to the vault, the core, and what is open.

import { isRelay } from "../address.ts";
import { Core } from "../core/core.ts";
import { FreeholdError } from "../errors.ts";
import type { FromVault, HeadRecord, Opened, Port, Rights, ToVault } from "../protocol.ts";
import type { AnyDocType, Doc, DocInfo, FreeholdOptions, Home, Input, ListQuery, RelinkOptions, Store } from "../types.ts";
import { type DocHome, OpenDoc } from "./doc.ts";
import { Arrivals } from "./arrivals.ts";
import { Heads } from "./heads.ts";
import { HomeDoc, HomeDocs } from "./homedoc.ts";
import type { Host } from "./host.ts";
import type { Drained } from "./replica.ts";
import { problemToError } from "./progress.ts";
import { rootOf } from "./schema.ts";
import { Cell } from "./cell.ts";
import { VaultClient, type VaultEvent } from "./vaultclient.ts";

type DocEvent = Exclude<VaultEvent, { readonly kind: "heads" | "problem" }>;

/** Those of either host. What is not among them would be as if it had not been said: a home without a relay, for `relays`. */
const OPTIONS: ReadonlyArray<keyof FreeholdOptions | "directory"> = ["name", "relay", "syncAll", "onProblem", "workerUrl", "app", "directory"];
const checkOptions = (o: object): void => {
  const key = Object.keys(o).find((k) => !(OPTIONS as readonly string[]).includes(k));
  if (key === undefined) return;
  const near = OPTIONS.find((option) => key.slice(0, 3).toLowerCase() === option.slice(0, 3).toLowerCase());
  throw new FreeholdError("invalid", `a home has no option ${key}`, `write ${near ?? `one of ${OPTIONS.join(", ")}`}`);
};
/** SECURITY: an id becomes the name of a folder. The vault knows more about ids. */
const checkId = (id: string): void => {
  if (typeof id !== "string" || !/^[\w-]{1,64}$/.test(id)) throw new FreeholdError("not-found", "no document has such an id", "an id has 32 letters and digits; home.list and doc.id give them");
};
/** SECURITY: a relay that holds something back would have the owner himself sign it away. */
const checkWhole = ({ id, status: { value: { content } } }: OpenDoc, o: RelinkOptions): void => {
  if (content === "waiting") throw new FreeholdError("not-ready", "nothing of this document has arrived yet", "wait until it is here", { doc: id });
  if (content === "partial" && o.partial !== true) throw new FreeholdError("not-ready", "part of this document is not here, and would be missing from the new one", "wait until status.value.content is \"complete\"; if what is missing never comes, relink({ partial: true }) goes on without it", { doc: id });
};
const asList = (relay: string | readonly string[] | undefined): readonly string[] => {
  const urls = relay === undefined ? [] : typeof relay === "string" ? [relay] : [...relay];
  for (const url of urls) {
    if (!isRelay(url)) throw new FreeholdError("invalid", `"${url}" is no address of a relay`, "give it whole: https://relay.example, or http:// on localhost");
  }
  return Object.freeze(urls);
};

class Relays extends Cell<readonly string[]> {
  readonly #changed: () => void;
  constructor(urls: readonly string[], changed: () => void) {
    super(urls);
    this.#changed = changed;
  }
  override set(urls: readonly string[]): void {
    super.set(asList(urls));
    this.#changed();
  }
}

export class OpenHome implements Home, DocHome {
  readonly relays: Relays;
  readonly #host: Host;
  readonly #options: FreeholdOptions;
  readonly #heads: Heads = new Heads((id) => this.#docById.get(id)?.status.value);
  readonly #homeDocs: HomeDocs;
  readonly #arrivals: Arrivals;
  readonly #docById: Map<string, OpenDoc> = new Map();
  readonly #creating: Set<Promise<OpenDoc>> = new Set();
  /** Opens that share one request. */
  readonly #openingById: Map<string, Promise<OpenDoc>> = new Map();
  /** What the vault said about documents whose opening is under way. */
  #early: DocEvent[] = [];
  #openings = 0;
  #client: Promise<VaultClient> | null = null;
  #core: Promise<Core> | null = null;
  #reopening: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(host: Host, o: FreeholdOptions) {
    if (typeof o?.name !== "string" || !/^(?!\.+$)[\w.-]{1,64}$/.test(o.name)) throw new FreeholdError("invalid", "a home's name has 1 to 64 letters, digits, dots, dashes or underscores", "freehold({ name: \"notes\" })");
    checkOptions(o);
    this.#host = host;
    this.#options = o;
    this.relays = new Relays(asList(o.relay), () => void this.#tell({ op: "relays", relays: this.relays.value }));
    this.#homeDocs = new HomeDocs({
      heads: this.#heads,
      create: async () => (await this.create(HomeDoc)) as unknown as OpenDoc,
      open: async (id) => (await this.open(HomeDoc, id)) as unknown as OpenDoc,
      reopened: async () => {
        for (let done: Promise<void> | null = null; done !== this.#reopening;) await (done = this.#reopening);
      },
      link: async ({ id, rights }) => (await (await this.#vault()).request({ op: "link", doc: id, rights })).link,
      join: async (link, type) => {
        const { doc: id, reopen } = await (await this.#vault()).request({ op: "join", link, type });
        const open = this.#docById.get(id);
        if (reopen && open !== undefined) await this.#reopen([open], null);
        return id;
      },
      forget: (id) => this.#forget(id),
      remember: (id, head) => this.#putHead({ ...this.#heads.get(id)!, head, changed: Date.now() }),
      problem: (e) => this.problem(e),
    });
    this.#arrivals = new Arrivals({
      heads: this.#heads,
      isOpen: (id) => this.#creating.size > 0 || this.#docById.has(id) || this.#openingById.has(id),
      open: async (type, id) => (await this.open(type, id)) as unknown as OpenDoc,
    });
    host.onHide((isLeaving) => {
      for (const doc of this.#docById.values()) {
        doc.flush();
        if (isLeaving) doc.presence.leave();
      }
    });
    if (host.eager) queueMicrotask(() => void this.#vault().catch((e: FreeholdError) => this.problem(e)));
  }

  get ready(): Promise<void> {
    return this.#vault().then(() => {});
  }

  create<D extends AnyDocType>(type: D, init?: Partial<Input<D["shape"]>>): Promise<Doc<D>> {
    return this.#create(type, (doc) => doc.fill(init ?? {})) as Promise<unknown> as Promise<Doc<D>>;
  }
  /** The caller has it in the turn in which it is filled: what is typed at once goes along with the first content. */
  async #create(type: AnyDocType, fill: (doc: OpenDoc) => void): Promise<OpenDoc> {
    this.#know(type);
    const making = this.#make(type, (vault) => vault.request({ op: "create", type: type.name }));
    this.#creating.add(making);
    const doc = await making.finally(() => {
      this.#creating.delete(making);
      this.#arrivals.look();
    });
    try {
      fill(doc);
    } catch (e) {
      doc.release();
      await this.forget(doc.id);
      throw e;
    }
    return doc;
  }

  async open<D extends AnyDocType>(type: D, id: string): Promise<Doc<D>> {
    this.#know(type);
    checkId(id);
    const known = this.#heads.get(id);
    if (known !== undefined && known.type !== type.name) throw new FreeholdError("invalid", `this document is a ${known.type}, not a ${type.name}`, "open it with its own type", { doc: id });
    // Lists show a document a moment before whoever makes it has it: two openings would be two sessions.
    if (this.#creating.size > 0) await Promise.allSettled(this.#creating);
    const open = this.#docById.get(id);
    if (open !== undefined) {
      open.users++;
      return open as unknown as Doc<D>;
    }
    const under = this.#openingById.get(id);
    if (under !== undefined) {
      const doc = await under;
      doc.users++;
      return doc as unknown as Doc<D>;
    }
    const opening = this.#make(type, (vault) => vault.request({ op: "open", doc: id, type: type.name }));
    this.#openingById.set(id, opening);
    try {
      return (await opening) as unknown as Doc<D>;
    } finally {
      this.#openingById.delete(id);
    }
  }

  async join<D extends AnyDocType>(type: D, link: URL | string): Promise<Doc<D>> {
    this.#know(type);
    if (type !== (HomeDoc as AnyDocType) && /^[^#]*\?home#/.test(String(link))) throw aHome();
    const { doc: id, reopen } = await (await this.#vault()).request({ op: "join", link: String(link), type: type.name });
    await this.#homeDocs.welcome(id);
    const doc = await this.open(type, id);
    if (reopen) await this.#reopen([doc as unknown as OpenDoc], null);
    return doc;
  }

  list<D extends AnyDocType>(type: D, q: ListQuery<D> = {}): Store<ReadonlyArray<DocInfo<D>> | undefined> {
    this.#know(type);
    const list = this.#heads.list(type, q);
    return {
      get value() {
        return list.value;
      },
      subscribe: (f) => {
        this.#vault().catch((e: FreeholdError) => this.problem(e));
        return list.subscribe(f);
      },
    };
  }

  async forget(id: string): Promise<void> {
    checkId(id);
    await this.#vault();
    await this.#homeDocs.forgotten(id); // first, or it would come back
    await this.#forget(id);
  }
  async #forget(id: string): Promise<void> {
    this.#docById.get(id)?.release();
    await (await this.#vault()).request({ op: "forget", doc: id });
    this.#heads.forget(id);
  }
  async delete(id: string): Promise<void> {
    checkId(id);
    const vault = await this.#vault();
    await this.#homeDocs.writable(); // or the relay would forget what other devices go on listing
    await vault.request({ op: "delete", doc: id });
    await this.#homeDocs.deleted(id);
    await this.#forget(id);
  }

  async addDevice(): Promise<URL> {
    await this.#vault();
    if (this.relays.value.length === 0) throw new FreeholdError("not-ready", "there is no relay where another device could find this home", "give freehold() a relay, or home.relays.set([…])");
    const doc = await this.#homeDocs.first();
    await this.#homeDocs.look();
    await doc.saved("device");
    const url = await this.link(doc.id, doc.rights);
    url.search = "?home";
    return url;
  }
  async restore(link: URL | string): Promise<void> {
    if (this.relays.value.length === 0) throw new FreeholdError("not-ready", "there is no relay to restore from", "give freehold() a relay, or home.relays.set([…])");
    await this.#vault();
    const before = new Set(this.#heads.all().map(({ id }) => id));
    const doc = (await this.join(HomeDoc, link)) as unknown as OpenDoc;
    try {
      if (doc.rights === "read") throw new FreeholdError("read-only", "this link can only read a home", "take the link that addDevice() gives");
      await doc.arrived();
    } catch (e) {
      if (!before.has(doc.id) && this.#docById.get(doc.id) === doc) await this.#forget(doc.id);
      throw e;
    }
    await this.#homeDocs.look();
  }

  pause(): void {
    void this.#tell({ op: "pause" });
  }
  resume(): void {
    void this.#tell({ op: "resume" });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const client = this.#client;
    for (const doc of [...this.#docById.values()]) doc.release();
    this.#closed = true;
    this.#homeDocs.close();
    this.#arrivals.close();
    if (client === null) return;
    const vault = await client;
    await vault.request({ op: "stop" });
    vault.close(closed());
  }

  // What open documents ask of their home.

  async send(u: Drained & { readonly doc: string }): Promise<unknown> {
    // A copy goes: the outbox keeps its own until the device has it.
    const bytes = u.bytes.slice();
    return (await this.#vault()).request({ op: "update", doc: u.doc, session: u.session, from: u.from, to: u.to, bytes }, [bytes.buffer]);
  }
  head(id: string, head: unknown): void {
    const doc = this.#docById.get(id);
    // What a home document shows is nobody's business but its devices', and they open it.
    if (doc === undefined || doc.type === HomeDoc) return;
    void this.#putHead({ id, type: doc.type.name, head, changed: Date.now(), rights: doc.rights });
  }
  #putHead(record: HeadRecord): Promise<void> {
    this.#heads.put(record);
    return this.#tell({ op: "head", doc: record.id, head: record.head, changed: record.changed });
  }
  say(id: string, state: Uint8Array): Promise<unknown> {
    return this.#tell({ op: "presence", doc: id, state });
  }
  async link(id: string, rights: Rights): Promise<URL> {
    const { link } = await (await this.#vault()).request({ op: "link", doc: id, rights });
    const url = new URL(this.#options.app ?? this.#host.linkBase(this.relays.value));
    url.hash = link.slice(link.indexOf("#") + 1);
    return url;
  }
  async proofs(id: string): Promise<readonly Uint8Array[]> {
    return (await (await this.#vault()).request({ op: "proofs", doc: id })).proofs;
  }
  /** Both the new document and the word on it are on this device before any relay hears of them. What is not here now is in neither of them ever. */
  async relink(doc: OpenDoc, o: RelinkOptions): Promise<OpenDoc> {
    if (doc.rights !== "owner") throw new FreeholdError("read-only", "only the owner can say where a document goes on", "use the device on which it was made, or its owner link", { doc: doc.id });
    if (doc.status.value.successor !== null) throw new FreeholdError("moved", "this document goes on as another one already", "open that one, and relink it", { doc: doc.id });
    checkWhole(doc, o);
    const next = await this.#create(doc.type, (made) => {
      checkWhole(doc, o); // and in the turn in which it is copied
      made.copy(doc);
    });
    try {
      await next.saved("device");
      await (await this.#vault()).request({ op: "succeed", doc: doc.id, by: next.id });
    } catch (e) {
      next.release();
      await this.forget(next.id);
      throw e;
    }
    return next;
  }
  mistaken(doc: OpenDoc, type: string): void {
    doc.end(type === HomeDoc.name ? aHome(doc.id) : new FreeholdError("invalid", `this document is a ${type}, not a ${doc.type.name}`, "join it with its own type", { doc: doc.id }));
    this.#forget(doc.id).catch((e: FreeholdError) => this.problem(e));
  }
  closed(doc: OpenDoc): void {
    this.#docById.delete(doc.id);
    void this.#tell({ op: "close", doc: doc.id });
    this.#heads.changed();
  }
  problem(e: FreeholdError): void {
    if (this.#options.onProblem === undefined) console.warn(`freehold: ${e.code}: ${e.message} (${e.hint})`);
    else this.#options.onProblem(e);
  }
  moved(): void {
    this.#heads.changed();
  }

  /** Connects once; a failure may be tried again by the next call. */
  #vault(): Promise<VaultClient> {
    if (this.#closed) return Promise.reject(closed());
    return (this.#client ??= this.#connect().catch((e: unknown) => {
      this.#client = null;
      throw e;
    }));
  }
  async #connect(): Promise<VaultClient> {
    await null; // WebKit runs other microtasks while a policy makes the worker's address: the next call must find this one
    const port: Port<ToVault, FromVault> = await this.#host.connect(this.#options.name);
    const client = new VaultClient(port, (e) => this.#hear(e));
    const { heads } = await client.request({ op: "start", name: this.#options.name, relays: this.relays.value, syncAll: this.#options.syncAll });
    this.#heads.replace(heads);
    // A list that is shared is read when nobody waits for anything: the first key press is not among them.
    this.#host.whenIdle(() => this.#look());
    return client;
  }
  /** A request whose failure is a problem and nobody's exception. Nothing to say to a vault that never started. */
  async #tell(request: Extract<ToVault["request"], { readonly op: "relays" | "pause" | "resume" | "close" | "head" | "presence" }>): Promise<void> {
    if (this.#client === null) return;
    try {
      await (await this.#client).request(request);
    } catch (e) {
      if (!this.#closed) this.problem(e as FreeholdError);
    }
  }

  #loaded(): Promise<Core> {
    return (this.#core ??= this.#load().catch((e: unknown) => {
      this.#core = null;
      throw e;
    }));
  }
  async #load(): Promise<Core> {
    const core = await Core.start(await this.#host.loadModule());
    core.ondeath = () => this.#died(core);
    return core;
  }

  /** The core loads while the vault reads. What the vault says about the document meanwhile waits for it. */
  async #make(type: AnyDocType, ask: (vault: VaultClient) => Promise<Opened>): Promise<OpenDoc> {
    this.#openings++;
    const loading = this.#loaded();
    loading.catch(() => {}); // reported by the await below, unless the vault's answer fails first
    let opened: Opened | null = null;
    try {
      opened = await ask(await this.#vault());
      const core = await loading;
      const shared = this.#docById.get(opened.doc);
      if (shared !== undefined) {
        shared.users++; // joined or opened twice at once
        return shared;
      }
      const doc = new OpenDoc(this, type, core, opened);
      this.#docById.set(doc.id, doc);
      this.#hearEarly(doc);
      this.#heads.changed();
      return doc;
    } catch (e) {
      if (opened !== null) void this.#tell({ op: "close", doc: opened.doc });
      throw this.#closed ? closed() : e; // a vault that stops says what it can no longer do
    } finally {
      if (--this.#openings === 0) this.#early = [];
    }
  }

  #know(type: AnyDocType): void {
    rootOf(type);
    this.#arrivals.know(type);
  }
  /** The documents of this device are others, perhaps. */
  #look(): void {
    if (this.#closed) return;
    if (this.#homeDocs.isShared) void this.#homeDocs.look();
    this.#arrivals.look();
  }

  #hear(e: VaultEvent): void {
    if (e.kind === "heads") {
      this.#heads.replace(e.heads);
      return this.#look();
    }
    if (e.kind === "problem") return this.problem(problemToError(e.problem));
    const doc = this.#docById.get(e.doc);
    if (doc !== undefined && (e.kind === "ended" || !doc.suspended)) this.#hearOf(doc, e);
    else if (this.#openings > 0) this.#early.push(e);
  }
  #hearOf(doc: OpenDoc, e: DocEvent): void {
    if (e.kind !== "ended") doc.hear(e);
    else if (e.problem.code === "core-restarted") void this.#reopen([doc], "the vault was restarted");
    else doc.end(problemToError(e.problem));
  }

  /** A dead core takes nothing with it but what had not been handed over: a new one reads the rest from the device. */
  #died(core: Core): void {
    core.ondeath = () => {};
    this.#core = null;
    void this.#reopen([...this.#docById.values()], "the core was rebuilt");
  }

  /** Reads documents again from the device, for new sessions, and says why; what did not get there is lost, and told. */
  #reopen(docs: readonly OpenDoc[], why: string | null): Promise<void> {
    for (const doc of docs) doc.suspend();
    // One after the other: what is to be opened again may come to that once more meanwhile.
    return (this.#reopening = this.#reopening.then(async () => {
      for (const doc of docs) {
        try {
          await this.#reopenOne(doc, why);
        } catch (e) {
          this.problem(e instanceof FreeholdError ? e : new FreeholdError("core-restarted", "the core could not be rebuilt", "reload the page; what was saved is safe", { doc: doc.id, cause: e }));
        }
      }
    }));
  }
  async #reopenOne(doc: OpenDoc, why: string | null): Promise<void> {
    await doc.settled();
    const vault = await this.#vault();
    const core = await this.#loaded();
    if (this.#docById.get(doc.id) !== doc || !doc.suspended) return; // closed meanwhile, or opened again for another reason
    this.#openings++;
    try {
      await vault.request({ op: "close", doc: doc.id });
      this.#forgetEarly(doc.id); // of the session before
      const opened = await vault.request({ op: "open", doc: doc.id, type: doc.type.name });
      if (this.#docById.get(doc.id) !== doc) return void this.#tell({ op: "close", doc: doc.id });
      doc.reopen(core, opened, why);
      this.#hearEarly(doc);
    } finally {
      if (--this.#openings === 0) this.#early = [];
    }
  }

  #hearEarly(doc: OpenDoc): void {
    for (const e of this.#forgetEarly(doc.id)) this.#hearOf(doc, e);
  }
  #forgetEarly(id: string): readonly DocEvent[] {
    const early = this.#early;
    this.#early = early.filter((e) => e.doc !== id);
    return early.filter((e) => e.doc === id);
  }
}

const aHome = (id?: string): FreeholdError => new FreeholdError("invalid", "this is the link of somebody's home, not of a document", "home.restore(link), if the home is your own", id === undefined ? {} : { doc: id });
const closed = (): FreeholdError => new FreeholdError("closed", "this home was closed", "make it again with freehold({ name })");
