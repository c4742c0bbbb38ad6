// Snapshots that somebody with a write link shares, against the real relay: a good one is vouched for, a bad one erases nothing.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Core } from "../../src/core/core.ts";
import { loadModule } from "../../src/core/loadnode.ts";
import { fromBase64url, toBase64url } from "../../src/ids.ts";
import { sealer } from "../../src/seal/seal.ts";
import { Kind, MAX_HEADS, Verdict } from "../../src/seal/sealer.ts";
import { encodeFrame, MEDIA_TYPE } from "../../src/wire/wire.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { directoryOf, start, type Editor } from "./vault-harness.ts";

/** A device with a document of two edits on a relay, and somebody else's hand on it. */
const shared = async (t: TestContext) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  const page = await start(t, path, [relay.url]);
  const mine = await page.edit({ op: "create", type: "note" });
  await mine.type(0, "base ");
  await mine.type(5, "more");
  await page.until("the relay has it", () => mine.status.relay === 9 && mine.sealed.length === 2);
  const { link } = await page.request({ op: "link", doc: mine.doc, rights: "write" });
  const parsed = await sealer.parseLink(link);
  const genesis = new Uint8Array(await (await fetch(`${relay.url}/v1/docs/${mine.doc}/genesis`)).arrayBuffer());
  const keys = await sealer.keys(parsed.doc, parsed.rights, parsed.secret, genesis);
  /** Says that it covers all of the device's envelopes and so many more, and has the first `count` of them, changed. */
  const snapshot = async (count: number, change = (update: Uint8Array): Uint8Array => update, more = 0): Promise<Uint8Array> => {
    const core = await Core.start(await loadModule());
    const handle = core.create();
    for (const e of mine.sealed.slice(0, count)) {
      const { update } = sealer.decodeUpdate(await keys.open(e));
      core.apply(handle, fromBase64url(sealer.header(e).session)!, change(update));
    }
    const last = mine.sealed.at(-1)!;
    const { session, seq } = sealer.header(last);
    const covers = [{ session, seq: seq + more, hash: (await sealer.sha256(last)).subarray(0, 16) }];
    return put(sealer.encodeSnapshot({ parent: new Uint8Array(32), covers, digest: core.digest(handle), file: core.save(handle) }));
  };
  /** Shares what is called the content of a snapshot, in an envelope that any device verifies. */
  const put = async (plain: Uint8Array): Promise<Uint8Array> => sealer.sha256((await append(Kind.snapshot, plain)).bytes);
  /** Gives the relay the first envelope of a session, which is given with the relay's store. */
  const append = async (kind: typeof Kind.snapshot | typeof Kind.update, plain: Uint8Array, covers: { readonly store: string; readonly upTo: number } | null = null) => {
    const writer = await keys.newSession();
    const { bytes, hash } = await keys.seal(writer, kind, 0, await sealer.sha256(writer.cert), plain);
    const body = encodeFrame({ type: "append", doc: mine.doc, req: 1, cert: writer.cert, envelopes: [bytes], covers });
    const answer = await fetch(`${relay.url}/v1/docs/${mine.doc}`, { method: "POST", headers: { "Content-Type": MEDIA_TYPE }, body });
    assert.equal(answer.status, 200);
    return { session: writer.session, bytes, hash, store: answer.headers.get("Freehold-Store")! };
  };
  return { relay, path, page, mine, link, keys, snapshot, put, append };
};

const attestsOf = (e: Editor) => e.sealed.filter((b) => sealer.header(b).kind === Kind.attest).map((b) => sealer.clear(b).about!);

test("S13: who has all that a snapshot covers attests that it is sound, once", async (t) => {
  const { page, mine, snapshot } = await shared(t);
  const hash = await snapshot(2);
  await page.until("it is said", () => attestsOf(mine).length === 1 && mine.status.unsent === 0);
  assert.deepEqual(attestsOf(mine), [{ snapshot: hash, verdict: Verdict.sound }]);
  await mine.type(9, "!");
  await page.until("the next edit goes on behind it", () => mine.status.relay === 10);
  assert.equal(mine.status.problem, null);
  assert.equal(attestsOf(mine).length, 1);
});

