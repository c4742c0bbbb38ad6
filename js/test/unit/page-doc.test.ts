// Documents over the real core: what a developer sees.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { defineDoc, s } from "../../src/page/schema.ts";
import type { Doc } from "../../src/types.ts";
import { code, seed, seeded } from "./page-fixture.ts";
import { settle, ToyVault, toyHome } from "./page-toyvault.ts";

/** A Standard Schema by hand: `{ x: number }`. */
const point: StandardSchemaV1<unknown, { readonly x: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (v) => (typeof (v as { x?: unknown } | null)?.x === "number" ? { value: v as { x: number } } : { issues: [{ message: "x must be a number", path: ["x"] }] }),
  },
};
const later: StandardSchemaV1<unknown, number> = { "~standard": { version: 1, vendor: "test", validate: async () => ({ value: 1 }) } };

const Note = defineDoc("note", {
  version: 1,
  shape: {
    title: s.string().default("Untitled"),
    body: s.text(),
    todos: s.list(s.object({ text: s.text(), done: s.boolean().default(false), prio: s.enum("lo", "hi").optional(), votes: s.counter() })),
    tags: s.list(s.string()),
    due: s.instant().optional(),
    where: s.json(point),
    slow: s.json(later).optional(),
    votes: s.counter(),
    people: s.record(s.object({ name: s.string(), notes: s.text() })),
    seen: s.record(s.number()),
    place: s.object({ street: s.string(), notes: s.text(), deep: s.object({ n: s.number() }) }),
  },
});
type NoteDoc = Doc<typeof Note>;

const fresh = async (): Promise<{ doc: NoteDoc; vault: ToyVault } & ReturnType<typeof toyHome>> => {
  const vault = new ToyVault();
  const made = toyHome(vault);
  return { doc: await made.home.create(Note), vault, ...made };
};
/** Plain data without ids, for comparing. */
const plain = (v: unknown): unknown => JSON.parse(JSON.stringify(v, (k, x: unknown) => (k === "$id" ? undefined : x)));

test("an empty document shows defaults and zeros, frozen", async () => {
  const { doc } = await fresh();
  assert.deepEqual(plain(doc.value), {
    title: "Untitled", body: "", todos: [], tags: [], where: null, votes: 0, people: {}, seen: {}, place: { street: "", notes: "", deep: { n: 0 } },
  });
  assert.equal(doc.value.due, undefined);
  assert.ok(Object.isFrozen(doc.value) && Object.isFrozen(doc.value.todos) && Object.isFrozen(doc.value.place.deep) && Object.isFrozen(doc.value.body));
  assert.equal(doc.value, doc.value);
});

