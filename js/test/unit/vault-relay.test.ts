// What may go wrong between a vault and its relay, against the real relay: lost disk, cut link, wrong key, garbage, read-only.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { fromBase64url, toBase64url } from "../../src/ids.ts";
import { sealer } from "../../src/seal/seal.ts";
import { startRelay, type RelayProcess } from "../e2e/relayprocess.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { openSocket } from "../harness/websocket.ts";
import { directoryOf, Refusal, start } from "./vault-harness.ts";

const relayOf = async (t: TestContext): Promise<RelayProcess> => {
  const relay = await startRelay();
  t.after(() => relay.end());
  return relay;
};

/** Letters that no compression makes few of. */
const noise = (length: number): string => {
  let x = 1;
  return Array.from({ length }, () => String.fromCharCode(97 + ((x = (x * 48_271) % 0x7fff_ffff) % 26))).join("");
};

test("edits made while the relay is away meet when it returns", async (t) => {
  const relay = await relayOf(t);
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "base ");
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "write" });
  const path = await directoryOf();
  const b = await start(t, path, [relay.url]);
  const theirs = await b.edit({ op: "join", link, type: "note" });
  await b.until("b may write", () => theirs.session !== "" && theirs.value === "base ");
  await relay.stop();
  await a.until("a notices", () => mine.status.relayState !== "live");
  await mine.type(5, "left ");
  await theirs.type(5, "right ");
  assert.equal(mine.status.unsent, 1);
  await b.request({ op: "stop" });
  const again = await start(t, path, [relay.url]);
  const reopened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.equal(reopened.value, "base right ");
  await relay.start();
  await a.until("a has both", () => mine.value.includes("right") && mine.status.unsent === 0);
  await again.until("b has both", () => reopened.value.includes("left") && reopened.status.unsent === 0);
  assert.equal(mine.digest, reopened.digest);
});

test("an empty relay in the place of a lost one is filled by the devices", async (t) => {
  const relay = await relayOf(t);
  const path = await directoryOf();
  const a = await start(t, path, [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "kept");
  await a.until("it is on the relay", () => mine.status.relay === 4);
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "read" });
  await relay.wipe();
  await relay.start();
  const fresh = await start(t, await directoryOf(), [relay.url]);
  const joined = await fresh.edit({ op: "join", link, type: "note" });
  await fresh.until("a device that was never here before has it", () => joined.value === "kept" && joined.status.content === "complete");
  assert.equal(joined.session, "", "a read link gives no writing session");
  assert.equal(joined.digest, mine.digest);
});

test("a long document reaches an empty relay as a snapshot and what it does not cover", { timeout: 180_000 }, async (t) => {
  const relay = await relayOf(t);
  const path = await directoryOf();
  const a = await start(t, path);
  const mine = await a.edit({ op: "create", type: "note" });
  let text = "";
  for (let i = 0; i < 40; i++) { // over the tail that makes a checkpoint due
    const line = `${i} ${"x".repeat(8000)}\n`;
    await mine.type(text.length, line);
    text += line;
  }
  await a.request({ op: "stop" });

  const again = await start(t, path, [relay.url]);
  const reopened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.equal(reopened.value, text);
  await again.until("the relay has all of it", () => reopened.status.unsent === 0 && reopened.status.relayState === "live");
  await again.until("a snapshot was sealed", () => reopened.sealed.some((e) => sealer.header(e).kind === 1));
  await reopened.type(text.length, "and on");
  await again.until("the edit after it too", () => reopened.status.relay === 6);
  const { link } = await again.request({ op: "link", doc: mine.doc, rights: "write" });

  const far = await directoryOf();
  const b = await start(t, far, [relay.url]);
  const theirs = await b.edit({ op: "join", link, type: "note" });
  await b.until("a fresh device has it", () => theirs.value === `${text}and on`, 30_000);
  assert.equal(theirs.digest, reopened.digest);
  await b.request({ op: "stop" });
  const b2 = await start(t, far, []);
  const offline = await b2.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.equal(offline.value, `${text}and on`);
});

test("megabytes typed while an empty relay is away go out with the snapshot that it needs first", { timeout: 180_000 }, async (t) => {
  const relay = await relayOf(t);
  await relay.stop();
  const path = await directoryOf();
  const a = await start(t, path);
  const mine = await a.edit({ op: "create", type: "note" });
  for (let i = 0; i < 4; i++) await mine.type(0, "x".repeat(100_000)); // a checkpoint: these reach a relay in a snapshot only
  await a.request({ op: "stop" });

  const again = await start(t, path, [relay.url]);
  const reopened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  for (let i = 0; i < 6; i++) await reopened.type(0, "y".repeat(900_000)); // more than is kept in memory for sending
  assert.ok(reopened.status.unsent >= 6);
  await relay.start();
  await again.reconnect();
  await again.until("the relay has all of it", () => reopened.status.unsent === 0);
  await again.until("a snapshot was needed", () => reopened.sealed.some((e) => sealer.header(e).kind === 1));
});

test("S20: what is typed elsewhere comes in more than one window, each for the credit of the one before", async (t) => {
  const relay = await relayOf(t);
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "read" });
  const path = await directoryOf();
  const b = await start(t, path, [relay.url], { ...nodeEnv(path), openWire: openSocket });
  const theirs = await b.edit({ op: "join", link, type: "note" });
  await b.until("b is there", () => theirs.status.content === "complete");
  for (let i = 0; i < 4; i++) await mine.type(0, noise(700_000));
  await b.until("b has all of it", () => theirs.value === mine.value);
});

