// Homes over the toy vault: life, lists, status, saved, a dying core.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModule } from "../../src/core/loadnode.ts";
import { freehold } from "../../src/node.ts";
import { defineDoc, s } from "../../src/page/schema.ts";
import { code } from "./page-fixture.ts";
import { settle, ToyVault, toyHome } from "./page-toyvault.ts";

const Note = defineDoc("note", { version: 1, shape: { title: s.string().default("Untitled"), body: s.text(), todos: s.list(s.object({ text: s.text() })), meta: s.json({ "~standard": { version: 1, vendor: "t", validate: (value: unknown) => ({ value }) } }) } });
const More = defineDoc("more", { version: 1, shape: { essay: s.richText({ bold: s.mark() }), outline: s.tree(s.object({ title: s.string() })) } });
const Other = defineDoc("other", { version: 1, shape: { n: s.number() } });

test("create, edit, close, open again: everything is there", async () => {
  const vault = new ToyVault();
  const first = toyHome(vault);
  const doc = await first.home.create(Note, { title: "A", body: "text", todos: [{ text: "x" }, {}] });
  doc.change((d) => { d.body.insert(4, "!"); });
  await doc.saved();
  const kept = doc.value;
  doc.close();
  assert.equal(kept.body.toString(), "text!"); // readable without the core
  assert.equal(doc.value, kept);
  assert.throws(() => doc.change(() => {}), code("closed"));
  await assert.rejects(doc.saved(), code("closed"));
  await settle();
  const again = await toyHome(vault).home.open(Note, doc.id);
  assert.deepEqual(JSON.parse(JSON.stringify(again.value)), JSON.parse(JSON.stringify(kept)));
});

test("closing hands over what is unsaved", async () => {
  const vault = new ToyVault();
  const { home } = toyHome(vault);
  const doc = await home.create(Note);
  doc.change((d) => { d.title = "last words"; });
  doc.close();
  await settle();
  assert.equal((await toyHome(vault).home.open(Note, doc.id)).value.title, "last words");
});

test("hiding the page hands over everything, answered or not", async () => {
  const vault = new ToyVault();
  const { home, hide } = toyHome(vault);
  const doc = await home.create(Note);
  vault.hold = true;
  doc.change((d) => { d.title = "a"; });
  await settle();
  doc.change((d) => { d.title = "b"; });
  hide();
  await settle();
  assert.equal(vault.log.filter((r) => r.op === "update").length, 2);
  vault.release();
  await doc.saved();
});

test("opening twice is one document until both have closed it", async () => {
  const vault = new ToyVault();
  const { home } = toyHome(vault);
  const made = await home.create(Note);
  await settle();
  made.close();
  await settle();
  const [a, b] = await Promise.all([home.open(Note, made.id), home.open(Note, made.id)]);
  assert.equal(a, b);
  a.close();
  b.change((d) => { d.title = "still open"; });
  b.close();
  assert.throws(() => b.change(() => {}), code("closed"));
});

test("errors of opening", async () => {
  const vault = new ToyVault();
  const { home } = toyHome(vault);
  await assert.rejects(home.open(Note, "nothing"), code("not-found"));
  const doc = await home.create(Note);
  await assert.rejects(home.open(Other, doc.id), code("invalid"));
  await assert.rejects(home.create(Note, { title: 3 as never }), code("invalid"));
  await settle();
  assert.equal(vault.docs.size, 1);
});

