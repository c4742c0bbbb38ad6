// Forgetting while something of the document is on its way to the device, or to the other tabs.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { VaultEnv } from "../../src/vault/env.ts";
import { StoreError } from "../../src/store/storeerror.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { directoryOf, start, tabsOf, type Page } from "./vault-harness.ts";

/** Half a megabyte in UTF-8 that does not shrink. */
const noise = (): string => Array.from(crypto.getRandomValues(new Uint16Array(30_000)), (n) => String.fromCharCode(0x4e00 + (n % 20_000))).join("");

/** Long enough for what nothing holds up: other documents are made and written meanwhile. */
const meanwhile = async (page: Page): Promise<void> => {
  for (let i = 0; i < 5; i++) await (await page.edit({ op: "create", type: "note" })).type(0, "something else");
};

for (const [where, change] of [
  ["in one tab", (env: VaultEnv) => env],
  ["where the browser has no locks", (env: VaultEnv) => ({ ...env, locks: null })],
] as const) {
  test(`nothing of a document is left that is forgotten while a checkpoint of it is made, ${where}`, { timeout: 60_000 }, async (t) => {
    const path = await directoryOf();
    const base = nodeEnv(path);
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => { goOn = resolve; });
    let begin: () => void = () => undefined;
    let isBegun = false;
    const begun = new Promise<void>((resolve) => { begin = () => { isBegun = true; resolve(); }; });
    const page = await start(t, path, [], change({ ...base, openCopies: async (name, o) => {
      const copies = await base.openCopies(name, o);
      const checkpoint = copies.checkpoint.bind(copies);
      copies.checkpoint = async (...args) => {
        begin();
        await held;
        return checkpoint(...args);
      };
      return copies;
    } }));
    const note = await page.edit({ op: "create", type: "note" });
    while (!isBegun) await Promise.race([note.type(0, noise()), begun]);
    let isForgotten = false;
    const forgetting = page.request({ op: "forget", doc: note.doc }).then(() => { isForgotten = true; });
    await meanwhile(page);
    assert.equal(isForgotten, false, "what is under way is waited for");
    goOn();
    await forgetting;
    await page.stop();
    assert.deepEqual((await readdir(join(path, "home"))).filter((name) => name === note.doc), []);
    const again = await start(t, path);
    assert.equal(again.heads.length, 5);
  });
}

test("what is being written by another tab is waited for", { timeout: 60_000 }, async (t) => {
  const path = await directoryOf();
  const base = nodeEnv(path);
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => { goOn = resolve; });
  let heldDoc = "";
  let reach: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => { reach = resolve; });
  const env = tabsOf({ ...base, openCopies: async (name, o) => {
    const copies = await base.openCopies(name, o);
    const append = copies.append.bind(copies);
    copies.append = async (...args) => {
      if (args[0] === heldDoc) {
        reach();
        await held;
      }
      return append(...args);
    };
    return copies;
  } });
  const [one, two] = [await start(t, path, [], env), await start(t, path, [], env)];
  const note = await one.edit({ op: "create", type: "note" });
  await note.type(0, "kept");
  const other = await two.edit({ op: "open", doc: note.doc, type: "note" });
  heldDoc = note.doc;
  const edit = other.type(4, "!").catch(() => undefined);
  await reached;
  let isForgotten = false;
  const forgetting = one.request({ op: "forget", doc: note.doc }).then(() => { isForgotten = true; });
  await meanwhile(one);
  assert.equal(isForgotten, false);
  goOn();
  await Promise.all([forgetting, edit]);
  assert.deepEqual((await readdir(join(path, "home"))).filter((name) => name === note.doc), []);
});

const listed = (page: Page): readonly string[] => (page.heads as ReadonlyArray<{ readonly id: string }>).map((h) => h.id);

test("a head that is on its way when the document is forgotten brings it back in no list", { timeout: 60_000 }, async (t) => {
  const env = tabsOf(nodeEnv(await directoryOf()));
  const [one, two, three] = [await start(t, "", [], env), await start(t, "", [], env), await start(t, "", [], env)];
  for (const by of [one, two]) {
    const note = await one.edit({ op: "create", type: "note" });
    const { doc } = note;
    await note.type(0, "here");
    await two.edit({ op: "open", doc, type: "note" });
    const head = (page: Page, title: string): Promise<unknown> => page.request({ op: "head", doc, head: { title }, changed: 1 });
    await head(one, "first");
    for (const page of [one, two, three]) await page.until("every tab lists it", () => listed(page).includes(doc));
    const before = head(by, "before");
    const forgetting = one.request({ op: "forget", doc });
    const after = head(by, "after");
    await Promise.all([before, forgetting, after]);
    const last = await three.edit({ op: "create", type: "note" }); // what was said before has been heard when this is
    await three.request({ op: "head", doc: last.doc, head: {}, changed: 2 });
    for (const page of [one, two, three]) {
      await page.until("it hears of another one", () => listed(page).includes(last.doc));
      assert.ok(!listed(page).includes(doc));
    }
  }
});

test("what could not be forgotten is listed in every tab again, as it was", { timeout: 60_000 }, async (t) => {
  const path = await directoryOf();
  const base = nodeEnv(path);
  const env = tabsOf({ ...base, openCopies: async (name, o) => {
    const copies = await base.openCopies(name, o);
    copies.forget = async () => { throw new StoreError("blocked", "held by somebody"); };
    return copies;
  } });
  const [one, two] = [await start(t, path, [], env), await start(t, path, [], env)];
  const note = await one.edit({ op: "create", type: "note" });
  await note.type(0, "here");
  await one.request({ op: "head", doc: note.doc, head: { title: "mine" }, changed: 7 });
  const titles = (page: Page): readonly unknown[] => (page.heads as ReadonlyArray<{ readonly head: { readonly title?: string } }>).map((h) => h.head.title);
  await two.until("the other tab lists it", () => titles(two).includes("mine"));
  await assert.rejects(one.request({ op: "forget", doc: note.doc }), /blocked/);
  await meanwhile(one);
  for (const page of [one, two]) await page.until("it is listed", () => titles(page).includes("mine"));
});
