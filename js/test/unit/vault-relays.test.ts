// Two real relays at once: each has everything, and either alone is enough.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { openSocket } from "../harness/websocket.ts";
import { directoryOf, start, tabsOf } from "./vault-harness.ts";

/** What somebody says of himself. */
const ann = Uint8Array.of(0x81, 0xa1, 0x6e, 0xa3, 0x41, 0x6e, 0x6e);

test("S19: a document reaches every relay, and goes on when one of them dies", { timeout: 120_000 }, async (t) => {
  const [one, two] = [await startRelay(), await startRelay()];
  t.after(() => Promise.all([one.end(), two.end()]));
  const path = await directoryOf();
  const page = await start(t, path, [one.url, two.url]);
  const mine = await page.edit({ op: "create", type: "note" });
  await mine.type(0, "both ");
  const { link } = await page.request({ op: "link", doc: mine.doc, rights: "write" });
  const other = await start(t, await directoryOf(), [two.url]);
  const theirs = await other.edit({ op: "join", link, type: "note" });
  await other.until("who knows only the second has it", () => theirs.value === "both " && theirs.status.content === "complete");
  await page.until("the first has it as well", () => mine.status.relay === 5 && mine.status.unsent === 0);

  await one.stop();
  await mine.type(5, "alive ");
  await page.until("one relay is enough", () => mine.status.relay === 11 && mine.status.unsent === 0 && mine.status.relayState === "live");
  await other.until("it comes by the second", () => theirs.value === "both alive ");
  await theirs.type(11, "too");
  await page.until("and so do answers", () => mine.value === "both alive too");

  await one.start();
  await page.reconnect();
  const third = await start(t, await directoryOf(), [one.url]);
  const late = await third.edit({ op: "join", link, type: "note" });
  await third.until("the first is brought what it missed, also by others", () => late.value === "both alive too" && late.status.content === "complete");
  assert.equal(late.digest, mine.digest);
  await late.type(0, "> ");
  await other.until("devices on either relay meet on the one that has both", () => theirs.value === "> both alive too");

  // A closed document, and a list of relays that changes.
  await page.request({ op: "close", doc: mine.doc });
  await page.request({ op: "relays", relays: [two.url] });
  await theirs.type(0, "> ");
  const again = await page.edit({ op: "open", doc: mine.doc, type: "note" });
  await page.until("it is on the second alone now", () => again.value === "> > both alive too" && again.status.relayState === "live");
  await one.stop();
  await page.request({ op: "forget", doc: mine.doc });
  assert.deepEqual(page.problems, []);
});

test("a home without a relay connects to none that a link names: it says where the document is, and what would connect there", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "hello");
  const link = async (): Promise<string> => (await a.request({ op: "link", doc: mine.doc, rights: "write" })).link;
  const path = await directoryOf();
  const dialled: string[] = [];
  const env = nodeEnv(path);
  const b = await start(t, path, [], { ...env, openWire: (address, on) => (dialled.push(address), env.openWire(address, on)) });
  const theirs = await b.edit({ op: "join", link: await link(), type: "note" });
  const { code, message, hint } = theirs.status.problem!;
  assert.equal(code, "not-ready");
  assert.match(message, new RegExp(`on ${new URL(relay.url).host}\\.$`));
  assert.deepEqual(dialled, []);
  const relays = JSON.parse(/set\((\[.*\])\)/.exec(hint)![1]!) as string[];
  await b.request({ op: "relays", relays });
  await b.until("it comes from there", () => theirs.value === "hello" && theirs.status.problem === null);
  assert.deepEqual(dialled, [relay.url]);

  // What a link says is somebody's word, and may be anything.
  const named = async (host: string): Promise<{ readonly message: string; readonly hint: string }> => {
    const c = await start(t, await directoryOf());
    return (await c.edit({ op: "join", link: (await link()).replace(/\.127\..*$/, host), type: "note" })).status.problem!;
  };
  assert.match((await named(".relay.example:8443")).hint, /\["https:\/\/relay\.example:8443"\]/);
  for (const none of ["", ".a:b:c"]) {
    const said = await named(none);
    assert.match(said.message, /has no relay\.$/);
    assert.match(said.hint, /^Give freehold\(\) a relay/);
  }
});

test("S8: with the first relay gone, what the second was asked for in vain holds nothing back, also from a tab that comes later", { timeout: 60_000 }, async (t) => {
  const [gone, relay] = [await startRelay(), await startRelay()];
  t.after(() => Promise.all([gone.end(), relay.end()]));
  await gone.stop();
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "one");
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "write" });
  const c = await start(t, await directoryOf(), [relay.url]);
  const held = await c.edit({ op: "join", link, type: "note" });
  await c.until("c has it", () => held.value === "one");
  await held.type(3, " two");
  await a.until("a has what c wrote", () => mine.value === "one two");
  await mine.type(0, "> ");

  // b gets nothing of c, and its clock runs faster.
  const path = await directoryOf();
  const env = nodeEnv(path);
  const tab = tabsOf({
    ...env,
    now: () => 20 * env.now(),
    openWire: (address, on) => openSocket(address, {
      ...on,
      frame: (frame: Parameters<typeof on.frame>[0]) => on.frame(frame.type === "batch" ? { ...frame, entries: frame.entries.filter((e) => sealer.header(e.envelope).session !== held.session) } : frame),
    }),
  });
  const b = await start(t, path, [gone.url, relay.url], tab);
  // Timers run by the real clock, so something has to make b's hubs look at the fast one.
  const beat = setInterval(() => void b.request({ op: "presence", doc: mine.doc, state: ann }), 20);
  t.after(() => clearInterval(beat));
  const theirs = await b.edit({ op: "join", link, type: "note" });
  await b.until("the core gets what a wrote behind it", () => theirs.given === 2);
  assert.deepEqual([theirs.status.content, theirs.status.problem?.code], ["partial", "relay-invalid"]);
  const second = await start(t, path, [gone.url, relay.url], tab);
  const late = await second.edit({ op: "open", doc: mine.doc, type: "note" });
  await second.until("another tab, which asks nobody, hears of it", () => late.given === 2);
  assert.equal(late.status.content, "partial");
});
