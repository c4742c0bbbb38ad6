// Register values: the same bytes and the same values as @msgpack/msgpack, within the limits of the format.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import { encodeValue, isWellFormed, MAX_VALUE, readForeign, ValueReader } from "../../src/core/value.ts";

const VALUES: readonly unknown[] = [
  null, true, false, 0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER,
  -1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, Number.MIN_SAFE_INTEGER, 0.5, -1.25e300, 2 ** 60,
  "", "a", "x".repeat(31), "x".repeat(32), "é".repeat(20), "x".repeat(255), "x".repeat(256), "😀", "x".repeat(60_000),
  [], [1, "two", null], new Array(16).fill(0), new Array(20_000).fill(7),
  new Uint8Array(0), Uint8Array.of(1, 255), new Uint8Array(255).fill(1), new Uint8Array(256), new Uint8Array(65_000), [{ bytes: new Uint8Array(3) }],
  {}, { a: 1, b: { c: [true] } }, Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])),
];

const decodeValue = (bytes: Uint8Array): unknown => new ValueReader().decode(bytes, 0);
const problem = (code: string) => (e: unknown): boolean => (e as { code?: string }).code === code;

test("bytes are those of @msgpack/msgpack", () => {
  for (const v of VALUES) assert.deepEqual(encodeValue(v).slice(), encode(v), JSON.stringify(v)?.slice(0, 60));
});

test("what it writes, either reads", () => {
  for (const v of VALUES) {
    const bytes = encodeValue(v).slice();
    assert.deepEqual(decodeValue(bytes), v);
    assert.deepEqual(decode(bytes), v);
  }
});

test("minus zero stays minus zero", () => {
  assert.ok(Object.is(decodeValue(encodeValue(-0).slice()), -0));
});

test("values are frozen to the bottom, and __proto__ is only a key", () => {
  const v = decodeValue(encodeValue({ a: [{ b: 1 }] }).slice()) as { a: readonly object[] };
  assert.ok(Object.isFrozen(v) && Object.isFrozen(v.a) && Object.isFrozen(v.a[0]));
  const hostile = decodeValue(encode(JSON.parse('{"__proto__": {"polluted": true}}'))) as Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(hostile), Object.prototype);
  assert.ok(Object.hasOwn(hostile, "__proto__"));
  assert.equal((hostile as { polluted?: unknown }).polluted, undefined);
});

test("bytes are a copy", () => {
  const encoded = encodeValue(Uint8Array.of(1, 2)).slice();
  const bytes = decodeValue(encoded) as Uint8Array;
  encoded.fill(9);
  assert.deepEqual(bytes, Uint8Array.of(1, 2));
});

test("what is no JSON is refused", () => {
  for (const v of [Number.NaN, Infinity, -Infinity, undefined, 1n, Symbol("x"), () => 1, new Date(), new Map(), new ArrayBuffer(1), [undefined], "\ud800", { "\udc00": 1 }]) {
    assert.throws(() => encodeValue(v), problem("invalid"), String(typeof v));
  }
  assert.deepEqual(encodeValue({ a: undefined, b: 1 }).slice(), encode({ b: 1 }));
});

test("limits: size and depth", () => {
  assert.throws(() => encodeValue("x".repeat(MAX_VALUE + 1)), problem("too-large"));
  assert.throws(() => encodeValue("é".repeat(40_000)), problem("too-large"));
  assert.throws(() => encodeValue(new Uint8Array(MAX_VALUE)), problem("too-large"));
  assert.throws(() => encodeValue(new Array(70_000).fill(1)), problem("too-large"));
  let deep: unknown = 1;
  for (let i = 0; i < 65; i++) deep = [deep];
  assert.throws(() => encodeValue(deep), problem("too-large"));
  assert.ok(encodeValue((deep as [unknown])[0]).length > 0);
});

test("well-formed strings", () => {
  for (const [s, good] of [["", true], ["a😀b", true], ["\ud83d", false], ["\ude00\ud83d", false], ["x\ude00", false]] as const) assert.equal(isWellFormed(s), good, JSON.stringify(s));
});

test("a map that nobody validated is read whole or not at all", () => {
  for (const v of VALUES) {
    const bytes = encodeValue({ v }).slice();
    assert.deepEqual(readForeign(bytes), { v });
    assert.throws(() => readForeign(Uint8Array.of(...bytes.subarray(0, 64), 0)), "bytes left over or another value");
  }
  const whole = encodeValue({ name: "Ann", at: [1, -2, 0.5], on: true, key: Uint8Array.of(1, 2) }).slice();
  for (let n = 0; n < whole.length; n++) assert.throws(() => readForeign(whole.subarray(0, n)), `${n} bytes of it`);
  for (const v of [null, 1, "x", [], Uint8Array.of(1)]) assert.throws(() => readForeign(encodeValue(v).slice()), RangeError, String(v));
});

test("what claims more than it has takes no memory", () => {
  const claims = [[0xdf, 0xff, 0xff, 0xff, 0xff], [0x81, 0xa1, 0x61, 0xdd, 0xff, 0xff, 0xff, 0xff], [0x81, 0xa1, 0x61, 0xdb, 0x7f, 0xff, 0xff, 0xff], [0x81, 0xa1, 0x61, 0xc6, 0x7f, 0xff, 0xff, 0xff]];
  for (const bytes of claims) assert.throws(() => readForeign(Uint8Array.from(bytes)), RangeError);
  const deep = new Uint8Array(1024).fill(0x91);
  deep[0] = 0x81;
  assert.throws(() => readForeign(deep), RangeError);
});
