// Lives of a whole Chromium on one profile, each ended by SIGKILL the moment a number was reported durable.

import { appendFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ChromiumPage } from "../harness/chromium.ts";
import { launchChromium } from "../harness/chromium.ts";

export interface Life {
  /** The highest number that had been reported when the kill went out, or −1. */
  readonly acknowledged: number;
}

/**
 * Starts Chromium on the profile, opens the page, lets `begin` look and start a write loop that calls `ack(n)` with each durable number, and kills
 * the browser when `killAt` was reported. What counts as acknowledged is frozen in the very message handler that kills.
 */
export const life = async (profileDir: string, url: string, killAt: number, begin: (page: ChromiumPage) => Promise<void>): Promise<Life> => {
  const browser = await launchChromium({ profileDir });
  try {
    const page = await browser.newPage();
    await page.cdp.send("Runtime.enable");
    await page.cdp.send("Runtime.addBinding", { name: "ack" });
    let acknowledged = -1;
    const reached = new Promise<void>((resolve) => {
      page.cdp.on("Runtime.bindingCalled", ({ name, payload }) => {
        if (name !== "ack" || acknowledged >= killAt) return;
        acknowledged = Number(payload);
        if (acknowledged < killAt) return;
        browser.killNow();
        resolve();
      });
    });
    await page.goto(url);
    await begin(page);
    await reached;
    return { acknowledged };
  } finally {
    await browser.kill();
  }
};

/** The LevelDB log of every IndexedDB in the profile gets 7 stray bytes, as a torn write leaves them. */
export const tearIndexedDB = async (profileDir: string): Promise<void> => {
  const folder = join(profileDir, "Default", "IndexedDB");
  let torn = 0;
  for (const database of await readdir(folder)) {
    if (!database.endsWith(".leveldb")) continue;
    for (const file of await readdir(join(folder, database))) {
      if (!file.endsWith(".log")) continue;
      await appendFile(join(folder, database, file), Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
      torn++;
    }
  }
  if (torn === 0) throw new Error(`no LevelDB log in ${folder}`);
};

/** Deletes the origin private file system of the profile. */
export const deleteOpfs = (profileDir: string): Promise<void> => rm(join(profileDir, "Default", "File System"), { recursive: true });
