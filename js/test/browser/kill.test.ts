// What the package reports saved on the device survives SIGKILLs of the whole browser, before and after journals are cut, and the loss of
// either store: the public API in a real Chromium, no relay, no second device. Two vaults that lie show that the test would notice.
//
// ROUNDS=<n> kills more often; SEED=<n> repeats the moments of a run. Needs the built package (make js).

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { bundle } from "../harness/bundle.ts";
import type { ChromiumPage } from "../harness/chromium.ts";
import { randomFrom } from "../harness/random.ts";
import { serve, type StaticServer } from "../harness/server.ts";
import { deleteOpfs, life, tearIndexedDB } from "./kill.ts";
import type { KillApp } from "./pages/kill.page.ts";

declare const app: KillApp;

const ROUNDS = Number(process.env["ROUNDS"] ?? 20);
const FEW = Math.max(1, Math.ceil(ROUNDS / 5));
const SEED = Number(process.env["SEED"] ?? 1);
const TIMEOUT = 30_000;
const path = (relative: string): string => join(import.meta.dirname, relative);

let server: StaticServer;
before(async () => {
  const [page, early, forgetful] = await Promise.all(["kill.page.ts", "vault-early.ts", "vault-forgetful.ts"].map((f) => bundle(path(`pages/${f}`))));
  server = await serve({
    root: path("../../dist"),
    files: {
      "/index.html": `<!doctype html><html lang="en"><title>kill</title><script type="module" src="/page.js"></script>`,
      "/page.js": page as string, "/vault-early.js": early as string, "/vault-forgetful.js": forgetful as string,
    },
  });
});
after(() => server.stop());

interface Started {
  /** Marks that had been reported saved in an earlier life and are not there. */
  readonly lost: readonly string[];
  readonly stores: { readonly files: boolean; readonly indexedDB: boolean };
}
interface Step {
  /** Begin a new document, write until its journals were cut, and only then the marks. */
  readonly cut?: boolean;
  /** Nothing is being written when the kill comes; otherwise Chromium wipes IndexedDB by itself now and then. */
  readonly calm?: boolean;
}

/** One profile and its lives. */
const lives = async (t: TestContext, workerUrl: string | null = null) => {
  t.diagnostic(`SEED=${SEED} ROUNDS=${ROUNDS}`);
  const random = randomFrom(SEED);
  const dir = await mkdtemp(join(tmpdir(), "freehold-kill-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  /** What must be there: by document, the marks whose `saved` had resolved. */
  const savedById = new Map<string, string[]>();
  let current: string | null = null;
  let count = 0;

  const look = async (page: ChromiumPage): Promise<Started> => {
    await page.waitFor("the page", () => typeof app !== "undefined");
    const stores = await page.evaluate(() => app.stores());
    const marksById = await page.evaluate((url) => app.start(url), workerUrl);
    const lost = [...savedById].flatMap(([id, marks]) => {
      const found = new Set(marksById[id]?.split(" "));
      return marks.filter((mark) => !found.has(mark));
    });
    return { lost, stores };
  };

  const next = async (step: Step = {}): Promise<Started> => {
    const n = count++;
    const killAt = random.between(2, 25);
    let started: Started | undefined;
    const { acknowledged } = await life(dir, `${server.url}/`, killAt, async (page) => {
      started = await look(page);
      current = await page.evaluate((id) => app.begin(id), step.cut === true ? null : current);
      if (step.cut === true) t.diagnostic(`life ${n}: ${JSON.stringify(await page.evaluate(() => app.cut()))}`);
      await page.waitFor("as many copies as there are stores", (whole) => app.copies() === whole, { args: [workerUrl?.includes("forgetful") ? 1 : 2], timeout: TIMEOUT });
      await page.evaluate((a, b) => void app.write(a, b), n, step.calm === true ? killAt : Number.MAX_SAFE_INTEGER);
    });
    savedById.set(current as unknown as string, [...(savedById.get(current as unknown as string) ?? []), ...Array.from({ length: acknowledged + 1 }, (_, i) => `${n}.${i}`)]);
    assert.ok(started);
    return started;
  };
  return { dir, next };
};

test(`${ROUNDS} kills right after saved("device"), every other one after a checkpoint and a cut`, async (t) => {
  const { next } = await lives(t);
  for (let round = 0; round <= ROUNDS; round++) {
    const { lost, stores } = await next({ cut: round % 2 === 1 });
    assert.deepEqual(lost, [], `round ${round}`);
    assert.ok(stores.files || round === 0, "nothing but this test deletes files");
    if (round > 0 && !stores.indexedDB) t.diagnostic(`round ${round}: Chromium wiped IndexedDB by itself`);
  }
});

test(`${FEW} wipes of IndexedDB by 7 stray bytes on its log, after a checkpoint and a cut`, async (t) => {
  const { dir, next } = await lives(t);
  await next();
  for (let round = 0; round < FEW; round++) {
    assert.deepEqual((await next({ cut: true })).lost, []);
    await tearIndexedDB(dir);
    // The first start survives the torn log and writes behind it; the second one finds a bad checksum, and Chromium an empty database.
    const first = await next();
    const second = await next();
    assert.deepEqual([...first.lost, ...second.lost], [], `round ${round}`);
    assert.ok(!first.stores.indexedDB || !second.stores.indexedDB, `round ${round}: it was wiped`);
  }
});

test(`${FEW} deletions of the private file system, after a checkpoint and a cut`, async (t) => {
  const { dir, next } = await lives(t);
  await next({ calm: true });
  for (let round = 0; round < FEW; round++) {
    assert.deepEqual((await next({ cut: true, calm: true })).lost, []);
    await deleteOpfs(dir);
    const { lost, stores } = await next({ calm: true });
    assert.deepEqual(lost, [], `round ${round}`);
    assert.equal(stores.files, false, `round ${round}: it was deleted`);
  }
});

for (const [worker, what] of [["/vault-early.js", "a vault that reports 500 ms before it writes"], ["/vault-forgetful.js", "file handles that drop unflushed bytes"]] as const) {
  test(`control: ${what} loses in each of ${FEW} kills`, async (t) => {
    const { next } = await lives(t, worker);
    await next();
    let before = 0;
    for (let round = 1; round <= FEW; round++) {
      const { lost } = await next();
      assert.ok(lost.length > before, `kill ${round} lost something`);
      before = lost.length;
    }
  });
}
