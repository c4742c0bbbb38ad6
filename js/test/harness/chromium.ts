// Debian's Chromium with a profile on disk, spawned by ourselves (so that it can be killed) and driven by playwright-core over CDP.
//
// /usr/bin/chromium is a shell script around the program: killing it would leave the browser alive.

import { existsSync } from "node:fs";
import { chromium, type BrowserContext, type CDPSession, type Page as PlaywrightPage } from "playwright-core";
import type { Browser, LaunchOptions, Page, Plain } from "./browser.ts";
import { killTree, killTreeNow, printed, start } from "./processes.ts";
import { profile } from "./profile.ts";
import { callExpression, waiterOver } from "./script.ts";

const PROGRAM = "/usr/lib/chromium/chromium";
const FLAGS = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--hide-crash-restore-bubble", "--noerrdialogs", "--disable-dev-shm-usage", "--remote-debugging-port=0",
];

/** A page of Chromium also gives what only Chromium has. */
export interface ChromiumPage extends Page {
  readonly playwright: PlaywrightPage;
  readonly cdp: CDPSession;
}
export interface ChromiumBrowser extends Browser {
  readonly context: BrowserContext;
  /** The kill alone, without waiting: for the handler that must not let anything happen in between. */
  killNow(): void;
  newPage(): Promise<ChromiumPage>;
}

const pageOver = async (context: BrowserContext, page: PlaywrightPage): Promise<ChromiumPage> => {
  const cdp = await context.newCDPSession(page);
  const evaluate = async <A extends readonly Plain[], T>(run: (...args: A) => T | Promise<T>, ...args: A): Promise<T> => {
    // Straight to the engine: playwright's own way goes through `eval`, which Trusted Types forbid.
    const { result, exceptionDetails } = await cdp.send("Runtime.evaluate", { expression: callExpression(run, args), awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return JSON.parse(String(result.value)) as T;
  };
  return {
    playwright: page,
    cdp,
    goto: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    url: async () => page.url(),
    evaluate,
    waitFor: waiterOver(evaluate),
    click: (selector) => page.click(selector),
    type: (text) => page.keyboard.type(text),
    press: (key) => page.keyboard.press(key),
    resize: (width, height) => page.setViewportSize({ width, height }),
    screenshot: async () => new Uint8Array(await page.screenshot()),
    close: () => page.close(),
  };
};

export const launchChromium = async (o: LaunchOptions = {}): Promise<ChromiumBrowser> => {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: install Debian's package chromium`);
  const { width, height } = o.size ?? { width: 1280, height: 800 };
  const { dir, end } = await profile(o.profileDir);
  const child = start(PROGRAM, [...FLAGS, `--user-data-dir=${dir}`, `--window-size=${width},${height}`, "about:blank"], {
    env: { ...process.env, TMPDIR: dir }, // a killed Chromium leaves its socket's folder behind: it goes with the profile
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const [, endpoint] = await printed(child, /DevTools listening on (ws:\/\/\S+)/);
  const browser = await chromium.connectOverCDP(endpoint as string);
  const context = browser.contexts()[0] as BrowserContext;
  return {
    engine: "chromium",
    version: browser.version(),
    context,
    newPage: async () => {
      const page = await context.newPage();
      await page.setViewportSize({ width, height });
      return pageOver(context, page);
    },
    close: async () => {
      const cdp = await browser.newBrowserCDPSession();
      await cdp.send("Browser.close").catch(() => undefined);
      await ended;
      await killTree(child);
      await browser.close().catch(() => undefined);
      await end();
    },
    killNow: () => killTreeNow(child),
    kill: async () => {
      await killTree(child);
      await browser.close().catch(() => undefined);
      await end();
    },
  };
};
