// Prints what an upload of the Worker weighs, and fails above what the free plan takes.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Cloudflare says 3 MB: the smaller reading of it. */
const MOST = 3_000_000;

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../build/edge");
let whole = 0;
for (const name of readdirSync(folder).filter((n) => /\.(js|wasm)$/.test(n))) {
  const size = gzipSync(readFileSync(join(folder, name)), { level: 9 }).length;
  whole += size;
  console.log(`  ${name.padEnd(20)} ${String(Math.round(size / 1000)).padStart(6)} kB gzip`);
}
console.log(`  ${"Worker".padEnd(20)} ${String(Math.round(whole / 1000)).padStart(6)} kB gzip of ${MOST / 1000}`);
if (whole > MOST) {
  console.error("The Worker is larger than the free plan allows.");
  process.exit(1);
}