test("S9: the next life reads the last envelope once more, but for a large one", async (t) => {
  const relay = await relayOf(t);
  for (const [length, again] of [[40_000, 0], [100, 1]] as const) {
    const path = await directoryOf();
    const before = await start(t, path, [relay.url], { ...nodeEnv(path), openWire: openSocket });
    const note = await before.edit({ op: "create", type: "note" });
    await note.type(0, noise(length));
    await before.until("it is on the relay", () => note.status.relay === length);
    await before.request({ op: "stop" });
    let read = 0;
    const after = await start(t, path, [relay.url], { ...nodeEnv(path), openWire: (address, on) => openSocket(address, { ...on, frame: (f) => {
      if (f.type === "batch") read += f.entries.length;
      on.frame(f);
    } }) });
    const same = await after.edit({ op: "open", doc: note.doc, type: "note" });
    await same.type(0, "x");
    await after.until("what was read came before the acknowledgement", () => same.status.unsent === 0);
    assert.equal(read, again, `of ${length} letters`);
    await after.request({ op: "stop" });
  }
});

test("links that were cut short or belong elsewhere are typed errors, and damage nothing", async (t) => {
  const relay = await relayOf(t);
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "mine");
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "write" });
  const code = (c: string) => (e: unknown): boolean => e instanceof Refusal && e.problem.code === c && e.problem.hint.length > 10;
  await assert.rejects(a.request({ op: "join", link: link.slice(0, 60), type: "note" }), code("bad-link"));
  await assert.rejects(a.request({ op: "open", doc: "a".repeat(32), type: "note" }), code("not-found"));

  // The right document with somebody else's key.
  const parsed = await sealer.parseLink(link);
  const secret = fromBase64url(toBase64url(parsed.secret))!;
  secret[0]! ^= 1;
  const wrong = await sealer.formatLink({ ...parsed, secret });
  const b = await start(t, await directoryOf(), [relay.url]);
  const theirs = await b.edit({ op: "join", link: wrong, type: "note" });
  await b.until("it says that the key is wrong", () => theirs.status.problem?.code === "wrong-key");
  assert.equal(theirs.status.content, "waiting");
  assert.equal(mine.value, "mine");
  assert.equal(mine.status.problem, null);
});

test("a link with more rights and the wrong key takes nothing from one that works", async (t) => {
  const relay = await relayOf(t);
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "mine");
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "read" });
  const parsed = await sealer.parseLink((await a.request({ op: "link", doc: mine.doc, rights: "write" })).link);
  const secret = fromBase64url(toBase64url(parsed.secret))!;
  secret[0]! ^= 1;
  const path = await directoryOf();
  const b = await start(t, path, [relay.url]);
  const theirs = await b.edit({ op: "join", link, type: "note" });
  await b.until("it is here", () => theirs.value === "mine");
  const wrong = await sealer.formatLink({ ...parsed, secret });
  await assert.rejects(b.request({ op: "join", link: wrong, type: "note" }), (e) => e instanceof Refusal && e.problem.code === "wrong-key");
  await b.request({ op: "stop" });

  const again = await start(t, path, [relay.url]);
  const reopened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.equal(reopened.value, "mine");
  await mine.type(4, "!");
  await again.until("it goes on", () => reopened.value === "mine!");
});

test("something else at the relay's address is a problem with a pause, not a loop", async (t) => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.end("<!doctype html><title>no relay</title>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const a = await start(t, await directoryOf(), [`http://127.0.0.1:${(server.address() as AddressInfo).port}`]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "safe here");
  await a.until("it is said", () => mine.status.problem?.code === "relay-invalid");
  assert.equal(mine.status.device, 9);
  assert.equal(mine.status.relayState, "offline");
  assert.ok(asked < 20, `asked ${asked} times`);
});

test("a full disk on the relay keeps everything here until it has room", async (t) => {
  const relay = await startRelay({ fileLimitKiB: 1024 });
  t.after(() => relay.end());
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  let length = 0;
  for (let i = 0; i < 30 && mine.status.problem === null; i++) {
    const line = "y".repeat(60_000);
    await mine.type(length, line);
    length += line.length;
    await a.until("sent or refused", () => mine.status.unsent === 0 || mine.status.problem !== null);
  }
  await a.until("it is said", () => mine.status.problem?.code === "relay-refused");
  assert.equal(mine.status.device, length);
  assert.ok(mine.status.unsent > 0);
});

test("the tunnel closes the connection, and edits wait on the device", async (t) => {
  const relay = await relayOf(t);
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await a.until("live", () => mine.status.relayState === "live");
  await a.request({ op: "pause" });
  await mine.type(0, "dark");
  assert.deepEqual([mine.status.relayState, mine.status.device, mine.status.relay, mine.status.unsent], ["offline", 4, 0, 1]);
  await a.request({ op: "resume" });
  await a.until("it went out", () => mine.status.relay === 4 && mine.status.unsent === 0);
});

test("a document closed with something unsent is sent all the same", async (t) => {
  const relay = await relayOf(t);
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "read" });
  await a.request({ op: "pause" });
  await mine.type(0, "left behind");
  await a.request({ op: "close", doc: mine.doc });
  await a.request({ op: "resume" });
  const b = await start(t, await directoryOf(), [relay.url]);
  const theirs = await b.edit({ op: "join", link, type: "note" });
  await b.until("it arrives", () => theirs.value === "left behind");
});