test("S13: a snapshot that lacks what it covers is objected to, and a device that knew no better gets all of it", async (t) => {
  const { relay, page, mine, link, snapshot } = await shared(t);
  const hash = await snapshot(1);
  await page.until("an objection and a snapshot of its own are on the relay", () => attestsOf(mine).length === 1 && mine.sealed.some((e) => sealer.header(e).kind === Kind.snapshot) && mine.status.unsent === 0);
  assert.deepEqual(attestsOf(mine), [{ snapshot: hash, verdict: Verdict.objection }]);
  assert.match(mine.status.problem?.message ?? "", /snapshot/);
  assert.equal(mine.value, "base more");
  const other = await start(t, await directoryOf(), [relay.url]);
  const joined = await other.edit({ op: "join", link, type: "note" });
  await other.until("a new device has all of it", () => joined.value === "base more" && joined.status.content === "complete");
  assert.equal(joined.digest, mine.digest);
});

test("S13: a snapshot that puts words in somebody's mouth is objected to, and nothing of it is taken", async (t) => {
  const { page, mine, snapshot } = await shared(t);
  const hash = await snapshot(2, (update) => update.map((b) => (b === "b".charCodeAt(0) ? "f".charCodeAt(0) : b)));
  await page.until("it is said", () => attestsOf(mine).length === 1 && mine.status.unsent === 0);
  assert.deepEqual(attestsOf(mine), [{ snapshot: hash, verdict: Verdict.objection }]);
  assert.match(mine.status.problem?.message ?? "", /lacks something/);
});

test("S13: a snapshot of nothing that says it has the log is called sound in no later life either", async (t) => {
  const { relay, path, page: first, mine: written, link, append } = await shared(t);
  const { session, hash, store } = await append(Kind.update, sealer.encodeUpdate({ deps: [], update: new Uint8Array() }));
  await first.until("it is here", () => written.sealed.length === 3);
  await first.stop();
  const page = await start(t, path, [relay.url]); // which reads the last envelope once more, and that is not what the snapshots leave out
  const mine = await page.edit({ op: "open", doc: written.doc, type: "note" });
  await page.until("it is live", () => mine.status.relayState === "live");
  const core = await Core.start(await loadModule());
  const handle = core.create();
  const nothing = sealer.encodeSnapshot({ parent: new Uint8Array(32), covers: [{ session, seq: 0, hash: hash.subarray(0, 16) }], digest: core.digest(handle), file: core.save(handle) });
  const snapshots = (): number => mine.sealed.filter((e) => sealer.header(e).kind === Kind.snapshot).length;
  await append(Kind.snapshot, nothing, { store, upTo: 2 }); // where the device's envelopes stand it does not remember
  await page.until("all that is here goes up", () => snapshots() === 1 && mine.status.unsent === 0);
  assert.deepEqual(attestsOf(mine), []);
  const { bytes } = await append(Kind.snapshot, nothing, { store, upTo: 5 });
  await page.until("it is said", () => attestsOf(mine).length === 1 && mine.status.unsent === 0);
  assert.deepEqual(attestsOf(mine), [{ snapshot: await sealer.sha256(bytes), verdict: Verdict.objection }]);
  const other = await start(t, await directoryOf(), [relay.url]);
  const joined = await other.edit({ op: "join", link, type: "note" });
  await other.until("a new device has all of it", () => joined.value === "base more" && joined.status.content === "complete");
});

test("S13: a snapshot that says it has what nobody wrote yet keeps nobody from what is written then", async (t) => {
  const { relay, page, mine, link, snapshot } = await shared(t);
  const dir = await directoryOf();
  const other = await start(t, dir, [relay.url]);
  const joined = await other.edit({ op: "join", link, type: "note" });
  await other.until("it has all", () => joined.value === "base more");
  await snapshot(2, undefined, 40);
  await page.until("an objection is on the relay", () => attestsOf(mine).some((a) => a.verdict === Verdict.objection) && mine.status.unsent === 0);
  await mine.type(9, "!");
  await other.until("what came then", () => joined.value === "base more!");
  await other.stop();
  const again = await start(t, dir, [relay.url]);
  const opened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  await mine.type(10, "?");
  await again.until("what came in another life", () => opened.value === "base more!?" && opened.status.content === "complete");
  const fresh = await start(t, await directoryOf(), [relay.url]);
  const late = await fresh.edit({ op: "join", link, type: "note" });
  await fresh.until("a new device has all of it", () => late.value === "base more!?" && late.status.content === "complete");
  assert.equal(late.digest, mine.digest);
});

test("S13: a snapshot that is well signed and does not open is objected to, and keeps nobody from what comes behind it", async (t) => {
  const { relay, page, mine, link, put } = await shared(t);
  const hash = await put(new Uint8Array(40)); // of this version, and cut short
  await page.until("an objection and a snapshot of its own are on the relay", () => attestsOf(mine).length === 1 && mine.sealed.some((e) => sealer.header(e).kind === Kind.snapshot) && mine.status.unsent === 0);
  assert.deepEqual(attestsOf(mine), [{ snapshot: hash, verdict: Verdict.objection }]);
  assert.match(mine.status.problem?.message ?? "", /lacks something/);
  const other = await start(t, await directoryOf(), [relay.url]);
  const joined = await other.edit({ op: "join", link, type: "note" });
  await other.until("a new device has all of it", () => joined.value === "base more" && joined.status.content === "complete");
  assert.equal(joined.digest, mine.digest);
});

