// What people wait for: a reader who catches up with 10,000 envelopes, in two browsers; and a key press until another page has it,
// beside two peers. Every server is real and on this machine.
//
//   make bench-sync            writes bench/results/<date>-sync.{json,md}
//   node --import tsx bench/sync/run.mjs [--rounds 3] [--envelopes 10000] [--keys 360] [--every 60] [--write]
import { execFileSync } from "node:child_process";
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { build } from "esbuild";
import { launch } from "../../js/test/harness/browser.ts";
import { serve } from "../../js/test/harness/server.ts";
import { report } from "./report.mjs";
import { startServer, stopServers } from "./servers.mjs";
import { follow } from "./stages.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const { values } = parseArgs({ options: {
  rounds: { type: "string", default: "3" },
  envelopes: { type: "string", default: "10000" },
  keys: { type: "string", default: "360" },
  every: { type: "string", default: "60" },
  write: { type: "boolean", default: false },
} });
const options = { rounds: Number(values.rounds), envelopes: Number(values.envelopes), keys: Number(values.keys), every: Number(values.every) };
const peers = path("../relay/node_modules/");
const libraries = ["freehold", "yjs", "automerge"];
const work = mkdtempSync(join(tmpdir(), "freehold-sync-"));

/** The page with the peers in it. The package is loaded from where it is served, as it was built. */
const page = async () => {
  const { outputFiles: [file] } = await build({
    entryPoints: [path("page.mjs")], bundle: true, write: false, format: "esm", target: "es2022", minify: true, logLevel: "error",
    nodePaths: [peers], define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    plugins: [{
      name: "builds for browsers",
      setup(b) {
        b.onResolve({ filter: /^freehold$/ }, () => ({ path: "/index.js", external: true }));
        b.onResolve({ filter: /^@automerge\/automerge(\/next)?$/ }, ({ path: p }) => ({ path: `${peers}@automerge/automerge/dist/mjs/entrypoints/fullfat${p.endsWith("next") ? "_next" : ""}_base64.js` }));
      },
    }],
  });
  return file.text;
};

const serveApp = async () => serve({
  root: path("../../js/dist"),
  files: {
    "/index.html": `<!doctype html><html lang="en"><meta charset="utf-8"><title>bench</title><script type="module" src="/counting.js"></script><script type="module" src="/page.js"></script></html>`,
    "/page.js": await page(),
    "/counting.js": readFileSync(path("counting.js")),
    "/countingvault.js": `import "./counting.js";\nimport "./vault.js";\n`,
    "/stamps.js": readFileSync(path("stamps.js")),
    "/stampingvault.js": `import "./stamps.js";\nimport "./vault.js";\n`,
  },
});

const visit = async (engine, app) => {
  const browser = await launch(engine);
  const tab = await browser.newPage();
  await tab.goto(`${app.url}/`);
  await tab.waitFor("the page", () => window.bench !== undefined, { timeout: 30_000 });
  return { browser, tab };
};

/** What the text is after the first key presses of the trace. */
const typed = (keys) => {
  const { txns } = JSON.parse(gunzipSync(readFileSync(path("../traces/automerge-paper.json.gz"))));
  let text = "";
  for (const { patches } of txns.slice(0, keys)) {
    for (const [at, deleted, inserted] of patches) text = text.slice(0, at) + inserted + text.slice(at + deleted);
  }
  return text;
};

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];

const catchingUp = async (app, relay) => {
  const link = execFileSync(path("../../build/bench-relay"), ["-deposit-at", `127.0.0.1:${relay}`, "-keys", `${options.envelopes}`], { cwd: path("../.."), encoding: "utf8" }).trim();
  const text = typed(options.envelopes);
  const engines = ["chromium", "firefox"].map((engine) => ({ engine, version: "", rounds: [] }));
  for (let round = 0; round < options.rounds; round++) {
    for (const e of engines) {
      const { browser, tab } = await visit(e.engine, app);
      try {
        e.version = browser.version;
        const { milliseconds, text: got } = await tab.evaluate((url, l) => window.bench.catchUp(url, l), `http://127.0.0.1:${relay}`, link);
        if (got !== text) throw new Error(`${e.engine} has another text`);
        const crypto = await tab.evaluate(() => window.bench.crypto());
        if (!crypto.some(({ calls }) => calls > options.envelopes)) throw new Error(`${e.engine}: the calls to crypto were not counted: ${JSON.stringify(crypto)}`);
        e.rounds.push({ milliseconds, calls: crypto.reduce((n, { calls }) => n + calls, 0), most: Math.max(...crypto.map(({ most }) => most)) });
        console.error(`catch-up, ${e.engine}: ${Math.round(milliseconds)} ms`);
      } finally {
        await browser.close();
      }
    }
  }
  return engines;
};

