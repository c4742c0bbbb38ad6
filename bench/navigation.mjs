// Navigation to the first editable character: the notes app, served by the relay, in Chromium.
//
//   cold     a fresh profile: nothing cached, no service worker. From navigation start until the note's text field has the focus.
//   begun    the same visit: from the first key press until the document exists and the key press is durable ("Saved here").
//   warm     a later visit with one note, through the service worker: until its text is shown and may be edited by the core.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { flags } from "./chromium.mjs";

const binary = fileURLToPath(new URL("../build/freehold", import.meta.url));
const PORT = 7391;

/** Runs in the page before anything else: notes when the field is there, and when it holds a stored text that can be edited. */
const watch = () => {
  window.marks = {};
  const look = () => {
    const field = document.querySelector(".body textarea");
    if (field !== null && !field.readOnly && !field.disabled) {
      if (document.activeElement === field) window.marks.focused ??= performance.now();
      if (field.value !== "" && location.hash.startsWith("#d/")) window.marks.shown ??= performance.now();
    }
    if (window.marks.shown === undefined) requestAnimationFrame(look);
  };
  document.addEventListener("readystatechange", look, { once: true });
};

const summary = (what, times) => {
  const sorted = [...times].sort((a, b) => a - b);
  return { what, median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1), times };
};

export async function navigation({ rounds }) {
  const data = mkdtempSync(join(tmpdir(), "freehold-nav-relay-"));
  const relay = spawn(binary, ["serve", "--listen", `127.0.0.1:${PORT}`, "--data", data], { stdio: "ignore" });
  const url = `http://127.0.0.1:${PORT}/`;
  while (!(await fetch(`${url}healthz`).then((r) => r.ok, () => false))) await new Promise((r) => setTimeout(r, 20));
  const cold = [], begun = [], warm = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const profile = mkdtempSync(join(tmpdir(), "freehold-nav-"));
      const launch = () => chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", args: flags, headless: true });
      let context = await launch();
      await context.addInitScript(watch);
      let page = context.pages()[0] ?? await context.newPage();
      await page.goto(url);
      cold.push(await page.waitForFunction(() => window.marks.focused).then((h) => h.jsonValue()));
      const typed = await page.evaluate(() => performance.now());
      await page.keyboard.type("a");
      begun.push(await page.waitForFunction(() => /Saved here|Up to date|on relay/.test(document.querySelector(".chip-words")?.textContent ?? "") && performance.now(), null, { polling: "raf" }).then((h) => h.jsonValue()) - typed);
      await page.waitForFunction(() => navigator.serviceWorker.controller !== null || navigator.serviceWorker.ready);
      await page.waitForFunction(() => location.hash.startsWith("#d/"));
      await context.close();
      context = await launch();
      await context.addInitScript(watch);
      page = context.pages()[0] ?? await context.newPage();
      await page.goto(url);
      warm.push(await page.waitForFunction(() => window.marks.shown).then((h) => h.jsonValue()));
      await context.close();
      rmSync(profile, { recursive: true, force: true });
      process.stderr.write("n");
    }
  } finally {
    relay.kill();
    rmSync(data, { recursive: true, force: true });
  }
  return [summary("cold: navigation to the caret in an empty note", cold), summary("first key press to durable on the device (a new document is made)", begun), summary("warm: navigation to a stored note, editable", warm)];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await navigation({ rounds: 3 }));
