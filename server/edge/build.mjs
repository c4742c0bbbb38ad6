// Builds the Worker into build/edge: worker.js beside the two wasm files that it imports, and config.capnp to run it here.
//
//   node server/edge/build.mjs    needs build/edge/reactor.wasm and build/edge/routes.wasm (make worker)

import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const edge = dirname(fileURLToPath(import.meta.url));
const out = join(edge, "../../build/edge");
mkdirSync(out, { recursive: true });
// Go's loader as the Go module brings it, with a context for each program.
const syumai = execFileSync("go", ["list", "-m", "-f", "{{.Dir}}", "github.com/syumai/workers"], { cwd: edge, encoding: "utf8" }).trim();
await build({
  bundle: true, format: "esm", target: "es2022", minify: true, legalComments: "none", logLevel: "warning", absWorkingDir: edge, outdir: out,
  entryPoints: { worker: "worker/worker.ts", "test/later": "test/later.ts", "test/probe": "test/probe.ts" },
  alias: { wasm_exec: join(syumai, "cmd/workers-assets-gen/assets/wasm_exec_go.js") },
  external: ["cloudflare:*", "./*.wasm"],
});
copyFileSync(join(edge, "config.capnp"), join(out, "config.capnp"));
