// The contract of a device store, in every store that each browser offers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, type Engine } from "../harness/browser.ts";
import { cases } from "../harness/contract.ts";
import { call, serveWorker } from "./stores.ts";

const offered: Readonly<Record<Engine, readonly string[]>> = { chromium: ["opfs", "indexeddb"], firefox: ["opfs", "indexeddb"], webkit: ["indexeddb"] };

for (const engine of ["chromium", "firefox", "webkit"] as const) {
  test(`${engine}`, async (t) => {
    const server = await serveWorker("contract.worker.ts");
    t.after(() => server.stop());
    const browser = await launch(engine);
    t.after(() => browser.kill());
    const page = await browser.newPage();
    await page.goto(`${server.url}/`);
    assert.deepEqual(await call(page, "offered"), offered[engine]);
    assert.equal((await call<string[]>(page, "names")).length, cases.length);
    for (const kind of offered[engine]) for (const [i, c] of cases.entries()) await t.test(`${kind}: ${c.name}`, () => call(page, "run", kind, i));
  });
}
