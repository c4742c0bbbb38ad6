// Two devices and a relay, all of them real: the trace, the tunnel, the lost relay.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Engine } from "../harness/browser.ts";
import type { StaticServer } from "../harness/server.ts";
import { device, serveApp, type Device } from "./devices.ts";
import { startRelay, type RelayProcess } from "./relayprocess.ts";

const trace = JSON.parse(gunzipSync(readFileSync(new URL("../../../bench/traces/automerge-paper.json.gz", import.meta.url))).toString()) as { endContent: string };

const setUp = async (t: TestContext): Promise<{ app: StaticServer; relay: RelayProcess; start: (engine: Engine) => Promise<Device> }> => {
  const app = await serveApp();
  t.after(() => app.stop());
  const relay = await startRelay();
  t.after(() => relay.end());
  const start = async (engine: Engine): Promise<Device> => {
    const d = await device(engine, app, relay.url);
    t.after(() => d.browser.kill());
    return d;
  };
  return { app, relay, start };
};

const create = (d: Device): Promise<string> => d.page.evaluate(() => window.app.create());
const link = (d: Device, rights: "read" | "write" = "write"): Promise<string> => d.page.evaluate((r) => window.app.link(r), rights);
const join = (d: Device, to: string): Promise<string> => d.page.evaluate((l) => window.app.join(l), to);
const saved = (d: Device, level: "device" | "relay"): Promise<null> => d.page.evaluate(async (l) => { await window.app.saved(l); return null; }, level);
const exported = (d: Device): Promise<string> => d.page.evaluate(() => window.app.export());
const sameEverywhere = async (what: string, devices: readonly Device[]): Promise<string> => {
  const wanted = await exported(devices[0]!);
  for (const d of devices.slice(1)) {
    await d.page.waitFor(`${what}: ${d.browser.engine} exports what the first device exports`, async (w) => (await window.app.export()) === w, { args: [wanted], timeout: 20_000 });
  }
  assert.equal(await exported(devices[0]!), wanted, `${what}: the first device changed while the others were compared`);
  return wanted;
};

for (const reader of ["chromium", "firefox"] as const) {
  test(`the whole automerge-paper trace, typed in Chromium, reloaded, and read in another ${reader}`, { timeout: 120_000 }, async (t) => {
    const { start } = await setUp(t);
    const a = await start("chromium");
    const id = await create(a);
    const to = await link(a, "read");
    const b = await start(reader); // there from the start: it follows while the other types
    await join(b, to);
    assert.equal(await a.page.evaluate(() => window.app.replay("/automerge-paper.json.gz")), 259_778);
    await saved(a, "relay");
    assert.equal(await a.page.evaluate(() => window.app.body()), trace.endContent);
    await b.page.waitFor("the end text", (n) => window.app.body().length === n, { args: [trace.endContent.length], timeout: 30_000 });
    assert.equal(await b.page.evaluate(() => window.app.body()), trace.endContent);
    await a.load(null); // from the device alone
    await a.page.evaluate((doc) => window.app.open(doc), id);
    assert.equal(await a.page.evaluate(() => window.app.body()), trace.endContent);
  });
}

const pairs: ReadonlyArray<readonly [Engine, Engine, Engine]> = [["chromium", "firefox", "chromium"], ["firefox", "webkit", "chromium"]];
for (const [first, second, third] of pairs) {
  test(`the tunnel: ${first} and ${second} edit alone, meet again, and a fresh ${third} sees the same`, { timeout: 120_000 }, async (t) => {
    const { relay, start } = await setUp(t);
    const a = await start(first);
    const id = await create(a);
    const items = await a.page.evaluate(() => {
      const { app } = window;
      app.title("Tunnel");
      app.insert(0, "Where did my playlist go?");
      return [app.add("tickets"), app.add("sandwiches"), app.add("headphones")];
    });
    await saved(a, "relay");
    const to = await link(a);
    const b = await start(second);
    await join(b, to);
    await b.page.waitFor("the note", () => window.app.body() === "Where did my playlist go?" && window.app.todos().length === 3, { timeout: 20_000 });

    await relay.stop();
    const [tickets, sandwiches, headphones] = items as [string, string, string];
    await a.page.evaluate((x, y, z) => {
      const { app } = window;
      app.insert(5, " on earth");           // a different place
      app.insert(0, "A: ");                 // the same place
      app.title("Tunnel, seen by A");       // the same value
      app.move(z, 0);
      app.move(x, 2);
      app.remove(y);                        // while B ticks it
      app.tag("a");
      app.score("both", 1);
      app.vote(2);
    }, tickets, sandwiches, headphones);
    await b.page.evaluate((x, y, z) => {
      const { app } = window;
      app.erase(9, 3);
      app.insert(0, "B: ");
      app.title("Tunnel, seen by B");
      app.move(z, 1);
      app.tick(y);
      app.add("umbrella 🌂");
      app.tag("b");
      app.score("both", 2);
      app.score("b", 3);
      app.vote(3);
      void x;
    }, tickets, sandwiches, headphones);
    await Promise.all([saved(a, "device"), saved(b, "device")]);

    const before = await exported(a);
    await a.load(relay.url);
    await a.page.evaluate((doc) => window.app.open(doc), id);
    assert.equal(await exported(a), before, "everything is there after a reload without a relay");
    await a.page.evaluate(() => window.app.insert(0, "again, "));
    await saved(a, "device");

    await relay.start();
    await Promise.all([saved(a, "relay"), saved(b, "relay")]);
    await a.page.waitFor("B's words at A", () => window.app.body().includes("B: "), { timeout: 30_000 });
    const c = await start(third);
    await join(c, to);
    const all = JSON.parse(await sameEverywhere("after the tunnel", [a, b, c])) as { body: string; todos: Array<{ text: string; done: boolean }>; tags: string[]; votes: number };
    for (const words of ["A: ", "B: ", "again, ", " on earth"]) assert.ok(all.body.includes(words), `“${words}” in “${all.body}”`);
    assert.deepEqual(all.todos.map((todo) => todo.text).sort(), ["headphones", "sandwiches", "tickets", "umbrella 🌂"], "no item twice, none lost: a tick brought the deleted one back");
    assert.deepEqual([...all.tags].sort(), ["a", "b"]);
    assert.equal(all.votes, 5);
  });
}

test("the relay's disk is lost: the devices fill the empty one, and a fresh browser gets everything from it", { timeout: 120_000 }, async (t) => {
  const { relay, start } = await setUp(t);
  const a = await start("chromium");
  await create(a);
  const to = await link(a);
  await a.page.evaluate(() => window.app.replay("/automerge-paper.json.gz", 40_000)); // enough for a checkpoint
  await saved(a, "relay");
  const b = await start("firefox");
  await join(b, to);
  await sameEverywhere("before the loss", [a, b]);

  await relay.wipe();
  await a.page.evaluate(() => window.app.insert(0, "still yours: "));
  await b.page.evaluate(() => window.app.add("written while there was no relay"));
  await Promise.all([saved(a, "device"), saved(b, "device")]);
  await relay.start();
  await Promise.all([saved(a, "relay"), saved(b, "relay")]);
  await a.page.waitFor("B's item at A", () => window.app.todos().length === 1, { timeout: 30_000 });
  await sameEverywhere("after the loss", [a, b]);
  await Promise.all([a.browser.close(), b.browser.close()]); // nobody is left to ask but the relay

  const c = await start("chromium");
  await join(c, to);
  await c.page.waitFor("everything from the new relay", () => window.app.body().startsWith("still yours: ") && window.app.todos().length === 1, { timeout: 30_000 });
});