test("what a type checker would have stopped is refused by name, and nothing happens", async () => {
  const { home } = toyHome(new ToyVault());
  const doc = await home.create(Note, { title: "as it was" });
  const js = (f: unknown): never => f as never;
  assert.throws(() => doc.change(js("title")), code("invalid"));
  assert.throws(() => doc.change(js(undefined)), code("invalid"));
  for (const store of [doc, doc.status, doc.sealed, home.list(Note), home.relays]) assert.throws(() => store.subscribe(js(null)), code("invalid"));
  assert.throws(() => doc.select(js(undefined)), code("invalid"));
  await assert.rejects(doc.export(js("xml")), code("invalid"));
  for (const on of ["moon", null, 3]) await assert.rejects(doc.saved(js(on)), code("invalid"));
  for (const can of ["admin", undefined]) await assert.rejects(doc.link(js(can)), code("invalid"));
  for (const q of [{ where: "title" }, { by: "title" }, { by: null }]) assert.throws(() => home.list(Note, js(q)), code("invalid"));
  for (const partial of [undefined, null, "Ann", ["Ann"]]) assert.throws(() => doc.presence.set(js(partial)), code("invalid"));
  assert.equal(doc.value.title, "as it was");
  await assert.rejects(home.create(js(undefined)), code("invalid"));
  await assert.rejects(home.open(js(null), doc.id), code("invalid"));
  assert.throws(() => freehold(js(undefined)), code("invalid"));
  assert.throws(() => freehold(js({})), code("invalid"));
  assert.throws(() => defineDoc("note", js(undefined)), code("invalid"));
  assert.throws(() => defineDoc("note", js({ shape: {} })), code("invalid"));
  assert.throws(() => defineDoc("note", js({ version: 1 })), code("invalid"));
  assert.throws(() => defineDoc("note", { version: 1.5, shape: {} }), code("invalid"));
  assert.throws(() => s.enum(...(js([]) as ["a"])), code("invalid"));
  assert.throws(() => s.enum(js(3)), code("invalid"));
  for (const validator of [undefined, {}, () => true]) assert.throws(() => s.json(js(validator)), (e) => code("invalid")(e) && /takes a validator, not (undefined|an object|a function)$/.test((e as Error).message));
  assert.throws(() => doc.change((d) => { d.title = js(undefined); }), /a string was expected, not undefined$/);
  assert.throws(() => defineDoc("", { version: 1, shape: {} }), code("invalid"));
  assert.throws(() => defineDoc("freehold.home", { version: 1, shape: {} }), code("invalid"), "a name of the package's own");
});

test("the list is undefined until ready, then live, with unchanged rows the same objects", async () => {
  const vault = new ToyVault();
  const { home } = toyHome(vault);
  const list = home.list(Note, { where: (n) => n.title !== "hidden", by: (n) => n.title });
  assert.equal(list.value, undefined);
  const titles: (string[] | undefined)[] = [];
  const stop = list.subscribe((rows) => titles.push(rows?.map((r) => r.head.title)));
  await home.ready;
  await settle();
  const b = await home.create(Note, { title: "b" });
  await home.create(Note, { title: "a", body: "some text" });
  await home.create(Note, { title: "hidden" });
  await settle();
  assert.deepEqual(titles[0], undefined);
  assert.deepEqual(titles[1], []);
  assert.deepEqual(titles.at(-1), ["a", "b"]);
  const [first, second] = list.value!;
  assert.equal(first!.head.body.toString(), "some text");
  b.change((d) => { d.title = "c"; });
  (b as unknown as { flush(): void }).flush();
  await settle();
  assert.deepEqual(list.value!.map((r) => r.head.title), ["a", "c"]);
  assert.equal(list.value![0], first);
  assert.notEqual(list.value![1], second);
  await home.forget(b.id);
  assert.deepEqual(list.value!.map((r) => r.head.title), ["a"]);
  assert.throws(() => b.change(() => {}), code("closed"));
  stop();
  assert.deepEqual(home.list(Note, { limit: 1 }).value?.length, 1);
});

test("status: memory, device, relay, peer, and the numbers", async () => {
  const vault = new ToyVault();
  const { home } = toyHome(vault);
  const doc = await home.create(Note);
  await settle();
  vault.hold = true;
  doc.change((d) => { d.body.insert(0, "abc"); });
  assert.deepEqual([doc.status.value.newest, doc.status.value.unsaved], ["memory", 3]);
  await settle();
  vault.release();
  await doc.saved();
  assert.deepEqual([doc.status.value.newest, doc.status.value.unsaved, doc.status.value.copies], ["device", 0, 2]);
  assert.equal(doc.status.value, doc.status.value);
  const seen: string[] = [];
  doc.status.subscribe((x) => seen.push(x.newest));
  // Four operations: the document's type, which is written when it is made, and three letters.
  vault.status(doc.id, { device: 4, relayState: "live", unsent: 1 });
  vault.status(doc.id, { device: 4, relay: 4, relayState: "live" });
  vault.status(doc.id, { device: 4, relay: 4, peer: 4, relayState: "live", peers: 2, seen: 1 });
  assert.deepEqual(seen, ["device", "device", "relay", "peer"]);
});

