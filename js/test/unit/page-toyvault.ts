// A vault in a few arrays, for tests of the page alone: it answers as protocol.ts says, stores in memory, and shares documents between
// the homes connected to it as a relay would. What it answers can be held back or refused.

import { toBase64url } from "../../src/ids.ts";
import { loadModule } from "../../src/core/loadnode.ts";
import { OpenHome } from "../../src/page/home.ts";
import type { DocId, FromVault, HeadRecord, Opened, Port, Problem, Replies, Request, Rights, SessionId, SessionUpdate, ToVault, VaultStatus } from "../../src/protocol.ts";
import type { FreeholdError } from "../../src/errors.ts";

interface Stored {
  readonly type: string;
  readonly updates: SessionUpdate[];
}

const STATUS: VaultStatus = { content: "complete", device: 0, relay: 0, peer: 0, unsent: 0, relayState: "none", copies: 2, peers: 0, seen: 0, successor: null, problem: null };

export class ToyVault {
  readonly docs: Map<DocId, Stored> = new Map();
  readonly heads: Map<DocId, HeadRecord> = new Map();
  readonly log: Request[] = [];
  /** Answers wait in `held` while true. */
  hold = false;
  readonly held: (() => void)[] = [];
  /** The next updates are refused with this. */
  refuse: Problem | null = null;
  /** What pages may do. */
  rights: Rights = "owner";
  /** What the status of a document says when it is opened. */
  opened: Partial<VaultStatus> = {};
  #pages: Set<Page> = new Set();
  #ids = 0;

  connect(): Port<ToVault, FromVault> {
    const page: Page = { hear: () => {}, open: new Map() };
    this.#pages.add(page);
    return {
      post: (m) => {
        this.log.push(m.request);
        const copy = structuredClone(m);
        const answer = (): void => page.hear(this.#answer(page, copy));
        if (this.hold && copy.request.op === "update") this.held.push(answer);
        else setImmediate(answer);
      },
      listen: (f) => {
        page.hear = f;
      },
      close: () => void this.#pages.delete(page),
    };
  }
  /** Lets held answers go. */
  release(): void {
    this.hold = false;
    for (const answer of this.held.splice(0)) answer();
  }
  /** Says something unasked to every page. */
  tell(m: FromVault): void {
    for (const page of this.#pages) page.hear(m);
  }
  status(doc: DocId, status: Partial<VaultStatus>): void {
    this.tell({ kind: "status", doc, status: { ...STATUS, ...status } });
  }

  #answer(page: Page, { id, request }: ToVault): FromVault {
    if (request.op === "update" && this.refuse !== null) return { kind: "error", id, problem: this.refuse };
    const reply = this.#reply(page, request);
    return reply === undefined ? { kind: "error", id, problem: { code: "not-found", message: "no such document", hint: "check the id" } } : { kind: "reply", id, reply };
  }
  #reply(page: Page, r: Request): Replies[keyof Replies] | undefined {
    switch (r.op) {
      case "start": return { heads: [...this.heads.values()], copies: 2, persisted: true };
      case "create": {
        const doc = `doc${++this.#ids}`;
        this.docs.set(doc, { type: r.type, updates: [] });
        return this.#open(page, doc);
      }
      case "open": return this.docs.has(r.doc) ? this.#open(page, r.doc) : undefined;
      case "join": return this.docs.has(r.link) ? { doc: r.link, reopen: false } : undefined;
      case "update": {
        const update = { session: r.session, bytes: r.bytes };
        this.docs.get(r.doc)?.updates.push(update);
        for (const other of this.#pages) if (other !== page && other.open.has(r.doc)) other.hear({ kind: "updates", doc: r.doc, updates: [update] });
        return { copies: 2 };
      }
      case "presence":
        for (const other of this.#pages) {
          if (other !== page && other.open.has(r.doc)) other.hear({ kind: "presence", doc: r.doc, session: page.open.get(r.doc)!, state: r.state });
        }
        return null;
      case "head": {
        const head = { id: r.doc, type: this.docs.get(r.doc)?.type ?? "", head: r.head, changed: r.changed, rights: "owner" as const };
        this.heads.set(r.doc, head);
        return null;
      }
      case "proofs": return { proofs: [] };
      case "link": return { link: `1w.${r.doc}.${r.rights}` };
      case "delete": case "forget": this.docs.delete(r.doc); this.heads.delete(r.doc); return null;
      case "close":
        for (const other of this.#pages) if (other !== page && other.open.has(r.doc)) other.hear({ kind: "presence", doc: r.doc, session: page.open.get(r.doc) ?? "", state: null });
        page.open.delete(r.doc);
        return null;
      case "stop": this.#pages.delete(page); return null;
      default: return null;
    }
  }
  #open(page: Page, doc: DocId): Opened {
    const session = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
    page.open.set(doc, session);
    return { doc, rights: this.rights, session, snapshot: null, updates: [...this.docs.get(doc)!.updates], status: { ...STATUS, ...this.opened } };
  }
}
interface Page {
  hear: (m: FromVault) => void;
  readonly open: Map<DocId, SessionId>;
}

/** A home over a toy vault; `problems` fills as they come. */
export const toyHome = (vault: ToyVault, load: () => Promise<WebAssembly.Module> = loadModule): { home: OpenHome; problems: FreeholdError[]; hide: (isLeaving?: boolean) => void } => {
  const problems: FreeholdError[] = [];
  const hides: ((isLeaving: boolean) => void)[] = [];
  const home = new OpenHome(
    { eager: false, loadModule: load, connect: async () => vault.connect(), linkBase: () => "https://notes.example/app", whenIdle: (f) => void setImmediate(f), onHide: (f) => hides.push(f) },
    { name: "test", onProblem: (e) => problems.push(e) },
  );
  return { home, problems, hide: (isLeaving = false) => hides.forEach((f) => f(isLeaving)) };
};

/** Lets everything that is on its way arrive. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await new Promise((r) => setImmediate(r));
};
