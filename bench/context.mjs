// What a table may use of the place it runs in, in Node: traces, files of its own, clocks and memory. page.mjs is the same for a browser.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { linear } from "./memories.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));

// The kernel counts a thread's nanoseconds on a processor whenever it leaves one. So before each look it sleeps a moment.
const moment = new Int32Array(new SharedArrayBuffer(4));
const schedule = `/proc/self/task/${process.pid}/schedstat`;
const onThread = () => {
  Atomics.wait(moment, 0, 0, 0.05);
  return Number(readFileSync(schedule, "latin1").split(" ", 1)[0]) / 1e6;
};
const inProcess = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** `tell` hears of each measurement's begin and end, so that one that takes too long can be stopped. */
export const nodeContext = ({ directory, label, tell }) => ({
  directory,
  label,
  trace: (name) => JSON.parse(gunzipSync(readFileSync(`${here}traces/${name}.json.gz`))),
  wasm: () => readFileSync(`${here}node_modules/freehold/dist/freehold.wasm`),
  read: (name) => readFileSync(`${directory}/${name}`),
  write: (name, bytes) => writeFileSync(`${directory}/${name}`, bytes),
  gzip: (bytes) => gzipSync(bytes, { level: 9 }).length,
  /** MB, after a collection. */
  async memory() {
    for (let i = 0; i < 3; i++) globalThis.gc();
    const { rss, heapUsed } = process.memoryUsage();
    return { rss: rss / 1e6, heap: heapUsed / 1e6, linear: linear() };
  },
  /** Milliseconds: `cpu` of the main thread, `process` of all threads (compilers and collectors too), `wall`. */
  async measure(f) {
    globalThis.gc();
    tell("begin");
    const process0 = inProcess(), cpu0 = onThread(), wall0 = performance.now();
    let result = f();
    if (typeof result?.then === "function") result = await result;
    const wall = performance.now() - wall0, cpu = onThread() - cpu0, process = inProcess() - process0;
    tell("end");
    return { cpu, process, wall, result };
  },
});
