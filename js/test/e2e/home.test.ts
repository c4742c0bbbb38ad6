// One list on several devices, and a device that is lost: what comes back from the home's link alone.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Engine } from "../harness/browser.ts";
import { device, serveApp, type Device } from "./devices.ts";
import { startRelay, type RelayProcess } from "./relayprocess.ts";

const setUp = async (t: TestContext): Promise<{ relay: RelayProcess; start: (engine: Engine, profileDir?: string) => Promise<Device> }> => {
  const app = await serveApp();
  t.after(() => app.stop());
  const relay = await startRelay();
  t.after(() => relay.end());
  const start = async (engine: Engine, profileDir?: string): Promise<Device> => {
    const d = await device(engine, app, relay.url, profileDir === undefined ? {} : { profileDir });
    t.after(() => d.browser.kill());
    await d.page.evaluate(() => window.app.list());
    return d;
  };
  return { relay, start };
};

const write = (d: Device, title: string, body: string): Promise<string> => d.page.evaluate(async (to, b) => {
  const id = await window.app.create();
  window.app.title(to);
  window.app.insert(0, b);
  await window.app.saved("relay");
  return id;
}, title, body);
const lists = (d: Device, rows: readonly string[]): Promise<unknown> =>
  d.page.waitFor(`${d.browser.engine} lists ${rows.join(", ")}`, (wanted) => JSON.stringify(window.app.listed()) === wanted, { args: [JSON.stringify(rows)], timeout: 30_000 });
const addDevice = (d: Device): Promise<string> => d.page.evaluate(() => window.app.addDevice());
const restore = (d: Device, link: string): Promise<null> => d.page.evaluate(async (l) => { await window.app.restore(l); return null; }, link);

test("a device is wiped: another restores the home from its link alone, and has every document without the relay", { timeout: 120_000 }, async (t) => {
  const { relay, start } = await setUp(t);
  const profile = await mkdtemp(join(tmpdir(), "freehold-wiped-"));
  t.after(() => rm(profile, { recursive: true, force: true }));
  const a = await start("chromium", profile);
  await write(a, "garden", "roses are red");
  const tunnel = await write(a, "tunnel", "where did my playlist go?");
  const link = await addDevice(a);
  await write(a, "written after the link", "and there all the same");
  await lists(a, ["garden: roses are red", "tunnel: where did my playlist go?", "written after the link: and there all the same"]);
  // The list itself must be on the relay before its only device is lost. Another look at it finds out.
  const witness = await start("chromium");
  await restore(witness, link);
  await lists(witness, ["garden: roses are red", "tunnel: where did my playlist go?", "written after the link: and there all the same"]);
  await witness.browser.close();
  await a.browser.kill();
  await rm(profile, { recursive: true });

  const b = await start("chromium", profile);
  await lists(b, []);
  await restore(b, link);
  await lists(b, ["garden: roses are red", "tunnel: where did my playlist go?", "written after the link: and there all the same"]);
  await relay.stop();
  await b.load(null);
  await b.page.evaluate(async (id) => {
    window.app.list();
    await window.app.open(id);
    window.app.insert(0, "Found again: ");
    await window.app.saved("device");
  }, tunnel);
  assert.equal(await b.page.evaluate(() => window.app.body()), "Found again: where did my playlist go?");
});

test("two engines with one list: new documents appear at the other, forgotten ones stay there, deleted ones go", { timeout: 120_000 }, async (t) => {
  const { start } = await setUp(t);
  const a = await start("chromium");
  const b = await start("firefox");
  const first = await write(a, "first", "of a");
  await write(b, "second", "of b, from before");
  await restore(b, await addDevice(a));
  for (const d of [a, b]) await lists(d, ["first: of a", "second: of b, from before"]);
  await write(b, "third", "of b");
  await lists(a, ["first: of a", "second: of b, from before", "third: of b"]);
  await b.page.evaluate(() => window.app.forget());
  await lists(b, ["first: of a", "second: of b, from before"]);
  await a.page.evaluate((id) => window.app.delete(id), first);
  await lists(a, ["second: of b, from before", "third: of b"]);
  await lists(b, ["second: of b, from before"]);
});

test("a document goes on under other keys: who has it open is told at once, and a new link is needed to follow", { timeout: 120_000 }, async (t) => {
  const { start } = await setUp(t);
  const [a, b] = [await start("chromium"), await start("firefox")];
  const id = await write(a, "plans", "for everybody");
  const link = (): Promise<string> => a.page.evaluate(() => window.app.link("read"));
  await b.page.evaluate((l) => window.app.join(l), await link());
  await b.page.waitFor("the text", () => window.app.body() === "for everybody");
  const next = await a.page.evaluate(() => window.app.relink());
  assert.notEqual(next, id);
  await b.page.waitFor("the owner's word", (wanted) => window.app.status().successor === wanted && window.app.status().problem?.code === "moved", { args: [next] });
  await a.page.evaluate(async () => { window.app.insert(0, "no longer "); await window.app.saved("relay"); });
  await b.page.evaluate((l) => window.app.join(l), await link());
  await b.page.waitFor("the new one", () => window.app.body() === "no longer for everybody");
});