test("S13: a snapshot that only a newer version reads is told of and not condemned, and keeps nobody from what comes behind it", async (t) => {
  const { relay, page, mine, link, put } = await shared(t);
  await put(Uint8Array.of(1)); // the version of the content
  await page.until("it is told", () => mine.status.problem?.code === "newer-format");
  const other = await start(t, await directoryOf(), [relay.url]);
  const joined = await other.edit({ op: "join", link, type: "note" });
  await mine.type(9, "!");
  await other.until("what came behind it", () => joined.value === "base more!" && joined.status.problem?.code === "newer-format");
  assert.equal(joined.status.content, "partial");
  assert.deepEqual(attestsOf(mine), []);
});

test("S13: a snapshot that cores die of is told of and not condemned, and read again by the next life", async (t) => {
  const { relay, path, page: first, mine: written, keys, put } = await shared(t);
  await first.stop();
  const env = nodeEnv(path);
  const page = await start(t, path, [relay.url], { ...env, loadCore: async () => {
    const core = await env.loadCore();
    core.load = () => { throw core.fail("no memory"); };
    return core;
  } });
  const mine = await page.edit({ op: "open", doc: written.doc, type: "note" });
  await page.until("it is live", () => mine.status.relayState === "live");
  const core = await Core.start(await loadModule());
  const handle = core.create();
  const { update } = sealer.decodeUpdate(await keys.open(written.sealed[0]!));
  core.apply(handle, fromBase64url(sealer.header(written.sealed[0]!).session)!, update);
  const gone = await keys.newSession(); // what it wrote is in the snapshot and nowhere else
  core.apply(handle, fromBase64url(gone.session)!, Uint8Array.of(0x41, 0x00, 0x02, 0x30, 0x05, 0x00, 0x01, 0x6e, 0x2a, 0x02)); // adds to a counter
  await put(sealer.encodeSnapshot({ parent: new Uint8Array(32), covers: [{ session: gone.session, seq: 0, hash: new Uint8Array(16).fill(1) }], digest: core.digest(handle), file: core.save(handle) }));
  await page.until("it is told", () => mine.status.problem?.code === "newer-format");
  await mine.type(9, "!");
  await page.until("what comes behind it goes on", () => mine.status.unsent === 0 && mine.status.relay === 1);
  assert.deepEqual([mine.value, mine.status.content, attestsOf(mine)], ["base more!", "partial", []]);
  await page.stop();
  const before = mine.digest;
  const again = await start(t, path, [relay.url]);
  const opened = await again.edit({ op: "open", doc: written.doc, type: "note" });
  await again.until("it is here", () => opened.status.content === "complete" && opened.digest !== before);
  assert.deepEqual([opened.value, opened.status.problem], ["base more!", null]);
  assert.ok(attestsOf(opened).every((a) => a.verdict === Verdict.sound));
});

test("S13: a snapshot of more sessions than anybody can keep is taken, and ends nobody's own", { timeout: 120_000 }, async (t) => {
  const { relay, path, page, mine, keys, put } = await shared(t);
  const core = await Core.start(await loadModule());
  const handle = core.create();
  const digest = core.digest(handle), file = core.save(handle);
  const covers = Array.from({ length: MAX_HEADS }, (_, i) => {
    const session = new Uint8Array(16);
    new DataView(session.buffer).setUint32(0, i + 1);
    return { session: toBase64url(session), seq: 5, hash: new Uint8Array(16) };
  });
  await put(sealer.encodeSnapshot({ parent: new Uint8Array(32), covers, digest, file }));
  const folder = join(path, "home", mine.doc); // the status was complete before it came
  while (!readdirSync(folder).some((name) => name.startsWith("snap."))) await new Promise(setImmediate);
  await page.request({ op: "pause" });
  await relay.wipe();
  await relay.start();
  await page.request({ op: "resume" });
  const own = (): Uint8Array | undefined => mine.sealed.findLast((b) => sealer.header(b).kind === Kind.snapshot);
  await page.until("an empty relay gets a snapshot", () => own() !== undefined && mine.status.unsent === 0 && mine.status.relayState === "live");
  assert.equal(sealer.decodeSnapshot(await keys.open(own()!)).covers.length, 10_000 + 1);
});
