// Builds the app into web/dist: one script, one style sheet, the files of the npm package beside them,
// icons, and a service worker that knows the SHA-256 of every file of the shell.
//
//   node web/build.mjs             needs js/dist (node js/build.mjs)
//   node web/build.mjs --precompress   also writes .br and .gz beside each file

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { png, svg } from "./icons.mjs";

const web = dirname(fileURLToPath(import.meta.url));
const dist = join(web, "dist");
/** Files that the package loads at run time, relative to the script that holds it. */
const PACKAGE_FILES = ["vault.js", "freehold.wasm", "inline.js"];
/** Not part of the shell: the worker itself, the fallback form of the core and the worker that removes workers. */
const NOT_CACHED = new Set(["sw.js", "sw-kill.js", "inline.js", ".gitkeep"]);

const packageDist = join(dirname(fileURLToPath(import.meta.resolve("freehold/freehold.wasm"))));
for (const file of PACKAGE_FILES) {
  if (!existsSync(join(packageDist, file))) {
    console.error(`web: ${file} of the package is missing; run node js/build.mjs first`);
    process.exit(1);
  }
}

mkdirSync(dist, { recursive: true });
for (const name of readdirSync(dist)) if (name !== ".gitkeep") rmSync(join(dist, name), { recursive: true });

const common = {
  bundle: true, format: "esm", target: "es2022", minify: true, legalComments: "none", logLevel: "warning",
  conditions: ["browser"], absWorkingDir: web,
};
await Promise.all([
  build({ ...common, entryPoints: { app: "src/main.ts" }, outdir: dist, external: ["./vault.js", "./inline.js"] }),
  build({ ...common, entryPoints: { app: "src/style/app.css" }, outdir: dist }),
]);
cpSync(join(web, "public"), dist, { recursive: true });
for (const file of PACKAGE_FILES) cpSync(join(packageDist, file), join(dist, file));
writeFileSync(join(dist, "icon.svg"), svg());
writeFileSync(join(dist, "icon-192.png"), png(192));
writeFileSync(join(dist, "icon-512.png"), png(512));
writeFileSync(join(dist, "icon-maskable-512.png"), png(512, { corner: 0 }));

const shell = readdirSync(dist).filter((name) => !NOT_CACHED.has(name)).sort().map((name) => ({
  path: name === "index.html" ? "./" : `./${name}`,
  sha256: createHash("sha256").update(readFileSync(join(dist, name))).digest("base64"),
}));
const version = createHash("sha256").update(JSON.stringify(shell)).digest("hex").slice(0, 12);
await build({
  ...common, format: "iife", entryPoints: { sw: "src/sw.ts", "sw-kill": "src/sw-kill.ts" }, outdir: dist,
  define: { SHELL: JSON.stringify(shell), SHELL_VERSION: JSON.stringify(version) },
});

if (process.argv.includes("--precompress")) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 10 };
  for (const name of readdirSync(dist)) {
    if (!/\.(html|js|css|svg|wasm|webmanifest)$/.test(name)) continue;
    const bytes = readFileSync(join(dist, name));
    writeFileSync(join(dist, `${name}.br`), brotliCompressSync(bytes, { params }));
    writeFileSync(join(dist, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  }
}
console.log(`web: built ${shell.length} files of the shell, version ${version}`);
