// The home document, in Node against the real relay: one list on every device, made of links.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { join } from "node:path";
import { directoryStore } from "../../src/store/directory.ts";
import type { Doc, DocInfo, Home, Store } from "../../src/types.ts";
import { freehold } from "../../src/node.ts";
import { HomeDoc } from "../../src/page/homedoc.ts";
import { defineDoc, s } from "../../src/page/schema.ts";
import { startRelay, type RelayProcess } from "../e2e/relayprocess.ts";
import { code } from "./page-fixture.ts";
import { directoryOf } from "./vault-harness.ts";

const Note = defineDoc("note", { version: 1, shape: { title: s.string().default(""), body: s.text() } });
const Task = defineDoc("task", { version: 1, shape: { title: s.string() } });
type Notes = Store<ReadonlyArray<DocInfo<typeof Note>> | undefined>;

const relayOf = async (t: TestContext): Promise<RelayProcess> => {
  const relay = await startRelay();
  t.after(() => relay.end());
  return relay;
};

class Device {
  readonly home: Home;
  readonly notes: Notes;
  readonly problems: string[] = [];
  constructor(t: TestContext, directory: string, relay: RelayProcess | null) {
    this.home = freehold({ name: "home", directory, ...(relay === null ? {} : { relay: relay.url }), onProblem: (e) => this.problems.push(`${e.code}: ${e.message}`) });
    this.notes = this.home.list(Note, { by: (n) => n.title });
    t.after(() => this.home.close());
  }
  get titles(): readonly string[] { return (this.notes.value ?? []).map((n) => n.head.title); }
  /** Resolves when the list reads so. */
  lists(...titles: readonly string[]): Promise<void> {
    return until(this.notes, () => JSON.stringify(this.titles) === JSON.stringify(titles), () => `${JSON.stringify(this.titles)} instead of ${JSON.stringify(titles)}; ${this.problems.join(", ")}`);
  }
  async create(title: string): Promise<Doc<typeof Note>> {
    const doc = await this.home.create(Note, { title, body: `all about ${title}` });
    await doc.saved("relay");
    return doc;
  }
}

const device = async (t: TestContext, relay: RelayProcess | null, directory?: string): Promise<Device> => new Device(t, directory ?? (await directoryOf()), relay);

const until = <V>(store: Store<V>, is: (v: V) => boolean, otherwise: () => string): Promise<void> => new Promise((resolve, reject) => {
  const late = setTimeout(() => { stop(); reject(new Error(otherwise())); }, 30_000);
  const stop = store.subscribe((v) => {
    if (!is(v)) return;
    clearTimeout(late);
    resolve();
    queueMicrotask(() => stop());
  });
});

