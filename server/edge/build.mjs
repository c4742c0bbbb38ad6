// Builds the Worker into build/edge, which is what an upload takes: worker.js beside the two wasm files that it imports, and config.capnp
// to run it here. What only tests want goes to build/edge-test.
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
  bundle: true, format: "esm", target: "es2022", minify: true, legalComments: "none", logLevel: "warning", absWorkingDir: edge, outdir: dirname(out),
  entryPoints: { "edge/worker": "worker/worker.ts", "edge-test/later": "test/later.ts", "edge-test/probe": "test/probe.ts" },
  alias: { wasm_exec: join(syumai, "cmd/workers-assets-gen/assets/wasm_exec_go.js") },
  external: ["cloudflare:*", "./*.wasm"],
});
copyFileSync(join(edge, "config.capnp"), join(out, "config.capnp"));
// R2 as miniflare has it, for tests: its own modules, run by workerd as they are.
for (const module of ["r2/bucket", "shared/index", "shared/object-entry", "shared/zod"]) {
  const to = join(out, "../edge-test/r2", `${module}.worker.js`);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(join(edge, "node_modules/miniflare/dist/src/workers", `${module}.worker.js`), to);
}
