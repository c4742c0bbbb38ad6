// The README's example is run as it stands, against a real relay; only the relay's port is another.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { startRelay } from "./relayprocess.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

test("the README's ten lines do what they say", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const readme = await readFile(join(root, "README.md"), "utf8");
  const example = /<!-- example:readme -->\n```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  assert.ok(example.includes("http://localhost:7070"), "the example is where it was");
  await mkdir(join(root, "build"), { recursive: true });
  const dir = await mkdtemp(join(root, "build", "readme-")); // inside the repository, so that `freehold` resolves as in an app
  t.after(() => rm(dir, { recursive: true, force: true }));
  const { code } = await transform(`${example.replace("http://localhost:7070", relay.url)}\nawait home.close();\n`, { loader: "ts", format: "esm", target: "es2022" });
  await writeFile(join(dir, "example.mjs"), code);
  const printed = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, ["example.mjs"], { cwd: dir, timeout: 30_000 }, (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr, { cause: error }))));
  });
  assert.match(printed, /\[\]\s+\[ 'tickets' \]/, "the subscriber saw the list before and after");
  assert.match(printed, /#1w\.[a-z2-7]{32}\./, "and there is a link to share");
});
