// Who is here: names, colours and carets of the others, as a person sees them. Two loopback addresses are two devices.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { startRelay, type RelayProcess } from "../../js/test/e2e/relayprocess.ts";
import { launchChromium, type ChromiumBrowser, type ChromiumPage } from "../../js/test/harness/chromium.ts";
import { calledOf } from "../src/people.ts";
import { BODY, waitForBody, waitForChip, watchErrors } from "./app.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let relay: RelayProcess, browser: ChromiumBrowser, a: ChromiumPage, b: ChromiumPage, errors: string[];
before(async () => {
  relay = await startRelay();
  browser = await launchChromium();
  await browser.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  [a, b] = [await browser.newPage(), await browser.newPage()];
  errors = [...watchErrors(a), ...watchErrors(b)];
});
after(async () => {
  await browser?.close();
  await relay?.end();
});

const call = async (page: ChromiumPage, name: string): Promise<void> => {
  await page.playwright.bringToFront();
  await page.click('[aria-label="More"]');
  await page.click("text=Your name");
  await page.waitFor("the sheet", () => document.querySelector<HTMLDialogElement>(".name")!.open);
  await page.evaluate(() => { document.querySelector<HTMLInputElement>(".name input")!.value = ""; });
  await page.type(name);
  await page.press("Enter");
};
/** The accessible names of who is here. */
const here = (page: ChromiumPage, names: readonly string[]): Promise<boolean> =>
  page.waitFor(`${JSON.stringify(names)} to be here`, (wanted: string) => {
    const list = document.querySelector<HTMLElement>(".people")!;
    return JSON.stringify(list.checkVisibility() ? [...list.querySelectorAll("li bdi")].map((each) => each.textContent) : []) === wanted;
  }, { args: [JSON.stringify(names)] });

test("two people see each other's name, and where the other is", async () => {
  await a.goto(`${relay.url}/`.replace("127.0.0.1", "localhost"));
  await a.type("Who is here?");
  await waitForChip(a, "Saved here · on relay");
  await call(a, "Ann");
  await a.click('[aria-label="Share"]');
  await a.waitFor("the sheet", () => document.querySelector<HTMLDialogElement>(".share")!.open);
  await a.click(".share .primary");
  await a.waitFor("the copy", () => document.querySelector(".share .primary")!.textContent === "Copied");
  const link = await a.evaluate(() => navigator.clipboard.readText());
  await a.press("Escape");
  await b.playwright.bringToFront();
  await b.goto(`${relay.url}/${new URL(link).hash}`);
  await waitForBody(b, "Who is here?");
  await here(b, ["Ann"]);
  await here(a, ["Somebody"]);
  await call(b, "Bob");
  await here(a, ["Bob"]);

  await b.click(BODY);
  await b.evaluate(() => document.querySelector<HTMLTextAreaElement>(".body textarea")!.setSelectionRange(3, 3));
  await a.waitFor("Bob's caret", () => document.querySelector(".caret")?.previousSibling?.textContent === "Who" && document.querySelector(".caret-name")!.textContent === "Bob");
  await b.type("m");
  await a.waitFor("Bob's caret behind what he wrote", () => document.querySelector(".caret")?.previousSibling?.textContent === "Whom");
  await a.playwright.bringToFront();
  await a.click(BODY);
  await a.press("Control+Home");
  await a.type("> ");
  await a.waitFor("one's own edits to move it", () => document.querySelector(".caret")?.previousSibling?.textContent === "> Whom");
  const [mark, dot] = await a.evaluate(() => [".caret", ".person"].map((each) => document.querySelector(each)!.getAttribute("data-colour")));
  assert.equal(mark, dot, "a person has one colour");
  await a.waitFor("the chip to tell that Bob has it", () => /seen by 1 device$/.test(document.querySelector(".chip-words")!.textContent!));
});

test("axe finds nothing wrong with them, in either theme", async () => {
  await a.playwright.emulateMedia({ reducedMotion: "reduce" });
  for (const colorScheme of ["light", "dark"] as const) {
    await a.playwright.emulateMedia({ colorScheme });
    await a.cdp.send("Runtime.evaluate", { expression: axe });
    const found = await a.evaluate(async () => {
      const { violations } = await (window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { failureSummary: string }[] }[] }> } }).axe.run();
      return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.failureSummary}`));
    });
    assert.deepEqual(found, [], colorScheme);
    const folder = process.env["SCREENSHOTS"];
    if (folder !== undefined) await a.playwright.screenshot({ path: `${folder}/people-${colorScheme}.png` });
  }
  await a.playwright.emulateMedia({ colorScheme: null, reducedMotion: null });
});

test("who goes to another note is gone, and the name stays for the next visit", async () => {
  await b.playwright.bringToFront();
  const note = await b.evaluate(() => location.href);
  await b.evaluate(() => { location.hash = "#new"; });
  await here(a, []);
  await a.waitFor("no caret", () => document.querySelector(".caret") === null);
  await b.goto(note);
  await b.reload();
  await here(a, ["Bob"]);
});

test("a name of nothing, of many words, of many lines", () => {
  assert.equal(calledOf(" \n "), "Somebody");
  assert.equal(calledOf("Ann\u0007\n  Other"), "Ann Other");
  assert.equal([...calledOf("\u{1f600}".repeat(99))].length, 40);
});

test("nothing went wrong in the console", () => {
  assert.deepEqual(errors, []);
});
