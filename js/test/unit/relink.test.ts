// A document goes on under other keys: everything that was in it is in the new one, and who has the old one is told.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { DocType, Home, Shape, Status, Store } from "../../src/types.ts";
import { freehold } from "../../src/node.ts";
import { defineDoc, s } from "../../src/page/schema.ts";
import { startRelay, type RelayProcess } from "../e2e/relayprocess.ts";
import { code } from "./page-fixture.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { pollWire } from "../../src/wire/poll.ts";
import { directoryOf, start } from "./vault-harness.ts";

const Narrow = defineDoc("everything", { version: 1, shape: { title: s.string() } });
const Wide = defineDoc("everything", {
  version: 2,
  shape: {
    title: s.string(), done: s.boolean(), when: s.instant().optional(), raw: s.bytes().optional(), n: s.number(),
    body: s.text(), empty: s.text(), votes: s.counter(), unvoted: s.counter(),
    essay: s.richText({ bold: s.mark(), link: s.mark({ grow: "none", value: s.string() }), head: s.mark({ block: true, value: s.number() }) }, s.number()),
    tags: s.list(s.string()), todos: s.list(s.object({ text: s.text(), done: s.boolean().default(false), notes: s.list(s.object({ n: s.number() })) })),
    outline: s.tree(s.object({ title: s.string(), body: s.text() })), words: s.tree(s.string()),
    seen: s.record(s.boolean()), people: s.record(s.object({ name: s.string(), about: s.text() })), texts: s.record(s.text()),
    place: s.object({ street: s.string(), notes: s.text() }),
  },
});

const homeOf = async (t: TestContext, relay: RelayProcess): Promise<Home> => {
  const home = freehold({ name: "home", directory: await directoryOf(), relay: relay.url, onProblem: () => undefined });
  t.after(() => home.close());
  return home;
};
const relayOf = async (t: TestContext): Promise<RelayProcess> => {
  const relay = await startRelay();
  t.after(() => relay.end());
  return relay;
};
const until = <V>(store: Store<V>, is: (v: V) => boolean): Promise<void> => new Promise((resolve, reject) => {
  const late = setTimeout(() => { stop(); reject(new Error(JSON.stringify(store.value))); }, 30_000);
  const stop = store.subscribe((v) => {
    if (!is(v)) return;
    clearTimeout(late);
    resolve();
    queueMicrotask(() => stop());
  });
});
const makeEverything = async (home: Home) => {
  const doc = await home.create(Wide, { title: "all of it" });
  doc.change((d) => {
    Object.assign(d, { done: true, when: "2026-01-31T12:00:00.000Z", raw: new Uint8Array([0, 255]), n: -0.5 });
    d.body.insert(0, "long 🌂 text");
    d.votes.add(-3_000_000_000);
    d.essay.insert(0, "Why local\nfirst");
    d.essay.embed(3, 7);
    d.essay.mark(0, 3, "bold", true);
    d.essay.mark(2, 8, "link", "https://a.example");
    d.essay.mark(10, 11, "head", 2);
    for (const tag of ["c", "a", "b"]) d.tags.add(tag);
    const tea = d.todos.add({ text: "tea", notes: [{ n: 1 }, { n: 2 }] });
    d.todos.add({ text: "milk", done: true }, { before: tea });
    d.todos.delete(d.todos.add({ text: "deleted" }));
    const top = d.outline.add({ title: "One", body: "first", children: [{ title: "One and a half", body: "", children: [{ title: "deep", body: "down" }] }] });
    d.outline.move(d.outline.add({ title: "Zero", body: "" }), { before: top });
    d.words.add({ value: "root", children: [{ value: "leaf" }] });
    d.seen.set("me", true);
    d.people.set("ann", { name: "Ann", about: "hers" });
    d.people.set("gone", { name: "Gone", about: "hidden" });
    d.people.delete("gone");
    d.texts.set("t", "a text in a record");
    d.place.street = "Elm";
    d.place.notes.insert(0, "green door");
  });
  return doc;
};
const exported = async <S extends Shape>(home: Home, type: DocType<S>, id: string): Promise<string> => {
  const doc = await home.open(type, id);
  const json = await (await doc.export("json")).text();
  doc.close();
  return json.replace(/"\$id": "[^"]*"/g, '"$id"');
};

