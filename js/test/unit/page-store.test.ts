// Stores, the outbox, and the chunked list.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { FreeholdError } from "../../src/errors.ts";
import { type Item, Items } from "../../src/page/items.ts";
import { Outbox } from "../../src/page/outbox.ts";
import type { Drained } from "../../src/page/replica.ts";
import { Cell, selection } from "../../src/page/cell.ts";
import { seed, seeded } from "./page-fixture.ts";

test("a subscriber is called at once, then once per value", () => {
  const cell = new Cell(1);
  const seen: number[] = [];
  const stop = cell.subscribe((v) => seen.push(v));
  cell.set(2);
  cell.set(2);
  cell.set(3);
  stop();
  cell.set(4);
  assert.deepEqual(seen, [1, 2, 3]);
});

test("a subscriber that throws or leaves does not keep others from being called", (t) => {
  const errors = t.mock.method(console, "error", () => {});
  const cell = new Cell(1);
  const seen: number[] = [];
  cell.subscribe(() => { throw new Error("mine"); });
  const stop: () => void = cell.subscribe((v) => { if (v === 2) { stop(); stopLast(); } });
  cell.subscribe((v) => seen.push(v));
  const stopLast = cell.subscribe((v) => seen.push(v * 10));
  cell.set(2);
  cell.set(3);
  assert.deepEqual(seen, [1, 10, 2, 3]);
  assert.equal(errors.mock.callCount(), 3);
});

test("a subscriber that sets: nobody sees an older value after a newer", () => {
  const cell = new Cell(1);
  const seen: number[] = [];
  cell.subscribe((v) => { if (v === 2) cell.set(3); });
  cell.subscribe((v) => seen.push(v));
  cell.set(2);
  assert.deepEqual(seen, [1, 3]);
});

test("a selection changes with what it selects and listens only while it is listened to", () => {
  const cell = new Cell({ a: 1, b: 1 });
  const a = selection(cell, (v) => v.a);
  const seen: number[] = [];
  const stop = a.subscribe((v) => seen.push(v));
  cell.set({ a: 1, b: 2 });
  cell.set({ a: 2, b: 2 });
  assert.deepEqual(seen, [1, 2]);
  assert.ok(cell.watched);
  stop();
  assert.ok(!cell.watched);
  cell.set({ a: 5, b: 2 });
  assert.equal(a.value, 5);
  const even = selection(cell, (v) => ({ even: v.a % 2 === 0 }), (x, y) => x.even === y.even);
  const before = even.value;
  cell.set({ a: 7, b: 0 });
  assert.equal(even.value, before);
});

/** An outbox over numbered edits; the test answers each send. */
const rig = (): { box: Outbox; write(n: number): void; sent: { u: Drained; ok(): void; fail(): void }[]; stored: number[]; failed: FreeholdError[] } => {
  let written = 0;
  let drained = 0;
  const sent: { u: Drained; ok(): void; fail(): void }[] = [];
  const stored: number[] = [];
  const failed: FreeholdError[] = [];
  const box = new Outbox({
    drain() {
      if (drained === written) return null;
      const u = { session: "s", from: drained, to: written, bytes: new Uint8Array([drained]) };
      drained = written;
      return u;
    },
    send: (u) => new Promise((resolve, reject) => sent.push({ u, ok: () => resolve(null), fail: () => reject(new FreeholdError("quota", "full", "free space")) })),
    stored: (u) => stored.push(u.to),
    failed: (e) => failed.push(e),
  });
  return { box, sent, stored, failed, write: (n) => { written += n; box.kick(); } };
};
const turn = (): Promise<void> => new Promise((r) => setImmediate(r));

test("a burst is one update, and the next leaves when the one before is stored", async () => {
  const r = rig();
  r.write(1);
  r.write(1);
  assert.equal(r.sent.length, 0);
  await turn();
  assert.deepEqual(r.sent.map((x) => [x.u.from, x.u.to]), [[0, 2]]);
  r.write(3);
  r.write(1);
  await turn();
  assert.equal(r.sent.length, 1);
  r.sent[0]!.ok();
  await turn();
  assert.deepEqual(r.sent.map((x) => [x.u.from, x.u.to]), [[0, 2], [2, 6]]);
  assert.deepEqual(r.stored, [2]);
});

test("flush hands everything over; settled waits for the answers", async () => {
  const r = rig();
  r.write(1);
  await turn();
  r.write(1);
  r.box.flush();
  assert.equal(r.sent.length, 2);
  let settled = false;
  void r.box.settled().then(() => { settled = true; });
  r.sent[0]!.ok();
  await turn();
  assert.ok(!settled);
  r.sent[1]!.ok();
  await turn();
  assert.ok(settled);
  assert.deepEqual(r.stored, [1, 2]);
});

/** One whose first update the device refused. */
const refused = async (t: TestContext): Promise<ReturnType<typeof rig>> => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const r = rig();
  r.write(1);
  await turn();
  r.sent[0]!.fail();
  await turn();
  return r;
};

test("a refused update is kept and offered again with the same bytes, before any later one", async (t) => {
  const r = await refused(t);
  assert.equal(r.failed[0]?.code, "quota");
  r.write(1);
  await turn();
  assert.equal(r.sent.length, 1);
  t.mock.timers.tick(1000);
  assert.equal(r.sent.length, 2);
  assert.deepEqual(r.sent[1]!.u, r.sent[0]!.u);
  r.sent[1]!.fail();
  await turn();
  t.mock.timers.tick(1999);
  assert.equal(r.sent.length, 2);
  r.box.retry();
  assert.equal(r.sent.length, 3);
  r.sent[2]!.ok();
  await turn();
  assert.deepEqual([r.sent[3]!.u.from, r.sent[3]!.u.to], [1, 2]);
});

test("a refused update that the device has meanwhile is no reason to wait", async (t) => {
  const r = await refused(t);
  r.write(1);
  r.box.reached(0);
  assert.equal(r.sent.length, 1);
  r.box.reached(1);
  assert.equal(r.sent.length, 2);
  r.sent[1]!.ok();
  await turn();
  assert.deepEqual([r.sent[2]!.u.from, r.sent[2]!.u.to], [1, 2]);
  r.box.reached(1); // the next is under way
  assert.equal(r.sent.length, 3);
});

test("items behave as an array does", () => {
  const random = seeded(seed("items"));
  const items = new Items();
  const model: Item[] = [];
  for (let i = 0; i < 6000; i++) {
    const item = { lv: i } as Item;
    if (model.length > 0 && random(4) === 0) {
      const at = random(model.length);
      assert.equal(items.remove(at), model.splice(at, 1)[0]);
    } else {
      const at = random(2) === 0 ? model.length : random(model.length + 1);
      items.insert(at, item);
      model.splice(at, 0, item);
    }
    assert.equal(items.length, model.length);
    const at = random(model.length + 1);
    assert.equal(items.at(at), model[at]);
  }
  assert.deepEqual(items.toArray(), model);
  assert.deepEqual([...items], model);
});
