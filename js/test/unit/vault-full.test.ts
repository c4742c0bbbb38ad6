// A device that has no room: every request is answered all the same, and what was refused is stored once there is.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { StoreError } from "../../src/store/storeerror.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { directoryOf, Refusal, start, type Editor, type Page } from "./vault-harness.ts";

interface Full { readonly page: Page; readonly note: Editor; readonly device: { isFull: boolean }; offer(u: ReturnType<Editor["insert"]>): Promise<unknown> }

/** A vault with one note, whose device takes nothing while it is full. */
const full = async (t: TestContext): Promise<Full> => {
  const path = await directoryOf();
  const env = nodeEnv(path);
  const device = { isFull: false };
  const page = await start(t, path, [], { ...env, openCopies: async (name, o) => {
    const copies = await env.openCopies(name, o);
    const append = copies.append.bind(copies);
    copies.append = async (...args) => {
      if (device.isFull) throw new StoreError("quota", "the disk is full");
      return append(...args);
    };
    return copies;
  } });
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "one");
  device.isFull = true;
  return { page, note, device, offer: (u) => page.request({ op: "update", doc: note.doc, session: note.session, ...u }) };
};

const noRoom = (e: unknown): boolean => e instanceof Refusal && e.problem.code === "quota";

test("what is offered again, and what is written meanwhile, is refused at once; closing, opening and forgetting do not wait", { timeout: 20_000 }, async (t) => {
  const { page, note, offer } = await full(t);
  const update = note.insert(3, " two");
  await assert.rejects(offer(update), noRoom);
  await assert.rejects(offer(update), noRoom);
  await assert.rejects(offer(note.insert(7, " three")), noRoom);
  await page.request({ op: "close", doc: note.doc });
  const again = await page.edit({ op: "open", doc: note.doc, type: "note" });
  assert.equal(again.value, "one");
  for (const text of ["!", "?"]) await assert.rejects(again.type(3, text), noRoom);
  await page.edit({ op: "open", doc: note.doc, type: "note" }); // the one before ends
  await page.request({ op: "forget", doc: note.doc });
  await page.stop();
});

test("a vault stops while its device refuses an edit", { timeout: 20_000 }, async (t) => {
  const { page, note, offer } = await full(t);
  const update = note.insert(3, " two");
  await assert.rejects(offer(update), noRoom);
  await assert.rejects(offer(update), noRoom);
  await page.stop();
});

test("all that was refused is stored once there is room, in order, and what comes then is answered as ever", { timeout: 20_000 }, async (t) => {
  const { page, note, device, offer } = await full(t);
  await assert.rejects(offer(note.insert(3, " two")), noRoom);
  await assert.rejects(offer(note.insert(7, " three")), noRoom);
  device.isFull = false;
  await page.until("the device has all of it", () => note.status.device === 13);
  assert.equal(note.status.problem, null);
  await note.type(13, " four");
  await page.request({ op: "close", doc: note.doc });
  assert.equal((await page.edit({ op: "open", doc: note.doc, type: "note" })).value, "one two three four");
});
