// What somebody with a write link signs and nobody can read, against the real relay: it holds nobody up.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { hostile } from "./vault-hostile.ts";
import { directoryOf, start, type Editor } from "./vault-harness.ts";

/** A device with a document on a relay, and a writer of it who seals what he likes. */
const shared = async (t: TestContext) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  const page = await start(t, path, [relay.url]);
  const mine = await page.edit({ op: "create", type: "note" });
  await mine.type(0, "base");
  await page.until("the relay has it", () => mine.status.unsent === 0 && mine.status.relayState === "live");
  const { link } = await page.request({ op: "link", doc: mine.doc, rights: "write" });
  return { relay, path, page, mine, link, by: await hostile(relay.url, link) };
};

const has = (e: Editor, session: string): readonly number[] => e.sealed.filter((b) => sealer.header(b).session === session).map((b) => sealer.header(b).seq);

test("S5: what is signed and cannot be read is taken, refused by the core and told of, and holds nobody up, also over a restart", { timeout: 60_000 }, async (t) => {
  const { relay, path, page, mine, link, by } = await shared(t);
  await by.spoil();
  await page.until("it is here", () => mine.refused.length === 4);
  assert.deepEqual(mine.refused, ["storage-lost", "storage-lost", "storage-lost", "storage-lost"]);
  await page.until("and stays", () => has(mine, by.session).length === 4);
  await mine.type(4, " more");
  const other = await start(t, await directoryOf(), [relay.url]);
  const joined = await other.edit({ op: "join", link, type: "note" });
  await other.until("a new device has all of it", () => joined.value === "base more" && joined.status.content === "complete");
  await joined.type(9, "!");
  await page.until("and what is written behind it", () => mine.value === "base more!");
  for (const e of [mine, joined]) assert.deepEqual([e.status.content, e.status.problem], ["complete", null]);
  assert.equal(joined.digest, mine.digest);
  await page.stop();
  const again = await start(t, path, [relay.url]);
  const opened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  await again.until("it is live again", () => opened.status.relayState === "live" && opened.status.unsent === 0);
  assert.deepEqual([opened.value, opened.status.content, opened.status.problem], ["base more!", "complete", null]);
  assert.equal(opened.refused.length, 4);
  assert.equal(opened.digest, mine.digest);
});

test("S5: what only a newer version can read is kept, told of and holds nobody up", { timeout: 60_000 }, async (t) => {
  const { relay, path, page, mine, by } = await shared(t);
  await by.append([await by.seal(0, await sealer.sha256(by.cert), Uint8Array.of(1))]);
  await page.until("it is here", () => mine.refused.length === 1);
  assert.deepEqual(mine.refused, ["newer-format"]);
  assert.equal(mine.status.content, "complete");
  await page.stop();
  const again = await start(t, path, [relay.url]);
  const opened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.deepEqual(opened.refused, ["newer-format"], "it is in the journal, for the version that reads it");
  assert.equal(opened.value, "base");
});
