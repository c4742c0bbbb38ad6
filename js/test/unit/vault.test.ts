// The vault on a directory, with the real wasm, real keys and the real relay.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startRelay } from "../e2e/relayprocess.ts";
import { directoryOf, start } from "./vault-harness.ts";

test("what was answered is there after a restart", async (t) => {
  const path = await directoryOf(t);
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
  const a = await start(t, await directoryOf(t), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "one ");
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "write" });
  await a.until("a is on the relay", () => mine.status.relay === 4 && mine.status.unsent === 0);

  const b = await start(t, await directoryOf(t), [relay.url]);
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
    const page = await start(t, await directoryOf(t), [relay]);
    const note = await page.edit({ op: "create", type: "note" });
    await note.type(0, "here");
    await page.until("it is offline", () => note.status.relayState === "offline");
    assert.equal(note.status.device, 4);
    await page.stop();
  }
});
