// What the tests of the app share: where it is built, and the app as a person sees it.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ChromiumPage } from "../../js/test/harness/chromium.ts";
import type { Page } from "../../js/test/harness/browser.ts";

export const dist: string = fileURLToPath(new URL("../dist", import.meta.url));
if (!existsSync(`${dist}/sw.js`)) throw new Error("web/dist is not built: run `make web` first");

export const BODY = ".body textarea";
export const TITLE = ".title textarea";

/** The visible words of the chip. */
export const chip = (page: Page): Promise<string> => page.evaluate(() => document.querySelector(".chip-words")!.textContent!);
export const waitForChip = async (page: Page, words: string): Promise<void> => {
  try {
    await page.waitFor("the chip", (words: string) => document.querySelector(".chip-words")?.textContent === words, { args: [words] });
  } catch (cause) {
    throw new Error(`the chip says “${await chip(page)}”, not “${words}”`, { cause });
  }
};

export const body = (page: Page): Promise<string> => page.evaluate(() => document.querySelector<HTMLTextAreaElement>(".body textarea")!.value);
/** A note is on the page and can be worked with. Its head shows before it is open, and takes no key press. */
export const waitForNote = (page: Page): Promise<boolean> =>
  page.waitFor("an open note", () => document.querySelector<HTMLElement>(".page:not(.opening)")?.checkVisibility() === true);
/** An open note has this body. */
export const waitForBody = (page: Page, text: string): Promise<boolean> =>
  page.waitFor(`the body to be ${JSON.stringify(text)}`, (text: string) => document.querySelector<HTMLTextAreaElement>(".page:not(.opening) .body textarea")?.value === text, { args: [text] });

/** The checklist as lines: "- text", "x text" when done. */
export const items = (page: Page): Promise<string[]> =>
  page.evaluate(() => [...document.querySelectorAll(".item")].map((row) =>
    `${row.querySelector<HTMLInputElement>(".tick")!.checked ? "x" : "-"} ${row.querySelector("textarea")!.value}`));
export const waitForItems = (page: Page, lines: readonly string[]): Promise<boolean> =>
  page.waitFor(`the items ${lines.join(" / ")}`, (wanted: string) => wanted === [...document.querySelectorAll(".item")].map((row) =>
    `${row.querySelector<HTMLInputElement>(".tick")!.checked ? "x" : "-"} ${row.querySelector("textarea")!.value}`).join("\n"), { args: [lines.join("\n")] });

/** The accessible name of what has the focus. */
export const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");

/** Errors that the page printed or threw; a test ends by finding none. */
export const watchErrors = (page: ChromiumPage): string[] => {
  const errors: string[] = [];
  page.playwright.on("console", (message) => { if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(message.text())) errors.push(message.text()); });
  page.playwright.on("pageerror", (error) => errors.push(String(error.stack)));
  return errors;
};

/** Waits for something across a reload: a page that is going away answers nothing, which is not an answer. */
export const waitAcross = async (page: Page, what: string, run: () => boolean | Promise<boolean>, timeout = 10_000): Promise<void> => {
  for (const end = performance.now() + timeout; ;) {
    if (await page.evaluate(run).catch(() => false)) return;
    if (performance.now() > end) throw new Error(`${what}: not within ${timeout} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
