import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FreeholdError } from "../../src/errors.ts";
import { sumsOf } from "../../src/wire/sums.ts";
import { decodeFrame, encodeFrame, limits } from "../../src/wire/wire.ts";
import type { Frame } from "../../src/wire/wire.ts";

interface Vector { readonly name: string; readonly hex: string; readonly frame: Record<string, unknown> }
const vectors = JSON.parse(readFileSync(new URL("../../../testdata/wire/frames.json", import.meta.url), "utf8")) as
  { readonly frames: readonly Vector[]; readonly refused: readonly Vector[]; readonly sums: ReadonlyArray<{ readonly name: string; readonly heads: ReadonlyArray<readonly [string, number]>; readonly hex: string }> };

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** The form the vectors are in: bytes as hex. */
const toPlain = (f: Frame): unknown => JSON.parse(JSON.stringify(f, (_key, v: unknown) => v instanceof Uint8Array ? Buffer.from(v).toString("hex") : v));

const isInvalid = (e: unknown): boolean => e instanceof FreeholdError && e.code === "relay-invalid" && e.hint !== "";

test("every vector decodes to its frame and encodes back to its bytes", () => {
  assert.ok(vectors.frames.length >= 23);
  for (const v of vectors.frames) {
    const frame = decodeFrame(fromHex(v.hex));
    assert.deepEqual(toPlain(frame), v.frame, v.name);
    assert.equal(Buffer.from(encodeFrame(frame)).toString("hex"), v.hex, v.name);
  }
});

test("every refused vector is relay-invalid", () => {
  assert.ok(vectors.refused.length >= 38);
  for (const v of vectors.refused) assert.throws(() => decodeFrame(fromHex(v.hex)), isInvalid, v.name);
});

test("the sums of sets are those of the vectors, in any order", async () => {
  assert.ok(vectors.sums.length >= 4);
  for (const { name, heads, hex } of vectors.sums) {
    for (const order of [heads, [...heads].reverse()]) assert.equal(Buffer.from(await sumsOf(order)).toString("hex"), hex, name);
  }
});

test("a frame cut anywhere is relay-invalid", () => {
  for (const v of vectors.frames) {
    const whole = fromHex(v.hex);
    for (let n = 0; n < whole.length; n += Math.max(1, whole.length >> 8)) {
      assert.throws(() => decodeFrame(whole.subarray(0, n)), isInvalid, `${v.name} cut to ${n}`);
    }
  }
});

test("nested arrays and false lengths are refused without following them", () => {
  assert.throws(() => decodeFrame(new Uint8Array(8 << 20).fill(0x91)), isInvalid);
  assert.throws(() => decodeFrame(new Uint8Array(limits.frame + 1).fill(0x91)), isInvalid);
  assert.throws(() => decodeFrame(Uint8Array.of(0xdd, 255, 255, 255, 255)), isInvalid);
  assert.throws(() => decodeFrame(Uint8Array.of(0x91, 0xc6, 255, 255, 255, 255)), isInvalid);
});

test("the largest envelope fits, one byte more does not", () => {
  const doc = "a".repeat(32);
  const append = (size: number): Frame => ({ type: "append", doc, req: 1, cert: null, covers: null, envelopes: [new Uint8Array(size)] });
  const back = decodeFrame(encodeFrame(append(limits.snapshot)));
  assert.equal(back.type === "append" && back.envelopes[0]?.length, limits.snapshot);
  assert.throws(() => decodeFrame(encodeFrame(append(limits.snapshot + 1))), isInvalid);
});
