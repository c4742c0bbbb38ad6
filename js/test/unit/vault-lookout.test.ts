// What is asked about closed documents, and what is done with the answers, against a relay of a few lines.

import assert from "node:assert/strict";
import { mock, test, type TestContext } from "node:test";
import { toBase32 } from "../../src/ids.ts";
import { Lookout } from "../../src/vault/lookout.ts";
import { isAnswer, partOf, sumsOf } from "../../src/wire/sums.ts";

const docOf = (i: number): string => toBase32(Uint8Array.from({ length: 20 }, (_, k) => (k === 0 ? i * 16 : i + k)));
const LIST = docOf(15);

/** A relay with a set, and a device with documents. */
const rig = (here: readonly string[]) => {
  const heads = new Map<string, number>(), members = new Set<string>();
  const fetched: string[] = [], asked: string[][] = [];
  const broken = new Set<string>();
  let isConnected = true;
  let answered = Promise.resolve();
  let wake = (): void => undefined;
  const lookout = new Lookout({
    here: () => new Set(here),
    fetch: async (doc) => {
      fetched.push(doc);
      return !broken.has(doc);
    },
    random: () => 0,
    ask: (list, sums, add) => {
      assert.equal(list, LIST);
      asked.push([...add]);
      wake();
      if (!isConnected) return;
      for (const doc of add) if (heads.has(doc)) members.add(doc);
      answered = (async () => {
        await null;
        const ours = await sumsOf([...members].map((doc) => [doc, heads.get(doc)!] as const));
        const parts = Array.from({ length: 16 }, (_, i) => Buffer.compare(ours.subarray(8 * i, 8 * i + 8), sums.subarray(8 * i, 8 * i + 8)) === 0 ? 0 : 1 << i).reduce((a, b) => a | b);
        await lookout.hear({ type: "changed", doc: list, req: 0, parts, heads: [...members].filter((doc) => (parts >> partOf(doc)) & 1).map((doc) => ({ doc, cursor: heads.get(doc)! })) });
      })();
    },
  });
  /** Until nothing is asked any more: who hears an answer asks what follows from it before he is done. */
  const settle = async (): Promise<void> => {
    for (let last: Promise<void> | null = null; last !== answered;) await (last = answered);
  };
  /** After a pause that a question must end. */
  const minute = async (): Promise<void> => {
    const before = asked.length;
    mock.timers.tick(60_000);
    while (asked.length === before) await new Promise<void>((resolve) => { wake = resolve; });
    await settle();
  };
  return { lookout, heads, members, fetched, asked, broken, settle, minute, cut: () => { isConnected = false; } };
};

const withTimers = (t: TestContext): void => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
};

test("what the relay has further than this device is fetched, once", async (t) => {
  withTimers(t);
  const [a, b, c] = [docOf(1), docOf(2), docOf(3)];
  const r = rig([a, b, c]);
  for (const doc of [a, b, c]) r.heads.set(doc, 5);
  r.lookout.know(a, 5);
  r.lookout.know(b, 4);
  await r.lookout.begin(LIST);
  await r.settle();
  assert.deepEqual(r.fetched.sort(), [b, c].sort());
  assert.deepEqual([...r.members].sort(), [a, b, c].sort());
  const before = r.asked.length;
  await r.minute();
  assert.deepEqual([r.asked.length, r.fetched.length], [before + 1, 2], "one question in a minute without news");
  r.heads.set(a, 9);
  await r.minute();
  assert.deepEqual(r.fetched.slice(2), [a]);
});

test("what the relay does not have is offered once on each connection", async (t) => {
  withTimers(t);
  const [a, b] = [docOf(1), docOf(2)];
  const r = rig([a, b]);
  r.heads.set(a, 1);
  await r.lookout.begin(LIST);
  await r.settle();
  await r.minute();
  assert.deepEqual(r.asked.flat().sort(), [a, b].sort());
  await r.lookout.begin(LIST);
  await r.settle();
  assert.deepEqual(r.asked.flat().sort(), [a, b, b].sort());
  assert.deepEqual(r.fetched, [a]);
});

test("what could not be fetched is tried again after a pause, not at once", async (t) => {
  withTimers(t);
  const a = docOf(1);
  const r = rig([a]);
  r.heads.set(a, 3);
  r.broken.add(a);
  await r.lookout.begin(LIST);
  await r.settle();
  assert.equal(r.fetched.length, 1);
  r.broken.clear();
  await r.minute();
  assert.equal(r.fetched.length, 2);
  await r.minute();
  assert.equal(r.fetched.length, 2);
});

test("members that this device does not have are nothing to fetch", async (t) => {
  withTimers(t);
  const [a, foreign] = [docOf(1), docOf(4)];
  const r = rig([a]);
  for (const doc of [a, foreign]) r.heads.set(doc, 2);
  r.members.add(foreign);
  r.lookout.know(a, 2);
  await r.lookout.begin(LIST);
  await r.settle();
  assert.deepEqual(r.fetched, []);
  const before = r.asked.length;
  await r.minute();
  assert.equal(r.asked.length, before + 1);
});

