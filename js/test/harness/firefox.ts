// Debian's Firefox ESR, driven by puppeteer-core over WebDriver BiDi.

import { existsSync } from "node:fs";
import { launch as puppeteerLaunch, type Page as PuppeteerPage, type KeyInput } from "puppeteer-core";
import type { Browser, LaunchOptions, Page, Plain } from "./browser.ts";
import { adopt, killTree } from "./processes.ts";
import { profile } from "./profile.ts";
import { callExpression, waiterOver } from "./script.ts";

const PROGRAM = "/usr/lib/firefox-esr/firefox-esr";
/** Quiet, off the network, without a word about the crash before, and with storage granted without a prompt that nobody would answer. */
const PREFS: Prefs = {
  "app.update.auto": false, "app.normandy.enabled": false,
  "browser.safebrowsing.malware.enabled": false, "browser.safebrowsing.phishing.enabled": false, "browser.safebrowsing.downloads.enabled": false,
  "datareporting.healthreport.uploadEnabled": false, "datareporting.policy.dataSubmissionEnabled": false, "toolkit.telemetry.enabled": false,
  "network.captive-portal-service.enabled": false, "network.connectivity-service.enabled": false, "extensions.update.enabled": false,
  "services.settings.server": "data:,#", "toolkit.startup.max_resumed_crashes": -1, "browser.sessionstore.resume_from_crash": false,
  "dom.storageManager.prompt.testing": true, "dom.storageManager.prompt.testing.allow": true,
};

export interface FirefoxPage extends Page {
  readonly puppeteer: PuppeteerPage;
}
export interface FirefoxBrowser extends Browser {
  newPage(): Promise<FirefoxPage>;
}

const pageOver = (page: PuppeteerPage): FirefoxPage => {
  const evaluate = async <A extends readonly Plain[], T>(run: (...args: A) => T | Promise<T>, ...args: A): Promise<T> =>
    JSON.parse(String(await page.evaluate(callExpression(run, args)))) as T;
  return {
    puppeteer: page,
    goto: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    url: async () => page.url(),
    evaluate,
    waitFor: waiterOver(evaluate),
    click: (selector) => page.click(selector),
    type: (text) => page.keyboard.type(text),
    press: async (key) => {
      const keys = key.split("+") as KeyInput[];
      for (const k of keys) await page.keyboard.down(k);
      for (const k of keys.reverse()) await page.keyboard.up(k);
    },
    resize: (width, height) => page.setViewport({ width, height }),
    screenshot: () => page.screenshot(),
    close: () => page.close(),
  };
};

type Prefs = Readonly<Record<string, string | number | boolean>>;

export const launchFirefox = async (o: LaunchOptions & { readonly prefs?: Prefs } = {}): Promise<FirefoxBrowser> => {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: install Debian's package firefox-esr`);
  const { dir, end } = await profile(o.profileDir);
  const browser = await puppeteerLaunch({
    browser: "firefox", executablePath: PROGRAM, headless: true, userDataDir: dir, extraPrefsFirefox: { ...PREFS, ...o.prefs },
    env: { ...process.env, MOZ_CRASHREPORTER_DISABLE: "1" },
    handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false,
  });
  const child = browser.process();
  if (child === null) throw new Error("puppeteer started no process");
  adopt(child);
  return {
    engine: "firefox",
    version: await browser.version(),
    newPage: async () => {
      const page = await browser.newPage();
      await page.setViewport(o.size ?? { width: 1280, height: 800 });
      return pageOver(page);
    },
    close: async () => {
      await browser.close();
      await killTree(child);
      await end();
    },
    kill: async () => {
      await killTree(child);
      await browser.disconnect().catch(() => undefined);
      await end();
    },
  };
};
