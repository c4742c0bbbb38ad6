// One person, one device: the first minute, and what a reload finds. Chromium, the app's own CSP, no relay anywhere.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launchChromium, type ChromiumBrowser, type ChromiumPage } from "../../js/test/harness/chromium.ts";
import { serve, type StaticServer } from "../../js/test/harness/server.ts";
import { body, BODY, dist, focused, items, TITLE, waitForBody, waitForChip, waitForItems, watchErrors } from "./app.ts";

let server: StaticServer, browser: ChromiumBrowser, page: ChromiumPage, errors: string[];
before(async () => {
  server = await serve({ root: dist });
  browser = await launchChromium();
  page = await browser.newPage();
  errors = watchErrors(page);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a first visit is an open note with the caret in it, and nothing is written", async () => {
  await page.goto(server.url);
  assert.equal(await focused(page), "Note");
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("textarea")].map((area) => area.placeholder).filter((text) => text !== "")), ["Untitled", "Type. Then pull the plug."]);
  await waitForChip(page, "On this device only");
  assert.equal(await page.evaluate(() => location.hash), "", "no note is begun by looking");
});

test("typing begins the note, and a reload has every letter of it", async () => {
  await page.type("Bread, then the long way home");
  await page.waitFor("the note's own address", () => location.hash.startsWith("#d/"));
  await waitForChip(page, "Relay gone · still yours");
  await page.click(TITLE);
  await page.type("Saturday");
  await page.press("Enter");
  assert.equal(await focused(page), "Note", "Enter in the title goes on in the text");
  await page.waitFor("the list", () => document.querySelector(".row-name")?.textContent === "Saturday");
  await waitForChip(page, "Relay gone · still yours");
  await page.reload();
  await waitForBody(page, "Bread, then the long way home");
  assert.equal(await page.evaluate(() => document.querySelector<HTMLTextAreaElement>(".title textarea")!.value), "Saturday");
  assert.equal(await page.evaluate(() => document.title), "Saturday · Freehold");
});

test("typing in the middle, deleting and pasting leave text and document the same", async () => {
  await page.click(BODY);
  await page.evaluate(() => document.querySelector<HTMLTextAreaElement>(".body textarea")!.setSelectionRange(5, 5));
  await page.type(" \u{1F600} cheese");
  await page.press("Backspace");
  await page.press("Control+A");
  await page.press("End");
  await page.press("Enter");
  await page.playwright.keyboard.insertText("pasted\r\nlines");
  const text = await body(page);
  assert.equal(text, "Bread \u{1F600} chees, then the long way home\npasted\nlines");
  await waitForChip(page, "Relay gone · still yours");
  await page.reload();
  await waitForBody(page, text);
});

test("the checklist by keyboard alone", async () => {
  await page.click(".add-item");
  await page.waitFor("the first item", () => document.activeElement?.getAttribute("aria-label") === "Item 1 of 1");
  await page.type("tickets");
  await page.press("Enter");
  await page.type("map and bread");
  await page.press("Enter");
  await page.type("thermos");
  assert.deepEqual(await items(page), ["- tickets", "- map and bread", "- thermos"]);

  await page.press("Alt+ArrowUp");
  assert.deepEqual(await items(page), ["- tickets", "- thermos", "- map and bread"]);
  assert.equal(await focused(page), "Item 2 of 3", "the focus moves with the item");
  await page.press("ArrowDown");
  assert.equal(await focused(page), "Item 3 of 3");

  await page.press("End");
  for (let i = 0; i < " and bread".length; i++) await page.press("ArrowLeft");
  await page.press("Enter");
  assert.deepEqual(await items(page), ["- tickets", "- thermos", "- map", "-  and bread"], "Enter splits at the caret");
  for (let i = 0; i < " and bread".length; i++) await page.press("Delete");
  await page.press("Backspace");
  assert.deepEqual(await items(page), ["- tickets", "- thermos", "- map"], "Backspace in an empty item removes it");
  assert.equal(await focused(page), "Item 3 of 3");

  await page.press("Shift+Tab");
  assert.equal(await focused(page), "Item 3 of 3 done");
  await page.press("Space");
  assert.deepEqual(await items(page), ["- tickets", "- thermos", "x map"]);
  await waitForChip(page, "Relay gone · still yours");
  await page.reload();
  await waitForItems(page, ["- tickets", "- thermos", "x map"]);
});

