// The app for everybody: axe finds nothing in either theme, everything is reachable by keyboard with a ring around it,
// targets are large enough, and nothing is cut off at 200 % or on a phone.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launchChromium, type ChromiumBrowser, type ChromiumPage } from "../../js/test/harness/chromium.ts";
import { serve, type StaticServer } from "../../js/test/harness/server.ts";
import { BODY, dist, waitForItems, waitForNote } from "./app.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let server: StaticServer, browser: ChromiumBrowser, page: ChromiumPage;
before(async () => {
  server = await serve({ root: dist });
  browser = await launchChromium();
  page = await browser.newPage();
  // Colours are measured; a fade that is under way would be measured as the colour of the text.
  await page.playwright.emulateMedia({ reducedMotion: "reduce" });
  await page.goto(server.url);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const check = async (what: string): Promise<void> => {
  await page.cdp.send("Runtime.evaluate", { expression: axe });
  const found = await page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } }).axe.run();
    return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`));
  });
  assert.deepEqual(found, [], what);
  const small = await page.evaluate(() => [...document.querySelectorAll("button, a[href], label.tick-target, .segments label")]
    .filter((each) => each.checkVisibility() && each.closest(".visually-hidden") === null)
    .map((each) => [each.getBoundingClientRect(), each.getAttribute("aria-label") ?? each.textContent] as const)
    .filter(([box]) => box.width < 44 || box.height < 44).map(([box, name]) => `${name} ${box.width}×${box.height}`));
  assert.deepEqual(small, [], `${what}: targets under 44 px`);
  const wide = await page.evaluate(() => {
    const over = [...document.querySelectorAll("button, a[href], input, textarea, p, h1, h2")].filter((each) => each.checkVisibility() && each.closest(".visually-hidden, .segments") === null)
      .filter((each) => { const box = each.getBoundingClientRect(); return box.left < -0.5 || box.right > innerWidth + 0.5; });
    return [document.documentElement.scrollWidth > innerWidth ? "the page scrolls sideways" : "", ...over.map((each) => each.outerHTML.slice(0, 120))].filter((each) => each !== "");
  });
  assert.deepEqual(wide, [], `${what}: outside the window`);
};

/** From the list of notes. */
const devices = async (where: string): Promise<void> => {
  await page.click("text=Devices");
  await page.click("text=Add a device");
  await page.waitFor("the code", () => document.querySelector(".devices .qr") !== null);
  await check(`${where}, devices`);
  await page.press("Escape");
};

const screens = async (where: string): Promise<void> => {
  await check(`${where}, note`);
  await page.click('[aria-label="Share"]');
  await page.waitFor("the sheet", () => document.querySelector<HTMLDialogElement>(".share")!.open);
  await check(`${where}, share sheet`);
  await page.press("Escape");
  await page.click('[aria-label="More"]');
  await check(`${where}, menu`);
  await page.click("text=Delete for everyone");
  await check(`${where}, a question`);
  await page.press("Escape");
  await page.click('[aria-label="More"]');
  await page.click("text=What the relay sees");
  await check(`${where}, drawer`);
  await page.press("Escape");
  await page.click('[role="switch"]');
  await check(`${where}, tunnel`);
  await page.click('[role="switch"]');
};

test("in both themes, wide and on a phone", async () => {
  await check("first visit");
  await page.click(BODY);
  await page.type("A note with enough words to look at, and a sentence to search for.");
  await page.waitFor("the note", () => location.hash.startsWith("#d/"));
  await page.click(".add-item");
  await page.waitFor("an item", () => document.activeElement?.getAttribute("aria-label") === "Item 1 of 1");
  await page.type("tickets");
  await page.press("Enter");
  await page.type("bread");
  await page.click(".item:nth-child(1) .tick");
  await waitForItems(page, ["x tickets", "- bread"]);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.playwright.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.resize(1280, 800);
    await screens(`${colorScheme}, wide`);
    await devices(`${colorScheme}, wide`);
    await page.resize(390, 780);
    await screens(`${colorScheme}, phone`);
    await page.click('[aria-label="All notes"]');
    await check(`${colorScheme}, list on a phone`);
    await devices(`${colorScheme}, phone`);
    await page.click(".row");
    await waitForNote(page);
  }
});

test("at 200 % and at 320 px nothing is cut off", async () => {
  for (const [width, height] of [[640, 400], [320, 568]] as const) {
    await page.resize(width, height);
    await screens(`${width} × ${height}`);
  }
});

test("a problem and an empty home, in both themes", async () => {
  await page.resize(1280, 800);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.playwright.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate((hash: string) => { location.hash = hash; }, `#1w.short-${colorScheme}`);
    await page.waitFor("the problem", () => document.querySelector<HTMLElement>(".problem")!.checkVisibility());
    await check(`${colorScheme}, bad link`);
    await page.click(".row");
    await waitForNote(page);
    await page.click('[aria-label="More"]');
    await page.click("text=Forget on this device");
    await page.waitFor("nothing", () => document.querySelector<HTMLElement>(".empty")!.checkVisibility());
    await check(`${colorScheme}, empty, with a toast`);
    await page.click(".toast .button");
    await waitForNote(page);
  }
});

test("Tab reaches everything in the order of the page, and shows where it is", async () => {
  await page.reload();
  await waitForItems(page, ["x tickets", "- bread"]);
  await page.waitFor("the list", () => document.querySelector(".row") !== null);
  // From the very beginning of the page, wherever the last press was.
  await page.evaluate(() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex"); });
  const seen: string[] = [], bare: string[] = [];
  for (let i = 0; i < 40; i++) {
    await page.press("Tab");
    const [name, ring] = await page.evaluate(() => {
      const at = document.activeElement!, style = getComputedStyle(at);
      return [at === document.body ? "" : at.getAttribute("aria-label") ?? at.textContent!.trim(), at instanceof HTMLTextAreaElement || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2] as const;
    });
    if (name === "" || name === seen[0]) break;
    seen.push(name);
    if (!ring) bare.push(name);
  }
  assert.deepEqual(seen.map((name) => name.replace(/^A note with.*/, "the note's row")), [
    "New note", "the note's row", "Open a link", "Devices", "Tunnel", "Second device", "Share", "More", "Title", "Note",
    "Move item 1 of 2", "Item 1 of 2 done", "Item 1 of 2", "Delete item 1 of 2",
    "Move item 2 of 2", "Item 2 of 2 done", "Item 2 of 2", "Delete item 2 of 2", "Add item",
  ]);
  assert.deepEqual(bare, [], "no ring");
});

test("over plain HTTP the app says at once that it cannot work there, and how it can", async () => {
  // Its own server under another name: what is not localhost is no secure context.
  await page.playwright.route("http://notes.example/**", async (route) => {
    const answer = await fetch(new URL(new URL(route.request().url()).pathname, server.url));
    await route.fulfill({ status: answer.status, headers: Object.fromEntries(answer.headers), body: Buffer.from(await answer.arrayBuffer()) });
  });
  await page.goto("http://notes.example/#1w.link");
  await page.waitFor("the page", () => document.querySelector("h1")?.textContent === "Open this over https");
  await check("plain HTTP");
  assert.equal(await page.evaluate(() => document.querySelector<HTMLAnchorElement>("main a")!.href), "https://notes.example/#1w.link");
  assert.equal(await page.evaluate(() => document.querySelectorAll("textarea").length), 0);
});
