// Several tabs of one browser on one home: they see each other's edits without a relay, one of them talks to it for all, and
// another takes over when that one goes.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { FreeholdError } from "freehold";
import type { Engine, Page } from "../harness/browser.ts";
import type { StaticServer } from "../harness/server.ts";
import { device, serveApp, type Device } from "./devices.ts";
import { startRelay, type RelayProcess } from "./relayprocess.ts";

interface Setting {
  readonly relay: RelayProcess;
  readonly first: Device;
  /** Another tab of the same browser. */
  tab(relay: string | null): Promise<Page>;
  other(): Promise<Device>;
}

const setUp = async (t: TestContext, engine: Engine, withRelay: boolean): Promise<Setting> => {
  const app: StaticServer = await serveApp();
  t.after(() => app.stop());
  const relay = await startRelay();
  t.after(() => relay.end());
  const start = async (): Promise<Device> => {
    const d = await device(engine, app, withRelay ? relay.url : null);
    t.after(() => d.browser.kill());
    return d;
  };
  const first = await start();
  return {
    relay, first, other: start,
    async tab(url) {
      const page = await first.browser.newPage();
      await page.goto(`${app.url}/`);
      await page.waitFor("the test page", () => window.app !== undefined);
      await page.evaluate((relayUrl) => window.app.start(relayUrl), url);
      return page;
    },
  };
};

const shows = (page: Page, text: string): Promise<unknown> =>
  page.waitFor(`the text ${JSON.stringify(text)}`, (wanted) => window.app.body() === wanted, { args: [text], timeout: 15_000 });
const saved = (page: Page, level: "device" | "relay"): Promise<null> => page.evaluate(async (l) => { await window.app.saved(l); return null; }, level);

for (const engine of ["chromium", "firefox"] as const) {
  test(`two tabs in ${engine} on one document, with no relay`, { timeout: 60_000 }, async (t) => {
    const { first, tab } = await setUp(t, engine, false);
    const id = await first.page.evaluate(() => window.app.create());
    await first.page.evaluate(() => window.app.insert(0, "one"));
    const second = await tab(null);
    await second.evaluate((doc) => window.app.open(doc), id);
    await shows(second, "one"); // read from the journal that the other tab holds open
    await second.evaluate(() => window.app.insert(3, " two"));
    await shows(first.page, "one two");
    await first.page.evaluate(() => window.app.insert(7, " three"));
    await shows(second, "one two three");
    await Promise.all([saved(first.page, "device"), saved(second, "device")]);
    const third = await tab(null);
    await third.evaluate((doc) => window.app.open(doc), id);
    await shows(third, "one two three");
    const exports = await Promise.all([first.page, second, third].map((p) => p.evaluate(() => window.app.export())));
    assert.equal(new Set(exports).size, 1);
  });

  test(`a document that one tab in ${engine} forgets ends in the others first, and stays forgotten`, { timeout: 60_000 }, async (t) => {
    const { first, tab } = await setUp(t, engine, false);
    const id = await first.page.evaluate(() => window.app.create());
    await first.page.evaluate(() => window.app.insert(0, "gone soon"));
    const second = await tab(null);
    await second.evaluate((doc) => window.app.open(doc), id);
    await second.evaluate(() => window.app.insert(0, "both write: "));
    await Promise.all([saved(first.page, "device"), saved(second, "device")]);
    await first.page.evaluate(async () => { await window.app.forget(); return null; });
    await second.waitFor("the end in the other tab", () => window.app.status().problem?.code === "not-found");
    assert.equal((await second.evaluate(() => window.app.failToSave("device")))?.code, "closed");
    const third = await tab(null);
    assert.equal(await third.evaluate((doc) => window.app.open(doc).then(() => "opened", (e: FreeholdError) => e.code), id), "not-found");
    assert.deepEqual((await first.page.evaluate(() => window.app.problems())).map((p) => p.code), []);
  });

  test(`one tab in ${engine} talks to the relay for all, and another takes over`, { timeout: 60_000 }, async (t) => {
    const { first, tab, other, relay } = await setUp(t, engine, true);
    const shared = await first.page.evaluate(() => window.app.create());
    await first.page.evaluate(() => window.app.insert(0, "a"));
    await saved(first.page, "relay");
    const second = await tab(relay.url);
    await second.evaluate((doc) => window.app.open(doc), shared);
    await second.evaluate(() => window.app.insert(1, "b"));
    await saved(second, "relay"); // through the first tab
    const link = await second.evaluate(() => window.app.link("write"));

    const far = await other();
    await far.page.evaluate((to) => window.app.join(to), link);
    await shows(far.page, "ab");
    await far.page.evaluate(() => window.app.insert(2, "c"));
    await shows(second, "abc"); // the first tab had it from the relay

    const alone = await tab(relay.url);
    await alone.evaluate(() => window.app.create()); // open in this tab only
    await alone.evaluate(() => window.app.insert(0, "mine"));
    await saved(alone, "relay");

    await first.page.close();
    await second.evaluate(() => window.app.insert(3, "d"));
    await saved(second, "relay");
    await shows(far.page, "abcd");
  });
}