test("saved: waits for its own edits only, and fails with a reason", async () => {
  const vault = new ToyVault();
  const { home, problems } = toyHome(vault);
  const doc = await home.create(Note);
  await settle();
  await assert.rejects(doc.saved("relay"), code("not-ready"));
  vault.hold = true;
  doc.change((d) => { d.body.insert(0, "a"); });
  let done = false;
  const saved = doc.saved().then(() => { done = true; });
  await settle();
  assert.ok(!done);
  vault.release();
  await saved;
  vault.status(doc.id, { device: 2, relayState: "offline", unsent: 1 });
  const stop = new AbortController();
  const relay = doc.saved("relay", { signal: stop.signal });
  stop.abort();
  await assert.rejects(relay, code("aborted"));
  await assert.rejects(doc.saved("relay", { signal: stop.signal }), code("aborted"));
  const sent = doc.saved("relay");
  doc.change((d) => { d.body.insert(0, "later"); });
  vault.status(doc.id, { device: 2, relay: 2, relayState: "live" });
  await sent;
  vault.refuse = { code: "quota", message: "disk full", hint: "free some space" };
  doc.change((d) => { d.body.insert(0, "b"); });
  await assert.rejects(doc.saved(), code("quota"));
  assert.equal(doc.status.value.problem?.code, "quota");
  assert.ok(problems.some((p) => p.code === "quota"));
  vault.refuse = null;
  await doc.saved();
  assert.equal(doc.status.value.problem, null);
  for (const goal of ["relay", "peer"] as const) {
    const sending = doc.saved(goal);
    vault.status(doc.id, { device: 3, relay: 2, relayState: "live", unsent: 1, problem: { code: "deleted", message: "its owner deleted it", hint: "what you have stays" } });
    await assert.rejects(sending, code("deleted"));
    await assert.rejects(doc.saved(goal), code("deleted"));
    vault.status(doc.id, { device: 3, relay: 2, relayState: "live", unsent: 1 });
  }
  const waiting = doc.saved("peer").catch((e: unknown) => e);
  doc.close();
  assert.equal((await waiting as { code: string }).code, "closed");
});

test("what was refused, and what was written since, goes on when the status says that the device has room", async (t) => {
  const vault = new ToyVault();
  const { home } = toyHome(vault);
  const doc = await home.create(Note);
  await settle();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sent = () => vault.log.flatMap((r) => (r.op === "update" ? [r] : []));
  const before = sent().length;
  vault.refuse = { code: "quota", message: "disk full", hint: "free some space" };
  doc.change((d) => { d.title = "a"; });
  await settle();
  doc.change((d) => { d.title = "b"; });
  await settle();
  assert.equal(sent().length, before + 1);
  vault.refuse = null;
  vault.status(doc.id, { device: sent().at(-1)!.to });
  await settle();
  assert.equal(sent().length, before + 3);
});

test("a home that cannot be restored is let go of, unless it was here before", async () => {
  const vault = new ToyVault();
  for (const id of ["old", "new"]) vault.docs.set(id, { type: "freehold.home", updates: [] });
  vault.heads.set("old", { id: "old", type: "freehold.home", head: {}, changed: 1, rights: "owner" });
  vault.opened = { content: "waiting", problem: { code: "deleted", message: "its owner deleted it", hint: "what you have stays" } };
  const { home } = toyHome(vault);
  home.relays.set(["https://relay.example"]);
  await assert.rejects(home.restore("new"), code("deleted"));
  await assert.rejects(home.restore("old"), code("deleted"));
  assert.deepEqual(vault.log.flatMap((r) => (r.op === "forget" ? r.doc : [])), ["new"]);
  vault.opened = { problem: { code: "newer-format", message: "written by a newer app", hint: "reload" } };
  vault.docs.set("third", { type: "freehold.home", updates: [] });
  await home.restore("third"); // it is here, whatever else there is to say
});

test("links carry the key after the #", async () => {
  const { home } = toyHome(new ToyVault());
  const doc = await home.create(Note);
  const url = await doc.link("write");
  assert.equal(url.href, `https://notes.example/app#1w.${doc.id}.write`);
});

