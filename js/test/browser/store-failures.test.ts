// Storage that fails the way browsers let it fail: full, deleted, upgraded by another tab, held by another tab.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { launch, type Browser, type Engine } from "../harness/browser.ts";
import { launchChromium } from "../harness/chromium.ts";
import { launchFirefox } from "../harness/firefox.ts";
import type { StaticServer } from "../harness/server.ts";
import { call, serveWorker } from "./stores.ts";

const start = async <B extends Browser>(t: TestContext, launching: Promise<B>): Promise<{ readonly server: StaticServer; readonly browser: B }> => {
  const [server, browser] = await Promise.all([serveWorker("failures.worker.ts"), launching]);
  t.after(() => server.stop());
  t.after(() => browser.kill());
  return { server, browser };
};

for (const engine of ["chromium", "firefox", "webkit"] as const satisfies readonly Engine[]) {
  const copies = engine === "webkit" ? 1 : 2;

  test(`${engine}: the bridge tells apart what needs different answers`, async (t) => {
    const { server, browser } = await start(t, launch(engine));
    const page = await browser.newPage();
    await page.goto(`${server.url}/`);
    assert.deepEqual(await call(page, "bridge"), {
      "an older tab that holds on": "blocked",
      "a newer tab is let through": "none",
      "after a newer tab has upgraded": "newer",
      "after a deletion, the first use": "wiped",
      "after a deletion, the second use": "none",
      "an opening that is never answered": "blocked",
      "after close": "failed",
    });
  });

  test(`${engine}: a database deleted under an open home is said, and filled again where there is another copy`, async (t) => {
    const { server, browser } = await start(t, launch(engine));
    const page = await browser.newPage();
    await page.goto(`${server.url}/`);
    assert.equal(await call(page, "open", "deleted", 0), copies);
    for (const seq of [0, 1]) assert.equal(await call(page, "append", seq, 100), copies);
    assert.equal(await call(page, "deleteDatabase", "deleted"), "deleted", "an open home does not hold on to it");
    // The only copy is gone: the append must not pretend. With a file copy it counts one.
    assert.equal(await call(page, "append", 2, 100), engine === "webkit" ? "evicted" : 1);
    assert.deepEqual(await call(page, "problems"), ["indexeddb evicted"]);
    if (engine === "webkit") {
      // Nothing to fill it from, and no key in it any more: it goes on refusing instead of keeping what nobody could open.
      assert.equal(await call(page, "appendWhenOpen", 3), "storage-lost");
      assert.equal(await call(page, "copies"), 0);
      return;
    }
    assert.deepEqual(await call(page, "found"), [0, 1, 2]);
    assert.equal(await call(page, "append", 3, 100), 2);
    assert.deepEqual(await call(page, "problems"), ["indexeddb storage-lost recovered"]);
  });

  test(`${engine}: two tabs write one document; neither drops what the other may still add to`, async (t) => {
    const { server, browser } = await start(t, launch(engine));
    const [one, two] = [await browser.newPage(), await browser.newPage()];
    for (const [life, page] of [one, two].entries()) {
      await page.goto(`${server.url}/`);
      assert.equal(await call(page, "open", "tabs", life), copies);
    }
    for (const seq of [0, 1]) for (const page of [one, two]) assert.equal(await call(page, "append", seq, 100), copies);
    assert.deepEqual(await call(one, "found"), [0, 0, 1, 1], "the live journal of another tab is read");
    assert.equal(await call(one, "checkpoints", 1, [[0, 1], [1, 1]]), copies);
    assert.deepEqual(await call(one, "found"), []);
    assert.equal(await call(two, "append", 2, 100), copies);
    assert.deepEqual(await call(one, "found"), [2], "written after the cut, to a journal that was open during it");
    await two.close();
    assert.deepEqual(await call(one, "found"), [2], "a closed tab leaves its journal");
    assert.equal(await call(one, "checkpoints", 3, [[0, 1], [1, 2]]), copies);
    assert.deepEqual(await call(one, "found"), []);
    assert.deepEqual(await call(one, "problems"), []);
  });
}

for (const engine of ["chromium", "firefox"] as const) {
  test(`${engine}: a folder is removed as soon as the tab that has a file of it open lets go`, async (t) => {
    const { server, browser } = await start(t, launch(engine));
    const page = await browser.newPage();
    await page.goto(`${server.url}/`);
    assert.deepEqual(await call(page, "removeHeld", 100), []);
  });
}

test("chromium: files that reach the quota are one copy less, and get what they missed when there is room again", async (t) => {
  const { server, browser } = await start(t, launchChromium());
  const page = await browser.newPage();
  await page.goto(`${server.url}/`);
  // Chromium 156 holds files to this limit, and IndexedDB not.
  const limit = (quotaSize?: number): Promise<unknown> => page.cdp.send("Storage.overrideQuotaForOrigin", { origin: server.url, ...(quotaSize === undefined ? {} : { quotaSize }) });
  assert.equal(await call(page, "open", "full", 0), 2);
  assert.equal(await call(page, "append", 0, 1000), 2);
  await limit(4_000_000);
  assert.equal(await call(page, "append", 1, 5_000_000), 1);
  assert.deepEqual(await call<string[]>(page, "problems"), ["opfs quota"]);
  await limit();
  assert.deepEqual(await call(page, "found"), [0, 1]);
  assert.equal(await call(page, "append", 2, 1000), 2);
  assert.deepEqual(await call(page, "problems"), []);
});

test("chromium: files that the browser clears under an open home are no copy, and are filled again", async (t) => {
  const { server, browser } = await start(t, launchChromium());
  const page = await browser.newPage();
  await page.goto(`${server.url}/`);
  assert.equal(await call(page, "open", "cleared", 0), 2);
  assert.equal(await call(page, "append", 0, 1000), 2);
  await page.cdp.send("Storage.clearDataForOrigin", { origin: server.url, storageTypes: "file_systems" });
  // A handle to a removed file takes bytes without a word; the store looks after its file once in a second of writing.
  assert.equal(await call(page, "appendUntil", 1, 5000), 1);
  assert.deepEqual(await call(page, "problems"), ["opfs evicted"]);
  const found = await call<number[]>(page, "found");
  assert.equal(await call(page, "append", found.length, 1000), 2);
  assert.deepEqual(await call(page, "problems"), ["opfs storage-lost recovered"]);
  assert.deepEqual(await call(page, "found"), Array.from({ length: found.length + 1 }, (_, seq) => seq));
});

test("firefox: a full disk is a typed failure of both stores, and what came before and after it is there", async (t) => {
  // Kilobytes for all sites together.
  const { server, browser } = await start(t, launchFirefox({ prefs: { "dom.quotaManager.temporaryStorage.fixedLimit": 12_288 } }));
  const page = await browser.newPage();
  await page.goto(`${server.url}/`);
  assert.equal(await call(page, "open", "full", 0), 2);
  assert.equal(await call(page, "append", 0, 1000), 2);
  assert.equal(await call(page, "append", 1, 30_000_000), "quota");
  assert.deepEqual((await call<string[]>(page, "problems")).sort(), ["indexeddb quota", "opfs quota"]);
  assert.deepEqual(await call(page, "found"), [0]);
  assert.equal(await call(page, "append", 2, 1000), 2);
  assert.deepEqual(await call(page, "found"), [0, 2]);
});
