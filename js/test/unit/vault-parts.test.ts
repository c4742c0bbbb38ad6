// A change that is too much for one update: it leaves in parts, and whatever happens in between it is whole or not there.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openCopies } from "../../src/store/copies.ts";
import { directoryStore } from "../../src/store/directory.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { goesOn, inOrder, type Opened } from "../../src/vault/payload.ts";
import { directoryOf, start, type Editor, type Page } from "./vault-harness.ts";

/** Several updates' worth of operations, and more bytes than a checkpoint waits for. */
const large = Array.from({ length: 300_000 }, (_, i) => String.fromCharCode(0x4e00 + ((i * 7919) % 20_011))).join("");

const life = (t: TestContext, path: string, now = (): number => performance.now()): Promise<Page> =>
  start(t, path, [], { ...nodeEnv(path), now, openCopies: (name, o) => openCopies(name, { ...o, stores: [directoryStore(join(path, "store"))] }) });

const generation = async (path: string, doc: string): Promise<number> =>
  Math.max(0, ...(await readdir(join(path, "store", doc))).map((name) => Number(/^snap\.(\d+)$/.exec(name)?.[1] ?? 0)));

const offer = (page: Page, note: Editor, u: ReturnType<Editor["insert"]>): Promise<unknown> =>
  page.request({ op: "update", doc: note.doc, session: note.session, ...u });

test("a change whose last part did not get to the device is not there, and the rest is", async (t) => {
  const path = await directoryOf();
  const page = await life(t, path);
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "before");
  const parts = note.insertAll(6, large);
  assert.deepEqual(parts.map((u) => goesOn(u.bytes)), [true, true, true, true, false]);
  for (const u of parts.slice(0, -1)) await offer(page, note, u);
  await page.stop();

  let ahead = 0;
  const second = await life(t, path, () => performance.now() + ahead);
  const again = await second.edit({ op: "open", doc: note.doc, type: "note" });
  ahead = 2_000; // no file is made at once of what was only read (SYNC.md, S12)
  assert.equal(again.value, "before");
  assert.equal(again.status.content, "complete");
  await again.type(6, " and after");
  for (let i = 0; (await generation(path, note.doc)) === 0; i++) {
    assert.ok(i < 20, "no checkpoint was made");
    await again.type(0, "x".repeat(60_000));
  }
  await second.stop();
  const third = await life(t, path);
  const last = await third.edit({ op: "open", doc: note.doc, type: "note" });
  assert.equal(last.digest, again.digest);
});

test("no checkpoint covers the parts of a change that is not whole", async (t) => {
  const path = await directoryOf();
  const page = await life(t, path);
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "before");
  const parts = note.insertAll(6, large);
  for (const u of parts.slice(0, -1)) await offer(page, note, u);
  // Nothing tells that no checkpoint is coming: one that was due is made within a few milliseconds. A slow machine can only let this pass.
  await sleep(200);
  assert.equal(await generation(path, note.doc), 0);
  await offer(page, note, parts.at(-1)!);
  for (let i = 0; (await generation(path, note.doc)) === 0; i++) {
    assert.ok(i < 200, `no checkpoint was made of the whole change: ${JSON.stringify([note.status, page.problems])}`);
    await sleep(20); // a checkpoint is told to nobody: what lies in the folder is the one sign of it
  }
  await page.stop();
  const again = await (await life(t, path)).edit({ op: "open", doc: note.doc, type: "note" });
  assert.equal(again.value, `before${large}`);
});

test("parts are ready together, when all of them are there and nothing that their writer had seen is missing", () => {
  const opened = (session: string, seq: number, more: boolean, ...deps: readonly Opened[]): Opened =>
    ({ session, seq, hash: new Uint8Array(32), prev: new Uint8Array(32), deps, update: Uint8Array.of(more ? 0x80 : 0) });
  const names = (all: readonly Opened[]): string => all.map((u) => u.session + u.seq).join(" ");
  const b0 = opened("b", 0, false);
  const parts = [opened("a", 1, true), opened("a", 2, true, b0), opened("a", 3, false)];
  const [, second, third] = parts as [Opened, Opened, Opened];
  for (const [what, updates, ready, waiting] of [
    ["the last is missing", [opened("a", 0, false), ...parts.slice(0, 2), b0], "a0 b0", "a1 a2"],
    ["one lacks what it follows", parts, "", "a1 a2 a3"],
    ["all are there", [third, b0, second, ...parts.slice(0, 1)], "b0 a1 a2 a3", ""],
    ["and what follows", [...parts, opened("a", 4, false), opened("a", 5, true), b0], "b0 a1 a2 a3 a4", "a5"],
  ] as const) {
    const sorted = inOrder(updates, new Map());
    const order = names(sorted.ready).split(" ").sort().join(" ");
    assert.deepEqual([order, names(sorted.waiting)], [ready.split(" ").sort().join(" "), waiting], what);
    for (const u of sorted.ready) for (const d of u.deps) assert.ok(sorted.ready.findIndex((x) => x.session === d.session && x.seq === d.seq) < sorted.ready.indexOf(u), what);
  }
});

test("what somebody claims to have waits for nothing, but not in front of what it names", () => {
  const opened = (session: string, seq: number, ...deps: readonly Opened[]): Opened => ({ session, seq, hash: new Uint8Array(32), prev: new Uint8Array(32), deps, update: Uint8Array.of(0) });
  const elsewhere = opened("c", 5), b0 = opened("b", 0), b1 = opened("b", 1, b0);
  const updates = [opened("a", 0, b1), opened("a", 1, elsewhere), opened("a", 2, b1), b0, b1];
  const { ready, waiting } = inOrder(updates, new Map(), new Map([["a", 9]]));
  assert.deepEqual([ready.map((u) => u.session + u.seq).join(" "), waiting], ["b0 b1 a0 a1 a2", []]);
});
