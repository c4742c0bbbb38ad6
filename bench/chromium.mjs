// Measures in Chromium: each stage in a browser of its own. The adapters and tables are bundled as they are; the package is served as it is.
import { createReadStream, createWriteStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium as playwright } from "playwright-core";
import { libraries } from "./libraries.mjs";
import { built } from "./setup.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const modules = `${here}node_modules/`;
const TABLES = ["typing", "load"];
export const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Builds of the peers for browsers. Freehold's package is loaded from where it is served. */
const forBrowsers = {
  "loro-crdt": `${modules}loro-crdt/web/index.js`,
  "diamond-types-node": `${modules}diamond-types-web/dt.js`,
  "@automerge/automerge": `${modules}@automerge/automerge/dist/mjs/entrypoints/fullfat_base64.js`,
};
const bundle = () => build({
  absWorkingDir: here, entryPoints: ["page.mjs", ...Object.keys(libraries).map((l) => `adapters/${l}.mjs`), ...TABLES.map((t) => `tables/${t}.mjs`)],
  outdir: `${built}page`, outbase: here, bundle: true, splitting: true, minify: true, format: "esm", target: "es2022", logLevel: "error",
  define: { "process.env.NODE_ENV": '"production"' },
  plugins: [{
    name: "builds for browsers",
    setup(b) {
      b.onResolve({ filter: /^freehold$/ }, () => ({ path: "/freehold/index.js", external: true }));
      b.onResolve({ filter: /^(loro-crdt|diamond-types-node|@automerge\/automerge)$/ }, ({ path }) => ({ path: forBrowsers[path] }));
    },
  }],
});

const types = { js: "text/javascript", wasm: "application/wasm", html: "text/html" };
const serve = (files, kept) => new Promise((resolve) => {
  const server = createServer(async (request, response) => {
    const path = request.url.split("?", 1)[0];
    if (path.startsWith("/kept/") && request.method === "PUT") {
      await pipeline(request, createWriteStream(`${kept.directory}/${path.slice(6)}`));
      response.end();
      return;
    }
    const [, top, rest] = /^\/([^/]*)\/?(.*)$/.exec(path);
    const file = top === "kept" ? `${kept.directory}/${rest}` : files[path] ?? (files[top] === undefined ? "" : files[top] + rest);
    if (path !== "/" && !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    // Isolation gives the page finer clocks.
    response.writeHead(200, {
      "content-type": types[path === "/" ? "html" : path.split(".").at(-1)] ?? "application/octet-stream",
      "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp",
    });
    if (path === "/") response.end("<!doctype html><title>bench</title><script type=module src=/page/page.js></script>");
    else await pipeline(createReadStream(file), response).catch(() => {});
  });
  server.listen(0, "127.0.0.1", () => resolve(server));
});

/** What the page's process has used: `cpu` its main thread, `process` all, in ms; `rss` in MB. */
const looker = async (browser) => {
  const session = await browser.newBrowserCDPSession();
  return async () => {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const sum = { cpu: 0, process: 0, rss: 0 };
    for (const { type, id, cpuTime } of processInfo) {
      if (type !== "renderer") continue;
      sum.cpu += Number(readFileSync(`/proc/${id}/task/${id}/schedstat`, "latin1").split(" ", 1)[0]) / 1e6;
      sum.process += cpuTime * 1000;
      sum.rss += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "latin1"))[1]) * 1024 / 1e6;
    }
    return sum;
  };
};

export async function chromium(limit) {
  await bundle();
  const kept = { directory: "" };
  const server = await serve({
    page: `${built}page/`, traces: `${here}traces/`, freehold: `${modules}freehold/dist/`,
    "/wasm/loro.wasm": `${modules}loro-crdt/web/loro_wasm_bg.wasm`, "/wasm/diamond.wasm": `${modules}diamond-types-web/dt_bg.wasm`,
  }, kept);
  const url = `http://127.0.0.1:${server.address().port}/`;

  return {
    /** As the runner's own for Node. */
    async run(table, c, library, stage, directory) {
      kept.directory = directory;
      const context = await playwright.launchPersistentContext(`${directory}/profile`, {
        executablePath: "/usr/bin/chromium", args: [...flags, "--js-flags=--expose-gc"], headless: true,
      });
      let watch;
      try {
        const look = await looker(context.browser());
        const page = context.pages()[0] ?? await context.newPage();
        await page.exposeFunction("renderer", look);
        await page.goto(url);
        await page.waitForFunction(() => window.job !== undefined);
        const from = (await look()).cpu;
        const over = new Promise((resolve) => {
          // A look that is under way when the browser closes fails, which says nothing.
          watch = setInterval(() => look().then(({ cpu }) => { if (cpu - from > limit) resolve("over"); }, () => {}), 2000);
        });
        return await Promise.race([over, page.evaluate((args) => window.job(...args), [table.name, c.id, library, stage.name])]);
      } finally {
        clearInterval(watch);
        await context.close();
      }
    },
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };
}
