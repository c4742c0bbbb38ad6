// A real panic in the core, from a build that has an export for it: the instance is poisoned, the page rebuilds it from the device and goes on.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Core } from "../../src/core/core.ts";
import type { FreeholdError } from "../../src/errors.ts";
import { OpenHome } from "../../src/page/home.ts";
import { nodeHost } from "../../src/page/nodehost.ts";
import { defineDoc, s } from "../../src/page/schema.ts";
import { code } from "./page-fixture.ts";
import { settle } from "./page-toyvault.ts";

const Note = defineDoc("note", { version: 1, shape: { title: s.string().default("Untitled"), body: s.text() } });

test("a panic poisons the instance; the page rebuilds it and loses nothing that was saved", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "freehold-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const wasm = join(dir, "panics.wasm");
  const root = new URL("../../../", import.meta.url);
  execFileSync("go", ["build", "-tags", "testexports", "-buildmode=c-shared", "-trimpath", "-o", wasm, "./wasm"], { cwd: root, env: { ...process.env, GOOS: "wasip1", GOARCH: "wasm" } });
  const module = await WebAssembly.compile(readFileSync(wasm));

  // The page's instance, to call the export that only this build has.
  const started: WebAssembly.Exports[] = [];
  const { instantiate } = WebAssembly;
  t.after(() => { WebAssembly.instantiate = instantiate; });
  WebAssembly.instantiate = (async (m: WebAssembly.Module, imports: WebAssembly.Imports) => {
    const instance = await instantiate(m, imports);
    if (m === module) started.push(instance.exports);
    return instance;
  }) as unknown as typeof WebAssembly.instantiate;
  const panic = (): number => (started.at(-1)!["test_panic"] as () => number)();

  const problems: FreeholdError[] = [];
  const home = new OpenHome({ ...nodeHost({ name: "n", directory: dir }), loadModule: async () => module }, { name: "n", onProblem: (e) => problems.push(e) });
  const note = await home.create(Note, { title: "kept" });
  note.change((d) => d.body.insert(0, "saved text"));
  await note.saved();
  const rebuilt = new Promise<void>((resolve) => note.subscribe(() => { if (started.length === 2 && problems.length > 0) resolve(); }));

  assert.equal(panic(), -6);
  assert.throws(() => note.change((d) => d.body.insert(0, "x")), code("core-restarted"));
  assert.throws(() => note.change((d) => d.body.insert(0, "x")), code("core-restarted"));
  await rebuilt;
  assert.deepEqual(problems.map((p) => [p.code, p.message]), [["core-restarted", "the core was rebuilt; nothing was lost"]]);
  assert.equal(note.value.body.toString(), "saved text");
  note.change((d) => d.body.insert(10, ", and more"));
  await note.saved();
  const json = await (await note.export("json")).text();
  await home.close();

  const later = new OpenHome(nodeHost({ name: "n", directory: dir }), { name: "n" });
  assert.equal(await (await (await later.open(Note, note.id)).export("json")).text(), json);
  await later.close();
  await settle();
});

test("a core that panicked answers nothing any more", async () => {
  const core = await Core.start(await WebAssembly.compile(readFileSync(new URL("../../../build/freehold.wasm", import.meta.url))));
  let deaths = 0;
  core.ondeath = () => deaths++;
  const h = core.create();
  core.fail("a test says so");
  assert.equal(deaths, 1);
  assert.throws(() => core.view(h), code("core-restarted"));
  assert.throws(() => core.change(h, 0), code("core-restarted"));
  core.free(h);
});
