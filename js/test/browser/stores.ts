// A server with the rig page and one worker entry.

import { join } from "node:path";
import { bundle } from "../harness/bundle.ts";
import type { Page, Plain } from "../harness/browser.ts";
import { serve, type StaticServer } from "../harness/server.ts";

const pages = join(import.meta.dirname, "pages");

export const serveWorker = async (entry: string): Promise<StaticServer> =>
  serve({
    files: {
      "/index.html": `<!doctype html><html lang="en"><title>${entry}</title><script type="module" src="/rig.js"></script>`,
      "/rig.js": await bundle(join(pages, "rig.ts")),
      "/worker.js": await bundle(join(pages, entry)),
    },
  });

/** Calls an operation of the page's worker. */
export const call = <T>(page: Page, op: string, ...args: readonly Plain[]): Promise<T> =>
  page.evaluate((o, a) => (globalThis as unknown as { call(op: string, ...args: readonly Plain[]): Promise<T> }).call(o, ...a), op, args);
