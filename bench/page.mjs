// The page's side of a measurement in Chromium: the same context as context.mjs gives in Node. chromium.mjs serves it.
import { linear } from "./memories.mjs";
import { stage } from "./stage.mjs";

const bytesOf = async (path) => {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

const context = (label) => ({
  label,
  trace: async (name) => {
    const { body } = await fetch(`/traces/${name}.json.gz`);
    return new Response(body.pipeThrough(new DecompressionStream("gzip"))).json();
  },
  url: (name) => `/wasm/${name}`,
  wasm: () => bytesOf("/freehold/freehold.wasm"),
  read: (name) => bytesOf(`/kept/${name}`),
  write: (name, body) => fetch(`/kept/${name}`, { method: "PUT", body }),
  async memory() {
    for (let i = 0; i < 3; i++) globalThis.gc();
    const { rss } = await window.renderer();
    return { rss, heap: performance.memory.usedJSHeapSize / 1e6, linear: linear() };
  },
  async measure(f) {
    globalThis.gc();
    const before = await window.renderer(), wall0 = performance.now();
    let result = f();
    if (typeof result?.then === "function") result = await result;
    const wall = performance.now() - wall0, after = await window.renderer();
    return { cpu: after.cpu - before.cpu, process: after.process - before.process, wall, result };
  },
});

window.job = async (tableName, caseId, library, stageName) => {
  const table = await import(`/page/tables/${tableName}.js`);
  return stage(table, caseId, stageName, () => import(`/page/adapters/${library}.js`), context(library));
};
