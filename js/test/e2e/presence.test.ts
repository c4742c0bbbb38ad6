// Who is here, in real browsers on the real relay: devices and tabs see each other, and know who has their edits.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Engine, Page } from "../harness/browser.ts";
import { device, serveApp, type Device } from "./devices.ts";
import { startRelay } from "./relayprocess.ts";

const setUp = async (t: TestContext): Promise<{ url: string; start: (engine: Engine, withRelay?: boolean) => Promise<Device>; tab: (of: Device, withRelay?: boolean) => Promise<Page> }> => {
  const app = await serveApp();
  t.after(() => app.stop());
  const relay = await startRelay();
  t.after(() => relay.end());
  return {
    url: relay.url,
    start: async (engine, withRelay = true) => {
      const d = await device(engine, app, withRelay ? relay.url : null);
      t.after(() => d.browser.kill());
      return d;
    },
    tab: async (of, withRelay = true) => {
      const page = await of.browser.newPage();
      await page.goto(`${app.url}/`);
      await page.waitFor("the test page", () => window.app !== undefined);
      await page.evaluate((to) => window.app.start(to), withRelay ? relay.url : null);
      return page;
    },
  };
};

const others = (page: Page, ...names: readonly string[]): Promise<unknown> =>
  page.waitFor(`the others ${JSON.stringify(names)}`, (wanted) => JSON.stringify(window.app.others()) === wanted, { args: [JSON.stringify(names)], timeout: 45_000 });

test("A sees B come, say a name and leave; A's edit is saved on B without a key press there", { timeout: 60_000 }, async (t) => {
  const { start } = await setUp(t);
  const a = (await start("chromium")).page;
  await a.evaluate(() => window.app.create());
  await a.evaluate(() => window.app.call("Ann"));
  const link = await a.evaluate(() => window.app.link("write"));
  const b = (await start("firefox")).page;
  await b.evaluate((l) => window.app.join(l), link);
  await others(b, "Ann"); // said before B came
  await others(a, "");
  await b.evaluate(() => window.app.call("Bob"));
  await others(a, "Bob");
  await a.evaluate(() => window.app.insert(0, "one"));
  await a.evaluate(async () => { await window.app.saved("peer"); });
  const { newest, peers, seen, problem } = await a.evaluate(() => window.app.status());
  assert.deepEqual({ newest, peers, seen, problem }, { newest: "peer", peers: 1, seen: 1, problem: null });
  await b.evaluate(() => window.app.close());
  await others(a);
  assert.equal((await a.evaluate(() => window.app.status())).peers, 0);
});

test("two tabs see each other without a relay", { timeout: 60_000 }, async (t) => {
  const { start, tab } = await setUp(t);
  const device = await start("chromium", false);
  const first = device.page;
  const id = await first.evaluate(() => window.app.create());
  await first.evaluate(() => window.app.call("Ann"));
  const second = await tab(device, false);
  await second.evaluate((doc) => window.app.open(doc), id);
  await second.evaluate(() => window.app.call("Ann elsewhere"));
  await others(first, "Ann elsewhere");
  await others(second, "Ann");
  assert.equal((await first.evaluate(() => window.app.status())).peers, 0, "no other device");
  await second.evaluate(() => window.app.close());
  await others(first);
});

test("a tab that does not hold the relay's socket is seen on another device, and sees it", { timeout: 60_000 }, async (t) => {
  const { start, tab } = await setUp(t);
  const device = await start("chromium");
  const first = device.page;
  const id = await first.evaluate(() => window.app.create());
  await first.evaluate(() => window.app.call("Ann"));
  const second = await tab(device);
  await second.evaluate((doc) => window.app.open(doc), id);
  await second.evaluate(() => window.app.call("Ann elsewhere"));
  const b = (await start("chromium")).page;
  await b.evaluate((l) => window.app.join(l), await first.evaluate(() => window.app.link("write")));
  await b.evaluate(() => window.app.call("Bob"));
  await others(b, "Ann", "Ann elsewhere");
  await others(second, "Ann", "Bob");
  await second.evaluate(() => window.app.insert(0, "one"));
  await second.evaluate(async () => { await window.app.saved("peer"); });
  await first.evaluate(() => window.app.close()); // its vault goes on with the relay for the other tab
  await others(second, "Bob");
  await others(b, "Ann elsewhere");
});

// By a goodbye where the browser lets a page speak while it goes, or half a minute later.
for (const engine of ["chromium", "firefox"] as const) {
  test(`a tab of ${engine} that is closed is gone for the others`, { timeout: 90_000 }, async (t) => {
    const { start } = await setUp(t);
    const a = (await start("chromium")).page;
    await a.evaluate(() => window.app.create());
    const b = (await start(engine)).page;
    await b.evaluate((l) => window.app.join(l), await a.evaluate(() => window.app.link("write")));
    await b.evaluate(() => window.app.call("Bob"));
    await others(a, "Bob");
    const before = performance.now();
    await b.close();
    await others(a);
    t.diagnostic(`after ${Math.round(performance.now() - before)} ms`);
  });
}
