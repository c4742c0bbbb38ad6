// An open document: the replica with its subscribers, its way to the vault, and its life.

import type { Core } from "../core/core.ts";
import { FreeholdError } from "../errors.ts";
import type { Opened, Rights, VaultStatus } from "../protocol.ts";
import type { AnyDocType, Doc, Draft, NotAsync, Refs, RelinkOptions, Status, Store, TextSplice, View } from "../types.ts";
import type { ObjectDef } from "./fields.ts";
import { HeadWriter } from "./headwriter.ts";
import { toCanonical, toPlain } from "./json.ts";
import type { ObjectNode } from "./nodes.ts";
import type { TextNode } from "./textnode.ts";
import { Outbox } from "./outbox.ts";
import { Progress } from "./progress.ts";
import { type Observation, type RefHost, refsOf, withInserted } from "./refs.ts";
import { type Drained, Replica } from "./replica.ts";
import { DocPresence } from "./presence.ts";
import { presenceOfType, rootOf } from "./schema.ts";
import { Cell, checkFunction, report, selection, Source } from "./cell.ts";
import type { VaultEvent } from "./vaultclient.ts";

/** What an open document needs of its home. */
export interface DocHome {
  send(u: Drained & { readonly doc: string }): Promise<unknown>;
  head(doc: string, head: unknown): void;
  say(doc: string, state: Uint8Array): Promise<unknown>;
  link(doc: string, rights: Rights): Promise<URL>;
  proofs(doc: string): Promise<readonly Uint8Array[]>;
  relink(doc: OpenDoc, o: RelinkOptions): Promise<OpenDoc>;
  /** It was joined as one type and turned out to be another. */
  mistaken(doc: OpenDoc, type: string): void;
  closed(doc: OpenDoc): void;
  problem(e: FreeholdError): void;
  /** The status of this document changed, for lists. */
  moved(): void;
}

const closedError = (id: string): FreeholdError => new FreeholdError("closed", "this document was closed", "open it again with home.open", { doc: id });

/** Problems after which nothing arrives any more. */
const NEVER: ReadonlySet<string> = new Set(["wrong-key", "invalid", "not-found", "newer-format", "deleted"]);

type AnyView = View<AnyDocType["shape"]>;

export class OpenDoc implements Doc<AnyDocType>, RefHost {
  readonly id: string;
  readonly type: AnyDocType;
  readonly sealed: Cell<readonly Uint8Array[]> = new Cell<readonly Uint8Array[]>(Object.freeze([]));
  readonly presence: DocPresence;
  readonly observations: Set<Observation> = new Set();
  /** How many `open` calls share it. */
  users = 1;
  readonly #home: DocHome;
  readonly #def: ObjectDef;
  readonly #progress: Progress;
  readonly #outbox: Outbox;
  readonly #heads: HeadWriter = new HeadWriter(() => this.tellHead());
  /** Who waits for it to arrive and wants to know that it was closed instead. */
  readonly #ends: ((e: FreeholdError) => void)[] = [];
  readonly #values: Source<AnyView> = new Source(() => this.value);
  #replica: Replica;
  #at: Refs<AnyDocType["shape"]> | null = null;
  #closed = false;
  /** What observers of texts have not been told yet. */
  readonly #tidings: { readonly node: TextNode; readonly splices: readonly TextSplice[]; readonly local: boolean }[] = [];
  #telling = false;
  /** Nothing of it has been here before: what it says to be is believed once. Later, a writer could only take it from the others. */
  #isNews: boolean;

