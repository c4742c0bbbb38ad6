// Two relays at once, in a browser: either alone is enough, and one that comes back with an empty disk is filled again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch } from "../harness/browser.ts";
import { device, serveApp, type Device, type Relays } from "./devices.ts";
import { startRelay } from "./relayprocess.ts";

const shows = (d: Device, text: string): Promise<unknown> =>
  d.page.waitFor(`the text “${text}”`, (wanted) => window.app.body() === wanted && window.app.status().content === "complete", { args: [text], timeout: 30_000 });
const join = (d: Device, link: string): Promise<string> => d.page.evaluate((l) => window.app.join(l), link);
/** Writes at the beginning, and waits until a relay has it. */
const write = (d: Device, text: string): Promise<null> => d.page.evaluate(async (t) => {
  window.app.insert(0, t);
  await window.app.saved("relay");
  return null;
}, text);

test("S19: one relay dies and the other carries on; the first comes back empty, is filled, and carries on alone", { timeout: 120_000 }, async (t) => {
  const [browser, first, second] = await Promise.all([launch("chromium"), startRelay(), startRelay()]);
  t.after(() => Promise.all([browser.close(), first.end(), second.end()]));
  const start = async (relays: Relays): Promise<Device> => {
    const app = await serveApp();
    t.after(() => app.stop());
    return device("chromium", app, relays, { browser });
  };
  const a = await start([first.url, second.url]);
  await a.page.evaluate(() => window.app.create());
  await write(a, "both");
  const link = await a.page.evaluate(() => window.app.link("write"));
  const b = await start(second.url);
  await join(b, link);
  await shows(b, "both");

  await first.wipe();
  await write(a, "one of ");
  await shows(b, "one of both");
  await write(b, "any ");
  await shows(a, "any one of both");
  const { relay, unsent } = await a.page.evaluate(() => window.app.status());
  assert.deepEqual([relay, unsent], ["live", 0], "one relay is enough to be well");

  await first.start();
  await a.page.evaluate(() => { window.app.pause(); window.app.resume(); }); // not at the end of a pause that has grown
  const c = await start(first.url);
  await join(c, link);
  await shows(c, "any one of both");
  await second.stop();
  await write(c, "still ");
  await shows(a, "still any one of both");
  await write(a, "here: ");
  await shows(c, "here: still any one of both");
  await second.start();
  await a.page.evaluate(() => { window.app.pause(); window.app.resume(); });
  await b.page.evaluate(() => { window.app.pause(); window.app.resume(); });
  await shows(b, "here: still any one of both");
});
