// Machines that die of what a relay says, as one would that found a fault in them: the page goes on without that relay.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Core } from "../../src/core/core.ts";
import { FreeholdError } from "../../src/errors.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { openSocket } from "../harness/websocket.ts";
import type { RelayError } from "../../src/wire/wire.ts";
import type { WireEvents } from "../../src/wire/socket.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { directoryOf, Refusal, start, type Editor, type Page } from "./vault-harness.ts";

/** No decoder lets this through; the machine reads 32 bits. */
const deadly: RelayError = { type: "error", doc: null, req: null, code: "busy", message: "", hint: "", retryAfter: 2 ** 40, seq: null };

/** The page opens again what ended, as often as it ends: resolves when it is open and stays so over `edit`. */
const goOn = async (page: Page, doc: string, edit: (note: Editor) => Promise<void>): Promise<Editor> => {
  for (;;) {
    try {
      const note = await page.edit({ op: "open", doc, type: "note" });
      await edit(note);
      return note;
    } catch (e) {
      if (!(e instanceof Refusal) || (e.problem.code !== "core-restarted" && e.problem.code !== "closed")) throw e;
    }
  }
};

const isLeft = (relay: string): string => `The sync machine stopped again and again at the relay ${relay}. It is left alone.`;

test("a relay that ends each machine is left alone, and the page goes on editing", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  let said = 0;
  let isLying = false;
  const page = await start(t, path, [relay.url], { ...nodeEnv(path), openWire: (address, on) => openSocket(address, {
    ...on,
    opened: () => {
      on.opened();
      if (isLying && ++said > 0) on.frame(deadly);
    },
  }) });
  const { doc } = await page.edit({ op: "create", type: "note" });
  const isTold = (): boolean => page.problems.some((p) => p.message === isLeft(relay.url));
  isLying = true;
  await page.reconnect();
  while (!isTold()) await goOn(page, doc, async (note) => {
    const ended = page.ended.length;
    await page.until("it dies or is left", () => page.ended.length > ended || isTold() || note.status.relayState === "live");
  });
  assert.equal(said, 4);

  const note = await goOn(page, doc, (open) => open.type(0, "here "));
  await note.type(0, "still ");
  assert.equal(note.value, "still here ");
  await page.until("the status says so", () => note.status.problem?.message === isLeft(relay.url));
  assert.deepEqual([note.status.problem?.code, note.status.relayState], ["relay-invalid", "none"]);
  const other = await page.edit({ op: "create", type: "note" });
  await other.type(0, "too");
  assert.equal(said, 4);

  // Another relay takes its place at once, and it comes back only with the page.
  const good = await startRelay();
  t.after(() => good.end());
  isLying = false;
  await page.request({ op: "relays", relays: [good.url] });
  await page.until("it is there", () => note.status.relay > 0 && note.status.unsent === 0 && note.status.problem === null);
  await page.stop();
  const again = await start(t, path, [relay.url]);
  const reopened = await again.edit({ op: "open", doc, type: "note" });
  await again.until("it is with the first too", () => reopened.status.relayState === "live" && reopened.status.unsent === 0 && reopened.value === "still here ");
});

test("what another relay of the list ends is not what the page has open", { timeout: 60_000 }, async (t) => {
  const [good, bad] = [await startRelay(), await startRelay()];
  t.after(() => Promise.all([good.end(), bad.end()]));
  const path = await directoryOf();
  let said = 0;
  const page = await start(t, path, [good.url, bad.url], { ...nodeEnv(path), openWire: (address, on) => openSocket(address, {
    ...on,
    opened: () => {
      on.opened();
      if (address === bad.url && ++said > 0) on.frame(deadly);
    },
  }) });
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "kept");
  await page.until("it is left", () => note.status.problem?.message === isLeft(bad.url));
  await note.type(0, "all is ");
  await page.until("it is with the good one", () => note.status.relay === note.status.device && note.status.unsent === 0);
  assert.deepEqual([note.value, page.ended, said], ["all is kept", [], 4]);
});

