// The MessagePack of frames: the same bytes and the same values as @msgpack/msgpack, and nothing but what frames hold.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import { decodeRow, encodeRow, type Cell } from "../../src/wire/row.ts";
import { seed, seeded } from "./page-fixture.ts";

const ITEMS = 1024, TEXT = 70_000;
const edges = [0, 1, 15, 16, 31, 32, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];

const agree = (value: Cell): void => {
  const bytes = encodeRow(value);
  assert.deepEqual(bytes, encode(value), "bytes");
  assert.deepEqual(decodeRow(bytes, ITEMS, TEXT), decode(bytes), "value");
};

test("bytes and values are those of @msgpack/msgpack", () => {
  for (const value of [null, true, false, "", "ä€😀", ...edges]) agree(value);
  for (const n of edges.filter((n) => n <= 65_536)) {
    agree(new Uint8Array(n).fill(7));
    agree("x".repeat(n));
    if (n <= ITEMS) agree(Array.from({ length: n }, (_, i) => i));
  }
  const below = seeded(seed("rows"));
  const cell = (depth: number): Cell => {
    switch (below(depth < 3 ? 7 : 6)) {
      case 0: return null;
      case 1: return below(2) === 0;
      case 2: return edges[below(edges.length)]!;
      case 3: return below(2 ** 31);
      case 4: return "aé😀".repeat(below(40));
      case 5: return Uint8Array.from({ length: below(300) }, () => below(256));
      default: return Array.from({ length: below(20) }, () => cell(depth + 1));
    }
  };
  for (let i = 0; i < 500; i++) agree(cell(0));
});

test("what frames do not hold is refused", () => {
  const refused = (bytes: Uint8Array): void => assert.throws(() => decodeRow(bytes, 16, 16), RangeError, Buffer.from(bytes).toString("hex"));
  for (let tag = 0; tag < 256; tag++) {
    const known = tag < 0x80 || tag >= 0x90 && tag <= 0xc6 && tag !== 0xc1 || tag >= 0xcc && tag <= 0xcf || tag >= 0xd9 && tag <= 0xdd;
    if (!known) refused(Uint8Array.of(tag, ...new Array(16).fill(0)));
  }
  for (const value of [{}, -1, 0.5, new Date(0), [[[[]]]], "x".repeat(17), new Array(17).fill(0)]) refused(encode(value));
  refused(Uint8Array.of());
  refused(Uint8Array.of(0, 0));
  refused(Uint8Array.of(0xc6, 255, 255, 255, 255));
  refused(Uint8Array.of(0xc4, 2, 0));
  refused(Uint8Array.of(0xdd, 0, 0, 0, 2, 0));
  assert.throws(() => encodeRow(-1), TypeError);
  assert.throws(() => encodeRow(0.5), TypeError);
});

test("a length of four billion costs nothing, and bytes are views", () => {
  assert.throws(() => decodeRow(Uint8Array.of(0xdd, 255, 255, 255, 255), 2 ** 32, TEXT), RangeError);
  const bytes = encodeRow([new Uint8Array(100)]);
  const [view] = decodeRow(bytes, ITEMS, TEXT) as readonly Uint8Array[];
  assert.equal(view!.buffer, bytes.buffer);
});
