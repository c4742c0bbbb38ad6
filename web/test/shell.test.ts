// The service worker: opens the app with the server stopped, takes only whole and verified versions, asks before it changes
// anything, and can be removed from afar.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launchChromium, type ChromiumBrowser, type ChromiumPage } from "../../js/test/harness/chromium.ts";
import { serve, type StaticServer } from "../../js/test/harness/server.ts";
import { BODY, dist, waitAcross, waitForBody, waitForChip } from "./app.ts";

let root: string, server: StaticServer, browser: ChromiumBrowser, page: ChromiumPage;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "freehold-shell-"));
  await cp(dist, root, { recursive: true });
  server = await serve({ root });
  browser = await launchChromium();
  page = await browser.newPage();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(root, { recursive: true, force: true });
});

const hashOf = async (name: string): Promise<string> => createHash("sha256").update(await readFile(join(root, name))).digest("base64");
/** Publishes a changed style sheet; `honest` false promises other bytes than it serves, as a broken or meddling host would. */
const publish = async (rule: string, honest: boolean): Promise<void> => {
  const [worker, old] = [await readFile(join(root, "sw.js"), "utf8"), await hashOf("app.css")];
  assert.ok(worker.includes(old), "the worker knows the file's hash");
  await writeFile(join(root, "app.css"), `${await readFile(join(root, "app.css"), "utf8")}\n${rule}\n`);
  const promised = honest ? await hashOf("app.css") : createHash("sha256").update(rule).digest("base64");
  await writeFile(join(root, "sw.js"), worker.replace(old, promised).replace(/"([0-9a-f]{12})"/, () => `"${createHash("sha256").update(rule).digest("hex").slice(0, 12)}"`));
};
const update = (): Promise<string> => page.evaluate(async () => {
  const registration = (await navigator.serviceWorker.getRegistration())!;
  const found = await registration.update().then((r) => r.installing ?? r.waiting, () => null);
  if (found === null) return registration.waiting === null ? "none" : "waiting";
  if (found.state === "installing") await new Promise((resolve) => found.addEventListener("statechange", resolve, { once: true }));
  return found.state;
});
const marked = (p: ChromiumPage, name: string): Promise<boolean> => p.evaluate((name: string) => getComputedStyle(document.documentElement).getPropertyValue(name) !== "", name);

test("the app can be installed", async () => {
  await page.goto(server.url);
  await page.waitFor("the worker to serve this page", () => navigator.serviceWorker.controller?.state === "activated");
  const { installabilityErrors } = await page.cdp.send("Page.getInstallabilityErrors") as { installabilityErrors: readonly { errorId: string }[] };
  assert.deepEqual(installabilityErrors.map((each) => each.errorId), []);
});

test("it opens by its address with the server stopped, and has what was typed", async () => {
  await page.click(BODY);
  await page.type("typed before the plug was pulled");
  await waitForChip(page, "Relay gone · still yours");
  await server.stop();
  const again = await browser.newPage();
  await again.goto(server.url);
  await waitForBody(again, "typed before the plug was pulled");
  await again.click(BODY);
  await again.press("Control+End");
  await again.type(", and after");
  await waitForChip(again, "Relay gone · still yours");
  await again.reload();
  await waitForBody(again, "typed before the plug was pulled, and after");
  // A page that goes away while its check for an update is under way leaves Chromium waiting three minutes with the next one.
  await again.evaluate(() => navigator.serviceWorker.ready.then((r) => r.update()).then(() => true, () => false));
  await again.close();
  await server.start();
});

test("a version with one wrong byte is not taken", async () => {
  await publish(":root { --meddled: 1 }", false);
  assert.equal(await update(), "redundant");
  await page.reload();
  assert.equal(await marked(page, "--meddled"), false);
  await cp(join(dist, "app.css"), join(root, "app.css"));
  await cp(join(dist, "sw.js"), join(root, "sw.js"));
});

test("a file that became an error or a redirect is not taken", async () => {
  await publish(":root { --second: 1 }", true);
  await rm(join(root, "app.css"));
  assert.equal(await update(), "redundant");
  await cp(join(dist, "app.css"), join(root, "app.css"));
  await cp(join(dist, "sw.js"), join(root, "sw.js"));
});

test("a new version waits for consent, then starts", async () => {
  await publish(":root { --second: 1 }", true);
  assert.equal(await update(), "installed");
  await page.waitFor("the offer", () => document.querySelector(".toast")?.textContent?.includes("new version") === true);
  await page.reload();
  assert.equal(await marked(page, "--second"), false, "the old version serves until somebody agrees");
  await page.waitFor("the offer again", () => document.querySelector(".toast") !== null);
  await page.click(".toast .button");
  await waitAcross(page, "the new version", () => getComputedStyle(document.documentElement).getPropertyValue("--second") !== "");
  assert.deepEqual(await page.evaluate(async () => (await caches.keys()).length), 1, "one version is kept");
  await server.stop();
  await page.reload();
  assert.equal(await marked(page, "--second"), true);
  await waitForBody(page, "typed before the plug was pulled, and after");
  await server.start();
});

test("the worker can be removed from afar; notes stay", async () => {
  await cp(join(root, "sw-kill.js"), join(root, "sw.js"));
  await page.evaluate(async () => { await (await navigator.serviceWorker.getRegistration())?.update(); });
  await waitAcross(page, "a page without a worker", async () => (await caches.keys()).length === 0 && navigator.serviceWorker.controller === null);
  await cp(join(dist, "sw.js"), join(root, "sw.js"));
  await page.goto(server.url);
  await waitForBody(page, "typed before the plug was pulled, and after");
});