test("a death an hour ago counts no more", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  let ahead = 0;
  let wire: WireEvents | null = null;
  const page = await start(t, path, [relay.url], { ...nodeEnv(path), now: () => performance.now() + ahead, openWire: (address, on) => {
    wire = on;
    return openSocket(address, on);
  } });
  let note = await page.edit({ op: "create", type: "note" });
  for (let i = 1; i <= 6; i++) {
    await page.reconnect();
    await page.until("it is live", () => note.status.relayState === "live");
    wire!.frame(deadly);
    await page.until("it ended", () => page.ended.length === i);
    note = await goOn(page, note.doc, (open) => open.type(0, "x"));
    ahead += 20 * 60_000 + 1;
  }
  await page.until("it is on the relay", () => note.status.relay > 0 && note.status.unsent === 0);
  assert.ok(!page.problems.some((p) => p.message === isLeft(relay.url)));
});

test("a core that could not be had is asked for again, at the start and after a death", { timeout: 60_000 }, async (t) => {
  const [first, second] = [await startRelay(), await startRelay()];
  t.after(() => Promise.all([first.end(), second.end()]));
  const path = await directoryOf();
  const env = nodeEnv(path);
  const cores: Core[] = [];
  let isRefused = true;
  const page = await start(t, path, [first.url, second.url], { ...env, loadCore: async () => {
    if (isRefused) {
      isRefused = false;
      throw new FreeholdError("core-restarted", "There is no memory for it.", "Close other pages.");
    }
    const core = await env.loadCore();
    cores.push(core);
    return core;
  } });
  const refusals = (): number => page.problems.filter((p) => p.message === "There is no memory for it.").length;
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "one");
  await page.until("it is on the first relay", () => note.status.relay === 3);
  const { link } = await page.request({ op: "link", doc: note.doc, rights: "read" });
  const reader = await start(t, await directoryOf(), [second.url]);
  const theirs = await reader.edit({ op: "join", link, type: "note" });
  await reader.until("it is on the second one too", () => theirs.value === "one");
  assert.deepEqual([refusals(), cores.length], [1, 2]);

  await page.request({ op: "pause" });
  isRefused = true;
  cores[0]!.fail("a test says so");
  await assert.rejects(note.type(3, " lost"), /core-restarted/);
  await page.until("it is told to open it again", () => page.ended.length === 1 && refusals() === 2);
  const again = await page.edit({ op: "open", doc: note.doc, type: "note" });
  await again.type(3, " two");
  assert.deepEqual([again.value, again.status.relayState], ["one two", "offline"], "it is paused as before");
  await page.request({ op: "resume" });
  await page.until("it is on the first relay again", () => again.status.relayState === "live" && again.status.unsent === 0);

  // The machine of the second relay has the next core; the list makes one where there is none.
  isRefused = true;
  cores[1]!.fail("a test says so");
  await again.type(7, " three");
  await page.until("that is told", () => refusals() === 3);
  await page.request({ op: "relays", relays: [first.url, second.url] });
  await reader.until("all is on the second relay", () => theirs.value === "one two three");
  await page.stop();
});

test("a home that is paused stays so when a machine dies", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  const env = nodeEnv(path);
  const cores: Core[] = [];
  let calls = 0;
  const page = await start(t, path, [relay.url], {
    ...env,
    openWire: (address, on) => {
      calls++;
      return openSocket(address, on);
    },
    loadCore: async () => {
      const core = await env.loadCore();
      cores.push(core);
      return core;
    },
  });
  const note = await page.edit({ op: "create", type: "note" });
  await page.until("it is live", () => note.status.relayState === "live");
  await page.request({ op: "pause" });
  cores[0]!.fail("a test says so");
  await assert.rejects(note.type(0, "lost"), /core-restarted/);
  const again = await page.edit({ op: "open", doc: note.doc, type: "note" });
  await again.type(0, "kept");
  assert.equal(calls, 1);
  await page.request({ op: "resume" });
  await page.until("it goes out", () => again.status.relay === 4);
});
