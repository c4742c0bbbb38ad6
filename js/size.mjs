// Prints the sizes of the built package against their budgets.
//
//   node js/size.mjs            fails when a file is over its budget, or 2 % larger than what js/size.json remembers
//   node js/size.mjs --update   remembers what there is now
//
// KB are 1,024 bytes. Brotli 11 is what a server that compresses ahead sends.

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const js = dirname(fileURLToPath(import.meta.url));
const record = join(js, "size.json");
const CREEP = 1.02;

const kb = (n) => (n / 1024).toFixed(1).padStart(9);
const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;

const rows = JSON.parse(readFileSync(record, "utf8"));
const failures = [];
console.log(`${"KB".padEnd(24)}${"raw".padStart(9)}${"gzip".padStart(9)}${"brotli".padStart(9)}${"budget".padStart(9)}`);
for (const row of rows) {
  const files = row.files.map((name) => readFileSync(join(js, "dist", name)));
  const sum = (measure) => files.reduce((n, bytes) => n + measure(bytes), 0);
  const now = sum(brotli);
  console.log(row.name.padEnd(24) + kb(sum((b) => b.length)) + kb(sum((b) => gzipSync(b, { level: 9 }).length)) + kb(now) + `${row.budget}`.padStart(9));
  if (now > row.budget * 1024) failures.push(`${row.name} is over its budget`);
  if (now > row.brotli * CREEP) failures.push(`${row.name} has grown from ${row.brotli} to ${now} bytes; if that is worth it: node js/size.mjs --update`);
  row.brotli = now;
}
if (process.argv.includes("--update")) {
  writeFileSync(record, `[\n${rows.map((row) => `  ${JSON.stringify(row)}`).join(",\n")}\n]\n`);
} else if (failures.length > 0) {
  console.error(failures.join("\n"));
  process.exit(1);
}