/** By how much a page's clock is ahead of this process's: the look that took least. */
const ahead = async (tab) => {
  let best = { took: Infinity, by: 0 };
  for (let i = 0; i < 20; i++) {
    const from = performance.timeOrigin + performance.now();
    const there = await tab.evaluate(() => window.bench.now());
    const to = performance.timeOrigin + performance.now();
    if (to - from < best.took) best = { took: to - from, by: there - (from + to) / 2 };
  }
  return best;
};

const keystrokes = async (app, relay) => {
  const urls = {
    freehold: `http://127.0.0.1:${relay}`,
    stamped: `http://127.0.0.1:${relay}`,
    yjs: `ws://127.0.0.1:${await startServer("yjs", work)}`,
    automerge: `ws://127.0.0.1:${await startServer("automerge", work)}`,
  };
  const a = await visit("chromium", app);
  const b = await visit("chromium", app);
  const type = (library, keys) => a.tab.evaluate((...args) => window.bench.type(...args), library, keys, options.every);
  const arrived = (library, length) => b.tab.waitFor(`${library}: ${length} characters`, (l, n) => window.bench.length(l) >= n, { args: [library, length], timeout: 30_000 });
  try {
    for (const library of [...libraries, "stamped"]) {
      const where = await a.tab.evaluate((...args) => window.bench.open(...args), library, urls[library], null);
      await type(library, 20); // compiled, connected, known to the server
      await b.tab.evaluate((...args) => window.bench.open(...args), library, urls[library], where);
      await arrived(library, 20);
    }
    const pressed = Object.fromEntries(libraries.map((l) => [l, []]));
    const rounds = 6;
    const clocks = [];
    for (let round = 0; round < rounds; round++) {
      for (const library of libraries) {
        const [one, other] = [await ahead(a.tab), await ahead(b.tab)];
        const difference = other.by - one.by;
        clocks.push({ difference, uncertainty: (one.took + other.took) / 2 });
        const keys = await type(library, Math.ceil(options.keys / rounds));
        await arrived(library, keys.at(-1)[0]);
        const seen = await b.tab.evaluate((l) => window.bench.seen(l), library);
        pressed[library].push(...keys.map(([length, at]) => seen[length] - at - difference));
      }
      console.error(`key presses, round ${round + 1} of ${rounds}`);
    }
    const followed = await stagesOf(a, b, () => type("stamped", 120), (length) => arrived("stamped", length));
    const measured = libraries.map((library) => {
      const all = pressed[library].sort((x, y) => x - y);
      if (all.some((ms) => !Number.isFinite(ms))) throw new Error(`${library}: a key press was not seen`);
      return { name: library, keys: all.length, p50: quantile(all, 0.5), p99: quantile(all, 0.99), least: all[0], most: all.at(-1) };
    });
    return { measured, clocks, followed };
  } finally {
    await a.browser.close();
    await b.browser.close();
  }
};

/** The stages of key presses, each in milliseconds. */
const stagesOf = async (a, b, type, arrived) => {
  const stamps = (tab) => tab.evaluate(() => window.bench.stamps());
  await Promise.all([stamps(a.tab), stamps(b.tab)]);
  const [one, other] = [await ahead(a.tab), await ahead(b.tab)];
  const keys = await type();
  await arrived(keys.at(-1)[0]);
  const seen = await b.tab.evaluate(() => window.bench.seen("stamped"));
  const [ofA, ofB] = await Promise.all([stamps(a.tab), stamps(b.tab)]);
  const onA = (at) => at - (other.by - one.by);
  const moved = ofB.map(([at, what]) => [onA(at), what]);
  return keys.map(([length, at]) => follow(at, onA(seen[length]), ofA, moved)).filter((f) => f !== null);
};

const version = (name) => JSON.parse(readFileSync(`${peers}${name}/package.json`, "utf8")).version;

const app = await serveApp();
try {
  const started = Date.now();
  const load = [loadavg()[0]];
  const relay = await startServer("freehold", work);
  const keys = await keystrokes(app, relay);
  load.push(loadavg()[0]);
  const catchUp = await catchingUp(app, relay);
  load.push(loadavg()[0]);
  const result = {
    date: new Date().toISOString(), commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: path("."), encoding: "utf8" }).trim(),
    machine: `${cpus().length} × ${cpus()[0].model}`, node: process.version, load, seconds: Math.round((Date.now() - started) / 1000), options,
    versions: Object.fromEntries(["yjs", "y-websocket", "@automerge/automerge", "@automerge/automerge-repo", "@automerge/automerge-repo-network-websocket", "@automerge/automerge-repo-sync-server"].map((n) => [n, version(n)])),
    keys, catchUp,
  };
  const text = report(result);
  console.log(text);
  if (values.write) {
    const name = path(`../results/${result.date.slice(0, 10)}-sync`);
    writeFileSync(`${name}.json`, `${JSON.stringify(result, null, 1)}\n`);
    writeFileSync(`${name}.md`, text);
  }
} finally {
  stopServers();
  await app.stop();
  rmSync(work, { recursive: true, force: true });
}
