// A page's end of a real vault: requests as promises, what the vault says by itself as lists, and an editor over a real core.

import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Core } from "../../src/core/core.ts";
import { loadModule } from "../../src/core/loadnode.ts";
import { FreeholdError, type Code } from "../../src/errors.ts";
import { fromBase64url } from "../../src/ids.ts";
import type { DocId, FromVault, Opened, Port, Problem, Replies, Request, SessionUpdate, ToVault, VaultStatus } from "../../src/protocol.ts";
import type { VaultEnv } from "../../src/vault/env.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { portPair } from "../../src/vault/portpair.ts";
import { startVault } from "../../src/vault/vault.ts";

/** A directory that lives as long as the test. */
const directories: string[] = [];
process.once("exit", () => { for (const path of directories) rmSync(path, { recursive: true, force: true }); });

/** A directory that goes with the process: a vault of the test may write to it until the very end. */
export const directoryOf = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), "freehold-vault-"));
  directories.push(path);
  return path;
};

/** A started vault on a directory; stopped at the end if the test did not. */
export const start = async (t: TestContext, path: string, relays: readonly string[] = [], env: VaultEnv = nodeEnv(path)): Promise<Page> => {
  const page = new Page(env);
  page.heads = (await page.request({ op: "start", name: "home", relays })).heads;
  t.after(() => page.stop());
  return page;
};

/** What the tabs of one browser share: locks, the channel and the store, which is opened once. */
export const tabsOf = (env: VaultEnv): VaultEnv => {
  let copies: ReturnType<VaultEnv["openCopies"]> | undefined;
  return { ...env, openCopies: (name, o) => (copies ??= env.openCopies(name, o)) };
};

