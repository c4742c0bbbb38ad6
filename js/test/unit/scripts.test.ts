// The scripts of testdata/scripts on the wasm that ships, in Node: every call of the core is answered with the very bytes
// the Go package answers. internal/script runs them there and tells which calls they are.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { wasi } from "../../src/core/wasi.ts";

const root = join(import.meta.dirname, "../../..");
const folder = join(root, "testdata/scripts");

interface Call {
  readonly export: string;
  readonly args: readonly number[];
  readonly input: string;
  readonly result: number;
  readonly output: string;
}

const scripts = readdirSync(folder).map((name) => join(folder, name));
const seeds = ["0", "1", "2", "3", "4", "5", "6", "7"]; // of random ones
const tapes = JSON.parse(
  execFileSync("go", ["run", "./internal/script/tape", ...scripts, ...seeds], { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 }),
) as Record<string, Call[]>;
const module = new WebAssembly.Module(readFileSync(join(root, "build/freehold.wasm")));

for (const [name, calls] of Object.entries(tapes)) {
  test(`script ${name}: ${calls.length} calls`, async () => {
    const w = wasi({});
    const { exports } = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: w.imports });
    const x = exports as unknown as Record<string, (...args: number[]) => number>;
    const memory = exports["memory"] as WebAssembly.Memory;
    w.attach(memory);
    x["_initialize"]!();
    for (const [i, c] of calls.entries()) {
      const input = Buffer.from(c.input, "base64");
      const scratch = x["scratch"]!(input.length);
      new Uint8Array(memory.buffer).set(input, scratch);
      const result = x[c.export]!(...c.args);
      const [at, length] = new Uint32Array(memory.buffer, x["header"]!(), 2);
      const output = Buffer.from(memory.buffer.slice(at!, at! + length!)).toString("base64");
      assert.deepEqual([result, output], [c.result, c.output], `call ${i}, ${c.export}(${c.args.join()})`);
    }
  });
}

test("there are scripts", () => assert.ok(Object.keys(tapes).length > 0));
