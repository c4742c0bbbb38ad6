// The vault on a directory, with the real wasm, real keys and the real relay.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { Page } from "./vault-harness.ts";

const directories: string[] = [];
const directory = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), "freehold-vault-"));
  directories.push(path);
  return path;
};
after(() => Promise.all(directories.map((path) => rm(path, { recursive: true, force: true }))));

const start = async (path: string, relays: readonly string[] = []): Promise<Page> => {
  const page = new Page(nodeEnv(path));
  await page.request({ op: "start", name: "home", relays });
  return page;
};

test("what was answered is there after a restart", async () => {
  const path = await directory();
  const page = await start(path);
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "Where did my playlist go?");
  await page.request({ op: "head", doc: note.doc, head: { title: "x" }, changed: 7 });
  assert.equal(note.status.copies, 1);
  assert.equal(note.status.relayState, "none");
  await page.request({ op: "stop" });

  const again = new Page(nodeEnv(path));
  const { heads } = await again.request({ op: "start", name: "home", relays: [] });
  assert.deepEqual(heads, [{ id: note.doc, type: "note", head: { title: "x" }, changed: 7, rights: "owner" }]);
  const same = await again.edit({ op: "open", doc: note.doc, type: "note" });
  assert.equal(same.value, "Where did my playlist go?");
  assert.notEqual(same.session, note.session);
  await again.request({ op: "stop" });
});

test("two homes meet through the relay, whoever comes first", async () => {
  const relay = await startRelay();
  try {
    const a = await start(await directory(), [relay.url]);
    const mine = await a.edit({ op: "create", type: "note" });
    await mine.type(0, "one ");
    const { link } = await a.request({ op: "link", doc: mine.doc, rights: "write" });
    await a.until("a is on the relay", () => mine.status.relay === 4 && mine.status.unsent === 0);

    const b = await start(await directory(), [relay.url]);
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
    await a.request({ op: "stop" });
    await b.request({ op: "stop" });
  } finally {
    await relay.end();
  }
});