test("updates that do not decode are skipped and told; what is here stays", async () => {
  const vault = new ToyVault();
  const { home, problems } = toyHome(vault);
  const doc = await home.create(Note, { title: "good" });
  await settle();
  const before = doc.value;
  vault.tell({ kind: "updates", doc: doc.id, updates: [{ session: "AAAAAAAAAAAAAAAAAAAAAA", bytes: new Uint8Array([0, 9, 9, 9, 200]) }] });
  vault.tell({ kind: "updates", doc: doc.id, updates: [{ session: "not a session", bytes: new Uint8Array(3) }] });
  assert.deepEqual(problems.map((p) => p.code), ["relay-invalid", "relay-invalid"]);
  assert.equal(doc.value, before);
  doc.change((d) => { d.title = "goes on"; });
  assert.equal(doc.value.title, "goes on");
});

test("a stored update that the core refuses is skipped and told; the document opens with the rest", async () => {
  const vault = new ToyVault();
  const first = toyHome(vault);
  const doc = await first.home.create(Note, { title: "good" });
  await doc.saved();
  doc.close();
  const { updates } = vault.docs.get(doc.id)!;
  updates.unshift({ session: "AAAAAAAAAAAAAAAAAAAAAA", bytes: new Uint8Array([0xff, 1, 2, 3, 4]) }); // a version to come
  updates.push({ session: "AQAAAAAAAAAAAAAAAAAAAA", bytes: new Uint8Array([0, 9, 9, 9, 200]) }); // of another session: a refusal ends one
  const { home, problems } = toyHome(vault);
  const again = await home.open(Note, doc.id);
  assert.equal(again.value.title, "good");
  assert.deepEqual(problems.map((p) => [p.code, p.doc]), [["newer-format", doc.id], ["relay-invalid", doc.id]]);
  again.change((d) => { d.title = "goes on"; });
  await again.saved();
});

test("edits that the vault will not take any more: saved says so each time, and the next session goes on", async () => {
  const vault = new ToyVault();
  const { home, problems } = toyHome(vault);
  const doc = await home.create(Note, { title: "kept" });
  await doc.saved();
  vault.refuse = { code: "closed", message: "this session has ended", hint: "open it again" };
  doc.change((d) => { d.body.insert(0, "never stored"); });
  await assert.rejects(doc.saved(), code("closed"));
  await assert.rejects(doc.saved(), code("closed"));
  doc.change((d) => { d.body.insert(0, "nor this "); });
  const before = doc.value.body;
  const waiting = assert.rejects(doc.saved(), code("closed"));
  await waiting;
  vault.refuse = null;
  problems.length = 0;
  vault.tell({ kind: "ended", doc: doc.id, problem: { code: "core-restarted", message: "the machine died", hint: "-" } });
  assert.throws(() => doc.change((d) => { d.title = "x"; }), code("core-restarted"));
  await settle();
  await settle();
  assert.deepEqual(problems.map((p) => p.message), ["the vault was restarted; 21 unsaved operations were lost"]);
  assert.equal(doc.value.title, "kept");
  assert.equal(doc.value.body.toString(), "");
  assert.equal(before.toString(), "nor this never stored", "a version that somebody holds stays what it was");
  doc.change((d) => { d.title = "goes on"; });
  await doc.saved();
  assert.deepEqual([doc.status.value.newest, doc.status.value.unsaved], ["device", 0]);
  assert.equal((await toyHome(vault).home.open(Note, doc.id)).value.title, "goes on");
});

test("a document that another tab forgot ends here: its status says why, and nobody waits for it", async () => {
  const vault = new ToyVault();
  const { home, problems } = toyHome(vault);
  const doc = await home.create(Note, { title: "shared" });
  await doc.saved();
  vault.hold = true;
  doc.change((d) => { d.title = "on its way"; });
  const saved = doc.saved();
  vault.tell({ kind: "ended", doc: doc.id, problem: { code: "not-found", message: "removed in another tab", hint: "-", doc: doc.id } });
  await assert.rejects(saved, code("not-found"));
  assert.equal(doc.status.value.problem?.code, "not-found");
  assert.throws(() => doc.change(() => {}), code("closed"));
  assert.equal(doc.value.title, "on its way");
  assert.deepEqual(problems.map((p) => p.code), ["not-found"]);
});

