// Two devices and a relay: the storyboard from the second device to the pulled plug, as a person would do it.
// Two loopback addresses are two origins, so one browser is two devices.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startRelay, type RelayProcess } from "../../js/test/e2e/relayprocess.ts";
import { launchChromium, type ChromiumBrowser, type ChromiumPage } from "../../js/test/harness/chromium.ts";
import { body, BODY, chip, waitForBody, waitForChip, waitForItems, watchErrors } from "./app.ts";

const SENTENCE = "The key to the hut is where it always is.";

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

const copiedLink = async (can: "Read" | "Write"): Promise<string> => {
  await a.playwright.bringToFront();
  await a.click('[aria-label="Share"]');
  await a.waitFor("the sheet", () => document.querySelector<HTMLDialogElement>(".share")!.open);
  await a.click(`.segments label:text-is("${can}")`);
  await a.click(".share .primary");
  await a.waitFor("the copy", () => document.querySelector(".share .primary")!.textContent === "Copied");
  const [link, fine, shown] = [await a.evaluate(() => navigator.clipboard.readText()), await a.evaluate(() => document.querySelector(".share .fine")!.textContent), await a.evaluate(() => document.querySelector(".link-text")!.textContent!)];
  assert.equal(fine, `The key is after the #. The relay never gets it. Anyone with this link can ${can.toLowerCase()}.`);
  assert.match(shown, /…/, "the middle is left out");
  assert.ok(!shown.includes(new URL(link).hash), "what is shown is not the link");
  await a.press("Escape");
  return link;
};

test("what is typed is saved here, then on the relay", async () => {
  await a.goto(here);
  await a.type(SENTENCE);
  await waitForChip(a, "Saved here · on relay");
});

test("Second device opens a phone-sized window that has the note", async () => {
  const opened = browser.context.waitForEvent("page");
  // What was asked for: a headless browser gives every window the same size.
  const asked = new Promise<readonly string[]>((resolve) => a.cdp.once("Page.windowOpen", (event) => resolve(event.windowFeatures)));
  await a.cdp.send("Page.enable");
  await a.click('[aria-label="Second device"]');
  const phone = await opened;
  await phone.waitForURL(`${there}#d/*`);
  await phone.locator(BODY).waitFor();
  await phone.waitForFunction((text) => document.querySelector<HTMLTextAreaElement>(".body textarea")?.value === text, SENTENCE);
  assert.deepEqual((await asked).filter((feature) => /=/.test(feature)).sort(), ["height=780", "width=390"]);
  await phone.close();
});

