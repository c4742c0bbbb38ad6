// The vault on a directory, with the real wasm, real keys and the real relay.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startRelay } from "../e2e/relayprocess.ts";
import { Core } from "../../src/core/core.ts";
import { loadModule } from "../../src/core/loadnode.ts";
import { StoreError } from "../../src/store/storeerror.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { directoryOf, type Refusal, start } from "./vault-harness.ts";

test("what was answered is there after a restart", async (t) => {
  const path = await directoryOf();
  const page = await start(t, path);
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "Where did my playlist go?");
  await page.request({ op: "head", doc: note.doc, head: { title: "x" }, changed: 7 });
  assert.equal(note.status.copies, 1);
  assert.equal(note.status.relayState, "none");
  await page.request({ op: "stop" });

  const again = await start(t, path);
  assert.deepEqual(again.heads, [{ id: note.doc, type: "note", head: { title: "x" }, changed: 7, rights: "owner" }]);
  const same = await again.edit({ op: "open", doc: note.doc, type: "note" });
  assert.equal(same.value, "Where did my playlist go?");
  assert.notEqual(same.session, note.session);
});

test("two homes meet through the relay", async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "one ");
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "write" });
  await a.until("a is on the relay", () => mine.status.relay === 4 && mine.status.unsent === 0);

  const b = await start(t, await directoryOf(), [relay.url]);
  const theirs = await b.edit({ op: "join", link, type: "note" });
  assert.equal(theirs.status.content, "waiting");
  assert.equal(theirs.session, "");
  await b.until("b has the first copy and may write", () => theirs.value === "one " && theirs.session !== "" && theirs.status.content === "complete");
  await theirs.type(4, "two");
  await a.until("a has b's edit", () => mine.value === "one two");
  await mine.type(7, "!");
  await b.until("b has a's answer", () => theirs.value === "one two!");
  await b.until("b knows that a saw its edit", () => theirs.status.peer === 3);
  assert.equal(mine.digest, theirs.digest);
  await a.until("the page was shown what the relay sees", () => mine.sealed.length === 3);
});

test("a relay's address that is none is a connection that never opens, and no crash", async (t) => {
  for (const relay of ["relay.example", "http://", "::"]) {
    const page = await start(t, await directoryOf(), [relay]);
    const note = await page.edit({ op: "create", type: "note" });
    await note.type(0, "here");
    await page.until("it is offline", () => note.status.relayState === "offline");
    assert.equal(note.status.device, 4);
    await page.stop();
  }
});

test("an address where there never was a relay is told once; being offline is not", async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  const page = await start(t, path, [relay.url]);
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "sent");
  await page.until("it is on the relay", () => note.status.relay === 4);
  await page.stop(); // what the relay said is written down with it
  await relay.stop();

  // The fourth attempt begins a second after the third failed.
  const env = nodeEnv(path);
  let tries = 0, triedOften = (): void => {};
  const often = new Promise<void>((resolve) => { triedOften = resolve; });
  const offline = await start(t, path, [relay.url], { ...env, openWire: (address, on) => {
    if (++tries === 4) triedOften();
    return env.openWire(address, on);
  } });
  await offline.edit({ op: "create", type: "note" });
  await often;
  assert.deepEqual(offline.problems, []);
  await offline.stop();

  const wrong = await start(t, await directoryOf(), [relay.url]);
  const other = await wrong.edit({ op: "create", type: "note" });
  await other.type(0, "waits");
  await wrong.until("it is told", () => other.status.problem !== null);
  assert.deepEqual([other.status.problem?.code, other.status.relayState, other.status.unsent], ["not-ready", "offline", 1]);
  assert.equal(other.status.problem?.message, `No relay answers at ${relay.url}.`);
  await relay.start();
  await wrong.reconnect();
  await wrong.until("it is on the relay", () => other.status.relay === 5);
  assert.equal(other.status.problem, null);
  assert.equal(wrong.problems.length, 1);
});

test("a machine that dies leaves no request unanswered, and another one takes its place", async (t) => {
  const path = await directoryOf();
  const cores: Core[] = [];
  const page = await start(t, path, [], { ...nodeEnv(path), loadCore: async () => {
    const core = await Core.start(await loadModule());
    cores.push(core);
    return core;
  } });
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "kept");
  cores[0]!.fail("a test says so");
  await assert.rejects(note.type(4, " lost"), /core-restarted/);
  await page.until("the page is told to open it again", () => page.ended.length === 1);
  assert.deepEqual(page.ended.map((e) => [e.doc, e.problem.code]), [[note.doc, "core-restarted"]]);
  const again = await page.edit({ op: "open", doc: note.doc, type: "note" });
  assert.equal(again.value, "kept");
  await again.type(4, "!");

  // What dies again and again is left alone, and still every request is answered.
  for (let i = 0; i < 3; i++) {
    await page.request({ op: "relays", relays: [] }); // answered by the new one
    cores.at(-1)!.fail("a test says so");
    await assert.rejects(page.request({ op: "open", doc: note.doc, type: "note" }), /core-restarted/);
  }
  await assert.rejects(page.request({ op: "open", doc: note.doc, type: "note" }), /core-restarted/);
  await page.stop();
});

test("an edit that comes while its document closes is refused, not forgotten", async (t) => {
  const page = await start(t, await directoryOf());
  const note = await page.edit({ op: "create", type: "note" });
  const edits = [note.type(0, "before")];
  const forgotten = page.request({ op: "forget", doc: note.doc });
  edits.push(note.type(6, " while"), note.type(12, " it goes"));
  const late = Promise.allSettled(edits);
  await forgotten;
  const last = await Promise.allSettled([note.type(20, ", after")]);
  assert.deepEqual([...(await late).slice(1), ...last].map((edit) => edit.status === "rejected" && (edit.reason as Refusal).problem.code), ["closed", "closed", "closed"]);
});

test("a browser that refuses locks is told of once, and this vault goes on alone", async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  const refuse = async (): Promise<never> => { throw new DOMException("The request was denied.", "SecurityError"); };
  const page = await start(t, path, [relay.url], { ...nodeEnv(path), locks: { request: refuse, query: refuse } });
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "out");
  await page.until("it leads", () => note.status.relay === 3);
  assert.deepEqual(page.problems.map((p) => p.code), ["blocked"]);
  await page.request({ op: "forget", doc: note.doc });
});

test("a disk that is full when a joined document meets its relay: it opens as soon as there is room", { timeout: 30_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "shared");
  await a.until("it is out", () => mine.status.relay === 6);
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "write" });

  const path = await directoryOf();
  const env = nodeEnv(path);
  let isFull = true;
  let refused = 0;
  const b = await start(t, path, [relay.url], { ...env, openCopies: async (name, o) => {
    const copies = await env.openCopies(name, o);
    const putSecret = copies.putSecret.bind(copies);
    copies.putSecret = async (secret, merge) => {
      if (!isFull || secret.genesis === null) return putSecret(secret, merge);
      refused++;
      throw new StoreError("quota", "the disk is full");
    };
    return copies;
  } });
  const theirs = await b.edit({ op: "join", link, type: "note" });
  await b.until("it says so", () => theirs.status.problem?.code === "quota");
  assert.ok(refused > 0);
  assert.equal(theirs.session, "");
  isFull = false;
  await b.until("it opens", () => theirs.value === "shared" && theirs.session !== "");
  await theirs.type(6, "!");
  await a.until("and writes", () => mine.value === "shared!");
});
