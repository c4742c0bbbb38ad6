// Prints what an upload of the Worker weighs, and fails above what the free plan takes.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const MOST = 3 * 1024 * 1024;

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../build/edge");
let whole = 0;
for (const name of readdirSync(folder).filter((n) => /\.(js|wasm)$/.test(n))) {
  const size = gzipSync(readFileSync(join(folder, name)), { level: 9 }).length;
  whole += size;
  console.log(`  ${name.padEnd(20)} ${String(Math.round(size / 1024)).padStart(6)} KiB gzip`);
}
console.log(`  ${"Worker".padEnd(20)} ${String(Math.round(whole / 1024)).padStart(6)} KiB gzip of ${MOST / 1024}`);
if (whole > MOST) {
  console.error("The Worker is larger than the free plan allows.");
  process.exit(1);
}