  constructor(home: DocHome, type: AnyDocType, core: Core, opened: Opened) {
    this.#home = home;
    this.#isNews = opened.status.content === "waiting";
    this.id = opened.doc;
    this.type = type;
    this.#def = rootOf(type);
    this.#replica = new Replica(core, this.#def, opened, (e) => this.#refused(e));
    this.presence = new DocPresence(presenceOfType(type), { doc: this.id, rights: () => this.rights, send: (state) => home.say(this.id, state) });
    this.#progress = new Progress(opened.status, () => this.#replica.seq);
    this.#outbox = new Outbox({
      drain: () => this.#drain(),
      send: (u) => this.#home.send({ ...u, doc: this.id }),
      stored: (u) => {
        if (u.session === this.#replica.session) this.#progress.stored(u.to);
        this.#home.moved();
      },
      failed: (e) => {
        this.#progress.failed(e);
        this.#home.problem(e);
      },
    });
  }

  get rights(): Rights {
    return this.#replica.rights;
  }
  get value(): AnyView {
    return this.#replica.mirror.root.view() as AnyView;
  }
  get status(): Store<Status> {
    return this.#progress.status;
  }
  get at(): Refs<AnyDocType["shape"]> {
    return (this.#at ??= refsOf(this, this.#def, "", () => this.root) as Refs<AnyDocType["shape"]>);
  }
  get root(): ObjectNode {
    return this.#replica.mirror.root;
  }
  readText(node: TextNode, from: number, to: number): string {
    return this.#replica.readPart(node.container, from, to);
  }

  subscribe(f: (v: AnyView) => void): () => void {
    return this.#values.subscribe(f);
  }
  select<R>(fn: (v: AnyView) => R, same?: (a: R, b: R) => boolean): Store<R> {
    return selection(this as Store<AnyView>, fn, same);
  }

  change<R>(fn: (d: Draft<AnyDocType["shape"]>) => NotAsync<R>): R {
    if (this.#closed) throw closedError(this.id);
    checkFunction(fn, "change", "doc.change((draft) => { … })");
    const result = this.#replica.change(fn as (d: never) => R);
    if (this.#replica.changed) this.#changed(true);
    return result;
  }
  /** The state of another document, as the first content of this one. */
  copy(from: OpenDoc): void {
    this.#replica.copy(from.#replica);
    if (this.#replica.changed) this.#changed(true);
    this.tellHead();
  }
  async relink(o: RelinkOptions = {}): Promise<OpenDoc> {
    if (this.#closed) throw closedError(this.id);
    return this.#home.relink(this, o);
  }
  /** The first content of a new document. */
  fill(input: unknown): void {
    this.#replica.fill(this.type.name, input);
    if (this.#replica.changed) this.#changed(true);
    this.tellHead();
  }

  async saved(on: "device" | "relay" | "peer" = "device", o: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closed) throw closedError(this.id);
    if (on !== "device" && on !== "relay" && on !== "peer") throw new FreeholdError("invalid", `nothing is ever saved on "${String(on)}"`, "saved(), saved(\"relay\") or saved(\"peer\")", { doc: this.id });
    this.#outbox.retry();
    return this.#progress.reached(on, o.signal);
  }
  /** Resolves when something of it is here. */
  arrived(): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = this.status.subscribe(({ content, problem }) => {
        if (content === "complete") resolve();
        else if (problem !== null && NEVER.has(problem.code)) reject(problem);
        else return;
        queueMicrotask(() => stop());
      });
      this.#ends.push(reject);
    });
  }
  async link(can: Rights): Promise<URL> {
    if (this.#closed) throw closedError(this.id);
    if (can !== "read" && can !== "write" && can !== "owner") throw new FreeholdError("invalid", `there is no link that can "${String(can)}"`, "link(\"read\"), link(\"write\") or link(\"owner\")", { doc: this.id });
    return this.#home.link(this.id, can);
  }
  async proofs(): Promise<readonly Uint8Array[]> {
    if (this.#closed) throw closedError(this.id);
    return this.#home.proofs(this.id);
  }
  async export(as: "json"): Promise<Blob> {
    if (as !== "json") throw new FreeholdError("invalid", `there is no export as ${String(as)}`, "doc.export(\"json\")", { doc: this.id });
    return new Blob([toCanonical(this.value)], { type: "application/json" });
  }

  close(): void {
    if (this.#closed || --this.users > 0) return;
    this.release();
  }
  [Symbol.dispose](): void {
    this.close();
  }
  /** Closes for everybody who opened it. */
  release(): void {
    this.flush();
    this.#end(closedError(this.id));
  }
  /** The vault let go of it for good: the same, with the reason as its last status. */
  end(e: FreeholdError): void {
    if (this.#closed) return;
    this.#progress.failed(e);
    this.#end(e);
    this.#home.problem(e);
  }
  #end(e: FreeholdError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outbox.close();
    this.#heads.stop();
    for (const o of this.observations) o.stop();
    this.root.view(); // made while the core is there, so that `value` stays readable
    this.#replica.free();
    this.#progress.close(e);
    for (const end of this.#ends) end(e);
    this.presence.close(e);
    this.#home.closed(this);
  }
  /** Hands everything over now: the page may be gone in the next moment. */
  flush(): void {
    if (this.#closed) return;
    this.#outbox.flush();
    this.#heads.flush();
  }

  /** What the vault says about this document. */
  hear(e: Exclude<VaultEvent, { readonly kind: "heads" | "problem" | "ended" }>): void {
    if (this.#closed) return;
    switch (e.kind) {
      case "updates": return this.#receive(() => e.updates.map((u) => this.#apply(() => this.#replica.apply(u))).includes(true));
      case "snapshot": return this.#receive(() => this.#apply(() => (this.#replica.merge(e.bytes), true)));
      case "session": return this.#replica.begin(e.session);
      case "sealed": return this.sealed.set(Object.freeze([...e.envelopes]));
      case "status": return this.#progressed(e.status);
      case "presence": return this.presence.hear(e.session, e.state);
    }
  }
  #progressed(status: VaultStatus): void {
    this.#progress.update(status);
    this.#outbox.reached(status.device);
    this.#home.moved();
  }
  #receive(apply: () => boolean): void {
    if (!apply()) return;
    const { type } = this.#replica.mirror;
    if (this.#isNews && type !== null) {
      this.#isNews = false;
      if (type !== this.type.name) return this.#home.mistaken(this, type);
    }
    this.#changed(false);
  }
  /** What does not decode is skipped: nothing of it was applied, and what was here stays. */
  #apply(f: () => boolean): boolean {
    try {
      return f();
    } catch (e) {
      if (e instanceof FreeholdError && e.code !== "core-restarted") this.#refused(e);
      return false;
    }
  }
  #refused(e: FreeholdError): void {
    this.#home.problem(new FreeholdError(e.code === "storage-lost" ? "relay-invalid" : e.code, `an update was refused: ${e.message}`, "it was skipped; nothing here was changed", { doc: this.id, cause: e }));
  }

  #changed(local: boolean): void {
    if (local) {
      this.#progress.edited();
      this.#outbox.kick();
    }
    this.#heads.changed();
    const spliced = this.#replica.mirror.takeSpliced();
    if (spliced !== null) {
      // Read now: an observer that edits moves the text on.
      for (const [node, splices] of spliced) this.#tidings.push({ node, splices: withInserted(this, node, splices), local });
    }
    if (this.#telling) return; // whoever is telling goes on with these
    if (this.#tidings.length > 0) this.#tell();
    this.#values.notify();
  }
  /** Observers hear of every change in order, also of those that observers make. */
  #tell(): void {
    this.#telling = true;
    for (let t = this.#tidings.shift(); t !== undefined; t = this.#tidings.shift()) {
      for (const o of t.node.observers ?? []) {
        try {
          o.tell(t.splices, t.local);
        } catch (e) {
          report(e);
        }
      }
    }
    this.#telling = false;
  }
  #drain(): Drained | null {
    if (this.#closed || this.#replica.dead) return null;
    const drained = this.#replica.drain();
    this.#progress.status.notify();
    this.#home.moved();
    return drained;
  }
  /** The list gets what this document shows now. */
  tellHead(): void {
    if (!this.#replica.dead) this.#home.head(this.id, toPlain(this.value));
  }

  /** Resolves when no update is under way. */
  settled(): Promise<void> {
    return this.#outbox.settled();
  }
  /** Nothing is read, edited or heard here until `reopen`: the core died, or the vault ended the session. */
  suspend(): void {
    this.#replica.end();
  }
  get suspended(): boolean {
    return this.#replica.dead;
  }
  /** The same document read again from the device, in a session of its own; must be settled. Equal values keep their identity. `why`: for whom it is news. */
  reopen(core: Core, opened: Opened, why: string | null): void {
    const before = this.#replica;
    const now = new Replica(core, this.#def, opened, (e) => this.#refused(e));
    before.free();
    this.#replica = now;
    now.mirror.root.inherit(before.mirror.root);
    // What the device has of the session is here again; the rest was in memory only, drained or not.
    const lost = Math.max(0, before.seq - now.count(before.session));
    this.#outbox.restart();
    this.#progress.restart(opened.status, lost);
    this.presence.restart();
    if (why !== null || lost > 0) {
      this.#home.problem(new FreeholdError("core-restarted", `${why ?? "the document was opened again"}; ${lost === 0 ? "nothing was lost" : `${lost} unsaved operations were lost`}`, lost === 0 ? "nothing to do" : "look over the last edit", { doc: this.id }));
    }
    for (const o of this.observations) {
      try {
        o.moved();
      } catch (e) {
        report(e);
      }
    }
    this.#values.notify();
    this.#home.moved();
  }
}
