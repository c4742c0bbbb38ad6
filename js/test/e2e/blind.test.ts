// The relay is blind: a canary typed into a note and its title, or said as a name, is in no byte of its store, its log or the frames.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { device, entry, serveApp } from "./devices.ts";
import { startRelay } from "./relayprocess.ts";
import { tap } from "./wiretap.ts";

const canaries = ["canary-in-the-title-7f3a", "canary-in-the-body-91c2", "canary-in-an-item-44de"] as const;
/** Said and never stored, even where nothing is sealed. */
const name = "canary-of-a-name-c05b";

/** Types the canaries on one device and reads them on another; gives what could be heard. */
const listen = async (t: TestContext, workerUrl?: string): Promise<Readonly<Record<"store" | "log" | "frames", Buffer>>> => {
  const app = await serveApp(workerUrl === undefined ? {} : { [workerUrl]: await entry("./vault-unsealed.ts") });
  t.after(() => app.stop());
  const relay = await startRelay();
  t.after(() => relay.end());
  const wire = await tap(relay.port);
  t.after(() => wire.end());
  const o = workerUrl === undefined ? {} : { workerUrl: app.url + workerUrl };
  const a = await device("chromium", app, wire.url, o);
  t.after(() => a.browser.kill());
  const link = await a.page.evaluate(async ([title, body, item]) => {
    const { app: page } = window;
    await page.create();
    page.title(title!);
    page.insert(0, body!);
    page.add(item!);
    await page.saved("relay");
    return page.link("read");
  }, canaries);
  const b = await device("chromium", app, wire.url, o);
  t.after(() => b.browser.kill());
  await b.page.evaluate(async (l) => { await window.app.join(l); }, link);
  await b.page.waitFor("the canary at the reader", (text) => window.app.body() === text, { args: [canaries[1]] });
  await a.page.evaluate((who) => window.app.call(who), name);
  await b.page.waitFor("the name at the reader", (who) => window.app.others().includes(who), { args: [name] });
  const frames = wire.heard();
  await relay.stop(); // so that everything is in its files
  return { store: await relay.disk(), log: Buffer.from(relay.log()), frames };
};

/** Where a text could hide: as UTF-8 and as UTF-16. */
const finds = (hay: Buffer): string[] =>
  [...canaries, name].filter((c) => hay.includes(Buffer.from(c)) || hay.includes(Buffer.from(c, "utf16le")) || hay.includes(Buffer.from(c).toString("base64").slice(0, 20)));

test("no canary in the relay's store, log or frames", { timeout: 60_000 }, async (t) => {
  const heard = await listen(t);
  for (const [where, bytes] of Object.entries(heard)) assert.deepEqual(finds(bytes), [], `found in the ${where}`);
  assert.ok(heard.frames.length > 1_000 && heard.store.length > 500, "there was something to search");
});

test("control: with sealing switched off the same search finds them", { timeout: 60_000 }, async (t) => {
  const heard = await listen(t, "/vault-unsealed.js");
  assert.deepEqual(finds(heard.frames), [...canaries, name]);
  assert.deepEqual(finds(heard.store), [...canaries]);
});