test("a link opens the note and its key leaves the address bar", async () => {
  const link = await copiedLink("Write");
  assert.match(link, /^http:\/\/localhost:\d+\/#1w\./);
  await b.playwright.bringToFront();
  await b.goto(there + new URL(link).hash);
  await waitForBody(b, SENTENCE);
  const secret = new URL(link).hash.split(".")[2]!;
  assert.match(await b.evaluate(() => location.href), /#d\/[a-z2-7]{32}$/);
  assert.ok(!(await b.evaluate(() => location.href)).includes(secret));
});

test("what the relay sees: its bytes, and the sentence 0 times", async () => {
  await a.playwright.bringToFront();
  await a.click('[aria-label="More"]');
  await a.click("text=What the relay sees");
  await a.waitFor("a row", () => document.querySelectorAll(".envelope").length > 0);
  assert.equal(await a.evaluate(() => document.querySelector<HTMLInputElement>(".drawer input")!.value), SENTENCE);
  assert.equal(await a.evaluate(() => document.querySelector(".found")!.textContent), "found 0 timesand 1 time in your note");
  const rows = await a.evaluate(() => document.querySelectorAll(".envelope").length);
  await a.click(BODY);
  await a.press("Control+End");
  await a.type("!");
  await a.waitFor("a new row while the drawer is open", (rows: number) => document.querySelectorAll(".envelope").length > rows, { args: [rows] });
  await a.click('.drawer [aria-label="Close"]');
  await waitForBody(b, `${SENTENCE}!`);
});

test("others' words do not move the caret, and glow once", async () => {
  await b.playwright.bringToFront();
  await b.click(BODY);
  await b.waitFor("earlier glow to be over", () => document.querySelector(".glow") === null);
  await b.evaluate(() => {
    document.querySelector<HTMLTextAreaElement>(".body textarea")!.setSelectionRange(8, 11);
    const glowed: string[] = [], known = new Set<Element>();
    Object.assign(window, { glowed });
    // Each glow once: others' carets come and go in the same place while it lasts.
    new MutationObserver(() => {
      for (const range of document.querySelectorAll(".glow-range")) {
        if (!known.has(range)) glowed.push(range.textContent!);
        known.add(range);
      }
    }).observe(document.querySelector(".body")!, { childList: true });
  });
  await a.playwright.bringToFront();
  await a.click(BODY);
  await a.evaluate(() => document.querySelector<HTMLTextAreaElement>(".body textarea")!.setSelectionRange(0, 0));
  await a.playwright.keyboard.insertText("Remember: ");
  await waitForBody(b, `Remember: ${SENTENCE}!`);
  assert.deepEqual(await b.evaluate(() => { const area = document.querySelector<HTMLTextAreaElement>(".body textarea")!; return [area.selectionStart, area.selectionEnd]; }), [18, 21]);
  assert.deepEqual(await b.evaluate(() => (window as unknown as { glowed: string[] }).glowed), ["Remember: "]);
  await b.waitFor("the glow to be over", () => document.querySelector(".glow") === null);
  await b.playwright.emulateMedia({ reducedMotion: "reduce" });
  await a.playwright.keyboard.insertText("please ");
  await waitForBody(b, `Remember: please ${SENTENCE}!`);
  assert.equal(await b.evaluate(() => (window as unknown as { glowed: string[] }).glowed.length), 1, "no glow under reduced motion");
  await b.playwright.emulateMedia({ reducedMotion: null });
});

test("words that an input method composes are not torn by what others write meanwhile", async () => {
  const before = await body(b);
  await a.click(BODY);
  await b.playwright.bringToFront();
  await b.click(BODY);
  await b.press("Control+End");
  await b.cdp.send("Input.imeSetComposition", { text: "\u306b\u307b", selectionStart: 2, selectionEnd: 2 });
  assert.equal(await body(b), `${before}\u306b\u307b`);
  // A types in the background: a window that loses the focus ends its composition.
  await a.press("Control+Home");
  await a.type("Yes. ");
  await a.waitFor("the relay to have it", () => document.querySelector(".chip-words")!.textContent!.startsWith("Saved here · on relay")); // and soon: seen by B
  // It has arrived when the list, which shows the document, has it; the field holds on to the composition.
  await b.waitFor("the words to arrive", () => document.querySelector(".row-name")!.textContent!.startsWith("Yes. "));
  assert.equal(await body(b), `${before}\u306b\u307b`);
  await b.cdp.send("Input.insertText", { text: "\u65e5\u672c" });
  await waitForBody(b, `Yes. ${before}\u65e5\u672c`);
  await waitForBody(a, `Yes. ${before}\u65e5\u672c`);
  assert.equal(await b.evaluate(() => document.querySelector<HTMLTextAreaElement>(".body textarea")!.selectionEnd), `Yes. ${before}\u65e5\u672c`.length);
  for (const _ of "\u65e5\u672c") await b.press("Backspace");
  await waitForBody(a, `Yes. ${before}`);
});

test("in the tunnel both go on, reload at once, and come out the same", async () => {
  for (const page of [a, b]) {
    await page.playwright.bringToFront();
    await page.click('[role="switch"]');
    await page.waitFor("the tunnel", () => document.querySelector(".chip-words")!.textContent!.startsWith("In the tunnel"));
  }
  await a.playwright.bringToFront();
  await a.click(BODY);
  await a.press("Control+End");
  await a.type(" From A.");
  await a.click(".add-item");
  await a.waitFor("the item", () => document.activeElement?.getAttribute("aria-label") === "Item 1 of 1");
  await a.type("tickets");
  await a.waitFor("waiting envelopes", () => /^In the tunnel · saved here · \d+ waiting$/.test(document.querySelector(".chip-words")!.textContent!));
  await b.playwright.bringToFront();
  await b.click(BODY);
  await b.press("Control+End");
  await b.type(" From B.");
  await b.waitFor("waiting envelopes", () => /^In the tunnel · saved here · \d+ waiting$/.test(document.querySelector(".chip-words")!.textContent!));
  await b.reload();
  await waitForBody(b, `Yes. Remember: please ${SENTENCE}! From B.`);
  await b.waitFor("still in the tunnel", () => document.querySelector(".chip-words")!.textContent!.startsWith("In the tunnel"));

  for (const page of [a, b]) {
    await page.playwright.bringToFront();
    await page.click('[role="switch"]');
  }
  await waitForItems(b, ["- tickets"]);
  await b.waitFor("both", () => { const text = document.querySelector<HTMLTextAreaElement>(".body textarea")!.value; return text.includes("From A.") && text.includes("From B."); });
  await waitForBody(a, await body(b));
  for (const page of [a, b]) await page.waitFor("to be up to date", () => document.querySelector(".chip-words")!.textContent!.startsWith("Up to date"));
});

test("the relay goes: reload, type on; it comes back: sent", async () => {
  await a.playwright.bringToFront();
  await relay.stop();
  await waitForChip(a, "Relay gone · still yours");
  await a.reload();
  await waitForBody(a, await body(b));
  await a.click(BODY);
  await a.press("Control+Home");
  await a.type("Still here. ");
  await waitForChip(a, "Relay gone · still yours");
  await relay.start();
  await a.waitFor("to be up to date", () => document.querySelector(".chip-words")!.textContent!.startsWith("Up to date"), { timeout: 30_000 });
  await waitForBody(b, await body(a));
});

test("a link that reads does not write", async () => {
  const link = await copiedLink("Read");
  assert.match(link, /#1r\./);
  const reader = await launchChromium();
  try {
    const page = await reader.newPage();
    await page.goto(link);
    await waitForBody(page, await body(a));
    assert.equal(await page.evaluate(() => [...document.querySelectorAll("textarea")].every((area) => area.readOnly || !area.checkVisibility())), true);
    assert.equal(await page.evaluate(() => document.querySelector<HTMLElement>(".read-only")!.checkVisibility()), true);
    assert.equal(await page.evaluate(() => document.querySelector<HTMLElement>(".add-item")!.checkVisibility()), false);
  } finally {
    await reader.close();
  }
});

test("a link opened in the tunnel waits for the first copy, and says so", async () => {
  const link = await copiedLink("Write");
  const other = await launchChromium();
  try {
    const page = await other.newPage();
    await page.goto(there);
    await page.click('[role="switch"]');
    await page.evaluate((hash: string) => { location.hash = hash; }, new URL(link).hash);
    await page.waitFor("the words", () => document.querySelector<HTMLElement>(".waiting")!.checkVisibility());
    assert.equal(await chip(page), "In the tunnel · waiting for the first copy");
    await page.click('[role="switch"]');
    await waitForBody(page, await body(a));
  } finally {
    await other.close();
  }
});

test("nothing went wrong in the console", () => {
  assert.deepEqual(errors, []);
});
