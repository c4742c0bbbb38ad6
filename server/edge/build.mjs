// Builds the Worker into build/edge: worker.js beside the two wasm files that it imports, and config.capnp to run it here.
//
//   node server/edge/build.mjs    needs build/edge/reactor.wasm and build/edge/routes.wasm (make worker)

import { build } from "esbuild";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const edge = dirname(fileURLToPath(import.meta.url));
const out = join(edge, "../../build/edge");
mkdirSync(out, { recursive: true });
await build({
  bundle: true, format: "esm", target: "es2022", minify: true, legalComments: "none", logLevel: "warning", absWorkingDir: edge, outdir: out,
  entryPoints: { worker: "worker/worker.ts" },
  external: ["cloudflare:*", "./*.wasm"],
});
copyFileSync(join(edge, "config.capnp"), join(out, "config.capnp"));
