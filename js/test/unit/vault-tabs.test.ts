// Two tabs of one browser, as far as that can be had without one: two vaults with one store, and what they tell each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Channel } from "../../src/vault/env.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { directoryOf, start, tabsOf } from "./vault-harness.ts";

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
