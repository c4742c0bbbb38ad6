// One library, one trace, one process: node typing.mjs <adapter> <trace> [subscribed]. Prints one line of JSON.
// One transaction per edit, with a subscriber when asked; CPU time of the whole process over the loop and wall time.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const [adapterName, traceName, mode] = process.argv.slice(2);
const subscribe = mode === "subscribed";
const trace = JSON.parse(gunzipSync(readFileSync(new URL(`./traces/${traceName}.json.gz`, import.meta.url))));
const edits = trace.txns.flatMap((t) => t.patches);
const adapter = await import(`./adapters/${adapterName}.mjs`);
const doc = await adapter.create({ subscribe });
globalThis.gc?.();
const cpu0 = process.cpuUsage(), wall0 = performance.now();
for (const [pos, del, ins] of edits) doc.edit(pos, del, ins);
const wall = performance.now() - wall0, cpu = process.cpuUsage(cpu0);
const ok = doc.text() === trace.endContent;
const events = doc.events();
await doc.close();
console.log(JSON.stringify({ adapter: adapter.name, trace: traceName, edits: edits.length, subscribe, cpuMs: (cpu.user + cpu.system) / 1000, wallMs: wall, rssMb: process.memoryUsage().rss / 2 ** 20, events, ok }));
process.exit(ok ? 0 : 1);
