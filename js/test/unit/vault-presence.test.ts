// Who is here, against the real relay: what sessions say of themselves, what they have, and a relay that shows them different things.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import type { OpenWire } from "../../src/wire/socket.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { openSocket } from "../harness/websocket.ts";
import { directoryOf, start, type Editor, type Page } from "./vault-harness.ts";

const ann = Uint8Array.of(0x81, 0xa1, 0x6e, 0xa3, 0x41, 0x6e, 0x6e);

interface Two { readonly a: Page; readonly mine: Editor; readonly b: Page; readonly theirs: Editor }

/** Two vaults with one document open; `wire` is the second one's way to the relay, and its clock runs `pace` times as fast. */
const two = async (t: TestContext, rights: "read" | "write" = "write", wire: (open: OpenWire) => OpenWire = (open) => open, pace = 1): Promise<Two> => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const first = await directoryOf();
  const a = await start(t, first, [relay.url], { ...nodeEnv(first), openWire: openSocket });
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "one");
  await a.until("it is on the relay", () => mine.status.relay === 3);
  const { link } = await a.request({ op: "link", doc: mine.doc, rights });
  const path = await directoryOf();
  const env = nodeEnv(path);
  const b = await start(t, path, [relay.url], { ...env, openWire: wire(openSocket), now: () => pace * env.now() });
  const theirs = await b.edit({ op: "join", link, type: "note" });
  await b.until("b has it", () => theirs.value === "one");
  return { a, mine, b, theirs };
};

test("S16: what one says the other hears, until it leaves; saved on another device without a key press there", async (t) => {
  const { a, mine, b, theirs } = await two(t);
  await a.until("a device has the edit", () => mine.status.peer === 3 && mine.status.peers === 1 && mine.status.seen === 1);
  await a.request({ op: "presence", doc: mine.doc, state: ann });
  await b.until("b hears it", () => Buffer.from(theirs.others.get(mine.session) ?? []).equals(Buffer.from(ann)));
  assert.deepEqual(Buffer.from(mine.others.get(theirs.session)!), Buffer.from([0x80]), "b says no more than that it is here");
  await mine.type(3, " two");
  await a.until("b has the next edit, and says so", () => mine.status.peer === 7);
  assert.equal(theirs.status.problem, null);
  await a.request({ op: "close", doc: mine.doc });
  await b.until("b hears that a left", () => theirs.others.size === 0 && theirs.status.peers === 0);
});

test("S15: who may only read sees the others and is not seen", async (t) => {
  const { a, mine, b, theirs } = await two(t, "read");
  await a.request({ op: "presence", doc: mine.doc, state: ann });
  await b.until("the reader hears it", () => theirs.others.has(mine.session));
  await b.request({ op: "presence", doc: mine.doc, state: ann });
  await mine.type(3, "!");
  await b.until("the reader has the edit", () => theirs.value === "one!");
  assert.equal(mine.others.size, 0);
  assert.deepEqual([mine.status.peers, mine.status.peer], [0, 0]);
});

/** A relay that keeps envelopes of a session from some number on to itself, while `isOn`, and passes on the rest. */
const withholding = (from: number, isOn: () => boolean): ((open: OpenWire) => OpenWire) => (open) => (relay, on) => open(relay, {
  ...on,
  frame: (frame: Parameters<typeof on.frame>[0]) => {
    if (frame.type !== "batch" || !isOn()) return on.frame(frame);
    on.frame({ ...frame, entries: frame.entries.filter((e) => sealer.header(e.envelope).seq < from) });
  },
});

test("S17: a relay that keeps the newest edits from one device is found out, and forgiven when it gives them", { timeout: 60_000 }, async (t) => {
  let isOn = true;
  const { mine, b, theirs } = await two(t, "write", withholding(1, () => isOn), 20);
  await mine.type(3, " two");
  // Timers run by the real clock, so something has to make the machine look at the fast one.
  const beat = setInterval(() => void b.request({ op: "presence", doc: theirs.doc, state: ann }), 20);
  t.after(() => clearInterval(beat));
  await b.until("b says that the relay holds something back", () => theirs.status.problem?.code === "relay-invalid" && theirs.status.content === "partial");
  assert.match(theirs.status.problem!.message, /holds back/);
  assert.equal(theirs.value, "one");
  clearInterval(beat);
  isOn = false;
  await b.reconnect();
  await b.until("b has it and takes it back", () => theirs.value === "one two" && theirs.status.problem === null && theirs.status.content === "complete");
});
