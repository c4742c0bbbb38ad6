// Devices for end-to-end tests: a browser with a profile of its own that runs the test page.

import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { launch, type Browser, type Engine, type Page } from "../harness/browser.ts";
import { serve, type StaticServer } from "../harness/server.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Bundles a test entry; the package stays what it is: the built file, by its public name. */
export const entry = async (file: string): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [path(file)],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "silent",
    ignoreAnnotations: true, // a worker's entry is all side effects
    external: ["./inline.js"], // beside the page, as in the package
    plugins: [{ name: "freehold", setup: (b) => b.onResolve({ filter: /^freehold$/ }, () => ({ path: "/index.js", external: true })) }],
  });
  return outputFiles[0]!.text;
};

/** Serves the test page, the built package beside it and the traces. `files` adds more. */
export const serveApp = async (files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<StaticServer> =>
  serve({
    root: path("../../dist"),
    files: {
      "/index.html": `<!doctype html><html lang="en"><meta charset="utf-8"><title>e2e</title><script type="module" src="/page.js"></script></html>`,
      "/page.js": await entry("./page.ts"),
      "/automerge-paper.json.gz": await readFile(path("../../../bench/traces/automerge-paper.json.gz")),
      ...files,
    },
  });

/** The address of one, of several, or none. */
export type Relays = string | readonly string[] | null;

export interface Device {
  readonly browser: Browser;
  readonly page: Page;
  /** Loads the page again and starts the package; the profile stays. */
  load(relay: Relays, workerUrl?: string): Promise<void>;
}

/** In a browser of its own unless told: another origin, so another server, is another device of one browser. */
export const device = async (engine: Engine, app: StaticServer, relay: Relays, o: { profileDir?: string; workerUrl?: string; browser?: Browser } = {}): Promise<Device> => {
  const browser = o.browser ?? await launch(engine, o.profileDir === undefined ? {} : { profileDir: o.profileDir });
  const page = await browser.newPage();
  const load = async (to: Relays, workerUrl?: string): Promise<void> => {
    await page.goto(`${app.url}/`);
    await page.waitFor("the test page", () => window.app !== undefined);
    await page.evaluate((relayUrl, worker) => window.app.start(relayUrl, worker ?? undefined), to, workerUrl ?? null);
  };
  await load(relay, o.workerUrl);
  return { browser, page, load };
};
