// A device whose lives do not all see the same stores, with the real wasm and real keys.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openCopies } from "../../src/store/copies.ts";
import { directoryStore } from "../../src/store/directory.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { directoryOf, start, type Editor } from "./vault-harness.ts";

/** Half a megabyte in UTF-8 that does not shrink. */
const noise = (): string => Array.from(crypto.getRandomValues(new Uint16Array(30_000)), (n) => String.fromCharCode(0x4e00 + (n % 20_000))).join("");

test("what lives with one store each folded into snapshots of their own is all there when both stores are", async (t) => {
  const path = await directoryOf();
  const [a, b] = [join(path, "a"), join(path, "b")];
  const life = async (...stores: readonly string[]) =>
    start(t, path, [], { ...nodeEnv(path), openCopies: (name, o) => openCopies(name, { ...o, stores: stores.map(directoryStore) }) });
  const generation = async (store: string, doc: string): Promise<number> =>
    Math.max(0, ...(await readdir(join(store, doc))).map((name) => Number(/^snap\.(\d+)$/.exec(name)?.[1] ?? 0)));
  /** Types until a store holds that many checkpoints; gives what was typed. */
  const fold = async (note: Editor, store: string, wanted: number): Promise<string> => {
    let typed = "";
    while ((await generation(store, note.doc)) < wanted) {
      const text = noise();
      await note.type(note.value.length, text);
      typed += text;
    }
    return typed;
  };

  const first = await life(a, b);
  const { doc } = await first.edit({ op: "create", type: "note" });
  await first.stop();

  const one = await life(a);
  const early = await fold(await one.edit({ op: "open", doc, type: "note" }), a, 3);
  await one.stop();

  const two = await life(b);
  const late = await fold(await two.edit({ op: "open", doc, type: "note" }), b, 1);
  await two.stop();

  for (const stores of [[a, b], [a], [b]]) {
    const page = await life(...stores);
    const note = await page.edit({ op: "open", doc, type: "note" });
    for (const text of [early, late]) assert.ok(note.value.includes(text), `${text.length} characters, of ${note.value.length}, in ${stores.length} stores`);
    await page.stop();
    const copies = await openCopies("home", { stores: stores.map(directoryStore) });
    await copies.load(doc);
    await copies.settled();
    await copies.close();
  }
  // The next checkpoint makes them one.
  const last = await life(a, b);
  const note = await last.edit({ op: "open", doc, type: "note" });
  await fold(note, b, (await generation(b, doc)) + 1);
  await last.stop();
  const copies = await openCopies("home", { stores: [directoryStore(a), directoryStore(b)] });
  t.after(() => copies.close());
  // Stopped while the other store still lacked the new one: the look at both starts a repair, and after it they agree.
  await copies.load(doc);
  await copies.settled();
  assert.deepEqual((await copies.load(doc))?.besides, []);
});
