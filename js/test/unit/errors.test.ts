// The one error class, as the built package shows it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { FreeholdError } from "freehold";

test("an error names itself in traces, also in the minified package", () => {
  const e = new FreeholdError("quota", "the disk is full", "make room", { doc: "d" });
  assert.ok(e instanceof Error);
  assert.match(inspect(e), /^FreeholdError: the disk is full/);
  assert.deepEqual([e.code, e.hint, e.doc, e.name], ["quota", "make room", "d", "FreeholdError"]);
});
