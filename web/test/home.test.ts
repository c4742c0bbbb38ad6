// One list of notes on two devices, as a person makes it: a code on one, the link on the other, and what each can do to a note from then on.
// Two loopback addresses are two origins, so one browser is two devices.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startRelay, type RelayProcess } from "../../js/test/e2e/relayprocess.ts";
import { launchChromium, type ChromiumBrowser, type ChromiumPage } from "../../js/test/harness/chromium.ts";
import { BODY, waitForBody, waitForChip, watchErrors } from "./app.ts";

let relay: RelayProcess, browser: ChromiumBrowser, a: ChromiumPage, b: ChromiumPage, errors: string[];
let here: string, there: string;
before(async () => {
  relay = await startRelay();
  there = `${relay.url}/`;
  here = there.replace("127.0.0.1", "localhost");
  browser = await launchChromium();
  await browser.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  [a, b] = [await browser.newPage(), await browser.newPage()];
  errors = [...watchErrors(a), ...watchErrors(b)];
});
after(async () => {
  await browser?.close();
  await relay?.end();
});

const listed = (page: ChromiumPage, names: readonly string[]): Promise<boolean> =>
  page.waitFor(`the list ${names.join(", ")}`, (wanted: string) => [...document.querySelectorAll(".row-name")].map((each) => each.textContent).sort().join(", ") === wanted, { args: [[...names].sort().join(", ")], timeout: 30_000 });
const write = async (page: ChromiumPage, text: string): Promise<void> => {
  await page.playwright.bringToFront();
  await page.click('[aria-label="New note"]');
  await page.type(text);
  await waitForChip(page, "Saved here · on relay");
};
const menu = async (page: ChromiumPage, entry: string): Promise<void> => {
  await page.playwright.bringToFront();
  await page.click('[aria-label="More"]');
  await page.click(`text=${entry}`);
};
const toastSays = (page: ChromiumPage, words: string): Promise<boolean> =>
  page.waitFor(`the toast “${words}”`, (part: string) => document.querySelector(".toasts")!.textContent!.includes(part), { args: [words], timeout: 30_000 });