test("a device that has nothing but the home's link gets every document, and later ones too", async (t) => {
  const relay = await relayOf(t);
  const a = await device(t, relay);
  const tunnel = await a.create("tunnel");
  (await a.create("garden")).close();
  const link = await a.home.addDevice();
  assert.match(link.href, /\?home#1a\./);
  await (await a.home.create(Task, { title: "of another type" })).saved("relay");
  const b = await device(t, relay);
  await b.home.restore(link);
  await b.lists("garden", "tunnel");
  const here = b.notes.value!.find((n) => n.head.title === "tunnel")!;
  assert.equal(here.id, tunnel.id);
  assert.equal(here.rights, "owner");
  assert.equal(here.head.body.toString(), "all about tunnel");
  await a.create("later");
  await b.lists("garden", "later", "tunnel");
  await b.create("from b");
  await a.lists("from b", "garden", "later", "tunnel");
  assert.deepEqual([...a.problems, ...b.problems], []);
});

test("a long list goes in envelopes that are small enough to be read once more", async (t) => {
  const directory = await directoryOf();
  const home = freehold({ name: "home", directory, relay: "http://localhost:1", onProblem: () => {} }); // nobody is there
  t.after(() => home.close());
  const ids: string[] = [];
  for (let i = 0; i < 85; i++) {
    using note = await home.create(Note, { title: `note ${i}` });
    ids.push(note.id);
  }
  const doc = (await home.addDevice()).hash.split(".")[1]!;
  const list = await home.open(HomeDoc, doc);
  assert.deepEqual(Object.keys(list.value.docs), ids.toSorted());
  await home.close();
  const store = directoryStore(join(directory, "home"));
  await store.open();
  const sizes = (await store.load(doc))!.envelopes.map((e) => e.bytes.length);
  t.diagnostic(`${sizes.join(", ")} bytes`);
  assert.ok(Math.max(...sizes) < 16 << 10, `${sizes.join(", ")} bytes`);
  await store.close();
});

test("words that come to a document just after its link show in the lists of devices that only fetched it", async (t) => {
  const relay = await relayOf(t);
  const a = await device(t, relay);
  await a.create("first");
  const b = await device(t, relay);
  await b.home.restore(await a.home.addDevice());
  await b.lists("first");
  const doc = await a.create("");
  const fetched = (): boolean => b.notes.value?.some((n) => n.head.title === "" && n.head.body.toString() === "all about ") === true;
  await until(b.notes, fetched, () => "it was not fetched");
  doc.change((d) => { d.title = "a title at last"; });
  await b.lists("a title at last", "first");
});

test("the first device is gone: what another restored can be written, and shared with a third", async (t) => {
  const relay = await relayOf(t);
  const a = await device(t, relay);
  const { id } = await a.create("kept");
  const link = await a.home.addDevice();
  const witness = await device(t, relay); // who has it from the relay knows that it is there
  await witness.home.restore(link);
  await witness.lists("kept");
  await Promise.all([a.home.close(), witness.home.close()]);
  const path = await directoryOf();
  const b = await device(t, relay, path);
  await b.home.restore(link);
  await b.lists("kept");
  const doc = await b.home.open(Note, id);
  doc.change((d) => { d.title = "kept and changed"; });
  await doc.saved("relay");
  await b.home.close();
  const again = await device(t, relay, path); // a restart goes on with the same list, without being told
  await again.create("after a restart");
  const c = await device(t, relay);
  await c.home.restore(await again.home.addDevice());
  await c.lists("after a restart", "kept and changed");
});

test("two homes that had lists of their own have both on every device, whoever came first", async (t) => {
  const relay = await relayOf(t);
  const [a, a2, b, b2] = [await device(t, relay), await device(t, relay), await device(t, relay), await device(t, relay)];
  await a.create("of a");
  await b.create("of b");
  await a2.home.restore(await a.home.addDevice());
  await b2.home.restore(await b.home.addDevice());
  await b2.lists("of b");
  await b.home.restore(await a.home.addDevice());
  for (const d of [a, a2, b, b2]) await d.lists("of a", "of b");
  await b2.create("of b2");
  await a2.create("of a2");
  for (const d of [a, a2, b, b2]) await d.lists("of a", "of a2", "of b", "of b2");
});

test("forgetting is this device's alone and lasts; deleting is everybody's", async (t) => {
  const relay = await relayOf(t);
  const path = await directoryOf();
  const a = await device(t, relay);
  const b = await device(t, relay, path);
  const [one, two] = [await a.create("one"), await a.create("two")];
  const guest = await device(t, relay);
  const shared = await guest.home.join(Note, await two.link("write"));
  await b.home.restore(await a.home.addDevice());
  await b.lists("one", "two");
  await b.home.forget(one.id);
  await b.lists("two");
  await b.home.close();
  const again = await device(t, relay, path);
  await again.lists("two");
  await again.create("three"); // the list was united with the others' since, and did not bring it back
  await a.lists("one", "three", "two");
  await again.lists("three", "two");
  const link = await one.link("write");
  const { id } = await again.home.join(Note, link); // but it may be opened by hand
  assert.equal(id, one.id);
  await again.lists("one", "three", "two");

  await again.home.delete(two.id);
  await again.lists("one", "three");
  await a.lists("one", "three");
  assert.throws(() => two.change((d) => { d.title = "too late"; }), code("closed"));
  await until(shared.status, (s) => s.problem?.code === "deleted", () => `the guest was not told: ${JSON.stringify(shared.status.value)}`);
  assert.equal(shared.value.title, "two", "the guest's copy is the guest's");
  shared.change((d) => { d.title = "for myself"; });
  await shared.saved();
  await assert.rejects(shared.saved("relay"), code("deleted"));
  const answer = await fetch(new URL(`/v1/docs/${two.id}/genesis`, relay.url));
  assert.equal(answer.status, 410, "and the relay has nothing of it");
});

test("a home that may do more with a document than this device gives it that, also while it is open", async (t) => {
  const relay = await relayOf(t);
  const a = await device(t, relay);
  const note = await a.create("ours");
  const b = await device(t, relay);
  const open = await b.home.join(Note, await note.link("read"));
  await b.lists("ours");
  await b.home.restore(await a.home.addDevice());
  await until(b.notes, (v) => v?.[0]?.rights === "owner", () => `still ${b.notes.value?.[0]?.rights}; ${b.problems.join(", ")}`);
  await until(open.status, () => open.rights === "owner", () => `the open one is still to ${open.rights}`);
  open.change((d) => { d.title = "mine too"; });
  await a.lists("mine too");
  assert.deepEqual(b.problems, []);
});

test("what cannot be: without a relay, as a reader, with another link, offline", async (t) => {
  const relay = await relayOf(t);
  const alone = await device(t, null);
  await assert.rejects(alone.home.addDevice(), code("not-ready"));
  await assert.rejects(alone.home.restore("1a.x"), code("not-ready"));
  const a = await device(t, relay);
  const note = await a.create("note");
  const home = await a.home.addDevice();
  const b = await device(t, relay);
  await assert.rejects(b.home.restore("rubbish"), code("bad-link"));
  await assert.rejects(b.home.restore(await note.link("owner")), code("invalid"), "a note is no home");
  await assert.rejects(b.home.join(Note, home), code("invalid"), "the link says that it is a home's");
  const wrong = await b.home.join(Note, home.hash); // nothing of it is here, so nobody can tell yet
  await until(wrong.status, (s) => s.problem?.code === "invalid", () => "a home was taken for a note");
  await b.lists();
  const asTask = await b.home.join(Task, await note.link("write"));
  await until(asTask.status, (s) => s.problem?.code === "invalid", () => "a note was taken for a task");
  assert.throws(() => asTask.change(() => undefined), code("closed"));
  const reader = await b.home.join(Note, await note.link("read"));
  await assert.rejects(b.home.join(Task, await note.link("write")), code("invalid"), "it is known to be a note");
  await assert.rejects(b.home.delete(reader.id), code("read-only"));
  await assert.rejects(b.home.delete("nothing"), code("not-found"));
  await relay.stop();
  const c = await device(t, relay);
  const waiting = assert.rejects(c.home.restore(home), code("closed")); // nothing can arrive
  await until(c.notes, (v) => v !== undefined, () => "no list");
  await c.home.join(Note, await note.link("read")); // goes the same way, so the other is under way
  await c.home.close();
  await waiting;
  await assert.rejects(a.home.delete(note.id), code("relay-refused"));
  assert.deepEqual(a.titles, ["note"], "what could not be deleted is still here");
});
