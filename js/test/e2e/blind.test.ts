// The relay is blind: a canary typed into a note and its title, used as a key, or said as a name, and one that is the name of a field, are in
// no byte of its store, its log or the frames.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { device, entry, serveApp } from "./devices.ts";
import { startRelay } from "./relayprocess.ts";
import { tap } from "./wiretap.ts";

/** The last is the name of a field of the test page's schema. */
const canaries = ["canary-in-the-title-7f3a", "canary-in-the-body-91c2", "canary-in-an-item-44de", "canary-as-a-key-60e9", "canary-of-a-field-b83f"] as const;
/** Said and never stored, even where nothing is sealed. */
const name = "canary-of-a-name-c05b";

/** Types the canaries on one device and reads them on another; gives what could be heard. */
const listen = async (t: TestContext, workerUrl?: string): Promise<Readonly<Record<"store" | "log" | "frames", Buffer>>> => {
  const app = await serveApp(workerUrl === undefined ? {} : { [workerUrl]: await entry("./vault-unsealed.ts") });
  t.after(() => app.stop());
  const relay = await startRelay();
  t.after(() => relay.end());
  const wire = await tap(relay.port);
  t.after(() => wire.end());
  const o = workerUrl === undefined ? {} : { workerUrl: app.url + workerUrl };
  const a = await device("chromium", app, wire.url, o);
  t.after(() => a.browser.kill());
  const link = await a.page.evaluate(async ([title, body, item, key]) => {
    const { app: page } = window;
    await page.create();
    page.title(title!);
    page.insert(0, body!);
    page.add(item!);
    page.score(key!, 1);
    page.mark("a word");
    await page.saved("relay");
    return page.link("read");
  }, canaries);
  const b = await device("chromium", app, wire.url, o);
  t.after(() => b.browser.kill());
  await b.page.evaluate(async (l) => { await window.app.join(l); }, link);
  await b.page.waitFor("the canary at the reader", (text) => window.app.body() === text, { args: [canaries[1]] });
  await a.page.evaluate((who) => window.app.call(who), name);
  await b.page.waitFor("the name at the reader", (who) => window.app.others().includes(who), { args: [name] });
  const frames = wire.heard();
  await relay.stop(); // so that everything is in its files
  return { store: await relay.disk(), log: Buffer.from(relay.log()), frames };
};

/** Bytes as they are, and in base64 wherever they begin in it: what is around them shares its outermost letters, which are left out. */
const formsOf = (bytes: Buffer): readonly Buffer[] => [bytes, ...[0, 1, 2].flatMap((before) => (["base64", "base64url"] as const).map((letters) =>
  Buffer.from(Buffer.concat([Buffer.alloc(before), bytes]).toString(letters).slice(Math.ceil(before * 8 / 6), Math.floor((before + bytes.length) * 8 / 6)))))];

/** Where a text could hide: as UTF-8 and as UTF-16. */
const finds = (hay: Buffer): string[] =>
  [...canaries, name].filter((c) => [Buffer.from(c), Buffer.from(c, "utf16le")].some((bytes) => formsOf(bytes).some((form) => hay.includes(form))));

test("the search finds a canary in whatever it is wrapped", () => {
  for (const c of [...canaries, name]) {
    for (const encoding of ["utf8", "utf16le"] as const) {
      for (let before = 0; before < 7; before++) {
        const wrapped = Buffer.concat([Buffer.alloc(before, 0xff), Buffer.from(c, encoding), Buffer.alloc(before % 3, 0xff)]);
        for (const hay of [wrapped, Buffer.from(wrapped.toString("base64")), Buffer.from(wrapped.toString("base64url"))]) assert.deepEqual(finds(hay), [c], `${encoding} behind ${before} bytes`);
      }
    }
  }
  assert.deepEqual(finds(Buffer.from("a canary that nobody planted")), []);
});

test("no canary in the relay's store, log or frames", { timeout: 60_000 }, async (t) => {
  const heard = await listen(t);
  for (const [where, bytes] of Object.entries(heard)) assert.deepEqual(finds(bytes), [], `found in the ${where}`);
  assert.ok(heard.frames.length > 1_000 && heard.store.length > 500, "there was something to search");
});

test("control: with sealing switched off the same search finds them", { timeout: 60_000 }, async (t) => {
  const heard = await listen(t, "/vault-unsealed.js");
  assert.deepEqual(finds(heard.frames), [...canaries, name]);
  assert.deepEqual(finds(heard.store), [...canaries]);
});
