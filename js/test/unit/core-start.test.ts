// Starting the Go runtime on hosts whose clocks are coarse, or broken.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Core } from "../../src/core/core.ts";
import { loadModule } from "../../src/core/loadnode.ts";
import type { FreeholdError } from "../../src/errors.ts";

test("starts on a clock that stands still for as long as starting takes", async (t) => {
  const module = await loadModule();
  t.mock.method(performance, "now", () => 5000);
  const core = await Core.start(module);
  assert.ok(core.create() >= 0);
});

test("a runtime that cannot start is a typed error with its own words", async (t) => {
  const module = await loadModule();
  let asked = 0;
  t.mock.method(performance, "now", () => (asked++ === 0 ? 5000 : 4999)); // one millisecond back: the runtime reads 0
  await assert.rejects(Core.start(module), (e: FreeholdError) => e.code === "core-restarted" && /nanotime returning zero/.test(String(e.cause)));
});
