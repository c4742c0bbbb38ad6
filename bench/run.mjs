// make bench: measures Freehold beside its peers in one run and writes bench/results/<date>-<commit>.{json,md}.
//
//   node bench/run.mjs [--rounds 5]
//
// Every library runs in a process of its own, rounds interleaved, so that a noisy minute hits all of them. The table shows the
// median and the minimum of CPU time; compare ratios, not absolute times.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { navigation } from "./navigation.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const rounds = Number(option("rounds", "5"));
const traces = ["automerge-paper", "sveltecomponent"];
const adapters = ["freehold", "json-joy", "yjs", "loro"];

if (!existsSync(`${here}node_modules/yjs`)) execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" });

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

const typing = [];
for (const trace of traces) {
  for (const mode of ["subscribed", "bare"]) {
    const runs = Object.fromEntries(adapters.map((a) => [a, []]));
    for (let round = 0; round < rounds; round++) {
      for (const adapter of adapters) {
        const { stdout, stderr, status } = spawnSync(process.execPath, [`${here}typing.mjs`, adapter, trace, mode], { encoding: "utf8" });
        if (status !== 0) throw new Error(`${adapter} on ${trace}: ${stderr || stdout}`);
        runs[adapter].push(JSON.parse(stdout.trim().split("\n").at(-1)));
        process.stderr.write(".");
      }
    }
    for (const adapter of adapters) {
      const cpu = runs[adapter].map((r) => r.cpuMs), wall = runs[adapter].map((r) => r.wallMs);
      typing.push({ trace, mode, adapter, edits: runs[adapter][0].edits, cpuMedian: median(cpu), cpuMin: Math.min(...cpu), wallMedian: median(wall), rssMb: median(runs[adapter].map((r) => r.rssMb)) });
    }
  }
}

const size = (path) => {
  const bytes = readFileSync(root + path);
  return {
    file: path,
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length,
  };
};
const sizes = ["build/freehold.wasm", "js/dist/index.js", "js/dist/vault.js"].map(size);
const start = await navigation({ rounds });

const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
const date = new Date().toISOString().slice(0, 10);
const result = { date, commit, machine: `${cpus().length} × ${cpus()[0].model}`, node: process.version, rounds, sizes, start, typing };

const kb = (n) => (n / 1000).toFixed(1);
const ms = (n) => n.toFixed(0);
const lines = [
  `# ${date}, ${commit}`, "",
  `${result.machine}, Node ${result.node}, ${rounds} rounds, each library in a process of its own. \`make bench\` writes this file.`, "",
  "## Size, kB", "", "| file | raw | gzip -9 | brotli 11 |", "|---|--:|--:|--:|",
  ...sizes.map((s) => `| ${s.file} | ${kb(s.raw)} | ${kb(s.gzip)} | ${kb(s.brotli)} |`), "",
  "## The notes app in Chromium: navigation to the first editable character, ms", "",
  "| | median | min | max |", "|---|--:|--:|--:|",
  ...start.map((s) => `| ${s.what} | ${ms(s.median)} | ${ms(s.min)} | ${ms(s.max)} |`), "",
  "## Typing a whole trace through the public API, one transaction per edit (Node)", "",
  "Freehold makes a frozen view and stores the document in a directory in the same process; the peers keep theirs in memory.", "",
];
for (const trace of traces) {
  for (const mode of ["subscribed", "bare"]) {
    const rows = typing.filter((t) => t.trace === trace && t.mode === mode);
    const ours = rows.find((r) => r.adapter === "freehold");
    lines.push(`### ${trace}, ${rows[0].edits} edits, ${mode === "bare" ? "no subscriber" : "with a subscriber"}`, "",
      "| library | CPU ms median | CPU ms min | wall ms median | RSS MB | CPU against freehold |", "|---|--:|--:|--:|--:|--:|",
      ...rows.map((r) => `| ${r.adapter} | ${ms(r.cpuMedian)} | ${ms(r.cpuMin)} | ${ms(r.wallMedian)} | ${ms(r.rssMb)} | ${(r.cpuMedian / ours.cpuMedian).toFixed(2)}× |`), "");
  }
}
mkdirSync(`${here}results`, { recursive: true });
const base = `${here}results/${date}-${commit}`;
writeFileSync(`${base}.json`, JSON.stringify(result, null, 1) + "\n");
writeFileSync(`${base}.md`, lines.join("\n"));
console.log("\n" + lines.join("\n"));