let link: string;
test("Add a device shows a code and copies its link; closed, the sheet shows neither", async () => {
  await a.goto(here);
  await write(a, "garden");
  await write(a, "tunnel");
  await a.click("text=Devices");
  await a.click("text=Add a device");
  await a.waitFor("the code", () => document.querySelector('.devices .qr[role="img"]')?.getAttribute("aria-label") === "QR code for your other device");
  const modules = await a.evaluate(() => document.querySelector(".devices .qr path")!.getAttribute("d")!.length);
  assert.ok(modules > 5_000, "a picture of a whole link");
  await a.click(".devices .primary:visible");
  await a.waitFor("the copy", () => document.querySelector(".devices .link-handing .primary")!.textContent === "Copied");
  link = await a.evaluate(() => navigator.clipboard.readText());
  assert.match(link, /^http:\/\/localhost:\d+\/\?home#1a\.[a-z2-7]{32}\./);
  await a.press("Escape");
  await a.waitFor("the end of it", () => document.querySelector(".devices .qr") === null && document.querySelector(".devices .link-text")!.textContent === "");
});

test("a home's link asks before it does anything, and its key is out of the address bar by then", async () => {
  await b.goto(there);
  await write(b, "from before");
  await b.goto(there + new URL(link).search + new URL(link).hash);
  await b.waitFor("the question", () => document.querySelector<HTMLDialogElement>(".confirm")?.open === true);
  const address = await b.evaluate(() => location.href); // a moment later that of the note that was open last
  assert.ok(!address.includes(new URL(link).hash.split(".")[2]!) && !address.includes("?home"), address);
  await b.click("text=Cancel");
  await listed(b, ["from before"]);
  await b.click("text=Devices");
  await b.playwright.locator(".devices input").fill(link);
  await b.press("Enter");
  await b.click(".confirm .primary");
  await toastSays(b, "one of yours");
  await listed(b, ["from before", "garden", "tunnel"]);
  await listed(a, ["from before", "garden", "tunnel"]);
});

test("forgetting asks nobody else; deleting asks first and goes everywhere", async () => {
  await b.playwright.bringToFront();
  await b.click(".row:has-text('garden')");
  await waitForBody(b, "garden");
  await menu(b, "Delete for everyone");
  await b.waitFor("the question", () => /Delete “garden” for everyone/.test(document.querySelector(".confirm h2")!.textContent!));
  await b.click(".confirm >> text=Cancel");
  await listed(b, ["from before", "garden", "tunnel"]);
  await menu(b, "Delete for everyone");
  await b.click(".confirm .primary");
  await toastSays(b, "was deleted");
  await listed(b, ["from before", "tunnel"]);
  await listed(a, ["from before", "tunnel"]);
});

test("new keys: the old note says that it moved, and leads to the new one on one's own devices", async () => {
  await b.click(".row:has-text('tunnel')");
  await waitForBody(b, "tunnel");
  const old = await b.evaluate(() => location.hash);
  // A device of somebody who follows this note: it hears the owner's word, and has no new link yet.
  await b.click('[aria-label="Share"]');
  await b.click(".share .primary");
  await b.waitFor("the copy", () => document.querySelector(".share .primary")!.textContent === "Copied");
  const shared = await b.evaluate(() => navigator.clipboard.readText());
  await b.press("Escape");
  const third = await launchChromium();
  after(() => third.close());
  const c = await third.newPage();
  await c.goto(shared);
  await waitForBody(c, "tunnel");
  await menu(b, "Move to new keys");
  await b.click(".confirm .primary");
  await toastSays(b, "new keys");
  await b.waitFor("the new note", (before: string) => {
    const row = document.querySelector(".row[aria-current]")?.getAttribute("href");
    return row !== undefined && row !== before && document.querySelector(".opening") === null;
  }, { args: [old] });
  await b.click(BODY);
  await b.press("Control+End");
  await b.type(" goes on");
  await listed(b, ["from before", "tunnel", "tunnel goes on"]);
  await a.waitFor("the new note", () => document.querySelectorAll(".row").length === 3); // its row may lack the newest words: the note is not open here
  await a.playwright.bringToFront();
  await a.evaluate((to) => { location.hash = to; }, old);
  await a.waitFor("the notice", () => /under other keys/.test(document.querySelector(".problem")!.textContent!), { timeout: 20_000 });
  assert.match(await a.evaluate(() => document.querySelector(".problem")!.textContent!), /The new one is here/);
  await a.click("text=Open the new one");
  await waitForBody(a, "tunnel goes on");

  await c.waitFor("the notice", () => /under other keys/.test(document.querySelector(".problem")!.textContent!));
  assert.equal(await c.playwright.locator("text=Open the new one").isVisible(), false);
  assert.match(await c.evaluate(() => document.querySelector(".problem")!.textContent!), /Ask for its new link/);
  await c.click("text=Devices");
  await c.playwright.locator(".devices input").fill(link);
  await c.press("Enter");
  await c.click(".confirm .primary");
  await c.click("text=Open the new one"); // as soon as the list has it
  await waitForBody(c, "tunnel goes on");
  assert.deepEqual(errors, []);
});

test("what the relay cannot be asked to delete stays on the screen, with the reason", async () => {
  await relay.stop();
  await b.playwright.bringToFront();
  await b.click(".row:has-text('from before')");
  await waitForBody(b, "from before");
  await menu(b, "Delete for everyone");
  await b.click(".confirm .primary");
  await b.waitFor("the reason", () => /cannot be reached/.test(document.querySelector(".problem:not([hidden])")?.textContent ?? ""));
  assert.equal(await b.evaluate(() => document.querySelector<HTMLTextAreaElement>(".body textarea")!.value), "from before");
  assert.equal(await b.evaluate(() => document.querySelector(".row[aria-current] .row-name")!.textContent), "from before");
});