test("a dead core: the page rebuilds it from what is stored and goes on", async () => {
  const vault = new ToyVault();
  // The module is real; one call of it is made to throw, as a trap in it would.
  let trap = false;
  const module = await loadModule();
  const instantiate = WebAssembly.instantiate;
  const trapping = (async (m: WebAssembly.Module, imports: WebAssembly.Imports) => {
    const instance = await instantiate(m, imports);
    const change = instance.exports["doc_change"] as (...a: number[]) => number;
    return { exports: { ...instance.exports, doc_change: (...a: number[]) => { if (trap) throw new WebAssembly.RuntimeError("unreachable"); return change(...a); } } };
  }) as unknown as typeof WebAssembly.instantiate;
  WebAssembly.instantiate = trapping;
  try {
    const { home, problems } = toyHome(vault, async () => module);
    const doc = await home.create(Note, { title: "kept", body: "kept text", todos: [{ text: "one" }], meta: { a: 1 } });
    const more = await home.create(More, { essay: "two words", outline: [{ title: "a", children: [{ title: "b" }] }, { title: "c" }] });
    more.change((d) => d.essay.mark(4, 9, "bold", true));
    await more.saved();
    const keptMore = more.value;
    keptMore.essay.toString();
    const second = await home.create(Note, { title: "other document" });
    doc.value.body.toString();
    await doc.saved();
    await second.saved();
    const before = doc.value;
    const spliced: unknown[] = [];
    doc.at.body.observe((x) => spliced.push(...x));
    let calls = 0;
    doc.subscribe(() => calls++);
    more.change((d) => { d.outline.get(d.outline.children()[1]!)!.title = "unsaved"; });
    const unsaved = more.value;
    doc.change((d) => { d.body.insert(0, "unsaved "); }); // not drained when the core dies in the same turn
    trap = true;
    assert.throws(() => doc.change((d) => { d.title = "x"; }), code("core-restarted"));
    assert.throws(() => second.change((d) => { d.title = "x"; }), code("core-restarted"));
    trap = false;
    await settle();
    await settle();
    assert.deepEqual(problems.map((p) => [p.code, p.doc]), [["core-restarted", doc.id], ["core-restarted", more.id], ["core-restarted", second.id]]);
    assert.match(problems[0]!.message, /8 unsaved operations were lost/);
    assert.match(problems[1]!.message, /1 unsaved operations were lost/);
    assert.match(problems[2]!.message, /nothing was lost/);
    assert.equal(more.value.essay, keptMore.essay);
    assert.equal(more.value.outline[0], keptMore.outline[0]);
    assert.notEqual(more.value.outline, unsaved.outline);
    assert.deepEqual(more.value.outline, keptMore.outline);
    assert.deepEqual(more.value.essay.spans()[1], { text: "words", marks: { bold: true } });
    assert.equal(doc.value.body.toString(), "kept text");
    assert.equal(doc.value.meta, before.meta); // equal values keep their identity
    assert.equal(doc.value.todos[0]?.$id, before.todos[0]?.$id);
    assert.ok(calls >= 2);
    assert.deepEqual(spliced.at(-1), { at: 0, delete: 17, insert: "kept text" });
    doc.change((d) => { d.body.insert(9, ", goes on"); });
    await doc.saved();
    assert.equal(doc.value.body.toString(), "kept text, goes on");
    second.change((d) => { d.title = "too"; });
    assert.equal((await toyHome(vault).home.open(Note, doc.id)).value.body.toString(), "kept text, goes on");
  } finally {
    WebAssembly.instantiate = instantiate;
  }
});

test("a row says how far the edits of an open document got, and of a closed one nothing that it does not know", async () => {
  const vault = new ToyVault();
  const { home } = toyHome(vault);
  const doc = await home.create(Note, { title: "a" });
  const list = home.list(Note);
  list.subscribe(() => undefined);
  vault.status(doc.id, { device: 3, relayState: "offline", unsent: 1 });
  await settle();
  assert.equal(list.value![0]!.status, doc.status.value);
  assert.equal(list.value![0]!.status?.unsent, 1);
  doc.close();
  await settle();
  assert.equal(list.value![0]!.status, null);
  assert.ok(list.value![0]!.changed > 0);
});
