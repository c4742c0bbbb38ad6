// The device copy in a real Chromium that is killed again and again, loses one of its stores, and never loses a number it reported durable.
// No relay, no second device. Two stores that lie show that the test would notice.
//
// kill.test.ts does the same to the whole package. ROUNDS=<n> kills more often; SEED=<n> repeats the moments of a run.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { randomFrom } from "../harness/random.ts";
import type { StaticServer } from "../harness/server.ts";
import { deleteOpfs, life, tearIndexedDB } from "./kill.ts";
import type { Variant } from "./pages/kill.worker.ts";
import { call, serveWorker } from "./stores.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 8);
const FEW = Math.max(1, Math.ceil(ROUNDS / 4));
const SEED = Number(process.env["SEED"] ?? 1);

const WIPED = "indexeddb storage-lost recovered";

interface Opened {
  readonly found: readonly number[];
  readonly problems: readonly string[];
  readonly copies: number;
}

let server: StaticServer;
before(async () => {
  server = await serveWorker("kill.worker.ts");
});
after(() => server.stop());

/** One profile and its lives, one after the other; each tells what it found of the earlier ones. */
const lives = async (t: TestContext, variant: Variant) => {
  t.diagnostic(`SEED=${SEED} ROUNDS=${ROUNDS}`);
  const random = randomFrom(SEED);
  const dir = await mkdtemp(join(tmpdir(), "freehold-kill-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const acknowledged: number[] = [];
  // `calm`: nothing is being written when the kill comes. Otherwise the loop goes on, and Chromium wipes IndexedDB by itself now and then.
  const next = async (o: { readonly cut?: boolean; readonly calm?: boolean } = {}): Promise<Opened> => {
    let opened: Opened | undefined;
    const killAt = random.between(3, 40);
    const ended = await life(dir, `${server.url}/`, killAt, async (page) => {
      opened = await call<Opened>(page, "open", variant, acknowledged.length);
      if (o.cut === true) assert.equal(await call(page, "checkpoint"), 0, "the journals are cut");
      // It never ends by itself; the kill ends it.
      await page.evaluate((last) => void (globalThis as unknown as { call(op: string, last: number): Promise<unknown> }).call("write", last), o.calm === true ? killAt : Number.MAX_SAFE_INTEGER);
    });
    acknowledged.push(ended.acknowledged);
    assert.ok(opened);
    return opened;
  };
  /** Lives whose acknowledged numbers are not all there. */
  const losses = ({ found }: Opened): readonly string[] =>
    acknowledged.slice(0, found.length).flatMap((last, i) => ((found[i] as number) < last ? [`life ${i}: ${last} was durable, ${found[i]} is there`] : []));
  return { dir, next, losses };
};

test(`${ROUNDS} kills, every other one after a checkpoint and a cut`, async (t) => {
  const { next, losses } = await lives(t, "true");
  for (let round = 0; round <= ROUNDS; round++) {
    const opened = await next({ cut: round % 2 === 1 });
    assert.deepEqual(losses(opened), [], `round ${round}`);
    assert.equal(opened.copies, 2, `round ${round}`);
    // These wipes are Chromium's own, which is why there are two stores.
    assert.deepEqual(opened.problems.filter((p) => p !== WIPED), [], `round ${round}`);
    for (const problem of opened.problems) t.diagnostic(`round ${round}: ${problem}`);
  }
});

test(`${FEW} wipes of IndexedDB by a torn log, after a checkpoint and a cut`, async (t) => {
  const { dir, next, losses } = await lives(t, "true");
  await next();
  for (let round = 0; round < FEW; round++) {
    assert.deepEqual(losses(await next({ cut: true })), []);
    await tearIndexedDB(dir);
    // The first start survives the torn log and writes behind it, the second one finds a bad checksum and an empty database.
    const first = await next({ cut: true });
    const second = await next();
    assert.deepEqual([...losses(first), ...losses(second)], [], `round ${round}`);
    assert.deepEqual([...new Set([...first.problems, ...second.problems])], [WIPED], `round ${round}: wiped, noticed and filled again`);
  }
});

test(`${FEW} deletions of the private file system, after a checkpoint and a cut`, async (t) => {
  const { dir, next, losses } = await lives(t, "true");
  await next({ calm: true });
  for (let round = 0; round < FEW; round++) {
    await next({ cut: true, calm: true });
    await deleteOpfs(dir);
    const opened = await next({ calm: true });
    assert.deepEqual(losses(opened), [], `round ${round}`);
    assert.deepEqual(opened.problems, ["opfs storage-lost recovered"], `round ${round}: noticed and filled again`);
  }
});

for (const [variant, what] of [["early", "a store that reports 500 ms before it writes"], ["forgetful", "handles that drop what they did not write out"]] as const) {
  test(`control: ${what} loses in each of ${FEW} kills`, async (t) => {
    const { next, losses } = await lives(t, variant);
    await next();
    for (let round = 1; round <= FEW; round++) {
      assert.equal(losses(await next()).length, round, `kill ${round}: every life so far has lost something`);
    }
  });
}
