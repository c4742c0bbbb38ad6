// What a run needs: the peers, the package as users get it (packed and installed), and the core as the package drives it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
export const root = fileURLToPath(new URL("..", import.meta.url));
export const built = `${root}build/bench/`;

const npm = (cwd, ...args) => execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
const version = (name) => JSON.parse(readFileSync(`${here}node_modules/${name}/package.json`, "utf8")).version;

export async function setUp() {
  mkdirSync(built, { recursive: true });
  const stamp = `${here}node_modules/.package-lock.json`;
  if (!existsSync(stamp) || statSync(stamp).mtimeMs < statSync(`${here}package-lock.json`).mtimeMs) npm(here, "ci");
  const packed = JSON.parse(npm(`${root}js`, "pack", "--json", "--pack-destination", built))[0].filename;
  npm(here, "install", "--no-save", "--no-package-lock", `${built}${packed}`);

  const core = `${root}js/src/core/`;
  await build({
    stdin: {
      contents: ["core", "commands", "patch", "value"].map((file) => `export * from "./${file}.ts";`).join("\n"),
      resolveDir: core, loader: "ts",
    },
    outfile: `${built}core.mjs`, bundle: true, format: "esm", target: "es2022", minify: true, logLevel: "warning",
  });
  const { dependencies } = JSON.parse(readFileSync(`${here}package.json`, "utf8"));
  return Object.fromEntries(Object.keys(dependencies).map((name) => [name, version(name)]));
}
