// The test page: a very small app on the package's public name. Tests call it through `window.app`.

import { freehold, defineDoc, s, type Doc, type FreeholdError, type Home } from "freehold";

const Note = defineDoc("e2e-note", {
  version: 1,
  shape: {
    title: s.string().default("Untitled"),
    body: s.text(),
    todos: s.list(s.object({ text: s.text(), done: s.boolean().default(false) })),
    tags: s.list(s.string()),
    scores: s.record(s.number()),
    votes: s.counter(),
    /** Named so that blind.test.ts finds the name wherever it goes. */
    "canary-of-a-field-b83f": s.string().optional(),
  },
  presence: { name: s.string() },
});

type Trace = { readonly endContent: string; readonly txns: ReadonlyArray<{ readonly patches: ReadonlyArray<readonly [number, number, string]> }> };
type Failure = { readonly code: string; readonly message: string; readonly hint: string };

const problems: Failure[] = [];
const asFailure = (e: unknown): Failure => {
  const { code, message, hint } = e as FreeholdError;
  return { code, message, hint };
};
let home: Home;
let doc: Doc<typeof Note>;
let listed: readonly string[] = [];

const app = {
  start(relay: string | readonly string[] | null, workerUrl?: string): void {
    home = freehold({ name: "e2e", ...(relay === null ? {} : { relay }), ...(workerUrl === undefined ? {} : { workerUrl }), onProblem: (e) => problems.push(asFailure(e)) });
  },
  async create(): Promise<string> {
    doc = await home.create(Note);
    return doc.id;
  },
  async open(id: string): Promise<void> {
    doc = await home.open(Note, id);
  },
  async join(link: string): Promise<string> {
    doc = await home.join(Note, link);
    return doc.id;
  },
  /** Joins and gives the failure instead of throwing, so that a test can look at it. */
  async failToJoin(link: string): Promise<Failure | null> {
    try {
      doc = await home.join(Note, link);
      return null;
    } catch (e) {
      return asFailure(e);
    }
  },
  async link(rights: "read" | "write"): Promise<string> {
    return (await doc.link(rights)).href;
  },
  /** Plays a trace, one `change` per edit, letting storage and network run between handfuls. */
  async replay(url: string, limit?: number): Promise<number> {
    const trace: Trace = await new Response((await fetch(url)).body!.pipeThrough(new DecompressionStream("gzip"))).json();
    const edits = trace.txns.flatMap((t) => t.patches).slice(0, limit);
    for (let at = 0; at < edits.length; at += 2_000) {
      for (const [pos, del, ins] of edits.slice(at, at + 2_000)) {
        doc.change((d) => {
          if (del > 0) d.body.delete(pos, del);
          if (ins !== "") d.body.insert(pos, ins);
        });
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
    return edits.length;
  },
  title(text: string): void {
    doc.change((d) => { d.title = text; });
  },
  insert(at: number, text: string): void {
    doc.change((d) => d.body.insert(at, text));
  },
  erase(at: number, n: number): void {
    doc.change((d) => d.body.delete(at, n));
  },
  add(text: string): string {
    return doc.change((d) => d.todos.add({ text }));
  },
  tick(id: string): void {
    doc.change((d) => { d.todos.get(id)!.done = true; });
  },
  move(id: string, at: number): void {
    doc.change((d) => d.todos.move(id, { at }));
  },
  remove(id: string): boolean {
    return doc.change((d) => d.todos.delete(id));
  },
  tag(text: string): void {
    doc.change((d) => { d.tags.add(text); });
  },
  score(key: string, n: number): void {
    doc.change((d) => { d.scores.set(key, n); });
  },
  mark(text: string): void {
    doc.change((d) => { d["canary-of-a-field-b83f"] = text; });
  },
  vote(n: number): void {
    doc.change((d) => d.votes.add(n));
  },
  body: (): string => doc.value.body.toString(),
  todos: (): string[] => doc.value.todos.map((t) => `${t.done ? "x" : "-"} ${t.text}`),
  export: async (): Promise<string> => (await doc.export("json")).text(),
  call(name: string): void {
    doc.presence.set({ name });
  },
  others: (): string[] => doc.presence.others.value.map((o) => o.name).sort(),
  close(): void {
    doc.close();
  },
  saved: (level: "device" | "relay" | "peer"): Promise<void> => doc.saved(level),
  /** Resolves with the failure when `saved` rejects. */
  async failToSave(level: "device" | "relay"): Promise<Failure | null> {
    try {
      await doc.saved(level);
      return null;
    } catch (e) {
      return asFailure(e);
    }
  },
  status() {
    const { problem, ...rest } = doc.status.value;
    return { ...rest, problem: problem === null ? null : asFailure(problem) };
  },
  problems: (): Failure[] => problems,
  forget: (): Promise<void> => home.forget(doc.id),
  async relink(): Promise<string> {
    doc = await doc.relink();
    return doc.id;
  },
  delete: (id: string): Promise<void> => home.delete(id),
  addDevice: async (): Promise<string> => (await home.addDevice()).href,
  restore: (link: string): Promise<void> => home.restore(link),
  /** Follows the list from here on. */
  list(): void {
    home.list(Note, { by: (n) => n.title }).subscribe((rows) => { listed = (rows ?? []).map((row) => `${row.head.title}: ${row.head.body}`); });
  },
  listed: (): readonly string[] => listed,
  pause: (): void => home.pause(),
  resume: (): void => home.resume(),
};

export type App = typeof app;
declare global {
  interface Window {
    app: App;
  }
}
window.app = app;
