// A long history on the real relay: a device makes a snapshot, another vouches for it, the relay lets go of what it covers, and who
// comes then has all of it.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { startAgingRelay } from "../harness/agingrelay.ts";
import { directoryOf, start, type Editor } from "./vault-harness.ts";
import { hostile } from "./vault-hostile.ts";

/** A vault whose clock can be put forward, so that nobody waits for its pauses. */
const startAhead = async (t: TestContext, relay: string) => {
  const path = await directoryOf();
  const env = nodeEnv(path);
  let ahead = 0;
  const page = await start(t, path, [relay], { ...env, now: () => env.now() + ahead });
  return { page, later: (ms: number): void => { ahead += ms; } };
};

const attests = (e: Editor): number => e.sealed.filter((b) => sealer.header(b).kind === Kind.attest).length;
const snapshots = (e: Editor): number => e.sealed.filter((b) => sealer.header(b).kind === Kind.snapshot).length;

/** Two devices with a document on a relay, and rounds of a history that makes its log long. */
const history = async (t: TestContext) => {
  const relay = await startAgingRelay(t);
  const { page, later } = await startAhead(t, relay.url);
  const mine = await page.edit({ op: "create", type: "note" });
  const { link } = await page.request({ op: "link", doc: mine.doc, rights: "write" });
  const second = await startAhead(t, relay.url);
  const theirs = await second.page.edit({ op: "join", link, type: "note" });

  /** 360 KB more, a snapshot of it, the word of the other device, and eight days. */
  const round = async (n: number): Promise<void> => {
    for (let i = 0; i < 3; i++) await mine.type(mine.value.length, String.fromCharCode(97 + 3 * n + i).repeat(120_000));
    await page.until("the relay has it", () => mine.status.unsent === 0);
    await second.page.until("the other device too", () => theirs.value === mine.value && theirs.status.unsent === 0);
    for (let i = 0; snapshots(mine) === n && i < 9; i++) {
      later(40_000);
      await mine.type(0, "!"); // the clock is looked at with the next thing that happens
      await page.until("that is there too", () => mine.status.unsent === 0);
    }
    assert.equal(snapshots(mine), n + 1);
    await second.page.until("and vouched for", () => attests(theirs) === n + 1 && theirs.status.unsent === 0);
    await relay.age(8);
  };
  return { relay, page, mine, link, theirs, round };
};

test("S18: a long history goes from the relay once a snapshot of it is vouched for, and nothing is lost", { timeout: 120_000 }, async (t) => {
  const { relay, page, mine, link, theirs, round } = await history(t);
  await round(0);
  await round(1);
  assert.equal(theirs.status.problem, null);

  const third = await start(t, await directoryOf(), [relay.url]);
  const late = await third.edit({ op: "join", link, type: "note" });
  await third.until("a new device has all of it", () => late.value === mine.value && late.status.content === "complete");
  assert.equal(late.digest, mine.digest);
  const first = sealer.header(mine.sealed.find((b) => sealer.header(b).kind === Kind.update)!);
  assert.equal(first.seq, 0);
  assert.ok(!late.sealed.some((b) => sealer.header(b).session === first.session && sealer.header(b).seq < 3), "the relay still has what was let go");
  await late.type(0, "?");
  await page.until("and its edits go on", () => mine.value === late.value);
});

test("S18: a log in which something is signed and cannot be read gets shorter like any other", { timeout: 120_000 }, async (t) => {
  const { relay, page, mine, link, round } = await history(t);
  await mine.type(0, "base");
  await page.until("the relay has it", () => mine.status.unsent === 0 && mine.status.relayState === "live");
  const by = await hostile(relay.url, link);
  await by.spoil();
  await page.until("it is here", () => mine.refused.length === 4);
  await round(0);
  await round(1);
  assert.deepEqual([mine.status.content, mine.status.problem], ["complete", null]);

  const third = await start(t, await directoryOf(), [relay.url]);
  const late = await third.edit({ op: "join", link, type: "note" });
  await third.until("a new device has all of it", () => late.value === mine.value && late.status.content === "complete" && late.sealed.length > 0);
  assert.equal(late.digest, mine.digest);
  assert.ok(!late.sealed.some((b) => sealer.header(b).session === by.session), "the relay still has what was let go");
});