test("every kind of edit shows in the value at once, and reads in the change see it", async () => {
  const { doc } = await fresh();
  const id = doc.change((d) => {
    d.title = "Tunnel";
    assert.equal(d.title, "Tunnel");
    d.body.insert(0, "hello world");
    d.body.delete(0, 6);
    d.body.insert(5, "!");
    assert.equal(d.body.toString(), "world!");
    assert.equal(d.body.length, 6);
    const first = d.todos.add({ text: "tickets", prio: "hi" });
    const second = d.todos.add({ text: "bags", done: true }, { at: 0 });
    assert.equal(d.todos.length, 2);
    assert.equal(d.todos.at(0)?.$id, second);
    assert.equal(d.todos.get(first)?.text.toString(), "tickets");
    d.todos.get(first)!.done = true;
    d.todos.get(first)!.votes.add(3);
    assert.equal(d.todos.get(first)!.votes.value, 3);
    d.todos.move(first, { before: second });
    assert.deepEqual([...d.todos].map((t) => t.text.toString()), ["tickets", "bags"]);
    d.tags.add("a");
    d.tags.add("c");
    d.tags.add("b", { at: 1 });
    assert.deepEqual([...d.tags], ["a", "b", "c"]);
    d.due = "2026-11-22T15:00:00.000Z";
    d.where = { x: 1 };
    d.votes.add(2);
    d.votes.add(-5);
    assert.equal(d.votes.value, -3);
    d.people.set("ann", { name: "Ann" });
    d.people.get("ann")!.notes.insert(0, "kind");
    d.seen.set("__proto__", 1);
    d.seen.set("constructor", 2);
    assert.deepEqual([...d.seen.keys()].sort(), ["__proto__", "constructor"]);
    d.place.street = "Elm";
    d.place.deep.n = 7;
    d.place.notes.insert(0, "x");
    return first;
  });
  const v = doc.value;
  assert.equal(v.title, "Tunnel");
  assert.equal(v.body.toString(), "world!");
  assert.deepEqual(plain(v.todos), [{ text: "tickets", done: true, prio: "hi", votes: 3 }, { text: "bags", done: true, votes: 0 }]);
  assert.equal(v.todos[0]?.$id, id);
  assert.match(id, /^[0-9a-z]+@[\w-]{22}$/);
  assert.deepEqual(v.tags, ["a", "b", "c"]);
  assert.equal(v.due, "2026-11-22T15:00:00.000Z");
  assert.deepEqual(v.where, { x: 1 });
  assert.equal(v.votes, -3);
  assert.equal(v.people["ann"]?.name, "Ann");
  assert.equal(v.people["ann"]?.notes.toString(), "kind");
  assert.deepEqual(Object.keys(v.seen), ["__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(v.seen), null);
  assert.deepEqual(plain(v.place), { street: "Elm", notes: "x", deep: { n: 7 } });
});

test("keys of any letters and length, and long texts, cross the boundary whole", async () => {
  const { doc, vault } = await fresh();
  const keys = ["", "é", "ключ", "😀", "x".repeat(127), "x".repeat(128), "é".repeat(100), "a b/c\"d"].sort();
  const long = "Zwölf Boxkämpfer 😀 jagen Viktor. ".repeat(9_000);
  doc.change((d) => {
    for (const key of keys) d.seen.set(key, key.length);
    d.body.insert(0, long); // larger than the scratch memory: it grows in the middle of the transaction
    d.title = "é".repeat(20_000);
  });
  assert.deepEqual(Object.keys(doc.value.seen), keys);
  await settle();
  const there = await toyHome(vault).home.open(Note, doc.id);
  assert.deepEqual(Object.entries(there.value.seen), keys.map((key) => [key, key.length]));
  assert.ok(there.value.body.toString() === long && there.value.title === "é".repeat(20_000));
});

test("throwing undoes everything, and the next change is not disturbed", async () => {
  const { doc } = await fresh();
  doc.change((d) => { d.title = "a"; d.body.insert(0, "one"); d.todos.add({ text: "t" }); });
  const before = doc.value;
  let calls = 0;
  doc.subscribe(() => calls++);
  assert.throws(() => doc.change((d) => {
    d.title = "b";
    d.body.delete(0, 3);
    d.todos.add({ text: "u" });
    d.people.set("x", { name: "X" });
    d.place.deep.n = 1;
    d.votes.add(1);
    throw new Error("mine");
  }), /mine/);
  assert.equal(doc.value, before);
  assert.equal(calls, 1);
  doc.change((d) => {
    assert.deepEqual([d.title, d.body.toString(), d.todos.length, d.votes.value, d.people.has("x"), d.place.deep.n], ["a", "one", 1, 0, false, 0]);
    d.people.set("x", { name: "Y" });
    d.place.deep.n = 2;
  });
  assert.equal(doc.value.people["x"]?.name, "Y");
  assert.equal(doc.value.place.deep.n, 2);
});

test("what is refused, with its code, before anything happened", async () => {
  const { doc } = await fresh();
  doc.change((d) => { d.body.insert(0, "a😀b"); });
  const before = doc.value;
  const refused = (wanted: string, fn: (d: never) => unknown): void => {
    assert.throws(() => doc.change(fn as () => unknown), code(wanted), String(fn));
    assert.equal(doc.value, before, String(fn));
  };
  type D = Parameters<Parameters<NoteDoc["change"]>[0]>[0];
  const bad = (fn: (d: D) => unknown): void => refused("invalid", fn as (d: never) => unknown);
  bad((d) => { d.title = 3 as never; });
  bad((d) => { d.title = "\ud800"; });
  bad((d) => { d.due = "tomorrow"; });
  bad((d) => { d.where = { x: "1" } as never; });
  bad((d) => { d.slow = 1; });
  bad((d) => { d.place.deep.n = Number.NaN; });
  bad((d) => { d.place.deep.n = Infinity; });
  bad((d) => { (d as { body: unknown }).body = "x"; });
  bad((d) => d.body.insert(9, "x"));
  bad((d) => d.body.insert(0.5, "x"));
  bad((d) => d.body.insert(0, "\ude00"));
  bad((d) => d.body.delete(3, 9));
  bad((d) => d.body.insert(2, "x")); // inside the pair
  bad((d) => d.body.delete(1, 1));
  bad((d) => d.todos.add({ prio: "mid" as never }));
  bad((d) => d.todos.add({ colour: 1 } as never));
  bad((d) => d.todos.move("1@nobody", { at: 0 }));
  bad((d) => d.todos.add({}, { at: 1 }));
  bad((d) => d.people.set("x", {} as never));
  bad((d) => d.votes.add(0.5));
  bad((d) => d.votes.add(Number.MAX_SAFE_INTEGER + 2));
  bad(() => doc.change(() => {}));
  bad((async () => {}) as never);
  refused("too-large", (d: D) => { d.title = "x".repeat(70_000); });
  refused("too-large", (d: D) => { d.title = "with it"; d.body.insert(0, "→".repeat(22_400_000)); }); // could not leave: over 64 MiB
  bad((d) => { (d as never as { titel: string }).titel = "x"; });
  assert.throws(() => doc.change(() => { throw "a string"; }), (e) => e === "a string");
});

test("plain JavaScript that assigns what a draft does not have is told, and nothing happens", async () => {
  const { doc } = await fresh();
  doc.change((d) => { d.body.insert(0, "ab"); d.people.set("ann", { name: "Ann" }); });
  const before = doc.value;
  type Loose = Record<string, Record<string, unknown>>;
  for (const field of ["body", "todos", "people", "votes", "place"]) {
    assert.throws(() => doc.change((d) => { (d as unknown as Loose)[field]!["foo"] = 1; }), (e) => code("invalid")(e) && /foo/.test(String(e)), field);
  }
  assert.throws(() => doc.change((d) => { (d as unknown as Record<string, unknown>)["foo"] = 1; }), code("invalid"));
  assert.throws(() => doc.change((d) => { (d.todos as unknown as unknown[])[0] = { done: true }; }), code("invalid"));
  // By an index it would be undefined, and the assignment behind it a TypeError that helps nobody.
  for (const field of ["todos", "people"]) {
    assert.throws(() => doc.change((d) => { ((d as unknown as Loose)[field]!["0"] as Record<string, unknown>)["done"] = true; }), { code: "invalid", message: /name 0/, hint: /at\(index\).*get\(key\)/ }, field);
  }
  assert.equal(doc.change((d) => [String(d.people), "name" in d.people, (d.todos as unknown as Loose)["toJSON"]].join()), "[object Object],false,");
  // What a draft has for itself cannot be replaced either.
  for (const key of ["get", "set", "node"]) assert.throws(() => doc.change((d) => { (d as unknown as Loose)["people"]![key] = 1; }), TypeError, key);
  assert.equal(doc.value, before);
  doc.change((d) => { d.people.set("get", { name: "Get" }); });
  assert.equal(doc.value.people["get"]?.name, "Get");
});

test("a draft does not outlive its change", async () => {
  const { doc } = await fresh();
  let root: { title: string } | undefined;
  let item: { done: boolean } | undefined;
  doc.change((d) => {
    root = d;
    item = d.todos.get(d.todos.add({}));
  });
  assert.throws(() => { root!.title = "x"; }, code("invalid"));
  assert.throws(() => root!.title, code("invalid"));
  doc.change(() => { assert.throws(() => { item!.done = true; }, code("invalid")); });
});

test("what did not change keeps its identity", async () => {
  const { doc } = await fresh();
  doc.change((d) => { d.todos.add({ text: "a" }); d.todos.add({ text: "b" }); d.where = { x: 1 }; d.people.set("p", { name: "P" }); });
  const before = doc.value;
  doc.change((d) => { d.todos.at(1)!.done = true; });
  const after = doc.value;
  assert.notEqual(after, before);
  assert.notEqual(after.todos, before.todos);
  assert.equal(after.todos[0], before.todos[0]);
  assert.notEqual(after.todos[1], before.todos[1]);
  assert.equal(after.todos[1]?.text, before.todos[1]?.text);
  assert.equal(after.where, before.where);
  assert.equal(after.people, before.people);
  assert.equal(after.body, before.body);
  doc.change((d) => { d.title = "Untitled"; });
  assert.notEqual(doc.value, after); // a default became a value: that is an edit
  const written = doc.value;
  doc.change((d) => { d.title = "Untitled"; });
  assert.equal(doc.value, written); // the same again is none
});

test("an old value never shows newer text", async () => {
  const { doc } = await fresh();
  const views: { text: { toString(): string; length: number }; then: string }[] = [];
  let text = "";
  const random = seeded(seed("old texts"));
  for (let i = 0; i < 300; i++) {
    const at = random(text.length + 1);
    const remove = Math.min(random(5), text.length - at);
    const insert = "abcdefghij".slice(0, random(7));
    doc.change((d) => { d.body.delete(at, remove); d.body.insert(at, insert); });
    text = text.slice(0, at) + insert + text.slice(at + remove);
    views.push({ text: doc.value.body, then: text });
  }
  for (const v of views.reverse()) {
    assert.equal(v.text.toString(), v.then);
    assert.equal(v.text.length, v.then.length);
  }
});

test("subscribers hear in the same turn; a selection only of its part", async () => {
  const { doc } = await fresh();
  const titles: string[] = [];
  const opens: number[] = [];
  doc.subscribe((v) => titles.push(v.title));
  const stop = doc.select((v) => v.todos.filter((t) => !t.done).length).subscribe((n) => opens.push(n));
  doc.change((d) => { d.title = "a"; });
  doc.change((d) => { d.todos.add({}); });
  doc.change((d) => { d.todos.at(0)!.done = true; });
  stop();
  doc.change((d) => { d.todos.add({}); });
  assert.deepEqual(titles, ["Untitled", "a", "a", "a", "a"]);
  assert.deepEqual(opens, [0, 1, 0]);
});

test("a text reference tells splices, remote and local, from which the text can be rebuilt", async () => {
  const vault = new ToyVault();
  const a = await toyHome(vault).home.create(Note);
  const b = await toyHome(vault).home.open(Note, a.id);
  const random = seeded(seed("splices"));
  const id = a.change((d) => d.todos.add({ text: "item" }));
  await settle();
  const follow = (doc: NoteDoc): { text: string; locals: number } => {
    const seen = { text: doc.at.body.value.toString(), locals: 0 };
    doc.at.body.observe((splices, local) => {
      if (local) seen.locals++;
      for (const x of splices) seen.text = seen.text.slice(0, x.at) + x.insert + seen.text.slice(x.at + x.delete);
    });
    return seen;
  };
  const seenA = follow(a);
  const seenB = follow(b);
  for (let i = 0; i < 200; i++) {
    const doc = random(2) === 0 ? a : b;
    doc.change((d) => {
      for (let n = random(3) + 1; n > 0; n--) {
        const at = random(d.body.length + 1);
        if (random(3) === 0) d.body.delete(at, Math.min(random(6), d.body.length - at));
        else d.body.insert(at, "abcdefghij".slice(0, random(8) + 1));
      }
    });
    if (random(4) === 0) await settle();
    assert.equal(seenA.text, a.value.body.toString());
    assert.equal(seenB.text, b.value.body.toString());
  }
  await settle();
  assert.equal(a.value.body.toString(), b.value.body.toString());
  assert.equal(seenB.text, b.value.body.toString());
  assert.ok(seenA.locals > 0 && seenB.locals > 0);
  assert.equal(b.at.todos.item(id).text.value.toString(), "item");
  assert.equal(b.at.todos.item(id).text.path, `todos/${id}/text`);
  assert.throws(() => b.at.todos.item("0@gone").text.value, code("not-found"));
});

test("an observer that edits: everybody hears of the changes in their order", async () => {
  const { doc } = await fresh();
  const texts = ["", ""];
  const follow = (i: number): void => {
    doc.at.body.observe((splices) => {
      for (const x of splices) texts[i] = texts[i]!.slice(0, x.at) + x.insert + texts[i]!.slice(x.at + x.delete);
      if (i === 0 && texts[0]!.endsWith("!")) doc.change((d) => { d.body.delete(d.body.length - 1, 1); d.body.insert(0, "¡"); });
    });
  };
  follow(0);
  follow(1);
  doc.change((d) => { d.body.insert(0, "hola!"); });
  assert.deepEqual([...texts, doc.value.body.toString()], ["¡hola", "¡hola", "¡hola"]);
});

test("two pages converge and export the same bytes", async () => {
  const vault = new ToyVault();
  const a = await toyHome(vault).home.create(Note, { title: "shared" });
  await settle();
  const b = await toyHome(vault).home.open(Note, a.id);
  const docs = [a, b];
  const random = seeded(seed("converge"));
  for (let i = 0; i < 150; i++) {
    const doc = docs[random(2)]!;
    doc.change((d) => {
      switch (random(9)) {
        case 0: d.title = `t${i}`; break;
        case 1: d.body.insert(random(d.body.length + 1), `w${i}`); break;
        case 2: if (d.body.length > 2) d.body.delete(random(d.body.length - 1), 1); break;
        case 3: d.todos.add({ text: `todo ${i}` }, { at: random(d.todos.length + 1) }); break;
        case 4: if (d.todos.length > 0) d.todos.move(d.todos.idAt(random(d.todos.length))!, { at: random(d.todos.length) }); break;
        case 5: if (d.todos.length > 3) d.todos.delete(d.todos.idAt(random(d.todos.length))!); break;
        case 6: d.votes.add(random(5) - 2); break;
        case 7: if (random(2) === 0) d.people.set(`p${random(4)}`, { name: `n${i}`, notes: `${i}` }); else d.people.delete(`p${random(4)}`); break;
        case 8: d.seen.set(`${random(12)}`, i); break;
      }
    });
    if (random(5) === 0) await settle();
  }
  await settle();
  const [x, y] = await Promise.all(docs.map(async (doc) => (await doc.export("json")).text()));
  assert.equal(x, y);
  const third = await toyHome(vault).home.open(Note, a.id);
  assert.equal(await (await third.export("json")).text(), x);
  // As written, not as parsed: JavaScript would put keys that look like integers in their own order.
  const section = /"seen": \{([^}]*)\}/.exec(x!)?.[1] ?? "";
  const keys = [...section.matchAll(/"(\d+)":/g)].map((m) => m[1]!);
  assert.ok(keys.includes("10") && keys.includes("2"), keys.join());
  assert.deepEqual(keys, [...keys].sort());
  assert.deepEqual(Object.keys(JSON.parse(x!) as object), ["title", "body", "todos", "tags", "where", "votes", "people", "seen", "place"]);
});
