// The search in "What the relay sees" finds what is there: otherwise "found 0 times" would mean nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { found, hex, occurrences } from "../src/hex.ts";

test("hex shows every byte", () => {
  assert.equal(hex(Uint8Array.of(0, 10, 255, 3), 0, 3), "00 0a ff");
  assert.equal(hex(Uint8Array.of(7), 0, 16), "07");
});

test("plain text in an envelope is found, as UTF-8 and as UTF-16", () => {
  const utf8 = new TextEncoder().encode("xx the grüne key xx the grüne key");
  const utf16 = new Uint8Array(Buffer.from("?the grüne key", "utf16le"));
  assert.equal(found([utf8, utf16], "the grüne key"), 3);
  assert.equal(found([utf8, utf16], "the red key"), 0);
  assert.equal(occurrences(Uint8Array.of(1, 1, 1), Uint8Array.of(1, 1)), 2);
  assert.equal(occurrences(Uint8Array.of(1), Uint8Array.of()), 0);
});