export class Refusal extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.message}`);
    this.problem = problem;
  }
}

export class Page {
  readonly #port: Port<ToVault, FromVault>;
  readonly #pending: Map<number, { resolve(reply: never): void; reject(e: Error): void }> = new Map();
  readonly #editors: Map<DocId, Editor> = new Map();
  readonly #watchers: Set<() => void> = new Set();
  #early: FromVault[] = [];
  #last = 0;
  #stopped = false;
  readonly problems: Problem[] = [];
  readonly ended: Extract<FromVault, { readonly kind: "ended" }>[] = [];
  heads: readonly unknown[] = [];

  constructor(env: VaultEnv) {
    const [page, vault] = portPair();
    startVault(vault, env);
    this.#port = page;
    page.listen((m) => this.#hear(m));
  }

  request<R extends Request>(request: R): Promise<Replies[R["op"]]> {
    if (request.op === "stop") this.#stopped = true;
    return new Promise((resolve, reject) => {
      this.#pending.set(++this.#last, { resolve, reject });
      this.#port.post({ id: this.#last, request });
    });
  }

  /** Once; a second call does nothing. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    await this.request({ op: "stop" });
  }

  async edit(request: Extract<Request, { readonly op: "create" | "open" | "join" }>): Promise<Editor> {
    const { doc } = request.op === "join" ? await this.request(request) : { doc: null };
    const opened = await this.request(doc === null ? request as Exclude<typeof request, { readonly op: "join" }> : { op: "open", doc, type: request.type });
    const editor = new Editor(await Core.start(await loadModule()), opened, this);
    this.#editors.set(opened.doc, editor);
    const early = this.#early;
    this.#early = [];
    for (const m of early) this.#hear(m);
    return editor;
  }

  /** Lets it try the relay at once, however long its pauses have grown meanwhile. */
  async reconnect(): Promise<void> {
    await this.request({ op: "pause" });
    await this.request({ op: "resume" });
  }

  /** Resolves when `is` holds; it is asked again whenever the vault says something. */
  until(what: string, is: () => boolean, ms = 45_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`not within ${ms} ms: ${what}; ${JSON.stringify([...this.#editors.values()].map((e) => e.status))} ${JSON.stringify(this.problems)}`));
      }, ms);
      const look = (): void => {
        if (!is()) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  #hear(m: FromVault): void {
    if (m.kind === "reply" || m.kind === "error") {
      const pending = this.#pending.get(m.id);
      if (pending === undefined) throw new Error(`request ${m.id} was answered twice`);
      this.#pending.delete(m.id);
      if (m.kind === "reply") pending.resolve(m.reply as never);
      else pending.reject(new Refusal(m.problem));
    } else if (m.kind === "problem") this.problems.push(m.problem);
    else if (m.kind === "heads") this.heads = m.heads;
    else if (m.kind === "ended") this.ended.push(m);
    else {
      const editor = this.#editors.get(m.doc);
      if (editor === undefined) this.#early.push(m);
      else editor.hear(m);
    }
    for (const look of [...this.#watchers]) look();
  }
}

/** A document with one text at its root, edited through the core as the page does. */
export class Editor {
  readonly doc: DocId;
  session: string;
  status: VaultStatus;
  sealed: readonly Uint8Array[] = [];
  /** Updates that the vault gave; the core may keep one for later. */
  given = 0;
  /** What the core said of the updates that it refused. */
  readonly refused: Code[] = [];
  /** What other sessions say of themselves. */
  readonly others: Map<string, Uint8Array> = new Map();
  readonly #core: Core;
  readonly #handle: number;
  readonly #page: Page;
  #text = -1;
  #drained = 0;

  constructor(core: Core, opened: Opened, page: Page) {
    this.doc = opened.doc;
    this.session = opened.session;
    this.status = opened.status;
    this.#core = core;
    this.#page = page;
    this.#handle = opened.snapshot === null ? core.create() : core.load(opened.snapshot);
    this.#apply(opened.updates);
    if (this.session !== "") core.session(this.#handle, fromBase64url(this.session)!);
  }

  get value(): string {
    return this.#find() < 0 ? "" : this.#core.text(this.#handle, this.#text, 0, -1);
  }
  get digest(): string { return Buffer.from(this.#core.digest(this.#handle)).toString("hex"); }

  /** Inserts, and resolves when it is on the device. */
  async type(at: number, text: string): Promise<void> {
    for (const u of this.insertAll(at, text)) await this.#page.request({ op: "update", doc: this.doc, session: this.session, ...u });
  }

  /** Inserts so little that it is one update; gives it. */
  insert(at: number, text: string): { from: number; to: number; bytes: Uint8Array } {
    return this.insertAll(at, text)[0]!;
  }

  /** Inserts, as one change; gives the updates that it leaves in. */
  insertAll(at: number, text: string): { from: number; to: number; bytes: Uint8Array }[] {
    const child: number[] = [];
    if (this.#find() < 0) {
      this.#core.heads(this.#handle);
      this.#text = this.#core.containers;
      child.push(0x01, 0, 4, 4, ...Buffer.from("body"), this.#text);
    }
    const units = Array.from({ length: 2 * text.length }, (_, i) => (text.charCodeAt(i >> 1) >> (8 * (i & 1))) & 0xff);
    const commands = Uint8Array.from([...child, 0x02, this.#text, ...varint(at), ...varint(text.length), ...units]);
    const address = this.#core.reserve(commands.length);
    this.#core.u8.set(commands, address);
    this.#core.change(this.#handle, commands.length);
    const updates = [];
    for (let n = this.#core.update(this.#handle); n > 0; n = this.#core.update(this.#handle)) {
      updates.push({ from: this.#drained, to: this.#drained + n, bytes: this.#core.out() });
      this.#drained += n;
    }
    return updates;
  }

  hear(m: Exclude<FromVault, { readonly kind: "reply" | "error" | "problem" | "heads" | "ended" }>): void {
    switch (m.kind) {
      case "updates": return this.#apply(m.updates);
      case "snapshot": return this.#core.merge(this.#handle, m.bytes);
      case "session":
        this.session = m.session;
        return this.#core.session(this.#handle, fromBase64url(m.session)!);
      case "status": this.status = m.status; return;
      case "sealed": this.sealed = m.envelopes; return;
      case "presence":
        if (m.state === null) this.others.delete(m.session);
        else this.others.set(m.session, m.state);
        return;
      default: m satisfies never;
    }
  }

  /** What the core refuses is left out, as the page does. */
  #apply(updates: readonly SessionUpdate[]): void {
    this.given += updates.length;
    for (const u of updates) {
      try {
        this.#core.apply(this.#handle, fromBase64url(u.session)!, u.bytes);
      } catch (e) {
        if (!(e instanceof FreeholdError)) throw e;
        this.refused.push(e.code);
      }
    }
  }

  /** The text's index, from the view's container records (docs/BOUNDARY.md), or −1. */
  #find(): number {
    if (this.#text >= 0) return this.#text;
    this.#core.view(this.#handle);
    const patch = this.#core.out();
    for (let i = 0; i + 8 <= patch.length; i++) {
      if (patch[i] === 0x02 && patch[i + 2] === 0 && patch[i + 3] === 4 && patch[i + 4] === 0 && Buffer.from(patch.slice(i + 6, i + 10)).toString() === "body") this.#text = patch[i + 1]!;
    }
    return this.#text;
  }
}

const varint = (n: number): number[] => {
  const out: number[] = [];
  for (; n >= 0x80; n = Math.floor(n / 0x80)) out.push((n % 0x80) | 0x80);
  return [...out, n];
};
