// Devices whose relay is the Worker: a socket for each document, in real browsers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { device, serveApp } from "../e2e/devices.ts";
import { startWorkerd } from "./workerd.ts";

test("two browsers share documents through the Worker, live, and go on after it was killed", { timeout: 120_000 }, async (t) => {
  const app = await serveApp();
  t.after(() => app.stop());
  const worker = await startWorkerd();
  t.after(() => worker.end());
  const a = await device("chromium", app, worker.url);
  t.after(() => a.browser.kill());
  const b = await device("firefox", app, worker.url);
  t.after(() => b.browser.kill());

  // Two documents, two objects, two sockets.
  const links: string[] = [];
  for (const text of ["one", "two"]) {
    await a.page.evaluate(() => window.app.create());
    await a.page.evaluate((words) => window.app.insert(0, words), text);
    await a.page.evaluate(() => window.app.saved("relay"));
    links.push(await a.page.evaluate(() => window.app.link("write")));
  }
  for (const [i, text] of ["one", "two"].entries()) {
    await b.page.evaluate((to) => window.app.join(to), links[i]!);
    await b.page.waitFor(`"${text}"`, (words) => window.app.body() === words, { args: [text], timeout: 20_000 });
  }
  await b.page.evaluate(() => window.app.insert(0, "B: "));
  await a.page.waitFor("B's edit", () => window.app.body() === "B: two", { timeout: 20_000 });

  await worker.kill();
  await a.page.evaluate(() => window.app.insert(0, "A: "));
  await b.page.evaluate(() => window.app.insert(6, "!"));
  await worker.start();
  await Promise.all([a, b].map((d) => d.page.evaluate(() => window.app.saved("relay"))));
  for (const d of [a, b]) await d.page.waitFor("both edits", () => window.app.body() === "A: B: two!", { timeout: 30_000 });
  assert.equal((await a.page.evaluate(() => window.app.status())).problem, null);
});
