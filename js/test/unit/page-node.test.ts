// The package as Node has it: the real vault, sealed files in a directory.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import { defineDoc, freehold, s, type FreeholdError, type Home } from "../../src/node.ts";
import { code } from "./page-fixture.ts";

const Note = defineDoc("note", { version: 1, shape: { title: s.string().default("Untitled"), body: s.text(), todos: s.list(s.object({ text: s.text(), done: s.boolean().default(false) })) } });

const directory = (t: TestContext): string => {
  const dir = mkdtempSync(join(tmpdir(), "freehold-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};
const open = (dir: string): { home: Home; problems: FreeholdError[] } => {
  const problems: FreeholdError[] = [];
  return { home: freehold({ name: "n", directory: dir, onProblem: (e) => problems.push(e) }), problems };
};

test("what was saved is there in the next process's home; what was only handed over on close too", async (t) => {
  const dir = directory(t);
  const { home, problems } = open(dir);
  const note = await home.create(Note, { title: "A", todos: [{ text: "one" }] });
  const id = note.change((d) => d.todos.add({ text: "two" }));
  await note.saved();
  assert.equal(note.status.value.newest, "device");
  note.change((d) => { d.todos.get(id)!.done = true; });
  const json = await (await note.export("json")).text();
  await home.close();
  assert.throws(() => note.change(() => {}), code("closed"));
  await assert.rejects(home.open(Note, note.id), code("closed"));

  const again = open(dir);
  await again.home.ready;
  const [row] = again.home.list(Note).value!;
  assert.deepEqual([row?.id, row?.head.title, row?.head.todos.length], [note.id, "A", 2]);
  const back = await again.home.open(Note, note.id);
  assert.equal(await (await back.export("json")).text(), json);
  assert.equal(back.value.todos[1]?.$id, id);
  await again.home.forget(note.id);
  await assert.rejects(again.home.open(Note, note.id), code("not-found"));
  await again.home.close();
  assert.deepEqual([...problems, ...again.problems], []);
});

test("a second home on one directory is told by whom it is held, wherever it asks", async (t) => {
  const dir = directory(t);
  const [{ home: first }, { home: second }] = [open(dir), open(dir)];
  t.after(() => Promise.all([first.close(), second.close()]));
  const { id } = await first.create(Note, { title: "mine" });
  for (const ask of [() => second.open(Note, id), () => second.create(Note, { title: "not here" }), () => second.open(Note, "a".repeat(32))]) {
    await assert.rejects(ask(), (e: FreeholdError) => e.code === "blocked" && e.message.includes(`process ${process.pid}`) && e.hint.includes("process"));
  }
});

test("nothing is made on disk before somebody asks", async (t) => {
  const dir = join(directory(t), "not-yet");
  freehold({ name: "n", directory: dir }).list(Note);
  await new Promise((r) => setImmediate(r));
  assert.throws(() => readFileSync(join(dir, "n", "marker")), { code: "ENOENT" });
});

test("a wrong link says what is wrong", async (t) => {
  const { home } = open(directory(t));
  await assert.rejects(home.join(Note, "https://notes.example/#1w.abc"), code("bad-link"));
  assert.throws(() => freehold({ name: "a/b" }), code("invalid"));
  for (const relay of ["relay.example", "http://relay.example", "ws://10.0.0.7:7070", "http://localhost.example", "http://127.example", "ftp://localhost", ""]) {
    assert.throws(() => freehold({ name: "n", relay }), code("invalid"), relay);
  }
  for (const relay of ["https://relay.example", "http://localhost:7070", "http://notes.localhost", "ws://127.0.0.1:7070", "http://[::1]:7070"]) freehold({ name: "n", relay });
  assert.throws(() => home.relays.set(["https://relay.example", "localhost:7070"]), code("invalid"));
  assert.deepEqual(home.relays.value, []);
  assert.throws(() => defineDoc("x", { version: 1, shape: { $id: s.string() } }), code("invalid"));
  await home.close();
});

test("an option that there is not is refused, and the nearest one named", () => {
  const hints = { relays: "relay", relayUrl: "relay", sync: "syncAll", onproblem: "onProblem", worker: "workerUrl", dir: "directory" };
  for (const [key, hint] of Object.entries(hints)) {
    assert.throws(() => freehold({ name: "n", [key]: undefined }), { code: "invalid", message: `a home has no option ${key}`, hint: `write ${hint}` });
  }
  const options = { name: "n", relay: [], syncAll: false, onProblem: () => {}, workerUrl: "/vault.js", app: "https://notes.example", directory: "nowhere" };
  freehold(options);
  assert.throws(() => freehold({ ...options, on: 1 } as typeof options), { code: "invalid", hint: `write one of ${Object.keys(options).join(", ")}` });
});

test("a change larger than one update is saved whole", async (t) => {
  const dir = directory(t);
  const { home, problems } = open(dir);
  const note = await home.create(Note);
  const long = "0123456789".repeat(30_000);
  note.change((d) => { d.body.insert(0, long); d.title = "long"; });
  await note.saved();
  await home.close();
  const again = open(dir);
  const back = await again.home.open(Note, note.id);
  assert.ok(back.value.body.toString() === long && back.value.title === "long");
  await again.home.close();
  assert.deepEqual([...problems, ...again.problems], []);
});

test("the automerge-paper trace, one change per edit with a subscriber, comes back exactly", async (t) => {
  const trace = JSON.parse(gunzipSync(readFileSync(new URL("../../../bench/traces/automerge-paper.json.gz", import.meta.url))).toString()) as {
    readonly endContent: string;
    readonly txns: ReadonlyArray<{ readonly patches: ReadonlyArray<readonly [number, number, string]> }>;
  };
  const dir = directory(t);
  const { home, problems } = open(dir);
  const note = await home.create(Note);
  let edits = 0;
  let told = -1; // the call at once
  note.subscribe(() => told++);
  const early = note.value.body;
  for (const { patches } of trace.txns) {
    for (const [at, remove, insert] of patches) {
      edits++;
      note.change((d) => {
        if (remove > 0) d.body.delete(at, remove);
        if (insert !== "") d.body.insert(at, insert);
      });
    }
  }
  assert.equal(edits, 259_778);
  assert.equal(told, edits);
  assert.equal(note.value.body.toString(), trace.endContent);
  assert.equal(early.toString(), "");
  await note.saved();
  await home.close();
  const again = open(dir);
  assert.equal((await again.home.open(Note, note.id)).value.body.toString(), trace.endContent);
  await again.home.close();
  assert.deepEqual([...problems, ...again.problems], []);
});

test("what is no id of a document removes nothing and breaks nothing", async (t) => {
  const dir = directory(t);
  writeFileSync(join(dir, "mine.txt"), "not Freehold's");
  const { home, problems } = open(dir);
  const note = await home.create(Note, { title: "A" });
  await note.saved();
  for (const id of ["../../keep", "..", ".", "", "n", "\0", 5, undefined] as string[]) {
    await assert.rejects(home.forget(id), code("not-found"), `forget ${String(id)}`);
    await assert.rejects(home.open(Note, id), code("not-found"), `open ${String(id)}`);
  }
  note.change((d) => d.body.insert(0, "still here"));
  await note.saved();
  assert.deepEqual(problems, []);
  await home.close();
  assert.equal(readFileSync(join(dir, "mine.txt"), "utf8"), "not Freehold's");
  const again = open(dir);
  assert.equal((await again.home.open(Note, note.id)).value.body.toString(), "still here");
  await again.home.close();
  for (const name of [".", "..", "...", "", "a/b"]) assert.throws(() => freehold({ name, directory: dir }), code("invalid"), name);
});
