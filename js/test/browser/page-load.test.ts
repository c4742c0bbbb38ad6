// The built package in real browsers, under the production CSP and with no bundler: it loads, keeps, and finds its way when the wasm or the
// worker's script is not where it should be. Needs js/dist (make js).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { launch, type Engine } from "../harness/browser.ts";
import { serve } from "../harness/server.ts";

const dist = (name: string): Uint8Array => readFileSync(new URL(`../../dist/${name}`, import.meta.url));
const PACKAGE = { "/index.js": dist("index.js"), "/vault.js": dist("vault.js"), "/inline.js": dist("inline.js"), "/freehold.wasm": dist("freehold.wasm") };

/** Adds a word to the one note of home `name`; reports on the window. */
const APP = `
import { freehold, defineDoc, s } from "/index.js";
const Note = defineDoc("note", { version: 1, shape: { title: s.string().default("Untitled"), body: s.text() } });
const problems = [];
const run = async (name, workerUrl) => {
  const home = freehold({ name, ...(workerUrl ? { workerUrl } : {}), onProblem: (e) => problems.push(e.code + ": " + e.message) });
  await home.ready;
  const last = home.list(Note).value[0];
  const note = last ? await home.open(Note, last.id) : await home.create(Note);
  const seen = [];
  note.subscribe((v) => seen.push(v.body.toString()));
  note.change((d) => d.body.insert(d.body.length, "word "));
  await note.saved();
  return { seen, status: note.status.value, problems, head: last?.head.body.toString() ?? null, link: (await note.link("read")).href };
};
window.run = run;
/** What whoever opens a home is told where files are missing. */
window.fail = async (name) => {
  const told = [];
  const home = freehold({ name, onProblem: (e) => told.push(e.code + ": " + e.message) });
  const said = await home.create(Note).then(() => "made", (e) => e.code + ": " + e.message + " (" + e.hint + ")");
  return { said, told };
};
`;
type Ran = { seen: string[]; status: { newest: string; copies: number; problem: unknown }; problems: string[]; head: string | null; link: string };
const HTML = `<!doctype html><html lang="en"><title>freehold</title><script type="module" src="/app.js"></script>`;

/** IndexedDB alone where sync handles are missing. */
const copies: Readonly<Record<Engine, number>> = { chromium: 2, firefox: 2, webkit: 1 };

for (const engine of ["chromium", "firefox", "webkit"] as const satisfies readonly Engine[]) {
  test(`${engine}: the package loads and keeps what was saved`, async (t) => {
    const server = await serve({ files: { ...PACKAGE, "/index.html": HTML, "/app.js": APP } });
    t.after(() => server.stop());
    // What a development server that does not know wasm says: its page, with status 200.
    const lost = await serve({ files: { ...PACKAGE, "/freehold.wasm": HTML, "/index.html": HTML, "/app.js": APP } });
    t.after(() => lost.stop());
    const browser = await launch(engine);
    t.after(() => browser.kill());
    const page = await browser.newPage();
    const run = async (url: string, name: string, worker = ""): Promise<Ran> => {
      await page.goto(`${url}/`);
      await page.waitFor("the module", () => "run" in window);
      return page.evaluate((n, w) => (window as unknown as { run(n: string, w: string): Promise<Ran> }).run(n, w), name, worker);
    };

    const first = await run(server.url, "a");
    assert.deepEqual(first.seen, ["", "word "]);
    assert.deepEqual([first.status.newest, first.status.copies, first.status.problem, first.problems], ["device", copies[engine], null, []]);
    assert.match(first.link, /^http:\/\/127\.0\.0\.1:\d+\/#1r\./);
    const again = await run(server.url, "a");
    assert.deepEqual(again.seen, ["word ", "word word "]);

    const noWorker = await run(server.url, "b", "/nothing-here.js");
    assert.deepEqual([noWorker.seen, noWorker.status.newest, noWorker.status.copies], [["", "word "], "device", 1]);
    assert.equal(noWorker.problems.length, 1, noWorker.problems.join("\n"));
    assert.match(noWorker.problems[0]!, /^not-ready: no worker starts from http:.*\/nothing-here\.js: what is stored here has one copy/);
    const noWorkerAgain = await run(server.url, "b", "/nothing-here.js");
    assert.equal(noWorkerAgain.seen.at(-1), "word word ");

    const noWasm = await run(lost.url, "c");
    assert.deepEqual([noWasm.seen, noWasm.status.newest, noWasm.problems], [["", "word "], "device", []]);

    const fail = async (without: readonly (keyof typeof PACKAGE)[]): Promise<{ said: string; told: string[] }> => {
      const files = Object.fromEntries(Object.entries(PACKAGE).filter(([name]) => !without.includes(name as keyof typeof PACKAGE)));
      const partial = await serve({ files: { ...files, "/index.html": HTML, "/app.js": APP } });
      t.after(() => partial.stop());
      await page.goto(`${partial.url}/`);
      await page.waitFor("the module", () => "fail" in window);
      return page.evaluate((n) => (window as unknown as { fail(n: string): Promise<{ said: string; told: string[] }> }).fail(n), "d");
    };
    const noVault = await fail(["/vault.js"]);
    assert.match(noVault.said, /^not-ready: the script of the vault is not at http:.*\/vault\.js \(put vault\.js of the package beside your script/);
    const noCore = await fail(["/freehold.wasm", "/inline.js"]);
    assert.match(noCore.said, /^not-ready: neither http:.*\/freehold\.wasm nor inline\.js beside it is the core \(/);
    assert.deepEqual(noCore.told, [noCore.said.replace(/ \(.*$/, "")]); // the vault's own core, which nobody asked for
  });
}

// Vite before 8 makes a classic script of a worker unless told otherwise, and fails over one that loads parts of itself.
test("the vault's script loads nothing more", () => {
  assert.doesNotMatch(new TextDecoder().decode(PACKAGE["/vault.js"]), /\bimport\b/);
});