test("several pasted lines become several items", async () => {
  await page.click(".item:nth-child(1) textarea");
  await page.press("End");
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/plain", " for two\nstamps\n\nsoap");
    document.activeElement!.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  assert.deepEqual(await items(page), ["- tickets for two", "- stamps", "- soap", "- thermos", "x map"]);
  assert.equal(await focused(page), "Item 3 of 5");
});

test("an item is dragged, deleted and brought back", async () => {
  const centre = async (selector: string): Promise<{ x: number; y: number }> => {
    const box = (await page.playwright.locator(selector).boundingBox())!;
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const from = await centre(".item:nth-child(5) .grip"), to = await centre(".item:nth-child(2) .grip");
  await page.playwright.mouse.move(from.x, from.y);
  await page.playwright.mouse.down();
  await page.playwright.mouse.move(to.x, to.y - 8, { steps: 8 });
  await page.playwright.mouse.up();
  assert.deepEqual(await items(page), ["- tickets for two", "x map", "- stamps", "- soap", "- thermos"]);

  await page.click(".item:nth-child(2) .remove");
  assert.deepEqual(await items(page), ["- tickets for two", "- stamps", "- soap", "- thermos"]);
  await page.click(".toast .button");
  assert.deepEqual(await items(page), ["- tickets for two", "x map", "- stamps", "- soap", "- thermos"]);
});

test("Export gives the note as a file", async () => {
  await page.click('[aria-label="More"]');
  const saving = page.playwright.waitForEvent("download");
  await page.click("text=Export");
  const file = await saving;
  assert.equal(file.suggestedFilename(), "Saturday.json");
  const note = JSON.parse(await readFile((await file.path())!, "utf8")) as { title: string; body: string; todos: { text: string; done: boolean }[] };
  assert.equal(note.title, "Saturday");
  assert.equal(note.body, await body(page));
  assert.deepEqual(note.todos.map((todo) => `${todo.done ? "x" : "-"} ${todo.text}`), await items(page));
});

test("a second note, the list, and going back", async () => {
  await page.click('[aria-label="New note"]');
  assert.equal(await focused(page), "Note");
  assert.equal(await body(page), "");
  await page.type("Soup\nleeks");
  await page.waitFor("two notes", () => [...document.querySelectorAll(".row-name")].map((name) => name.textContent).join() === "Soup,Saturday");
  await page.click(".rows li:nth-child(2) a");
  await page.waitFor("the first note", () => document.querySelector<HTMLTextAreaElement>(".title textarea")?.value === "Saturday");
  await page.playwright.goBack();
  await waitForBody(page, "Soup\nleeks");
});

test("a note that is forgotten can be had back until the toast is gone, and not after", async () => {
  const rows = (): Promise<string> => page.evaluate(() => [...document.querySelectorAll(".row-name")].map((name) => name.textContent).join());
  await page.click('[aria-label="More"]');
  await page.click("text=Forget on this device");
  await page.waitFor("one note", () => document.querySelectorAll(".row").length === 1);
  await page.click(".toast .button");
  await waitForBody(page, "Soup\nleeks");
  assert.equal(await rows(), "Soup,Saturday");
  const forgotten = await page.evaluate(() => location.hash);

  await page.click('[aria-label="More"]');
  await page.click("text=Forget on this device");
  await page.waitFor("the toast", () => document.querySelector(".toast") !== null);
  await page.click('.toast [aria-label="Dismiss"]');
  await page.waitFor("the next note", () => document.querySelector<HTMLTextAreaElement>(".page:not(.opening) .title textarea")?.value === "Saturday");
  // Forgetting begins as the toast goes, and a page that is left at once may take it along: its address tells when it is done.
  await page.evaluate((to: string) => { location.hash = to; }, forgotten);
  await page.waitFor("its absence to be told", () => !document.querySelector<HTMLElement>(".problem")!.hidden);
  await page.reload();
  await page.waitFor("the list", () => document.querySelectorAll(".row").length > 0);
  assert.equal(await rows(), "Saturday");
});

test("a link that is cut short is told as one, and damages nothing", async () => {
  await page.evaluate(() => { location.hash = "#1w.abcdef"; });
  await page.waitFor("the problem", () => !document.querySelector<HTMLElement>(".problem")!.hidden);
  assert.match(await page.evaluate(() => document.querySelector(".problem")!.textContent!), /link/i);
  assert.equal(await page.evaluate(() => location.hash), "", "what there was of a key is out of the address bar");
  await page.click(".rows li:nth-child(1) a");
  await waitForItems(page, ["- tickets for two", "x map", "- stamps", "- soap", "- thermos"]);
});

test("nothing went wrong in the console", () => {
  assert.deepEqual(errors, []);
});
