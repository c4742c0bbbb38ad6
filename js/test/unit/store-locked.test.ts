// Locks that the browser has, has not, or refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openCopies } from "../../src/store/copies.ts";
import { FileStore } from "../../src/store/filestore.ts";
import { lockedBy, type Locked } from "../../src/store/locked.ts";
import { localLocks } from "../../src/vault/local.ts";
import { docId, secretOf } from "../harness/contract.ts";
import { crashFiles } from "../harness/crashfiles.ts";

type Locks = NonNullable<Parameters<typeof lockedBy>[0]>;
const refusing: Locks = { request: (async () => { throw new DOMException("not here", "SecurityError"); }) as Locks["request"] };
const turn = (): Promise<void> => new Promise(setImmediate);

/** The most that ran at once under one name, and the order in which they began. */
const crowd = async (locked: Locked, names: readonly string[]): Promise<{ readonly most: number; readonly order: readonly number[] }> => {
  let running = 0, most = 0;
  const order: number[] = [];
  await Promise.all(names.map((name, i) => locked(name, async () => {
    order.push(i);
    most = Math.max(most, ++running);
    await turn();
    running--;
  })));
  return { most, order };
};

for (const [what, locks] of [["has", localLocks()], ["has not", undefined], ["refuses", refusing]] as const) {
  test(`one at a time under one name where the browser ${what} locks`, async () => {
    const locked = lockedBy(locks, "freehold/test");
    assert.deepEqual(await crowd(locked, ["a", "a", "a"]), { most: 1, order: [0, 1, 2] });
    assert.equal((await crowd(locked, ["a", "b"])).most, 2);
    let ran = 0;
    await assert.rejects(locked("a", async () => { ran++; throw new Error("of the work itself"); }), /of the work itself/);
    assert.equal(ran, 1);
    assert.equal(await locked("a", async () => 7), 7);
  });
}

test("without locks, checkpoints of two hubs, repairs, keys and forgetting of one document go one after the other", async () => {
  const copies = await openCopies("test", { stores: [new FileStore(crashFiles())], locks: refusing as never });
  const doc = docId(1);
  await copies.putSecret(secretOf(1));
  assert.equal((await crowd((name, run) => copies.locked(name, run), [doc, doc])).most, 1);
  let end: () => void = () => undefined;
  const held = new Promise<void>((resolve) => { end = resolve; });
  const done: string[] = [];
  const work = [
    copies.locked(doc, () => held).then(() => done.push("checkpoint")),
    copies.putSecret(secretOf(1, { genesis: null })).then(() => done.push("key")),
    copies.forget(doc).then(() => done.push("forget")),
  ];
  for (let i = 0; i < 20; i++) await turn();
  assert.deepEqual(done, []);
  end();
  await Promise.all(work);
  assert.deepEqual(done, ["checkpoint", "key", "forget"]);
  assert.deepEqual(await copies.list(), []);
  await copies.close();
});