test("a relay that has another answer each time is left alone for a while", async (t) => {
  withTimers(t);
  const a = docOf(1);
  const r = rig([a]);
  r.members.add(a);
  let head = 0;
  r.heads.get = () => ++head;
  await r.lookout.begin(LIST);
  await r.settle();
  assert.equal(r.asked.length, 32);
});

test("a refusal is answered by a pause, and the end by nothing", async (t) => {
  withTimers(t);
  const r = rig([docOf(1)]);
  r.cut();
  await r.lookout.begin(LIST);
  await r.lookout.hear(null);
  await r.minute();
  assert.equal(r.asked.length, 2);
  await r.lookout.hear(null);
  r.lookout.end();
  mock.timers.tick(600_000);
  await r.settle();
  assert.equal(r.asked.length, 2);
});

test("a set that the relay forgot is offered anew", async (t) => {
  withTimers(t);
  const [a, b] = [docOf(1), docOf(2)];
  const r = rig([a, b]);
  for (const doc of [a, b]) {
    r.heads.set(doc, 5);
    r.lookout.know(doc, 5);
  }
  await r.lookout.begin(LIST);
  await r.settle();
  r.members.clear();
  r.heads.set(b, 6);
  await r.minute();
  assert.deepEqual([...r.members].sort(), [a, b].sort());
  assert.deepEqual(r.fetched, [b]);
});

test("what was under way when another connection came asks nothing there", async (t) => {
  withTimers(t);
  const [a, b] = [docOf(1), docOf(2)];
  let go = (): void => undefined;
  const held = new Promise<void>((resolve) => { go = resolve; });
  const fetched: string[] = [], asked: string[][] = [];
  const lookout = new Lookout({ here: () => new Set([a, b]), random: () => 0, ask: (_list, _sums, add) => { asked.push([...add]); },
    fetch: async (doc) => {
      fetched.push(doc);
      await held;
      return false;
    } });
  await lookout.begin(LIST);
  const before = lookout.hear({ type: "changed", doc: LIST, req: 0, parts: 0xffff, heads: [{ doc: a, cursor: 2 }, { doc: b, cursor: 2 }] });
  await lookout.begin(LIST);
  go();
  await before;
  assert.deepEqual([fetched, asked.length], [[a], 2]);
  lookout.end();
});

test("of documents of other devices it knows what the relay said last, and offers none of them", async () => {
  const mine = docOf(1), here = new Set([mine]);
  const offered: string[] = [];
  let sums: Uint8Array = new Uint8Array();
  const lookout = new Lookout({ here: () => here, random: () => 0, fetch: async () => true, ask: (_list, said, add) => {
    sums = said;
    offered.push(...add);
  } });
  let last = 0;
  const foreign = (part: number): string => {
    const bytes = new Uint8Array(20);
    bytes[0] = part * 16;
    new DataView(bytes.buffer).setUint32(4, ++last);
    return toBase32(bytes);
  };
  for (let connection = 0; connection < 3; connection++) {
    await lookout.begin(LIST);
    for (let answer = 0; answer < 20; answer++) { // each a frame full of documents that nobody named before
      const heads = Array.from({ length: 1024 }, (_, i) => ({ doc: foreign(2 + (i & 1)), cursor: 1 + i }));
      await lookout.hear({ type: "changed", doc: LIST, req: 0, parts: 0b1100, heads });
      const known = [[mine, 0] as const, ...heads.map((h) => [h.doc, h.cursor] as const)];
      assert.deepEqual(sums, await sumsOf(known), `answer ${answer}`);
    }
  }
  assert.deepEqual(offered, []);
  lookout.end();
});

test("no more is an answer than the members of the parts that it names, each once", () => {
  const of = (part: number, count: number): { doc: string; cursor: number }[] =>
    Array.from({ length: count }, (_, i) => ({ doc: toBase32(Uint8Array.from({ length: 20 }, (__, k) => (k === 0 ? part * 16 : k === 1 ? i & 255 : k === 2 ? i >> 8 : 0))), cursor: i }));
  const told = (parts: number, heads: { doc: string; cursor: number }[]): boolean => isAnswer({ type: "changed", doc: LIST, req: 0, parts, heads });
  assert.ok(told(0, []) && told(0xffff, []) && told(0b101, [...of(0, 512), ...of(2, 512)]));
  assert.ok(!told(0b100, of(2, 513)), "more than a part has");
  assert.ok(!told(0b100, [...of(2, 1), ...of(3, 1)]), "a part that is not named");
  assert.ok(!told(0, of(0, 1)), "none is named");
  assert.ok(!told(0b100, [...of(2, 1), ...of(2, 1)]), "the same twice");
});