test("the new document has all that the old one shows, and what this app's schema does not know, and marks grow as they did", async (t) => {
  const relay = await relayOf(t);
  const home = await homeOf(t, relay);
  const old = await makeEverything(home);
  await old.saved();
  const { id } = old;
  const before = await exported(home, Wide, id);
  old.close();
  const narrow = await home.open(Narrow, id); // a version of the app that knows the title only
  const blind = await narrow.relink();
  narrow.close();
  blind.close();
  assert.equal(await exported(home, Wide, blind.id), before);

  const wide = await home.open(Wide, blind.id);
  const next = await wide.relink();
  assert.equal(await exported(home, Wide, next.id), before);
  next.change((d) => {
    d.essay.insert(3, "+");  // behind bold, which grows
    d.essay.insert(9, "-");  // behind the link, which does not
  });
  const bold = next.value.essay.spans().filter((span) => "bold" in span.marks).map((span) => ("text" in span ? span.text : "*")).join("");
  const link = next.value.essay.spans().filter((span) => "link" in span.marks).map((span) => ("text" in span ? span.text : "*")).join("");
  assert.equal(bold, "Why+");
  assert.equal(link, "y+\ufffc loc");
});

test("everybody who has the old one is told where it goes on, now and later, and the new one needs a new link", async (t) => {
  const relay = await relayOf(t);
  const [home, guest, late] = [await homeOf(t, relay), await homeOf(t, relay), await homeOf(t, relay)];
  const old = await home.create(Narrow, { title: "shared too widely" });
  await old.saved("relay");
  const link = await old.link("read");
  const theirs = await guest.join(Narrow, link);
  await until(theirs, (v) => v.title === "shared too widely");
  assert.equal(theirs.status.value.successor, null);

  const next = await old.relink();
  guest.pause(); // this Node may have no WebSocket: then it asks when it has waited, or anew
  guest.resume();
  const hasMoved = (status: Status): boolean => status.successor === next.id && status.problem?.code === "moved";
  await until(theirs.status, hasMoved);
  await until(old.status, hasMoved);
  const joined = await late.join(Narrow, link);
  await until(joined.status, hasMoved);
  next.change((d) => { d.title = "for fewer eyes"; });
  await next.saved("relay");
  assert.notEqual(next.id, old.id);
  const again = await guest.join(Narrow, await next.link("read"));
  await until(again, (v) => v.title === "for fewer eyes");
  assert.equal(theirs.value.title, "shared too widely");

  await assert.rejects(old.relink(), code("moved"));
  await assert.rejects(theirs.relink(), code("read-only"));
  const third = await next.relink(); // the chain goes on
  guest.pause();
  guest.resume();
  await until(again.status, (status) => status.successor === third.id);
});

test("without the relay nobody could be told: then nothing is made", async (t) => {
  const relay = await relayOf(t);
  const home = await homeOf(t, relay);
  const old = await home.create(Narrow, { title: "one" });
  await old.saved("relay");
  await relay.stop();
  await assert.rejects(old.relink(), code("relay-refused"));
  assert.equal(old.status.value.successor, null);
  assert.deepEqual(home.list(Narrow).value?.map((d) => d.id), [old.id]);
  home.relays.set([]);
  await assert.rejects(old.relink(), code("not-ready"));
});

test("of two relays the second cannot be reached: what the first tells everybody stands", async (t) => {
  const [relay, other] = [await relayOf(t), await relayOf(t)];
  const problems: string[] = [];
  const home = freehold({ name: "home", directory: await directoryOf(), relay: [relay.url, other.url], onProblem: (e) => problems.push(e.code) });
  t.after(() => home.close());
  const old = await home.create(Narrow, { title: "one" });
  await old.saved("relay");
  await other.stop();
  const next = await old.relink();
  assert.equal(old.status.value.successor, next.id);
  assert.equal(next.value.title, "one");
  assert.deepEqual(home.list(Narrow).value?.map((d) => d.id).sort(), [old.id, next.id].sort());
  assert.ok(problems.includes("relay-refused"), "and it is said that the second was not told");
});

test("a successor that the owner did not name is not believed", async (t) => {
  const relay = await relayOf(t);
  const home = await homeOf(t, relay);
  const old = await home.create(Narrow, { title: "still here" });
  await old.saved("relay");
  const lies: typeof fetch = (input, init) =>
    String(input).endsWith("/successor") ? Promise.resolve(new Response(crypto.getRandomValues(new Uint8Array(84)))) : fetch(input, init);
  const path = await directoryOf();
  const guest = await start(t, path, [relay.url], { ...nodeEnv(path), openWire: pollWire(lies) });
  const doc = await guest.edit({ op: "join", link: (await old.link("write")).href, type: "everything" });
  await guest.until("the lie is told", () => guest.problems.some((p) => p.code === "relay-invalid") && doc.status.content === "complete");
  assert.equal(doc.status.successor, null);
  assert.equal(doc.status.problem, null);
});
