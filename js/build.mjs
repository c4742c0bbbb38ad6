// Builds the npm package into js/dist.
//
//   node js/build.mjs           needs build/freehold.wasm (make wasm)
//
//   index.js       the page, with ./vault.js, ./inline.js and ./freehold.wasm left as run-time addresses beside it
//   vault.js       the vault: a module worker, or started in the page where none can start
//   node.js        both in one process
//   inline.js      the wasm as gzip in base64, for tools that do not emit it
//   types/         declarations

import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { minify } from "terser";
import { gzipSync } from "node:zlib";

const js = dirname(fileURLToPath(import.meta.url));
const dist = join(js, "dist");
const wasm = join(js, "../build/freehold.wasm");
if (!existsSync(wasm)) {
  console.error("js: build/freehold.wasm is missing; run make wasm first");
  process.exit(1);
}

// Emptied, not removed: a server may be serving it.
mkdirSync(dist, { recursive: true });
rmSync(join(dist, "types"), { recursive: true, force: true });

const common = { bundle: true, format: "esm", target: "es2022", legalComments: "none", logLevel: "warning", absWorkingDir: js, outdir: dist };

/** For browsers. terser puts constants where they are used and names things so that they pack better: a twentieth of what esbuild alone leaves (docs/decisions/0014). Comparisons stay as they are written, for the same reason. */
const buildSmall = async (name, entry, external) => {
  const { outputFiles } = await build({ ...common, minify: true, write: false, entryPoints: { [name]: entry }, external });
  const { code } = await minify(outputFiles[0].text, { module: true, ecma: 2022, compress: { passes: 3, lhs_constants: false } });
  writeFileSync(join(dist, `${name}.js`), code);
};

await Promise.all([
  buildSmall("index", "src/index.ts", ["./vault.js", "./inline.js"]),
  buildSmall("vault", "src/vault/worker.ts", []),
  build({ ...common, entryPoints: { node: "src/node.ts" }, platform: "node", target: "node20" }), // Node prints the line that threw
]);
copyFileSync(wasm, join(dist, "freehold.wasm"));
writeFileSync(join(dist, "inline.js"), `export const wasm = "${gzipSync(readFileSync(wasm), { level: 9 }).toString("base64")}";\n`);
execFileSync(process.execPath, [join(js, "../node_modules/typescript/bin/tsc"), "-p", join(js, "tsconfig.build.json")], { stdio: "inherit" });
