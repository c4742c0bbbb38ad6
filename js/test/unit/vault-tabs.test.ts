// Two tabs of one browser, as far as that can be had without one: two vaults with one store, and what they tell each other.

import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { test } from "node:test";
import type { Channel } from "../../src/vault/env.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { directoryOf, start, tabsOf, type Page } from "./vault-harness.ts";

/** A closed document that is on the relay, as the device remembers. */
const onRelay = async (page: Page): Promise<{ readonly doc: string; readonly link: string }> => {
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "base");
  await page.until("the relay has it", () => note.status.relay === 4 && note.status.unsent === 0);
  const { link } = await page.request({ op: "link", doc: note.doc, rights: "write" });
  await page.request({ op: "close", doc: note.doc });
  return { doc: note.doc, link };
};

test("a tab that missed what another one wrote finds it in the file that the other's checkpoint made of it", async (t) => {
  const path = await directoryOf();
  const env = tabsOf(nodeEnv(path));
  let isDeaf = true;
  const one = await start(t, path, [], env);
  const two = await start(t, path, [], {
    ...env,
    openChannel: (name) => {
      const channel = env.openChannel!(name);
      const heard: Channel = { onmessage: null, postMessage: (m) => channel.postMessage(m), close: () => channel.close() };
      channel.onmessage = (event) => { if (!isDeaf) heard.onmessage?.(event); };
      return heard;
    },
  });
  const mine = await one.edit({ op: "create", type: "note" });
  await mine.type(0, "one ");
  const theirs = await two.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.equal(theirs.value, "one ");
  for (let i = 0; i < 10; i++) await mine.type(4, "x".repeat(40_000)); // more than what makes a checkpoint due
  const copies = await env.openCopies("home", { onProblem: () => undefined, onCopies: () => undefined, now: () => env.now() });
  for (let i = 0; (await copies.load(mine.doc))!.snapshot === null; i++) {
    assert.ok(i < 1000, "no checkpoint");
    await mine.type(4, "x");
  }
  assert.equal(theirs.value, "one ");
  isDeaf = false;
  await mine.type(0, "> "); // that one shows the hole
  await two.until("it has all", () => theirs.value === mine.value);
  await mine.type(0, ">");
  await two.until("it goes on behind it", () => theirs.value === mine.value);
});

test("a tab that opens a document hears what the relay has of it, also where no store says so yet", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const env = tabsOf(nodeEnv(await directoryOf()));
  const [, two, three] = [await start(t, "", [relay.url], env), await start(t, "", [relay.url], env), await start(t, "", [relay.url], env)];
  const mine = await two.edit({ op: "create", type: "note" });
  await mine.type(0, "mine");
  await two.until("the tab that leads brings it", () => mine.status.relay === 4 && mine.status.unsent === 0);
  const theirs = await three.edit({ op: "open", doc: mine.doc, type: "note" }); // within the half second in which nothing is written down
  await three.until("nothing is unsent there either", () => theirs.value === "mine" && theirs.status.unsent === 0);
});

test("what a tab with another list of relays learnt is not taken for what the own relay has", { timeout: 120_000 }, async (t) => {
  const [a, b] = [await startRelay(), await startRelay()];
  t.after(() => Promise.all([a.end(), b.end()]));
  const env = tabsOf(nodeEnv(await directoryOf()));
  const [one, two] = [await start(t, "", [a.url], env), await start(t, "", [a.url], env)];
  const { doc, link } = await onRelay(one);
  const mine = await one.edit({ op: "open", doc, type: "note" });
  const theirs = await two.edit({ op: "open", doc, type: "note" });
  await two.until("it shows what the tab that leads is at", () => theirs.status.relayState === "live");
  await one.request({ op: "relays", relays: [b.url] });
  await mine.type(4, " more");
  await one.until("the other relay has it", () => mine.status.relay === 5 && mine.status.unsent === 0);
  await two.until("some relay has it, and nobody talks to the own one", () => theirs.value === "base more" && theirs.status.unsent === 0 && theirs.status.relayState === "offline");
  await one.stop();
  const device = await start(t, await directoryOf(), [a.url]);
  const joined = await device.edit({ op: "join", link, type: "note" });
  await device.until("the tab that leads now brings it", () => joined.value === "base more");
});

test("what a tab learnt of a relay while that had another disk is not taken for what it has", { timeout: 120_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const env = tabsOf(nodeEnv(await directoryOf()));
  const [one, two] = [await start(t, "", [relay.url], env), await start(t, "", [relay.url], env)];
  const { doc, link } = await onRelay(one);
  const mine = await one.edit({ op: "open", doc, type: "note" });
  const theirs = await two.edit({ op: "open", doc, type: "note" });
  await two.until("it is live", () => theirs.status.relayState === "live");
  await relay.stop();
  const disk = `${relay.dataDir}.first`;
  await rename(relay.dataDir, disk);
  await relay.start();
  await mine.type(4, " more");
  await one.reconnect();
  await one.until("the new disk has it", () => mine.status.relay === 5 && mine.status.unsent === 0);
  await two.until("which is known here", () => theirs.value === "base more" && theirs.status.unsent === 0);
  await relay.wipe();
  await rename(disk, relay.dataDir);
  await one.stop();
  await relay.start();
  await two.reconnect();
  const device = await start(t, await directoryOf(), [relay.url]);
  const joined = await device.edit({ op: "join", link, type: "note" });
  await device.until("the tab that leads now brings it to the first", () => joined.value === "base more");
});
